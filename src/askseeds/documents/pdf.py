"""PDF: the lines of its pages, joined into the paragraphs that they were."""

import ctypes
import math
import re
import threading
from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

from askseeds.documents.canonical import CanonicalText, make_document, one_line
from askseeds.documents.text import ends_sentence
from askseeds.errors import DocumentError
from askseeds.types import Document, Heading, Span

_PDFIUM = threading.Lock()
"""PDFium is not safe for threads: one call at a time in the whole process."""

# PDFium marks the hyphen at the end of a line with one of two signs, and then gives no newline.
_HYPHENS = dict.fromkeys("\x02\ufffe", "-")
_LINE_ENDS = {*map(ord, _HYPHENS), 10, 13}
_INKLESS = {0, 9, 10, 13, 32, 160}
_LETTERS = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
    | {"\xad": "", "\uffff": ""}
    | _HYPHENS
)
_LEADER = ". . ."  # leads to a page number, in tables of contents
_ITEM = re.compile(r"[•‣▪●○◦–*-] |\(?(?:\d{1,2}|[a-z])[.)] ")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page, in points from the lower left; `word` is how wide its first word is."""

    text: str
    left: float
    right: float
    base: float
    size: float
    word: float


class _Piece(NamedTuple):
    """A line as it stands in the text, and what stands before it."""

    joint: str
    text: str


class _Head(NamedTuple):
    """A heading: the numbers of its first and last line, and its font size."""

    first: int
    last: int
    size: int


def parse_pdf(content: bytes, source: str) -> Document:
    """Makes a document of a PDF.

    Raises:
        DocumentError: It is damaged, or needs a password.
    """
    named, pages = _read(content)
    text, page_starts = _join(_without_running_heads(pages))
    # Programs that print to PDF put file names here.
    if " " not in named or re.search(r"^Microsoft \w+ - |\.\w{2,5}$", named):
        named = ""
    if not named and text.headings:
        top = min(text.headings, key=lambda heading: heading.level)
        named = str(text)[top.start : top.end]
    return make_document(
        content, source, str(text), title=named, headings=text.headings, page_starts=page_starts
    )


# --- Pages ----------------------------------------------------------------------------------------


def _read(content: bytes) -> tuple[str, list[list[_Line]]]:
    """The title that is set in the file, and the lines of each page."""
    pages = []
    with _PDFIUM:
        try:
            with pypdfium2.PdfDocument(content) as pdf:
                for page in pdf:
                    glyphs = page.get_textpage()
                    pages.append(_lines(glyphs))
                    glyphs.close()
                    page.close()
                return _title(pdf), pages
        except pypdfium2.PdfiumError as error:
            if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
                reason = "is an encrypted PDF; save a copy without a password"
            else:
                reason = "is not a PDF that can be read: it is damaged; save or download it again"
            raise DocumentError(reason) from error


def _title(pdf: pypdfium2.PdfDocument) -> str:
    try:
        return one_line(pdf.get_metadata_value("Title"))
    except UnicodeDecodeError:
        return ""  # Half a surrogate pair in the title is no reason to refuse the text.


def _lines(glyphs: pypdfium2.PdfTextPage) -> list[_Line]:
    codes = [raw.FPDFText_GetUnicode(glyphs, index) for index in range(glyphs.count_chars())]
    runs: list[list[int]] = [[]]
    for index, code in enumerate(codes):
        if code not in _INKLESS:
            runs[-1].append(index)
        if code in _LINE_ENDS:
            runs.append([])
    lines: list[_Line] = []
    x, y, matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()
    for run in filter(None, runs):
        first, middle, last = run[0], run[len(run) // 2], run[-1]
        # Characters beyond the first plane may come as surrogate pairs.
        units = "".join(map(chr, codes[first : last + 1])).encode("utf-16", "surrogatepass")
        text = one_line(units.decode("utf-16", "replace").translate(_LETTERS))
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
            lines.append(_Line(text, left, right, y.value, size, word))
    return lines


def _without_running_heads(pages: list[list[_Line]]) -> list[list[_Line]]:
    """Drops lines that most pages repeat in the same place at their top or bottom.

    Digits count as equal. The first one stays unless it is but a page number, so no word is lost.
    """

    def key(line: _Line) -> tuple[str, int]:
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


# --- Paragraphs -----------------------------------------------------------------------------------


def _join(pages: list[list[_Line]]) -> tuple[CanonicalText, tuple[int, ...]]:
    """The text with its headings, and where in it each page begins."""
    pieces, heads = _pieces(pages)
    text = CanonicalText()
    spans: list[Span] = []
    for joint, words in pieces:
        text.put(joint)
        spans.append((text.put(words), text.length))
    sizes = sorted({head.size for head in heads}, reverse=True)
    for head in heads:
        level = min(6, 1 + sizes.index(head.size))
        text.headings.append(Heading(spans[head.first][0], spans[head.last][1], level))
    starts = [*(start for start, _ in spans), text.length]
    firsts = accumulate(map(len, pages[:-1]), initial=0)
    return text, tuple(starts[first] for first in firsts)


def _pieces(pages: list[list[_Line]]) -> tuple[list[_Piece], list[_Head]]:
    every = [line for page in pages for line in page]
    head_size = _head_size(every)
    words = set(re.findall(r"[\w-]+", " ".join(line.text for line in every).lower()))
    pieces: list[_Piece] = []
    heads: list[_Head] = []
    last: _Line | None = None
    for block in (block for page in pages for block in _blocks(page)):
        letters = sum(len(line.text) for line in block)
        is_head = block[0].size >= head_size and letters <= 150 and _LEADER not in block[0].text
        if is_head:
            first = len(pieces)
            heads.append(_Head(first, first + len(block) - 1, round(block[0].size)))
        right = max(line.right for line in block)
        for at, line in enumerate(block):
            joint = " " if is_head and at else _joint(last, line, right, new_block=not at)
            if joint == " " and re.search(r"\w-$", pieces[-1].text):
                joint = ""
                if _is_wrapped_word(pieces[-1].text, line.text, words):
                    pieces[-1] = pieces[-1]._replace(text=pieces[-1].text[:-1])
            pieces.append(_Piece(joint, line.text))
            last = line
    return pieces, heads


def _head_size(lines: list[_Line]) -> float:
    """From which font size on a line may be a heading: well above that of most letters."""
    letters = Counter[int]()
    for line in lines:
        letters[round(2 * line.size)] += len(line.text)
    return 1.15 * letters.most_common(1)[0][0] / 2 if lines else 0.0


def _blocks(lines: list[_Line]) -> list[list[_Line]]:
    """Runs of lines of one size, each as far below the last as lines of a paragraph are."""
    steps = sorted(a.base - b.base for a, b in pairwise(lines) if 0 < a.base - b.base < 3 * a.size)
    pitch = steps[len(steps) // 3] if steps else 0.0
    blocks: list[list[_Line]] = []
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


def _are_alike(one: _Line, other: _Line) -> bool:
    # Words in another font inside a paragraph are often a little smaller.
    return 0.85 < one.size / other.size < 1.15


def _joint(last: _Line | None, line: _Line, right: float, *, new_block: bool) -> str:
    """What stands between two lines: a space where one sentence was wrapped, else newlines."""
    if last is None:
        return ""
    ended = ends_sentence(last.text)
    flows = not ended and line.text[0].islower()
    if new_block:
        # Into the next column or page a sentence may run on; down the page a gap ends it.
        return " " if flows and _are_alike(last, line) and line.base >= last.base else "\n\n"
    if _ITEM.match(line.text) or _LEADER in last.text:
        return "\n"
    # A line that had room for the next word was ended on purpose.
    if ended and line.left > last.left + 0.8 * line.size and not _ITEM.match(last.text):
        return "\n\n"
    if last.right + line.word + 0.8 * line.size < right:
        return "\n\n" if ended else " " if flows else "\n"
    return " "


def _is_wrapped_word(above: str, below: str, words: set[str]) -> bool:
    """True when the hyphen at the end of `above` is there for the line break only."""
    head, tail = re.split(r"\s", above)[-1].lower(), re.split(r"[^\w-]", below)[0].lower()
    # "well-" + "known" keeps its hyphen when the document has the word with it elsewhere.
    known = head + tail in words and head[:-1] + tail not in words
    return below[0].islower() and head[-2:-1].isalpha() and not known
