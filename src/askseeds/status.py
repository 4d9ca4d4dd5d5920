"""What is indexed, with what."""

from dataclasses import dataclass
from pathlib import Path

from askseeds import models, seeds
from askseeds.config import Settings
from askseeds.derived import open_vectors, open_words
from askseeds.errors import AskseedsError
from askseeds.ledger import Ledger, Skipped
from askseeds.sync import max_bytes


@dataclass(frozen=True, slots=True)
class Status:
    """The state of an index.

    Attributes:
        megabytes: All that is in the index folder, in units of 10^6 bytes.
        vectors: How far index/vectors is, in words; `words` likewise.
        changed: Files that are new or may have changed since the index was made.
        removed: Documents whose file is gone since.
    """

    seeds: str
    index: str
    generation: int
    megabytes: float
    documents: int
    passages: int
    characters: int
    encoder: str
    precision: str
    reranker: str
    vectors: str
    words: str
    changed: int
    removed: int
    sources: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def inspect(settings: Settings) -> Status:
    """Looks at an index; changes nothing.

    Raises:
        IndexFault: There is none, or it cannot be read.
    """
    ledger = Ledger.open(settings.index)
    try:
        export = models.find_export(settings.encoder, settings.index / "encoder")
        generation = ledger.generation
        counts = ledger.counts()
        words = open_words(settings.index, ledger, writable=False)
        words_text = _engine_text("Tantivy", words.generation, words.count(), generation)
        words.close()
        vectors_text = "no encoder"
        if export is not None:
            vectors = open_vectors(settings.index, export, ledger, writable=False)
            vectors_text = _engine_text("Chroma", vectors.generation, vectors.count(), generation)
            vectors.close()
        try:
            known = ledger.stamps()
            changes = seeds.compare(
                seeds.scan(settings.seeds),
                known,
                ledger.skipped(),
                max_bytes=max_bytes(settings),
            )
            # Where a run ended before it published, part of the work is done but not yet seen.
            read = set(ledger.unpublished() - set(changes.removed)) | set(changes.read)
            ended = ledger.published().keys() - known.keys() - read
            removed = ended | (ledger.published().keys() & set(changes.removed))
        except AskseedsError:
            read, removed = set(), set(ledger.sources())
        return Status(
            seeds=str(settings.seeds),
            index=str(settings.index),
            generation=generation,
            megabytes=sum(map(_size, settings.index.rglob("*"))) / 1e6,
            documents=counts["documents"],
            passages=counts["passages"],
            characters=counts["characters"],
            encoder=export.name if export else "none",
            precision=export.precision if export else "none",
            reranker=models.RERANKER_NAME,
            vectors=vectors_text,
            words=words_text,
            changed=len(read),
            removed=len(removed),
            sources=ledger.sources(),
            skipped=tuple(ledger.skipped().values()),
        )
    finally:
        ledger.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # a writer has replaced it meanwhile
        return 0


def _engine_text(name: str, generation: int, count: int, wanted: int) -> str:
    if generation == wanted:
        return f"{name}, {count:,} passage{'' if count == 1 else 's'}"
    return f"{name}, behind; made from the ledger when next needed"
