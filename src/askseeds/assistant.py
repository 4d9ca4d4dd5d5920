"""The whole way of a question, from the words to the quotes. Read `Assistant.ask` first."""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self, TypedDict, Unpack

from askseeds import quote
from askseeds.config import Settings
from askseeds.engines import Engines
from askseeds.errors import QuestionError, SeedsError
from askseeds.followup import standalone
from askseeds.ledger import Ledger
from askseeds.models import Encoder, Reading, Reranker
from askseeds.retrieve import surroundings
from askseeds.sync import Notice, Progress, bring_up_to_date
from askseeds.types import Answer, Document, Hit, Models, Stage, Step, Turn

QUESTION_CHARS = 20_000
"""A longer question is a document; about 3,000 words."""

CANDIDATES = 8
"""Passages that the cross-encoder reads: with 16, hardly more had one that answers."""

RECENT = 32
"""Questions whose quotes are kept in memory, until the index changes: for a retry, an example that
everybody clicks, a test that runs again."""

NOT_FOUND = "The documents do not answer this question."


_Found = tuple[tuple[Hit, ...], quote.Selection]


class Options(TypedDict, total=False):
    """What may go with a question.

    Attributes:
        history: Earlier turns of the conversation, oldest first.
        max_quotes: Most quotes to give; the settings' when None.
        min_confidence: Refuse below this confidence, 0 to 1; the settings' when None.
        source: Only these documents: a glob pattern of sources, or the sources themselves.
    """

    history: Sequence[Turn]
    max_quotes: int | None
    min_confidence: float | None
    source: str | Collection[str] | None


class Assistant:
    """Answers questions from one index. Safe to use from several threads.

    Opened with `Assistant.open`, closed by leaving its `with` block.
    """

    def __init__(
        self, settings: Settings, encoder: Encoder, reranker: Reranker, engines: Engines
    ) -> None:
        """Use `open`."""
        self._settings = settings
        self._encoder = encoder
        self._reranker = reranker
        self._engines = engines
        self._recent: OrderedDict[object, _Found] = OrderedDict()
        self._recent_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        sync: bool = True,
        progress: Progress | None = None,
        notice: Notice | None = None,
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
                bring_up_to_date(settings, progress=progress, notice=notice)
            Ledger.open(settings.index).close()
            encoder = loading.submit(Encoder.load, settings.index / "encoder")
            engines = Engines(settings, progress)
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

    def ask(self, question: str, **options: Unpack[Options]) -> Answer:
        """Answers a question in quotes, or says that the documents do not answer it.

        Raises:
            QuestionError: The question is empty or too long.
            SeedsError: No document matches `source`.
        """
        answer: Answer | None = None
        for event in self.stream(question, **options):
            if isinstance(event, Answer):
                answer = event
        assert answer is not None  # `stream` ends with one
        return answer

    def stream(self, question: str, **options: Unpack[Options]) -> Iterator[Step | Answer]:
        """Answers as `ask` does, and tells what is being done: steps, and the answer last.

        To stop, close the iterator. Raises what `ask` raises.
        """
        question = checked(question)
        clock = _Clock()
        yield "searching"
        with clock("follow_up"):
            asked = standalone(question, options.get("history", ()))
        most = options.get("max_quotes") or self._settings.max_quotes
        hits, selection = yield from self._found(asked, options.get("source"), most, clock)
        least = options.get("min_confidence")
        least = self._settings.min_confidence if least is None else least
        answered = bool(selection.quotes) and selection.confidence >= least
        yield Answer(
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

    def _found(
        self, asked: str, source: str | Collection[str] | None, most: int, clock: "_Clock"
    ) -> Generator[Step, None, _Found]:
        """Passages and quotes; those of a question that was asked before are known already."""
        named = source if source is None or isinstance(source, str) else frozenset(source)
        key = (self._engines.version, asked, named, most)
        with self._recent_lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        with clock("encode"):
            vector = self._encoder.encode_query(asked)
        with clock("retrieve"):
            hits = self._engines.find(asked, vector, limit=CANDIDATES, source=source)
        yield "reading"
        with clock("rerank"):
            hits, readings = self._read(asked, hits)
        selection = quote.Selection((), 0.0)
        if hits:
            with clock("near"):
                evidence = self._evidence(asked, hits, readings)
            yield "choosing"
            with clock("quote"):
                selection = quote.select(evidence, max_quotes=most)
        if self._engines.version == key[0]:  # else a newer generation was searched
            with self._recent_lock:
                self._recent[key] = hits, selection
                while len(self._recent) > RECENT:
                    self._recent.popitem(last=False)
        return hits, selection

    def search(
        self, query: str, *, limit: int = 10, source: str | Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        """Finds passages, best first, without choosing quotes; raises what `ask` raises."""
        query = checked(query)
        hits = self._engines.find(
            query,
            self._encoder.encode_query(query),
            limit=max(limit, CANDIDATES),
            source=source,
        )
        return self._read(query, hits)[0][:limit]

    def _read(
        self, question: str, hits: Sequence[Hit]
    ) -> tuple[tuple[Hit, ...], tuple[Reading, ...]]:
        """The hits in the order of the cross-encoder, each with its reading."""
        read = self._reranker.read(_bare(question), [quote.passage_text(hit) for hit in hits])
        order = sorted(range(len(hits)), key=lambda i: (-read[i].score, hits[i].rank))
        ranked = tuple(
            replace(
                hits[i],
                rank=rank,
                score=read[i].score,
                stages={**hits[i].stages, "reranker": Stage(rank, read[i].score)},
            )
            for rank, i in enumerate(order, start=1)
        )
        return ranked, tuple(read[i] for i in order)

    def _evidence(
        self, question: str, hits: Sequence[Hit], readings: Sequence[Reading]
    ) -> quote.Evidence:
        """Reads what stands around the best passage: there a sentence may find its meaning."""
        best = tuple(hits[: quote.PASSAGES])
        around = surroundings(best[0], self._engines.ledger)
        near = None
        if around != (best[0].passage.start, best[0].passage.end):
            [near] = self._reranker.read(_bare(question), [quote.near_text(best, around)])
        return quote.Evidence(question, best, tuple(readings[: len(best)]), around, near)

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


def checked(question: str) -> str:
    """The question as it is worked with, without surrounding white space.

    Raises:
        QuestionError: It is empty or too long.
    """
    if not question.strip():
        raise QuestionError("the question is empty; ask something")
    if len(question) > QUESTION_CHARS:
        raise QuestionError(
            f"the question has {len(question):,} characters, more than {QUESTION_CHARS:,}; "
            "put long texts into the seeds folder and ask about them"
        )
    # A lone surrogate, from a broken pipe or JSON, cannot be encoded for the models.
    return question.strip().encode(errors="replace").decode()


def _bare(question: str) -> str:
    """Without a question mark: the cross-encoder learnt from questions that have none."""
    return question.rstrip("?？ ") or question
