"""Nearest passages by meaning: Chroma, behind a small protocol. Derived from the ledger.

Published in snapshots, as described in `snapshots`.
"""

import shutil
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from askseeds.snapshots import Damaged, Published, Snapshot, Snapshots, View

_COLLECTION = "passages"
_TENANT, _DATABASE = "default_tenant", "default_database"
_BATCH = 5_000
_EXACT = 1_000
_HNSW = {
    "space": "cosine",
    # At 100,000 clustered vectors of 384: recall@40 0.998, 1.3 ms a query, 2,100 added a second.
    # 32 neighbours and ef_construction 200: 0.999, and slower to build and to search.
    "max_neighbors": 16,
    "ef_construction": 100,
    "ef_search": 100,
    # Every batch goes to the graph on disk. What is left in the log, Chroma puts into the graph
    # again at each start, at 0.2 ms a passage; and see chroma #6975.
    "sync_threshold": 2,
    "batch_size": 2,
}


class VectorIndex(Protocol):
    """What the rest of askseeds needs of a vector engine.

    `generation`, `count` and `search` speak of what was committed when it was opened, or by
    itself since. Reading is safe from several threads; writing is for one.
    """

    @property
    def generation(self) -> int:
        """Of the ledger, when this was committed; -1 when it has to be built anew."""

    def count(self) -> int:
        """Number of passages."""

    def add(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Adds or replaces. `vectors`: float32 [n, dimension]."""

    def remove(self, ids: Sequence[int]) -> None:
        """Removes; ids that are not there are passed over."""

    def clear(self) -> None:
        """Removes everything."""

    def commit(self, generation: int) -> None:
        """Makes all changes durable and visible, at once."""

    def search(
        self, vector: NDArray[np.float32], limit: int, *, within: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Nearest passages as `(id, cosine similarity)`, best first; `within`: only these ids."""

    def close(self) -> None:
        """Lets go of files; what was not committed is dropped."""


class ChromaVectors(Published["_Reader"]):
    """A `VectorIndex` on embedded Chroma. The caller sees to it that there is one writer."""

    def __init__(self, snapshots: Snapshots, *, dimension: int, writable: bool) -> None:
        """Use `open`."""
        super().__init__(snapshots, _read, writable=writable)
        # Chroma keeps what was removed in its graph. Grown too much, it is built anew;
        # until that is committed, readers go on with the old.
        if self._base is not None and _overgrown(self._base):
            self._published = self._base = None
        self._dimension = dimension
        self._draft: _Draft | None = None
        self._pending: dict[int, NDArray[np.float32] | None] = {}

    @classmethod
    def open(cls, folder: Path, *, dimension: int, made_from: str, writable: bool = False) -> Self:
        """Opens what is there. Damaged or foreign data counts as none; a writer deletes it.

        Args:
            folder: Where it is.
            dimension: Of the vectors.
            made_from: Names the ledger and the encoder that the vectors come from.
            writable: For the one writer.

        Raises:
            IndexUnwritable: `writable`, and the folder cannot be made or written to.
        """
        made_with: dict[str, str | int] = {
            "engine": "chroma",
            "dimension": dimension,
            "made_from": made_from,
        }
        return cls(Snapshots(folder, made_with), dimension=dimension, writable=writable)

    def search(
        self, vector: NDArray[np.float32], limit: int, *, within: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Finds the nearest passages.

        Args:
            vector: float32 [dimension].
            limit: At most so many.
            within: Only among these ids; any that are not there are passed over. Exact, and 0.06
                ms an id, up to 1,000 ids; from there on as good as without it.

        Returns:
            `(id, cosine similarity)`, best first.
        """
        if vector.shape != (self._dimension,) or not np.isfinite(vector).all():
            raise ValueError(f"not a vector of {self._dimension} finite numbers: {vector.shape}")
        published = self._published
        if published is None or limit < 1 or published[0].count == 0:
            return []
        snapshot, reader = published
        query = vector.astype(np.float32, copy=False)
        if within is None:
            return _best(*reader.nearest(query, min(limit, snapshot.count)), limit)
        wanted = list(dict.fromkeys(within))
        if not wanted:
            return []
        if len(wanted) <= _EXACT:
            return _best(*_similarities(reader, query, wanted), limit)
        # Chroma's own filter takes 100 ms and more, and fails on ids that it does not have.
        members, asked = set(wanted), 0
        while asked < snapshot.count:
            asked = min(max(4 * asked, 2 * limit * snapshot.count // len(wanted)), snapshot.count)
            ids, similarities = reader.nearest(query, asked)
            chosen = np.fromiter((id_ in members for id_ in ids.tolist()), bool, len(ids))
            if chosen.sum() >= limit:
                break
        return _best(ids[chosen], similarities[chosen], limit)

    def add(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Adds or replaces. `vectors`: float32 [n, dimension]."""
        if vectors.shape != (len(ids), self._dimension):
            raise ValueError(f"{len(ids)} ids of dimension {self._dimension}: {vectors.shape}")
        for id_, vector in zip(ids, vectors.astype(np.float32), strict=True):
            self._change(id_, vector)

    def remove(self, ids: Sequence[int]) -> None:
        """Removes; ids that are not there are passed over."""
        for id_ in ids:
            self._change(id_, None)

    def commit(self, generation: int) -> None:
        """Makes all changes durable and visible, at once. Without any, only the marker is written.

        Raises:
            IndexUnwritable: Nothing has changed; the uncommitted changes are dropped.
        """
        self._must_be_writable()
        with self._undone_on_failure():
            if self._base is not None and self._draft is None and not self._pending:
                path, count, removed = self._base.path, self._base.count, self._base.removed
            else:
                draft = self._flush()
                path, removed = draft.path, draft.removed
                count = draft.close()
            if self._published and path == self._published[0].path:
                reader = self._published[1]
            else:
                reader = _read(path)
            if reader.count() != count:
                raise Damaged(f"Chroma kept {reader.count()} of {count} passages")
            self._publish(path, reader, generation=generation, removed=removed)
        self._draft = None

    def _change(self, id_: int, vector: NDArray[np.float32] | None) -> None:
        self._must_be_writable()
        self._pending[id_] = vector
        if len(self._pending) >= _BATCH:
            with self._undone_on_failure():
                self._flush()

    def _flush(self) -> "_Draft":
        if self._draft is None:
            self._draft = _Draft(self._snapshots.draft(self._base), self._base)
        self._draft.write(self._pending)
        self._pending = {}
        return self._draft

    def _abandon(self) -> None:
        self._pending = {}
        if self._draft is not None:
            self._draft.discard()
            self._draft = None


class _Draft:
    """Chroma on a copy that nobody else sees, through its public client."""

    def __init__(self, path: Path, base: Snapshot | None) -> None:
        # Only here: the import takes half a second, and most questions change nothing.
        import chromadb
        from chromadb.config import Settings

        self.path = path
        self.removed = base.removed if base else 0
        settings = Settings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(str(path), settings=settings)
        self._batch = min(_BATCH, self._client.get_max_batch_size())
        if base is None:
            self._collection = self._client.create_collection(
                _COLLECTION, embedding_function=None, configuration={"hnsw": _HNSW}
            )
        else:
            self._collection = self._client.get_collection(_COLLECTION, embedding_function=None)

    def write(self, changes: Mapping[int, NDArray[np.float32] | None]) -> None:
        gone = [str(id_) for id_, vector in changes.items() if vector is None]
        kept = [(str(id_), vector) for id_, vector in changes.items() if vector is not None]
        for i in range(0, len(gone), self._batch):
            self._collection.delete(ids=gone[i : i + self._batch])
        self.removed += len(gone)
        for i in range(0, len(kept), self._batch):
            ids, vectors = zip(*kept[i : i + self._batch], strict=True)
            self._collection.upsert(ids=list(ids), embeddings=np.stack(vectors))
        if len(changes) == 1 and kept:
            # One record alone stays in Chroma's log, and every reader would write it to the files.
            self._collection.upsert(ids=[kept[0][0]], embeddings=[kept[0][1]])

    def close(self) -> int:
        count = int(self._collection.count())
        self._client.close()
        return count

    def discard(self) -> None:
        try:
            self._client.close()
        finally:
            shutil.rmtree(self.path, ignore_errors=True)


Found = tuple[NDArray[np.int64], NDArray[np.float32]]


class _Reader(Protocol):
    def count(self) -> int: ...

    def nearest(self, vector: NDArray[np.float32], limit: int) -> Found: ...

    def vectors(self, ids: Sequence[int]) -> Found:
        """Those of `ids` that are there, int64 [n], and their vectors, float32 [n, dimension]."""


def _best(
    ids: NDArray[np.int64], similarities: NDArray[np.float32], limit: int
) -> list[tuple[int, float]]:
    order = np.lexsort((ids, -similarities))[:limit]
    return list(zip(ids[order].tolist(), similarities[order].tolist(), strict=True))


def _similarities(reader: _Reader, query: NDArray[np.float32], wanted: Sequence[int]) -> Found:
    ids, vectors = reader.vectors(wanted)
    if len(ids) == 0:
        return ids, np.empty(0, dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    return ids, (vectors @ query / np.maximum(lengths, 1e-12)).astype(np.float32)


def _read(path: Path) -> _Reader:
    """Opens a snapshot to read, and asks it something, so that damage shows now.

    Raises:
        Damaged: Chroma cannot make sense of it.
    """
    view = View(path)
    try:
        try:
            return _EngineReader(view)
        except (ImportError, AttributeError, TypeError):  # a Chroma with another engine interface
            return _ClientReader(view)
    except Exception as error:
        raise Damaged(str(error)) from error


class _EngineReader:
    """Chroma's engine without its Python client: 0.1 s and 50 MB to start, not 0.7 s and 105 MB.

    The client imports an HTTP client, gRPC and OpenTelemetry that embedded use never touches.
    The engine comes in the same wheel; `_ClientReader` steps in should its interface change.
    """

    def __init__(self, view: View) -> None:
        import chromadb_rust_bindings as engine  # type: ignore[import-untyped]

        self._view = view
        self._bindings = engine.Bindings(
            allow_reset=False,
            sqlite_db_config=engine.SqliteDBConfig(
                url=str(view.data / "chroma.sqlite3"),
                hash_type=engine.MigrationHash.MD5,
                migration_mode=engine.MigrationMode.Validate,
            ),
            persist_path=str(view.data),
            hnsw_cache_size=16,
        )
        collection = self._bindings.get_collection(_COLLECTION, _TENANT, _DATABASE)
        self._collection = str(collection.id)
        if self.count():
            self.nearest(np.zeros(collection.dimension, dtype=np.float32), 1)

    def count(self) -> int:
        return int(self._bindings.count(self._collection, _TENANT, _DATABASE))

    def nearest(self, vector: NDArray[np.float32], limit: int) -> Found:
        found = self._bindings.query(
            self._collection,
            None,
            [vector],
            limit,
            None,
            None,
            ["distances"],
            _TENANT,
            _DATABASE,
        )
        return _found(found.ids[0], found.distances[0])

    def vectors(self, ids: Sequence[int]) -> Found:
        found = self._bindings.get(
            self._collection,
            [str(id_) for id_ in ids],
            None,
            None,
            0,
            None,
            ["embeddings"],
            _TENANT,
            _DATABASE,
        )
        return _stored(found.ids, found.embeddings)


class _ClientReader:
    """Chroma's public client."""

    def __init__(self, view: View) -> None:
        import chromadb
        from chromadb.config import Settings

        self._view = view
        settings = Settings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(str(view.data), settings=settings)
        weakref.finalize(self, client.close)
        self._collection = client.get_collection(_COLLECTION, embedding_function=None)
        self.count()

    def count(self) -> int:
        return int(self._collection.count())

    def nearest(self, vector: NDArray[np.float32], limit: int) -> Found:
        found = self._collection.query(
            query_embeddings=[vector], n_results=limit, include=["distances"]
        )
        return _found(found["ids"][0], found["distances"][0])

    def vectors(self, ids: Sequence[int]) -> Found:
        found = self._collection.get(ids=[str(id_) for id_ in ids], include=["embeddings"])
        return _stored(found["ids"], found["embeddings"])


def _found(ids: Sequence[str], distances: Sequence[float]) -> Found:
    return np.array(ids, dtype=np.int64), 1 - np.array(distances, dtype=np.float32)


def _stored(ids: Sequence[str], vectors: Sequence[Sequence[float]]) -> Found:
    rows = np.asarray(vectors, dtype=np.float32).reshape(len(ids), -1 if len(ids) else 0)
    return np.array(ids, dtype=np.int64), rows


def _overgrown(snapshot: Snapshot) -> bool:
    return snapshot.removed > 2 * snapshot.count + 1_000
