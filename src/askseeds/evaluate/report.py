"""The evaluation as one HTML file that opens without a network: style, script and plots inside."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import resources
from itertools import pairwise

from askseeds import __version__
from askseeds.evaluate.charts import charts
from askseeds.evaluate.figures import FIGURES
from askseeds.evaluate.gate import Check
from askseeds.evaluate.outputs import Evaluation, counts_text, figure_text
from askseeds.evaluate.pairs import Pair
from askseeds.evaluate.runner import Outcome, Result
from askseeds.render import confidence_words, html_escape, html_name, html_place
from askseeds.types import Answer, Document, Quote

CONTEXT_CHARS = 220
"""Shown of a document on each side of a quote."""

TILES = ("passed", "hit_at_1", "refused", "auroc", "calibration_error", "seconds_p50")

OUTCOMES: dict[Outcome, str] = {
    "failed": "failed",
    "error": "could not be asked",
    "unexpected pass": "passed unexpectedly",
    "expected failure": "failed as expected",
    "passed": "passed",
}


def html(run: Evaluation) -> str:
    """The whole page."""
    style, script = (
        resources.files("askseeds").joinpath(name).read_text(encoding="utf-8")
        for name in ("report.css", "report.js")
    )
    # Whatever a document says, the browser runs and loads nothing but these two.
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>askseeds eval: {html_escape(counts_text(run))}</title>"
        f"<style>{style}</style></head><body>"
        f"{_head(run)}<main>{_tiles(run)}{_gate(run.checks)}"
        f"{_charts(run)}{_figures(run)}{_pairs(run.results)}</main>"
        f"<script>{script}</script></body></html>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _head(run: Evaluation) -> str:
    good = all(check.ok for check in run.checks) and not run.count("error")
    models = next((result.answer.models for result in run.results if result.answer), None)
    about = [", ".join(run.files), f"seeds {run.settings.seeds}"]
    if models:
        about.append(f"{models.encoder} and {models.reranker}")
    about.append(f"askseeds {__version__}")
    verdict = ("passed", "Gate holds") if good else ("failed", "Gate fails")
    return (
        f'<header><div><h1>Evaluation</h1><p class="about">'
        f"{' · '.join(html_name(part) for part in about)}</p></div>"
        f'<p class="verdict {verdict[0]}">{verdict[1]}</p></header>'
    )


def _tiles(run: Evaluation) -> str:
    tiles = []
    for name in TILES:
        value, interval = figure_text(name, run.figures[name])
        tiles.append(
            f'<div class="tile"><dt>{html_escape(FIGURES[name].title)}</dt>'
            f'<dd><b>{value}</b><span title="95 % interval">{interval or "no such pairs"}</span>'
            "</dd></div>"
        )
    return (
        f'<section aria-label="Summary"><p class="counts">{html_escape(counts_text(run))}</p>'
        f'<dl class="tiles">{"".join(tiles)}</dl></section>'
    )


def _gate(checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    items = "".join(
        f'<li class="{"passed" if check.ok else "failed"}">'
        f"<b>{'holds' if check.ok else 'fails'}</b> {html_escape(check.text)}</li>"
        for check in checks
    )
    return f'<section><h2>Gate</h2><ul class="gate">{items}</ul></section>'


def _charts(run: Evaluation) -> str:
    pictures = "".join(
        f"<figure><figcaption><h3>{html_escape(chart.title)}</h3>"
        f'<p class="legend">{chart.legend_html}</p></figcaption>{chart.svg}'
        f'<p class="said">{html_escape(chart.said)}</p></figure>'
        for chart in charts(run.results, run.settings.min_confidence)
    )
    return f'<section><h2>Plots</h2><div class="charts">{pictures}</div></section>'


def _figures(run: Evaluation) -> str:
    rows = []
    for name, figure in run.figures.items():
        value, interval = figure_text(name, figure)
        rows.append(
            f'<tr><th scope="row">{html_escape(FIGURES[name].title)}</th>'
            f"<td><code>{name}</code></td><td>{value}</td><td>{interval}</td>"
            f"<td>{figure.pairs}</td></tr>"
        )
    return (
        "<section><details><summary><h2>All figures</h2></summary><div class='scroll'><table>"
        '<thead><tr><th scope="col">Figure</th><th scope="col">Name</th><th scope="col">Value</th>'
        '<th scope="col">95 % interval</th><th scope="col">Pairs</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details></section>"
    )


# --- Pairs ----------------------------------------------------------------------------------------


def _pairs(results: Sequence[Result]) -> str:
    outcomes = Counter(result.outcome for result in results)
    tags = Counter(tag for result in results for tag in result.pair.tags)
    buttons = [_choice("", f"all {len(results)}", pressed=True)] + [
        _choice(outcome, f"{name} {outcomes[outcome]}", pressed=False)
        for outcome, name in OUTCOMES.items()
        if outcomes[outcome]
    ]
    options = "".join(
        f'<option value="{html_escape(tag)}">{html_escape(tag)} ({number})</option>'
        for tag, number in sorted(tags.items())
    )
    return (
        '<section id="pairs"><h2>Pairs</h2><div class="filters">'
        f'<div role="group" aria-label="Outcome">{"".join(buttons)}</div>'
        f'<label>Tag <select id="tag"><option value="">any</option>{options}</select></label>'
        '<label>Find <input id="find" type="search" placeholder="words or an id"></label>'
        '<button type="button" id="unfold">Open all</button>'
        f'<span id="shown" role="status">{len(results)} shown</span></div>'
        f"{''.join(_pair(result) for result in results)}</section>"
    )


def _choice(outcome: str, label: str, *, pressed: bool) -> str:
    return (
        f'<button type="button" class="choice" data-outcome="{html_escape(outcome)}" '
        f'aria-pressed="{str(pressed).lower()}">{html_escape(label)}</button>'
    )


def _pair(result: Result) -> str:
    pair, answer = result.pair, result.answer
    confidence = f'<span class="confidence">{answer.confidence:.2f}</span>' if answer else ""
    kind = "" if result.outcome == "passed" else html_escape(result.verdict.kind)
    tags = "".join(f'<span class="tag">{html_escape(tag)}</span>' for tag in pair.tags)
    return (
        f'<details class="pair" data-outcome="{result.outcome}" '
        f'data-tags="{html_escape(" ".join(pair.tags))}">'
        f'<summary><span class="badge {_class(result.outcome)}">{OUTCOMES[result.outcome]}</span>'
        f'<span class="question" dir="auto">{html_escape(pair.question)}</span>'
        f'<span class="kind">{kind}</span>{confidence}</summary>'
        f'<div class="body"><p class="meta"><code>{html_escape(pair.id)}</code> '
        f"{html_name(pair.file)}:{pair.line} {tags}</p>"
        f"{_expected(pair)}{_wrong(result)}{_answer(pair, answer) if answer else ''}"
        "</div></details>"
    )


def _class(outcome: Outcome) -> str:
    return {"passed": "passed", "expected failure": "expected"}.get(outcome, "failed")


def _expected(pair: Pair) -> str:
    rows = [("Expected", "answered" if pair.status == "answered" else "not found")]
    rows += [("to quote", fragment) for fragment in pair.quotes]
    rows += [("to match", pattern) for pattern in pair.patterns]
    rows += [("not to quote", fragment) for fragment in pair.not_quotes]
    rows += [("from", pair.source)] if pair.source else []
    rows += [("on page", str(pair.page))] if pair.page else []
    rows += [("after", turn.question) for turn in pair.history]
    rows += [("known to fail", pair.xfail)] if pair.xfail else []
    rows += [("note", pair.note)] if pair.note else []
    items = "".join(
        f'<dt>{name}</dt><dd dir="auto">{html_escape(value)}</dd>' for name, value in rows
    )
    return f'<dl class="expected">{items}</dl>'


def _wrong(result: Result) -> str:
    reasons = [*result.verdict.reasons]
    if result.outcome == "unexpected pass":
        reasons.append("it passes now; delete its xfail")
    if result.verdict.nearest_miss:
        reasons.append(result.verdict.nearest_miss)
    items = "".join(f'<li dir="auto">{html_escape(reason)}</li>' for reason in reasons)
    return f'<ul class="wrong">{items}</ul>' if items else ""


def _answer(pair: Pair, answer: Answer) -> str:
    found = answer.status == "answered"
    said = "Answered" if found else "Not found; the nearest passages"
    asked = (
        f' · searched for <span dir="auto">{html_escape(answer.asked)}</span>'
        if answer.asked != answer.question
        else ""
    )
    took = answer.timings_ms.get("total", 0.0)
    documents = {hit.document.source: hit.document for hit in answer.hits}
    quotes = "".join(
        _quote(pair, quote, documents.get(quote.source))
        for quote in answer.quotes or answer.nearest
    )
    return (
        f'<p class="said">{said} · {html_escape(confidence_words(answer.confidence))}'
        f" · {took:.0f} ms{asked}</p>"
        f'<ol class="{answer.status}">{quotes}</ol>'
    )


def _quote(pair: Pair, quote: Quote, document: Document | None) -> str:
    before = after = ""
    if document is not None:
        text = document.text
        start, end = max(0, quote.start - CONTEXT_CHARS), quote.end + CONTEXT_CHARS
        before = ("…" if start else "") + html_escape(text[start : quote.start])
        after = html_escape(text[quote.end : end]) + ("…" if end < len(text) else "")
    spans = _spans(quote.text, pair.quotes, pair.patterns)
    bad = _spans(quote.text, pair.not_quotes, ())
    return (
        f'<li><p class="place">{html_place(quote)} · {quote.start:,}–{quote.end:,} · '
        f'score {quote.score:.2f}</p><blockquote dir="auto">{before}'
        f"<mark>{_lit(quote.text, spans, bad)}</mark>{after}</blockquote></li>"
    )


def _spans(text: str, exact: Iterable[str], patterns: Iterable[str]) -> list[tuple[int, int]]:
    found = [(at, at + len(f)) for f in exact for at in [text.find(f)] if at >= 0]
    found += [match.span() for p in patterns for match in [re.search(p, text)] if match]
    return found


def _lit(text: str, good: list[tuple[int, int]], bad: list[tuple[int, int]]) -> str:
    """The quote with expected fragments set off from the rest, and forbidden ones too."""
    edges = sorted({0, len(text), *(at for span in good + bad for at in span)})
    parts = []
    for start, end in pairwise(edges):
        piece = html_escape(text[start:end])
        if any(low <= start < high for low, high in bad):
            piece = f'<del class="forbidden">{piece}</del>'
        elif any(low <= start < high for low, high in good):
            piece = f'<b class="fragment">{piece}</b>'
        parts.append(piece)
    return "".join(parts)
