"""How two words differ: by a slip of the hand, or by an ending. Pure.

The bounds here and in `spelling` were set by hand on the words of `tests/qa/words.yaml`.
"""

import unicodedata

LONG = 9
"""From so many letters on two slips are forgiven, below one."""

OTHER_LETTERS = 8
"""From so many letters on another consonant is forgiven in the place of one: shorter names differ
in no more than that."""

OTHER = 1.25
"""What a less likely slip counts: more than one, so that a plain one is preferred."""

MOST_SLIPS = 2.25
"""Two other consonants in the place of two make another word."""

_VOWELS = frozenset("aeiouy")

# What a word ends in, and what stood in the place of it: "vaping", "vap", "vape".
_ENDINGS = tuple(
    (ending, before)
    for ending, befores in {
        **dict.fromkeys(("ed", "ing", "er", "ers", "est", "en"), ("", "e")),
        **dict.fromkeys(("s", "es", "ly", "em"), ("",)),
        "n": ("",),
        "ies": ("y",),
        "ied": ("y",),
    }.items()
    for before in befores
)
_BASE_LETTERS = 3


def slips(word: str, other: str) -> float:
    """How many slips turn `other` into `word`; 0 when they are more than are forgiven.

    A letter left out, put in or swapped with the next, and a vowel for a vowel, are one slip; a
    letter that moved, and another one in its place, are less likely and count as `OTHER`. Both
    words are folded.
    """
    if not is_near(word, other) or (word.startswith(other) and word[-1] != other[-1]):
        return 0.0  # "Moderna" is not "modern"
    from rapidfuzz.distance import OSA  # takes 25 ms, and most questions have no such word

    edits = OSA.distance(word, other, score_cutoff=2)
    if edits == 2 and _is_moved(word, other):
        return OTHER
    if not 0 < edits <= 1 + (len(word) >= LONG):
        return 0.0
    pairs = [{a, b} for a, b in zip(word, other, strict=False) if a != b]
    if len(word) != len(other) or len(pairs) != edits or all(pair <= _VOWELS for pair in pairs):
        return float(edits)
    counted = sum(1.0 if pair <= _VOWELS else OTHER for pair in pairs)
    return counted if len(word) >= OTHER_LETTERS and counted <= MOST_SLIPS else 0.0


def is_near(word: str, other: str) -> bool:
    """Whether lengths and beginnings allow a slip: the first letter is hardly ever wrong."""
    return abs(len(word) - len(other)) <= 1 and (word[:1] == other[:1] or word[:2] == other[1::-1])


def is_doubling(word: str, other: str) -> bool:
    """Whether one has a letter twice that the other has once: "occured" for "occurred"."""
    short, long = sorted((word, other), key=len)
    return len(long) == len(short) + 1 and any(
        long[at] == long[at + 1] and long[:at] + long[at + 1 :] == short
        for at in range(len(long) - 1)
    )


def is_form(word: str, other: str) -> bool:
    """Whether two folded words are one but for an ending: "vaping" and "vape", "Mühle", "Mühlen".

    A form may be spelt wrongly: "occured" is "occur", "-ed".
    """
    return not _bases(word).isdisjoint(_bases(other))


def folded(word: str) -> str:
    """A word without accents and case."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _bases(word: str) -> set[str]:
    return {word} | {
        word.removesuffix(ending) + before
        for ending, before in _ENDINGS
        if word.endswith(ending) and len(word) - len(ending) >= _BASE_LETTERS
    }


def _is_moved(word: str, other: str) -> bool:
    """Whether one letter stands in another place: "ghandi" for "gandhi"."""
    return len(word) == len(other) and not _without(word).isdisjoint(_without(other))


def _without(word: str) -> set[tuple[str, str]]:
    """The word without each of its letters, with that letter."""
    return {(letter, word[:at] + word[at + 1 :]) for at, letter in enumerate(word)}
