"""The check itself: hard facts, then the rules of grammar, weighed with how near the words are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from askseeds.claims.contradictions import findings
from askseeds.claims.extracts import is_extract
from askseeds.claims.numbers import wrong_number
from askseeds.claims.pairs import Read, read_beside, unknown_name
from askseeds.claims.support import features, weights
from askseeds.claims.words import words_in, words_of
from askseeds.models import Marked, Matcher, Reranker
from askseeds.quantities import tables


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check; `reason` is one line, empty when the claim is supported."""

    supported: bool
    reason: str


STRICT = frozenset("range rival scope certain cause order opposite negation".split())
"""Rules that are mostly right on new texts, too; what the others find is weighed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict rests on.

    Attributes:
        hard: What is wrong with a number, date or name, or what a rule of `STRICT` finds; such a
            claim is refused at once.
        found: What the other rules of grammar find wrong, by the rule's name.
        features: See `support.features`; empty where `hard` is not.
    """

    pair: Read
    hard: str
    found: Mapping[str, str]
    features: Mapping[str, float]


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
        reranker: Tells how much the sentences are about the claim.
        matcher: Loaded once and kept when it is not given.

    Returns:
        Whether the sentences say all of it and, if not, what is wrong first.

    Raises:
        ModelError: The matcher cannot be loaded.
    """
    if not "".join(sentences).strip() or not claim.strip():
        return Verdict(False, "there is no sentence that it rests on")
    if is_extract(claim, sentences, context):
        return Verdict(True, "")
    evidence = gather(
        claim,
        sentences,
        context=context,
        question=question,
        reranker=reranker,
        matcher=matcher or _matcher(),
    )
    if evidence.hard:
        return Verdict(False, evidence.hard)
    if weights().doubt(evidence.features) < weights().least:
        return Verdict(True, "")
    return Verdict(False, next(iter(evidence.found.values()), "") or _missing(evidence.pair))


def gather(
    claim: str,
    sentences: Sequence[str],
    *,
    context: str,
    question: str,
    reranker: Reranker,
    matcher: Matcher,
) -> Evidence:
    """All that a verdict rests on; the arguments are those of `check`."""
    said = "\n".join(sentences)
    pair = read_beside(claim, sentences, context, matcher)
    hard = wrong_number(claim, said) or unknown_name(pair.claim, [*pair.text, *words_of(question)])
    if hard:
        return Evidence(pair, hard, {}, {})
    found = findings(pair, claim, said)
    if strict := next((reason for name, reason in found.items() if name in STRICT), ""):
        return Evidence(pair, strict, found, {})
    score = reranker.read(claim, [Marked(said, ())])[0].score
    return Evidence(pair, "", found, features(pair, claim, said, found, score))


@cache
def _matcher() -> Matcher:
    return Matcher.load()


FAR = 0.85


def _missing(pair: Read) -> str:
    """Names the word of the claim that the sentences are farthest from saying."""
    content = [
        (float(pair.alike[at].max(initial=0.0)), at)
        for at, w in enumerate(pair.claim)
        if w.is_content
    ]
    if content and min(content)[0] < FAR:
        return f"the sentences do not say “{pair.claim[min(content)[1]].text}”"
    known = {word.low for word in pair.text}
    turning = frozenset().union(*(words_in("turns", name) for name in tables()["turns"]))
    new = [w.text for w in pair.claim if w.low in turning - known]
    return (
        f"the sentences do not say it with “{new[0]}”"
        if new
        else "the sentences do not say quite this"
    )
