"""Names of a claim that its sentences do not have, and the first word that they do not."""

import re
from collections.abc import Set
from functools import cache

from askseeds.quantities import tables
from askseeds.questions import BE, DO, FUNCTION, HAVE

_WORD = re.compile(r"[^\W_]+(?:[.-][^\W_]+)*")
_RUN = re.compile(r"[^\W\d_a-z]\w*(?:[ \n](?:(?:of|and|the|for)[ \n])*[^\W\d_a-z]\w*)+")
"""Words with a capital letter in a row, such as "the United Nations"."""

_PLAIN = (
    FUNCTION
    | BE
    | HAVE
    | DO
    | frozenset("s t also well just about such other people person company says said".split())
)
_ENDINGS = "ations ation ings ing edly ied ies ed es s ly e".split()


def unknown_name(claim: str, sentences: str, known: str) -> str:
    """What is wrong with a name of a claim that stands in none of two texts; "" when nothing is.

    A name is a word with a capital letter, or with letters and digits, that is no common word. The
    first word of the claim counts only if it is written so elsewhere. An acronym that is also a
    common word must stand in capitals: "us" is not the US.

    Args:
        claim: As it was written.
        sentences: That it rests on.
        known: What may name somebody as well: headings, the question.
    """
    words, others = _words(claim), _words(f"{sentences} {known}")
    names = [other for other in others if other[0].isupper()]
    initials = " ".join(
        "".join(word[0] for word in _words(run) if word[0].isupper())
        for run in _RUN.findall(f"{sentences} {known}")
    )
    lows = {form for other in others for form in (other.lower(), _stem(other.lower()))}
    inside = {word.lower() for word in [*words[1:], *others] if word[0].isupper()}
    for at, word in enumerate(words):
        low = word.lower()
        if _is_acronym(word):
            written = any(word == name.upper() for name in names) or low in lows - _PLAIN
            if not (written or word in initials or _is_people_of(word, names)):
                return f"the name {word} is not in the sentences"
            continue
        if low in lows or _stem(low) in lows:
            continue
        if word[0].isalpha() and re.search(r"\d", word):
            return f"{word} is not in the sentences"
        if not word[0].isupper() or len(word) == 1 or low in _counting():
            continue
        if low in _PLAIN:
            continue
        if at == 0 and low not in inside and not any(letter.isupper() for letter in word[1:]):
            continue
        if not _is_people_of(word, names):
            return f"the name {word} is not in the sentences"
    return ""


def missing_word(claim: str, text: str) -> str:
    """The first word with a meaning of its own that a claim has and a text has not, or ""."""
    known = {_stem(word.lower()) for word in _words(text)}
    return next(
        (
            word
            for word in _words(claim)
            if word[0].isalpha()
            and word.lower() not in _PLAIN | _counting()
            and _stem(word.lower()) not in known
        ),
        "",
    )


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _is_acronym(word: str) -> bool:
    """True of "US", not of "Us" and "A"."""
    return len(word) > 1 and word.isupper() and word.isalpha()


def _is_people_of(name: str, names: list[str]) -> bool:
    """Whether a name is that of a country whose people is named, or the other way round."""
    low, root = name.lower(), _root(name.lower())
    return any(
        root == _root(other.lower()) or any({low, other.lower()} <= one for one in _same())
        for other in names
    )


@cache
def _same() -> list[Set[str]]:
    return [frozenset(line.split()) for line in tables()["names"]["same"]]


@cache
def _counting() -> frozenset[str]:
    """Words of numbers, units and dates, which `wrong_number` sees to."""
    numbers = tables()["numbers"]
    words = {*numbers["ones"].split(), *numbers["tens"].split(), *numbers["ordinals"].split()}
    words |= {*numbers["scales"], *numbers["times"], *numbers["parts"], *tables()["units"]}
    words |= {f"{word}s" for word in words} | {"am", "pm", "basis", "daily", "per"}
    return frozenset(words | set(tables()["months"]))


def _stem(word: str) -> str:
    """A word without its ending, roughly: for comparing only."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    if len(word) > 4 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("y") if len(word) > 4 else word


def _root(name: str) -> str:
    """A country's name and that of its people without what differs."""
    root = re.sub(r"(land|ish|ian|ese|ean|an|ia|ic|y|a)s?$", "", name)
    return root if len(root) > 2 else name
