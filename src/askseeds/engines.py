"""Ledger, Chroma and Tantivy, all three at one generation, for as long as a program runs."""

import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from askseeds import models
from askseeds.config import Settings
from askseeds.derived import open_vectors, open_words, repair
from askseeds.errors import IndexFault, IndexLocked, IndexMissing
from askseeds.ledger import FILE_NAME, Ledger
from askseeds.retrieve import retrieve, within
from askseeds.spelling import respelled, words_of
from askseeds.types import Hit, Progress
from askseeds.vectors import ChromaVectors
from askseeds.words import TantivyWords

WRITER_WAIT_S = 30.0
"""How long a reader waits for a writer between two commits, seconds."""

LIKE_PASSAGES = 50
"""Passages that are looked through for the word that a misspelt one may stand for."""

FORMS_PASSAGES = 1_000
"""Passages that are looked through for a word itself, where they have its stem."""


@dataclass(frozen=True, slots=True)
class _Open:
    """Three open parts that agree, and the file that the ledger is."""

    ledger: Ledger
    vectors: ChromaVectors
    words: TantivyWords
    generation: int
    file: tuple[int, int] | None


class Engines:
    """Finds passages in the newest whole generation. Safe to use from several threads."""

    def __init__(self, settings: Settings, progress: Progress | None = None) -> None:
        """Opens the index; what is behind the ledger follows it first, or is waited for.

        Raises:
            IndexFault: There is no index, or it cannot be used.
        """
        self._settings = settings
        self._turning = threading.Lock()
        self._now = _opened(settings, progress)

    @property
    def ledger(self) -> Ledger:
        """The ledger, pinned to the newest whole generation."""
        return self._turned().ledger

    @property
    def version(self) -> tuple[object, int]:
        """Changes whenever what is found may change: which ledger, and its generation."""
        now = self._turned()
        return now.file, now.generation

    def find(
        self,
        query: str,
        vector: npt.NDArray[np.float32],
        *,
        limit: int,
        source: str | Collection[str] | None,
    ) -> tuple[Hit, ...]:
        """See `retrieve.retrieve`; all of it in one generation, while a writer goes on."""
        while True:
            now = self._turned()
            hits = retrieve(
                query,
                vector,
                ledger=now.ledger,
                vectors=now.vectors,
                words=now.words,
                limit=limit,
                source=source,
            )
            # The ledger forgets a generation only after the engines have left it, so if they are
            # where they were, nothing was lost between the search and the look-up.
            after = self._turned()
            if after is now:
                return hits

    def respelled(
        self,
        question: str,
        vocabulary: Mapping[str, int],
        *,
        source: str | Collection[str] | None,
    ) -> str:
        """A question without its slips, see `spelling`; in one generation, as `find`.

        Args:
            question: As it was asked.
            vocabulary: Words that the reranker has, to their rank.
            source: Only words of these documents are meant: what others say stays with them.
        """
        while True:
            now = self._turned()
            understood = respelled(question, _Lexicon(now.ledger, now.words, vocabulary, source))
            if self._turned() is now:
                return understood

    def close(self) -> None:
        """Closes all three."""
        for part in (self._now.words, self._now.vectors, self._now.ledger):
            part.close()

    def _turned(self) -> _Open:
        """What is open, after turning to a newer generation if there is one."""
        with self._turning:
            now = self._now
            # The writer commits words last: where they are, all is.
            if now.words.is_outdated() or _identity(self._settings.index) != now.file:
                # Opened anew, not changed in place: other threads may still be in the old one,
                # which goes when the last of them leaves. While the index is made again from
                # nothing, the old one, held open, still answers.
                with suppress(IndexFault):
                    self._now = _opened(self._settings, None)
            return self._now


@dataclass(frozen=True)
class _Lexicon:
    """The words of the documents and of the reranker; a `spelling.Lexicon`."""

    ledger: Ledger
    words: TantivyWords
    vocabulary: Mapping[str, int]
    source: str | Collection[str] | None

    def forms(self, word: str) -> Iterator[str]:
        ids = self.words.like([word], 0, FORMS_PASSAGES)
        for start in range(0, len(ids), LIKE_PASSAGES):  # mostly the first have it
            for passage in self._passages(ids[start : start + LIKE_PASSAGES]):
                yield from passage

    def near(self, word: str) -> Iterator[list[str]]:
        # Near ones by themselves, or the many that are farther off would hide them. A slip near the
        # end may change the stem much: its beginnings are like the stem of the word that is meant.
        beginnings = [word[:end] for end in range(max(len(word) - 4, 4), len(word))]
        seen: set[int] = set()
        for words, edits in (([word], 0), ([word], 1), ([word], 2), (beginnings, 1)):
            ids = self.words.like(words, edits, LIKE_PASSAGES, within=self._within)
            yield from self._passages(sorted(set(ids) - seen))
            seen.update(ids)

    @cached_property
    def _within(self) -> Sequence[int] | None:
        return within(self.ledger, self.source)

    def _passages(self, ids: Sequence[int]) -> Iterator[list[str]]:
        for passage, document in self.ledger.passages(ids).values():
            text = document.text[passage.start : passage.end]
            yield [*words_of(f"{document.title}\n{text}")]


def _opened(settings: Settings, progress: Progress | None) -> _Open:
    deadline = time.monotonic() + WRITER_WAIT_S
    while True:
        export = models.find_export(settings.encoder, settings.index / "encoder")
        if export is None:
            raise IndexMissing(
                f"{settings.index} was not made with the configured encoder; run `askseeds index`"
            )
        file = _identity(settings.index)
        ledger = Ledger.open(settings.index)
        vectors = open_vectors(settings.index, export, ledger, writable=False)
        words = open_words(settings.index, ledger, writable=False)
        generation = ledger.generation
        if generation and vectors.generation == words.generation == generation:
            ledger.pin(generation)
            return _Open(ledger, vectors, words, generation, file)
        if not generation:
            raise IndexMissing(f"{settings.index} is not complete; run `askseeds index`")
        try:
            repair(settings, progress=progress)
        except IndexLocked:
            # The writer is between the ledger and the engines, or works on the next generation.
            # What the engines are at is whole, as long as they agree.
            if vectors.generation == words.generation > 0:
                ledger.pin(words.generation)
                return _Open(ledger, vectors, words, words.generation, file)
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        for part in (words, vectors, ledger):
            part.close()


def _identity(index: Path) -> tuple[int, int] | None:
    """Which file the ledger is; changes when it is deleted and made again."""
    try:
        found = (index / FILE_NAME).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
