"""Runs commands as a user would, and measures them from outside. Standard library only.

Nothing large may be imported by a process that uses this: Linux counts the memory that a parent
has at the fork as the least of what the child used.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import IO, Any

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes; what ru_maxrss counts in


class BenchError(Exception):
    """Something could not be measured; the message says why, on one line."""


@dataclass(frozen=True)
class Cost:
    """What one process took.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of all its threads, user and system.
        peak_mb: Most memory that it held at once, in 1,000,000 bytes.
        output: What it printed.
    """

    wall: float
    cpu: float
    peak_mb: float
    output: str


@dataclass(frozen=True)
class Batch:
    """What a process printed line by line, and how long each line took after the one before."""

    lines: tuple[dict[str, Any], ...]
    gaps: tuple[float, ...]


def say(message: str) -> None:
    """One line of progress on standard error."""
    print(f"bench: {message}", file=sys.stderr, flush=True)


def clean_environment(folder: Path) -> dict[str, str]:
    """The environment for what is measured: no settings of the user's, all scraps in `folder`."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ASKSEEDS_")}
    scraps = folder / "scraps"
    scraps.mkdir(exist_ok=True)
    # Hugging Face libraries would look for newer weights, and write below the home folder.
    local = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(scraps), "TMPDIR": str(scraps)}
    return kept | local | {"ANONYMIZED_TELEMETRY": "False"}


def run(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    expected: Sequence[int] = (0,),
    relay: bool = False,
) -> Cost:
    """Runs a command to its end.

    Args:
        command: The program and its arguments.
        folder: To run it in.
        environment: All of its environment.
        expected: Exit codes that are no failure.
        relay: True passes its standard error on; False keeps it for the message of a failure.

    Raises:
        BenchError: It ended with another exit code.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=None if relay else err,
        )
        with _killed_on_failure(process):
            # Of this child alone; resource.getrusage would mix all children there were.
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begin
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in expected:
            raise BenchError(_failure(command, process.returncode, err))
        out.seek(0)
        output = out.read().decode("utf-8", "replace")
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(wall, cpu, usage.ru_maxrss * _RSS_UNIT / 1e6, output)


def run_batch(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], count: int
) -> Batch:
    """Runs a command that prints one JSON object a line, and times the lines as they come.

    The first line also holds the start of the process, so it has no gap.

    Raises:
        BenchError: It failed, or did not print `count` lines.
    """
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
        )
        lines, arrivals = [], []
        with _killed_on_failure(process):
            assert process.stdout is not None
            for line in process.stdout:
                arrivals.append(time.perf_counter())
                lines.append(json.loads(line))
            code = process.wait()
        if code or len(lines) != count:
            raise BenchError(_failure(command, code, err) + f"; {len(lines)} of {count} lines")
    gaps = [later - earlier for earlier, later in pairwise(arrivals)]
    return Batch(tuple(lines), tuple(gaps))


def interleaved(
    runs: int, measures: Mapping[str, Callable[[int], Any]], *, of: str
) -> dict[str, list[Any]]:
    """Takes measures in turn, A B A B, so that what else the machine does meets all alike.

    Args:
        runs: Of each measure.
        measures: By name; each is given the number of the round, from 0.
        of: What is measured, for the progress.
    """
    results: dict[str, list[Any]] = {name: [] for name in measures}
    for turn in range(runs):
        for name, measure in measures.items():
            say(f"{of}: {name}, run {turn + 1} of {runs}")
            results[name].append(measure(turn))
    return results


def middle(costs: Sequence[Any], field: str) -> float | None:
    """Median of one field of several results; None without any."""
    return median(getattr(cost, field) for cost in costs) if costs else None


class _killed_on_failure:  # noqa: N801 - reads as a statement
    """Leaves no process behind when this one is interrupted."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._process.returncode is None:
            self._process.kill()
            with suppress(ChildProcessError):
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _failure(command: Sequence[str], code: int, err: IO[bytes]) -> str:
    err.seek(0)
    said = err.read().decode("utf-8", "replace").strip().splitlines() or ["no message"]
    names = [Path(part).name for part in command[:3]]
    return f"`{' '.join(names)} …` ended with exit code {code}: {said[-1][:200]}"
