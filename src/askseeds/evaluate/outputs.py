"""What came of an evaluation as text, JSON, Markdown and JUnit XML."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from xml.etree import ElementTree as Xml

from askseeds import __version__
from askseeds.config import Settings
from askseeds.evaluate.compare import Comparison
from askseeds.evaluate.figures import FIGURES, Figure
from askseeds.evaluate.gate import Check
from askseeds.evaluate.judge import explanation
from askseeds.evaluate.pairs import fields_of
from askseeds.evaluate.runner import Outcome, Result
from askseeds.render import html_escape
from askseeds.terminal import answer_json, terminal_safe

FORMAT = 1
"""Of the JSON report; grows when a reader of the old form would misread the new one."""

SUMMARY = (
    "passed",
    "answered",
    "refused",
    "auroc",
    "calibration_error",
    "hit_at_1",
    "hit_at_3",
    "hit_at_5",
    "char_recall",
    "char_precision",
    "char_iou",
    "char_f1",
    "retrieved",
    "mrr_before",
    "mrr",
    "seconds_p50",
)
"""The figures that a terminal and a pull request get to see."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!$@])")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything about one run.

    Attributes:
        files: The files of pairs, as they were named.
        checks: What was demanded of the whole; empty while nothing is.
    """

    settings: Settings
    files: tuple[str, ...]
    results: tuple[Result, ...]
    figures: Mapping[str, Figure]
    checks: tuple[Check, ...] = ()

    def count(self, *outcomes: Outcome) -> int:
        """How many pairs came out so."""
        return sum(result.outcome in outcomes for result in self.results)


def figure_text(name: str, figure: Figure) -> tuple[str, str]:
    """A figure and its interval, in the decimals that suit it."""
    if figure.value is None or figure.low is None or figure.high is None:
        return "–", ""
    decimals = 0 if name == "quoted_chars" else 3
    value, low, high = (f"{x:.{decimals}f}" for x in (figure.value, figure.low, figure.high))
    return value, f"{low} – {high}"


def counts_text(run: Evaluation) -> str:
    """How many pairs came out how, in one line."""
    parts = [
        f"{number} {name}"
        for name, number in (
            ("passed", run.count("passed")),
            ("failed", run.count("failed")),
            ("failed as expected", run.count("expected failure")),
            ("passed unexpectedly", run.count("unexpected pass")),
            ("could not be asked", run.count("error")),
        )
        if number or name in ("passed", "failed")
    ]
    return f"{len(run.results)} pairs: " + ", ".join(parts)


# --- Text -----------------------------------------------------------------------------------------


def text(run: Evaluation) -> str:
    """For a terminal: every pair that needs a look, then the figures, then the gate."""
    parts = [failure_text(result) for result in run.results if not result.ok]
    rows = [("", "value", "95 % interval", "pairs")]
    for name in SUMMARY:
        value, interval = figure_text(name, run.figures[name])
        rows.append((name, value, interval, str(run.figures[name].pairs)))
    parts += [table(rows), counts_text(run)]
    parts += [check_text(check) for check in run.checks]
    return "\n".join(parts)


def failure_text(result: Result) -> str:
    """One pair that did not come out as it must, in full."""
    place = f"{result.pair.file}:{result.pair.line}"
    head = f"{result.outcome.upper()}  {result.pair.id}  ({place})"
    if result.outcome == "unexpected pass":
        body = f"it passes now; delete `xfail: {result.pair.xfail}`"
    elif result.answer is None:
        body = "; ".join(result.verdict.reasons)
    else:
        body = explanation(result.pair, result.answer, result.verdict)
    indented = "\n".join("  " + line for line in terminal_safe(body).split("\n"))
    return f"{terminal_safe(head)}\n{indented}\n"


def check_text(check: Check) -> str:
    """One line about the gate."""
    return f"gate {'ok   ' if check.ok else 'FAILS'} {terminal_safe(check.text)}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns of plain text: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)),
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def comparison_text(found: Comparison, names: tuple[str, str]) -> str:
    """For a terminal: wins, losses, what changed, and how likely that is by chance."""
    parts = []
    for title, both in (("wins", found.wins), ("losses", found.losses)):
        parts.append(f"{title} of {terminal_safe(names[1])}: {len(both)}")
        parts += [
            terminal_safe(f"  {a.pair.id}: {a.verdict.kind} → {b.verdict.kind}; {a.pair.question}")
            for a, b in both
        ]
    rows = [("", "change", "95 % interval")]
    for name in SUMMARY:
        value, interval = figure_text(name, found.changes[name])
        rows.append((name, value if value.startswith("-") else "+" + value, interval))
    parts.append(table(rows))
    parts.append(f"pairs passed: McNemar's exact test, p = {found.p_passed:.4f}")
    if found.p_f1 is not None:
        parts.append(f"char_f1: paired permutation test, p = {found.p_f1:.4f}")
    return "\n".join(parts)


# --- JSON -----------------------------------------------------------------------------------------


def json_text(run: Evaluation) -> str:
    """The whole run for programs, and for `--baseline`."""
    models = next((asdict(r.answer.models) for r in run.results if r.answer), None)
    content = {
        "format": FORMAT,
        "askseeds": __version__,
        "files": list(run.files),
        "settings": run.settings.model_dump(mode="json"),
        "model": models,
        "figures": {
            name: asdict(figure) | {"better": FIGURES[name].better}
            for name, figure in run.figures.items()
        },
        "checks": [asdict(check) for check in run.checks],
        "pairs": [_pair_json(result) for result in run.results],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _pair_json(result: Result) -> dict[str, Any]:
    answer = answer_json(result.answer) if result.answer else None
    return {
        "id": result.pair.id,
        "file": result.pair.file,
        "line": result.pair.line,
        "expected": fields_of(result.pair),
        "outcome": result.outcome,
        "kind": result.verdict.kind,
        "reasons": list(result.verdict.reasons),
        "nearest_miss": result.verdict.nearest_miss,
        "gold": [
            {"fragment": gold.fragment, "places": [asdict(place) for place in gold.places]}
            for gold in result.golds
        ],
        "asked": result.answer.asked if result.answer else None,
        "answer": answer,
        "measures": result.measures,
    }


# --- Markdown -------------------------------------------------------------------------------------


def markdown(run: Evaluation) -> str:
    """For a pull request or a job summary."""
    good = all(check.ok for check in run.checks) and not run.count("error")
    lines = [f"## askseeds eval: {'passed' if good else 'failed'}", "", counts_text(run), ""]
    lines += ["| figure | value | 95 % interval | pairs |", "|---|--:|:-:|--:|"]
    for name in SUMMARY:
        value, interval = figure_text(name, run.figures[name])
        title = FIGURES[name].title
        lines.append(f"| {title} (`{name}`) | {value} | {interval} | {run.figures[name].pairs} |")
    if run.checks:
        lines += ["", "### Gate", ""]
        lines += [f"- {'✅' if c.ok else '❌'} {markdown_escape(c.text)}" for c in run.checks]
    wrong = [result for result in run.results if not result.ok]
    if wrong:
        lines += ["", "### Pairs that need a look", "", "| pair | question | what went wrong |"]
        lines += ["|---|---|---|"]
        for result in wrong:
            why = "; ".join(result.verdict.reasons) or result.outcome
            cells = (result.pair.id, result.pair.question, f"{result.verdict.kind}: {why}")
            lines.append("| " + " | ".join(markdown_escape(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def markdown_escape(plain: str) -> str:
    """A text on one line of Markdown, where none of its characters means anything."""
    flat = " ".join(terminal_safe(plain).split())
    return _MARKDOWN.sub(r"\\\1", html_escape(flat).replace("&#x27;", "'").replace("&quot;", '"'))


# --- JUnit ----------------------------------------------------------------------------------------


def junit(run: Evaluation) -> str:
    """JUnit XML as Jenkins, GitLab and GitHub actions read it: a suite a file, a case a pair."""
    seconds = sum(result.seconds for result in run.results)
    root = Xml.Element("testsuites", _junit_counts(run.results) | {"time": f"{seconds:.3f}"})
    root.set("name", "askseeds eval")
    for file in dict.fromkeys(result.pair.file for result in run.results):
        own = [result for result in run.results if result.pair.file == file]
        skipped = sum(result.outcome == "expected failure" for result in own)
        spent = f"{sum(result.seconds for result in own):.3f}"
        counts = _junit_counts(own) | {"skipped": str(skipped), "time": spent}
        suite = Xml.SubElement(root, "testsuite", {"name": _xml(file)} | counts)
        for result in own:
            _junit_case(suite, result)
    Xml.indent(root)
    body = Xml.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _junit_counts(results: Sequence[Result]) -> dict[str, str]:
    failures = sum(r.outcome in ("failed", "unexpected pass") for r in results)
    errors = sum(r.outcome == "error" for r in results)
    return {"tests": str(len(results)), "failures": str(failures), "errors": str(errors)}


def _junit_case(suite: Xml.Element, result: Result) -> None:
    pair = result.pair
    case = Xml.SubElement(
        suite,
        "testcase",
        {
            "classname": _xml(pair.file.removesuffix(".yaml").replace("/", ".")),
            "name": _xml(pair.id),
            "file": _xml(pair.file),
            "line": str(pair.line),
            "time": f"{result.seconds:.3f}",
        },
    )
    if result.outcome == "expected failure":
        Xml.SubElement(case, "skipped", {"message": _xml(f"expected failure: {pair.xfail}")})
    elif not result.ok:
        reasons = "; ".join(result.verdict.reasons) or "passes, but is marked xfail"
        kind = "error" if result.outcome == "error" else "failure"
        found = Xml.SubElement(
            case, kind, {"message": _xml(reasons), "type": _xml(result.verdict.kind)}
        )
        found.text = _xml(failure_text(result))


def _xml(plain: str) -> str:
    """The text without what XML 1.0 has no way to hold."""
    return _NOT_XML.sub("\ufffd", plain)
