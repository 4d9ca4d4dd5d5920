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
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from askseeds.documents.markdown import parse_markdown
from askseeds.documents.text import parse_text
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
        raise DocumentError(too_large(max_bytes))
    return content


def too_large(max_bytes: int) -> str:
    """The reason why a larger file is skipped."""
    return f"is larger than max_file_mb ({max_bytes / 1e6:g} MB); split it, or raise that setting"


def parse(content: bytes, source: str) -> Document:
    """Makes a document of a file's bytes; the suffix of `source` says how to read them.

    Raises:
        DocumentError: See `read`.
    """
    kind = _kind(source)
    if not content:
        raise DocumentError("is empty")
    try:
        document = _parser(kind)(content, source)
    except DocumentError:
        raise
    except Exception as error:  # one odd file must not stop all the others
        raise DocumentError(
            f"cannot be read ({type(error).__name__}); save it again in another way"
        ) from error
    if not document.text.strip():
        hint = " (a scanned PDF?); run OCR on it first" if kind == ".pdf" else ""
        raise DocumentError(f"has no text{hint}")
    return document


def _parser(kind: str) -> Callable[[bytes, str], Document]:
    if kind in _PLAIN:
        return parse_text
    if kind in _MARKDOWN:
        return parse_markdown
    if kind in _HTML:
        from askseeds.documents.html import parse_html

        return parse_html
    if kind == ".pdf":
        from askseeds.documents.pdf import parse_pdf

        return parse_pdf
    from askseeds.documents.word import parse_word

    return parse_word


def _kind(source: str) -> str:
    suffix = PurePosixPath(source).suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        what = f"its type {suffix} is" if suffix else "a file without a type is"
        raise DocumentError(f"{what} not supported; supported: {known}")
    return suffix
