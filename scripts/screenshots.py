#!/usr/bin/env python3
"""Takes the pictures of the README: the real page with the document of seeds/, in Chromium.

screenshots.py [--docs DIR]
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench_chat import FLAGS, READY_MS, served
from bench_process import BenchError, say

ROOT = Path(__file__).resolve().parents[1]
WIDE = "What are the risks of China catching up in AI?"
PHONE = "Which company has mastered EUV lithography?"


def main() -> int:
    """Takes both pictures; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", metavar="DIR")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        say("Chromium is not installed; it is Debian's package chromium")
        return 1
    from playwright.sync_api import Error, sync_playwright

    with tempfile.TemporaryDirectory(prefix="askseeds-pictures-") as work:
        folder = Path(work)
        line = [sys.executable, "-m", "askseeds", "chat", "--no-open", "--port", "0"]
        line += ["--seeds", str(ROOT / "seeds"), "--index", str(folder / "index")]
        shutil.copy(ROOT / "examples.txt", folder)
        try:
            with served(line, folder) as url, sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
                wide = {"width": 1280, "height": 800}
                phone = {"width": 390, "height": 780}
                take(browser, url, options.docs / "chat-light.png", size=wide, scale=1, dark=False)
                take(
                    browser,
                    url,
                    options.docs / "chat-phone-dark.png",
                    size=phone,
                    scale=2,
                    dark=True,
                )
                browser.close()
        except (BenchError, Error) as error:
            say(str(error).splitlines()[0])
            return 1
    return 0


def take(
    browser: Any, url: str, file: Path, *, size: dict[str, int], scale: int, dark: bool
) -> None:
    """One picture of a conversation with a quote lit up beside it."""
    context = browser.new_context(viewport=size, device_scale_factor=scale, reduced_motion="reduce")
    page = context.new_page()
    page.goto(url)
    page.locator(".state.ready").wait_for(timeout=READY_MS)
    if dark:
        page.get_by_label("Light or dark").click()
    box = page.get_by_label("Your question")
    box.fill(PHONE if dark else WIDE)
    box.press("Enter")
    page.locator("#exchange-1 .verdict").wait_for()
    page.locator("#send").wait_for()
    page.locator("#lit").wait_for(state="attached")
    page.locator("h1.brand").click()
    page.wait_for_timeout(500)  # for the scrolling
    page.screenshot(path=file)
    say(f"wrote {file.name}")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
