"""One slip in every question: what it does to the answers, and what `spelling` mends of it.

`bench_quality.py` runs this.
"""

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import train_quote as train
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.types import Answer
from bench_process import say
from bench_tables import markdown

QUESTIONS = 200
LEAST_LETTERS = 5


def slipped(question: str, luck: random.Random) -> str:
    """A question with one slip in one of its three longest words, never in the first word.

    Two letters change places, one is left out, one is doubled, or another stands in its place.
    """
    words = list(re.finditer(rf"(?<!^)\b[A-Za-z]{{{LEAST_LETTERS},}}", question))
    if not words:
        return question
    word = luck.choice(sorted(words, key=lambda match: -len(match[0]))[:3])
    at = luck.randrange(word.start() + 1, word.end() - 1)
    before, letter, after = question[:at], question[at], question[at + 1 :]
    kind = luck.choice(("swapped", "left out", "doubled", "another"))
    if kind == "swapped":
        return before + after[0] + letter + after[1:]
    if kind == "doubled":
        return before + 2 * letter + after
    return before + (luck.choice("aeioulnrst") if kind == "another" else "") + after


class _Literal(Assistant):
    """Takes every word as it is written."""

    def respelled(self, question: str) -> str:
        return question


def table(bench: Path, work: Path) -> str:
    """Answered, refused and hit at 1 as asked, with slips taken literally, and with slips."""
    rows = []
    for task in ("sentences", "xquad"):
        some = random.Random(7).sample(train.questions(bench, task), QUESTIONS)
        luck = random.Random(3)
        asked = [question["question"] for question in some]
        wrong = [slipped(question, luck) for question in asked]
        ways: dict[str, tuple[type[Assistant], list[str]]] = {
            "as asked": (Assistant, asked),
            "one slip, taken literally": (_Literal, wrong),
            "one slip": (Assistant, wrong),
        }
        for name, (kind, questions) in ways.items():
            say(f"slips: {task}, {name}")
            with kind.open(Settings(seeds=bench / task / "corpus", index=work / task)) as assistant:
                answers = [assistant.ask(question) for question in questions]
            rows.append([task, name, *_figures(bench, task, some, answers)])
    return markdown(["task", "question", "answered", "refused", "AUROC", "hit at 1 / 3"], rows)


def _figures(
    bench: Path, task: str, asked: Sequence[dict[str, Any]], answers: Sequence[Answer]
) -> list[str]:
    sys.path.insert(0, str(bench))
    import score as benchmark  # type: ignore[import-not-found]

    def told(answer: Answer, part: str) -> list[dict[str, Any]]:
        quotes = getattr(answer, part)
        return [{k: getattr(q, k) for k in ("source", "start", "end", "text")} for q in quotes]

    lines = [
        {
            "id": question["id"],
            "status": answer.status,
            "confidence": answer.confidence,
            "quotes": told(answer, "quotes"),
            "nearest": told(answer, "nearest"),
        }
        for question, answer in zip(asked, answers, strict=True)
    ]
    f = benchmark.score(bench / task, asked, lines)
    return [
        f"{f['answered_of_answerable']:.3f}",
        f"{f['refused_of_unanswerable']:.3f}",
        f"{f['confidence_auroc']:.3f}",
        f"{f['selection_hit_at_1']:.3f} / {f['selection_hit_at_3']:.3f}",
    ]
