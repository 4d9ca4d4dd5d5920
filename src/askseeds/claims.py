"""Whether the sentences that a claim names say what it says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askseeds.models import Reranker

_NUMBER = re.compile(r"\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of checking a claim; `reason` is one plain line, empty when it is supported."""

    supported: bool
    reason: str


def check(
    claim: str,
    sentences: Sequence[str],
    *,
    context: str = "",
    question: str = "",
    reranker: Reranker,
) -> Verdict:
    """Checks a claim against the sentences it names."""
    said = " ".join(sentences)
    numbers = {number.rstrip(".,") for number in _NUMBER.findall(said)}
    for number in _NUMBER.findall(claim):
        if number.rstrip(".,") not in numbers:
            return Verdict(False, f"the number {number} is not in the sentences")
    known = {word[:5] for word in re.findall(r"[^\W_]+", f"{said} {context}".lower())}
    words = [word for word in re.findall(r"[^\W_]{4,}", claim.lower()) if not word.isdigit()]
    missing = [word for word in words if word[:5] not in known]
    if len(missing) * 3 > len(words):
        return Verdict(False, f"the word “{missing[0]}” is not in the sentences")
    return Verdict(True, "")
