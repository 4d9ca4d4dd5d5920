"""The words of a text, and the closed classes that they may belong to."""

import re
from dataclasses import dataclass
from functools import cache

from askseeds.quantities import tables
from askseeds.questions import BE, DO, FUNCTION, HAVE

_WORD = re.compile(r"n[’']t\b|[^\W_]+?(?=n[’']t\b)|[^\W_]+(?:[.-][^\W_]+)*|[^\w\s]")


_BREAK = frozenset(".;:!?()—–")


PLAIN = (
    FUNCTION
    | BE
    | HAVE
    | DO
    | frozenset(
        "s t also well just about such other people person company according says said".split()
    )
)


_JOINTS = frozenset(
    "and but while although though when if unless which who since because as so".split()
)


_HARD = frozenset("but while although though unless because".split())


_ENDED = re.compile(r"[.!?]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word at `start:end` of its text; `clause` and `sentence` count from 0."""

    text: str
    low: str
    stem: str
    start: int
    end: int
    clause: int
    sentence: int
    is_content: bool
    before: str = ""  # what stands between it and the word before


def words_of(text: str) -> list[Word]:
    """The words of a text, marks left out."""
    found: list[Word] = []
    clause = sentence = 0
    for match in _WORD.finditer(text):
        token, low = match[0], match[0].lower().replace("’", "'")
        if (
            low in _JOINTS
            and found
            and (text[: match.start()].rstrip()[-1:] == "," or low in _HARD)
        ):
            clause += 1
        if not (token[0].isalnum() or low == "n't"):
            clause += token in _BREAK
            sentence += token in ".!?"
            continue
        if low in words_in("hedges", "future") and found and found[-1].low == "and":
            clause += 1  # "raised money and plans to"
        content = (
            (low not in PLAIN | count_words() or is_acronym(token))
            and low != "n't"
            and not token[0].isdigit()
        )
        if (
            found
            and "\n" in text[found[-1].end : match.start()]
            and not _ENDED.search(text[found[-1].end : match.start()])
        ):
            clause, sentence = clause + 1, sentence + 1
        found.append(
            Word(
                token,
                low,
                stem(low),
                match.start(),
                match.end(),
                clause,
                sentence,
                content,
                text[found[-1].end if found else 0 : match.start()],
            )
        )
    return found


def is_acronym(text: str) -> bool:
    """True of "US", which is not "us"."""
    return len(text) > 1 and text.isupper() and text.isalpha()


@cache
def count_words() -> frozenset[str]:
    """Words of numbers and units: `wrong_number` sees to them."""
    numbers = tables()["numbers"]
    words = {*numbers["ones"].split(), *numbers["tens"].split(), *numbers["ordinals"].split()}
    words |= {*numbers["scales"], *numbers["times"], *numbers["parts"], *tables()["units"]}
    words |= {f"{word}s" for word in words} | {"am", "pm", "basis", "daily", "per"}
    return frozenset(words | set(tables()["months"]))


@cache
def words_in(table: str, name: str) -> frozenset[str]:
    """A class of words of `claims.toml`."""
    return frozenset(tables()[table][name].split())


def stem(word: str) -> str:
    """A word without its ending, roughly: for comparing only."""
    for ending in (
        "ations",
        "ation",
        "ings",
        "ing",
        "edly",
        "ied",
        "ies",
        "ed",
        "es",
        "s",
        "ly",
        "e",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    if len(word) > 4 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("y") if len(word) > 4 else word


@cache
def sides_of() -> dict[str, frozenset[int]]:
    """For each word with an opposite, the numbers of its sides; 2n and 2n + 1 are opposite."""
    sides: dict[str, set[int]] = {}
    for index, line in enumerate(tables()["opposites"]["pairs"]):
        for side, words in enumerate(line):
            for word in words.split():
                sides.setdefault(word, set()).add(2 * index + side)
    return {word: frozenset(places) for word, places in sides.items()}


def same_side(one: str, two: str) -> bool:
    """Whether two words say the same direction, such as "rose" and "increased"."""
    return bool(sides_of().get(one, frozenset()) & sides_of().get(two, frozenset()))


def same_name(one: Word, two: Word) -> bool:
    """Whether two names are of one thing: a country and its people, "US" and "American"."""
    if not (one.text[0].isupper() and two.text[0].isupper()):
        return False
    return _root(one.low) == _root(two.low) or any(
        {one.low, two.low} <= set(line.split()) for line in tables()["names"]["same"]
    )


def _root(name: str) -> str:
    root = re.sub(r"(land|ish|ian|ese|ean|an|ia|ic|y|a)s?$", "", name)
    return root if len(root) > 2 else name
