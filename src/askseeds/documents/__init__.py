"""One file → `Document`: the canonical text that all offsets count in, its title and headings.

Plain text and Markdown are taken as they are, so that anyone can check a quote against the file.
For HTML, PDF and Word the canonical text is made here, once, and everything that makes it readable
(white space, wrapped lines, ligatures) is done before it becomes canonical. In those formats blank
lines part paragraphs; single newlines part list items, table rows and lines broken on purpose.

    canonical    a canonical text in the making, and the document that comes of it
    text         plain text, and what it shares with Markdown: decoding and lines
    markdown, html, pdf, word

The modules for HTML, PDF and Word are imported when the first such file is read: most commands
read none, and should not wait for the libraries.
"""

import stat
from pathlib import Path, PurePosixPath

from askseeds.documents import markdown, text
from askseeds.errors import DocumentError
from askseeds.types import Document

_PLAIN = frozenset({".txt", ".text"})
_MARKDOWN = frozenset({".md", ".markdown"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
SUFFIXES = _PLAIN | _MARKDOWN | _HTML | {".pdf", ".docx"}
"""Suffixes that can be read, in lower case; upper case in a file name is the same."""


def read(path: Path, *, source: str, max_bytes: int) -> Document:
    """Reads one file; `source` is its path relative to the seeds folder, `/`-separated.

    Raises:
        DocumentError: The file cannot be read; the message is the reason alone, on one line.
    """
    _kind(source)
    return parse(read_file(path, max_bytes=max_bytes), source)


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """Returns the bytes of a file, for `parse` and for hashing: both see the same bytes.

    Raises:
        DocumentError: It is no regular file, is larger than `max_bytes`, or cannot be read.
    """
    try:
        # Opening a pipe or a device could wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DocumentError("is not a regular file")
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError(f"cannot be read: {reason}") from error
    if len(content) > max_bytes:
        raise DocumentError(
            f"is larger than max_file_mb ({max_bytes / 1e6:g} MB); split it, or raise that setting"
        )
    return content


def parse(content: bytes, source: str) -> Document:
    """Makes a document of a file's bytes; the suffix of `source` says how to read them.

    Raises:
        DocumentError: See `read`.
    """
    kind = _kind(source)
    if not content:
        raise DocumentError("is empty")
    if kind in _PLAIN:
        document = text.parse(content, source)
    elif kind in _MARKDOWN:
        document = markdown.parse(content, source)
    elif kind in _HTML:
        from askseeds.documents import html

        document = html.parse(content, source)
    elif kind == ".pdf":
        from askseeds.documents import pdf

        document = pdf.parse(content, source)
    else:
        from askseeds.documents import word

        document = word.parse(content, source)
    if not document.text.strip():
        hint = " (a scanned PDF?); run OCR on it first" if kind == ".pdf" else ""
        raise DocumentError(f"has no text{hint}")
    return document


def _kind(source: str) -> str:
    suffix = PurePosixPath(source).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        what = f"its type {suffix} is" if suffix else "a file without a type is"
        raise DocumentError(f"{what} not supported; supported: {known}")
    return suffix
