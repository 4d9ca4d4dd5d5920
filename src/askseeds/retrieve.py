"""Question to passages: vectors and words, fused by score."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from askseeds.errors import SeedsError
from askseeds.ledger import Ledger
from askseeds.types import Document, Hit, Passage, Span, Stage
from askseeds.vectors import VectorIndex
from askseeds.words import WordIndex

CANDIDATES = 40
"""Passages asked of vectors and of words each, before fusion."""

AROUND_CHARS = 1_500
"""Most text, the best passage and its neighbours together, that is read once more."""

RUN = 4
"""Words in a run, when passages are compared."""

SAME = 0.8
"""Share of common runs from which two passages say the same (their Jaccard similarity)."""

_WORD = re.compile(r"\w+")

Ranking = Sequence[tuple[int, float]]
"""Passage ids with scores, best first."""


def fuse(
    rankings: Mapping[str, Ranking], *, weights: Mapping[str, float]
) -> list[tuple[int, float]]:
    """The weighted sum of scores, those of each ranking stretched to 0 to 1.

    Ranks alone would put a passage that both stages find mediocre before one that a single stage
    finds far better than all others.

    Args:
        rankings: By stage name, best first.
        weights: By the same names.

    Returns:
        Every passage of any ranking with its fused score, best first; equal scores by id.
    """
    fused: dict[int, float] = {}
    for name, ranking in rankings.items():
        if not ranking:
            continue
        best, least = ranking[0][1], ranking[-1][1]
        for id_, score in ranking:
            share = (score - least) / (best - least) if best > least else 1.0
            fused[id_] = fused.get(id_, 0.0) + weights[name] * share
    return sorted(fused.items(), key=lambda item: (-item[1], item[0]))


def retrieve(
    query: str,
    vector: npt.NDArray[np.float32],
    *,
    ledger: Ledger,
    vectors: VectorIndex,
    words: WordIndex,
    limit: int,
    source: str | Collection[str] | None = None,
) -> tuple[Hit, ...]:
    """Finds the passages that may answer.

    Args:
        query: Searched for as words.
        vector: The query's embedding, float32 [dim], unit length.
        ledger: Turns ids into passages.
        vectors: Finds passages of like meaning.
        words: Finds passages of like words.
        source: Only these documents: a glob pattern of sources, or the sources themselves.
        limit: Most hits to give.

    Raises:
        SeedsError: No document matches `source`.
    """
    among = within(ledger, source)
    rankings: dict[str, Ranking] = {
        "vectors": vectors.search(vector, CANDIDATES, within=among),
        "words": words.search(query, CANDIDATES, within=among),
    }
    fused = fuse(rankings, weights={"vectors": 0.5, "words": 0.5})
    # Chroma and Tantivy may know passages that the published generation does not.
    known = ledger.passages([id_ for id_, _ in fused])
    kept = folded([(id_, known[id_][0], known[id_][1]) for id_, _ in fused if id_ in known], limit)
    fused = [item for item in fused if item[0] in kept]
    stages: dict[int, dict[str, Stage]] = {id_: {} for id_, _ in fused}
    for name, ranking in (rankings | {"fusion": fused}).items():
        for rank, (id_, score) in enumerate(ranking, start=1):
            if id_ in stages:
                stages[id_][name] = Stage(rank, score)
    return tuple(
        Hit(*known[id_], rank=rank, score=score, stages=stages[id_])
        for rank, (id_, score) in enumerate(fused, start=1)
    )


def within(ledger: Ledger, source: str | Collection[str] | None) -> Sequence[int] | None:
    """The ids of the passages of these documents; None for all. Raises what `matching` raises."""
    return None if source is None else ledger.passage_ids(matching(ledger.sources(), source))


def folded(ranked: Iterable[tuple[int, Passage, Document]], limit: int) -> frozenset[int]:
    """The ids of the first `limit` passages that say something else than those before them.

    A text that is repeated, such as the boilerplate of yearly reports, would crowd out the rest.
    Two passages say the same when they share nearly all runs of words, and their numbers: reports
    of two years may differ in nothing but those.
    """
    kept: dict[int, tuple[frozenset[str], frozenset[str]]] = {}
    for id_, passage, document in ranked:
        if len(kept) == limit:
            break
        words = _WORD.findall(document.text[passage.start : passage.end].lower())
        runs = frozenset(" ".join(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1)))
        numbers = frozenset(word for word in words if any(map(str.isdigit, word)))
        if not any(
            numbers == others and len(runs & seen) >= SAME * len(runs | seen)
            for seen, others in kept.values()
        ):
            kept[id_] = runs, numbers
    return frozenset(kept)


def surroundings(hit: Hit, ledger: Ledger) -> Span:
    """A passage with up to two neighbours, as many as make up no more than `AROUND_CHARS`."""
    # A document's passages get their ids in the order of the text.
    near = range(hit.passage.id - 2, hit.passage.id + 3)
    known = {
        id_: passage
        for id_, (passage, document) in ledger.passages(near).items()
        if document.source == hit.document.source
    }
    text = hit.document.text
    first = last = hit.passage
    # Evenly to both sides, where both can grow.
    for side in (-1, 1, -1, 1):
        if last.id - first.id == 2:
            break
        passage = known.get(first.id - 1 if side < 0 else last.id + 1)
        if passage is None:
            continue
        start, end = min(first.start, passage.start), max(last.end, passage.end)
        between = (passage.end, first.start) if side < 0 else (last.end, passage.start)
        if end - start <= AROUND_CHARS and not text[slice(*between)].strip():
            first, last = (passage, last) if side < 0 else (first, passage)
    return first.start, last.end


def names(pattern: str, source: str) -> bool:
    """Whether a glob pattern names a source: `*` and `?` are wild cards, `*` also for `/`."""
    return fnmatchcase(source, pattern.replace("[", "[[]"))  # brackets are common in file names


def matching(sources: Sequence[str], wanted: str | Collection[str]) -> tuple[str, ...]:
    """Those of the sources that a glob pattern names, see `names`, or that are listed.

    Raises:
        SeedsError: None is.
    """
    if isinstance(wanted, str):
        found = tuple(source for source in sources if names(wanted, source))
        problem = f"no document matches --source {wanted!r}"
    else:
        listed = frozenset(wanted)
        found = tuple(source for source in sources if source in listed)
        problem = "none of the chosen documents is in the index"
    if not found:
        raise SeedsError(f"{problem}; `askseeds status` lists them")
    return found
