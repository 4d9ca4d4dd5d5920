"""The five plots of the report, from results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from askseeds.evaluate.figures import BINS, bin_of
from askseeds.evaluate.plots import Axis, Plot, count_axis, histogram, share_axis, time_axis
from askseeds.evaluate.runner import Result

RANK_BINS = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 8))
CONFIDENCE_BINS = 20
TIME_BINS = 24
Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with its caption.

    Attributes:
        legend_html: HTML, made of fixed words only.
        said: What it shows, in words.
    """

    title: str
    legend_html: str
    svg: str
    said: str


def charts(results: Sequence[Result], min_confidence: float) -> list[Chart]:
    """Every plot that these results have the pairs for."""
    asked = [result for result in results if result.answer]
    known = [result for result in asked if "char_f1" in result.measures]
    found = []
    if known:
        found.append(_ranks(known))
    if asked:
        found += [
            _confidence(asked, min_confidence),
            _calibration(asked),
            _coverage(asked, min_confidence),
            _times(asked),
        ]
    return found


def _legend(*kinds: tuple[str, str]) -> str:
    return "".join(f'<span class="key {kind}">{name}</span>' for kind, name in kinds)


def _confidence_of(result: Result) -> float:
    return result.answer.confidence if result.answer else 0.0


def _answerable(result: Result) -> bool:
    return result.pair.status == "answered"


def _ranks(known: Sequence[Result]) -> Chart:
    before, after = (
        _by_rank([result.measures[f"rank_{stage}"] for result in known])
        for stage in ("before", "after")
    )
    labels = [f"{a}" if a == b else f"{a}–{b}" for a, b in RANK_BINS] + ["none"]
    marks = [(n + 0.5, label) for n, label in enumerate(labels)]
    title = "Hits by rank"
    plot = Plot(
        Axis(0, len(labels), marks, "rank of the first passage with the expected text"),
        count_axis(max(*before, *after), "pairs"),
        title=title,
    )
    for n, (old, new, label) in enumerate(zip(before, after, labels, strict=True)):
        plot.bar(n + 0.12, n + 0.5, old, "muted", f"rank {label} before reranking: {old}")
        plot.bar(n + 0.5, n + 0.88, new, "main", f"rank {label}: {new}")
    said = f"Of {len(known)} pairs, {after[0]} have it first; before reranking {before[0]} did."
    legend = _legend(("muted", "before reranking"), ("main", "after"))
    return Chart(title, legend, plot.svg(), said)


def _by_rank(ranks: Sequence[float | None]) -> list[int]:
    counts = [sum(r is not None and low <= r <= high for r in ranks) for low, high in RANK_BINS]
    return [*counts, len(ranks) - sum(counts)]


def _confidence(asked: Sequence[Result], least: float) -> Chart:
    edges = [n / CONFIDENCE_BINS for n in range(CONFIDENCE_BINS + 1)]
    yes = histogram([_confidence_of(r) for r in asked if _answerable(r)], edges)
    no = histogram([_confidence_of(r) for r in asked if not _answerable(r)], edges)
    y = count_axis(max(*yes, *no, 1), "pairs")
    title = "Confidence"
    plot = Plot(share_axis("confidence"), y, title=title)
    half = 0.5 / CONFIDENCE_BINS
    for low, answerable, other in zip(edges[:-1], yes, no, strict=True):
        span = f"{low:.2f} to {low + 2 * half:.2f}"
        plot.bar(low, low + half, answerable, "main", f"{span}: {answerable} answerable")
        plot.bar(low + half, low + 2 * half, other, "other", f"{span}: {other} unanswerable")
    plot.line([(least, y.low), (least, y.high)], "limit")
    legend = _legend(("main", "answerable"), ("other", "unanswerable"), ("limit", "refusal below"))
    return Chart(title, legend, plot.svg(), f"Below {least:g} a question is refused.")


def _calibration(asked: Sequence[Result]) -> Chart:
    confidence = np.array([_confidence_of(result) for result in asked])
    answerable = np.array([_answerable(result) for result in asked], dtype=np.float64)
    bins = bin_of(confidence)
    title = "Calibration"
    y = share_axis("share answerable")
    plot = Plot(share_axis("confidence"), y, title=title)
    plot.line([(0, 0), (1, 1)], "ideal")
    for number in range(BINS):
        inside = bins == number
        pairs = int(inside.sum())
        if pairs:
            x, share = float(confidence[inside].mean()), float(answerable[inside].mean())
            low, high = wilson(share, pairs)
            plot.line([(x, low), (x, high)], "whisker")
            hint = f"confidence {x:.2f}: {share:.0%} of {pairs} answerable"
            plot.dot(x, share, "main", hint, radius=2.5 + math.sqrt(pairs) / 1.6)
    legend = _legend(("main", "pairs, in tenths of the confidence"), ("ideal", "ideal"))
    said = "A larger dot stands for more pairs; its line is the 95 % interval of the share."
    return Chart(title, legend, plot.svg(), said)


def wilson(share: float, pairs: int) -> tuple[float, float]:
    """The 95 % interval of a share: Wilson, JASA 1927."""
    middle = share + Z95**2 / (2 * pairs)
    half = Z95 * math.sqrt(share * (1 - share) / pairs + Z95**2 / (4 * pairs**2))
    below = 1 + Z95**2 / pairs
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def _coverage(asked: Sequence[Result], least: float) -> Chart:
    curve = coverage_curve(asked)
    title = "Precision against coverage"
    plot = Plot(
        share_axis("coverage: share of questions answered"),
        share_axis("precision: share right"),
        title=title,
    )
    plot.line(curve, "curve")
    answered = sum(_confidence_of(result) >= least for result in asked)
    said = "Every point is a confidence below which one could refuse."
    if answered:
        x, y = min(curve, key=lambda point: abs(point[0] - answered / len(asked)))
        plot.dot(x, y, "main", f"refusing below {least:g}: {y:.0%} right of {x:.0%}", radius=6)
        said = f"Refusing below {least:g}: {x:.0%} answered, {y:.0%} of them right. {said}"
    return Chart(title, _legend(("main", "as it is set")), plot.svg(), said)


def coverage_curve(asked: Sequence[Result]) -> list[tuple[float, float]]:
    """Coverage and precision for every confidence below which one could refuse.

    An answer is right when the pair is answerable and one of its first three quotes is a hit, or,
    where no fragment is expected, when the pair is answerable. Pairs of one confidence go together.
    """
    ordered = sorted(asked, key=_confidence_of, reverse=True)
    points: list[tuple[float, float]] = []
    right = 0.0
    for number, result in enumerate(ordered, start=1):
        hit = result.measures.get("selection_hit_at_3", 1.0)
        right += (1.0 if hit is None else hit) if _answerable(result) else 0.0
        following = ordered[number] if number < len(ordered) else None
        if following is None or _confidence_of(following) < _confidence_of(result):
            points.append((number / len(ordered), right / number))
    return points


def _times(asked: Sequence[Result]) -> Chart:
    seconds = sorted(result.seconds for result in asked)
    x = time_axis(seconds[-1], "seconds")
    edges = [x.high * n / TIME_BINS for n in range(TIME_BINS + 1)]
    counts = histogram(seconds, edges)
    title = "Time per question"
    plot = Plot(x, count_axis(max(counts), "pairs"), title=title)
    for low, high, number in zip(edges[:-1], edges[1:], counts, strict=True):
        plot.bar(low, high, number, "main", f"{low:.3f} to {high:.3f} s: {number}")
    half = seconds[len(seconds) // 2]
    said = f"Half of the questions took less than {half:.2f} s; the slowest {seconds[-1]:.2f} s."
    return Chart(title, _legend(("main", "pairs")), plot.svg(), said)
