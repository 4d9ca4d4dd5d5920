"""Whether an answer is what a pair expects, and if not, where on its way it was lost. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from askseeds.evaluate.gold import Gold, passage, touches
from askseeds.evaluate.pairs import Pair
from askseeds.retrieve import names
from askseeds.terminal import place_text
from askseeds.types import Answer, Quote

Kind = Literal[
    "passed",
    "no such text",
    "not retrieved",
    "retrieved but not chosen",
    "chosen but refused",
    "answered all the same",
    "quoted what must not be",
    "quoted from elsewhere",
    "error",
]
"""What became of a pair; the failures in the order in which they happen on a question's way."""

EXCERPT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with an answer.

    Attributes:
        kind: The first thing that went wrong.
        reasons: Everything that the pair expects and did not get; empty when it passed.
        nearest_miss: How near the first missing fragment came, in a sentence; may be empty.
    """

    kind: Kind
    reasons: tuple[str, ...] = ()
    nearest_miss: str = ""


def faults(pair: Pair, answer: Answer) -> tuple[str, ...]:
    """What the pair expects and did not get, one line each; empty when the answer passes."""
    found: list[str] = []
    if answer.status != pair.status:
        found.append(f"expected {pair.status}, got {answer.status}")
    if pair.status == "answered" and answer.status == "answered":
        quotes = _counting(pair, answer.quotes)
        if not quotes and (pair.source or pair.page):
            found.append(f"nothing is quoted from {_where(pair)}")
        missing = _missing(pair, quotes)
        found += [f"not quoted: {fragment!r}" for fragment in missing]
    found += [
        f"must not be quoted: {fragment!r}"
        for fragment in pair.not_quotes
        if any(fragment in quote.text for quote in answer.quotes)
    ]
    return tuple(found)


def judge(pair: Pair, answer: Answer, golds: Sequence[Gold]) -> Verdict:
    """Judges an answer.

    Args:
        pair: What is expected.
        answer: What came.
        golds: The pair's fragments with the places where they stand.
    """
    reasons = faults(pair, answer)
    if not reasons:
        return Verdict("passed")
    if pair.status == "not_found":
        if answer.status == "answered":
            return Verdict("answered all the same", reasons)
        return Verdict("quoted what must not be", reasons)
    lost = [gold for gold in golds if not gold.places]
    if lost:
        where = f" on {_where(pair)}" if pair.source or pair.page else ""
        miss = f"{lost[0].fragment!r} stands in no document{where}{_hint(lost[0], answer)}"
        return Verdict("no such text", reasons, miss)
    chosen = _counting(pair, answer.quotes or answer.nearest)
    missing = _missing(pair, chosen)
    if not missing:
        if answer.status == "not_found":
            return Verdict("chosen but refused", reasons, _refused(pair, answer))
        if not chosen:
            return Verdict("quoted from elsewhere", reasons)
        return Verdict("quoted what must not be", reasons)
    if not _missing(pair, answer.quotes):
        return Verdict("quoted from elsewhere", reasons)
    gold = next((gold for gold in golds if gold.fragment in missing), None)
    return _lost(gold, answer, reasons)


def _lost(gold: Gold | None, answer: Answer, reasons: tuple[str, ...]) -> Verdict:
    """Of a fragment that stands in a document but was not chosen."""
    if gold is None:
        return Verdict("retrieved but not chosen", reasons)
    place = gold.places[0]
    stands = f"{gold.fragment!r} stands at {place.source}:{place.start}-{place.end}"
    for hit in answer.hits:
        if touches(passage(hit), [gold]):
            fusion = hit.stages.get("fusion")
            before = f", {fusion.rank} before reranking" if fusion else ""
            miss = f"{stands}, in the passage of rank {hit.rank}{before}"
            return Verdict("retrieved but not chosen", reasons, miss)
    miss = f"{stands}, in none of the {len(answer.hits)} passages that were read"
    return Verdict("not retrieved", reasons, miss)


def _refused(pair: Pair, answer: Answer) -> str:
    for number, quote in enumerate(answer.nearest, start=1):
        if not pair.quotes or pair.quotes[0] in quote.text:
            return (
                f"the nearest passage of rank {number} has it, but the confidence of "
                f"{answer.confidence:.2f} is too low"
            )
    return f"the confidence of {answer.confidence:.2f} is too low"


def _hint(gold: Gold, answer: Answer) -> str:
    """A fragment that differs from a passage in its spaces or capitals only was mistyped."""
    wanted = " ".join(gold.fragment.split()).lower()
    if any(wanted in " ".join(hit.text.split()).lower() for hit in answer.hits):
        return "; a passage has it with other spaces, line breaks or capitals"
    return ""


def _counting(pair: Pair, quotes: Sequence[Quote]) -> tuple[Quote, ...]:
    """The quotes from the documents and the page that the pair asks for."""
    return tuple(
        quote
        for quote in quotes
        if (not pair.source or names(pair.source, quote.source))
        and (pair.page is None or quote.page == pair.page)
    )


def _missing(pair: Pair, quotes: Sequence[Quote]) -> list[str]:
    exact = [f for f in pair.quotes if not any(f in quote.text for quote in quotes)]
    return exact + [p for p in pair.patterns if not any(re.search(p, q.text) for q in quotes)]


def _where(pair: Pair) -> str:
    page = f"page {pair.page}" if pair.page else ""
    return " of ".join(part for part in (page, pair.source) if part)


def explanation(pair: Pair, answer: Answer, verdict: Verdict) -> str:
    """A failed pair in full, for a person: plain text of several lines."""
    lines = [f"question:   {pair.question}"]
    if answer.asked != pair.question.strip():
        lines.append(f"searched:   {answer.asked}")
    lines.append(f"expected:   {_expected(pair)}")
    lines.append(f"got:        {answer.status}, confidence {answer.confidence:.2f}")
    kind = "quoted" if answer.quotes else "nearest"
    lines += [
        f"{kind + ':':<12}{_excerpt(quote.text)!r}\n{'':12}{place_text(quote)}"
        for quote in answer.quotes or answer.nearest
    ]
    lines.append(f"wrong:      {verdict.kind}")
    lines += [f"{'':12}{reason}" for reason in verdict.reasons]
    if verdict.nearest_miss:
        lines.append(f"near miss:  {verdict.nearest_miss}")
    if pair.note:
        lines.append(f"note:       {pair.note}")
    return "\n".join(lines)


def _expected(pair: Pair) -> str:
    parts: list[str] = [pair.status]
    parts += [repr(fragment) for fragment in pair.quotes]
    parts += [f"a match of {pattern!r}" for pattern in pair.patterns]
    parts += [f"without {fragment!r}" for fragment in pair.not_quotes]
    if pair.source or pair.page:
        parts.append(f"from {_where(pair)}")
    return ", ".join(parts)


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1] + "…"
