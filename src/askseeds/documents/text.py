"""Plain text, and what it shares with Markdown: decoding and lines.

Nothing marks the headings of plain text; they are the short lines that look like one and have
prose under them.
"""

import codecs
import re
import unicodedata
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from askseeds.documents.canonical import make_document
from askseeds.errors import DocumentError
from askseeds.types import Document, Heading

_NEVER_IN_TEXT = bytes([*range(7), *range(14, 27), *range(28, 32), 127])

_PROSE_LINES = 11  # as many lines are looked at below what may be a heading
_WORDS = re.compile(r"\S(?:[^\r\n]*\S)?")
_NEWLINE = re.compile(r"\r\n|\r|\n")

_SENTENCE_ENDS = tuple(".!?…:。！？")
_CLOSERS = "'\"”’»)]"  # what may stand behind the end of a sentence
_SENTENCE_END_INSIDE = re.compile(r"[.!?…:。！？]['\"”’»)\]]*(?:\s|$)")
_NUMBER = re.compile(r"(?:\d{1,3}(?:\.\d{1,3})*[.)]?|[IVXLC]{1,6}[.)]|[A-Z][.)])\s+")
_NOT_A_HEADING = re.compile(r"[|\t{}<>=@\\_~;]|://|\s{3}|,[^\s\d]")
_IN_ORDER = re.compile(r"(\d{1,3})[.)]?\s")  # a heading that is one of a numbered row
_CLOCK = re.compile(  # a line of a log or a chat
    r"\W{0,3}(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?\s+)?\d{1,2}:\d\d\b"
)
_ASKED = re.compile(r"(?:Q|Question)(?: ?\d{1,3})?[.:)]\s.*[?？]\W*", re.I)
_TOLD = re.compile(r"(?:A|Answer)(?: ?\d{1,3})?[.:)]\s", re.I)
_RULE = re.compile(r"[-=_*~#](?:[ \t]*[-=_*~#]){2,}")  # a line drawn across the page
_FIELD = re.compile(r"([A-Z][A-Za-z-]*):[ \t]+\S")  # a line in the head of a mail
_MAIL = re.compile(r"(?:From|To|Cc|Bcc|Reply-To|Date|Sent|Subject):[ \t]+\S")
_ITEM = re.compile(r"(?:[-*+•‣◦▪·–]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)])\s")
_WROTE = re.compile(r"\bwrote:\Z")
_OVER_MAIL = ("From", "Subject")
_WIKI = re.compile(r"(=(?: ?=){0,5}) ?([^\s=](?:.*[^\s=])?) ?\1")


def parse_text(content: bytes, source: str) -> Document:
    """Makes a document of a text file.

    Raises:
        DocumentError: It is not text in UTF-8.
    """
    text = decode(content)
    title = _first_line_as_title(text) if not _is_made_of_words(source) else ""
    return make_document(content, source, text, title=title, headings=_headings(text))


def decode(content: bytes) -> str:
    """The content of a text file as it is, without a byte-order mark.

    Raises:
        DocumentError: It is not text in UTF-8.
    """
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


class Line(NamedTuple):
    """A line with something on it: where its trimmed text stands, and whether it opens a block."""

    start: int
    end: int
    text: str
    after_blank: bool


def lines(text: str, after: int = 0, until: int | None = None) -> Iterator[Line]:
    """The lines with something on them between two offsets, each the end or start of a line."""
    end = after
    for words in _WORDS.finditer(text, after, len(text) if until is None else until):
        start = words.start()
        gap = text[end:start]
        after_blank = end == 0 or (gap != "\n" and len(_NEWLINE.findall(gap)) > 1)
        end = words.end()
        yield Line(start, end, words[0], after_blank)


def ends_sentence(text: str) -> bool:
    """True when a text ends as sentences do, or with a colon."""
    return text.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)


def _first_line_as_title(text: str) -> str:
    top = [line.text for line in islice(lines(text), 2)]
    if len(top) < 2 or len(top[0]) > 120 or len(top[0].split()) > 20:
        return ""
    return top[0] if not top[0].endswith((".", ",", ";")) else ""


def _is_made_of_words(source: str) -> bool:
    """False for names that a machine gave, such as "000_0a94dbc707a55d23"."""
    tokens = re.findall(r"[^\W_]+", PurePosixPath(source).stem)
    letters = sum(len(token) for token in tokens if token.isalpha())
    return letters > 1 and 3 * letters >= sum(map(len, tokens))


def _headings(text: str) -> list[Heading]:
    headings: list[Heading] = []
    topic_seen = False
    above: Line | None = None
    following = lines(text)
    below = deque(islice(following, _PROSE_LINES))
    while below:
        line = below.popleft()
        below.extend(islice(following, 1))
        if len(line.text) <= 80:
            if line.text[0] == "=" and (wiki := _WIKI.fullmatch(line.text)):
                start, end = wiki.span(2)
                level = wiki[1].count("=")
                headings.append(Heading(line.start + start, line.start + end, level))
            elif _ASKED.fullmatch(line.text) and below and _TOLD.match(below[0].text):
                headings.append(Heading(line.start, line.end, 2 if topic_seen else 1))
            elif (
                not _MAIL.match(line.text)
                and not (_CLOCK.match(line.text) and below and not below[0].after_blank)
                and _opens_block(line, above, headings)
                and _is_prose(below, under=line.text)
                and _looks_like_heading(line.text)
            ):
                numbered = _NUMBER.match(line.text) is not None
                level = 2 if numbered and topic_seen else 1
                # The first line of a file is its title, not a topic with numbered parts.
                topic_seen = topic_seen or (above is not None and not numbered)
                headings.append(Heading(line.start, line.end, level))
        above = line
    headings, mails = _completed(text, headings), [*_mail_heads(text)]
    if mails:  # what stands in a mail stands under its head
        headings = [
            h if h.start < mails[0].start else replace(h, level=min(6, h.level + 2))
            for h in headings
        ]
    return sorted([*headings, *mails], key=_start)


def _mail_heads(text: str) -> Iterator[Heading]:
    """Who writes and about what, in the head of each mail."""
    if not all(f"{field}:" in text for field in _OVER_MAIL):
        return
    block: list[tuple[str, Line]] = []

    def heads() -> Iterator[Heading]:
        over = {field: line for field, line in reversed(block) if field in _OVER_MAIL}
        if len(over) == len(_OVER_MAIL):
            for level, line in enumerate(sorted(over.values()), start=1):
                yield Heading(line.start, line.end, level)

    for line in lines(text):
        field = _FIELD.match(line.text)
        if block and (field is None or line.after_blank):
            yield from heads()
            block = []
        if field is not None:
            block.append((field[1], line))
    yield from heads()


def _start(heading: Heading) -> int:
    return heading.start


def _completed(text: str, headings: list[Heading]) -> list[Heading]:
    """With those that are missing from a numbered row, for they have a list or a table under them.

    Without "4. What is not covered" all that it lists would stand under "3. What is covered".
    """
    numbered = [
        (int(found[1]), heading)
        for heading in headings
        if (found := _IN_ORDER.match(text, heading.start))
    ]
    missing: list[Heading] = []
    for (number, last), (until, following) in pairwise(numbered):
        if number + 1 >= until or last.level != following.level:
            continue
        between: dict[int, list[Heading]] = {}
        for line in lines(text, last.end, following.start):
            found = _IN_ORDER.match(line.text)
            short = line.after_blank and len(line.text) <= 80
            if found and short and _looks_like_heading(line.text):
                heading = Heading(line.start, line.end, last.level)
                between.setdefault(int(found[1]), []).append(heading)
        wanted = [between.get(at, []) for at in range(number + 1, until)]
        # A number that comes twice is also that of an item in a list.
        if all(len(one) <= 1 for one in wanted):
            missing += [heading for one in wanted for heading in one]
    return sorted([*headings, *missing], key=_start)


def _opens_block(line: Line, above: Line | None, headings: list[Heading]) -> bool:
    """False where text is wrapped: the short last line of a paragraph is no heading."""
    return (
        line.after_blank
        or above is None
        or ends_sentence(above.text)
        or (bool(headings) and headings[-1].end > above.start)
    )


def _is_prose(below: Collection[Line], *, under: str) -> bool:
    """True when a paragraph of prose follows, longer than the line that would be its heading.

    A line drawn across, the head of a mail, or an older one that is quoted begins something else:
    what stands above is the name that ends a letter.
    """
    first, second = [*islice(below, 2), None, None][:2]
    if first is None or first.text[0].islower() or first.text[0] == ">":
        return False
    if _MAIL.match(first.text) and second is not None and _MAIL.match(second.text):
        return False
    prose = first.text
    if first.after_blank:
        if _RULE.fullmatch(prose):
            return False
        following: Line | None = None
        for line in islice(below, 1, None):
            if line.after_blank or line.text[0] == ">":
                following = line
                break
            prose += " " + line.text
        if _WROTE.search(prose):
            return False
        if prose.endswith(":") and following is not None and _ITEM.match(following.text):
            return len(re.findall(r"[^\W\d_]{2,}", prose)) >= 3  # it leads in a list
    return (
        len(prose) >= max(40, 1.5 * len(under))
        and len(re.findall(r"[^\W\d_]{2,}", prose)) >= 6
        and _SENTENCE_END_INSIDE.search(prose) is not None
    )


def _looks_like_heading(line: str) -> bool:
    if line.rstrip(_CLOSERS)[-1:] in ".!?…,:-–—。！？、" or _NOT_A_HEADING.search(line):
        return False
    number = _NUMBER.match(line)
    words = line[number.end() :] if number else line
    # Emoji and other signs may stand before the first word.
    first = next((char for char in words if unicodedata.category(char)[0] in "LN"), "a")
    count = sum(any(map(str.isalnum, word)) for word in words.split())
    return count <= 12 and not first.islower() and any(map(str.isalpha, words))
