"""A canonical text in the making, and the document that comes of it."""

import hashlib
import re
from pathlib import PurePosixPath

from askseeds.types import Document, Heading

LIST_ITEM = "• "
"""Stands before every item of a list, numbered or not."""

CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)], " ")
"""For `str.translate`: no control characters but tab and newline get into a text made here."""


HEADING_CHARS = 200
"""A longer heading or title is prose, and would be stored with every passage under it."""


class CanonicalText:
    """A canonical text in the making, which knows how long it already is."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.length = 0
        self.headings: list[Heading] = []

    def put(self, text: str) -> int:
        """Appends `text` as it is; returns where it starts."""
        start = self.length
        self._parts.append(text)
        self.length += len(text)
        return start

    def __str__(self) -> str:
        return "".join(self._parts)


def one_line(text: str) -> str:
    """The words of a text with single spaces between them."""
    return " ".join(text.translate(CONTROLS).split())


def make_document(
    content: bytes,
    source: str,
    text: str,
    *,
    title: str,
    headings: list[Heading],
    page_starts: tuple[int, ...] = (),
) -> Document:
    """The document of a file with this content; without a title it is named after the file."""
    # A file name need not be valid Unicode; such bytes arrive as lone surrogates.
    name = source.encode("utf-8", "surrogatepass")
    return Document(
        id=hashlib.sha256(name + b"\0" + content).hexdigest()[:16],
        source=source,
        title=one_line(title)[:HEADING_CHARS] or _name_as_title(source),
        text=text,
        page_starts=page_starts,
        headings=tuple(h for h in headings if h.end - h.start <= HEADING_CHARS),
    )


def _name_as_title(source: str) -> str:
    stem = PurePosixPath(source).stem.encode("utf-8", "replace").decode()
    # Where underscores part the words, hyphens belong to them: "All-way_stop".
    words = re.sub(r"_+" if re.search(r"[_\s]", stem) else r"-+", " ", stem)
    return one_line(words) or stem
