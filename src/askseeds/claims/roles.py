"""Who did what to whom, and what has changed places."""

import re
from collections.abc import Sequence
from itertools import combinations

from askseeds.claims.pairs import Read
from askseeds.claims.words import Word, count_words, sides_of


def swapped(pair: Read) -> str:
    """Whether two things have changed places while what is said of them has not.

    Of "a … b … c … d" in the claim, the sentences say "c b a d" or "a d c b".
    """
    places: list[tuple[int, Word]] = []
    for at, word in enumerate(pair.claim):
        is_number = (
            word.text[0].isdigit() or word.low in count_words() or word.low in ("against", "for")
        )
        if not (word.is_content or is_number):
            continue
        same = [
            index for index in range(pair.ours, len(pair.text)) if pair.alike[at, index] >= 0.95
        ]
        if len(same) == 1:
            places.append((same[0], word))
    for one, two, three, four in combinations(places, 4):
        a, b, c, d = (place for place, _ in (one, two, three, four))
        sorts = [_sort(w if w.start else pair.text[p]) for p, w in (one, two, three, four)]
        if sorts[0] != sorts[2] or sorts[1] != sorts[3]:
            continue
        if set(sorts) == {"word"} and not _akin(pair, one, three):
            continue
        if c < b < a < d or a < d < c < b:
            moved = (one, three) if c < b < a < d else (two, four)
            if _is_turned(pair, *moved):
                continue
            return f"“{moved[0][1].text}” and “{moved[1][1].text}” have changed places"
    for one, two, three in combinations(places, 3):
        a, b, c = (place for place, _ in (one, two, three))
        if not c < b < a:
            continue
        if (
            sides_of().get(two[1].low, frozenset()) & {0, 1}
            and any(w.low == "than" for w in pair.claim)
            and any(w.low == "than" for w in pair.said())
        ):
            return f"“{one[1].text}” and “{three[1].text}” have changed places"
        if _sort(two[1]) != "word" or not _VERB.search(two[1].low):
            continue
        if (
            len({pair.text[place].sentence for place in (a, b, c)}) > 1
            or not pair.text[c].text[0].isupper()
        ):
            continue
        if not pair.text[a].text[0].isupper() or _by_after(pair.claim, two[1]) != _by_after(
            pair.text, pair.text[b]
        ):
            continue
        return f"“{one[1].text}” and “{three[1].text}” have changed places"
    if reason := _other_doer(pair):
        return reason
    for at, word in enumerate(pair.claim):  # "A saved B" of "it was saved by B"
        place = pair.near[at]
        if (
            word.is_content
            and pair.alike[at, place] == 1.0
            and (doer := _by_after(pair.text, pair.text[place]))
        ):
            done_to = next(
                (w.low for w in pair.claim[at + 1 : at + 4] if w.is_content or w.low == "by"), ""
            )
            if done_to == doer:
                return f"“{done_to}” does it in the sentences, and it is not done to it"
    return ""


def _is_turned(pair: Read, one: tuple[int, Word], two: tuple[int, Word]) -> bool:
    """Whether one side is passive and the other is not: "N is bought by H" of "H buys N"."""
    doers = []
    for words, places in (
        (pair.claim, [pair.claim.index(word) for _, word in (one, two)]),
        (pair.text, [place for place, _ in (one, two)]),
    ):
        doers.append(any(w.low == "by" for at in places for w in words[max(at - 2, 0) : at]))
    return doers[0] != doers[1]


_VERB = re.compile(r"(?:ed|s|en|d|t|ahead|behind|against)$")


def _akin(pair: Read, one: tuple[int, Word], two: tuple[int, Word]) -> bool:
    """Whether two words of the claim are of one sort, such as two animals."""
    return bool(pair.alike[pair.claim.index(one[1]), two[0]] >= 0.65)


def _other_doer(pair: Read) -> str:
    """Whether the claim says of a name what the sentences say of another one, clauses away."""
    names = [
        w
        for w in pair.claim
        if w.is_content and (_sort(w) == "name" or (w.start == 0 and w.text[0].isupper()))
    ]
    homes: dict[int, int] = {}
    for at, word in enumerate(pair.claim):
        if word.is_content and pair.near[at] >= pair.ours and pair.alike[at, pair.near[at]] >= 0.85:
            if word in names:
                home = pair.beside(at).clause
            else:
                clause = pair.beside(at).clause
                homes[clause] = homes.get(clause, 0) + 1
    if len(names) != 1 or not homes:
        return ""
    at = pair.claim.index(names[0])
    if pair.near[at] < pair.ours or pair.alike[at, pair.near[at]] < 0.95:
        return ""
    if ":" in pair.beside(at).before:
        return ""  # "mastered by one company: ASML"
    home = pair.beside(at).clause
    lows = {w.low for w in pair.claim}
    for clause, count in homes.items():
        here = next(w.sentence for w in pair.said() if w.clause == clause)
        others = {w.low for w in pair.said() if w.sentence == here and _sort(w) == "name"} - lows
        if count >= 2 and not homes.get(home) and clause != home and others:
            return f"the sentences do not say this of {names[0].text}"
    return ""


def _sort(word: Word) -> str:
    if word.text[0].isdigit() or word.low in count_words():
        return "number"
    first = not word.before or any(mark in word.before for mark in ".!?\n")
    return "name" if word.text[0].isupper() and not first else "word"


def _by_after(words: Sequence[Word], verb: Word) -> str:
    """Who did it, in "was saved by Wilk"; "" when the verb is not used like that."""
    after = [word for word in words if verb.end <= word.start and word.clause == verb.clause][:6]
    for at, word in enumerate(after):
        if word.low == "by" and at < 4:
            return next((other.low for other in after[at + 1 :] if other.is_content), "?")
    return ""
