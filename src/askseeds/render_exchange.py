"""One question of the chat with what came of it: as HTML for the page, as Markdown to take along.

Like `render`, this escapes all text that came from a document, a person or a language model.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askseeds.render import (
    confidence_words,
    html_error,
    html_escape,
    html_name,
    html_place,
    written_by,
)
from askseeds.types import Answer, Claim, Quote, Step

STEPS: dict[Step, str] = {
    "searching": "Searching the documents",
    "reading": "Reading the passages",
    "choosing": "Choosing the quotes",
    "writing": "Writing, and checking what is written",
}
"""What is being done for a question, for a person."""

STOPPED = "Stopped."
SO_FAR = "Found so far"
NEAREST = "The nearest passages, which may or may not answer it:"
UNSUPPORTED = "not supported by the documents"

_ICONS = {
    "thumb": '<path d="M2.8 9.2h3v7.6h-3zM5.8 9.6 9.2 3c1.3 0 2.2 1 2 2.3'
    'L10.8 8h4.6c1.2 0 2 1 1.8 2.1l-.9 5.1c-.2 1-1 1.6-1.9 1.6H5.8"/>',
    "copy": '<rect x="7" y="7" width="10" height="10" rx="2"/>'
    '<path d="M13 4.6V4a1.5 1.5 0 0 0-1.5-1.5h-7A1.5 1.5 0 0 0 3 4v7A1.5 1.5 0 0 0 4.5 12.5H5"/>',
    "retry": '<path d="M16 6.5A7 7 0 1 0 17 10.6M16.4 2.6v4.1h-4.1"/>',
    "edit": '<path d="m4 13.4-.9 3.5 3.5-.9L16 6.6 13.4 4zM11.6 5.8l2.6 2.6"/>',
}
# What Markdown would take for its own, wherever it stands, and at the beginning of a line.
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~]|&(?=#?\w+;)")
_MARKDOWN_LINE = re.compile(r"^(\s*(?:\d+(?=[.)]))?)([#+.)=-])", re.MULTILINE)


def ordinal(number: int) -> str:
    """A number as "1st", "2nd", "3rd", "11th"."""
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    return f"{number:,}{suffix}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question.

    Attributes:
        answer: None when there is an error, or when the person did not wait for it.
        error: The line to show instead of an answer.
        note: A line to show with the answer.
        stopped: The person did not wait for the end.
    """

    answer: Answer | None
    error: str = ""
    note: str = ""
    stopped: bool = False


def html_answer(number: int, outcome: Outcome, *, rating: str = "") -> str:
    """What came of a question.

    Args:
        number: Counts the exchanges of a conversation from 1; the quotes carry it.
        outcome: The answer, or what there is instead.
        rating: The thumb that was given to the answer, `up` or `down`; empty without one.
    """
    parts = []
    if outcome.error:
        parts.append(html_error(outcome.error))
    elif outcome.answer is not None:
        parts.append(_html_answer(number, outcome.answer))
    if outcome.stopped:
        parts.append(f'<p class="note">{STOPPED}</p>')
    if outcome.note:
        parts.append(f'<p class="note">{html_escape(outcome.note)}</p>')
    # What is not final cannot be judged.
    judged = outcome.answer is not None and not outcome.answer.provisional
    return "".join(parts) + _html_actions(number, rating, judged=judged)


def _html_answer(number: int, answer: Answer) -> str:
    found = answer.status == "answered"
    parts = [_html_verdict(answer)]
    if answer.asked != answer.question:
        parts.append(
            f'<p class="asked" dir="auto">Searched for: {html_escape(answer.asked)}</p>',
        )
    if answer.ask_back:
        parts.append(f'<p class="prose" dir="auto">{html_escape(answer.ask_back)}</p>')
    if answer.claims:
        claims = " ".join(_html_claim(number, claim, answer.quotes) for claim in answer.claims)
        parts.append(f'<p class="prose" dir="auto">{claims}</p>')
    if answer.has_prose:
        parts.append(f'<p class="by">Model: {html_name(written_by(answer))}</p>')
    if answer.notice:
        parts.append(f'<p class="note">{html_escape(answer.notice)}</p>')
    quotes = answer.quotes if found else answer.nearest
    if quotes and not found:
        parts.append(f'<p class="nearest">{NEAREST}</p>')
    if quotes:
        kind = "Quotes" if found else "Nearest passages"
        cards = "".join(_html_quote(number, index, quote) for index, quote in enumerate(quotes, 1))
        parts.append(f'<ol class="quotes {answer.status}" aria-label="{kind}">{cards}</ol>')
    return "".join(parts)


def _html_verdict(answer: Answer) -> str:
    if answer.provisional:
        return f'<p class="verdict provisional"><strong>{SO_FAR}</strong></p>'
    confidence = html_escape(confidence_words(answer.confidence))
    return (
        f'<p class="verdict {answer.status}"><strong>{html_escape(_verdict(answer))}</strong> '
        f'<span class="confidence" title="How likely the documents answer the question, 0 to 1">'
        f"{confidence}</span></p>"
    )


def _verdict(answer: Answer) -> str:
    return "Answered by the documents" if answer.status == "answered" else answer.text


def _html_claim(number: int, claim: Claim, quotes: Sequence[Quote]) -> str:
    text = html_escape(claim.text)
    if not claim.supported:
        return (
            f'<span class="claim unsupported"><s>{text}</s> '
            f'<span class="why">{UNSUPPORTED}</span></span>'
        )
    references = "".join(
        f'<button type="button" class="reference" data-do="quote" data-exchange="{number}" '
        f'data-quote="{index + 1}" '
        f'aria-label="Show quote {index + 1}, {html_escape(quotes[index].source)}">'
        f"{index + 1}</button>"
        for index in claim.quotes
        if 0 <= index < len(quotes)
    )
    return f'<span class="claim">{text}<span class="references">{references}</span></span>'


def _html_quote(number: int, index: int, quote: Quote) -> str:
    label = f"Show {index} in its source, {quote.source}"
    return (
        f'<li class="quote" data-exchange="{number}" data-quote="{index}" '
        f'data-source="{html_escape(quote.source)}" '
        f'data-start="{quote.start}" data-end="{quote.end}">'
        f'<button type="button" class="marker" aria-label="{html_escape(label)}">{index}</button>'
        f'<blockquote dir="auto">{html_escape(quote.text)}</blockquote>'
        f'<p class="place">{html_place(quote)} · <span class="score">score {quote.score:.2f}'
        f"</span></p></li>"
    )


def _html_actions(number: int, rating: str, *, judged: bool) -> str:
    thumbs = "".join(
        _html_button(
            "judge",
            "thumb",
            label,
            f' class="action thumb" data-exchange="{number}" data-rating="{name}" '
            f'aria-pressed="{"true" if name == rating else "false"}"',
        )
        for name, label in (("up", "Right answer"), ("down", "Wrong answer"))
    )
    others = "".join(
        _html_button(name, name, label, f' class="action {name}" data-exchange="{number}"')
        for name, label in (
            ("copy", "Copy with references"),
            ("retry", "Ask again"),
            ("edit", "Edit the question"),
        )
    )
    return (
        f'<div class="actions" role="group" aria-label="This answer">'
        f"{thumbs if judged else ''}{others}</div>"
    )


def _html_button(action: str, icon: str, label: str, attributes: str) -> str:
    return (
        f'<button type="button" data-do="{action}"{attributes} aria-label="{label}" '
        f'title="{label}"><svg viewBox="0 0 20 20" aria-hidden="true">{_ICONS[icon]}</svg></button>'
    )


# --- Markdown -------------------------------------------------------------------------------------


def markdown(question: str, outcome: Outcome) -> str:
    """The same as Markdown that reads the same everywhere: quotes, and where each one stands."""
    parts = [f"## {_plain(' '.join(question.split()))}"]
    if outcome.error:
        parts.append(_plain(outcome.error))
    elif outcome.answer is not None:
        parts += _markdown_answer(outcome.answer)
    parts += [STOPPED] if outcome.stopped else []
    parts += [_plain(outcome.note)] if outcome.note else []
    return "\n\n".join(parts) + "\n"


def _markdown_answer(answer: Answer) -> list[str]:
    found = answer.status == "answered"
    parts = [f"**{_plain(_verdict(answer))}** {confidence_words(answer.confidence)}"]
    if answer.provisional:
        parts = [f"**{SO_FAR}**"]
    if answer.asked != answer.question:
        parts.append(f"Searched for: {_plain(answer.asked)}")
    if answer.ask_back:
        parts.append(_plain(answer.ask_back))
    if answer.claims:
        parts.append(" ".join(_markdown_claim(claim) for claim in answer.claims))
    if answer.has_prose:
        parts.append(f"Model: {_plain(written_by(answer))}")
    if answer.notice:
        parts.append(_plain(answer.notice))
    quotes = answer.quotes if found else answer.nearest
    if quotes and not found:
        parts.append(NEAREST)
    for index, quote in enumerate(quotes, 1):
        lines = _plain(quote.text).splitlines() or [""]
        parts.append("\n".join(f"> {line}".rstrip() for line in lines) + f" [{index}]")
    references = [f"[{index}] {_reference(quote)}  " for index, quote in enumerate(quotes, 1)]
    return [*parts, "\n".join(references)] if references else parts


def _markdown_claim(claim: Claim) -> str:
    if not claim.supported:
        return f"~~{_plain(claim.text)}~~ ({UNSUPPORTED})"
    return _plain(claim.text) + "".join(f" [{index + 1}]" for index in claim.quotes)


def _reference(quote: Quote) -> str:
    parts = [quote.source]
    parts += [f"page {quote.page}"] if quote.page is not None else []
    parts += [quote.heading] if quote.heading else []
    parts.append(f"characters {quote.start}–{quote.end}")
    return ", ".join(_plain(" ".join(part.split())) for part in parts)


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return _MARKDOWN_LINE.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\g<0>", text))
