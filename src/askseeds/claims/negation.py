"""What one side denies and the other does not."""

import re
from collections.abc import Sequence

from askseeds.claims.pairs import Read
from askseeds.claims.words import Word, words_in


def negators(words: Sequence[Word]) -> list[Word]:
    """The words that deny something, "not only" and the like left out."""
    all_ = words_in("negation", "words") | words_in("negation", "verbs")
    idle = words_in("negation", "after")
    return [
        word
        for at, word in enumerate(words)
        if word.low in all_ and not (at + 1 < len(words) and words[at + 1].low in idle)
    ]


def _negated(words: Sequence[Word]) -> dict[int, int]:
    """How often a content word is denied, by its start: the next few words after a negator are."""
    denied: dict[int, int] = {}
    for word in negators(words):
        reach = [
            other
            for other in words
            if other.clause == word.clause and other.is_content and other.start > word.start
        ][:_REACH]
        for other in reach:
            denied[other.start] = denied.get(other.start, 0) + 1
    return denied


_REACH = 3


def wrong_negation(pair: Read) -> str:
    """Whether what one side denies is not denied by the other."""
    mine, theirs = _negated(pair.claim), _negated(pair.said())
    lows = [word.low for word in pair.claim]
    twice = len(negators(pair.claim)) > 1 or ("no" in lows and "one" in lows)
    if {"nobody", "none", "nothing"} & set(lows) or (twice and not negators(pair.said())):
        return ""  # "not without" is "only with"
    supposed = False
    agreed, differing = 0, []
    for at, word in enumerate(pair.claim):
        supposed = word.low == "if" or (
            supposed and word.clause == pair.claim[at - 1].clause and "," not in word.before
        )
        if supposed or not word.is_content or pair.alike[at, pair.near[at]] < 0.85:
            continue
        other = pair.beside(at)
        ours, other_side = mine.get(word.start, 0) % 2, theirs.get(other.start, 0) % 2
        if _undone(word.low) != _undone(other.low):
            other_side = 1 - other_side
        if ours != other_side:
            differing.append(word)
        elif ours:
            agreed += 1
    if len(differing) > agreed and _turned(pair, differing[0]):
        return f"the sentences say the opposite about “{differing[0].text}”"
    return ""


def _turned(pair: Read, word: Word) -> bool:
    """Whether the clause of a word is denied on one side only, all in all."""
    other = pair.beside(pair.claim.index(word))
    mine = [w for w in pair.claim if w.clause == word.clause]
    theirs = [w for w in pair.said() if w.clause == other.clause]
    if {"less", "fewer"} & {w.low for w in mine} and negators(theirs):
        return False  # "less clear" of "not clear"
    has_without = "without" in {w.low for w in [*mine, *theirs]}  # as against "only with"
    if not has_without and _implied(mine) != _implied(theirs):
        return False
    counts = [
        len(negators(words)) + sum(_undone(w.low) for w in words) + _free(words)
        for words in (mine, theirs)
    ]
    return counts[0] % 2 != counts[1] % 2


def _implied(words: Sequence[Word]) -> set[str]:
    """The words that hold a negation without being one, as stems."""
    return {word.stem for word in words if word.low in words_in("negation", "implicit")}


def _free(words: Sequence[Word]) -> int:
    lows = " ".join(word.low for word in words)
    return len(re.findall(r"\bfree (?:of|from) (?!charge)", lows))


def _undone(low: str) -> bool:
    """True of "unvaccinated", "unlikely"; of "under" and "unit" neither word of a pair differs."""
    return low.startswith("un") and low.endswith(("ed", "ly", "able"))
