"""How likely the sentences do not say a claim, by a small fitted model.

A logistic regression over counts that a reader can check: how near the claim's words are to words
of the sentences, which small words that turn a meaning only one side has, what the rules of grammar
found, how far a number stands from what it is said of. `scripts/train_claims.py` fits it.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp

from askseeds.claims.numbers import agree
from askseeds.claims.pairs import Read, aligned
from askseeds.claims.words import count_words, words_in
from askseeds.quantities import read, tables

RULES = ("hedge", "tense", "binding", "roles")
"""The findings that are weighed; those of the other rules decide alone, see `verdict.STRICT`."""

WEIGHTS = "claims_weights.json"
FAR_CHARS = 120


@dataclass(frozen=True, slots=True)
class Weights:
    """What was fitted.

    Attributes:
        least: A claim that is at least so likely not said is refused.
        terms: Name of a feature: its mean, its spread, and the weight of what lies between.
    """

    least: float
    start: float
    terms: Mapping[str, tuple[float, float, float]]

    def doubt(self, features: Mapping[str, float]) -> float:
        """How likely the sentences do not say the claim, 0 to 1, as odds were in the pairs."""
        total = self.start
        for name, (mean, spread, weight) in self.terms.items():
            total += weight * max(-CLIP, min(CLIP, (features[name] - mean) / spread))
        return 1 / (1 + exp(-total))


CLIP = 4.0
"""No feature counts for more than it does this many spreads from its mean."""


@cache
def weights() -> Weights:
    """Those that come with the program."""
    facts = json.loads((files("askseeds") / WEIGHTS).read_text(encoding="utf-8"))
    terms = {name: (one[0], one[1], one[2]) for name, one in facts["terms"].items()}
    return Weights(facts["least"], facts["start"], terms)


def features(
    pair: Read, claim: str, sentences: str, found: Collection[str], score: float
) -> dict[str, float]:
    """What the model counts.

    Args:
        pair: The claim beside its sentences.
        claim: As it was written.
        sentences: Joined.
        found: Names of the rules that found something.
        score: The reranker's, of claim and sentences.
    """
    counted = {f"rule {name}": float(name in found) for name in RULES}
    counted |= {"score": score}
    return counted | _nearness(pair) | _turns(pair) | _numbers(pair, claim, sentences)


def _nearness(pair: Read) -> dict[str, float]:
    """How far the content words of the claim are from those of title, headings and sentences."""
    content = [at for at, word in enumerate(pair.claim) if word.is_content]
    anywhere = sorted(float(pair.alike[at].max(initial=0.0)) for at in content) or [1.0]
    inside = sorted(float(pair.alike[at, pair.ours :].max(initial=0.0)) for at in content) or [1.0]
    count = len(anywhere)
    return {
        "words": count,
        "far on average": 1 - sum(anywhere) / count,
        "far at most": 1 - anywhere[0],
        "far at second": 1 - anywhere[1] if count > 1 else 0.0,
        "far in sum": sum(1 - near for near in anywhere),
        "share of same words": sum(near > _SAME for near in anywhere) / count,
        "other words": sum(near <= _SAME for near in anywhere),
        "words beyond 0.8": sum(near < 0.8 for near in anywhere),
        "words beyond 0.65": sum(near < 0.65 for near in anywhere),
        "words at 0.8 to 0.97": sum(0.8 <= near < 0.97 for near in anywhere),
        "far from the sentences on average": 1 - sum(inside) / count,
        "far from the sentences at most": 1 - inside[0],
        "words from the headings": sum(n > _SAME for n in anywhere)
        - sum(n > _SAME for n in inside),
    }


_SAME = 0.999


def _turns(pair: Read) -> dict[str, float]:
    """Small words that only one side has, by their class."""
    mine = Counter(word.low for word in pair.claim)
    theirs = {word.low for word in pair.said()}
    clauses = aligned(pair, 0.97, share=0.0)
    beside = {word.low for word in pair.said() if word.clause in clauses}
    counted: dict[str, float] = {}
    for name in tables()["turns"]:
        words = words_in("turns", name)
        counted[f"new {name}"] = sum(word in mine and word not in theirs for word in words)
        counted[f"more {name}"] = bool(words & mine.keys()) - bool(words & beside)
    known = theirs | {word.stem for word in pair.said()}
    small = [w.low for w in pair.claim if not w.is_content and w.low not in count_words()]
    unknown = sum(low not in known for low in small)
    units = [w for w in pair.claim if w.low in count_words()]
    return counted | {
        "new small words": unknown,
        "share of new small words": unknown / max(1, len(small)),
        "new words of number": sum(w.low not in known and w.stem not in known for w in units),
    }


def _numbers(pair: Read, claim: str, sentences: str) -> dict[str, float]:
    """How far a number stands from the words that it stands beside in the claim."""
    told, dates = read(claim)
    known, days = read(sentences)
    offset = pair.said()[0].start if pair.said() else 0
    near = [
        (word, pair.beside(at))
        for at, word in enumerate(pair.claim)
        if word.is_content and pair.near and pair.near[at] >= pair.ours
    ]
    farthest = 0
    for number in told:
        places = [other.start for other in known if agree(number, other)]
        if number.weak or not places:
            continue
        beside = sorted(near, key=lambda both: abs(both[0].start - number.start))[:2]
        for word, other in beside:
            away = min(abs(other.start - offset - place) for place in places)
            farthest = max(farthest, away - abs(word.start - number.start))
    far = min(farthest, FAR_CHARS) / FAR_CHARS
    more = len(known) + len(days) > len(told) + len(dates)
    weak = [number for number in told if number.weak]
    return {
        "numbers": len(told) + len(dates),
        "new weak numbers": sum(not any(agree(n, other) for other in known) for n in weak),
        "number far from its words": far,
        "number far, and there are others": far * more,
    }
