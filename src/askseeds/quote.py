"""Which sentences to quote, and how sure to be that they answer. Pure: NumPy and a weights file.

A question comes with its reranked hits. `candidates` names the sentences worth a closer look and
the text a reranker should read for each; with those scores `select` estimates for every sentence
how likely it is part of the answer, quotes the set with the best expected F1, and turns the
evidence of all stages into one probability.

Both models are logistic regressions over the named features below. `scripts/train_quote.py` fits
them; `quote_weights.json` holds them with where they came from.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from askseeds.sentences import is_heading
from askseeds.types import Hit, Quote, Span

Floats = npt.NDArray[np.float64]

PASSAGES = 4
"""Best passages that are weighed and quoted from: more add time and hardly ever an answer."""

SENTENCES = 32
"""Most sentences to score; the later passages give way."""

_WORD = re.compile(r"[^\W_]+")
_STOP = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her him his "
    "how i if in into is it its many me much my of on or our she should so some than that the "
    "their them then there these they this those to us was we were what when where which who whom "
    "whose why will with would you your about also any".split()
)
_POINTS_BACK = frozenset(
    "it he she they this these that those his her its their such both however also".split()
)
_ASKS = tuple(
    re.compile(rf"\b(?:{words})\b")
    for words in (
        "who|whom|whose",
        "when|what year|what date",
        "where",
        "how (?:many|much|long|old|far|often|tall)|what percent(?:age)?",
        "why|how",
        "what|which",
    )
)

SENTENCE_FEATURES = (
    "passage",  # reranker's score of the passage it stands in
    "passage_gap",  # the same, less the best passage's
    "passage_rank",
    "sentence",  # reranker's score of the sentence with its title
    "sentence_gap",  # the same, less the best sentence's
    "length",  # log characters
    "words",  # share of the question's words in it
    "words_titled",  # the same, counting the title's words
    "points_back",  # begins with "it", "this" and the like
    "first",  # of its passage
    "position",  # in its passage, 0 to 1
    "passage_sentences",
    "same_document",  # as the best passage
    "document_share",  # of the hits' evidence that its document holds
    "asks_who",
    "asks_when",
    "asks_where",
    "asks_number",
    "asks_why",
    "asks_what",
    "asks_length",  # log words of the question
    "asks_several",  # "and" or a comma in the question
    "number_for_number",  # a digit where a number is asked
    "number_for_when",
)

CONFIDENCE_FEATURES = (
    "passage",  # best score of a passage
    "passage_lead",  # over the second
    "sentence",  # best score of a sentence
    "sentence_three",  # mean of the three best
    "likely",  # log odds of the likeliest sentence
    "likely_all",  # log of the expected number of answering sentences
    "cosine",  # best of the vectors stage; 0 without one
    "words_quote",  # share of the question's words in the likeliest sentence and title
    "words_three",  # in the three likeliest
    "words_passage",  # in the best passage and title
    "number_missing",  # the question names a number that the best passage does not
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be quoted.

    Attributes:
        hit: Index into the hits.
        sentence: Index into that passage's sentences.
        text: What the reranker should read: title and headings, then the sentence.
    """

    hit: int
    sentence: int
    text: str


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


def passage_text(hit: Hit) -> str:
    """What the reranker reads of a passage: title and headings, then its text."""
    return _context(hit) + hit.text


def candidates(question: str, hits: Sequence[Hit]) -> tuple[Candidate, ...]:
    """The sentences of the best passages, headings left out.

    Args:
        question: Decides which sentences to keep when there are more than `SENTENCES`.
        hits: Reranked, best first; those after the first `PASSAGES` are not looked at.

    Returns:
        At most `SENTENCES`, in the order of the hits and of the text.
    """
    found = [
        Candidate(index, number, _context(hit) + _cut(hit, span))
        for index, hit in enumerate(hits[:PASSAGES])
        for number, span in enumerate(hit.passage.sentences)
        if not is_heading(span, hit.document.headings)
    ]
    if len(found) > SENTENCES:
        # Long tables and lists; sorting is stable, so that the better passages come first.
        asked = _content(question)
        kept = sorted(found, key=lambda c: -_share(asked, _content(c.text)))[:SENTENCES]
        found = sorted(kept, key=lambda c: (c.hit, c.sentence))
    return tuple(found)


def select(
    question: str,
    hits: Sequence[Hit],
    chosen: Sequence[Candidate],
    scores: npt.NDArray[np.float32],
    *,
    max_quotes: int,
) -> Selection:
    """Chooses the quotes and says how likely the documents answer.

    Args:
        question: As it was searched for.
        hits: What `candidates` was given; `stages` must hold `reranker`.
        chosen: What `candidates` returned for the hits.
        scores: float32 `[len(chosen)]`, the reranker's scores of the candidates' texts.
        max_quotes: Most quotes to return.
    """
    if not chosen:
        return Selection((), 0.0)
    hits = hits[:PASSAGES]
    odds = models()["sentence"].log_odds(sentence_features(question, hits, chosen, scores))
    evidence = confidence_features(question, hits, chosen, scores, odds)
    confidence = _probability(models()["confidence"].log_odds(evidence[None, :]))[0]
    quotes = best_set(hits, chosen, _probability(odds), max_quotes=max_quotes)
    return Selection(quotes, float(confidence))


def sentence_features(
    question: str,
    hits: Sequence[Hit],
    chosen: Sequence[Candidate],
    scores: npt.NDArray[np.float32],
) -> Floats:
    """float64 `[len(chosen), len(SENTENCE_FEATURES)]`."""
    passage = [hit.stages["reranker"].score for hit in hits]
    evidence = np.exp(np.array(passage) - max(passage))
    share: dict[str, float] = {}
    for hit, part in zip(hits, evidence / evidence.sum(), strict=True):
        share[hit.document.source] = share.get(hit.document.source, 0.0) + float(part)
    asked = _content(question)
    kind = _kind(question)
    best = float(scores.max())
    rows: list[list[float]] = []
    for candidate, score in zip(chosen, scores.tolist(), strict=True):
        hit = hits[candidate.hit]
        spans = hit.passage.sentences
        text = _cut(hit, spans[candidate.sentence])
        words = _WORD.findall(text.lower())
        content = _content(text)
        digit = float(any(letter.isdigit() for letter in text))
        rows.append(
            [
                passage[candidate.hit],
                passage[candidate.hit] - max(passage),
                candidate.hit,
                score,
                score - best,
                math.log1p(len(text)),
                _share(asked, content),
                _share(asked, content | _content(hit.document.title)),
                float(bool(words) and words[0] in _POINTS_BACK),
                float(candidate.sentence == 0),
                candidate.sentence / len(spans),
                len(spans),
                float(hit.document.source == hits[0].document.source),
                share[hit.document.source],
                *kind,
                digit * kind[3],
                digit * kind[1],
            ]
        )
    return np.array(rows, dtype=np.float64)


def confidence_features(
    question: str,
    hits: Sequence[Hit],
    chosen: Sequence[Candidate],
    scores: npt.NDArray[np.float32],
    odds: Floats,
) -> Floats:
    """float64 `[len(CONFIDENCE_FEATURES)]`; `odds` are the sentence model's."""
    asked = _content(question)
    passage = sorted((hit.stages["reranker"].score for hit in hits), reverse=True)
    best = np.sort(scores.astype(np.float64))[::-1]
    order = np.argsort(-odds, kind="stable")[:3]
    likely = [
        _content(_cut(hits[c.hit], hits[c.hit].passage.sentences[c.sentence]))
        | _content(hits[c.hit].document.title)
        for c in (chosen[i] for i in order)
    ]
    first = hits[0].text + " " + hits[0].document.title
    cosines = [hit.stages["vectors"].score for hit in hits if "vectors" in hit.stages]
    return np.array(
        [
            passage[0],
            # A lone hit leads like a clear winner: a tiny corpus is no disadvantage.
            passage[0] - passage[1] if len(passage) > 1 else 3.0,
            best[0],
            best[:3].mean(),
            odds.max(),
            math.log(float(_probability(odds).sum()) + 1e-3),
            max(cosines, default=0.0),
            _share(asked, likely[0]),
            _share(asked, frozenset().union(*likely)),
            _share(asked, _content(first)),
            float(any(number not in first for number in re.findall(r"\d+", question))),
        ],
        dtype=np.float64,
    )


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


def _context(hit: Hit) -> str:
    """Title and headings as a line before a passage's text; none that the text begins with anyway.

    It never becomes part of a quote.
    """
    begins = _plain(hit.text)
    parts: list[str] = []
    for part in (hit.document.title, *(hit.passage.heading or "").split(" › ")):
        if part and part not in parts and not begins.startswith(_plain(part)):
            parts.append(part)
    return " › ".join(parts) + "\n" if parts else ""


def best_set(
    hits: Sequence[Hit], chosen: Sequence[Candidate], likely: Floats, *, max_quotes: int
) -> tuple[Quote, ...]:
    """The likeliest sentences, as many as make the expected F1 in characters highest.

    With `p` a sentence's probability and `n` its length, F1 of a set is estimated as
    2 * sum(p * n over the set) / (sum(n over the set) + sum(p * n over all)).
    """
    order = np.argsort(-likely, kind="stable")
    spans = [hits[c.hit].passage.sentences[c.sentence] for c in chosen]
    lengths = np.array([end - start for start, end in spans], dtype=np.float64)
    expected = float((likely * lengths).sum())
    best = -1.0
    quotes: tuple[Quote, ...] = ()
    mass = length = 0.0
    taken: list[int] = []
    for index in order:
        taken.append(int(index))
        mass += float(likely[index] * lengths[index])
        length += float(lengths[index])
        made = _joined(hits, chosen, likely, taken)
        if len(made) > max_quotes:
            break
        worth = 2 * mass / (length + expected)
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
                heading=hit.passage.heading,
                score=float(max(likely[index] for index in run)),
            )
        )
    return tuple(sorted(quotes, key=lambda quote: (-quote.score, quote.source, quote.start)))


def _page(hit: Hit, start: int) -> int | None:
    page = int(np.searchsorted(hit.document.page_starts, start, side="right"))
    return page or None


def _cut(hit: Hit, span: Span) -> str:
    return hit.document.text[span[0] : span[1]]


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _content(text: str) -> frozenset[str]:
    """A text's words without the stop words, endings cut off."""
    return frozenset(_stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP)


def _stem(word: str) -> str:
    for ending in ("ing", "edly", "ed", "ies", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _share(asked: frozenset[str], found: frozenset[str]) -> float:
    return len(asked & found) / len(asked) if asked else 0.0


def _kind(question: str) -> list[float]:
    """The `asks_` features: one of six kinds of question, its length, and whether it asks more."""
    text = question.lower()
    kind = [0.0] * len(_ASKS)
    for index, pattern in enumerate(_ASKS):
        if pattern.search(text):
            kind[index] = 1.0
            break
    several = re.search(r"\band\b|,", text) is not None
    return [*kind, math.log1p(len(_WORD.findall(text))), float(several)]


def _probability(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0))), dtype=np.float64)
