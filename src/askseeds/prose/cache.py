"""What a language model said to a prompt, so that the same is not paid for twice."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from askseeds.prose.prompt import Said

FILE_NAME = "prose.sqlite"

ENTRIES = 2_000
"""Most that is kept, about 4 MB; what was used longest ago goes first."""


class Cache:
    """Kept in the index folder. Where it cannot be written or read, nothing is kept."""

    def __init__(self, index: Path, entries: int = ENTRIES) -> None:
        self._file = index / FILE_NAME
        self._entries = entries

    def get(self, key: str) -> Said | None:
        """What was said; None when it is not known."""
        with suppress(sqlite3.Error), self._open() as database:
            row = database.execute(
                "UPDATE said SET used = ? WHERE key = ? RETURNING text, tokens_in, tokens_out",
                (time.time(), key),
            ).fetchone()
            database.commit()
            return Said(row[0], row[1], row[2], cached=True) if row else None
        return None

    def keep(self, key: str, said: Said) -> None:
        """Remembers what was said."""
        with suppress(sqlite3.Error), self._open() as database:
            database.execute(
                "INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?, ?)",
                (key, said.text, said.tokens_in, said.tokens_out, time.time()),
            )
            database.execute(
                "DELETE FROM said WHERE key NOT IN "
                "(SELECT key FROM said ORDER BY used DESC LIMIT ?)",
                (self._entries,),
            )
            database.commit()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=1)) as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS said (key TEXT PRIMARY KEY, text TEXT NOT NULL, "
                "tokens_in INTEGER, tokens_out INTEGER, used REAL NOT NULL)"
            )
            yield database
