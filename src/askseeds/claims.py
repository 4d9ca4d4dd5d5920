"""Whether sentences of the documents say what a claim says. Pure, offline, and rather strict.

A claim that a language model wrote is read against the sentences that it names. First, what can be
named is compared: numbers, dates, names, quantifiers, hedges, tense, causes, directions, negation,
who did what to whom. Every one of these rules can say what is wrong. What no rule sees, such as a
detail that was made up, shows in words of the claim that nothing in the sentences comes near to:
a model of word meanings (`models.Matcher`) and the reranker judge that.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations

import numpy as np

from askseeds.models import Floats, Matcher, Reranker
from askseeds.quantities import Date, Quantity, read, tables
from askseeds.questions import ASKING, BE, DO, FUNCTION, HAVE, PRONOUNS

_WORD = re.compile(r"n[’']t\b|[^\W_]+?(?=n[’']t\b)|[^\W_]+(?:[.-][^\W_]+)*|[^\w\s]")
_BREAK = frozenset(".;:!?()—–")  # noqa: RUF001
_PLAIN = FUNCTION | BE | HAVE | DO | frozenset("s t also well just about such other".split())
_JOINTS = frozenset("and but while although though when if unless which who since because as so".split())
_HARD = frozenset("but while although though unless because".split())
_MORE = re.compile(r"(?:more than|over|at least|above|exceeding)\s+(?:about\s+)?$")
_LESS = re.compile(r"(?:up to|at most|no more than|at least|minimum of|maximum of|least)\s+$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check; `reason` is one line, empty when the claim is supported."""

    supported: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Word:
    """A word at `start:end` of its text; `clause` counts from 0."""

    text: str
    low: str
    stem: str
    start: int
    end: int
    clause: int
    is_content: bool


def words_of(text: str) -> list[Word]:
    """The words of a text, marks left out."""
    found: list[Word] = []
    clause = 0
    for match in _WORD.finditer(text):
        token, low = match[0], match[0].lower().replace("’", "'")
        if low in _JOINTS and found and (text[: match.start()].rstrip()[-1:] == "," or low in _HARD):
            clause += 1
        if not (token[0].isalnum() or low == "n't"):
            clause += token in _BREAK
            continue
        content = low not in _PLAIN | _counts() and low != "n't" and not token[0].isdigit()
        found.append(Word(token, low, stem(low), match.start(), match.end(), clause, content))
    return found


@cache
def _counts() -> frozenset[str]:
    """Words of numbers and units: `wrong_number` sees to them."""
    numbers = tables()["numbers"]
    words = {*numbers["ones"].split(), *numbers["tens"].split(), *numbers["ordinals"].split()}
    words |= {*numbers["scales"], *numbers["times"], *numbers["parts"], *tables()["units"]}
    words |= {f"{word}s" for word in words} | {"am", "pm", "basis", "daily", "per"}
    return frozenset(words | set(tables()["months"]))


def stem(word: str) -> str:
    """A word without its ending, roughly: for comparing only."""
    for ending in ("ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "s", "ly", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    if len(word) > 4 and word[-1] == word[-2]:
        word = word[:-1]
    return word.removesuffix("y") if len(word) > 4 else word


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
    # of equally near words the later, so that the sentences win over the title
    near = tuple(int(len(theirs) - 1 - row[::-1].argmax()) for row in alike) if theirs else ()
    return Read(tuple(mine), tuple(theirs), ours, alike, near)


def wrong_number(claim: str, sentences: str) -> str:
    """A number or date of the claim that does not stand in the sentences."""
    numbers, dates = read(claim)
    known, days = read(sentences)
    for date in dates:
        if not any(date.fits(day) for day in days):
            return f"the date {claim[date.start : date.end]} is not in the sentences"
    if any(word in sentences.lower() for word in (" the rest", " the remaind")):
        known += [replace(part, value=1 - part.value) for part in known if part.kind == "share"]
    for number in numbers:
        if not number.weak and not any(agree(number, other) for other in known):
            at_least = _MORE.search(claim[: number.start]) is not None
            if at_least and any(
                other.kind == number.kind and number.value <= other.value <= 1.5 * number.value
                for other in known
            ):
                continue
            if number.kind == "" and any(number.value == day.year for day in days):
                continue
            return f"the number {claim[number.start : number.end]} is not in the sentences"
    return ""


def half_a_range(claim: str, sentences: str) -> str:
    """A number of the claim that is in the sentences only as one end of a range."""
    known = read(sentences)[0]
    for number in read(claim)[0]:
        if number.weak or number.in_range or _LESS.search(claim[: number.start]):
            continue
        same = [other for other in known if agree(number, other)]
        if same and all(other.in_range for other in same):
            return f"{claim[number.start : number.end]} is only one end of what the sentences say"
    return ""


def agree(one: Quantity, two: Quantity) -> bool:
    """Whether two numbers are the same amount of the same thing; a plain number may lack its unit."""
    kinds = {one.kind, two.kind}
    if one.kind not in ("", two.kind) and kinds != {"", "times"}:
        return False
    return abs(one.value - two.value) <= 1e-6 * abs(two.value)


def unknown_name(words: Sequence[Word], known: Sequence[Word]) -> str:
    """A name of the claim that is neither in the sentences nor above them nor asked about."""
    lows = {word.low for word in known} | {word.stem for word in known}
    mid = {word.low for word in [*words[1:], *known] if word.text[0].isupper()}
    for at, word in enumerate(words):
        if not word.text[0].isupper() or word.low in _counts():
            continue
        if word.low in _PLAIN or word.low in tables()["months"] or word.text.isdigit():
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
    if word.text[0].isupper() and any(
        other.text.isupper() and word.text[0] in other.text and len(other.text) > 1
        for other in names
    ) and word.low not in _WEEK:
        return len(word.text) > 2 and word.is_content and _spells(word, names)
    for line in tables()["names"]["same"]:
        if word.low in line.split() and {other.low for other in names} & set(line.split()):
            return True
    root = re.sub(r"(land|ish|ian|ese|ean|an|ia|ic|y)s?$", "", word.low)
    roots = {re.sub(r"(land|ish|ian|ese|ean|an|ia|ic|y)s?$", "", other.low) for other in names}
    return len(root) > 2 and root in roots


_WEEK = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())


def _spells(word: Word, names: Sequence[Word]) -> bool:
    return False


@cache
def _class(table: str, name: str) -> frozenset[str]:
    return frozenset(tables()[table][name].split())


def aligned(pair: Read, least: float = 0.75) -> set[int]:
    """The clauses of the sentences that the claim's content words stand in."""
    clauses: dict[int, float] = {}
    for at, word in enumerate(pair.claim):
        if word.is_content and pair.alike[at, pair.near[at]] >= least and pair.near[at] >= pair.ours:
            clauses[pair.beside(at).clause] = clauses.get(pair.beside(at).clause, 0) + 1
    most = max(clauses.values(), default=0)
    return {clause for clause, count in clauses.items() if count >= max(1, most / 2)}


def findings(pair: Read, claim: str, sentences: str) -> dict[str, str]:
    """What the rules of grammar find wrong, by the rule's name."""
    found: dict[str, str] = {}
    if reason := half_a_range(claim, sentences):
        found["range"] = reason
    mine = {word.low for word in pair.claim}
    clauses = aligned(pair)
    near = [word for word in pair.said() if word.clause in clauses]
    theirs = {word.low for word in near}
    everything = {word.low for word in pair.said()}
    # scope
    negated = _negators(pair.claim)
    for name, accepted in (
        ("all", ("all",)), ("only", ("only",)), ("most", ("most", "all")), ("several", ("several", "most", "all"))
    ):
        said = mine & _class("scope", name)
        if name == "all" and negated:
            continue
        if said and not any(everything & _class("scope", other) for other in accepted):
            found["scope"] = f"the sentences do not say “{sorted(said)[0]}”"
    # hedges
    doubt, future, certain = (_class("hedges", kind) for kind in ("doubt", "future", "certain"))
    if theirs & doubt and not mine & (doubt | future) and not negated:
        found["hedge"] = f"the sentences only say “{sorted(theirs & doubt)[0]}”"
    if theirs & future and not mine & (doubt | future):
        found["tense"] = f"the sentences only say “{sorted(theirs & future)[0]}”"
    if mine & future - doubt and not everything & (doubt | future):
        found["tense"] = f"the sentences do not say “{sorted(mine & future)[0]}”"
    if mine & certain and not everything & certain:
        found["certain"] = f"the sentences do not say “{sorted(mine & certain)[0]}”"
    # causes
    causes = _class("causes", "words")
    if mine & causes - {"since", "as", "so"} and not everything & causes:
        found["cause"] = "the sentences do not give this cause"
    # opposites and negation
    flips = 0
    for line in tables()["opposites"]["pairs"]:
        left, right = (frozenset(side.split()) for side in line)
        for one, two in ((left, right), (right, left)):
            if mine & one and not mine & two and theirs & two and not theirs & one:
                flips += 1
                found.setdefault("opposite", f"the sentences say “{sorted(theirs & two)[0]}”, not “{sorted(mine & one)[0]}”")
    if reason := wrong_negation(pair):
        found["negation"] = reason
    if flips and (len(negated) + len(_negators(near)) + flips) % 2 == 0 and negated:
        found.pop("opposite")
    if reason := swapped(pair):
        found["roles"] = reason
    return found


def _negators(words: Sequence[Word]) -> list[Word]:
    all_ = _class("negation", "words") | _class("negation", "verbs")
    idle = _class("negation", "after")
    return [
        word
        for at, word in enumerate(words)
        if word.low in all_ and not (at + 1 < len(words) and words[at + 1].low in idle)
    ]


def _negated(words: Sequence[Word]) -> dict[int, int]:
    """How often a content word is denied, by its start: the next few words after a negator are."""
    denied: dict[int, int] = {}
    for word in _negators(words):
        reach = [
            other for other in words
            if other.clause == word.clause and other.is_content and other.start > word.start
        ][:_REACH]
        for other in reach:
            denied[other.start] = denied.get(other.start, 0) + 1
    return denied


_REACH = 3


def wrong_negation(pair: Read) -> str:
    """Whether what one side denies is not denied by the other."""
    mine, theirs = _negated(pair.claim), _negated(pair.said())
    agreed, differing = 0, []
    for at, word in enumerate(pair.claim):
        if not word.is_content or pair.alike[at, pair.near[at]] < 0.75:
            continue
        other = pair.beside(at)
        ours, other_side = mine.get(word.start, 0) % 2, theirs.get(other.start, 0) % 2
        if ours != other_side:
            differing.append(word)
        elif ours:
            agreed += 1
    if len(differing) > agreed:
        return f"the sentences say the opposite about “{differing[0].text}”"
    return ""


def swapped(pair: Read) -> str:
    """Whether two things have changed places while what is said of them has not.

    Of "a … b … c … d" in the claim, the sentences say "c b a d" or "a d c b".
    """
    places: list[tuple[int, Word]] = []
    for at, word in enumerate(pair.claim):
        is_number = word.text[0].isdigit() or word.low in _counts() or word.low in ("against", "for")
        if not (word.is_content or is_number):
            continue
        same = [
            index for index in range(pair.ours, len(pair.text)) if pair.alike[at, index] >= 0.95
        ]
        if len(same) == 1:
            places.append((same[0], word))
    order = [place for place, _ in places]
    for one, (a, b, c, d) in _fours(order):
        if c < b < a < d or a < d < c < b:
            return f"“{places[one[0]][1].text}” and “{places[one[2]][1].text}” have changed places"
    return ""


def _fours(order: list[int]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    for places in combinations(range(len(order)), 4):
        yield places, tuple(order[place] for place in places)
