"""Where the expected fragments stand in the documents, and how much of them was quoted.

The measures are those of the excerpt benchmark of Smith and Troynikov, "Evaluating Chunking
Strategies for Retrieval", Chroma 2024, counted in characters; see docs/evaluation.md.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from askseeds.evaluate.pairs import Pair
from askseeds.retrieve import names
from askseeds.types import Answer, Document, Hit, Quote

PLACES = 1_000
"""Most places to remember of one fragment in one document."""

RANKS = (1, 3, 5)
"""k of hit at k."""


class Placed(Protocol):
    """Something that stands in a document."""

    @property
    def source(self) -> str:
        """The document's source."""

    @property
    def start(self) -> int:
        """First character."""

    @property
    def end(self) -> int:
        """Character after the last."""


@dataclass(frozen=True, slots=True)
class Place:
    """Characters of a document."""

    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Gold:
    """One expected fragment with the places where it stands; any one of them will do.

    Attributes:
        size: Characters that are missed where it stands nowhere; 0 for a pattern.
    """

    fragment: str
    places: tuple[Place, ...]
    size: int = 0


@dataclass(frozen=True, slots=True)
class Overlap:
    """Shares of characters, 0 to 1."""

    recall: float
    precision: float
    iou: float

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


def resolve(
    pairs: Sequence[Pair], sources: Iterable[str], document: Callable[[str], Document]
) -> dict[str, tuple[Gold, ...]]:
    """Finds every expected fragment in the documents, reading each document once.

    Args:
        pairs: Those that expect quotes.
        sources: Of all documents.
        document: Gives the document of a source.

    Returns:
        By pair id, in the order of `quotes` and `patterns`. A fragment without a place stands in
        no document that counts.
    """
    wanted = [(pair, pair.quotes + pair.patterns) for pair in pairs]
    found: dict[str, list[list[Place]]] = {p.id: [[] for _ in texts] for p, texts in wanted}
    for source in sources:
        if not any(texts and _counts(pair, source) for pair, texts in wanted):
            continue
        read = document(source)
        for pair, texts in wanted:
            if texts and _counts(pair, source):
                for number, places in enumerate(found[pair.id]):
                    spans = (
                        _exact(texts[number], read.text)
                        if number < len(pair.quotes)
                        else _matches(texts[number], read.text)
                    )
                    places += _on_page(spans, read, pair.page)
    return {
        pair.id: tuple(
            Gold(text, tuple(places), len(text) if number < len(pair.quotes) else 0)
            for number, (text, places) in enumerate(zip(texts, found[pair.id], strict=True))
        )
        for pair, texts in wanted
    }


def _counts(pair: Pair, source: str) -> bool:
    return not pair.source or names(pair.source, source)


def _exact(fragment: str, text: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = text.find(fragment)
    while start >= 0 and len(spans) < PLACES:
        spans.append((start, start + len(fragment)))
        start = text.find(fragment, start + 1)
    return spans


def _matches(pattern: str, text: str) -> list[tuple[int, int]]:
    found = (match.span() for match in re.finditer(pattern, text))
    return [span for span in islice(found, PLACES) if span[0] < span[1]]


def _on_page(spans: Iterable[tuple[int, int]], read: Document, page: int | None) -> list[Place]:
    return [
        Place(read.source, start, end)
        for start, end in spans
        if page is None or bisect_right(read.page_starts, start) == page
    ]


def overlap(quotes: Iterable[Placed], golds: Sequence[Gold]) -> Overlap:
    """How much of the gold was quoted, and how much of what was quoted is gold, in characters.

    Of a fragment that stands in several places, the one that is quoted best counts.
    """
    got: dict[str, set[int]] = {}
    for quote in quotes:
        got.setdefault(quote.source, set()).update(range(quote.start, quote.end))
    total = sum(map(len, got.values()))
    want = found = 0
    right: dict[str, set[int]] = {}
    for gold in golds:
        best, size = 0, gold.size
        if gold.places:
            size = gold.places[0].end - gold.places[0].start
        for place in gold.places:
            part = got.get(place.source, set()).intersection(range(place.start, place.end))
            right.setdefault(place.source, set()).update(part)
            if len(part) > best:
                best, size = len(part), place.end - place.start
        found += best
        want += size
    good = sum(map(len, right.values()))
    return Overlap(
        recall=found / want,
        precision=good / total if total else 0.0,
        iou=found / max(1, total - good + want),
    )


def touches(placed: Placed, golds: Sequence[Gold]) -> bool:
    """Whether it covers at least half of a fragment, or lies at least half within one."""
    for gold in golds:
        for place in gold.places:
            if place.source == placed.source:
                part = min(placed.end, place.end) - max(placed.start, place.start)
                shorter = min(place.end - place.start, placed.end - placed.start)
                if part * 2 >= shorter:
                    return True
    return False


def passage(hit: Hit) -> Place:
    """Where a hit's passage stands."""
    return Place(hit.document.source, hit.passage.start, hit.passage.end)


def rank(hits: Sequence[Hit], golds: Sequence[Gold], stage: str) -> int | None:
    """The best rank that a stage gave to a passage with gold in it; None when there is none."""
    ranks = [
        hit.stages[stage].rank
        for hit in hits
        if stage in hit.stages and touches(passage(hit), golds)
    ]
    return min(ranks, default=None)


def measures(answer: Answer, golds: Sequence[Gold]) -> dict[str, float | None]:
    """What an answer is worth against the gold; the keys are those of `figures.FIGURES`.

    Args:
        answer: End to end, a refused answer counts as nothing quoted; the `selection_` measures
            count what it would have quoted.
        golds: At least one, each with a place or a size.
    """
    chosen = answer.quotes or answer.nearest
    found: dict[str, float | None] = {}
    for prefix, quotes in (("", answer.quotes), ("selection_", chosen)):
        found |= _quote_measures(prefix, quotes, golds)
    before, after = (rank(answer.hits, golds, stage) for stage in ("fusion", "reranker"))
    found["rank_before"], found["rank_after"] = before, after
    found["quoted_chars"] = float(
        len({(quote.source, at) for quote in chosen for at in range(quote.start, quote.end)})
    )
    return found


def _quote_measures(
    prefix: str, quotes: Sequence[Quote], golds: Sequence[Gold]
) -> dict[str, float]:
    hit = [touches(quote, golds) for quote in quotes]
    shares = overlap(quotes, golds)
    return {f"{prefix}hit_at_{k}": float(any(hit[:k])) for k in RANKS} | {
        f"{prefix}char_recall": shares.recall,
        f"{prefix}char_precision": shares.precision,
        f"{prefix}char_iou": shares.iou,
        f"{prefix}char_f1": shares.f1,
    }
