"""Which sentences to quote, and how sure to be that they answer. Pure: NumPy and a weights file.

From the evidence `select` estimates for every sentence how likely it is part of the answer, quotes
the set that is worth most, and turns the evidence of all stages into one probability.

Both models are logistic regressions over the features of `evidence`. `scripts/train_quote.py` fits
them; `quote_weights.json` holds them with where they came from.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from askseeds.evidence import (
    CONFIDENCE_FEATURES,
    SENTENCE_FEATURES,
    Candidate,
    Evidence,
    Floats,
    candidates,
    confidence_features,
    probability,
    sentence_features,
)
from askseeds.expected import lacks_number
from askseeds.sentences import heading_at, is_list_item
from askseeds.types import Hit, Quote, Span

SURE = 0.9
"""A quote is told before all is read when what was read makes it as sure as this. Then it is hardly
ever taken back; see docs/quality.md."""

HIT_WORTH = 0.42
"""What having the answer among the quotes is worth, beside their F1; see docs/quality.md."""

NO_ANSWER = -5.0
"""The most log odds of a question whose answer follows: less than 0.01, so it is hardly quoted."""

NO_NUMBER = 0.1
"""The most that can be expected of quotes without a number where nothing else is asked for: in the
question sets none of them answered; see docs/quality.md."""

_QUESTION = re.compile(r"[?？][\s\"'”’»)\]*_]*\Z")


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen quotes, best first, and the probability, 0 to 1, that they answer."""

    quotes: tuple[Quote, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic regression; `names` in the order of the columns it takes."""

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    weight: Floats
    bias: float

    def log_odds(self, features: Floats) -> Floats:
        """Of every row of float64 `[n, names]`; far-off values are held to 4 deviations."""
        standard = np.clip((features - self.mean) / self.scale, -4.0, 4.0)
        return np.asarray(standard @ self.weight + self.bias, dtype=np.float64)


def select(evidence: Evidence, *, max_quotes: int) -> Selection:
    """Chooses the quotes and says how likely the documents answer."""
    chosen = candidates(evidence.hits)
    if not chosen:
        return Selection((), 0.0)
    odds = _sentence_odds(evidence, chosen)
    features = confidence_features(evidence, chosen, odds)
    confidence = probability(models()["confidence"].log_odds(features[None, :]))[0]
    quotes = best_set(evidence.hits, chosen, probability(odds), max_quotes=max_quotes)
    over = [part for q in quotes for part in (q.title, q.heading or "")]
    if lacks_number(evidence.question, [q.text for q in quotes], over):
        confidence = min(confidence, NO_NUMBER)
    return Selection(quotes, float(confidence))


def merged(whole: Selection, parts: Sequence[Selection], *, max_quotes: int) -> Selection:
    """What is quoted for a question that asks several at once.

    First what answers each part best, as it is quoted for the whole where that has it, too, then
    what else the whole has. The confidence is that of the whole.
    """
    first = [q for part in parts for q in part.quotes[:1]]
    quotes: list[Quote] = []
    for found in (*(shared(q, whole.quotes) or q for q in first), *whole.quotes):
        if shared(found, quotes) is None and len(quotes) < max_quotes:
            quotes.append(found)
    return Selection(tuple(quotes), whole.confidence)


def shared(quote: Quote, quotes: Sequence[Quote]) -> Quote | None:
    """The first of the quotes that has text in common with `quote`; None without any."""
    for other in quotes:
        common = min(quote.end, other.end) - max(quote.start, other.start)
        if other.source == quote.source and common > 0:
            return other
    return None


def likelihoods(evidence: Evidence) -> dict[tuple[str, Span], float]:
    """How likely each sentence is part of the answer, 0 to 1, by source and place."""
    chosen = candidates(evidence.hits)
    if not chosen:
        return {}
    likely = probability(_sentence_odds(evidence, chosen))
    hits = evidence.hits
    return {
        (hits[c.hit].document.source, hits[c.hit].passage.sentences[c.sentence]): float(p)
        for c, p in zip(chosen, likely, strict=True)
    }


def _sentence_odds(evidence: Evidence, chosen: Sequence[Candidate]) -> Floats:
    odds = models()["sentence"].log_odds(sentence_features(evidence, chosen))
    return handed_on(evidence.hits, chosen, odds)


def handed_on(hits: Sequence[Hit], chosen: Sequence[Candidate], odds: Floats) -> Floats:
    """Log odds, with those of questions given to the sentences that answer them.

    In an interview or a list of common questions the one most like what is asked is itself a
    question. It is no answer; what follows it is. An item of a list is left alone, for questions
    may be what is asked for, and so is a question that nothing follows.
    """
    handed = odds.copy()
    waiting: list[int] = []
    for index, candidate in enumerate(chosen):
        if waiting and chosen[waiting[-1]].hit != candidate.hit:
            waiting = []
        hit = hits[candidate.hit]
        text = hit.cut(hit.passage.sentences[candidate.sentence])
        if _QUESTION.search(text) and not is_list_item(text):
            waiting.append(index)
        elif waiting:
            handed[index] = max(odds[index], *(odds[at] for at in waiting))
            handed[waiting] = np.minimum(odds[waiting], NO_ANSWER)
            waiting = []
    return handed


@cache
def models() -> Mapping[str, Model]:
    """The fitted models, `sentence` and `confidence`."""
    raw = json.loads((files("askseeds") / "quote_weights.json").read_text(encoding="utf-8"))
    named = {"sentence": SENTENCE_FEATURES, "confidence": CONFIDENCE_FEATURES}
    return {
        part: Model(
            names=names,
            mean=_column(raw[part], names, "mean"),
            scale=_column(raw[part], names, "scale"),
            weight=_column(raw[part], names, "weight"),
            bias=float(raw[part]["bias"]),
        )
        for part, names in named.items()
    }


def _column(part: Any, names: Sequence[str], column: str) -> Floats:
    return np.array([part["features"][name][column] for name in names], dtype=np.float64)


def best_set(
    hits: Sequence[Hit], chosen: Sequence[Candidate], likely: Floats, *, max_quotes: int
) -> tuple[Quote, ...]:
    """The likeliest sentences, as many as are worth most.

    What a set is worth is its expected F1 in characters and, `HIT_WORTH` times, how likely it has
    the answer at all: unsure which sentence answers, one shows the second as well. With `p` a
    sentence's probability and `n` its length, the F1 is estimated as
    2 * sum(p * n over the set) / (sum(n over the set) + sum(p * n over all)),
    and how likely the answer is among them as sum(p over the set), at most 1.
    """
    order = np.argsort(-likely, kind="stable")
    spans = [hits[c.hit].passage.sentences[c.sentence] for c in chosen]
    lengths = np.array([end - start for start, end in spans], dtype=np.float64)
    expected = float((likely * lengths).sum())
    best = -1.0
    quotes: tuple[Quote, ...] = ()
    mass = length = hit = 0.0
    taken: list[int] = []
    for index in order:
        taken.append(int(index))
        mass += float(likely[index] * lengths[index])
        length += float(lengths[index])
        hit = min(1.0, hit + float(likely[index]))
        made = _joined(hits, chosen, likely, taken)
        if len(made) > max_quotes:
            break
        worth = 2 * mass / (length + expected) + HIT_WORTH * hit
        if worth > best:
            best, quotes = worth, made
    return quotes


def _joined(
    hits: Sequence[Hit], chosen: Sequence[Candidate], likely: Floats, taken: Sequence[int]
) -> tuple[Quote, ...]:
    """Sentences to quotes: those with nothing but white space between them become one."""
    runs: list[list[int]] = []

    def place(index: int) -> tuple[str, int]:
        hit = hits[chosen[index].hit]
        return hit.document.source, hit.passage.sentences[chosen[index].sentence][0]

    def span(index: int) -> Span:
        return hits[chosen[index].hit].passage.sentences[chosen[index].sentence]

    for index in sorted(taken, key=place):
        if runs:
            last, document = runs[-1][-1], hits[chosen[index].hit].document
            same = hits[chosen[last].hit].document.source == document.source
            if same and not document.text[span(last)[1] : span(index)[0]].strip():
                runs[-1].append(index)
                continue
        runs.append([index])
    quotes = []
    for run in runs:
        hit = hits[chosen[run[0]].hit]
        start, end = span(run[0])[0], span(run[-1])[1]
        quotes.append(
            Quote(
                source=hit.document.source,
                start=start,
                end=end,
                text=hit.document.text[start:end],
                title=hit.document.title,
                page=_page(hit, start),
                heading=heading_at(hit.document, start),
                score=float(max(likely[index] for index in run)),
            )
        )
    return tuple(sorted(quotes, key=lambda quote: (-quote.score, quote.source, quote.start)))


def _page(hit: Hit, start: int) -> int | None:
    page = int(np.searchsorted(hit.document.page_starts, start, side="right"))
    return page or None
