#!/usr/bin/env python3
"""Measures askseeds beside the LangChain tutorial, in one run, and prints tables in Markdown.

    bench.py [--output FILE] [--only speed|quality|fitted] [--quick] [--large]
             [--tasks NAME …] [--limit N] [--data DIR] [--plot FILE]

The first table holds the budgets of the design, the second the figures of the shared benchmark's
`score.py`; then come those of `bench_quality.py`, which judges with models fitted on other
questions. Together they are all figures of docs/quality.md. Times say little on a busy machine; the
ratios say more. A missed budget is no error; a measure that fails is shown as such, and the exit
code is then 1.
"""

import argparse
import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bench_quality
import bench_speed
from bench_process import BenchError, clean_environment, say
from bench_speed import Bench, Row
from bench_tables import GOALS, ROOT, TASKS, markdown

WITHOUT_GOAL = (
    "end_to_end_char_f1",
    "answered_of_answerable",
    "refused_of_unanswerable",
    "index_s",
    "ask_s_per_question",
)
LESS_IS_BETTER = ("quotes_not_verbatim",)


class Report:
    """Collects rows; a group that cannot be measured becomes a row that says so."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.failed = False

    def add(self, what: str, measure: Callable[[], list[Row]]) -> None:
        """Measures one group of rows."""
        say(what)
        try:
            self.rows += measure()
        except (BenchError, OSError, ValueError, LookupError) as error:
            say(f"{what} failed: {error}")
            self.failed = True
            self.rows.append(Row(what, askseeds=_cell(f"not measured: {error}")))


def speed(bench: Bench, report: Report, options: argparse.Namespace) -> None:
    """Every budget that can be measured here."""
    index = bench.work / "seeds-askseeds"
    say("askseeds indexes the seeds")
    bench.run(bench.askseeds("index", "--seeds", bench.seeds, "--index", index))
    report.add("start-up", lambda: bench_speed.start_up(bench))
    report.add("cold ask", lambda: bench_speed.cold_ask(bench, index))
    report.add("embedding", lambda: bench_speed.embedding(bench, index))
    warm = index
    if bench.data is not None:
        runs = 1 if options.quick else 3
        report.add("index", lambda: bench_speed.index_excerpts(bench, runs=runs))
        warm = bench_speed.warm_index(bench, "askseeds")
    report.add("warm ask", lambda: bench_speed.warm_ask(bench, warm))
    report.add("chat", lambda: bench_speed.chat(bench, index))
    if options.large:
        files, many = options.large_files, options.large_passages
        report.add("unchanged", lambda: bench_speed.unchanged(bench, count=files))
        report.add("scale", lambda: bench_speed.scale(bench, index, few=10_000, many=many))


def quality(bench: Bench, task: str, limit: int | None) -> list[list[str]]:
    """One task of `score.py` for both commands, as rows of the second table."""
    figures = {
        name: scored(bench, task, name, command, limit)
        for name, command in (("baseline", bench.baseline()), ("askseeds", bench.askseeds()))
    }
    goals = {"quotes_not_verbatim": 0.0} | GOALS[task]
    rows = []
    for figure in (*goals, *WITHOUT_GOAL):
        goal, ours = goals.get(figure), figures["askseeds"].get(figure)
        met = None
        if goal is not None and ours is not None:
            met = ours <= goal if figure in LESS_IS_BETTER else ours >= goal
        values = [_figure(figures[name].get(figure)) for name in figures]
        rows.append([task, figure, *values, f"{_figure(goal)}{_mark(met)}"])
    return rows


def scored(
    bench: Bench, task: str, name: str, command: list[str], limit: int | None
) -> dict[str, Any]:
    """The figures of one command on one task.

    Raises:
        BenchError: There are none.
    """
    assert bench.data is not None
    say(f"{task}: {name}")
    work = bench.work / f"score-{task}-{name}"
    work.mkdir()
    out = work / "figures.json"
    line = [sys.executable, str(bench.data / "score.py"), str(bench.data / task)]
    line += ["--command", shlex.join(command), "--work", str(work), "--json", str(out)]
    if limit is not None:
        line += ["--limit", str(limit)]
    environment = clean_environment(bench.work)
    # Exit code 1 also stands for "scored, but a quote is not verbatim": that has its own row.
    done = subprocess.run(
        line, cwd=bench.work, env=environment, capture_output=True, text=True, check=False
    )
    if not out.exists():
        said = done.stderr.strip().splitlines() or ["no message"]
        raise BenchError(f"score.py on {task}, {name}: {said[-1]}")
    figures: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return figures


def circumstances(load: float) -> str:
    """What the times depend on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load_now = os.getloadavg()[0]
    return (
        f"{cores} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; load {load:.1f} before, {load_now:.1f} after."
    )


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) and value != int(value) else f"{value:g}"


def _mark(met: bool | None) -> str:
    return "" if met is None else " ✓" if met else " ✗"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--output", type=Path, metavar="FILE", help="write the tables there, too")
    add("--only", choices=("speed", "quality", "fitted"), help="one part of the three")
    add("--plot", type=Path, metavar="FILE", help="write the reliability diagram there, as SVG")
    add("--quick", action="store_true", help="fewer runs and questions: to see that it works")
    add("--large", action="store_true", help="also 10,000 files and 1,000,000 passages: an hour")
    add("--large-files", type=int, default=10_000, metavar="N", help="another number of files")
    add("--large-passages", type=int, default=1_000_000, metavar="N", help="of passages")
    add("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="of the quality table")
    add("--limit", type=int, metavar="N", help="questions of each task; all of them when left out")
    add("--data", type=Path, default=ROOT.parent / "shared" / "bench", metavar="DIR")
    return parser.parse_args()


def main() -> int:
    """Measures and prints; returns the exit code."""
    options = _arguments()
    # So that the temporary folder is deleted then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = os.getloadavg()[0]
    data = options.data.resolve() if options.data.is_dir() else None
    report = Report()
    scores: list[list[str]] = []
    fitted: list[str] = []
    parts = []
    if data is None:
        parts.append("No shared/bench here: measured without the baseline, on the project's seeds.")
        say(parts[0])
    with tempfile.TemporaryDirectory(prefix="askseeds-bench-") as work:
        bench = Bench(
            seeds=ROOT / "seeds",
            data=data,
            work=Path(work),
            runs=2 if options.quick else 5,
            questions=12 if options.quick else 80,
        )
        try:
            if options.only in (None, "speed"):
                speed(bench, report, options)
            if options.only in (None, "quality") and data is not None:
                for task in options.tasks:
                    try:
                        scores += quality(bench, task, options.limit)
                    except BenchError as error:
                        say(str(error))
                        report.failed = True
                        scores.append([task, _cell(f"not measured: {error}"), "–", "–", "–"])
            if options.only in (None, "fitted") and data is not None and not options.quick:
                fitted = list(bench_quality.report(data, Path(work) / "fit", plot=options.plot))
        except BenchError as error:
            say(str(error))
            return 1
    if report.rows:
        head = ["what", "baseline", "askseeds", "ratio", "budget", "met"]
        rows = [
            [r.what, r.baseline, r.askseeds, r.ratio, r.budget, _mark(r.met).strip() or "–"]
            for r in report.rows
        ]
        parts += [markdown(head, rows), circumstances(load)]
    if scores:
        parts.append(markdown(["task", "figure", "baseline", "askseeds", "goal"], scores))
    text = "\n\n".join(parts + fitted)
    print(text)
    if options.output is not None:
        options.output.write_text(text + "\n", encoding="utf-8")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
