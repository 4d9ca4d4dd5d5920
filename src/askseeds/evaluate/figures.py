"""Figures over many pairs, each with a 95 % interval. Pure NumPy, the same on every run.

A figure is a function of columns, float64 `[n]`, and of weights, float64 `[resamples, n]`: the
figure itself comes from the pairs' own weights, its interval from weights drawn with replacement
(the percentile bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).
Definitions and sources: docs/evaluation.md.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Columns = Mapping[str, Floats]
Row = Mapping[str, float | None]
"""The measures of one pair; see `runner.Result.measures`."""

SEED = 7
RESAMPLES = 2_000
LEVEL = 0.95
BINS = 10
"""Of equal width, for the calibration error."""

_CELLS = 4_000_000
"""Weights to hold at a time."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure is.

    Attributes:
        title: For people.
        better: Which way is good; None where neither is.
        over: The measure that a pair must have to count.
        share: It is the mean of values that are 0 or 1.
        of: Its value for every row of weights, NaN where no pair counts.
    """

    title: str
    better: Literal["higher", "lower"] | None
    over: str
    share: bool
    of: Callable[[Columns, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; all None where no pair counts.

    Attributes:
        pairs: How many pairs it is over.
    """

    value: float | None
    low: float | None
    high: float | None
    pairs: int


def figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Every figure of `FIGURES` over these pairs."""
    columns = _columns(rows)
    own = columns["weight"][None, :]
    drawn: dict[str, list[Floats]] = {name: [np.empty(0)] for name in FIGURES}
    for weights in _resamples(columns):
        for name, figure in FIGURES.items():
            drawn[name].append(figure.of(columns, weights))
    return {
        name: _figure(figure, columns, figure.of(columns, own)[0], np.concatenate(drawn[name]))
        for name, figure in FIGURES.items()
    }


def differences(before: Sequence[Row], after: Sequence[Row]) -> dict[str, Figure]:
    """By how much every figure rose from one run to another on the same pairs.

    Both runs are drawn alike, so that what makes a question hard does not widen the interval.

    Args:
        before: One row a pair.
        after: The same pairs, in the same order.
    """
    old, new = _columns(before), _columns(after)
    own = new["weight"][None, :]
    drawn: dict[str, list[Floats]] = {name: [np.empty(0)] for name in FIGURES}
    for weights in _resamples(new):
        for name, figure in FIGURES.items():
            drawn[name].append(figure.of(new, weights) - figure.of(old, weights))
    found: dict[str, Figure] = {}
    for name, figure in FIGURES.items():
        value = figure.of(new, own)[0] - figure.of(old, own)[0]
        low, high = _percentiles(np.concatenate(drawn[name]))
        found[name] = _made(value, low, high, len(after))
    return found


def _figure(figure: Definition, columns: Columns, value: np.float64, drawn: Floats) -> Figure:
    low, high = _percentiles(drawn)
    pairs = int((~np.isnan(columns[figure.over])).sum())
    if figure.share and pairs and value in (0.0, 1.0):
        # Drawing from equal values shows no spread: the exact binomial limit of Clopper and
        # Pearson, Biometrika 1934, which for none or all is (1 - level) / 2 to the 1 / n.
        limit = ((1 - LEVEL) / 2) ** (1 / pairs)
        low, high = (np.float64(limit), high) if value else (low, np.float64(1 - limit))
    return _made(value, low, high, pairs)


def _made(value: np.float64, low: np.float64, high: np.float64, pairs: int) -> Figure:
    if np.isnan(value):
        return Figure(None, None, None, 0)
    low, high = (value if np.isnan(limit) else limit for limit in (low, high))
    return Figure(float(value), float(low), float(high), pairs)


def _percentiles(drawn: Floats) -> tuple[np.float64, np.float64]:
    drawn = drawn[~np.isnan(drawn)]
    if not drawn.size:
        return np.float64("nan"), np.float64("nan")
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return np.float64(low), np.float64(high)


def _columns(rows: Sequence[Row]) -> Columns:
    raw = {
        name: np.array(
            [math.nan if (value := row.get(name)) is None else value for row in rows],
            dtype=np.float64,
        )
        for name in MEASURES
    }
    unknown = np.isnan(raw["char_recall"])  # no gold
    raw["refused"] = np.where(raw["answerable"] == 0, 1 - raw["answered"], math.nan)
    raw["answered_right"] = np.where(raw["answerable"] == 1, raw["answered"], math.nan)
    for stage in ("before", "after"):
        rank = raw[f"rank_{stage}"]
        raw[f"reciprocal_{stage}"] = np.where(unknown, math.nan, np.nan_to_num(1 / rank))
        for k in (1, 5):
            # A comparison with NaN, not retrieved, is false.
            raw[f"retrieved_at_{k}_{stage}"] = np.where(unknown, math.nan, rank <= k)
    raw["retrieved"] = np.where(unknown, math.nan, ~np.isnan(raw["rank_after"]))
    return raw


def _resamples(columns: Columns) -> Iterator[Floats]:
    """Weights of pairs drawn with replacement; answerable ones and others apart."""
    generator = np.random.default_rng(SEED)
    weight = columns["weight"]
    answerable = columns["answerable"] == 1
    strata = (np.flatnonzero(answerable), np.flatnonzero(~answerable))
    left = RESAMPLES
    while left and len(weight):
        size = max(1, min(left, _CELLS // len(weight)))
        drawn = np.zeros((size, len(weight)))
        for group in strata:
            if len(group):
                chance = np.full(len(group), 1 / len(group))
                drawn[:, group] = generator.multinomial(len(group), chance, size=size)
        yield drawn * weight
        left -= size


# --- What the figures are -------------------------------------------------------------------------


def _mean(name: str) -> Callable[[Columns, Floats], Floats]:
    def mean(columns: Columns, weights: Floats) -> Floats:
        values = columns[name]
        counted = ~np.isnan(values)
        return _ratio(weights @ np.where(counted, values, 0.0), weights @ counted.astype(float))

    return mean


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio = np.full(len(above), math.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def _balanced(columns: Columns, weights: Floats) -> Floats:
    answered = _mean("answered_right")(columns, weights)
    return (answered + _mean("refused")(columns, weights)) / 2


def _sure(columns: Columns, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Confidence, answerable and weights of the pairs that have both."""
    counted = ~np.isnan(columns["confidence"]) & ~np.isnan(columns["answerable"])
    return columns["confidence"][counted], columns["answerable"][counted], weights[:, counted]


def _auroc(columns: Columns, weights: Floats) -> Floats:
    confidence, answerable, weights = _sure(columns, weights)
    if not len(confidence):
        return np.full(len(weights), math.nan)
    order = np.argsort(confidence, kind="stable")
    begins = np.flatnonzero(np.diff(confidence[order], prepend=-1.0))  # of equal confidences
    weights = weights[:, order]
    positive = np.add.reduceat(weights * answerable[order], begins, axis=1)
    negative = np.add.reduceat(weights * (1 - answerable[order]), begins, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    return _ratio((positive * below).sum(1), positive.sum(1) * negative.sum(1))


def _calibration(columns: Columns, weights: Floats) -> Floats:
    confidence, answerable, weights = _sure(columns, weights)
    off = np.zeros(len(weights))
    bins = bin_of(confidence)
    for number in range(BINS):
        off += np.abs(weights @ np.where(bins == number, answerable - confidence, 0.0))
    return _ratio(off, weights.sum(1))


def bin_of(confidence: Floats) -> npt.NDArray[np.int64]:
    """The calibration bin of each confidence, 0 to `BINS` - 1."""
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _brier(columns: Columns, weights: Floats) -> Floats:
    confidence, answerable, weights = _sure(columns, weights)
    return _ratio(weights @ (confidence - answerable) ** 2, weights.sum(1))


def _quantile(share: float) -> Callable[[Columns, Floats], Floats]:
    def quantile(columns: Columns, weights: Floats) -> Floats:
        seconds = columns["seconds"]
        order = np.argsort(seconds, kind="stable")[: int((~np.isnan(seconds)).sum())]
        if not len(order):
            return np.full(len(weights), math.nan)
        reached = np.cumsum(weights[:, order], axis=1)
        # The rounding of sums must not push the quantile past the last pair.
        at = (reached < reached[:, -1:] * share - 1e-9).sum(1)
        found: Floats = seconds[order][np.minimum(at, len(order) - 1)]
        return found

    return quantile


def _share(title: str, name: str) -> Definition:
    return Definition(title, "higher", name, True, _mean(name))


def _amount(
    title: str, name: str, better: Literal["higher", "lower"] | None = "higher"
) -> Definition:
    return Definition(title, better, name, False, _mean(name))


def _quotes(prefix: str, what: str) -> dict[str, Definition]:
    return {
        f"{prefix}hit_at_1": _share(f"Quote hit at 1{what}", f"{prefix}hit_at_1"),
        f"{prefix}hit_at_3": _share(f"Quote hit at 3{what}", f"{prefix}hit_at_3"),
        f"{prefix}hit_at_5": _share(f"Quote hit at 5{what}", f"{prefix}hit_at_5"),
        f"{prefix}char_recall": _amount(f"Character recall{what}", f"{prefix}char_recall"),
        f"{prefix}char_precision": _amount(f"Character precision{what}", f"{prefix}char_precision"),
        f"{prefix}char_iou": _amount(f"Character IoU{what}", f"{prefix}char_iou"),
        f"{prefix}char_f1": _amount(f"Character F1{what}", f"{prefix}char_f1"),
    }


FIGURES: Mapping[str, Definition] = {
    "passed": _share("Pairs passed", "passed"),
    "answered": _share("Answered, of the answerable", "answered_right"),
    "refused": _share("Refused, of the unanswerable", "refused"),
    "balanced_accuracy": Definition(
        "Mean of answered and refused", "higher", "confidence", False, _balanced
    ),
    "auroc": Definition("AUROC of the confidence", "higher", "confidence", False, _auroc),
    "calibration_error": Definition(
        "Calibration error", "lower", "confidence", False, _calibration
    ),
    "brier": Definition("Brier score", "lower", "confidence", False, _brier),
    **_quotes("", ""),
    **_quotes("selection_", ", refused ones too"),
    "retrieved": _share("Retrieved at all", "retrieved"),
    "retrieved_at_1_before": _share("Retrieved at 1, before reranking", "retrieved_at_1_before"),
    "retrieved_at_1": _share("Retrieved at 1", "retrieved_at_1_after"),
    "retrieved_at_5_before": _share("Retrieved at 5, before reranking", "retrieved_at_5_before"),
    "retrieved_at_5": _share("Retrieved at 5", "retrieved_at_5_after"),
    "mrr_before": _amount("Mean reciprocal rank, before reranking", "reciprocal_before"),
    "mrr": _amount("Mean reciprocal rank", "reciprocal_after"),
    "quoted_chars": _amount("Characters quoted", "quoted_chars", None),
    "seconds_mean": _amount("Seconds a question, mean", "seconds", "lower"),
    "seconds_p50": Definition(
        "Seconds a question, median", "lower", "seconds", False, _quantile(0.5)
    ),
    "seconds_p95": Definition(
        "Seconds a question, 95th percentile", "lower", "seconds", False, _quantile(0.95)
    ),
}
"""Every figure by its name; the order is that of the tables."""

MEASURES = (
    "weight",
    "answerable",
    "answered",
    "passed",
    "confidence",
    *(
        prefix + name
        for prefix in ("", "selection_")
        for name in (
            "hit_at_1",
            "hit_at_3",
            "hit_at_5",
            "char_recall",
            "char_precision",
            "char_iou",
            "char_f1",
        )
    ),
    "rank_before",
    "rank_after",
    "quoted_chars",
    "seconds",
)
"""What is measured of one pair."""
