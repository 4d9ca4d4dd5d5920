"""What is stored in a ledger: its tables, and what their rows are in Python."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from askseeds.types import Span

SCHEMA_VERSION = 1

# Page starts and headings are JSON, a heading as [start, end, level]; vectors are float32, little
# endian; sentences are `packed`.
# Ids of passages are never used again (AUTOINCREMENT): an id that Chroma or Tantivy still holds
# for a dead passage then finds nothing, and never another passage.
SCHEMA = """
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


def packed(spans: Sequence[Span]) -> bytes:
    """Spans as they are stored; `unpacked` gives them back."""
    return struct.pack(f"<{2 * len(spans)}I", *(offset for span in spans for offset in span))


def unpacked(data: bytes) -> tuple[Span, ...]:
    """The spans that were `packed`."""
    return tuple(struct.iter_unpack("<2I", data))
