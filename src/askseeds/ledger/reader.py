"""What a ledger tells: what is published, and how far the writer is beyond that."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from askseeds.errors import IndexFault
from askseeds.ledger.file import LedgerFile
from askseeds.ledger.rows import Row, Skipped, Stamp, unpacked
from askseeds.types import Document, Heading, Passage

_VISIBLE = "d.born <= :now AND (d.died IS NULL OR d.died > :now)"


class Ledger:
    """One open ledger, to read. Methods are safe to call from several threads."""

    def __init__(self, file: LedgerFile) -> None:
        """Use `open`."""
        self._file = file
        self._pinned: int | None = None
        # A row never changes once written, so a document may be kept; texts can be large.
        self._document_of = lru_cache(maxsize=32)(_document)

    @staticmethod
    def open(folder: Path) -> "Ledger":
        """Opens an existing ledger for reading.

        Raises:
            IndexMissing: There is none.
            IndexFault: See `LedgerFile.open`.
        """
        return Ledger(LedgerFile.open(folder))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

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
        with self._file.transaction() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _now(self, connection: sqlite3.Connection) -> dict[str, int]:
        if self._pinned is not None:
            return {"now": self._pinned}
        row = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
        return {"now": 0 if row is None else int(row[0])}

    def is_published(self, *, fingerprint: str, encoder: str) -> bool:
        """Whether there is a published generation, made with these settings and this encoder."""
        return self.generation > 0 and (self.fingerprint, self.encoder) == (fingerprint, encoder)

    def has_unpublished(self) -> bool:
        """Whether anything was written, or ended, since the published generation."""
        with self._file.transaction() as connection:
            return bool(
                connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM documents WHERE born > :now OR died > :now)",
                    self._now(connection),
                ).fetchone()[0]
            )

    def unpublished(self) -> frozenset[str]:
        """Sources of the documents that were written since the published generation."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT source FROM documents WHERE died IS NULL AND born > :now",
                self._now(connection),
            )
            return frozenset(row[0] for row in rows)

    def published(self) -> dict[str, str]:
        """The id of every published document, by source."""
        with self._file.transaction() as connection:
            return dict(
                connection.execute(
                    f"SELECT source, id FROM documents d WHERE {_VISIBLE}", self._now(connection)
                ).fetchall()
            )

    def stamps(self) -> dict[str, Stamp]:
        """The newest stamp of every document, published or not, by source."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT source, sha256, size, mtime_ns, seen_ns FROM documents WHERE died IS NULL"
            ).fetchall()
        return {source: Stamp(*rest) for source, *rest in rows}

    def skipped(self) -> dict[str, Skipped]:
        """The files that are not in the index, by source."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT source, size, mtime_ns, reason, failed FROM skipped ORDER BY source"
            )
            return {
                source: Skipped(source, size, mtime_ns, reason, failed=bool(failed))
                for source, size, mtime_ns, reason, failed in rows
            }

    def sources(self) -> tuple[str, ...]:
        """Sources of the published documents, sorted."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                f"SELECT source FROM documents d WHERE {_VISIBLE} ORDER BY source",
                self._now(connection),
            )
            return tuple(row[0] for row in rows)

    def counts(self) -> dict[str, int]:
        """How many documents, passages and characters are published."""
        with self._file.transaction() as connection:
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
        with self._file.transaction() as connection:
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
        with self._file.transaction() as connection:
            row = connection.execute(
                f"SELECT key FROM documents d WHERE source = :source AND {_VISIBLE}",
                {"source": source} | self._now(connection),
            ).fetchone()
            return None if row is None else self._document_of(connection, row[0])

    def passages(self, ids: Sequence[int]) -> dict[int, tuple[Passage, Document]]:
        """The published passages among `ids`, each with its document, in one snapshot."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT p.id, p.start, p.end, p.heading, p.page, p.sentences, d.key "
                "FROM passages p JOIN documents d ON d.key = p.document "
                f"WHERE p.id IN (SELECT value FROM json_each(:ids)) AND {_VISIBLE}",
                {"ids": json.dumps(list(ids))} | self._now(connection),
            ).fetchall()
            found: dict[int, tuple[Passage, Document]] = {}
            for id_, start, end, heading, page, sentences, key in rows:
                document = self._document_of(connection, key)
                passage = Passage(id_, document.id, start, end, heading, page, unpacked(sentences))
                found[id_] = (passage, document)
        return found

    def passage_ids(self, sources: Sequence[str]) -> tuple[int, ...]:
        """Ids of all published passages of these sources."""
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT p.id FROM passages p JOIN documents d ON d.key = p.document "
                f"WHERE d.source IN (SELECT value FROM json_each(:sources)) AND {_VISIBLE}",
                {"sources": json.dumps(list(sources))} | self._now(connection),
            )
            return tuple(row[0] for row in rows)

    # -- for what is derived ---------------------------------------------------------------------

    def known(self, encoder: str, digests: Sequence[bytes]) -> set[bytes]:
        """Which of the digests have an embedding by that encoder."""
        found: set[bytes] = set()
        with self._file.transaction() as connection:
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
        with self._file.transaction() as connection:
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
                f"{self._file.path} lacks an embedding; run `askseeds index --rebuild`"
            ) from None
        return np.stack(rows).astype(np.float32, copy=False)

    def rows_since(self, generation: int, *, batch: int = 1_000) -> Iterator[list[Row]]:
        """Published passages of documents born after a generation, at least `batch` at a time."""
        with self._file.transaction() as connection:
            keys = connection.execute(
                f"SELECT key FROM documents d WHERE born > :since AND {_VISIBLE} ORDER BY key",
                {"since": generation} | self._now(connection),
            ).fetchall()
        rows: list[Row] = []
        for (key,) in keys:
            with self._file.transaction() as connection:
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
        with self._file.transaction() as connection:
            rows = connection.execute(
                "SELECT p.id FROM passages p JOIN documents d ON d.key = p.document "
                "WHERE d.died <= :now",
                self._now(connection),
            )
            return tuple(row[0] for row in rows)


def _document(connection: sqlite3.Connection, key: int) -> Document:
    id_, source, title, text, page_starts, headings = connection.execute(
        "SELECT id, source, title, text, page_starts, headings FROM documents WHERE key = ?",
        (key,),
    ).fetchone()
    return Document(
        id_,
        source,
        title,
        text,
        tuple(json.loads(page_starts)),
        tuple(Heading(*heading) for heading in json.loads(headings)),
    )


def _batched(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
