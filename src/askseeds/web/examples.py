"""Questions to begin with."""

import re
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from askseeds.assistant import Assistant
from askseeds.errors import AskseedsError
from askseeds.types import Document

EXAMPLES_FILE = Path("examples.txt")
EXAMPLES = 4

_NUMBERING = re.compile(r"^[^\w]*(?:\d+[.)]\s)?[^\w]*")  # and Markdown's signs, and pictures


def examples(assistant: Assistant, file: Path = EXAMPLES_FILE) -> tuple[str, ...]:
    """Questions to begin with.

    Those of `file`, one a line; without it they are made from the documents' headings, and only
    those are given that the documents answer.
    """
    with suppress(OSError, UnicodeDecodeError):
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
        return tuple(line for line in lines if line and not line.startswith("#"))
    answered: list[str] = []
    with suppress(AskseedsError):  # an index that changes meanwhile is no reason to fail
        columns = [_headings(assistant.document(name)) for name in assistant.sources()[:EXAMPLES]]
        in_turn = [name for row in zip_longest(*columns) for name in row if name is not None]
        for name in list(dict.fromkeys(in_turn))[: 3 * EXAMPLES]:
            question = f"What do the documents say about “{name.rstrip('.:')}”?"
            question = name if name.endswith("?") else question
            if assistant.ask(question, prose=False).status == "answered":
                answered.append(question)
            if len(answered) == EXAMPLES:
                break
    return tuple(answered)


def _headings(document: Document) -> list[str]:
    """A document's headings that say enough to be asked about, outermost first, else its title."""
    outer_first = sorted(document.headings, key=lambda heading: heading.level)
    names = [_NUMBERING.sub("", document.text[h.start : h.end].strip()) for h in outer_first]
    # The first heading is most often the title, which says too little to ask about.
    names = names[1:] or [document.title]
    return [name for name in names if 8 <= len(name) <= 70 and "\n" not in name]
