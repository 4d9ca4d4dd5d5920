"""A claim beside its sentences: which word of the one goes with which word of the other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from askseeds.claims.words import (
    PLAIN,
    Word,
    count_words,
    is_acronym,
    same_name,
    same_side,
    words_of,
)
from askseeds.models import Floats, Matcher
from askseeds.quantities import tables

NEAR = 0.75


@dataclass(frozen=True, slots=True)
class Read:
    """A claim beside its sentences, word by word.

    Attributes:
        claim: Its words; `text` those of title, headings and sentences, `ours` those of the
            sentences alone.
        alike: float32 [claim, text], 0 to 1: how near two words are; 1 for the same word.
        near: For each word of the claim, the place in `text` of the word nearest to it.
    """

    claim: tuple[Word, ...]
    text: tuple[Word, ...]
    ours: int
    alike: Floats
    near: tuple[int, ...]

    def beside(self, at: int) -> Word:
        """The word of the sentences that a word of the claim is nearest to."""
        return self.text[self.near[at]]

    def said(self) -> Sequence[Word]:
        """The words of the sentences, without title and headings."""
        return self.text[self.ours :]


def read_beside(claim: str, sentences: Sequence[str], context: str, matcher: Matcher) -> Read:
    """Finds for every word of a claim the nearest one in its sentences."""
    head = context.strip() + ".\n" if context.strip() else ""
    text = head + "\n".join(sentences)
    mine, theirs = words_of(claim), words_of(text)
    ours = sum(word.end <= len(head) for word in theirs)
    alike = matcher.similarities(
        claim, [(w.start, w.end) for w in mine], text, [(w.start, w.end) for w in theirs]
    )
    for row, word in zip(alike, mine, strict=True):
        for column, other in enumerate(theirs):
            if word.low == other.low or (word.is_content and word.stem == other.stem):
                row[column] = 1.0
            elif word.is_content != other.is_content:
                row[column] = 0.0
            elif same_side(word.low, other.low) or same_name(word, other):
                row[column] = max(row[column], 0.96)
    near = _nearest(alike, mine, theirs, ours)
    return Read(tuple(mine), tuple(theirs), ours, alike, near)


def _nearest(
    alike: Floats, mine: Sequence[Word], theirs: Sequence[Word], ours: int
) -> tuple[int, ...]:
    """The nearest word for each; of equals the one in the clause that has most of the claim."""
    if not theirs:
        return ()
    clauses = np.array([word.clause for word in theirs])
    worth = np.zeros(clauses.max() + 1)
    for row, word in zip(alike, mine, strict=True):
        if word.is_content and row.max() >= NEAR:
            for clause in {int(c) for c in clauses[row >= row.max() - 1e-3]}:
                worth[clause] += 1
    bonus = 1e-3 * worth[clauses] - 0.02 * (np.arange(len(theirs)) < ours)
    return tuple(int((row + bonus).argmax()) for row in alike)


def aligned(pair: Read, least: float = 0.75, *, share: float = 0.5) -> set[int]:
    """The clauses of the sentences that the claim's content words stand in."""
    clauses: dict[int, float] = {}
    for at, word in enumerate(pair.claim):
        if (
            word.is_content
            and pair.alike[at, pair.near[at]] >= least
            and pair.near[at] >= pair.ours
        ):
            clauses[pair.beside(at).clause] = clauses.get(pair.beside(at).clause, 0) + 1
    most = max(clauses.values(), default=0)
    return {clause for clause, count in clauses.items() if count >= max(1, most * share)}


def unknown_name(words: Sequence[Word], known: Sequence[Word]) -> str:
    """A name of the claim that is neither in the sentences nor above them nor asked about."""
    lows = {word.low for word in known} | {word.stem for word in known}
    mid = {word.low for word in [*words[1:], *known] if word.text[0].isupper()}
    for at, word in enumerate(words):
        if word.low not in lows and word.text[0].isalpha() and re.search(r"\d", word.text):
            return f"{word.text} is not in the sentences"
        if not word.text[0].isupper() or word.low in count_words() or len(word.text) == 1:
            continue
        if (
            (word.low in PLAIN and not is_acronym(word.text))
            or word.low in tables()["months"]
            or word.text.isdigit()
        ):
            continue
        if at == 0 and word.low not in mid and not any(c.isupper() for c in word.text[1:]):
            continue  # only the first word of a sentence
        if word.low not in lows and word.stem not in lows and not _known_as(word, known):
            return f"the name {word.text} is not in the sentences"
    return ""


def _known_as(word: Word, known: Sequence[Word]) -> bool:
    """Whether a name stands there in another form: an abbreviation, or a country's people."""
    names = [other for other in known if other.text[0].isupper()]
    initials = "".join(other.text[0] for other in names)
    if word.text.isupper() and len(word.text) > 1 and word.text in initials:
        return True
    return any(same_name(word, other) for other in names)


def rival(pair: Read) -> str:
    """Whether the claim says "green" where the sentences say "blue"."""
    theirs = {word.low for word in pair.text}
    for line in tables()["rivals"]["lines"]:
        words = set(line.split())
        for word in pair.claim:
            if word.low in words - theirs and (other := words & theirs):
                return f"the sentences say “{min(other)}”, not “{word.text}”"
    return ""
