"""Chroma and Tantivy, made from the ledger: opened, and brought to its published generation."""

from collections.abc import Sequence
from pathlib import Path

from askseeds import models
from askseeds.config import Settings
from askseeds.errors import ModelError
from askseeds.ledger import Ledger, LedgerWriter, Row
from askseeds.lock import writer
from askseeds.types import Progress
from askseeds.vectors import ChromaVectors
from askseeds.words import TantivyWords


def repair(settings: Settings, *, progress: Progress | None = None) -> None:
    """Lets Chroma and Tantivy follow the ledger, without a look at the seeds.

    Raises:
        IndexFault: There is no index, another process is writing it, or it cannot be written.
        ModelError: The index was made with another encoder than the configured one.
    """
    Ledger.open(settings.index).close()
    with writer(settings.index):
        ledger = LedgerWriter.create(settings.index)
        try:
            export = models.find_export(settings.encoder, settings.index / "encoder")
            if export is None or export.fingerprint != ledger.encoder:
                raise ModelError(
                    f"{settings.index} was not made with the configured encoder; "
                    "run `askseeds index`"
                )
            derive(settings.index, ledger, export, progress)
        finally:
            ledger.close()


def derive(
    index: Path, ledger: LedgerWriter, export: models.Export, progress: Progress | None
) -> None:
    """Brings index/vectors and index/words to the ledger's published generation.

    Only what is missing is added, from the ledger; nothing is embedded. Call it as the writer.
    """
    generation = ledger.generation
    passages_now = ledger.counts()["passages"]
    vectors = open_vectors(index, export, ledger, writable=True)
    words = open_words(index, ledger, writable=True)

    def add_vectors(rows: Sequence[Row]) -> None:
        stored = ledger.vectors(export.fingerprint, [row.digest for row in rows])
        vectors.add([row.id for row in rows], stored)

    def add_words(rows: Sequence[Row]) -> None:
        words.add([(row.id, row.title, row.heading or None, row.text) for row in rows])

    # Words come last: a reader that sees them at a generation finds the vectors there too.
    for name, part, add in (("vectors", vectors, add_vectors), ("words", words, add_words)):
        try:
            for attempt in range(2):
                if part.generation == generation and part.count() == passages_now:
                    break
                since = part.generation
                if since < 0 or since > generation or attempt == 1:
                    part.clear()
                    since = -1
                done = 0
                for rows in ledger.rows_since(since):
                    add(rows)
                    done += len(rows)
                    if progress:
                        progress(f"writing {name}", done, max(done, passages_now))
                part.remove(ledger.dead_ids())
                part.commit(generation)
        finally:
            part.close()
    ledger.purge()


def open_vectors(
    index: Path, export: models.Export, ledger: Ledger, *, writable: bool
) -> ChromaVectors:
    """Opens index/vectors, made from this ledger for this encoder."""
    return ChromaVectors.open(
        index / "vectors",
        dimension=export.dimension,
        made_from=f"{ledger.id} {export.fingerprint}",
        writable=writable,
    )


def open_words(index: Path, ledger: Ledger, *, writable: bool) -> TantivyWords:
    """Opens index/words, made from this ledger."""
    return TantivyWords.open(index / "words", made_from=ledger.id, writable=writable)
