"""Plots as SVG, drawn by a few small functions. Colours come from the style sheet, by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from askseeds.render import html_escape

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 58, 22, 12, 42


@dataclass(frozen=True, slots=True)
class Axis:
    """From where to where an axis runs, where its marks are, and what it says."""

    low: float
    high: float
    marks: Sequence[tuple[float, str]]
    title: str


def share_axis(title: str) -> Axis:
    """From 0 to 1, marked in percent."""
    return Axis(0, 1, [(n / 4, f"{n * 25} %") for n in range(5)], title)


def count_axis(highest: float, title: str) -> Axis:
    """From 0 to a round number that is no less than `highest`."""
    step = 1.0
    while highest / step > 5:
        step *= 2.5 if str(step)[0] == "2" else 2
    top = step * max(1, -(-highest // step))
    marks = [(n * step, f"{n * step:g}") for n in range(round(top / step) + 1)]
    return Axis(0, top, marks, title)


def time_axis(highest: float, title: str) -> Axis:
    """From 0 to a round number of seconds that is no less than `highest`."""
    step = 0.001
    factors = (2, 2.5, 2)
    turn = 0
    while highest / step > 5:
        step *= factors[turn % 3]
        turn += 1
    top = step * max(1, -(-highest // step))
    marks = [(n * step, f"{n * step:g}") for n in range(round(top / step) + 1)]
    return Axis(0, top, marks, title)


class Plot:
    """One picture; parts are added in the order in which they lie on each other."""

    def __init__(self, x: Axis, y: Axis, *, title: str) -> None:
        """Draws the axes; `title` is read out to those who do not see the picture."""
        self._x, self._y = x, y
        right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = []
        for value, label in y.marks:
            at = self._up(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at}" y2="{at}"/>')
            parts.append(
                f'<text x="{LEFT - 6}" y="{at}" text-anchor="end" '
                f'dominant-baseline="middle">{html_escape(label)}</text>'
            )
        for value, label in x.marks:
            parts.append(
                f'<text x="{self._over(value)}" y="{floor + 15}" '
                f'text-anchor="middle">{html_escape(label)}</text>'
            )
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{floor}" y2="{floor}"/>')
        parts.append(
            f'<text class="title" x="{(LEFT + right) / 2}" y="{HEIGHT - 6}" '
            f'text-anchor="middle">{html_escape(x.title)}</text>'
        )
        middle = (TOP + floor) / 2
        parts.append(
            f'<text class="title" x="11" y="{middle}" text-anchor="middle" '
            f'transform="rotate(-90 11 {middle})">{html_escape(y.title)}</text>'
        )
        self._title = title
        self._parts = parts

    def bar(self, left: float, right: float, height: float, kind: str, hint: str) -> None:
        """A bar that stands on the axis from `left` to `right`."""
        x, top, floor = self._over(left), self._up(height), self._up(self._y.low)
        width = max(0.5, self._over(right) - x - 1)
        self._parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{top}" width="{width:.1f}" '
            f'height="{floor - top:.1f}"><title>{html_escape(hint)}</title></rect>'
        )

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """A line through points."""
        joined = " ".join(f"{self._over(x)},{self._up(y)}" for x, y in points)
        self._parts.append(f'<polyline class="{kind}" points="{joined}"/>')

    def band(self, points: Sequence[tuple[float, float, float]], kind: str) -> None:
        """The area between a lower and an upper line."""
        edge = [(x, low) for x, low, _ in points] + [(x, high) for x, _, high in reversed(points)]
        joined = " ".join(f"{self._over(x)},{self._up(y)}" for x, y in edge)
        self._parts.append(f'<polygon class="{kind}" points="{joined}"/>')

    def dot(self, x: float, y: float, kind: str, hint: str, *, radius: float = 4) -> None:
        """A point."""
        self._parts.append(
            f'<circle class="{kind}" cx="{self._over(x)}" cy="{self._up(y)}" r="{radius:.1f}">'
            f"<title>{html_escape(hint)}</title></circle>"
        )

    def svg(self) -> str:
        """The picture."""
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{html_escape(self._title)}">{"".join(self._parts)}</svg>'
        )

    def _over(self, value: float) -> float:
        share = (value - self._x.low) / (self._x.high - self._x.low)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def _up(self, value: float) -> float:
        share = (value - self._y.low) / (self._y.high - self._y.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many values lie between each two edges; the last edge belongs to its bin."""
    counts = [0] * (len(edges) - 1)
    for value in values:
        for number, (low, high) in enumerate(pairwise(edges)):
            if low <= value < high or (number == len(counts) - 1 and value == high):
                counts[number] += 1
                break
    return counts
