"""Word: the paragraphs, lists and tables of a .docx file, without what was deleted."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import docx
from docx.exceptions import PythonDocxError
from docx.opc.exceptions import OpcError
from docx.oxml.exceptions import XmlchemyError
from docx.styles.styles import Styles
from lxml import etree

from askseeds.documents.canonical import LIST_ITEM, CanonicalText, make_document, one_line
from askseeds.errors import DocumentError
from askseeds.types import Document, Heading

_UNPACKED_MAX_BYTES = 500_000_000
"""Most that a file may unpack to: beyond it is a bomb, not a text."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_P, _TABLE, _ROW, _CELL, _BOX, _VALUE = (
    _W + name for name in ("p", "tbl", "tr", "tc", "txbxContent", "val")
)
_WRAPPERS = {
    _BOX,
    *(_W + name for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")),
}
# What was deleted, moved away, or is said a second time for old programs and in small print.
_UNSEEN = (
    *(_W + name for name in ("del", "moveFrom", "rt")),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
)
_LETTERS = (_W + "t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t")
_BLANKS = {_W + "tab": " ", _W + "br": "\n", _W + "cr": "\n", _W + "noBreakHyphen": "-"}
_STYLE = re.compile(r"(title)|heading (\d)|(list|toc)(?: (?:bullet|number))?(?: \d)?")

_Item = tuple[str, str]
"""The kind of a paragraph or table row and its text; kinds are "row" and those of `_kinds`."""


def parse_word(content: bytes, source: str) -> Document:
    """Makes a document of a Word file.

    Raises:
        DocumentError: It is damaged, encrypted or of another format.
    """
    named, items = _read(content)
    text, titled, last = CanonicalText(), "", ""
    for kind, words in items:
        if words:
            if text.length:
                text.put("\n" if kind == last and kind in ("list", "row") else "\n\n")
            start = text.put(words)
            if kind.isdigit():
                level = min(6, max(1, int(kind)))
                text.headings.append(Heading(start, text.length, level))
            if kind == "0":
                titled = titled or words
        last = kind
    title = named or titled
    if not title and text.headings:
        title = str(text)[text.headings[0].start : text.headings[0].end]
    return make_document(content, source, str(text), title=title, headings=text.headings)


def _read(content: bytes) -> tuple[str, list[_Item]]:
    """The title that is set in the file, and everything in it that is text."""
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise DocumentError("is an encrypted or an old Word file; save it as a plain .docx")
    try:
        _check_package(content)
        file = docx.Document(io.BytesIO(content))
        kinds = _kinds(file.styles)
        named = one_line(file.core_properties.title)
        body = file.element.body
        etree.strip_elements(body, *_UNSEEN, with_tail=False)
        _move_boxes_out(body)
        items = list(_items(body, kinds))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, OpcError, etree.LxmlError) as error:
        raise DocumentError("is not a Word file, or damaged; save it again as .docx") from error
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
        PythonDocxError,
        XmlchemyError,
    ) as error:
        # What python-docx raises, and from where, depends on which part it misses.
        raise DocumentError("is not a complete Word file; save it again as .docx") from error
    # python-docx gives a file without properties the title "Word Document".
    return named if named != "Word Document" else "", items


def _check_package(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        entries = package.infolist()
    if any(
        entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries
    ):
        raise zipfile.BadZipFile("packed in a way that the format does not know")
    if sum(entry.file_size for entry in entries) > _UNPACKED_MAX_BYTES:
        raise DocumentError("unpacks to more than a text could be; save it again from Word")


def _kinds(styles: Styles) -> dict[str, str]:
    """Style id → "0" for the title, "1" to "9" for headings, "list", or "toc"."""
    kinds: dict[str, str] = {}
    for style in styles:
        base, depth = style, 0
        while base is not None and depth < 10 and style.style_id not in kinds:
            if found := _STYLE.fullmatch((base.name or "").lower()):
                kinds[style.style_id] = "0" if found[1] else found[2] or found[3]
            base, depth = getattr(base, "base_style", None), depth + 1
    return kinds


def _move_boxes_out(body: etree._Element) -> None:
    """Puts each text box behind the paragraph that holds it, so that no text is said twice."""
    for box in reversed(list(body.iter(_BOX))):
        holder = next(box.iterancestors(_P), None)
        if holder is not None:
            holder.addnext(box)


def _items(container: etree._Element, kinds: dict[str, str]) -> Iterator[_Item]:
    """Everything below `container`, in the order of the document."""
    for block in container:
        if block.tag == _P:
            kind = _kind(block, kinds)
            lines = filter(None, map(one_line, _letters(block).split("\n")))
            words = (" " if kind.isdigit() else "\n").join(lines)
            if kind != "toc":  # A table of contents only says the headings twice.
                yield kind, LIST_ITEM + words if words and kind == "list" else words
        elif block.tag == _TABLE:
            for row in block.iter(_ROW):
                if next(row.iterancestors(_TABLE)) is block:
                    yield from _row_items(row, kinds)
        elif block.tag in _WRAPPERS:
            yield from _items(block, kinds)


def _kind(paragraph: etree._Element, kinds: dict[str, str]) -> str:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    kind = kinds.get(style.get(_VALUE), "") if style is not None else ""
    number = paragraph.find(f"{_W}pPr/{_W}numPr/{_W}numId")
    if not kind and number is not None and number.get(_VALUE) != "0":
        return "list"
    return kind


def _row_items(row: etree._Element, kinds: dict[str, str]) -> Iterator[_Item]:
    cells = []
    for cell in row.iter(_CELL):
        merged = cell.find(f"{_W}tcPr/{_W}vMerge")
        # A cell merged with the one above repeats its text, or holds none.
        if next(cell.iterancestors(_ROW)) is row and (
            merged is None or merged.get(_VALUE) == "restart"
        ):
            paragraphs = list(filter(None, map(one_line, map(_letters, cell.iter(_P)))))
            if paragraphs:
                cells.append((cell, paragraphs))
    only = len(row.findall(_CELL)) == 1
    if only or any(len(p) > 1 and sum(map(len, p)) > 300 for _, p in cells):
        # A table that lays out the page rather than holding figures.
        for cell, _ in cells:
            yield from _items(cell, kinds)
    elif cells:
        yield "row", " | ".join(" ".join(paragraphs) for _, paragraphs in cells)


def _letters(paragraph: etree._Element) -> str:
    return "".join(
        _BLANKS.get(element.tag) or element.text or ""
        for element in paragraph.iter(*_LETTERS, *_BLANKS)
    )
