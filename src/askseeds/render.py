"""Answers as people and programs see them. The only place that escapes."""

import html
import itertools
import json
import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from askseeds.types import Answer, Document, Quote

CONTEXT_CHARS = 20_000
"""This much of a document is shown on each side of a quote, to the next line break."""

# Confidence in words, from this probability on.
_CONFIDENCE_WORDS = (
    (0.95, "very likely"),
    (0.75, "likely"),
    (0.5, "possibly"),
    (0.25, "unlikely"),
    (0.0, "very unlikely"),
)
# Characters that turn the order of what follows them: they can make a name read as another one.
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def two_digits(probability: float) -> str:
    """A probability as "0.49": cut off, not rounded, so that what is refused stays below 0.50."""
    return f"{math.floor(probability * 100) / 100:.2f}"


def written_by(answer: Answer) -> str:
    """Which language model wrote, where it is, and what it took; plain text."""
    parts = [answer.models.prose or "no language model"]
    if (writing := answer.writing) is not None:
        parts.append(f"remote, at {writing.place}" if writing.remote else "on this machine")
        if writing.cached:
            parts.append("from memory")
        elif writing.tokens_in is not None:
            parts.append(f"{writing.tokens_in:,} tokens in, {writing.tokens_out or 0:,} out")
    if "write" in answer.timings_ms:
        parts.append(f"{answer.timings_ms['write'] / 1000:.1f} s")
    return ", ".join(parts)


def confidence_words(confidence: float) -> str:
    """A probability in words and as a number, such as "likely (0.93)"."""
    words = next(words for least, words in _CONFIDENCE_WORDS if confidence >= least)
    return f"{words} ({two_digits(confidence)})"


# --- HTML -----------------------------------------------------------------------------------------
# Every `html_*` function returns HTML in which all text that came from a document, a file name or a
# person is escaped; what it takes is plain text, never HTML, unless the argument's name says so.


def html_escape(text: str) -> str:
    """Escapes a text for element content and for quoted attribute values alike."""
    return html.escape(text, quote=True)


def html_name(text: str) -> str:
    """Escapes a file name, title or heading for display on one line.

    Control characters and those that turn the reading order become visible escapes: nothing is
    quoted here, and a name must not be able to look like another one.
    """
    shown = "".join(
        f"\\u{ord(char):04x}"
        if unicodedata.category(char) == "Cc" or _REORDERING.match(char)
        else char
        for char in " ".join(text.split())
    )
    return f"<bdi>{html_escape(shown)}</bdi>"


def html_place(quote: Quote, *, titled: bool = False) -> str:
    """Where a quote stands: file, page and heading, as far as there are any.

    Args:
        quote: The quote.
        titled: The title stands beside it, and is not said again as the first of the headings.
    """
    parts = [f'<span class="file">{html_name(quote.source)}</span>']
    if quote.page is not None:
        parts.append(f"page {quote.page}")
    heading = quote.heading or ""
    if titled and f"{heading} › ".startswith(f"{quote.title} › "):
        heading = heading[len(quote.title) + len(" › ") :]
    if heading:
        parts.append(html_name(heading))
    return " · ".join(parts)


def html_data(content: Mapping[str, Any]) -> str:
    """What a script on the page is told, in an element that is not shown."""
    return f'<p data-told="{html_escape(json.dumps(content, allow_nan=False))}" hidden></p>'


def html_error(text: str) -> str:
    """A line that says what went wrong."""
    return f'<p class="error" role="alert">{html_escape(text)}</p>'


def html_source(
    number: int, index: int, quotes: Sequence[Quote], document: Document, *, nearest: bool
) -> str:
    """A quote lit up in the document's text, with the text around it.

    Args:
        number: The exchange that the quote belongs to, from 1.
        index: The quote's place among `quotes`, from 1.
        quotes: All quotes of that exchange; those of the same document are marked more faintly.
        document: The document that the quote was cut from, as it was then; other quotes that do not
            stand in it are not marked.
        nearest: They are nearest passages rather than quotes of an answer.
    """
    quote = quotes[index - 1]
    text = document.text
    first, last = _window(text, quote.start, quote.end)
    others = [
        (q.start, q.end)
        for q in quotes
        if q.source == quote.source and q is not quote and text[q.start : q.end] == q.text
    ]
    kind = "Nearest passage" if nearest else "Quote"
    warning = '<p class="warning">May not answer the question</p>' if nearest else ""
    size = f"{quote.start:,}–{quote.end:,} of {len(text):,}"
    head = (
        f'<p class="place">{html_place(quote, titled=True)}</p>'
        f'<p class="place">characters {size}</p>{warning}'
        f'<nav class="walk" aria-label="Quotes">'
        f'<button type="button" data-do="previous" aria-label="Previous quote"'
        f"{'' if index > 1 else ' disabled'}>‹</button>"
        f"<span>{kind} {index} of {len(quotes)}</span>"
        f'<button type="button" data-do="next" aria-label="Next quote"'
        f"{'' if index < len(quotes) else ' disabled'}>›</button></nav>"
    )
    marked = _html_marked(document, first, last, (quote.start, quote.end), others)
    shown = (
        f"{_html_left_out(first, 'earlier')}{marked}{_html_left_out(len(text) - last, 'further')}"
    )
    which = f' data-exchange="{number}" data-quote="{index}"'
    return _html_text(document, which, head, shown)


def html_whole(document: Document) -> str:
    """A document from its beginning, as far as a source is shown, with no quote lit up."""
    text = document.text
    last = _window(text, 0, min(len(text), CONTEXT_CHARS))[1]
    head = (
        f'<p class="place"><span class="file">{html_name(document.source)}</span></p>'
        f'<p class="place">{len(text):,} characters</p>'
    )
    shown = _html_marked(document, 0, last, None, []) + _html_left_out(len(text) - last, "further")
    return _html_text(document, "", head, shown)


def _html_text(document: Document, which: str, html_head: str, html_shown: str) -> str:
    return (
        f'<article class="lit-source"{which}>'
        f'<header><h2 class="title">{html_name(document.title)}</h2>{html_head}</header>'
        f'<div class="text" tabindex="0" role="region" aria-label="Text" dir="auto">'
        f"{html_shown}</div></article>"
    )


def html_notice(text: str) -> str:
    """A line in place of a source: nothing chosen yet, or it cannot be shown."""
    return f'<p class="notice">{html_escape(text)}</p>'


def html_welcome(examples: Sequence[str], *, empty: bool = False) -> str:
    """What a new conversation shows: what this is, and questions to begin with.

    Args:
        examples: The questions.
        empty: There is nothing to ask yet, so that the first thing is to add it.
    """
    buttons = "".join(
        f'<li><button type="button" class="example" dir="auto" data-ask="{html_escape(text)}">'
        f"{html_escape(text)}</button></li>"
        for text in examples
    )
    begin = f'<p class="begin">For example</p><ul class="examples">{buttons}</ul>'
    add = (
        '<p class="begin">There are no documents yet.</p><button type="button" class="first" '
        'data-add="">Add documents</button>'
    )
    return (
        '<div class="welcome"><h2>Ask your documents</h2>'
        "<p>Every answer is a word-for-word quote from your own files, shown where it stands. "
        "What they do not answer is not answered.</p>"
        f"{add if empty else begin if examples else ''}</div>"
    )


def html_status(text: str, *, ready: bool) -> str:
    """The line at the top of the page: how many documents there are, or what is being done."""
    return f'<p class="state {"ready" if ready else "busy"}">{html_escape(text)}</p>'


def _window(text: str, start: int, end: int) -> tuple[int, int]:
    """The part of a text to show around a span, widened to whole lines where they are short."""
    first, last = max(0, start - CONTEXT_CHARS), min(len(text), end + CONTEXT_CHARS)
    if first:
        line = text.find("\n", first, start)
        first = line + 1 if line >= 0 else first
    if last < len(text):
        line = text.rfind("\n", end, last)
        last = line if line >= 0 else last
    return first, last


def _html_left_out(chars: int, where: str) -> str:
    return f'<p class="left-out">{chars:,} {where} characters not shown</p>' if chars else ""


def _html_marked(
    document: Document,
    first: int,
    last: int,
    lit: tuple[int, int] | None,
    others: Sequence[tuple[int, int]],
) -> str:
    """The text from `first` to `last`, cut wherever a mark, heading or page begins or ends."""
    headings = [h for h in document.headings if h.end > first and h.start < last]
    pages = [at for at in document.page_starts if first <= at < last]
    cuts = {first, last, *pages}
    for span in (*([lit] if lit else []), *others, *((h.start, h.end) for h in headings)):
        cuts.update(offset for offset in span if first < offset < last)
    edges = sorted(cuts)
    parts: list[str] = []
    over = 0  # headings are in order, and so are the pieces
    for start, end in itertools.pairwise(edges):
        if start in pages:
            page = bisect_right(document.page_starts, start)
            parts.append(f'<span class="page" role="separator" data-page="Page {page}"></span>')
        piece = html_escape(document.text[start:end])
        while over < len(headings) and headings[over].end <= start:
            over += 1
        inside = over < len(headings) and headings[over].start <= start
        level = headings[over].level if inside else None
        if level is not None:
            piece = f'<strong class="heading" data-level="{level}">{piece}</strong>'
        if any(at <= start < stop for at, stop in others) and not (
            lit and lit[0] <= start < lit[1]
        ):
            piece = f'<mark class="other">{piece}</mark>'
        if lit and start == lit[0]:
            piece = '<mark id="lit">' + piece
        if lit and end == lit[1]:
            piece += "</mark>"
        parts.append(piece)
    return "".join(parts)
