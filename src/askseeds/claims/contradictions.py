"""Rules of grammar: scope, hedges, what is to come, causes, order in time, opposites."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from askseeds.claims.negation import negators, wrong_negation
from askseeds.claims.numbers import half_a_range, wrong_binding
from askseeds.claims.pairs import NEAR, Read, aligned, rival
from askseeds.claims.roles import swapped
from askseeds.claims.words import Word, words_in
from askseeds.quantities import tables
from askseeds.questions import HAVE


def findings(pair: Read, claim: str, sentences: str) -> dict[str, str]:
    """What the rules of grammar find wrong, by the rule's name."""
    found: dict[str, str] = {}
    if reason := rival(pair):
        found["rival"] = reason
    if reason := half_a_range(claim, sentences):
        found["range"] = reason
    mine = {word.low for word in _plainly(pair.claim)}
    clauses = aligned(pair)
    near = [word for word in pair.said() if word.clause in clauses]
    everything = {word.low for word in _plainly(pair.said())}
    best = {w.low for w in _plainly(pair.said()) if w.clause in aligned(pair, 0.97, share=1.0)}
    past = _is_past(pair.claim)
    # scope
    negated = negators(pair.claim)
    for name, accepted in (
        ("all", ("all",)),
        ("any", ("any", "all")),
        ("whole", ("whole", "all")),
        ("only", ("only",)),
        ("most", ("most", "all")),
        ("several", ("several", "most", "all")),
    ):
        said = {
            word.low
            for at, word in enumerate(pair.claim)
            if word.low in words_in("scope", name)
            and not (at + 1 < len(pair.claim) and _is_rate(pair.claim[at + 1], everything))
            and not (at and pair.claim[at - 1].low == "than")
            and not (
                word.low == "main"
                and pair.claim[min(at + 1, len(pair.claim) - 1)].low not in _CAUSE_NOUNS
            )
        }
        if name in ("all", "any") and negated:
            continue
        if said and not any(everything & words_in("scope", other) for other in accepted):
            found["scope"] = f"the sentences do not say “{sorted(said)[0]}”"
    # hedges
    doubt, future, certain = (words_in("hedges", kind) for kind in ("doubt", "future", "certain"))
    governed = _governed(pair, doubt)
    allowed = words_in("hedges", "allowed") if governed == {"may"} else frozenset()
    if governed and not mine & (doubt | (future - {"will"}) | allowed):
        found["hedge"] = f"the sentences only say “{min(governed)}”"
    if past and _governed(pair, future) and not mine & (doubt | future):
        found["tense"] = "the sentences speak of what is to come"
    if mine & future - doubt - {"due"} and "you" not in mine and not everything & (doubt | future):
        found["tense"] = f"the sentences do not say “{min(mine & future)}”"
    needed = words_in("hedges", "needed")
    if past and _governed(pair, needed) and not mine & (doubt | future | needed | {"must", "yet"}):
        found["tense"] = "the sentences speak of what is to come"
    if mine & certain and not everything & (certain | (_NEEDS if mine & needed else frozenset())):
        found["certain"] = f"the sentences do not say “{sorted(mine & certain)[0]}”"
    # causes
    if reason := wrong_cause(pair):
        found["cause"] = reason
    if reason := wrong_order(pair):
        found["order"] = reason
    if reason := wrong_binding(pair, sentences, claim):
        found["binding"] = reason
    # opposites and negation
    flips = 0
    for line in tables()["opposites"]["pairs"]:
        left, right = (frozenset(side.split()) for side in line)
        for one, two in ((left, right), (right, left)):
            if mine & one and not mine & two and best & two and not best & one:
                flips += 1
                found.setdefault(
                    "opposite",
                    f"the sentences say “{sorted(best & two)[0]}”, not “{sorted(mine & one)[0]}”",
                )
    reason = "" if flips and negated else wrong_negation(pair)
    if reason:
        found["negation"] = reason
    if flips and (len(negated) + len(negators(near)) + flips) % 2 == 0 and negated:
        found.pop("opposite")
    if reason := swapped(pair):
        found["roles"] = reason
    return found


def _is_past(words: Sequence[Word]) -> bool:
    """Whether something has happened, by a verb's form; "to be approved" has not."""
    afters = [word.low for word in words[1:]] + [""]
    for before, word, after in zip([None, *words[:-1]], words, afters, strict=True):
        if word.low in _PAST and not (word.low in HAVE and after == "to"):
            return True
        if word.low.endswith("ed") and word.is_content and (before is None or before.low != "be"):
            return True
    return False


def _is_rate(word: Word, everything: set[str]) -> bool:
    """Whether "every" before a word is how often, not how many: "every hour" for "hourly"."""
    unit = word.low in tables()["units"]
    return unit or word.text[0].isdigit() or f"{word.low}ly" in everything


def _plainly(words: Sequence[Word]) -> Iterator[Word]:
    """The words without "up to", and without "plan" and "due" where no "to" follows."""
    for word, after in zip_longest(words, words[1:]):
        to = after is not None and after.low == "to"
        if (word.low in _WITH_TO and not to) or (word.low == "up" and to):
            continue
        yield word


_CAUSE_NOUNS = frozenset("cause reason driver".split())


_WITH_TO = frozenset("plan due hopes hope aim".split())


_NEEDS = frozenset("only must need needs without".split())  # what "requires" may stand for
_ADJECTIVES = frozenset("likely probable possible unlikely improbable unclear potential".split())
_PAST = frozenset("was were had has have did became went came made won".split())


def _governed(pair: Read, words: frozenset[str]) -> set[str]:
    """Those of some words of the sentences that stand right before something the claim says."""
    told = {
        pair.near[at]
        for at, word in enumerate(pair.claim)
        if word.is_content and pair.alike[at, pair.near[at]] >= NEAR
    }
    found = set()
    kept = {id(word) for word in _plainly(pair.text)}
    clauses = aligned(pair)
    for at in range(pair.ours, len(pair.text)):
        word = pair.text[at]
        if word.low in words and id(word) in kept:
            ahead = [
                index
                for index in range(at + 1, min(at + 8, len(pair.text)))
                if pair.text[index].is_content
                and pair.text[index].clause == word.clause
                and pair.text[index].low not in words
            ]
            denied = at + 1 < len(pair.text) and pair.text[at + 1].low in ("not", "n't")
            if not ahead and word.low in _ADJECTIVES:  # "an eruption is unlikely"
                clause = pair.text[at].clause
                ahead = [i for i in told if pair.text[i].clause == clause and i < at][:1]
            if ahead and ahead[0] in told and not denied and word.clause in clauses:
                found.add(word.low)
    return found


def wrong_cause(pair: Read) -> str:
    """Whether the claim gives a cause that no sentence with a causal word gives."""
    causes = words_in("causes", "words")
    at = next((i for i, w in enumerate(pair.claim) if w.low in causes - _WEAK_CAUSES), None)
    if at is None:
        return ""
    parts = [range(at), range(at + 1, len(pair.claim))]
    if at == 0:  # "Because of rain, the game was called off"
        comma = next((i for i, w in enumerate(pair.claim) if "," in w.before), at + 1)
        parts = [range(comma, len(pair.claim)), range(1, comma)]
    sides = []
    for part in parts:
        words = [i for i in part if pair.claim[i].is_content]
        known = [i for i in words if pair.alike[i, pair.near[i]] >= 0.8]
        sides.append(({pair.beside(i).sentence for i in known}, len(known), len(words)))
    denied = {word.clause for word in negators(pair.said())} if not negators(pair.claim) else set()
    given = {w.sentence for w in pair.said() if w.low in causes and w.clause not in denied}
    if not sides[1][2]:  # "… was the main cause"
        sides[1] = sides[0]
    if given & sides[0][0] & sides[1][0] and all(2 * known >= words for _, known, words in sides):
        return ""
    return "the sentences do not give this cause"


_WEAK_CAUSES = frozenset("since as so due lead leads led".split())


def wrong_order(pair: Read) -> str:
    """Whether what came first comes second in the claim."""
    before, after = words_in("order", "before"), words_in("order", "after")

    def next_known(at: int) -> int | None:
        for index in range(at + 1, min(at + 5, len(pair.claim))):
            word = pair.claim[index]
            if word.is_content and pair.alike[index, pair.near[index]] >= 0.9:
                return pair.near[index]
        return None

    signs = {
        i: 1 if w.low in before else -1 for i, w in enumerate(pair.text) if w.low in before | after
    }
    for at, word in enumerate(pair.claim):
        if word.low not in before | after or (place := next_known(at)) is None:
            continue
        if any(other.low in ("than", "until") for other in pair.claim[max(at - 3, 0) : at]):
            continue  # "fewer than before" is no order of events
        mine = 1 if word.low in before else -1
        for marker, sign in signs.items():
            if pair.text[marker].sentence != pair.text[place].sentence:
                continue
            behind = marker < place <= marker + 5
            if behind and sign != mine:
                return f"the order of what happened is not that of the sentences (“{word.text}”)"
            if (
                place < marker
                and sign == mine
                and pair.text[place].clause == pair.text[marker].clause
            ):
                return f"the order of what happened is not that of the sentences (“{word.text}”)"
    return ""
