"""One file → `Document`: the canonical text that all offsets count in, its title and headings.

Plain text and Markdown are taken as they are, so that anyone can check a quote against the file.
For HTML, PDF and Word the canonical text is made here, once, and everything that makes it readable
(white space, wrapped lines, ligatures) is done before it becomes canonical. In those formats blank
lines part paragraphs; single newlines part list items, table rows and lines broken on purpose.

The libraries for HTML, PDF and Word are imported by the functions that need them: most commands
read no file of that kind and should not wait for them.
"""

import codecs
import ctypes
import hashlib
import io
import math
import re
import stat
import threading
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from askseeds.errors import DocumentError
from askseeds.types import Document, Heading

if TYPE_CHECKING:
    from docx.styles.styles import Styles
    from lxml.etree import _Element  # type: ignore[import-untyped]
    from pypdfium2 import PdfTextPage

_PLAIN = frozenset({".txt", ".text"})
_MARKDOWN = frozenset({".md", ".markdown"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
SUFFIXES = _PLAIN | _MARKDOWN | _HTML | {".pdf", ".docx"}
"""Suffixes that can be read, in lower case; upper case in a file name is the same."""

_UNPACKED_MAX_BYTES = 500_000_000
"""Most that a Word file may unpack to: beyond it is a bomb, not a text."""

_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)], " ")
_NEVER_IN_TEXT = bytes([*range(7), *range(14, 27), *range(28, 32), 127])
_LIST_ITEM = "• "


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
        document = _plain(content, source)
    elif kind in _MARKDOWN:
        document = _markdown(content, source)
    elif kind in _HTML:
        document = _html(content, source)
    elif kind == ".pdf":
        document = _pdf(content, source)
    else:
        document = _word(content, source)
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


def _document(
    content: bytes,
    source: str,
    text: str,
    title: str | None,
    headings: list[Heading],
    page_starts: tuple[int, ...] = (),
) -> Document:
    # A file name need not be valid Unicode; such bytes arrive as lone surrogates.
    name = source.encode("utf-8", "surrogatepass")
    return Document(
        id=hashlib.sha256(name + b"\0" + content).hexdigest()[:16],
        source=source,
        title=_one_line(title or "") or _name_as_title(source),
        text=text,
        page_starts=page_starts,
        headings=tuple(headings),
    )


def _one_line(text: str) -> str:
    return " ".join(text.translate(_CONTROLS).split())


# --- Titles from file names -----------------------------------------------------------------------


def _name_as_title(source: str) -> str:
    stem = PurePosixPath(source).stem.encode("utf-8", "replace").decode()
    # Where underscores part the words, hyphens belong to them: "All-way_stop".
    words = re.sub(r"_+" if re.search(r"[_\s]", stem) else r"-+", " ", stem)
    return _one_line(words) or stem


def _is_made_of_words(source: str) -> bool:
    """False for names that a machine gave, such as "000_0a94dbc707a55d23"."""
    tokens = re.findall(r"[^\W_]+", PurePosixPath(source).stem)
    letters = sum(len(token) for token in tokens if token.isalpha())
    return letters > 1 and 3 * letters >= sum(map(len, tokens))


# --- Plain text and Markdown ----------------------------------------------------------------------


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DocumentError("is UTF-16, not UTF-8; save it as UTF-8")
    never = len(content) - len(content.translate(None, _NEVER_IN_TEXT))
    if b"\0" in content or never > len(content) / 100:
        raise DocumentError("is a binary file, not text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from behind the byte-order mark.
        offset = error.start + (3 if content.startswith(codecs.BOM_UTF8) else 0)
        raise DocumentError(
            f"is not UTF-8: byte 0x{content[offset]:02x} at offset {offset}; save it as UTF-8"
        ) from error


class _Line(NamedTuple):
    """A line with something on it: where its trimmed text starts, and what stands before it."""

    start: int
    text: str
    after_blank: bool


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    end = 0
    for match in re.finditer(r"[^\r\n]+", text):
        words = match[0].strip()
        if words:
            blank = not lines or text[end : match.start()] not in ("\n", "\r\n", "\r")
            lines.append(_Line(match.start() + match[0].index(words), words, blank))
            end = match.end()
    return lines


def _plain(content: bytes, source: str) -> Document:
    text = _decode(content)
    lines = _lines(text)
    title = None
    if len(lines) > 1 and not _is_made_of_words(source):
        first = lines[0].text
        if len(first) <= 120 and len(first.split()) <= 20 and not first.endswith((".", ",", ";")):
            title = first
    return _document(content, source, text, title, _plain_headings(lines))


_SENTENCE_END = re.compile(r"[.!?…:。！？]['\"”’»)\]]*$")
_NUMBER = re.compile(r"(?:\d{1,3}(?:\.\d{1,3})*[.)]?|[IVXLC]{1,6}[.)]|[A-Z][.)])\s+")
_NOT_A_HEADING = re.compile(r"[|\t{}<>=@\\_~;]|://|\s{3}|,[^\s\d]")
_WIKI = re.compile(r"(=(?: ?=){0,5}) ?([^\s=](?:.*[^\s=])?) ?\1")


def _plain_headings(lines: list[_Line]) -> list[Heading]:
    """Headings that nothing marks: short lines that look like one, with longer prose under them."""
    headings: list[Heading] = []
    topic_seen = False
    for at, line in enumerate(lines):
        if len(line.text) > 80:
            continue
        if line.text[0] == "=" and (wiki := _WIKI.fullmatch(line.text)):
            start = line.start + wiki.start(2)
            headings.append(Heading(start, line.start + wiki.end(2), wiki[1].count("=")))
        elif _opens_prose(lines, at, headings) and _looks_like_heading(line.text):
            numbered = _NUMBER.match(line.text) is not None
            level = 2 if numbered and topic_seen else 1
            # The first line of a file is its title, not a topic with numbered parts.
            topic_seen = topic_seen or (at > 0 and not numbered)
            headings.append(Heading(line.start, line.start + len(line.text), level))
    return headings


def _looks_like_heading(line: str) -> bool:
    if line.rstrip("\"'”’»)]")[-1:] in ".!?…,:-–—。！？、" or _NOT_A_HEADING.search(line):
        return False
    number = _NUMBER.match(line)
    words = line[number.end() :] if number else line
    # Emoji and other signs may stand before the first word.
    first = next((char for char in words if unicodedata.category(char)[0] in "LN"), "a")
    count = sum(any(map(str.isalnum, word)) for word in words.split())
    return count <= 12 and not first.islower() and any(map(str.isalpha, words))


def _opens_prose(lines: list[_Line], at: int, headings: list[Heading]) -> bool:
    """True when the line at `at` begins something, and what follows is a paragraph of prose."""
    line, below = lines[at], lines[at + 1 : at + 2]
    if not below or below[0].text[0].islower():
        return False
    prose = below[0].text
    if below[0].after_blank:
        for other in lines[at + 2 : at + 12]:
            if other.after_blank:
                break
            prose += " " + other.text
    if len(prose) < max(40, 1.5 * len(line.text)):
        return False
    # In text with wrapped lines, the short last line of a paragraph is no heading.
    begins = (
        line.after_blank
        or _SENTENCE_END.search(lines[at - 1].text)
        or (headings and headings[-1].end > lines[at - 1].start)
    )
    return (
        bool(begins)
        and len(re.findall(r"[^\W\d_]{2,}", prose)) >= 6
        and re.search(r"[.!?…:。！？]['\"”’»)\]]*(?:\s|$)", prose) is not None
    )


_FRONT_MATTER = re.compile(
    r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*\r?$", re.DOTALL | re.MULTILINE
)
_FENCE = re.compile(r"(?:`{3,}|~{3,})")
_ATX = re.compile(r"(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?")
_SETEXT = re.compile(r"=+|-{2,}")
_NO_SETEXT = re.compile(r"[>|#*+-]|\d+[.)]\s|={2,}")


def _markdown(content: bytes, source: str) -> Document:
    text = _decode(content)
    title, body = None, 0
    if front := _FRONT_MATTER.match(text):
        body = front.end()
        if named := re.search(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*\r?$", front[1], re.MULTILINE):
            title = named[2]
    headings: list[Heading] = []
    fence, previous = "", None
    for line in _lines(text):
        if line.start < body:
            continue
        # The indent of code: four columns, which a heading cannot have.
        margin = text[max(0, line.start - 4) : line.start]
        coded = margin.isspace() and not set(margin) & set("\r\n") and (len(margin) == 4)
        coded = coded or margin.endswith("\t")
        mark = _FENCE.match(line.text)
        if fence:
            if mark and set(line.text) == {fence[0]} and len(line.text) >= len(fence):
                fence = ""
        elif coded:
            previous = None
            continue
        elif mark:
            fence = mark[0]
        elif (atx := _ATX.fullmatch(line.text)) and atx[2]:
            start = line.start + atx.start(2)
            headings.append(Heading(start, start + len(atx[2]), len(atx[1])))
        elif previous and not line.after_blank and _SETEXT.fullmatch(line.text):
            end = previous.start + len(previous.text)
            headings.append(Heading(previous.start, end, 1 if line.text[0] == "=" else 2))
        elif line.after_blank and not _NO_SETEXT.match(line.text):
            previous = line
            continue
        previous = None
    if title is None:
        first = next((text[h.start : h.end] for h in headings if h.level == 1), "")
        # A title is shown as plain text: links keep their words, emphasis loses its marks.
        title = re.sub(r"[*`]", "", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", first))
    return _document(content, source, text, title, headings)


# --- Made texts -----------------------------------------------------------------------------------


class _Text:
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


# --- HTML -----------------------------------------------------------------------------------------

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
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)", re.IGNORECASE)
_SELF_CLOSED = re.compile(r"<(script|style|title|iframe|textarea|noscript|div|p|a)(\s[^<>]*)?/>")


def _html(content: bytes, source: str) -> Document:
    from lxml import etree  # type: ignore[import-untyped]

    page = _decode_html(content).translate(_CONTROLS).replace("\r\n", "\n").replace("\r", "\n")
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
    walk = _HtmlWalk()
    walk.walk(root)
    text = str(walk.text)
    titles = (t.text or "" for t in root.iter("title") if t.getparent().tag != "svg")
    title = _one_line(next(titles, ""))
    if not title:
        title = next((text[h.start : h.end] for h in walk.text.headings if h.level == 1), "")
    return _document(content, source, text, title, walk.text.headings)


def _decode_html(content: bytes) -> str:
    """Decodes as browsers do: byte-order mark, then what is declared, UTF-8, Windows-1252."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    top = content[:4096]
    if declared := _XML_CHARSET.match(top.lstrip()) or _CHARSET.search(top):
        try:
            name = codecs.lookup(declared[1].decode("ascii")).name
            # Pages that say Latin-1 or ASCII mean Windows-1252; a page that could be searched for
            # its declaration byte by byte cannot be UTF-16.
            name = {"iso8859-1": "cp1252", "ascii": "cp1252"}.get(name, name)
            return content.decode("utf-8" if name.startswith("utf-16") else name, "replace")
        except (LookupError, ValueError):
            pass  # An encoding nobody knows is no declaration.
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


class _HtmlWalk:
    """Writes what a page shows, in the order of the page.

    Without recursion, so that no nesting is too deep. White space is owed, not written: a break or
    space that nothing follows never appears, and headings start and end at their words.
    """

    def __init__(self) -> None:
        self.text = _Text()
        self._newlines = 0
        self._space = False
        self._bullet = ""
        self._cell_mark = False
        self._row_start = 0
        self._pre = 0
        self._line: _Element | None = None  # the heading or table cell that must stay on one line
        self._heading_start: int | None = None

    def walk(self, root: "_Element") -> None:
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

    def _open(self, element: "_Element") -> None:
        tag = element.tag
        self._break(tag)
        if tag == "li":
            self._bullet = _LIST_ITEM
        elif tag == "pre":
            self._pre += 1
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
            self._line, self._heading_start = element, -1

    def _close(self, element: "_Element") -> None:
        tag = element.tag
        if element is self._line:
            self._line = None
            if self._heading_start is not None and self._heading_start >= 0:
                heading = Heading(self._heading_start, self.text.length, int(tag[1]))
                self.text.headings.append(heading)
            self._heading_start = None
        if tag == "li":
            self._bullet = ""
        elif tag == "pre":
            self._pre -= 1
        elif tag in ("td", "th"):
            self._space, self._cell_mark = True, False
            if _is_layout(element):
                self._break("p")
        if tag != "br":
            self._break(tag)

    def _break(self, tag: str) -> None:
        lines = 2 if tag in _BLOCK_TAGS else 1 if tag in _ROW_TAGS else 0
        if lines and (self._line is not None or self._bullet):
            self._space = True
        elif tag == "br":
            self._newlines = min(2, self._newlines + 1)
        else:
            self._newlines = max(self._newlines, lines)

    def _write(self, text: str | None) -> None:
        if not text:
            return
        pre = self._pre and self._line is None
        words = text.strip("\n") if pre else " ".join(text.split())
        if not words.strip():
            self._space = True
            return
        self._space = self._space or (not pre and text[0].isspace())
        if self.text.length:
            if self._newlines:
                self.text.put("\n" * self._newlines)
            elif self._cell_mark:
                self.text.put(" | ")
            elif pre and text[0] == "\n":
                self.text.put("\n")
            elif self._space:
                self.text.put(" ")
        self.text.put(self._bullet)
        start = self.text.put(words.translate(_CONTROLS))
        if self._heading_start == -1:
            self._heading_start = start
        self._newlines, self._bullet, self._cell_mark = 0, "", False
        self._space = text[-1].isspace()
        if pre and text[-1] == "\n":
            self._newlines = 1


def _is_hidden(element: "_Element") -> bool:
    return (
        element.tag in _HIDDEN_TAGS
        or "hidden" in element.attrib
        or _HIDDEN_STYLE.search(element.get("style", "")) is not None
    )


def _is_layout(cell: "_Element") -> bool:
    """True for a table cell that holds more than one line of a table could."""
    inner = (block.tag for block in cell.iter(*_BLOCKS))
    first = next(inner, None)
    return first is not None and (first not in ("p", "div") or next(inner, None) is not None)


# --- PDF ------------------------------------------------------------------------------------------

_PDFIUM = threading.Lock()
"""PDFium is not safe for threads: one call at a time in the whole process."""

# PDFium marks the hyphen at the end of a line with one of two signs, and then gives no newline.
_HYPHENS = dict.fromkeys("\x02\ufffe", "-")
_LINE_ENDS = {*map(ord, _HYPHENS), 10, 13}
_INKLESS = {0, 9, 10, 13, 32, 160}
_PDF_LETTERS = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
    | {"\xad": "", "\uffff": ""}
    | _HYPHENS
)
_LEADER = ". . ."  # leads to a page number, in tables of contents
_ITEM = re.compile(r"[•‣▪●○◦–*-] |\(?(?:\d{1,2}|[a-z])[.)] ")


@dataclass(frozen=True, slots=True)
class _PdfLine:
    """A line of a page, in points from the lower left; `word` is how wide its first word is."""

    text: str
    left: float
    right: float
    base: float
    size: float
    word: float

    @property
    def ends(self) -> bool:
        return _SENTENCE_END.search(self.text) is not None


def _pdf(content: bytes, source: str) -> Document:
    import pypdfium2

    pages = []
    with _PDFIUM:
        try:
            with pypdfium2.PdfDocument(content) as pdf:
                named = _one_line(pdf.get_metadata_value("Title"))
                for page in pdf:
                    glyphs = page.get_textpage()
                    pages.append(_pdf_lines(glyphs))
                    glyphs.close()
                    page.close()
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
                reason = "is an encrypted PDF; save a copy without a password"
            else:
                reason = "is not a PDF that can be read: it is damaged; save or download it again"
            raise DocumentError(reason) from error
    pages = _without_running_heads(pages)
    text, page_starts = _pdf_text(pages)
    # Programs that print to PDF put file names here.
    if " " not in named or re.search(r"^Microsoft \w+ - |\.\w{2,5}$", named):
        named = ""
    if not named and text.headings:
        top = min(text.headings, key=lambda heading: heading.level)
        named = str(text)[top.start : top.end]
    return _document(content, source, str(text), named, text.headings, page_starts)


def _pdf_lines(glyphs: "PdfTextPage") -> list[_PdfLine]:
    from pypdfium2 import raw

    codes = [raw.FPDFText_GetUnicode(glyphs, index) for index in range(glyphs.count_chars())]
    runs: list[list[int]] = [[]]
    for index, code in enumerate(codes):
        if code not in _INKLESS:
            runs[-1].append(index)
        if code in _LINE_ENDS:
            runs.append([])
    lines: list[_PdfLine] = []
    x, y, matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()
    for run in filter(None, runs):
        first, middle, last = run[0], run[len(run) // 2], run[-1]
        # Characters beyond the first plane may come as surrogate pairs.
        raw_text = "".join(map(chr, codes[first : last + 1])).encode("utf-16", "surrogatepass")
        text = _one_line(raw_text.decode("utf-16", "replace").translate(_PDF_LETTERS))
        if not text:
            continue
        # Measured in the middle: a line may begin with a bullet or end with a footnote mark.
        raw.FPDFText_GetCharOrigin(glyphs, middle, x, y)
        raw.FPDFText_GetMatrix(glyphs, middle, matrix)
        size = raw.FPDFText_GetFontSize(glyphs, middle) * math.hypot(matrix.c, matrix.d) or 1.0
        word_end = next((index for index, after in pairwise(run) if after > index + 1), last)
        left = glyphs.get_charbox(first, loose=True)[0]
        word = glyphs.get_charbox(word_end, loose=True)[2] - left
        right = glyphs.get_charbox(last, loose=True)[2]
        above = lines[-1] if lines else None
        if above and abs(above.base - y.value) < 0.3 * size and left >= above.right:
            # Parts of one line with a wide gap between them.
            lines[-1] = replace(above, text=f"{above.text} {text}", right=right)
        else:
            lines.append(_PdfLine(text, left, right, y.value, size, word))
    return lines


def _are_alike(one: _PdfLine, other: _PdfLine) -> bool:
    # Words in another font inside a paragraph are often a little smaller.
    return 0.85 < one.size / other.size < 1.15


def _without_running_heads(pages: list[list[_PdfLine]]) -> list[list[_PdfLine]]:
    """Drops lines that most pages repeat in the same place at their top or bottom.

    Digits count as equal. The first one stays unless it is but a page number, so no word is lost.
    """

    def key(line: _PdfLine) -> tuple[str, int]:
        return re.sub(r"\d+", "0", line.text), round(line.base / 4)

    edges = [{key(line) for line in (*page[:2], *page[-2:])} for page in pages if len(page) > 2]
    seen = Counter(edge for page in edges for edge in page)
    running = {edge for edge, count in seen.items() if count > max(2, len(pages) / 2)}
    kept, result = set[tuple[str, int]](), []
    for page in pages:
        lines = []
        for at, line in enumerate(page):
            edge = key(line)
            if edge in running and len(page) > 2 and (at < 2 or at >= len(page) - 2):
                if edge in kept or edge[0].strip(" -–—|") == "0":
                    continue
                kept.add(edge)
            lines.append(line)
        result.append(lines)
    return result


def _pdf_blocks(lines: list[_PdfLine]) -> list[list[_PdfLine]]:
    """Runs of lines of one size, each as far below the last as lines of a paragraph are."""
    steps = sorted(a.base - b.base for a, b in pairwise(lines) if 0 < a.base - b.base < 3 * a.size)
    pitch = steps[len(steps) // 3] if steps else 0.0
    blocks: list[list[_PdfLine]] = []
    for line in lines:
        above = blocks[-1][-1] if blocks else None
        if (
            above
            and 0 < above.base - line.base <= 1.3 * pitch
            and _are_alike(above, line)
            and line.left < blocks[-1][0].right
        ):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return blocks


def _pdf_text(pages: list[list[_PdfLine]]) -> tuple[_Text, tuple[int, ...]]:
    every = [line for page in pages for line in page]
    weights = Counter[int]()
    for line in every:
        weights[round(2 * line.size)] += len(line.text)
    head_size = 1.15 * weights.most_common(1)[0][0] / 2 if every else 0.0
    words = set(re.findall(r"[\w-]+", " ".join(line.text for line in every).lower()))

    parts: list[str] = []  # what stands before a line, the line, and so on
    begins: list[tuple[int, float, bool]] = []  # of each block: its first line, size, is heading
    page_begins: list[int] = []
    last: _PdfLine | None = None
    for page in pages:
        page_begins.append(len(parts) + 1)
        for block in _pdf_blocks(page):
            letters = sum(len(line.text) for line in block)
            head = block[0].size >= head_size and letters <= 150 and _LEADER not in block[0].text
            begins.append((len(parts) + 1, block[0].size, head))
            right = max(line.right for line in block)
            for at, line in enumerate(block):
                joint = " " if head and at else _joint(last, line, right, new_block=not at)
                if joint == " " and re.search(r"\w-$", parts[-1]):
                    joint = ""
                    if _is_wrapped_word(parts[-1], line.text, words):
                        parts[-1] = parts[-1][:-1]
                parts += joint, line.text
                last = line

    text = _Text()
    starts = [text.put(part) for part in parts]
    starts += [text.length, text.length]
    sizes = sorted({round(size) for _, size, head in begins if head}, reverse=True)
    for (first, size, head), (behind, _, _) in pairwise([*begins, (len(parts) + 1, 0.0, False)]):
        if head:
            end = starts[behind - 1] if behind < len(parts) else text.length
            text.headings.append(Heading(starts[first], end, min(6, 1 + sizes.index(round(size)))))
    return text, tuple(starts[begin] for begin in page_begins)


def _is_wrapped_word(above: str, below: str, words: set[str]) -> bool:
    """True when the hyphen at the end of `above` is there for the line break only."""
    head, tail = re.split(r"\s", above)[-1].lower(), re.split(r"[^\w-]", below)[0].lower()
    # "well-" + "known" keeps its hyphen when the document has the word with it elsewhere.
    known = head + tail in words and head[:-1] + tail not in words
    return below[0].islower() and head[-2:-1].isalpha() and not known


def _joint(last: _PdfLine | None, line: _PdfLine, right: float, *, new_block: bool) -> str:
    """What stands between two lines: a space where one sentence was wrapped, else newlines."""
    if last is None:
        return ""
    flows = not last.ends and line.text[0].islower()
    if new_block:
        # Into the next column or page a sentence may run on; down the page a gap ends it.
        return " " if flows and _are_alike(last, line) and line.base >= last.base else "\n\n"
    if _ITEM.match(line.text) or _LEADER in last.text:
        return "\n"
    # A line that had room for the next word was ended on purpose.
    if last.ends and line.left > last.left + 0.8 * line.size and not _ITEM.match(last.text):
        return "\n\n"
    if last.right + line.word + 0.8 * line.size < right:
        return "\n\n" if last.ends else " " if flows else "\n"
    return " "


# --- Word -----------------------------------------------------------------------------------------

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_P, _TABLE, _ROW, _CELL, _BOX, _VALUE = (
    _W + name for name in ("p", "tbl", "tr", "tc", "txbxContent", "val")
)
_WRAPPERS = {_W + name for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")}
# What was deleted, moved away, or is said a second time for old programs and in small print.
_UNSEEN = (
    *(_W + name for name in ("del", "moveFrom", "rt", "instrText")),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
)
_LETTERS = (_W + "t", "{http://schemas.openxmlformats.org/officeDocument/2006/math}t")
_BLANKS = {_W + "tab": " ", _W + "br": "\n", _W + "cr": "\n", _W + "noBreakHyphen": "-"}


def _word(content: bytes, source: str) -> Document:
    import docx
    from docx.opc.exceptions import OpcError
    from lxml import etree

    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise DocumentError("is an encrypted or an old Word file; save it as a plain .docx")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            if sum(entry.file_size for entry in package.infolist()) > _UNPACKED_MAX_BYTES:
                raise DocumentError("unpacks to more than a text could be; save it again from Word")
        file = docx.Document(io.BytesIO(content))
        kinds = _word_kinds(file.styles)
        named = _one_line(file.core_properties.title)
        body = file.element.body
        etree.strip_elements(body, *_UNSEEN, with_tail=False)
        items = list(_word_items(body, kinds))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, OpcError, etree.LxmlError) as error:
        raise DocumentError("is not a Word file, or damaged; save it again as .docx") from error
    except (LookupError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        # What python-docx raises, and from where, depends on which part it misses.
        raise DocumentError("is not a complete Word file; save it again as .docx") from error

    # python-docx gives a file without properties the title "Word Document".
    text, titles, last = _Text(), [named if named != "Word Document" else ""], ""
    for kind, words in items:
        if words:
            if text.length:
                text.put("\n" if kind == last and kind in ("list", "row") else "\n\n")
            start = text.put(words)
            if kind.isdigit():
                level = min(6, max(1, int(kind)))
                text.headings.append(Heading(start, text.length, level))
                if kind == "0":
                    titles.append(words)
        last = kind
    titles += [str(text)[heading.start : heading.end] for heading in text.headings[:1]]
    title = next(filter(None, titles), None)
    return _document(content, source, str(text), title, text.headings)


def _word_kinds(styles: "Styles") -> dict[str, str]:
    """Style id → "0" for the title, "1" to "9" for headings, "list", or "toc"."""
    kinds = {}
    for style in styles:
        base, names = style, list[str]()
        while base is not None and len(names) < 10:
            names.append((base.name or "").lower())
            base = getattr(base, "base_style", None)
        for name in names:
            if name == "title":
                kinds[style.style_id] = "0"
            elif found := re.fullmatch(
                r"heading (\d)|(list|toc)(?: (?:bullet|number))?(?: \d)?", name
            ):
                kinds[style.style_id] = found[1] or found[2]
            if style.style_id in kinds:
                break
    return kinds


def _word_items(container: "_Element", kinds: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The kind and text of everything below `container`, in the order of the document."""
    for block in container:
        if block.tag == _P:
            boxes = list(block.iter(_BOX))
            for box in boxes:
                box.getparent().remove(box)
            style = block.find(f"{_W}pPr/{_W}pStyle")
            kind = kinds.get(style.get(_VALUE), "") if style is not None else ""
            number = block.find(f"{_W}pPr/{_W}numPr/{_W}numId")
            if not kind and number is not None and number.get(_VALUE) != "0":
                kind = "list"
            lines = filter(None, map(_one_line, _word_letters(block).split("\n")))
            words = (" " if kind.isdigit() else "\n").join(lines)
            if kind != "toc":  # A table of contents only says the headings twice.
                yield kind, _LIST_ITEM + words if words and kind == "list" else words
            for box in boxes:
                yield from _word_items(box, kinds)
        elif block.tag == _TABLE:
            for row in block.iter(_ROW):
                if next(row.iterancestors(_TABLE)) is block:
                    yield from _word_row(row, kinds)
        elif block.tag in _WRAPPERS:
            yield from _word_items(block, kinds)


def _word_row(row: "_Element", kinds: dict[str, str]) -> Iterator[tuple[str, str]]:
    cells = []
    for cell in row.iter(_CELL):
        merged = cell.find(f"{_W}tcPr/{_W}vMerge")
        # A cell merged with the one above repeats its text, or holds none.
        if next(cell.iterancestors(_ROW)) is row and (
            merged is None or merged.get(_VALUE) == "restart"
        ):
            paragraphs = list(filter(None, map(_one_line, map(_word_letters, cell.iter(_P)))))
            if paragraphs:
                cells.append((cell, paragraphs))
    only = len(row.findall(_CELL)) == 1
    if only or any(len(p) > 1 and sum(map(len, p)) > 300 for _, p in cells):
        # A table that lays out the page rather than holding figures.
        for cell, _ in cells:
            yield from _word_items(cell, kinds)
    elif cells:
        yield "row", " | ".join(" ".join(paragraphs) for _, paragraphs in cells)


def _word_letters(paragraph: "_Element") -> str:
    return "".join(
        _BLANKS.get(element.tag) or element.text or ""
        for element in paragraph.iter(*_LETTERS, *_BLANKS)
    )
