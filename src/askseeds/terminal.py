"""Answers as text for terminals and as JSON for programs."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from askseeds.errors import SeedsError
from askseeds.render import two_digits, written_by
from askseeds.types import Answer, Claim, Document, Hit, Quote

if TYPE_CHECKING:
    from askseeds.doctor import Finding
    from askseeds.prose.endpoint import Endpoint
    from askseeds.prose.prompt import Prompt
    from askseeds.status import Status
    from askseeds.sync import SyncReport

CONTEXT_CHARS = 300
"""Shown on each side of a quote in its surroundings."""

SNIPPET_CHARS = 160

# Control characters could move the cursor, and reordering ones show another text than is there.
_UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def terminal_safe(text: str) -> str:
    """The text with control and reordering characters made visible as backslash escapes."""
    text = text.replace("\r\n", "\n")
    return _UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def terminal_line(text: str) -> str:
    """`terminal_safe` for what stands on one line: names, headings, reasons."""
    return terminal_safe(text).replace("\n", "\\n").replace("\t", "\\t")


def json_line(value: object) -> str:
    """One line of JSON, in Unicode where it can be encoded."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, from an escape in the question
        return json.dumps(value)
    return text


def answer_json(answer: Answer) -> dict[str, Any]:
    """The object that `ask --json` prints; its form is a contract."""
    return {
        "question": answer.question,
        "status": answer.status,
        "confidence": round(answer.confidence, 4),
        "text": answer.text,
        "quotes": [_quote_json(quote) for quote in answer.quotes],
        "nearest": [_quote_json(quote) for quote in answer.nearest],
        "claims": [
            {"text": claim.text, "quotes": list(claim.quotes), "supported": claim.supported}
            for claim in answer.claims
        ],
        "timings_ms": {stage: round(ms, 2) for stage, ms in answer.timings_ms.items()},
        "model": asdict(answer.models) | _writing_json(answer),
    }


def _writing_json(answer: Answer) -> dict[str, Any]:
    """What is told of a language model beside its name; nothing without one.

    With no word of it in the answer it has no name; if it replied, the facts are told all the same.
    """
    if answer.writing is None:
        return {}
    facts = answer.writing
    replied = answer.has_prose or facts.cached or facts.dropped or facts.tokens_out is not None
    told = {"notice": answer.notice, "ask_back": answer.ask_back}
    return (
        ({} if answer.has_prose else {"prose": None})
        | (asdict(facts) if replied else {})
        | {key: text for key, text in told.items() if text}
    )


def _quote_json(quote: Quote) -> dict[str, Any]:
    return asdict(quote) | {"score": round(quote.score, 4)}


def hit_json(hit: Hit) -> dict[str, Any]:
    """One line of `search --json`."""
    passage = hit.passage
    return {
        "rank": hit.rank,
        "score": round(hit.score, 4),
        "source": hit.document.source,
        "start": passage.start,
        "end": passage.end,
        "text": hit.text,
        "title": hit.document.title,
        "page": passage.page,
        "heading": passage.heading,
        "stages": {
            name: {"rank": stage.rank, "score": round(stage.score, 4)}
            for name, stage in hit.stages.items()
        },
    }


def answer_text(answer: Answer, *, colour: bool, claims_shown: int | None = None) -> str:
    """An answer as `ask` prints it: claims, then each quote under the place where it stands.

    Args:
        answer: The whole of it.
        colour: Whether the terminal shows colours.
        claims_shown: How many of the supported claims `claim_text` has shown already, with what
            stands before them; None where nothing was shown.
    """
    style = _styler(colour)
    parts = [] if claims_shown else answer_head(answer, colour=colour)
    parts += [
        claim_text(claim, colour=colour)
        for claim in answer.claims[claims_shown or 0 :]
        if answer.status == "answered" or claim.supported
    ]
    if answer.status == "not_found":
        parts.append(style(answer.text, bold=True))
        if answer.nearest:
            parts.append("Nearest passages, which may or may not answer it:")
    for number, quote in enumerate(answer.quotes or answer.nearest, start=1):
        place = style(f"[{number}] {terminal_line(place_text(quote))}", fg="cyan")
        parts.append(f"{place}\n{terminal_safe(quote.text)}")
    ends = [f"{answer.status.replace('_', ' ')}, confidence {two_digits(answer.confidence)}"]
    if answer.has_prose:
        ends.append(terminal_line(f"prose by {written_by(answer)}"))
    parts.append(style("\n".join(ends), dim=True))
    return "\n\n".join(parts)


def answer_head(answer: Answer, *, colour: bool) -> list[str]:
    """What stands before an answer's claims and quotes."""
    style = _styler(colour)
    parts = []
    if answer.asked != answer.question:
        parts.append(style(f"searched for: {terminal_line(answer.asked)}", dim=True))
    if answer.ask_back:
        parts.append(style(terminal_line(answer.ask_back), bold=True))
    return parts


def claim_text(claim: Claim, *, colour: bool) -> str:
    """A language model's claim with the numbers of its quotes, or struck out."""
    style = _styler(colour)
    text = terminal_line(claim.text)
    if claim.supported:
        numbers = style("".join(f"[{number + 1}]" for number in claim.quotes), fg="cyan")
        return f"{text} {numbers}"
    mark = style("not supported by the documents:", fg="red")
    struck = style(text, strikethrough=True) if colour else f"~~{text}~~"
    return f"{mark} {struck}"


def place_text(quote: Quote) -> str:
    """Where a quote stands, as `file:start-end, page, heading`."""
    parts = [f"{quote.source}:{quote.start}-{quote.end}"]
    if quote.page is not None:
        parts.append(f"page {quote.page}")
    if quote.heading:
        parts.append(quote.heading)
    return ", ".join(parts)


def prompts_text(endpoint: "Endpoint", prompts: "Sequence[Prompt]", max_tokens: int) -> str:
    """What `ask --dry-run` prints: one JSON object for each request that would be made."""
    requests = [
        {
            "model": endpoint.name,
            "to": endpoint.url or endpoint.place,
            "remote": endpoint.remote,
            "max_tokens": max_tokens,
            "messages": prompt.messages(),
            "schema": prompt.schema,
        }
        for prompt in prompts
    ]
    return "\n".join(json_line(request) for request in requests)


def hits_text(hits: Sequence[Hit], *, explain: bool, colour: bool) -> str:
    """Passages as `search` prints them; with `explain`, the rank and score of every stage."""
    if not hits:
        return "nothing found"
    style = _styler(colour)
    parts = []
    for hit in hits:
        passage = hit.passage
        place = f"{hit.document.source}:{passage.start}-{passage.end}"
        if passage.heading:
            place += f", {passage.heading}"
        head = style(f"{hit.rank:>2}. {terminal_line(place)}", fg="cyan")
        lines = [head, "    " + terminal_line(_snippet(hit.text))]
        if explain:
            stages = (
                f"{name} {_stage(hit, name)}" for name in ("vectors", "words", "fusion", "reranker")
            )
            lines.append(style("    " + " · ".join(stages), dim=True))
        parts.append("\n".join(lines))
    return "\n".join(parts)


def _stage(hit: Hit, name: str) -> str:
    stage = hit.stages.get(name)
    return f"#{stage.rank} {stage.score:.4g}" if stage else "–"


def _snippet(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SNIPPET_CHARS else text[: SNIPPET_CHARS - 1] + "…"


def quote_in_context(document: Document, quote: str, *, colour: bool) -> str:
    """A quote marked in its surroundings, wherever it stands in the document.

    Raises:
        SeedsError: It does not stand there, to the letter.
    """
    starts = [match.start() for match in re.finditer(re.escape(quote), document.text)]
    if not starts or not quote:
        raise SeedsError(
            f"{document.source} does not contain this text, to the letter; "
            f"`askseeds show {document.source}` prints what it contains"
        )
    style = _styler(colour)
    parts = []
    for start in starts:
        end = start + len(quote)
        before = terminal_safe(document.text[max(0, start - CONTEXT_CHARS) : start])
        after = terminal_safe(document.text[end : end + CONTEXT_CHARS])
        marked = terminal_safe(quote)
        marked = style(marked, reverse=True) if colour else f">>>{marked}<<<"
        head = style(f"{terminal_line(document.source)}:{start}-{end}", fg="cyan")
        parts.append(f"{head}\n{before}{marked}{after}")
    return "\n\n".join(parts)


def report_json(report: "SyncReport") -> dict[str, Any]:
    """The object that `index --json` prints."""
    return asdict(report)


def report_text(report: "SyncReport") -> str:
    """What `index` changed."""
    lines = [
        f"{sign} {terminal_line(source)}"
        for sign, sources in (
            ("+", report.added),
            ("~", report.updated),
            ("-", report.removed),
        )
        for source in sources
    ]
    lines.append(
        f"{len(report.added)} added, {len(report.updated)} updated, {len(report.removed)} removed, "
        f"{report.unchanged} unchanged, {len(report.skipped)} skipped; "
        f"{_count(report.passages, 'passage')} in {_count(report.documents, 'document')}, "
        f"{report.embedded} embedded"
    )
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def status_text(status: "Status") -> str:
    """What `status` prints."""
    rows = {
        "seeds": status.seeds,
        "index": f"{status.index}, generation {status.generation}, {status.megabytes:.1f} MB",
        "documents": f"{status.documents:,} with {status.characters:,} characters",
        "passages": f"{status.passages:,}",
        "encoder": f"{status.encoder}, {status.precision}",
        "reranker": status.reranker,
        "vectors": status.vectors,
        "words": status.words,
        "changes": f"{_count(status.changed, 'file')} to read, {status.removed:,} to remove"
        if status.changed or status.removed
        else "none since",
    }
    lines = [f"{name:<11}{terminal_line(value)}" for name, value in rows.items()]
    lines += [f"source     {terminal_line(source)}" for source in status.sources]
    lines += [
        f"{'cannot read' if skipped.failed else 'skipped'} "
        f"{terminal_line(skipped.source)}: {terminal_line(skipped.reason)}"
        for skipped in status.skipped
    ]
    return "\n".join(lines)


def findings_text(findings: Sequence["Finding"], *, colour: bool) -> str:
    """What `doctor` prints."""
    style = _styler(colour)
    return "\n".join(
        style("ok    ", fg="green") + terminal_line(finding.text)
        if finding.ok
        else style("wrong ", fg="red") + terminal_line(finding.text)
        for finding in findings
    )


def _styler(colour: bool) -> Any:
    return click.style if colour else lambda text, **_: text
