"""Misspelt words of a question, read as the words that were meant. Pure.

One wrong letter hides a word from the word index and puzzles the cross-encoder: a question that is
answered well is then refused. Worse is to read a right word as another: a text about something else
would answer. So a word is taken for misspelt only if nothing else explains it, and is read only as
a word that one slip, in a long word two, would turn into it. What a question was read as is shown.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Protocol

LEAST_LETTERS = 5
"""Shorter words are too near to too many others."""

LONG = 9
"""From so many letters on two slips are forgiven, below one."""

MOST_SLIPS = 2.25
"""Two other letters in the place of two make another word."""

OTHER_LETTERS = 8
"""From so many letters on another consonant is forgiven in the place of one: shorter names differ
in no more than that."""

PLAIN_LETTERS = 6
"""A shorter word that no document has is mended only where letters changed places."""

PLAIN_RANK = 10_000
"""Words that no document has are meant only if they are as common as this."""

MOST_WORDS = 64
"""A longer question is a paste: it has words enough that are right."""

UNKNOWN_SHARE = 0.5
"""With more unknown words than this the question is in another language, or in none."""

ENGLISH_SHARE = 0.6
"""With fewer English words among those that are right, only words of the documents are meant."""

COMMON = 5_000
"""Rank of a word that may begin a question; a rarer one with a capital may be a name."""

_MARKS = "\u00ad\u0300-\u036f"
_WORD = re.compile(rf"(?<![\w@/\\.:#&$'’{_MARKS}-])[^\W\d_]+(?![\w@/\\:{_MARKS}]|\.\w|['’]t\b)")
_QUOTED = re.compile(
    r"[“”\"„][^“”\"„]*[“”\"]|«[^»]*»|»[^«]*«|‹[^›]*›|‘[^’]*’|‚[^‘]*‘|「[^」]*」|『[^』]*』|`[^`]*`"
)
_VOWELS = frozenset("aeiouy")
_ENDINGS = frozenset(["", *"e s es d ed r er ers est ing ly n en em".split()])
_PREFIXES = (
    "anti auto bi bio co counter cross cyber de di dis down eco electro en fore geo hydro hyper "
    "in inter intra macro mega meta micro mid mini mis mono multi nano neo neuro non off on out "
    "over photo poly post pre pro pseudo re self semi sub super tele thermo trans tri ultra un "
    "under up"
).split()
PART_LETTERS = 3
"""Least letters of each part of a word that is two words: "backend"."""

PART_RANK = 8_000
"""Each part is a common word: "vegatable" is not "vega" and "table"."""


class Lexicon(Protocol):
    """Which words there are."""

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Words that the reader has as a whole, lower-case, to their rank, the commonest first."""

    def forms(self, word: str) -> Iterable[str]:
        """Words of all documents, as written; among them those with the stem of this one."""

    def near(self, word: str) -> Iterable[str]:
        """Words of the documents that are asked, as written; among them those it may stand for."""


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
    if len(words) > MOST_WORDS:
        return question
    shouted = question.isupper()
    unknown = [
        match
        for match in words
        if (shouted or match[0][1:].islower()) and _is_unknown(match[0], lexicon)
    ]
    known = [match[0].lower() for match in words if match not in unknown]
    if not unknown or len(unknown) > max(2, UNKNOWN_SHARE * len(words)):
        return question
    english = sum(map(_is_english, known)) >= ENGLISH_SHARE * len(known)
    for match in reversed(unknown):
        word, least = match[0], PLAIN_RANK
        if word[0].isupper() and not shouted:
            # A name is read only as one that the documents have.
            least = COMMON if match.start() == 0 else 0
        meant = _meant(word, lexicon, least if english else 0)
        if shouted:
            meant = meant.upper()
        elif word[0].isupper():
            meant = meant[0].upper() + meant[1:]
        question = question[: match.start()] + meant + question[match.end() :]
    return question


def _is_unknown(word: str, lexicon: Lexicon) -> bool:
    low, vocabulary = word.lower(), lexicon.vocabulary
    if len(low) < LEAST_LETTERS or low in vocabulary or low.removesuffix("s") in vocabulary:
        return False
    if _is_made_up(low, vocabulary):
        return False
    # The stem is not enough: "disobediance" has that of "disobedience".
    return not _is_english(low) and not any(
        _is_form(_folded(other), _folded(word)) for other in lexicon.forms(word)
    )


def _is_made_up(low: str, vocabulary: Mapping[str, int]) -> bool:
    """Whether a word is two words, or one after a prefix: "backend", "coworking"."""
    for prefix in _PREFIXES:
        rest = low.removeprefix(prefix)
        if rest != low and len(rest) >= LEAST_LETTERS and rest in vocabulary:
            return True
    return any(
        vocabulary.get(part, PART_RANK) < PART_RANK > vocabulary.get(low[len(part) :], PART_RANK)
        and low[len(part) :] not in _ENDINGS
        for end in range(PART_LETTERS, len(low) - PART_LETTERS + 1)
        for part in (low[:end],)
    )


def _is_form(word: str, other: str) -> bool:
    """Whether two words differ in nothing but an ending: "Mühle" and "Mühlen"."""
    same = 0
    while word[same : same + 1] == other[same : same + 1] != "":
        same += 1
    return any(
        word[at:] in _ENDINGS and other[at:] in _ENDINGS for at in range(same, max(same - 2, 2), -1)
    )


def _meant(word: str, lexicon: Lexicon, least: int) -> str:
    """The likeliest word that a slip turned into `word`; itself if there is none.

    Args:
        word: As it was typed.
        lexicon: Words of the documents are likelier than others.
        least: Of the words of the vocabulary, only those of a lower rank are thought of.
    """
    low = _folded(word)
    told = Counter(
        other.lower()
        for other in lexicon.near(word)
        if other[0].isupper() or not word[0].isupper() or word.isupper()  # a name is one
    )
    if any(_is_form(_folded(other), low) for other in told):
        return word
    vocabulary = lexicon.vocabulary
    common = (other for other, rank in vocabulary.items() if rank < least and _is_near(low, other))
    near = [
        (int(slips), other not in told, slips, -told[other], rank, other)
        for other in {*told, *common}
        if (slips := _slips(low, _folded(other)))
        for rank in (vocabulary.get(other, len(vocabulary)),)
        if other in told or _is_plain(low, other, slips, rank)
    ]
    return min(near)[-1] if near else word


def _is_plain(word: str, other: str, slips: float, rank: int) -> bool:
    """Whether a slip is likely enough for a word that no document has."""
    long = len(word) >= PLAIN_LETTERS or sorted(word) == sorted(other)
    return (slips == 1.0 and long) or (slips == 2.0 and rank < COMMON)


def _is_near(word: str, other: str) -> bool:
    """Whether lengths and beginnings allow a slip: the first letter is hardly ever wrong."""
    return abs(len(word) - len(other)) <= 1 and (word[:1] == other[:1] or word[:2] == other[1::-1])


def _slips(word: str, other: str) -> float:
    """How many slips turn `other` into `word`; 0 when they are more than are forgiven.

    A letter left out, doubled, swapped with the next or moved, and a vowel for a vowel, are one
    slip; another letter in the place of one is less likely, and counts a quarter more.
    """
    if not _is_near(word, other) or (word.startswith(other) and word[-1] != other[-1]):
        return 0.0  # "Moderna" is not "modern"
    from rapidfuzz.distance import OSA  # takes 25 ms, and most questions have no such word

    edits = OSA.distance(word, other, score_cutoff=2)
    if edits == 2 and _is_moved(word, other):
        return 1.0
    if not 0 < edits <= 1 + (len(word) >= LONG):
        return 0.0
    pairs = [{a, b} for a, b in zip(word, other, strict=False) if a != b]
    if len(word) != len(other) or len(pairs) != edits or all(pair <= _VOWELS for pair in pairs):
        return float(edits)
    slips = sum(1.0 if pair <= _VOWELS else 1.25 for pair in pairs)
    return slips if len(word) >= OTHER_LETTERS and slips <= MOST_SLIPS else 0.0


def _is_moved(word: str, other: str) -> bool:
    """Whether one letter stands in another place: "ghandi" for "gandhi"."""
    return len(word) == len(other) and not _without(word).isdisjoint(_without(other))


def _without(word: str) -> set[tuple[str, str]]:
    """The word without each of its letters, with that letter."""
    return {(letter, word[:at] + word[at + 1 :]) for at, letter in enumerate(word)}


def _folded(word: str) -> str:
    """A word without accents and case."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


@cache
def _english() -> Mapping[str, int]:
    from spellchecker import SpellChecker  # takes 0.15 s

    words: Mapping[str, int] = SpellChecker(language="en").word_frequency.dictionary
    return words


def _is_english(low: str) -> bool:
    return low in _english()


def words_of(text: str) -> Iterator[str]:
    """The words of a document's text as a `Lexicon` gives them."""
    for match in re.finditer(r"[^\W\d_]+", unicodedata.normalize("NFKC", text)):
        yield match[0]
