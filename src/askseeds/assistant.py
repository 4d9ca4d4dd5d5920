"""The whole way of a question, from the words to the quotes. Read `Assistant.ask` first."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from askseeds import models, quote
from askseeds.config import Settings
from askseeds.errors import IndexLocked, IndexMissing, QuestionError, SeedsError
from askseeds.followup import standalone
from askseeds.ledger import Ledger
from askseeds.models import Encoder, Reranker
from askseeds.retrieve import retrieve
from askseeds.sync import Progress, is_current, open_vectors, repair, synchronise
from askseeds.types import Answer, Document, Hit, Models, Stage, Turn
from askseeds.vectors import ChromaVectors
from askseeds.words import TantivyWords

QUESTION_CHARS = 20_000
"""A longer question is a document; about 3,000 words."""

CANDIDATES = 16
"""Passages that the cross-encoder reads."""

WRITER_WAIT_S = 30.0
"""How long a reader waits for a writer between two commits, seconds."""

FIRST_INDEX_WAIT_S = 3600.0
"""How long a question waits for another process to make the first index, seconds."""

NOT_FOUND = "The documents do not answer this question."


class Assistant:
    """Answers questions from one index. Safe to use from several threads.

    Opened with `Assistant.open`, closed by leaving its `with` block.
    """

    def __init__(
        self, settings: Settings, encoder: Encoder, reranker: Reranker, engines: "_Engines"
    ) -> None:
        """Use `open`."""
        self._settings = settings
        self._encoder = encoder
        self._reranker = reranker
        self._engines = engines

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        sync: bool = True,
        progress: Progress | None = None,
        notice: Callable[[str], None] | None = None,
    ) -> Self:
        """Opens the index; brings it up to date with the seeds first.

        Args:
            settings: Names the folders and the encoder.
            sync: False takes the index as it is.
            progress: Told how far the indexing is.
            notice: Told in one line what the user should know although it is no error.

        Raises:
            AskseedsError: See `sync.synchronise`; IndexMissing, too, when there is no index.
        """
        with ThreadPoolExecutor(2) as loading:
            # Loading a model lets go of Python's lock: it takes no time beside the rest.
            reranker = loading.submit(Reranker.load)
            if sync:
                _bring_up_to_date(settings, progress, notice or _silent)
            Ledger.open(settings.index).close()
            encoder = loading.submit(Encoder.load, settings.index / "encoder")
            engines = _Engines.open(settings, progress)
            return cls(settings, encoder.result(), reranker.result(), engines)

    def __enter__(self) -> Self:
        """Gives the assistant itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the index."""
        self.close()

    def close(self) -> None:
        """Closes the index."""
        self._engines.close()

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        max_quotes: int | None = None,
        min_confidence: float | None = None,
        source: str | None = None,
    ) -> Answer:
        """Answers a question in quotes, or says that the documents do not answer it.

        Args:
            question: In the words of a person.
            history: Earlier turns of the conversation, oldest first.
            max_quotes: Most quotes to give; the settings' when None.
            min_confidence: Refuse below this confidence, 0 to 1; the settings' when None.
            source: Only documents whose source matches this glob pattern.

        Raises:
            QuestionError: The question is empty or too long.
            SeedsError: No document matches `source`.
        """
        question = _checked(question)
        clock = _Clock()
        self._engines.refresh()
        with clock("follow_up"):
            asked = standalone(question, history)
        with clock("encode"):
            vector = self._encoder.encode_query(asked)
        with clock("retrieve"):
            hits = retrieve(
                asked,
                vector,
                ledger=self._engines.ledger,
                vectors=self._engines.vectors,
                words=self._engines.words,
                limit=CANDIDATES,
                source=source,
            )
        with clock("rerank"):
            hits = self._reranked(asked, hits)
        with clock("quote"):
            candidates = quote.candidates(asked, hits)
            scores = self._reranker.score(asked, [c.text for c in candidates])
            selection = quote.select(
                asked,
                hits,
                candidates,
                scores,
                max_quotes=max_quotes or self._settings.max_quotes,
            )
        least = self._settings.min_confidence if min_confidence is None else min_confidence
        answered = bool(selection.quotes) and selection.confidence >= least
        return Answer(
            question=question,
            asked=asked,
            status="answered" if answered else "not_found",
            confidence=selection.confidence,
            text="\n\n".join(q.text for q in selection.quotes) if answered else NOT_FOUND,
            quotes=selection.quotes if answered else (),
            nearest=() if answered else selection.quotes,
            hits=hits,
            claims=(),
            timings_ms=clock.timings_ms(),
            models=Models(self._encoder.name, self._reranker.name),
        )

    def search(self, query: str, *, limit: int = 10, source: str | None = None) -> tuple[Hit, ...]:
        """Finds passages, best first, without choosing quotes; raises what `ask` raises."""
        query = _checked(query)
        self._engines.refresh()
        hits = retrieve(
            query,
            self._encoder.encode_query(query),
            ledger=self._engines.ledger,
            vectors=self._engines.vectors,
            words=self._engines.words,
            limit=max(limit, CANDIDATES),
            source=source,
        )
        return self._reranked(query, hits)[:limit]

    def _reranked(self, question: str, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """The hits in the order of the cross-encoder."""
        scores = self._reranker.score(question, [quote.passage_text(hit) for hit in hits])
        order = sorted(range(len(hits)), key=lambda i: (-scores[i], hits[i].rank))
        return tuple(
            replace(
                hits[i],
                rank=rank,
                score=float(scores[i]),
                stages={**hits[i].stages, "reranker": Stage(rank, float(scores[i]))},
            )
            for rank, i in enumerate(order, start=1)
        )

    def document(self, source: str) -> Document:
        """The document of that source.

        Raises:
            SeedsError: There is none.
        """
        document = self._engines.ledger.document(source)
        if document is None:
            raise SeedsError(f"{source} is not in the index; `askseeds status` lists what is")
        return document

    def sources(self) -> tuple[str, ...]:
        """Sources of all documents, sorted."""
        return self._engines.ledger.sources()


class _Engines:
    """Ledger, Chroma and Tantivy, all three at one generation."""

    def __init__(self, ledger: Ledger, vectors: ChromaVectors, words: TantivyWords) -> None:
        self.ledger = ledger
        self.vectors = vectors
        self.words = words
        self._turning = threading.Lock()
        ledger.pin(words.generation)

    @classmethod
    def open(cls, settings: Settings, progress: Progress | None) -> Self:
        """Opens them; what is behind the ledger follows it first, or is waited for."""
        deadline = time.monotonic() + WRITER_WAIT_S
        while True:
            ledger = Ledger.open(settings.index)
            export = models.find_export(settings.encoder, settings.index / "encoder")
            if export is None:
                raise IndexMissing(
                    f"{settings.index} was not made with the configured encoder; "
                    "run `askseeds index`"
                )
            vectors = open_vectors(settings.index, export, writable=False)
            words = TantivyWords.open(settings.index / "words")
            if vectors.generation == words.generation == ledger.generation:
                return cls(ledger, vectors, words)
            if ledger.generation == 0:
                raise IndexMissing(f"{settings.index} is not complete; run `askseeds index`")
            try:
                repair(settings, progress=progress)
            except IndexLocked:
                # The writer is between the ledger and the engines, or works on the next one. What
                # the engines are at is whole as long as they agree.
                if vectors.generation == words.generation > 0:
                    return cls(ledger, vectors, words)
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            for part in (words, vectors, ledger):
                part.close()

    def refresh(self) -> None:
        """Turns to a newer generation, once words and vectors are both there."""
        with self._turning:
            # The writer commits vectors first: where words are, vectors are.
            if self.words.refresh():
                self.vectors.refresh()
                self.ledger.pin(self.words.generation)

    def close(self) -> None:
        for part in (self.words, self.vectors, self.ledger):
            part.close()


class _Clock:
    """Measures stages in milliseconds."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self._stages[stage] = 1000 * (time.perf_counter() - begin)

    def timings_ms(self) -> dict[str, float]:
        return self._stages | {"total": 1000 * (time.perf_counter() - self._begin)}


def _bring_up_to_date(
    settings: Settings, progress: Progress | None, notice: Callable[[str], None]
) -> None:
    if is_current(settings):
        return
    try:
        report = synchronise(settings, progress=progress)
    except IndexLocked as error:
        with suppress(IndexMissing):
            ledger = Ledger.open(settings.index)
            published = ledger.generation > 0
            ledger.close()
            if published:
                notice(f"{error}; this answer is from the index as it was before")
                return
        notice(f"{error}; waiting for it")
        report = synchronise(settings, progress=progress, wait_s=FIRST_INDEX_WAIT_S)
    for skipped in report.skipped:
        if skipped.failed:
            notice(f"cannot read {skipped.source}: {skipped.reason}")


def _checked(question: str) -> str:
    if not question.strip():
        raise QuestionError("the question is empty; ask something")
    if len(question) > QUESTION_CHARS:
        raise QuestionError(
            f"the question has {len(question):,} characters, more than {QUESTION_CHARS:,}; "
            "put long texts into the seeds folder and ask about them"
        )
    # A lone surrogate, from a broken pipe or JSON, cannot be encoded for the models.
    return question.strip().encode(errors="replace").decode()


def _silent(message: str) -> None:
    """Tells nobody."""
