"""Misspelt words of a question, read as the words that were meant. Pure.

One wrong letter hides a word from the word index and puzzles the cross-encoder: a question that is
answered well is then refused. Worse is to read a right word as another: a text about something else
would answer. So a word is taken for misspelt only if nothing else explains it, and is read only as
a word that a slip would turn into it. What a question was read as is shown.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from askseeds.slips import folded, is_doubling, is_form, is_near, slips

LEAST_LETTERS = 4
"""Shorter words are too near to too many others."""

PLAIN_LETTERS = 6
"""A shorter word that no document has is mended only where letters changed places."""

MOST_WORDS = 64
"""A longer question is a paste: it has words enough that are right."""

UNKNOWN_SHARE = 2 / 3
"""With more unknown words than this the question is in another language, or in none."""

ENGLISH_SHARE = 0.6
"""With fewer English words among those that are right, only words of the documents are meant."""

PLAIN_RANK = 10_000
"""Words that no document has are meant only if they are as common as this."""

PART_RANK = 8_000
"""So common are the parts of a word that is two words: "vegatable" is not "vega" and "table"."""

COMMON = 2_000
"""Rank of words that a question may begin with, that two slips may turn into another, and whose
compounds need no other reason: "backend"."""

UNTOLD = 0.2
"""What it counts against a word, in slips, that no document has it."""

FUNCTION = 150
"""Rank of the words that are meant by one of four letters: "waht"."""

_MARKS = "\u00ad\u0300-\u036f"
_WORD = re.compile(rf"(?<![\w@/\\.:#&$'’{_MARKS}-])[^\W\d_]+(?![\w@/\\:{_MARKS}]|\.\w|['’]t\b)")
_INNER_CAPITAL = re.compile(r"(?!Ma?c[A-Z][a-z]+$).+[A-Z]")  # code, or an acronym
_QUOTED = re.compile(
    r"[“”\"„][^“”\"„]*[“”\"]|«[^»]*»|»[^«]*«|‹[^›]*›|‘[^’]*’|‚[^‘]*‘|「[^」]*」|『[^』]*』|`[^`]*`"
)
_PREFIXES = (
    "anti auto bi bio co counter cross cyber de di dis down eco electro en fore geo hydro hyper "
    "in inter intra macro mega meta micro mid mini mis mono multi nano neo neuro non off on out "
    "over photo poly post pre pro pseudo re self semi sub super tele thermo trans tri ultra un "
    "under up"
).split()
_PART_LETTERS = 3


class Lexicon(Protocol):
    """Which words there are."""

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """Words that the reranker has as a whole, lower-case, to their rank, commonest first."""

    def forms(self, word: str) -> Iterable[str]:
        """Words of all documents, as written; among them those with the stem of this one."""

    def near(self, word: str) -> Iterable[Sequence[str]]:
        """Passages of the documents that are asked, word by word, as written.

        Among them are those with the words that `word` may stand for.
        """


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
        if len(match[0]) >= LEAST_LETTERS
        and match[0].lower() not in lexicon.vocabulary
        and (shouted or not _INNER_CAPITAL.match(match[0]))
        and not _is_written(match[0], lexicon)
        and not _is_english(match[0].lower())
    ]
    if not unknown or len(unknown) > max(2, UNKNOWN_SHARE * len(words)):
        return question
    right = [m[0].lower() for m in words if m not in unknown and (shouted or not m[0].isupper())]
    english = sum(map(_is_english, right)) >= ENGLISH_SHARE * len(right)
    for match in reversed(unknown):
        word = match[0].lower() if shouted else match[0]
        is_name = word[0].isupper()
        beside = _beside(question, match, lexicon.vocabulary) if is_name else ("", "")
        unknown_word = _Word(word, lexicon, beside, is_first=not match.start())
        meant = unknown_word.meant(english=english)
        if meant is None:
            continue
        if shouted:
            meant = meant.upper()
        elif is_name:
            meant = meant[0].upper() + meant[1:]
        question = question[: match.start()] + meant + question[match.end() :]
    return question


def _is_written(word: str, lexicon: Lexicon) -> bool:
    """Whether a document has a word, whatever its case and accents."""
    low = folded(word)
    return any(folded(other) == low for other in lexicon.forms(word))


def _beside(question: str, match: re.Match[str], ranks: Mapping[str, int]) -> tuple[str, str]:
    """The parts of a name before and after a word of it; empty where there is none."""
    before = re.search(r"\b([^\W\d_]+) $", question[: match.start()])
    after = re.match(r" ([^\W\d_]+)\b", question[match.end() :])
    first, last = (found[1] if found else "" for found in (before, after))
    # "Did" has a capital because it comes first.
    begins = bool(before and not before.start() and ranks.get(first.lower(), COMMON) < COMMON)
    return "" if begins or not first[:1].isupper() else first, last if last[:1].isupper() else ""


@dataclass(frozen=True)
class _Word:
    """A word that neither the reranker nor a document nor English has.

    Attributes:
        beside: The parts of a name before and after it.
        is_first: Of the question: then a capital says little.
    """

    text: str
    lexicon: Lexicon
    beside: tuple[str, str]
    is_first: bool

    def meant(self, *, english: bool) -> str | None:
        """The likeliest word that a slip turned into this one; None if it is none.

        Args:
            english: Whether words of English that no document has are thought of.
        """
        low = folded(self.text)
        if _is_made_up(low, self.ranks, COMMON):
            return None
        told = self._told(low)
        known = any(is_form(folded(other), low) for other in self.lexicon.forms(self.text))
        if known:
            told = Counter({w: n for w, n in told.items() if is_doubling(low, folded(w))})
        near = [
            (count, -often, 0, other)
            for other, often in told.items()
            if (count := slips(low, folded(other)))
        ]
        is_name = self.text[0].isupper() and not self.is_first
        if english and not (known or is_name or _is_made_up(low, self.ranks, PART_RANK)):
            near += [
                (count + UNTOLD, 0, rank, other)
                for other, rank in self.ranks.items()
                if is_near(low, other) and self._is_plain(low, other, rank)
                if (count := slips(low, other)) == 1.0 or (count == 2.0 and rank < COMMON)
            ]
        return min(near)[-1] if near else None

    @property
    def ranks(self) -> Mapping[str, int]:
        return self.lexicon.vocabulary

    def _told(self, low: str) -> Counter[str]:
        """How often the documents have each word that may be meant, as it is mostly written.

        A name is meant by a name, and one of several words only if a document has all of it: "Brett
        Kavanaugh" is not Siobhan Kavanagh.
        """
        if len(low) <= LEAST_LETTERS:
            return Counter()
        written: dict[str, Counter[str]] = {}
        for passage in self.lexicon.near(self.text):
            for at, other in enumerate(passage):
                if abs(len(other) - len(low)) > 1 or not is_near(low, folded(other)):
                    continue
                if self.text[0].isupper() and not self.is_first and not other[0].isupper():
                    continue
                before = folded(passage[at - 1]) if at else ""
                after = folded(passage[at + 1]) if at + 1 < len(passage) else ""
                first, last = map(folded, self.beside)
                if (first and first != before) or (last and last != after):
                    continue
                written.setdefault(other.lower(), Counter())[other] += 1
        mostly = {forms.most_common(1)[0][0]: forms.total() for forms in written.values()}
        # A capital is kept where one was typed, and inside a name such as "PostgreSQL".
        keep = self.text[0].isupper()
        told: Counter[str] = Counter()
        for other, often in mostly.items():
            told[other if keep or not other[1:].islower() else other.lower()] += often
        return told

    def _is_plain(self, low: str, other: str, rank: int) -> bool:
        """Whether a slip is likely enough for a word that no document has."""
        if len(low) <= LEAST_LETTERS:
            return rank < FUNCTION
        moved = sorted(low) == sorted(other)
        most = COMMON if self.is_first and self.text[0].isupper() else PLAIN_RANK
        return rank < most and (moved or len(low) >= PLAIN_LETTERS)


def _is_made_up(low: str, ranks: Mapping[str, int], most: int) -> bool:
    """Whether a word is two words of a lower rank, or one after a prefix: "coworking"."""

    def is_word(part: str) -> bool:
        return len(part) >= _PART_LETTERS and ranks.get(part, most) < most

    prefixes = [prefix for prefix in _PREFIXES if low.startswith(prefix)]
    return any(is_word(low[len(prefix) :]) for prefix in prefixes) or any(
        is_word(low[:end]) and is_word(low[end:]) for end in range(len(low))
    )


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
