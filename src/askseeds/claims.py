"""Whether sentences of the documents say what a claim says. Pure, offline, and rather strict.

A claim that a language model wrote is read against the sentences that it names. First, what can be
named is compared: numbers, dates, names, quantifiers, hedges, tense, causes, directions, negation,
who did what to whom. Every one of these rules can say what is wrong. What no rule sees, such as a
detail that was made up, shows in words of the claim that nothing in the sentences comes near to:
a model of word meanings (`models.Matcher`) and the reranker judge that.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, zip_longest

import numpy as np

from askseeds.models import Floats, Marked, Matcher, Reranker
from askseeds.quantities import Quantity, read, tables
from askseeds.questions import BE, DO, FUNCTION, HAVE

_WORD = re.compile(r"n[’']t\b|[^\W_]+?(?=n[’']t\b)|[^\W_]+(?:[.-][^\W_]+)*|[^\w\s]")
_BREAK = frozenset(".;:!?()—–")
_PLAIN = (
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
_MORE = re.compile(
    r"(?<!no )(?<!not )(?:more than|older than|over|at least|above|exceeding)\s+(?:about\s+)?$",
    re.I,
)
_FEWER = re.compile(
    r"(?<!no )(?:less than|fewer than|younger than|not more than|no more than|under|below|up to"
    r"|at most|almost|nearly)\s+(?:about\s+)?$",
    re.I,
)
_LESS = re.compile(r"(?:up to|at most|no more than|at least|minimum of|maximum of|least)\s+$", re.I)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check; `reason` is one line, empty when the claim is supported."""

    supported: bool
    reason: str


LEAST_SCORE = 1.5
"""The reranker's, of a claim and its sentences; fitted on the development half, as are the next."""
LEAST_NEAR = 0.72
"""How near the claim's content words must be to the sentences' on average."""


def check(
    claim: str,
    sentences: Sequence[str],
    *,
    context: str = "",
    question: str = "",
    reranker: Reranker,
    matcher: Matcher | None = None,
) -> Verdict:
    """Reads a claim against the sentences it names.

    Args:
        claim: One statement, as a model wrote it.
        sentences: Verbatim from the documents.
        context: Title and headings over them: they may say what is talked about, but hold no facts.
        question: It may give names, but nothing in it is taken for true.
        reranker: Must find that the sentences are about the claim.
        matcher: Loaded once and kept when it is not given.

    Returns:
        Whether the sentences say all of it and, if not, what is wrong first.

    Raises:
        ModelError: The matcher cannot be loaded.
    """
    said = "\n".join(sentences)
    if not said.strip() or not claim.strip():
        return Verdict(False, "there is no sentence that it rests on")
    pair = read_beside(claim, sentences, context, matcher or _matcher())
    reason = wrong_number(claim, said) or unknown_name(
        pair.claim, [*pair.text, *words_of(question)]
    )
    reason = reason or next(iter(findings(pair, claim, said).values()), "")
    if not reason:
        reason = unlike(pair, reranker.read(claim, [Marked(said, ())])[0].score)
    return Verdict(not reason, reason)


@cache
def _matcher() -> Matcher:
    return Matcher.load()


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
        if low in _class("hedges", "future") and found and found[-1].low == "and":
            clause += 1  # "raised money and plans to"
        content = (
            (low not in _PLAIN | _counts() or _is_acronym(token))
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


def _is_acronym(text: str) -> bool:
    """True of "US", which is not "us"."""
    return len(text) > 1 and text.isupper() and text.isalpha()


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
            elif _same_side(word.low, other.low) or _same_name(word, other):
                row[column] = max(row[column], 0.96)
    near = _nearest(alike, mine, theirs, ours)
    return Read(tuple(mine), tuple(theirs), ours, alike, near)


def _nearest(
    alike: Floats, mine: Sequence[Word], theirs: Sequence[Word], ours: int
) -> tuple[int, ...]:
    """The nearest word for each; of equals the one in the clause that has most of the claim."""
    if not theirs:
        return ()
    clauses = np.array([word.clause for word in theirs])
    worth = np.zeros(clauses.max() + 1)
    for row, word in zip(alike, mine, strict=True):
        if word.is_content and row.max() >= _NEAR:
            for clause in {int(c) for c in clauses[row >= row.max() - 1e-3]}:
                worth[clause] += 1
    bonus = 1e-3 * worth[clauses] - 0.02 * (np.arange(len(theirs)) < ours)
    return tuple(int((row + bonus).argmax()) for row in alike)


_NEAR = 0.75


@cache
def _sides() -> dict[str, frozenset[int]]:
    sides: dict[str, set[int]] = {}
    for index, line in enumerate(tables()["opposites"]["pairs"]):
        for side, words in enumerate(line):
            for word in words.split():
                sides.setdefault(word, set()).add(2 * index + side)
    return {word: frozenset(places) for word, places in sides.items()}


def _same_side(one: str, two: str) -> bool:
    return bool(_sides().get(one, frozenset()) & _sides().get(two, frozenset()))


def _same_name(one: Word, two: Word) -> bool:
    if not (one.text[0].isupper() and two.text[0].isupper()):
        return False
    return _root(one.low) == _root(two.low) or any(
        {one.low, two.low} <= set(line.split()) for line in tables()["names"]["same"]
    )


def _root(name: str) -> str:
    root = re.sub(r"(land|ish|ian|ese|ean|an|ia|ic|y|a)s?$", "", name)
    return root if len(root) > 2 else name


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
        if rate := _RATE.match(claim, number.end):
            unit = rate[1].lower()
            if not re.search(
                rf"\b(?:{re.escape(unit)}|{_RATES.get(unit, unit + 'ly')})", sentences, re.I
            ):
                return f"“{rate[0].strip()}” is not in the sentences"
        sign = _bound(claim, number)
        same = [_bound(sentences, other) for other in known if agree(number, other)]
        if sign and same and all(other == -sign for other in same):
            bound = claim[: number.start].split()[-2:]
            return f"the sentences do not say “{' '.join(bound)} {_cut(claim, number)}”"
    return ""


_RATE = re.compile(
    r"\s+(?:per|each|an?)\s+(year|month|week|day|hour|minute|night|person|claim)\b", re.I
)
_RATES = {"day": "dai"}


def _bound(text: str, number: Quantity) -> int:
    """1 for "more than" a number, -1 for "less than" it, 0 without either."""
    if _FEWER.search(text[: number.start]):
        return -1
    return int(bool(_MORE.search(text[: number.start])))


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


def _cut(text: str, number: Quantity) -> str:
    return text[number.start : number.end]


def agree(one: Quantity, two: Quantity) -> bool:
    """Whether two numbers are the same amount; a plain number may lack its unit."""
    if one.kind not in ("", two.kind):
        return False
    if one.kind == "":  # "45 in turbo mode" of "45 minutes"
        return one.plain == two.plain
    return abs(one.value - two.value) <= 1e-6 * abs(two.value)


def unknown_name(words: Sequence[Word], known: Sequence[Word]) -> str:
    """A name of the claim that is neither in the sentences nor above them nor asked about."""
    lows = {word.low for word in known} | {word.stem for word in known}
    mid = {word.low for word in [*words[1:], *known] if word.text[0].isupper()}
    for at, word in enumerate(words):
        if not word.text[0].isupper() or word.low in _counts() or len(word.text) == 1:
            continue
        if (
            (word.low in _PLAIN and not _is_acronym(word.text))
            or word.low in tables()["months"]
            or word.text.isdigit()
        ):
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
    return any(_same_name(word, other) for other in names)


@cache
def _class(table: str, name: str) -> frozenset[str]:
    return frozenset(tables()[table][name].split())


def aligned(pair: Read, least: float = 0.75, *, share: float = 0.5) -> set[int]:
    """The clauses of the sentences that the claim's content words stand in."""
    clauses: dict[int, float] = {}
    for at, word in enumerate(pair.claim):
        if (
            word.is_content
            and pair.alike[at, pair.near[at]] >= least
            and pair.near[at] >= pair.ours
        ):
            clauses[pair.beside(at).clause] = clauses.get(pair.beside(at).clause, 0) + 1
    most = max(clauses.values(), default=0)
    return {clause for clause, count in clauses.items() if count >= max(1, most * share)}


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
    past = any(w.low in _PAST or (w.low.endswith("ed") and w.is_content) for w in pair.claim)
    # scope
    negated = _negators(pair.claim)
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
            if word.low in _class("scope", name)
            and not (at + 1 < len(pair.claim) and _is_rate(pair.claim[at + 1], everything))
            and not (at and pair.claim[at - 1].low == "than")
            and not (
                word.low == "main"
                and pair.claim[min(at + 1, len(pair.claim) - 1)].low not in _CAUSE_NOUNS
            )
        }
        if name in ("all", "any") and negated:
            continue
        if said and not any(everything & _class("scope", other) for other in accepted):
            found["scope"] = f"the sentences do not say “{sorted(said)[0]}”"
    # hedges
    doubt, future, certain = (_class("hedges", kind) for kind in ("doubt", "future", "certain"))
    governed = _governed(pair, doubt)
    allowed = _class("hedges", "allowed") if governed == {"may"} else frozenset()
    if governed and not mine & (doubt | (future - {"will"}) | allowed):
        found["hedge"] = f"the sentences only say “{min(governed)}”"
    if past and _governed(pair, future) and not mine & (doubt | future):
        found["tense"] = "the sentences speak of what is to come"
    if mine & future - doubt - {"due"} and "you" not in mine and not everything & (doubt | future):
        found["tense"] = f"the sentences do not say “{min(mine & future)}”"
    if mine & certain and not everything & certain:
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
    if flips and (len(negated) + len(_negators(near)) + flips) % 2 == 0 and negated:
        found.pop("opposite")
    if reason := swapped(pair):
        found["roles"] = reason
    return found


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
_PAST = frozenset("was were had has have did became went came made won".split())


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
    twice = len(_negators(pair.claim)) > 1 or ("no" in lows and "one" in lows)
    if {"nobody", "none", "nothing"} & set(lows) or (twice and not _negators(pair.said())):
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
    if {"less", "fewer"} & {w.low for w in mine} and _negators(theirs):
        return False  # "less clear" of "not clear"
    counts = [
        len(_negators(words)) + sum(_undone(w.low) for w in words) + _free(words)
        for words in (mine, theirs)
    ]
    return counts[0] % 2 != counts[1] % 2


def _free(words: Sequence[Word]) -> int:
    lows = " ".join(word.low for word in words)
    return len(re.findall(r"\bfree (?:of|from) (?!charge)", lows))


def _undone(low: str) -> bool:
    """True of "unvaccinated", "unlikely"; of "under" and "unit" neither word of a pair differs."""
    return low.startswith("un") and low.endswith(("ed", "ly", "able"))


def _governed(pair: Read, words: frozenset[str]) -> set[str]:
    """Those of some words of the sentences that stand right before something the claim says."""
    told = {
        pair.near[at]
        for at, word in enumerate(pair.claim)
        if word.is_content and pair.alike[at, pair.near[at]] >= _NEAR
    }
    found = set()
    kept = {id(word) for word in _plainly(pair.text)}
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
            if ahead and ahead[0] in told and not denied:
                found.add(word.low)
    return found


def rival(pair: Read) -> str:
    """Whether the claim says "green" where the sentences say "blue"."""
    theirs = {word.low for word in pair.text}
    for line in tables()["rivals"]["lines"]:
        words = set(line.split())
        for word in pair.claim:
            if word.low in words - theirs and (other := words & theirs):
                return f"the sentences say “{min(other)}”, not “{word.text}”"
    return ""


def unlike(pair: Read, score: float) -> str:
    """Whether what the claim talks about is not what the sentences talk about."""
    content = [at for at, word in enumerate(pair.claim) if word.is_content]
    if not content:
        return ""
    near = [float(pair.alike[at].max()) for at in content]
    if score < LEAST_SCORE or sum(near) / len(near) < LEAST_NEAR:
        return "the sentences do not say this"
    return ""


def wrong_cause(pair: Read) -> str:
    """Whether the claim gives a cause that no sentence with a causal word gives."""
    causes = _class("causes", "words")
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
    denied = (
        {word.clause for word in _negators(pair.said())} if not _negators(pair.claim) else set()
    )
    given = {w.sentence for w in pair.said() if w.low in causes and w.clause not in denied}
    if not sides[1][2]:  # "… was the main cause"
        sides[1] = sides[0]
    if given & sides[0][0] & sides[1][0] and all(2 * known >= words for _, known, words in sides):
        return ""
    return "the sentences do not give this cause"


_WEAK_CAUSES = frozenset("since as so due lead leads led".split())


def wrong_order(pair: Read) -> str:
    """Whether what came first comes second in the claim."""
    before, after = _class("order", "before"), _class("order", "after")

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


def wrong_binding(pair: Read, sentences: str, claim: str) -> str:
    """Whether a number is said of what the sentences say another number of."""
    numbers = read(sentences)[0]
    offset = pair.said()[0].start if pair.said() else 0
    spots = [match.start() for match in _PARTING.finditer(sentences)]

    def chunk(place: int) -> int:
        return bisect_left(spots, place)

    told = [number for number in read(claim)[0] if not number.weak]
    counted = {chunk(n.start) for n in numbers if not any(agree(one, n) for one in told)}
    for number in told:
        same = [other for other in numbers if agree(number, other)]
        if len(same) != 1 or number.in_range or len(told) > 1:
            continue
        home = away = 0
        for at, word in enumerate(pair.claim):
            if not word.is_content:
                continue
            places = [i for i in range(pair.ours, len(pair.text)) if pair.alike[at, i] >= 0.95]
            if len(places) == 1 or (not places and pair.near[at] >= pair.ours):
                place = chunk(pair.text[(places or [pair.near[at]])[0]].start - offset)
                home += place == chunk(same[0].start)
                away += bool(places) and place != chunk(same[0].start) and place in counted
        if away and not home:
            return f"the sentences do not say {claim[number.start : number.end]} of this"
    return ""


_PARTING = re.compile(r"[,;.:](?=\s)|\n|\s(?:and|but|while)\s")


def swapped(pair: Read) -> str:
    """Whether two things have changed places while what is said of them has not.

    Of "a … b … c … d" in the claim, the sentences say "c b a d" or "a d c b".
    """
    places: list[tuple[int, Word]] = []
    for at, word in enumerate(pair.claim):
        is_number = (
            word.text[0].isdigit() or word.low in _counts() or word.low in ("against", "for")
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
            return f"“{moved[0][1].text}” and “{moved[1][1].text}” have changed places"
    for one, two, three in combinations(places, 3):
        a, b, c = (place for place, _ in (one, two, three))
        if not c < b < a:
            continue
        if _sides().get(two[1].low, frozenset()) & {0, 1} and any(
            w.low == "than" for w in pair.claim
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


_VERB = re.compile(r"(?:ed|s|en|d|t|ahead|behind|against)$")


def _akin(pair: Read, one: tuple[int, Word], two: tuple[int, Word]) -> bool:
    """Whether two words of the claim are of one sort, such as two animals."""
    return bool(pair.alike[pair.claim.index(one[1]), two[0]] >= 0.65)


def _other_doer(pair: Read) -> str:
    """Whether the claim says of a name what the sentences say of another one, clauses away."""
    names = [
        w
        for w in pair.claim
        if (w.is_content and _sort(w) == "name") or (w.start == 0 and w.text[0].isupper())
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
    home = pair.beside(at).clause
    lows = {w.low for w in pair.claim}
    for clause, count in homes.items():
        here = next(w.sentence for w in pair.said() if w.clause == clause)
        others = {w.low for w in pair.said() if w.sentence == here and _sort(w) == "name"} - lows
        if count >= 2 and not homes.get(home) and clause != home and others:
            return f"the sentences do not say this of {names[0].text}"
    return ""


def _sort(word: Word) -> str:
    if word.text[0].isdigit() or word.low in _counts():
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
