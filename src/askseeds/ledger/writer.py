"""What only the one writer does to a ledger; who holds a `Ledger` alone cannot."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from askseeds.ledger.file import LedgerFile
from askseeds.ledger.reader import Ledger
from askseeds.ledger.rows import Skipped, Stamp, packed
from askseeds.sentences import Draft
from askseeds.types import Document


class LedgerWriter(Ledger):
    """One open ledger, to read and to write. The caller sees to it that there is one writer."""

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Opens the ledger for writing, and makes it where there is none.

        Raises:
            IndexFault: See `LedgerFile.create`.
        """
        return cls(LedgerFile.create(folder))

    def next_generation(self) -> int:
        """A number above every one used so far, in a killed run too."""
        with self._file.transaction() as connection:
            (last,) = connection.execute(
                "SELECT max(coalesce(max(born), 0), coalesce(max(died), 0)) FROM documents"
            ).fetchone()
        return max(int(last), self.generation) + 1

    def put(
        self,
        document: Document,
        stamp: Stamp,
        drafts: Sequence[tuple[Draft, bytes]],
        *,
        generation: int,
    ) -> None:
        """Writes one document and its passages, in one transaction.

        Args:
            document: What was read; it takes the place of an older version of the same source.
            stamp: Of the file, when it was read.
            drafts: Each passage with the digest of its embedded text.
            generation: The one being written, not yet published.
        """
        with self._file.transaction(write=True) as connection:
            _bury(connection, document.source, generation)
            connection.execute("DELETE FROM skipped WHERE source = ?", (document.source,))
            key = connection.execute(
                "INSERT INTO documents (id, source, sha256, size, mtime_ns, seen_ns, born, "
                "characters, title, page_starts, headings, text) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.id,
                    document.source,
                    stamp.sha256,
                    stamp.size,
                    stamp.mtime_ns,
                    stamp.seen_ns,
                    generation,
                    len(document.text),
                    document.title,
                    json.dumps(document.page_starts),
                    json.dumps([(h.start, h.end, h.level) for h in document.headings]),
                    document.text,
                ),
            ).lastrowid
            connection.executemany(
                "INSERT INTO passages (document, start, end, heading, page, sentences, digest) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (key, d.start, d.end, d.heading, d.page, packed(d.sentences), digest)
                    for d, digest in drafts
                ],
            )

    def put_embeddings(
        self, encoder: str, vectors: Mapping[bytes, npt.NDArray[np.float32]]
    ) -> None:
        """Keeps embeddings, float32 [dim] by digest of the embedded text, in one transaction."""
        with self._file.transaction(write=True) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO embeddings (encoder, digest, vector) VALUES (?, ?, ?)",
                [
                    (encoder, digest, vector.astype("<f4").tobytes())
                    for digest, vector in vectors.items()
                ],
            )

    def touch(self, source: str, stamp: Stamp) -> None:
        """Notes a new stamp for a document whose content is the same."""
        with self._file.transaction(write=True) as connection:
            connection.execute(
                "UPDATE documents SET size = ?, mtime_ns = ?, seen_ns = ? "
                "WHERE source = ? AND died IS NULL",
                (stamp.size, stamp.mtime_ns, stamp.seen_ns, source),
            )

    def remove(self, sources: Iterable[str], *, generation: int) -> None:
        """Lets documents end with this generation."""
        with self._file.transaction(write=True) as connection:
            for source in sources:
                _bury(connection, source, generation)

    def skip(self, skipped: Iterable[Skipped]) -> None:
        """Replaces the list of files that are not in the index."""
        with self._file.transaction(write=True) as connection:
            connection.execute("DELETE FROM skipped")
            connection.executemany(
                "INSERT INTO skipped VALUES (?, ?, ?, ?, ?)",
                [(s.source, s.size, s.mtime_ns, s.reason, s.failed) for s in skipped],
            )

    def publish(self, generation: int, *, fingerprint: str, encoder: str) -> None:
        """Lets readers see the generation; embeddings by another encoder go."""
        changed = self.encoder not in ("", encoder)
        with self._file.transaction(write=True) as connection:
            if changed:
                connection.execute("DELETE FROM embeddings WHERE encoder <> ?", (encoder,))
            connection.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [
                    ("generation", str(generation)),
                    ("fingerprint", fingerprint),
                    ("encoder", encoder),
                ],
            )

    def purge(self) -> None:
        """Deletes what died, and embeddings that no passage needs any more.

        Only after Chroma and Tantivy are at the published generation.
        """
        with self._file.transaction(write=True) as connection:
            now = self._now(connection)
            dying = connection.execute(
                "SELECT DISTINCT p.digest FROM passages p JOIN documents d ON d.key = p.document "
                "WHERE d.died <= :now",
                now,
            ).fetchall()
            connection.execute("DELETE FROM documents WHERE died <= :now", now)
            connection.executemany(
                "DELETE FROM embeddings WHERE digest = :digest "
                "AND NOT EXISTS (SELECT 1 FROM passages WHERE digest = :digest)",
                [{"digest": digest} for (digest,) in dying],
            )


def _bury(connection: sqlite3.Connection, source: str, generation: int) -> None:
    connection.execute(
        "UPDATE documents SET died = ? WHERE source = ? AND died IS NULL", (generation, source)
    )
