"""The check itself: numbers, dates and names must be the same, and the model must be convinced."""

from collections.abc import Sequence
from dataclasses import dataclass

from askseeds.claims.names import missing_word, unknown_name
from askseeds.claims.numbers import half_a_range, wrong_number
from askseeds.models import Entailment

LEAST = 1.82
"""Log-odds from which on a claim is supported.

Of the false claims of three sets that the model was not trained on 96 % are refused; of others 94
to 95 %, see docs/prose.md.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check; `reason` is one line, empty when the claim is supported."""

    supported: bool
    reason: str


def check(
    claim: str,
    sentences: Sequence[str],
    *,
    context: str = "",
    question: str = "",
    entailment: Entailment,
) -> Verdict:
    """Reads a claim against the sentences it names.

    Args:
        claim: One statement, as a model wrote it.
        sentences: Verbatim from the documents.
        context: Title and headings over them: they may say what is talked about, but hold no facts.
        question: It may give names, but nothing in it is taken for true.
        entailment: Judges what is neither number nor name.

    Returns:
        Whether the sentences say all of it and, if not, what is wrong first.
    """
    said = " ".join(sentences)
    if not said.strip():
        return Verdict(False, "there is no sentence that it rests on")
    if not any(map(str.isalpha, claim)):
        return Verdict(False, "it says nothing")
    reason = mismatch(claim, said, f"{context} {question}")
    # Not "< LEAST": what is no number must not pass.
    if not reason and not entailment.score(claim, said, context=context) >= LEAST:
        word = missing_word(claim, f"{context} {said}")
        reason = f"the sentences do not say {f'“{word}”' if word else 'quite this'}"
    return Verdict(not reason, reason)


def mismatch(claim: str, sentences: str, known: str) -> str:
    """What is wrong with a number, a date or a name; "" when nothing is.

    Args:
        claim: One statement.
        sentences: That it rests on, joined.
        known: What may name somebody as well: title, headings, the question.
    """
    return (
        wrong_number(claim, sentences)
        or half_a_range(claim, sentences)
        or unknown_name(claim, sentences, known)
    )
