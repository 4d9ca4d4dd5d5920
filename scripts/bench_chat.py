#!/usr/bin/env python3
"""Measures the chat in headless Chromium against the real server; a part of bench.py.

    bench_chat.py [--runs N]

First useful paint: from the address to a field that takes a question, with an empty browser cache,
on a server that has been visited before. First quote: from the Enter key to the quote on the page.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench_process import BenchError, clean_environment, say

BUDGET_S = 1.0
READY_MS = 120_000
QUESTIONS = (
    "Which company has mastered EUV lithography?",
    "How long is the lead of the US over China?",
    "Which open models come from China?",
    "What is Anthropic's annual revenue?",
)
FLAGS = "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run"
# Milliseconds since the address was entered, at the frame in which a thing is first on the page.
_FRAMES = """
window.seen = (selector) => new Promise((resolve) => {
    const look = () => document.querySelector(selector)?.getBoundingClientRect().height
        ? resolve(performance.now()) : requestAnimationFrame(look);
    look();
});
// Useful when it can be used: this attribute is set when the page's scripts have begun.
window.painted = seen("html[data-part] #question");
"""
_ASK = """(question) => {
    const box = document.querySelector("#question");
    box.value = question;
    const asked = performance.now();
    const number = document.querySelectorAll(".exchange").length + 1;
    box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    return seen(`#exchange-${number} .quote`).then((at) => at - asked);
}"""


def measure(
    command: list[str], *, seeds: Path, index: Path, work: Path, runs: int
) -> tuple[float, float]:
    """Medians of first useful paint and of a question's first quote, in seconds.

    Args:
        command: Begins the server: the program with `chat`.
        seeds: The documents.
        index: Their index.
        work: A folder for scraps.
        runs: Visits, each with all questions.

    Raises:
        BenchError: There is no Chromium, or the server or the page does not work.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise BenchError("Chromium is not installed; it is Debian's package chromium")
    # Other parts of the bench must not pay for these imports.
    from playwright.sync_api import Error, sync_playwright

    line = [*command, "--no-open", "--port", "0", "--seeds", str(seeds), "--index", str(index)]
    paints, quotes = [], []
    with served(line, work) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        try:
            for turn in range(runs + 1):
                say(f"chat: visit {turn} of {runs}" if turn else "chat: first visit")
                paint, waits = _visit(browser, url, turn)
                if turn:  # the first one warms the server
                    paints.append(paint)
                    quotes += waits
        except Error as error:
            raise BenchError(f"the page: {str(error).splitlines()[0]}") from error
        finally:
            browser.close()
    return median(paints) / 1000, median(quotes) / 1000


def _visit(browser: Any, url: str, turn: int) -> tuple[float, list[float]]:
    context = browser.new_context()
    context.add_init_script(_FRAMES)
    page = context.new_page()
    page.goto(url)
    paint = page.evaluate("painted")
    page.locator(".state.ready").wait_for(timeout=READY_MS)
    waits = []
    for question in QUESTIONS:
        # Never the same twice: what came of a question is kept in memory for a while.
        waits.append(page.evaluate(_ASK, question + "?" * turn))
        page.locator("#send").wait_for()
    context.close()
    return paint, waits


@contextmanager
def served(line: list[str], work: Path) -> Iterator[str]:
    """Runs a server; gives its address.

    Raises:
        BenchError: It did not start.
    """
    with tempfile.TemporaryFile(mode="w+") as said:
        process = subprocess.Popen(
            line,
            cwd=work,
            env=clean_environment(work),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        try:
            assert process.stdout is not None
            match = re.search(r"http://\S+", process.stdout.readline())
            if match is None:
                process.wait()
                said.seek(0)
                last = (said.read().strip().splitlines() or ["no message"])[-1]
                raise BenchError(f"`askseeds chat` did not start: {last}")
            yield match[0]
        finally:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def main() -> int:
    """Measures on the project's own seeds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    seeds = Path(__file__).resolve().parents[1] / "seeds"
    command = [sys.executable, "-m", "askseeds", "chat"]
    with tempfile.TemporaryDirectory(prefix="askseeds-bench-") as work:
        folder = Path(work)
        try:
            paint, quote = measure(
                command, seeds=seeds, index=folder / "index", work=folder, runs=options.runs
            )
        except BenchError as error:
            say(str(error))
            return 1
    print(f"first useful paint {paint:.2f} s, first quote {quote:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
