"""Misspelt words of a question, read as the words that were meant. Pure.

One wrong letter hides a word from the word index and puzzles the cross-encoder: a question that is
answered well is then refused. A word is taken for misspelt only if neither the documents, nor the
reader's vocabulary, nor an English dictionary have it; it is read as a word of the documents or of
English that differs by a slip. What a question was read as is shown with its answer.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Protocol

LEAST_LETTERS = 5
"""Shorter words are too near to too many others."""

LONG = 8
"""From so many letters on two slips are forgiven, below one."""

MOST_WORDS = 64
"""A longer question is a paste: it has words enough that are right."""

UNKNOWN_SHARE = 0.5
"""With more unknown words than this the question is in another language, or in none."""

ENGLISH_SHARE = 0.6
"""With fewer English words than this only words of the documents are thought of."""

_WORD = re.compile(r"(?<![\w@/\\.:#&])[^\W\d_]+(?![\w@/\\:]|\.\w)")
_QUOTED = re.compile(r"[“”«»\"][^“”«»\"]*[“”«»\"]|`[^`]*`")
_VOWELS = frozenset("aeiouy")


class Lexicon(Protocol):
    """Which words there are."""

    def knows(self, word: str) -> bool:
        """Whether the reader has a word as a whole, or a document has it."""

    def like(self, word: str) -> Iterable[str]:
        """Words of the documents, as they are written; some differ from `word` by two letters."""


def respelled(question: str, lexicon: Lexicon) -> str:
    """The question with its misspelt words as they were meant; itself when there are none.

    Args:
        question: As it was asked. What stands in quotation marks is taken as it is.
        lexicon: Tells which words there are.
    """
    quoted = [match.span() for match in _QUOTED.finditer(question)]
    words = [
        match
        for match in _WORD.finditer(question)
        if not any(start <= match.start() < end for start, end in quoted)
    ]
    shouted = question.isupper()
    unknown = [
        match
        for match in words
        if len(match[0]) >= LEAST_LETTERS
        and (shouted or not match[0].isupper())  # an acronym
        and not lexicon.knows(match[0])
        and match[0].lower() not in _english()
    ]
    if not unknown or len(words) > MOST_WORDS or len(unknown) > max(1, UNKNOWN_SHARE * len(words)):
        return question
    english = sum(match[0].lower() in _english() for match in words) >= ENGLISH_SHARE * len(words)
    for match in reversed(unknown):
        # A name is read only as one that the documents have.
        name = match[0][0].isupper() and not shouted and match.start() > 0
        if meant := _meant(match[0].lower(), lexicon, name=name, english=english and not name):
            meant = meant[0].upper() + meant[1:] if match[0][0].isupper() else meant
            question = question[: match.start()] + meant + question[match.end() :]
    return question


def _meant(word: str, lexicon: Lexicon, *, name: bool, english: bool) -> str:
    """The likeliest word, lower-case, that differs from `word` by a slip; empty without any."""
    from rapidfuzz import process  # takes 25 ms, and most questions have no such word
    from rapidfuzz.distance import OSA

    told: dict[str, int] = {}
    for other in lexicon.like(word):
        if not name or other[0].isupper():
            told[other.lower()] = told.get(other.lower(), 0) + 1
    pool = [*told, *(_english() if english else ())]
    near = process.extract_iter(word, pool, scorer=OSA.distance, score_cutoff=2)
    ranked = sorted(
        (slips, other[0] != word[0], -told.get(other, 0), -_english().get(other, 0), other)
        for other, edits, _ in near
        if int(slips := _slips(word, other, edits)) <= 1 + (len(word) >= LONG)
    )
    # "Grammys" where a document has "Grammy" is no slip.
    forms = {word + "s", word.removesuffix("s")}
    return ranked[0][-1] if ranked and not forms & told.keys() else ""


def _slips(word: str, other: str, edits: int) -> float:
    """How many slips lie between two words that differ by so many edits.

    A letter left out, doubled, swapped with the next or moved, and a vowel for a vowel, are one
    slip; another letter in the place of one is less likely, and counts a quarter more.
    """
    if sorted(word) == sorted(other):
        return 1.0
    if len(word) == len(other):
        changed = [{a, b} for a, b in zip(word, other, strict=True) if a != b]
        if len(changed) == edits:
            return sum(1.0 if pair <= _VOWELS else 1.25 for pair in changed)
    return float(edits)


@cache
def _english() -> Mapping[str, int]:
    """Words of English to how often film subtitles have them."""
    from spellchecker import SpellChecker  # takes 0.15 s

    words: Mapping[str, int] = SpellChecker(language="en").word_frequency.dictionary
    return words
