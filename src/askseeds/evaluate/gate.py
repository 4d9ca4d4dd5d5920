"""Which figures are good enough: thresholds, and no drop against an earlier run."""

import difflib
import json
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askseeds.errors import ConfigError
from askseeds.evaluate.figures import FIGURES, Figure, Row, differences
from askseeds.evaluate.runner import Result

_THRESHOLD = re.compile(r"\s*([a-z_0-9]+)\s*(>=|<=|==|>|<)\s*([-+.\de]+)\s*", re.IGNORECASE)
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
TIMED = ("seconds_mean", "seconds_p50", "seconds_p95")
"""Not compared with a baseline: they are the machine's as much as the program's."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was demanded, whether it holds, and why."""

    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a figure must be."""

    name: str
    sign: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> "Threshold":
        """Reads one such as `hit_at_1>=0.9`.

        Raises:
            ConfigError: It is none, or there is no such figure.
        """
        match = _THRESHOLD.fullmatch(text)
        try:
            bound = float(match[3]) if match else math.nan
        except ValueError:
            bound = math.nan
        if match is None or not math.isfinite(bound):
            raise ConfigError(f"--gate {text!r}: write it like 'hit_at_1>=0.9'")
        name = match[1]
        if name not in FIGURES:
            near = difflib.get_close_matches(name, FIGURES, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(FIGURES)}"
            raise ConfigError(f"--gate {text!r}: {name} is not a figure; {hint}")
        return cls(name, match[2], bound)

    def check(self, figures: Mapping[str, Figure]) -> Check:
        """Whether the figure is as demanded; a figure over no pairs is not."""
        figure = figures[self.name]
        demand = f"{self.name} {self.sign} {self.bound:g}"
        if figure.value is None:
            return Check(False, f"{demand}: no pair counts towards it")
        # Means carry the rounding of sums: 0.9 of ten pairs must pass >= 0.9.
        value = round(figure.value, 9)
        ok = _OPERATORS[self.sign](value, self.bound)
        return Check(ok, f"{demand}: {value:.4g} over {figure.pairs} pairs")


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier run, as `--json` wrote it.

    Attributes:
        rows: The measures of each pair, by id.
        pairs: Everything of each pair, by id.
    """

    file: Path
    rows: Mapping[str, Row]
    pairs: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, file: Path) -> "Baseline":
        """Reads an earlier run.

        Raises:
            ConfigError: It cannot be read, or is not what `--json` writes.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            pairs = {str(pair["id"]): pair for pair in content["pairs"]}
            rows = {
                id_: {name: _number(value) for name, value in pair["measures"].items()}
                for id_, pair in pairs.items()
            }
            if any(row.get("weight") is None for row in rows.values()):
                raise KeyError("weight")
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ConfigError(
                f"{file} is not a report of `askseeds eval --json`; write one and try again"
            ) from None
        return cls(file, rows, pairs)

    def check(self, results: Sequence[Result], *, max_drop: float) -> list[Check]:
        """Whether any figure got worse, on the pairs that both runs have.

        It did when it is worse by more than `max_drop` and the 95 % interval of the difference,
        drawn pair by pair, lies beyond 0.
        """
        now = [result for result in results if result.pair.id in self.rows]
        if not now:
            return [Check(False, f"{self.file}: has none of these pairs")]
        # The weights of today count for both, or changed weights would look like a change.
        before = [self.rows[r.pair.id] | {"weight": r.pair.weight} for r in now]  # type: ignore[operator]
        changes = differences(before, [result.measures for result in now])
        checks = []
        for name, change in changes.items():
            better = FIGURES[name].better
            if better is None or name in TIMED or change.value is None:
                continue
            assert change.low is not None
            assert change.high is not None
            drop, sure = -change.value, change.high < 0
            if better == "lower":
                drop, sure = change.value, change.low > 0
            if drop > max_drop:
                span = f"{change.low:+.3f} to {change.high:+.3f}"
                said = "worse than the baseline" + ("" if sure else ", but within chance")
                checks.append(Check(not sure, f"{name} {change.value:+.3f} ({span}): {said}"))
        left = len(results) - len(now)
        about = f"{len(now)} pairs compared with {self.file}" + (
            f", {left} are new" if left else ""
        )
        lost = not all(check.ok for check in checks)
        return [*checks, Check(True, about + ("" if lost else f"; no drop over {max_drop:g}"))]


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def every_pair(results: Sequence[Result]) -> Check:
    """Whether every pair came out as it must."""
    wrong = [result.pair.id for result in results if not result.ok]
    if not wrong:
        return Check(True, f"every one of {len(results)} pairs is as expected")
    named = ", ".join(wrong[:5]) + (", …" if len(wrong) > 5 else "")
    return Check(False, f"{len(wrong)} of {len(results)} pairs failed: {named}")
