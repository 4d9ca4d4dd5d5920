"""Two runs of the same pairs: who wins where, and whether that is more than luck."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from askseeds.evaluate.figures import SEED, Figure, differences
from askseeds.evaluate.runner import Result

FLIPS = 10_000
"""Random sign changes of the permutation test."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from the first run to the second.

    Attributes:
        wins: Pairs that pass in the second run only, as results of both.
        losses: Pairs that pass in the first run only.
        changes: Of every figure, second less first.
        p_passed: McNemar's exact test on wins and losses.
        p_f1: Permutation test on the character F1 of each pair; None without a pair that has one.
    """

    wins: tuple[tuple[Result, Result], ...]
    losses: tuple[tuple[Result, Result], ...]
    changes: dict[str, Figure]
    p_passed: float
    p_f1: float | None


def compare(first: Sequence[Result], second: Sequence[Result]) -> Comparison:
    """Compares two runs of the same pairs in the same order."""
    both = list(zip(first, second, strict=True))
    passed = [(a.verdict.kind == "passed", b.verdict.kind == "passed") for a, b in both]
    wins = tuple(pair for pair, kinds in zip(both, passed, strict=True) if kinds == (False, True))
    losses = tuple(pair for pair, kinds in zip(both, passed, strict=True) if kinds == (True, False))
    f1 = [(a.measures.get("char_f1"), b.measures.get("char_f1")) for a, b in both]
    gained = [after - before for before, after in f1 if before is not None and after is not None]
    return Comparison(
        wins=wins,
        losses=losses,
        changes=differences([a.measures for a in first], [b.measures for b in second]),
        p_passed=mcnemar(len(wins), len(losses)),
        p_f1=permutation(gained) if gained else None,
    )


def mcnemar(wins: int, losses: int) -> float:
    """Two-sided p of the exact test: were wins and losses equally likely?

    McNemar, Psychometrika 1947; exact by the binomial distribution.
    """
    total = wins + losses
    tail = sum(math.comb(total, k) for k in range(min(wins, losses) + 1))
    return min(1.0, float(2 * tail / 2**total))


def permutation(gained: Sequence[float]) -> float:
    """Two-sided p that a mean change this large comes about when each sign is a coin's.

    Fisher's randomisation test as Smucker, Allan and Carterette, CIKM 2007, recommend it for
    retrieval; the p of random draws is that of Phipson and Smyth, 2010, never 0.
    """
    values = np.array([value for value in gained if value], dtype=np.float64)
    if not values.size:
        return 1.0
    generator = np.random.default_rng(SEED)
    seen = abs(values.sum()) * (1 - 1e-12)
    extreme = 0
    chunk = max(1, 2_000_000 // values.size)
    for begin in range(0, FLIPS, chunk):
        size = (min(chunk, FLIPS - begin), values.size)
        signs = generator.integers(0, 2, size=size, dtype=np.int8) * 2.0 - 1.0
        extreme += int((np.abs(signs @ values) >= seen).sum())
    return (extreme + 1) / (FLIPS + 1)
