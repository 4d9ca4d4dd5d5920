"""The file of a ledger: opened for reading or for writing, then used in transactions.

Whatever SQLite says against it becomes one of our errors here.
"""

import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from askseeds.errors import IndexFault, IndexMissing, IndexTooNew, IndexUnwritable
from askseeds.ledger.rows import SCHEMA, SCHEMA_VERSION

FILE_NAME = "ledger.sqlite"
_DISK_FULL = 13  # SQLITE_FULL
_READ_ONLY = 8  # SQLITE_READONLY
_CANNOT_OPEN = 14  # SQLITE_CANTOPEN
_IO_ERROR = 10  # SQLITE_IOERR; what a full disk gives while SQLite makes its shared memory


class LedgerFile:
    """One open file. Methods are safe to call from several threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use `create` or `open`."""
        self.path = path
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Opens the ledger for writing, and makes it where there is none.

        Raises:
            IndexFault: The file is damaged, of a newer version, or cannot be written.
        """
        path = folder / FILE_NAME
        with _wrapped(path):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise IndexUnwritable(
                    f"{folder} cannot be made: {error.strerror}; choose another with --index"
                ) from error
            connection = sqlite3.connect(
                path, timeout=30, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing in this mode; a power cut at most the last documents,
            # which the next run reads again.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                # The id tells this ledger from one made later in the same place, whose
                # generations and passage ids begin again.
                connection.executescript(
                    f"BEGIN; {SCHEMA} INSERT INTO meta VALUES ('id', '{uuid.uuid4().hex}'); "
                    f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                )
        return cls._checked(connection, path)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens an existing ledger for reading.

        Raises:
            IndexMissing: There is none.
            IndexFault: The file is damaged or of a newer version.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            raise IndexMissing(f"{folder} holds no index; run `askseeds index` first")
        with _wrapped(path):
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro",
                uri=True,
                timeout=30,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                connection.close()
                log = path.with_name(f"{path.name}-wal")
                if error.sqlite_errorcode & 0xFF not in (_CANNOT_OPEN, _READ_ONLY) or (
                    log.exists() and log.stat().st_size
                ):
                    raise
                # A folder that may not be written has no room for the shared-memory file of a
                # reader. Without a log, whose changes would be passed over, the file is whole.
                connection = sqlite3.connect(
                    f"{path.absolute().as_uri()}?immutable=1",
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                )
        return cls._checked(connection, path)

    @classmethod
    def _checked(cls, connection: sqlite3.Connection, path: Path) -> Self:
        with _wrapped(path):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            connection.close()
        if version > SCHEMA_VERSION:
            raise IndexTooNew(
                f"{path} was written by a newer askseeds (format {version}, this one reads "
                f"{SCHEMA_VERSION}); upgrade, or choose another folder with --index"
            )
        if version < 1:
            raise IndexMissing(f"{path} holds no index yet; run `askseeds index` first")
        return cls(connection, path)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """One snapshot to read from, or one change that happens whole or not at all."""
        with self._lock, _wrapped(self.path):
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has rolled back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextmanager
def _wrapped(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (_DISK_FULL, _IO_ERROR):
            what = "the disk is full" if code == _DISK_FULL else "the disk is full or failing"
            raise IndexUnwritable(
                f"{path}: {what}; free some space and run `askseeds index` again, "
                "it goes on where it stopped"
            ) from error
        if code == _READ_ONLY or "unable to open" in str(error):
            raise IndexUnwritable(
                f"{path} cannot be written; make the folder writable or choose another with --index"
            ) from error
        raise IndexFault(
            f"{path} cannot be used ({error}); run `askseeds index --rebuild`"
        ) from error
