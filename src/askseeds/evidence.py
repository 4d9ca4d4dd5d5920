"""What is known when quotes are chosen, and the same as numbers. Pure.

A question comes with its hits and with what the reranker saw when it read them: how near each
passage is, which sentences answer, and which it looked at (`models.Reading`). The best passage was
read once more together with what stands around it. `quote` weighs what is counted here.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from askseeds.models import UNREAD, Marked, Reading
from askseeds.sentences import is_heading
from askseeds.tables import read_out
from askseeds.types import Hit, Span

Floats = npt.NDArray[np.float64]

PASSAGES = 4
"""Best passages that are weighed and quoted from: more add hardly ever an answer."""

HEADING_WORDS = 5
"""A heading with fewer words names a subject; one with as many may state a fact."""

COPIED_WORDS = 5
"""So many words from the beginning of a sentence tell it from all others."""

_QUOTED = re.compile(r"[ \t]*>")
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

_LOOKS = ("sum", "most", "question", "back")
_HEADS = 12

SENTENCE_FEATURES = (
    "passage",  # reranker's score of the passage it stands in
    "passage_gap",  # the same, less the best passage's
    "passage_rank",
    "length",  # log characters
    "words",  # share of the question's words in it
    "words_titled",  # the same, counting the title's words
    "points_back",  # begins with "it", "this" and the like
    "first",  # of its passage
    "position",  # in its passage, 0 to 1
    "passage_sentences",
    "passage_share",  # of its passage's characters
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
    "heading",
    "cosine",  # its passage's, of the vectors stage
    "cosine_gap",  # the same, less the best
    "near",  # in or around the best passage
    "answers",  # log odds that it answers, by the reranker
    "answers_gap",  # the same, less the best
    "near_answers",  # the same as it was read around the best passage
    "passage_answers",  # log odds that its passage answers
    "passage_answers_gap",
    # log attention, see `models.Reading`; by head; read in its passage, then around the best one
    *(f"{look}_{head}" for look in _LOOKS for head in range(_HEADS)),
    *(f"near_{look}_{head}" for look in _LOOKS for head in range(_HEADS)),
)

CONFIDENCE_FEATURES = (
    "passage",  # best score of a passage
    "passage_lead",  # over the second
    "likely",  # log odds of the likeliest sentence
    "likely_all",  # log of the expected number of answering sentences
    "answers",  # log odds by the reranker, of the sentence that it likes best
    "likely_answers",  # of the likeliest
    "likely_near_answers",  # the same as it was read around the best passage
    "passage_answers",  # of the passage that it likes best
    "surroundings_answer",  # of what stands around the best passage
    # log attention to the likeliest sentence in its passage
    *(f"{look}_{head}" for look in _LOOKS for head in range(_HEADS)),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about a question when quotes are chosen.

    Attributes:
        question: As it was searched for.
        hits: The best passages, at most `PASSAGES`, best first.
        readings: Of each hit, with attention to each of its sentences.
        around: The part of the best hit's document that was read in addition.
        near: The reading of that; None when it is the best passage and nothing else.
    """

    question: str
    hits: tuple[Hit, ...]
    readings: tuple[Reading, ...]
    around: Span
    near: Reading | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may be quoted: which one of which hit."""

    hit: int
    sentence: int


def passage_text(hit: Hit) -> Marked:
    """What the reranker reads of a passage: title and headings, then its text, tables read out."""
    return _marked(hit, (hit.passage.start, hit.passage.end), hit.passage.sentences)


def near_text(hits: Sequence[Hit], around: Span) -> Marked:
    """What it reads of the best passage's surroundings: those, with the hits' sentences marked."""
    return _marked(hits[0], around, _inside(hits, around))


def _marked(hit: Hit, span: Span, sentences: Sequence[Span]) -> Marked:
    text = titled(hit, hit.cut(span))
    marks: list[Span] = []
    at = span[0]
    for start, end in sentences:
        text += read_out(hit.document.text, at, start)
        said = read_out(hit.document.text, start, end)
        marks.append((len(text), len(text) + len(said)))
        text, at = text + said, end
    return Marked(text + read_out(hit.document.text, at, span[1]), tuple(marks))


def _inside(hits: Sequence[Hit], around: Span) -> list[Span]:
    """The hits' sentences that stand in a part of the best hit's document, in order."""
    return sorted(
        span
        for hit in hits
        if hit.document.source == hits[0].document.source
        for span in hit.passage.sentences
        if around[0] <= span[0] and span[1] <= around[1]
    )


def candidates(hits: Sequence[Hit]) -> tuple[Candidate, ...]:
    """The sentences of the hits, in order.

    Headings only if they are long enough to say much; nothing that has no word in it; and of a mail
    that another one quotes only the mail itself, for the copy stands under another's name.
    """
    return tuple(
        Candidate(index, number)
        for index, hit in enumerate(hits)
        for number, span in enumerate(hit.passage.sentences)
        if len(_WORD.findall(hit.cut(span)))
        >= (HEADING_WORDS if is_heading(span, hit.document.headings) else 1)
        and not _is_copy(hit.document.text, span)
    )


def _is_copy(text: str, span: Span) -> bool:
    """Whether a sentence is quoted with ">" from elsewhere in its document."""
    if not _in_quoted_line(text, span[0]):
        return False
    words = text[slice(*span)].replace(">", " ").split()[:COPIED_WORDS]
    same = re.compile(r"\s+".join(map(re.escape, words)))
    return len(words) == COPIED_WORDS and any(
        not _in_quoted_line(text, found.start()) for found in same.finditer(text)
    )


def _in_quoted_line(text: str, at: int) -> bool:
    return _QUOTED.match(text, text.rfind("\n", 0, at) + 1) is not None


def sentence_features(evidence: Evidence, chosen: Sequence[Candidate]) -> Floats:
    """float64 `[len(chosen), len(SENTENCE_FEATURES)]`."""
    hits, question = evidence.hits, evidence.question
    passage = [reading.score for reading in evidence.readings]
    weight = np.exp(np.array(passage) - max(passage))
    share: dict[str, float] = {}
    for hit, part in zip(hits, weight / weight.sum(), strict=True):
        share[hit.document.source] = share.get(hit.document.source, 0.0) + float(part)
    cosine = _cosines(hits)
    looks = [np.log(reading.attention + 1e-3) for reading in evidence.readings]
    near = _near(evidence)
    answers = [reading.answers for reading in evidence.readings]
    likes = _likes(evidence, chosen)
    best_like, best_answers = max(likes, default=0.0), max(answers)
    asked = _content(question)
    kind = _kind(question)
    rows: list[list[float]] = []
    for candidate, liked in zip(chosen, likes, strict=True):
        hit = hits[candidate.hit]
        spans = hit.passage.sentences
        span = spans[candidate.sentence]
        text = hit.cut(span)
        words = _WORD.findall(text.lower())
        content = _content(text)
        digit = float(any(letter.isdigit() for letter in text))
        own = looks[candidate.hit][candidate.sentence]
        beside, near_like = near.get((hit.document.source, span), (own, liked))
        rows.append(
            [
                passage[candidate.hit],
                passage[candidate.hit] - max(passage),
                candidate.hit,
                math.log1p(len(text)),
                _share(asked, content),
                _share(asked, content | _content(hit.document.title)),
                float(bool(words) and words[0] in _POINTS_BACK),
                float(candidate.sentence == 0),
                candidate.sentence / len(spans),
                len(spans),
                (span[1] - span[0]) / sum(end - start for start, end in spans),
                float(hit.document.source == hits[0].document.source),
                share[hit.document.source],
                *kind,
                digit * kind[3],
                digit * kind[1],
                float(is_heading(span, hit.document.headings)),
                cosine[candidate.hit],
                cosine[candidate.hit] - max(cosine),
                float((hit.document.source, span) in near),
                liked,
                liked - best_like,
                near_like,
                answers[candidate.hit],
                answers[candidate.hit] - best_answers,
                *own.ravel().tolist(),
                *beside.ravel().tolist(),
            ]
        )
    return np.array(rows, dtype=np.float64)


def _likes(evidence: Evidence, chosen: Sequence[Candidate]) -> list[float]:
    """The reranker's log odds of sentences, as it read them in their passages."""
    return [float(evidence.readings[c.hit].sentences[c.sentence]) for c in chosen]


def _near(evidence: Evidence) -> dict[tuple[str, Span], tuple[npt.NDArray[np.float32], float]]:
    """Log attention and log odds in the surroundings, by document and sentence.

    Without those that stand beyond what was read there.
    """
    source = evidence.hits[0].document.source
    if evidence.near is None:
        spans: Sequence[Span] = evidence.hits[0].passage.sentences
        read = evidence.readings[0]
    else:
        spans, read = _inside(evidence.hits, evidence.around), evidence.near
    return {
        (source, span): (np.log(look + 1e-3), float(like))
        for span, look, like in zip(spans, read.attention, read.sentences, strict=True)
        if like != UNREAD
    }


def confidence_features(evidence: Evidence, chosen: Sequence[Candidate], odds: Floats) -> Floats:
    """float64 `[len(CONFIDENCE_FEATURES)]`; `odds` are the sentence model's."""
    passage = sorted((reading.score for reading in evidence.readings), reverse=True)
    best = chosen[int(np.argmax(odds))]
    look = np.log(evidence.readings[best.hit].attention[best.sentence] + 1e-3)
    likes = _likes(evidence, chosen)
    hit = evidence.hits[best.hit]
    place = hit.document.source, hit.passage.sentences[best.sentence]
    like = float(evidence.readings[best.hit].sentences[best.sentence])
    return np.array(
        [
            passage[0],
            # A lone hit leads like a clear winner: a tiny corpus is no disadvantage.
            passage[0] - passage[1] if len(passage) > 1 else 3.0,
            odds.max(),
            math.log(float(probability(odds).sum()) + 1e-3),
            max(likes),
            like,
            _near(evidence).get(place, (look, like))[1],
            max(reading.answers for reading in evidence.readings),
            (evidence.near or evidence.readings[0]).answers,
            *look.ravel().tolist(),
        ],
        dtype=np.float64,
    )


def _cosines(hits: Sequence[Hit]) -> list[float]:
    """Of the vectors stage; a hit found by words alone gets the lowest, less a little."""
    known = [hit.stages["vectors"].score for hit in hits if "vectors" in hit.stages]
    least = min(known, default=0.02) - 0.02
    return [hit.stages["vectors"].score if "vectors" in hit.stages else least for hit in hits]


def titled(hit: Hit, text: str) -> str:
    """Title and headings as a line before a text; none that the text begins with anyway.

    It never becomes part of a quote.
    """
    begins = _plain(text[:1_000])
    parts: list[str] = []
    for part in (hit.document.title, *(hit.passage.heading or "").split(" › ")):
        if part and part not in parts and not begins.startswith(_plain(part)):
            parts.append(part)
    return " › ".join(parts) + "\n" if parts else ""


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


def probability(odds: Floats) -> Floats:
    """0 to 1, of log odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0))), dtype=np.float64)
