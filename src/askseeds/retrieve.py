"""Question to passages: vectors and words, fused by rank."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

import numpy as np
import numpy.typing as npt

from askseeds.errors import SeedsError
from askseeds.ledger import Ledger
from askseeds.types import Hit, Stage

CANDIDATES = 40
"""Passages asked of vectors and of words each, before fusion."""

RANK_CONSTANT = 60
"""k of reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, use 60."""

Ranking = Sequence[tuple[int, float]]
"""Passage ids with scores, best first."""


class VectorSearch(Protocol):
    """What retrieval needs of a vector engine."""

    def search(
        self, vector: npt.NDArray[np.float32], limit: int, *, within: Sequence[int] | None = None
    ) -> Ranking:
        """Passages by cosine similarity, -1 to 1; `within` names the ids to choose from."""


class WordSearch(Protocol):
    """What retrieval needs of a word engine."""

    def search(self, query: str, limit: int, *, within: Sequence[int] | None = None) -> Ranking:
        """Passages by BM25, above 0; `within` names the ids to choose from."""


def fuse(
    rankings: Mapping[str, Ranking], *, weights: Mapping[str, float]
) -> list[tuple[int, float]]:
    """Weighted reciprocal rank fusion: the sum of weight / (RANK_CONSTANT + rank).

    Args:
        rankings: By stage name, best first.
        weights: By the same names.

    Returns:
        Every passage of any ranking with its fused score, best first; equal scores by id.
    """
    fused: dict[int, float] = {}
    for name, ranking in rankings.items():
        for rank, (id_, _) in enumerate(ranking, start=1):
            fused[id_] = fused.get(id_, 0.0) + weights[name] / (RANK_CONSTANT + rank)
    return sorted(fused.items(), key=lambda item: (-item[1], item[0]))


def retrieve(
    query: str,
    vector: npt.NDArray[np.float32],
    *,
    ledger: Ledger,
    vectors: VectorSearch,
    words: WordSearch,
    limit: int,
    source: str | None = None,
) -> tuple[Hit, ...]:
    """Finds the passages that may answer.

    Args:
        query: Searched for as words.
        vector: The query's embedding, float32 [dim], unit length.
        ledger: Turns ids into passages.
        vectors: Finds passages of like meaning.
        words: Finds passages of like words.
        source: Only documents whose source matches this glob pattern.
        limit: Most hits to give.

    Raises:
        SeedsError: No document matches `source`.
    """
    within = None if source is None else ledger.passage_ids(matching(ledger.sources(), source))
    rankings: dict[str, Ranking] = {
        "vectors": vectors.search(vector, CANDIDATES, within=within),
        "words": words.search(query, CANDIDATES, within=within),
    }
    fused = fuse(rankings, weights={"vectors": 1.0, "words": 1.0})
    # Chroma and Tantivy may know passages that the published generation does not.
    known = ledger.passages([id_ for id_, _ in fused])
    fused = [item for item in fused if item[0] in known][:limit]
    stages: dict[int, dict[str, Stage]] = {id_: {} for id_, _ in fused}
    for name, ranking in (rankings | {"fusion": fused}).items():
        for rank, (id_, score) in enumerate(ranking, start=1):
            if id_ in stages:
                stages[id_][name] = Stage(rank, score)
    return tuple(
        Hit(*known[id_], rank=rank, score=score, stages=stages[id_])
        for rank, (id_, score) in enumerate(fused, start=1)
    )


def matching(sources: Sequence[str], pattern: str) -> tuple[str, ...]:
    """The sources that a glob pattern names; `*` also matches `/`.

    Raises:
        SeedsError: None does.
    """
    found = tuple(source for source in sources if fnmatchcase(source, pattern))
    if not found:
        raise SeedsError(f"no document matches --source {pattern!r}; `askseeds status` lists them")
    return found
