"""Text to sentence and passage offsets. Pure: nothing here reads a file or changes a text.

A text is seen as lines, lines as blocks (a heading, a paragraph, a list item, a table row), blocks
as sentences. Between two sentences stands nothing but white space, so no character is lost. All
offsets are found in the text itself; lower-casing or normalising first would move them.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from askseeds.types import Document, Heading, Span

SENTENCE_CHARS = 1_000
"""A longer run without a sentence end is cut at a comma or a space: a quote stays readable."""

PASSAGE_CHARS = 700
"""Aim for a passage: about 150 tokens, well inside the 256 that the default encoder reads."""

WRAP_CHARS = 160
"""No text is wrapped at a width beyond this: a longer line is a paragraph of its own."""

SMALL_SECTION_CHARS = 160
"""A section shorter than this shares its passage with the next one."""

# A sentence ends at these, with the closing quotes and brackets that follow them.
_END = re.compile(
    r"""(?<![.!?…])(?P<mark>[.!?…]++|[。！？]++)(?P<close>["'”’»)\]*_]{0,4}|\s''(?=\s))(?P<gap>\s+|(?<=[。！？])|(?<=[。！？][”」』）]))""",
)
_LAST_WORD = re.compile(r"[^\s(\[\"“‘'«]+$")
_OPENERS = "\"'“‘«([{*_`¿¡-–—•"

# Words that a full stop follows without ending the sentence, in lower case.
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof sr jr st rev hon gen col lt capt sgt gov sen rep pres messrs mme mlle "
    "vs v e.g i.e cf al etc ca approx no nos art sec ch fig figs eq vol pp p ed eds trans ref "
    "refs inc ltd co corp bros dept univ assn est "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun "
    "mt ft ave blvd rd z.b d.h bzw usw nr bspw u.a ggf vgl hr fr".split()
)
# Those of them that also end a sentence, when what follows cannot go on with it.
_MAY_END = frozenset("etc inc ltd co corp jr sr al no p.m a.m".split())
_STARTERS = frozenset(
    "the a an in on at it he she they we i you this that these those there however but and if "
    "when while for as its his her their our after before since although also".split()
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+•‣◦▪·–]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)])[ \t]+\S")
_TURN = re.compile(  # of a chat: "08:11 Wen: ...", "[15/05/2024, 20:31:09] Sue Bell: ..."
    r"[ \t]*[\[(]?(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?[ \t]+)?"
    r"\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[AaPp][Mm])?[\])]?,?[ \t]+"
    r"(?:[-–—][ \t]+)?(?:[^\s:]{1,30}|[^\Wa-z\d_][^:\n]{0,30}):\s"
)
_FIRST_CELL = re.compile(r"[ \t]*\S(?:[^\n]{0,26}\S)? {3,}(?=\S)")  # of columns that spaces set
_RULE = re.compile(r"[-=_*~#](?:[^\S\n]*[-=_*~#]){2,}\s*")  # a line drawn across the page
_NEWLINE = re.compile(r"\r\n|[\r\n]")
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_TABLE_ROW = re.compile(r"[^|\n]*\|[^|\n]*(?:\||$)|[^\t\n]+\t[^\t\n]*\t")
_LINE = re.compile(r"[^\r\n\f\v\u2028\u2029\x85]*(?:\r\n|[\r\n\f\v\u2028\u2029\x85]|$)")


@dataclass(frozen=True, slots=True)
class Draft:
    """A passage that has no id yet; the attributes are those of `types.Passage`."""

    start: int
    end: int
    heading: str | None
    page: int | None
    sentences: tuple[Span, ...]


def sentence_spans(text: str, headings: Sequence[Heading] = ()) -> tuple[Span, ...]:
    """Splits a text into sentences.

    A heading, a list item's end, a table row, a turn of a chat, a line drawn across and a line of a
    fenced block each end a sentence.

    Returns:
        Spans in the order of the text, not overlapping, trimmed and not empty. All that stands
        outside them is white space.
    """
    spans: list[Span] = []
    lower = _starts_in_lower_case(text)
    for start, end, whole in _blocks(text, headings):
        ends = [end] if whole else [*_ends(text, start, end, lower), end]
        for stop in ends:
            for piece in _readable(text, start, stop):
                spans.append(piece)
            start = stop
    return tuple(spans)


def passages(document: Document) -> tuple[Draft, ...]:
    """Packs a document's sentences into passages, the units of retrieval.

    A passage stays inside one section, unless the section is very short, and prefers to end where
    a paragraph ends. Every sentence belongs to exactly one passage; headings are sentences too.
    """
    text = document.text
    spans = sentence_spans(text, document.headings)
    drafts: list[Draft] = []
    path = _HeadingPath(text, document.headings)
    for section in _sections(text, spans, document.headings):
        for run in _packed(text, section):
            start, end = run[0][0], run[-1][1]
            # The heading that governs a passage may be the passage's own first sentence.
            heading = path.at(run[0][1])
            page = bisect_right(document.page_starts, start) or None
            drafts.append(Draft(start, end, heading, page, tuple(run)))
    return tuple(drafts)


def is_heading(span: Span, headings: Sequence[Heading]) -> bool:
    """True when a sentence is nothing but a heading of the document."""
    at = bisect_right(headings, span[1] - 1, key=lambda heading: heading.start) - 1
    return at >= 0 and span[0] <= headings[at].start and headings[at].end <= span[1]


def is_list_item(sentence: str) -> bool:
    """True when a sentence begins with a bullet, or a number or letter of a list."""
    return _LIST_ITEM.match(sentence) is not None


def heading_at(document: Document, offset: int) -> str | None:
    """The headings that stand over an offset, outermost first, joined by " › "."""
    return _HeadingPath(document.text, document.headings).at(offset)


class _HeadingPath:
    """The headings that stand over an offset, outermost first; asked in ascending order."""

    def __init__(self, text: str, headings: Sequence[Heading]) -> None:
        self._text = text
        self._headings = headings
        self._next = 0
        self._open: list[Heading] = []

    def at(self, offset: int) -> str | None:
        while self._next < len(self._headings) and self._headings[self._next].start < offset:
            heading = self._headings[self._next]
            self._open = [h for h in self._open if h.level < heading.level] + [heading]
            self._next += 1
        over = self._open
        if self._next < len(self._headings):
            # What is itself a heading does not stand under its older sibling.
            following = self._headings[self._next]
            if "\n" not in self._text[offset : following.start]:
                over = [h for h in over if h.level < following.level]
        names = (" ".join(self._text[h.start : h.end].split()) for h in over)
        return " › ".join(names) or None


def _lines(text: str) -> Iterator[Span]:
    """Every line with its end-of-line characters; the spans join back to the text."""
    at = 0
    while at < len(text):
        match = _LINE.match(text, at)
        assert match is not None
        yield match.span()
        at = match.end()


def _blocks(text: str, headings: Sequence[Heading]) -> Iterator[tuple[int, int, bool]]:
    """Yields `(start, end, whole)` in order; `whole` blocks are one sentence each."""
    starts = [heading.start for heading in headings]
    fenced = False
    begin: int | None = None
    previous: Span = (0, 0)
    for start, end in _lines(text):
        line = text[start:end]
        fence = _FENCE.match(line) is not None
        stop = start + len(line.rstrip())
        at = bisect_right(starts, stop - 1) - 1
        heading = at >= 0 and starts[at] >= start
        whole = heading or fenced or fence or _stands_alone(line)
        if begin is not None and (
            stop == start
            or whole
            or _begins_block(line, text[slice(*previous)])
            or not _goes_on(text, previous, (start, stop))
        ):
            yield begin, previous[1], False
            begin = None
        if fence:
            fenced = not fenced
        if stop > start:
            if whole:
                yield start, stop, True
            elif begin is None:
                begin = start
            previous = (start, stop)
    if begin is not None:
        yield begin, previous[1], False


def _stands_alone(line: str) -> bool:
    return _TABLE_ROW.match(line) is not None or _RULE.fullmatch(line) is not None


def _begins_block(line: str, above: str) -> bool:
    if _LIST_ITEM.match(line) or _TURN.match(line):
        return True
    cell, cell_above = _FIRST_CELL.match(line), _FIRST_CELL.match(above)
    return cell is not None and cell_above is not None and cell.end() == cell_above.end()


def _goes_on(text: str, line: Span, following: Span) -> bool:
    """Whether a sentence may run from one line into the next: the text was wrapped at a width."""
    length = line[1] - line[0]
    if not 30 <= length <= WRAP_CHARS or following[1] - following[0] > WRAP_CHARS:
        return False
    rest = text[following[0] : following[1]].lstrip(" \t>")  # of a mail that is quoted, too
    if rest[:1].islower() or text[line[1] - 1] in ",;-–—":
        return True
    # A wrapped line could not have taken the next line's first word.
    word = rest.split(None, 1)[0] if rest else ""
    return 45 <= length <= 130 and length + len(word) >= 60


def _starts_in_lower_case(text: str) -> bool:
    """Whether the text as a whole does not use capitals to begin sentences (chats, old exports)."""
    sample = re.findall(r"[a-zà-ÿ]{3}[.!?]\s+([^\W\d_])", text[:200_000])
    return len(sample) >= 5 and sum(letter.islower() for letter in sample) > 0.5 * len(sample)


def _ends(text: str, start: int, end: int, lower: bool) -> Iterator[int]:
    """Offsets inside the block at which a new sentence begins."""
    begin = start
    for match in _END.finditer(text, start, end):
        if match.end() >= end:
            return
        if _is_end(text, begin, match, lower):
            begin = match.end()
            yield begin


def _is_end(text: str, begin: int, match: re.Match[str], lower: bool) -> bool:
    mark = match["mark"]
    if mark[0] in "。！？":
        return True
    rest = text[match.end() : match.end() + 24].lstrip(_OPENERS)
    following = rest[:1]
    goes_on = following.islower() and not lower
    if mark != ".":
        # "Really?" he asked. / "Wait... what" go on in lower case.
        return not goes_on
    if match.start() > begin and text[match.start() - 1].isspace():
        return True  # tokenised text: " . " is always an end
    before = _LAST_WORD.search(text[max(begin, match.start() - 40) : match.start()])
    word = before[0].lower() if before else ""
    next_word = re.match(r"[^\W_]*", rest.lower())
    starter = next_word is not None and next_word[0] in _STARTERS and not following.islower()
    if match["close"].strip("*_") and not goes_on:
        return True
    if word.isdigit() and len(word) <= 3 and match.start() - len(word) <= begin + 1:
        return False  # "1. First" at the beginning of a list item
    if word in _ABBREVIATIONS:
        return word in _MAY_END and (starter or (not word.startswith("no") and following.isupper()))
    if _INITIALS.fullmatch(word) and not (len(word) == 1 and word.isdigit()):
        return starter and len(word) > 1
    return not goes_on


def _readable(text: str, start: int, end: int) -> Iterator[Span]:
    """The trimmed span, cut into pieces of at most SENTENCE_CHARS where it is longer."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end - start > SENTENCE_CHARS:
        stop = _cut(text, start, start + SENTENCE_CHARS)
        yield from _readable(text, start, stop)
        start = stop
        while start < end and text[start].isspace():
            start += 1
    if end > start:
        yield start, end


def _cut(text: str, start: int, limit: int) -> int:
    """The best place to cut in the second half of a piece: after ";", after ",", at a space."""
    half = start + SENTENCE_CHARS // 2
    for separator in ("; ", ", ", " ", "\n", "\t"):
        at = text.rfind(separator, half, limit)
        if at > 0:
            return at + len(separator)
    # No space anywhere: never between a letter and its combining marks.
    stop = limit
    while stop > half and (unicodedata.combining(text[stop]) or text[stop] in "\u200d\ufe0f"):
        stop -= 1
    return stop


def _sections(
    text: str, spans: Sequence[Span], headings: Sequence[Heading]
) -> Iterator[list[Span]]:
    """Sentences from one heading, or line drawn across, to the next.

    A short section is joined to the one after it.
    """
    section: list[Span] = []
    for span in spans:
        if (
            section
            and (is_heading(span, headings) or _is_drawn(text, section[-1][1], span))
            and section[-1][1] - section[0][0] >= SMALL_SECTION_CHARS
        ):
            yield section
            section = []
        section.append(span)
    if section:
        yield section


def _is_drawn(text: str, above: int, span: Span) -> bool:
    """Whether a sentence is a line drawn across, set off from what stands above it."""
    blank = len(_NEWLINE.findall(text, above, span[0])) > 1
    return blank and _RULE.fullmatch(text, *span) is not None


def _underlines(text: str, above: Span, span: Span) -> bool:
    """Whether a sentence is a line drawn directly under another, which is none."""
    drawn = [_RULE.fullmatch(text, *one) is not None for one in (above, span)]
    return drawn == [False, True] and not _is_drawn(text, above[1], span)


def _packed(text: str, section: Sequence[Span]) -> Iterator[list[Span]]:
    """Cuts a section into runs of about equal length, each about PASSAGE_CHARS or less."""
    total = section[-1][1] - section[0][0]
    pieces = max(1, -(-total // PASSAGE_CHARS))
    aim = total / pieces
    run: list[Span] = []
    for span in section:
        if run and not _underlines(text, run[-1], span):
            length = run[-1][1] - run[0][0]
            with_it = span[1] - run[0][0]
            paragraph = _blank_between(text, run[-1][1], span[0])
            # Nearer to the aim without it than with it; earlier where a paragraph ends.
            if (
                with_it > 1.5 * aim
                or with_it - aim > aim - length
                or (paragraph and length > 0.75 * aim)
            ):
                yield run
                run = []
        run.append(span)
    if run:
        yield run


def _blank_between(text: str, end: int, start: int) -> bool:
    return "\n" in text[end:start] or "\r" in text[end:start]
