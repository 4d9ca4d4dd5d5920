"""Asks every pair once, in order, and measures what came."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from askseeds.errors import AskseedsError
from askseeds.evaluate.gold import Gold, measures, resolve
from askseeds.evaluate.judge import Verdict, judge
from askseeds.evaluate.pairs import Pair
from askseeds.types import Answer, Document, Progress, Turn

Outcome = Literal["passed", "failed", "expected failure", "unexpected pass", "error"]

STAGE = "asking"


class Asked(Protocol):
    """What an evaluation needs of an assistant; `Assistant` is one."""

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Answer:
        """Answers a question."""

    def document(self, source: str) -> Document:
        """The document of that source."""

    def sources(self) -> tuple[str, ...]:
        """Sources of all documents."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one pair.

    Attributes:
        answer: None when the question could not be asked.
        outcome: A pair with `xfail` must fail: when it passes, that is an unexpected pass.
        golds: The expected fragments where they stand; empty for unanswerable pairs.
        measures: See `figures.FIGURES`; None where a measure does not apply.
        seconds: From the question to the answer.
    """

    pair: Pair
    answer: Answer | None
    outcome: Outcome
    verdict: Verdict
    golds: tuple[Gold, ...] = ()
    measures: dict[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nobody needs to look at it."""
        return self.outcome in ("passed", "expected failure")


def run(
    assistant: Asked, pairs: Sequence[Pair], *, progress: Progress | None = None
) -> tuple[Result, ...]:
    """Asks every pair, in order.

    Args:
        assistant: Gives the answers.
        pairs: With distinct ids.
        progress: Told how far it is.
    """
    golds = resolve(pairs, assistant.sources(), assistant.document)
    results: list[Result] = []
    for pair in pairs:
        if progress:
            progress(STAGE, len(results), len(pairs))
        results.append(ask(assistant, pair, golds[pair.id]))
    if progress:
        progress(STAGE, len(pairs), len(pairs))
    return tuple(results)


def ask(assistant: Asked, pair: Pair, golds: tuple[Gold, ...]) -> Result:
    """Asks one pair; an error of the question becomes its result."""
    begin = time.perf_counter()
    try:
        answer = assistant.ask(pair.question, history=pair.history)
    except AskseedsError as error:
        return Result(pair, None, "error", Verdict("error", (str(error),)), golds)
    seconds = time.perf_counter() - begin
    verdict = judge(pair, answer, golds)
    return Result(
        pair=pair,
        answer=answer,
        outcome=_outcome(pair, verdict),
        verdict=verdict,
        golds=golds,
        measures=_measures(pair, answer, verdict, golds) | {"seconds": seconds},
        seconds=seconds,
    )


def _outcome(pair: Pair, verdict: Verdict) -> Outcome:
    if pair.xfail:
        return "unexpected pass" if verdict.kind == "passed" else "expected failure"
    return "passed" if verdict.kind == "passed" else "failed"


def _measures(
    pair: Pair, answer: Answer, verdict: Verdict, golds: Sequence[Gold]
) -> dict[str, float | None]:
    found: dict[str, float | None] = {
        "weight": pair.weight,
        "answerable": float(pair.status == "answered"),
        "answered": float(answer.status == "answered"),
        "passed": float(verdict.kind == "passed"),
        "confidence": answer.confidence,
    }
    # A fragment that stands nowhere is a miss; a pattern without a match has no size to miss.
    sized = [gold for gold in golds if gold.places or gold.size]
    return found | measures(answer, sized) if sized else found
