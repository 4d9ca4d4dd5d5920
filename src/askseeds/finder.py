"""From a question that stands alone to passages, what was read in them, and the quotes chosen."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from askseeds import quote
from askseeds.engines import Engines
from askseeds.evidence import PASSAGES, Evidence, near_text, passage_text
from askseeds.models import Encoder, Reading, Reranker
from askseeds.retrieve import surroundings
from askseeds.types import Answer, Hit, Stage, Step

CANDIDATES = 7
"""Passages that the cross-encoder reads: with 8, or 16, hardly more had one that answers."""

EARLY = 2
"""After so many of them it is looked whether a quote is sure; later looks find few more. As many
as there are cores on a small machine: the others wait for that."""

RECENT = 32
"""Questions whose quotes are kept in memory, until the index changes: for a retry, an example that
everybody clicks, a test that runs again."""

Early = Callable[[tuple[Hit, ...], quote.Selection], Iterator[Answer]]
"""What is made of the first passages that were read, while the others are."""


class Clock:
    """Measures stages in milliseconds."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Adds the time of its block to a stage."""
        begin = time.perf_counter()
        yield
        took = 1000 * (time.perf_counter() - begin)
        self._stages[stage] = self._stages.get(stage, 0.0) + took

    def timings_ms(self) -> dict[str, float]:
        """By stage, and the `total` since this was made."""
        return self._stages | {"total": 1000 * (time.perf_counter() - self._begin)}


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a question; `evidence` is None where there is no hit."""

    hits: tuple[Hit, ...]
    evidence: Evidence | None
    selection: quote.Selection


class Finder:
    """Finds and reads passages, and chooses quotes. Safe to use from several threads."""

    def __init__(self, encoder: Encoder, reranker: Reranker, engines: Engines) -> None:
        """Takes parts that are open; `engines` is closed by who opened it."""
        self.encoder = encoder
        self.engines = engines
        self.reranker = reranker
        self._recent: OrderedDict[object, Found] = OrderedDict()
        self._recent_lock = threading.Lock()

    def find(
        self,
        asked: str,
        source: str | Collection[str] | None,
        most: int,
        clock: Clock,
        early: Early | None = None,
    ) -> Generator[Step | Answer, None, Found]:
        """Passages and quotes; those of a question that was asked before are known already.

        Args:
            asked: The question as it is searched for.
            source: Only these documents: a glob pattern of sources, or the sources themselves.
            most: Quotes at most.
            clock: Told how long each stage takes.
            early: What it makes of the first passages that were read is yielded.

        Raises:
            SeedsError: No document matches `source`.
        """
        named = source if source is None or isinstance(source, str) else frozenset(source)
        key = (self.engines.version, asked, named, most)
        with self._recent_lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        with clock("encode"):
            vector = self.encoder.encode_query(asked)
        with clock("retrieve"):
            hits = self.engines.find(asked, vector, limit=CANDIDATES, source=source)
        yield "reading"
        read: list[Reading] = []
        if early is not None and len(hits) >= EARLY:
            with clock("rerank"):
                read = self._read(asked, hits[:EARLY])
            with clock("quote"):
                some = _alone(asked, *_ranked(hits[:EARLY], read))
                selection = quote.select(some, max_quotes=most)
            yield from early(some.hits, selection)
        with clock("rerank"):
            hits, readings = _ranked(hits, read + self._read(asked, hits[len(read) :]))
        evidence: Evidence | None = None
        selection = quote.Selection((), 0.0)
        if hits:
            with clock("near"):
                evidence = self.evidence(asked, hits, readings)
            yield "choosing"
            with clock("quote"):
                selection = quote.select(evidence, max_quotes=most)
        found = Found(hits, evidence, selection)
        if self.engines.version == key[0]:  # else a newer generation was searched
            with self._recent_lock:
                self._recent[key] = found
                while len(self._recent) > RECENT:
                    self._recent.popitem(last=False)
        return found

    def respelled(self, question: str, source: str | Collection[str] | None = None) -> str:
        """A question as it is searched for, without its slips; see `Engines.respelled`."""
        return self.engines.respelled(question, self.reranker.vocabulary, source=source)

    def retrieve(
        self, asked: str, source: str | Collection[str] | None = None, limit: int = CANDIDATES
    ) -> tuple[Hit, ...]:
        """The passages that may answer, before they are read; see `retrieve.retrieve`."""
        vector = self.encoder.encode_query(asked)
        return self.engines.find(asked, vector, limit=limit, source=source)

    def _read(self, question: str, hits: Sequence[Hit]) -> list[Reading]:
        """What the cross-encoder sees in each of the hits."""
        return self.reranker.read(_bare(question), [passage_text(hit) for hit in hits])

    def read(
        self, question: str, hits: Sequence[Hit]
    ) -> tuple[tuple[Hit, ...], tuple[Reading, ...]]:
        """The hits in the order of the cross-encoder, each with its reading."""
        return _ranked(hits, self._read(question, hits))

    def evidence(self, question: str, hits: Sequence[Hit], readings: Sequence[Reading]) -> Evidence:
        """What was read, and what stands around the best passage.

        There a sentence may find its meaning, so the cross-encoder reads it, too.

        Args:
            question: As it is searched for.
            hits: Best first.
            readings: Of each hit.
        """
        alone = _alone(question, hits, readings)
        around = surroundings(hits[0], self.engines.ledger)
        if around == alone.around:
            return alone
        [near] = self.reranker.read(_bare(question), [near_text(alone.hits, around)])
        return replace(alone, around=around, near=near)


def _alone(question: str, hits: Sequence[Hit], readings: Sequence[Reading]) -> Evidence:
    """What is known when nothing but passages was read."""
    best = tuple(hits[:PASSAGES])
    around = (best[0].passage.start, best[0].passage.end)
    return Evidence(question, best, tuple(readings[:PASSAGES]), around, None)


def _ranked(
    hits: Sequence[Hit], read: Sequence[Reading]
) -> tuple[tuple[Hit, ...], tuple[Reading, ...]]:
    """The hits in the order of the cross-encoder, each with its reading."""
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


def _bare(question: str) -> str:
    """Without a question mark: the cross-encoder learnt from questions that have none."""
    return question.rstrip("?？ ") or question
