"""HTML: what a browser would show of a page."""

import codecs
import re

from lxml import etree

from askseeds.documents.canonical import (
    CONTROLS,
    LIST_ITEM,
    CanonicalText,
    make_document,
    one_line,
)
from askseeds.errors import DocumentError
from askseeds.types import Document, Heading

_HIDDEN_TAGS = frozenset(
    "audio canvas datalist head iframe math noscript object script select style svg template "
    "textarea title video".split()
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_HEADING_TAGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = ("p", "div", "ul", "ol", "dl", "table", "pre", "blockquote", "hr", *_HEADING_TAGS)
_BLOCK_TAGS = frozenset(
    "address article aside body details fieldset figcaption figure footer form header hgroup html "
    "main nav section summary".split()
).union(_BLOCKS)
_ROW_TAGS = frozenset("br caption dd dt legend li option tr".split())

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
# What pages mean that declare these: most often a larger set of characters. A page that could be
# searched for its declaration byte by byte cannot be UTF-16 or UTF-32.
_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    **{f"utf-{bits}{order}": "utf-8" for bits in (16, 32) for order in ("", "-le", "-be")},
}
_SELF_CLOSED = re.compile(r"<(script|style|title|iframe|textarea|noscript|div|p|a)(\s[^<>]*)?/>")


def parse_html(content: bytes, source: str) -> Document:
    """Makes a document of an HTML or XHTML page.

    Raises:
        DocumentError: It cannot be read as a page.
    """
    root = _root(content, source)
    page = _Page()
    page.walk(root)
    text, headings = str(page.text), page.text.headings
    titles = (t.text or "" for t in root.iter("title") if t.getparent().tag != "svg")
    title = one_line(next(titles, ""))
    if not title:
        title = next((text[h.start : h.end] for h in headings if h.level == 1), "")
    return make_document(content, source, text, title=title, headings=headings)


def _root(content: bytes, source: str) -> etree._Element:
    page = _decode(content).translate(CONTROLS).replace("\r\n", "\n").replace("\r", "\n")
    if source.lower().endswith(".xhtml") or page.startswith("<?xml"):
        # XML lets any element close itself; read as HTML, such a script would swallow the page.
        page = _SELF_CLOSED.sub(r"<\1\2></\1>", page)
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        root = etree.fromstring(page.encode("utf-8", "replace"), parser)
    except etree.LxmlError as error:
        raise DocumentError("is not an HTML page that can be read") from error
    if any("depth" in entry.message for entry in parser.error_log):
        # The parser drops what stands deeper, and a page with holes must not pass for the page.
        raise DocumentError("is nested too deeply for an HTML page; save it again, simplified")
    if root is None:
        raise DocumentError("has no text")
    return root


def _decode(content: bytes) -> str:
    """Decodes as browsers do: byte-order mark, then what is declared, UTF-8, Windows-1252."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    top = content[:4096]
    if declared := _XML_CHARSET.match(top.lstrip()) or _CHARSET.search(top):
        try:
            name = codecs.lookup(declared[1].decode("ascii")).name
            return content.decode(_MEANT.get(name, name), "replace")
        except (LookupError, ValueError):
            pass  # An encoding nobody knows is no declaration.
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


class _Page:
    """Writes what a page shows, in the order of the page.

    Without recursion, so that no nesting is too deep. White space is owed, not written: a break or
    space that nothing follows never appears, and headings start and end at their words.
    """

    def __init__(self) -> None:
        self.text = CanonicalText()
        self._newlines = 0
        self._space = ""
        self._bullet = ""
        self._cell_mark = False
        self._row_start = 0
        self._pre = 0
        self._line: etree._Element | None = None  # a heading or table cell: must stay on one line
        self._line_start: int | None = None  # where its words begin

    def walk(self, root: etree._Element) -> None:
        todo = [(root, False)]
        while todo:
            element, closing = todo.pop()
            if closing:
                self._close(element)
                self._write(element.tail)
            elif _is_hidden(element):
                self._write(element.tail)
            else:
                self._open(element)
                self._write(element.text)
                todo.append((element, True))
                todo.extend((child, False) for child in reversed(element))

    def _open(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "pre":
            self._pre += 1
            self._space = ""
        self._break(tag)
        if tag == "li":
            self._bullet = LIST_ITEM
        elif tag == "tr":
            self._row_start, self._cell_mark = self.text.length, False
        elif tag in ("td", "th"):
            # Cells of a row stand side by side, unless the table only serves to lay out the page.
            if _is_layout(element):
                self._break("p")
            elif self._line is None:
                self._line = element
                self._cell_mark = self.text.length > self._row_start
        elif tag in _HEADING_TAGS and self._line is None:
            self._line = element

    def _close(self, element: etree._Element) -> None:
        tag = element.tag
        if element is self._line:
            if tag in _HEADING_TAGS and self._line_start is not None:
                heading = Heading(self._line_start, self.text.length, int(tag[1]))
                self.text.headings.append(heading)
            self._line = self._line_start = None
        if tag == "li":
            self._bullet = ""
        elif tag == "pre":
            self._pre -= 1
            self._space = ""
        elif tag in ("td", "th"):
            self._space, self._cell_mark = " ", False
            if _is_layout(element):
                self._break("p")
        if tag != "br":
            self._break(tag)

    def _break(self, tag: str) -> None:
        lines = 2 if tag in _BLOCK_TAGS else 1 if tag in _ROW_TAGS else 0
        if lines and self._line is not None:
            self._space = " "
        elif self._bullet:
            return  # What a list item begins with stands beside its bullet.
        elif tag == "br":
            self._newlines = min(2, self._newlines + 1)
        else:
            self._newlines = max(self._newlines, lines)

    def _write(self, text: str | None) -> None:
        text = (text or "").translate(CONTROLS)
        words = text.strip()
        before = text[: len(text) - len(text.lstrip())]
        after = text[len(before) + len(words) :]
        pre = self._pre > 0 and self._line is None
        if pre:
            self._space += before
        else:
            words = " ".join(words.split())
            self._space = " " if before else self._space
            after = " " if after else ""
        if not words:
            return
        indent = self._space.rpartition("\n")[2] if pre else ""
        if not self.text.length:
            self.text.put(self._bullet + indent)
        elif self._newlines:
            self.text.put("\n" * self._newlines + self._bullet + indent)
        else:
            self.text.put((" | " if self._cell_mark else self._space) + self._bullet)
        start = self.text.put(words)
        if self._line is not None and self._line_start is None:
            self._line_start = start
        self._newlines, self._space, self._bullet, self._cell_mark = 0, after, "", False


def _is_hidden(element: etree._Element) -> bool:
    return (
        element.tag in _HIDDEN_TAGS
        or "hidden" in element.attrib
        or _HIDDEN_STYLE.search(element.get("style", "")) is not None
    )


def _is_layout(cell: etree._Element) -> bool:
    """True for a table cell that holds more than one line of a table could."""
    inner = (block.tag for block in cell.iter(*_BLOCKS))
    first = next(inner, None)
    return first is not None and (first not in ("p", "div") or next(inner, None) is not None)
