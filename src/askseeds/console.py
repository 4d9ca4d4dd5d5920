"""How a command speaks: results on standard output, everything else on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from askseeds.errors import QuestionError

if TYPE_CHECKING:
    from askseeds.types import Progress

OK, FAILED, USAGE, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes; a gate of an evaluation that failed is 4, see `evaluate.command`."""

PROGRESS_EVERY_S = 30.0
"""How often long work is told where there is no terminal, seconds."""


def decoded(data: bytes, where: str) -> str:
    """Text from a file or a pipe; raises QuestionError when it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QuestionError(f"{where} is not UTF-8 (byte {error.start})") from error


def result(text: str) -> None:
    """One result on standard output, whatever the encoding of the terminal."""
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def notice(message: str) -> None:
    """One line on standard error."""
    from askseeds.terminal import terminal_line

    # File names and the words of other libraries: one line, whatever is in them.
    click.echo(terminal_line(message), err=True)


def colour() -> bool:
    """Whether results may be coloured."""
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def complain(error: Exception) -> None:
    """What went wrong, in one line."""
    notice(f"askseeds: {error}")


@contextmanager
def progress() -> Iterator["Progress | None"]:
    """A progress bar on a terminal; elsewhere a line now and then, if it takes long."""
    if not sys.stderr.isatty():
        yield _now_and_then()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def step(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield step


def _now_and_then() -> "Progress":
    import time

    told_s = time.monotonic()

    def step(stage: str, done: int, total: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= PROGRESS_EVERY_S:
            told_s = time.monotonic()
            notice(f"{stage}: {100 * done // max(total, 1)} %")

    return step
