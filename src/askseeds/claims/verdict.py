"""The check itself: every rule in turn, then whether the sentences are about the claim at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from askseeds.claims.contradictions import findings
from askseeds.claims.numbers import wrong_number
from askseeds.claims.pairs import Read, read_beside, unknown_name
from askseeds.claims.words import words_of
from askseeds.models import Marked, Matcher, Reranker


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


def unlike(pair: Read, score: float) -> str:
    """Whether what the claim talks about is not what the sentences talk about."""
    content = [at for at, word in enumerate(pair.claim) if word.is_content]
    if not content:
        return ""
    near = [float(pair.alike[at].max()) for at in content]
    if score < LEAST_SCORE or sum(near) / len(near) < LEAST_NEAR:
        return "the sentences do not say this"
    return ""
