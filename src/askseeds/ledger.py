"""The ledger: documents, passages and embeddings in one SQLite file. The truth of an index.

Every document row lives from one generation to another: `born` when it was written, `died` when a
newer version or a removal took its place. A reader looks at the published generation and sees
exactly the documents born at or before it and not yet dead, so a writer may be half way through
the next generation, or be killed there, and nobody notices. `publish` moves the number on in one
transaction; dead rows go in `purge`, after Chroma and Tantivy have forgotten them.
"""

import json
import sqlite3
import struct
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from askseeds.errors import IndexFault, IndexMissing, IndexTooNew, IndexUnwritable
from askseeds.sentences import Draft
from askseeds.types import Document, Heading, Passage, Span

SCHEMA_VERSION = 1
FILE_NAME = "ledger.sqlite"
_DISK_FULL = 13  # SQLITE_FULL
_READ_ONLY = 8  # SQLITE_READONLY
_CANNOT_OPEN = 14  # SQLITE_CANTOPEN
_IO_ERROR = 10  # SQLITE_IOERR; what a full disk gives while SQLite makes its shared memory

# Ids of passages are never used again (AUTOINCREMENT): an id that Chroma or Tantivy still holds
# for a dead passage then finds nothing, and never another passage.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    seen_ns INTEGER NOT NULL,
    born INTEGER NOT NULL,
    died INTEGER,
    characters INTEGER NOT NULL,
    title TEXT NOT NULL,
    page_starts TEXT NOT NULL,
    headings TEXT NOT NULL,
    text TEXT NOT NULL  -- last: SQLite reads a row from the front, and texts can be large
);
CREATE UNIQUE INDEX documents_alive ON documents (source) WHERE died IS NULL;
CREATE INDEX documents_dead ON documents (died) WHERE died IS NOT NULL;
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents (key) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    heading TEXT,
    page INTEGER,
    sentences BLOB NOT NULL,
    digest BLOB NOT NULL
);
CREATE INDEX passages_document ON passages (document);
CREATE INDEX passages_digest ON passages (digest);
CREATE TABLE embeddings (
    encoder TEXT NOT NULL,
    digest BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (digest, encoder)
) WITHOUT ROWID;
CREATE TABLE skipped (
    source TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL,
    failed INTEGER NOT NULL
) WITHOUT ROWID;
"""
_VISIBLE = "d.born <= :now AND (d.died IS NULL OR d.died > :now)"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells whether a file has changed: its size, times in nanoseconds, and its content.

    Attributes:
        seen_ns: When the content was read; a modification time too near to it proves nothing.
    """

    sha256: str
    size: int
    mtime_ns: int
    seen_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not in the index, with the reason, as it was when it was looked at.

    Attributes:
        failed: It should have been readable; False for a kind of file that is not read at all.
    """

    source: str
    size: int
    mtime_ns: int
    reason: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A passage with what Chroma and Tantivy need of it."""

    id: int
    title: str
    heading: str
    text: str
    digest: bytes


class Ledger:
    """One open ledger. Methods are safe to call from several threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._lock = threading.Lock()
        self._pinned: int | None = None
        # A row never changes once written, so a document may be kept; texts can be large.
        self._document_of = lru_cache(maxsize=32)(self._read_document)

    @classmethod
    def create(cls, folder: Path) -> "Ledger":
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
                    f"BEGIN; {_SCHEMA} INSERT INTO meta VALUES ('id', '{uuid.uuid4().hex}'); "
                    f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                )
        return cls._checked(connection, path)

    @classmethod
    def open(cls, folder: Path) -> "Ledger":
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
    def _checked(cls, connection: sqlite3.Connection, path: Path) -> "Ledger":
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
    def _transaction(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """One snapshot to read from, or one change that happens whole or not at all."""
        with self._lock, _wrapped(self._path):
            self._connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has rolled back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    # -- what is there ---------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The published generation; 0 before the first one."""
        return int(self._meta("generation") or 0)

    def pin(self, generation: int) -> None:
        """Shows this generation from now on, until it is pinned to another.

        A reader pins the one that its Chroma and Tantivy are at. What died since is still there:
        it is purged only after both have gone on.
        """
        self._pinned = generation

    @property
    def id(self) -> str:
        """Tells this ledger from every other."""
        return self._meta("id") or ""

    @property
    def fingerprint(self) -> str:
        """Of the settings that documents and passages were made with; empty before the first."""
        return self._meta("fingerprint") or ""

    @property
    def encoder(self) -> str:
        """Fingerprint of the encoder of the published generation."""
        return self._meta("encoder") or ""

    def _meta(self, key: str) -> str | None:
        with self._transaction() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _now(self, connection: sqlite3.Connection) -> dict[str, int]:
        if self._pinned is not None:
            return {"now": self._pinned}
        row = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
        return {"now": 0 if row is None else int(row[0])}

    def _read_document(self, key: int) -> Document:
        row = self._connection.execute(
            "SELECT id, source, title, text, page_starts, headings FROM documents WHERE key = ?",
            (key,),
        ).fetchone()
        id_, source, title, text, page_starts, headings = row
        return Document(
            id_,
            source,
            title,
            text,
            tuple(json.loads(page_starts)),
            tuple(Heading(*heading) for heading in json.loads(headings)),
        )

    def is_published(self, *, fingerprint: str, encoder: str) -> bool:
        """Whether there is a published generation, made with these settings and this encoder."""
        return self.generation > 0 and (self.fingerprint, self.encoder) == (fingerprint, encoder)

    def has_unpublished(self) -> bool:
        """Whether anything was written, or ended, since the published generation."""
        with self._transaction() as connection:
            return bool(
                connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM documents WHERE born > :now OR died > :now)",
                    self._now(connection),
                ).fetchone()[0]
            )

    def unpublished(self) -> frozenset[str]:
        """Sources of the documents that were written since the published generation."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT source FROM documents WHERE died IS NULL AND born > :now",
                self._now(connection),
            )
            return frozenset(row[0] for row in rows)

    def published(self) -> dict[str, str]:
        """The id of every published document, by source."""
        with self._transaction() as connection:
            return dict(
                connection.execute(
                    f"SELECT source, id FROM documents d WHERE {_VISIBLE}", self._now(connection)
                ).fetchall()
            )

    def stamps(self) -> dict[str, Stamp]:
        """The newest stamp of every document, published or not, by source."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT source, sha256, size, mtime_ns, seen_ns FROM documents WHERE died IS NULL"
            ).fetchall()
        return {source: Stamp(*rest) for source, *rest in rows}

    def skipped(self) -> dict[str, Skipped]:
        """The files that are not in the index, by source."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT source, size, mtime_ns, reason, failed FROM skipped ORDER BY source"
            )
            return {
                source: Skipped(source, size, mtime_ns, reason, failed=bool(failed))
                for source, size, mtime_ns, reason, failed in rows
            }

    def sources(self) -> tuple[str, ...]:
        """Sources of the published documents, sorted."""
        with self._transaction() as connection:
            rows = connection.execute(
                f"SELECT source FROM documents d WHERE {_VISIBLE} ORDER BY source",
                self._now(connection),
            )
            return tuple(row[0] for row in rows)

    def counts(self) -> dict[str, int]:
        """How many documents, passages and characters are published."""
        with self._transaction() as connection:
            now = self._now(connection)
            documents, characters = connection.execute(
                f"SELECT count(*), coalesce(sum(characters), 0) FROM documents d WHERE {_VISIBLE}",
                now,
            ).fetchone()
            (passages,) = connection.execute(
                "SELECT count(*) FROM passages p JOIN documents d ON d.key = p.document "
                f"WHERE {_VISIBLE}",
                now,
            ).fetchone()
        return {"documents": documents, "passages": passages, "characters": characters}

    def check(self) -> str | None:
        """What is wrong with the file, or None; reads all of it."""
        with self._transaction() as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return str(found)
            (outside,) = connection.execute(
                "SELECT count(*) FROM passages p JOIN documents d ON d.key = p.document "
                "WHERE p.start < 0 OR p.start >= p.end OR p.end > length(d.text)"
            ).fetchone()
        return f"{outside} passages lie outside their document" if outside else None

    def document(self, source: str) -> Document | None:
        """The published document of that source."""
        with self._transaction() as connection:
            row = connection.execute(
                f"SELECT key FROM documents d WHERE source = :source AND {_VISIBLE}",
                {"source": source} | self._now(connection),
            ).fetchone()
            return None if row is None else self._document_of(row[0])

    def passages(self, ids: Sequence[int]) -> dict[int, tuple[Passage, Document]]:
        """The published passages among `ids`, each with its document, in one snapshot."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT p.id, p.start, p.end, p.heading, p.page, p.sentences, d.key "
                "FROM passages p JOIN documents d ON d.key = p.document "
                f"WHERE p.id IN (SELECT value FROM json_each(:ids)) AND {_VISIBLE}",
                {"ids": json.dumps(list(ids))} | self._now(connection),
            ).fetchall()
            found: dict[int, tuple[Passage, Document]] = {}
            for id_, start, end, heading, page, sentences, key in rows:
                document = self._document_of(key)
                passage = Passage(id_, document.id, start, end, heading, page, _unpacked(sentences))
                found[id_] = (passage, document)
        return found

    def passage_ids(self, sources: Sequence[str]) -> tuple[int, ...]:
        """Ids of all published passages of these sources."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT p.id FROM passages p JOIN documents d ON d.key = p.document "
                f"WHERE d.source IN (SELECT value FROM json_each(:sources)) AND {_VISIBLE}",
                {"sources": json.dumps(list(sources))} | self._now(connection),
            )
            return tuple(row[0] for row in rows)

    # -- writing, by the one writer --------------------------------------------------------------

    def next_generation(self) -> int:
        """A number above every one used so far, in a killed run too."""
        with self._transaction() as connection:
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
        with self._transaction(write=True) as connection:
            self._bury(connection, document.source, generation)
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
                    (key, d.start, d.end, d.heading, d.page, _packed(d.sentences), digest)
                    for d, digest in drafts
                ],
            )

    def put_embeddings(
        self, encoder: str, vectors: Mapping[bytes, npt.NDArray[np.float32]]
    ) -> None:
        """Keeps embeddings, float32 [dim] by digest of the embedded text, in one transaction."""
        with self._transaction(write=True) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO embeddings (encoder, digest, vector) VALUES (?, ?, ?)",
                [
                    (encoder, digest, vector.astype("<f4").tobytes())
                    for digest, vector in vectors.items()
                ],
            )

    def touch(self, source: str, stamp: Stamp) -> None:
        """Notes a new stamp for a document whose content is the same."""
        with self._transaction(write=True) as connection:
            connection.execute(
                "UPDATE documents SET size = ?, mtime_ns = ?, seen_ns = ? "
                "WHERE source = ? AND died IS NULL",
                (stamp.size, stamp.mtime_ns, stamp.seen_ns, source),
            )

    def remove(self, sources: Iterable[str], *, generation: int) -> None:
        """Lets documents end with this generation."""
        with self._transaction(write=True) as connection:
            for source in sources:
                self._bury(connection, source, generation)

    def skip(self, skipped: Iterable[Skipped]) -> None:
        """Replaces the list of files that are not in the index."""
        with self._transaction(write=True) as connection:
            connection.execute("DELETE FROM skipped")
            connection.executemany(
                "INSERT INTO skipped VALUES (?, ?, ?, ?, ?)",
                [(s.source, s.size, s.mtime_ns, s.reason, s.failed) for s in skipped],
            )

    def publish(self, generation: int, *, fingerprint: str, encoder: str) -> None:
        """Lets readers see the generation; embeddings by another encoder go."""
        changed = self.encoder not in ("", encoder)
        with self._transaction(write=True) as connection:
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
        with self._transaction(write=True) as connection:
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

    @staticmethod
    def _bury(connection: sqlite3.Connection, source: str, generation: int) -> None:
        connection.execute(
            "UPDATE documents SET died = ? WHERE source = ? AND died IS NULL", (generation, source)
        )

    # -- for what is derived ---------------------------------------------------------------------

    def known(self, encoder: str, digests: Sequence[bytes]) -> set[bytes]:
        """Which of the digests have an embedding by that encoder."""
        found: set[bytes] = set()
        with self._transaction() as connection:
            for batch in _batched(digests, 500):
                marks = ",".join("?" * len(batch))
                found.update(
                    row[0]
                    for row in connection.execute(
                        f"SELECT digest FROM embeddings WHERE encoder = ? AND digest IN ({marks})",
                        (encoder, *batch),
                    )
                )
        return found

    def vectors(self, encoder: str, digests: Sequence[bytes]) -> npt.NDArray[np.float32]:
        """Embeddings in the order of the digests, float32 [n, dim], unit length.

        Raises:
            IndexFault: One is missing.
        """
        found: dict[bytes, bytes] = {}
        with self._transaction() as connection:
            for batch in _batched(digests, 500):
                marks = ",".join("?" * len(batch))
                found.update(
                    connection.execute(
                        "SELECT digest, vector FROM embeddings "
                        f"WHERE encoder = ? AND digest IN ({marks})",
                        (encoder, *batch),
                    ).fetchall()
                )
        try:
            rows = [np.frombuffer(found[digest], dtype="<f4") for digest in digests]
        except KeyError:
            raise IndexFault(
                f"{self._path} lacks an embedding; run `askseeds index --rebuild`"
            ) from None
        return np.stack(rows).astype(np.float32, copy=False)

    def rows_since(self, generation: int, *, batch: int = 1_000) -> Iterator[list[Row]]:
        """Published passages of documents born after a generation, at least `batch` at a time."""
        with self._transaction() as connection:
            keys = connection.execute(
                f"SELECT key FROM documents d WHERE born > :since AND {_VISIBLE} ORDER BY key",
                {"since": generation} | self._now(connection),
            ).fetchall()
        rows: list[Row] = []
        for (key,) in keys:
            with self._transaction() as connection:
                title, text = connection.execute(
                    "SELECT title, text FROM documents WHERE key = ?", (key,)
                ).fetchone()
                passages = connection.execute(
                    "SELECT id, start, end, heading, digest FROM passages "
                    "WHERE document = ? ORDER BY id",
                    (key,),
                ).fetchall()
            rows += [
                Row(id_, title, heading or "", text[start:end], digest)
                for id_, start, end, heading, digest in passages
            ]
            if len(rows) >= batch:
                yield rows
                rows = []
        if rows:
            yield rows

    def dead_ids(self) -> tuple[int, ...]:
        """Ids of passages that the published generation no longer has and no purge has removed."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT p.id FROM passages p JOIN documents d ON d.key = p.document "
                "WHERE d.died <= :now",
                self._now(connection),
            )
            return tuple(row[0] for row in rows)


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


def _packed(spans: Sequence[Span]) -> bytes:
    return struct.pack(f"<{2 * len(spans)}I", *(offset for span in spans for offset in span))


def _unpacked(data: bytes) -> tuple[Span, ...]:
    return tuple(struct.iter_unpack("<2I", data))


def _batched(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
