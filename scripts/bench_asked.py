"""What a part of the way does for questions of one kind: slips, several in one, rows of tables.

`bench_quality.py` runs this. Each table compares answers with the part switched off and on.
"""

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import train_quote as train
from askseeds import assistant, evidence, quote
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.finder import Finder
from askseeds.types import Answer
from bench_tables import ROOT, TASKS, markdown

QA = ROOT / "tests" / "qa"
WRITTEN = QA / "written"
QUESTIONS = 200
LEAST_LETTERS = 5
SAMPLE = 150
"""Questions of the sample on which the benchmark's README gives the trial's figures."""


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


@contextmanager
def _instead(where: Any, name: str, value: Any) -> Iterator[None]:
    """Puts another value in the place of an attribute."""
    before = getattr(where, name)
    setattr(where, name, value)
    try:
        yield
    finally:
        setattr(where, name, before)


def slips(bench: Path, work: Path) -> str:
    """One slip in every question, taken literally and read as what was meant."""
    rows = []
    for task in ("sentences", "xquad"):
        some = random.Random(7).sample(train.questions(bench, task), QUESTIONS)
        luck = random.Random(3)
        asked = [question["question"] for question in some]
        wrong = [slipped(question, luck) for question in asked]
        told = {"as asked": _answers(bench, task, work, asked)}
        with _instead(Finder, "respelled", lambda _, question, source=None: question):
            told["one slip, taken literally"] = _answers(bench, task, work, wrong)
        told["one slip"] = _answers(bench, task, work, wrong)
        for name, answers in told.items():
            rows.append([task, name, *_figures(bench, task, some, answers)])
    return markdown(["task", "question", "answered", "refused", "AUROC", "hit at 1 / 3"], rows)


def _answers(bench: Path, task: str, work: Path, questions: Sequence[str]) -> list[Answer]:
    with Assistant.open(Settings(seeds=bench / task / "corpus", index=work / task)) as opened:
        return [opened.ask(question) for question in questions]


def changed(bench: Path, work: Path) -> str:
    """The questions of the tasks that are read as something else than was typed."""
    found = []
    count = 0
    for task in TASKS:
        with Assistant.open(Settings(seeds=bench / task / "corpus", index=work / task)) as opened:
            for question in train.questions(bench, task):
                count += 1
                asked = question["question"]
                words = zip(asked.split(), opened.finder.respelled(asked).split(), strict=True)
                found += [f"{typed} → {meant}" for typed, meant in words if typed != meant]
    shown = ", ".join(found)
    return f"Of {count:,} questions, {len(found)} words are read otherwise than typed: {shown}."


def words(bench: Path, work: Path) -> str:
    """Words that are right and words that are not, each in a question about other documents."""
    lists = yaml.safe_load((QA / "words.yaml").read_text(encoding="utf-8"))
    rows = []
    settings = Settings(seeds=bench / "excerpts" / "corpus", index=work / "excerpts")
    with Assistant.open(settings) as opened:

        def read(word: str) -> str:
            return opened.finder.respelled(f"what is the {word} policy of the company").split()[3]

        for kind, listed in lists["right"].items():
            pairs = [(word, read(word)) for word in listed.split()]
            changed = [f"{word} → {meant}" for word, meant in pairs if word != meant]
            rows.append([f"right, {kind}", str(len(pairs)), str(len(changed)), ", ".join(changed)])
        read_as = {word: read(word) for word in lists["misspelt"]}
    others = [
        f"{word} → {read_as[word]}"
        for word, meant in lists["misspelt"].items()
        if read_as[word] not in (word, meant)
    ]
    count = sum(read_as[word] == meant for word, meant in lists["misspelt"].items())
    rows.append(["misspelt, read as meant", str(len(read_as)), str(count), ""])
    rows.append(
        ["misspelt, read as another", str(len(read_as)), str(len(others)), ", ".join(others)]
    )
    return markdown(["words", "", "read otherwise", ""], rows)


def several(bench: Path, work: Path) -> str:
    """Questions that ask several things: the gold characters found, in quotes or nearest."""
    rows = []
    for task in TASKS:
        some = [
            question
            for question in train.questions(bench, task)
            if question["answerable"] and len(assistant.parts(question["question"])) > 1
        ]
        texts = [question["question"] for question in some]
        with _instead(assistant, "parts", lambda question: (question,)):
            whole = _answers(bench, task, work, texts)
        parted = _answers(bench, task, work, texts)
        found = [
            [_recall(bench, question, answer) for question, answer in zip(some, told, strict=True)]
            for told in (whole, parted)
        ]
        pairs = [(a, b) for a, b in zip(*found, strict=True) if a != b]
        shown = ", ".join(f"{a:.2f} → {b:.2f}" for a, b in pairs) or "–"
        rows.append([task, str(len(some)), shown])
    return markdown(["task", "questions", "gold characters found, where it changes"], rows)


def tables(work: Path) -> str:
    """Questions about the rows of three small tables, with and without reading them out."""
    lines = (QA / "tables.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    settings = Settings(seeds=QA / "tables", index=work / "tables")
    rows = []

    def row(name: str) -> list[str]:
        with Assistant.open(settings) as opened:
            answers = [opened.ask(question["question"]) for question in asked]
        right = [
            answer.status == "answered" and question["fragment"] in answer.text
            if question["answerable"]
            else answer.status == "not_found"
            for question, answer in zip(asked, answers, strict=True)
        ]
        yes = np.array([question["answerable"] for question in asked])
        return [
            name,
            f"{sum(np.array(right)[yes])} of {sum(yes)}",
            f"{sum(np.array(right)[~yes])} of {sum(~yes)}",
        ]

    with _instead(evidence, "read_out", lambda text, start, end: text[start:end]):
        rows.append(row("as they are"))
    rows.append(row("read out"))
    return markdown(["rows", "answered rightly", "refused rightly"], rows)


def written(bench: Path, work: Path) -> str:
    """The questions of tests/qa/written, by set; by kind those of sets that nothing is fitted to.

    Of the refused the nearest quotes count.
    """
    sets = []
    by_kind: dict[str, list[tuple[dict[str, Any], Answer]]] = {}
    for folder in sorted(path for path in WRITTEN.iterdir() if path.is_dir()):
        asked = train.questions(WRITTEN, folder.name)
        texts = [question["question"] for question in asked]
        answers = _answers(WRITTEN, folder.name, work / "written", texts)
        f = _scored(bench, folder, asked, answers)
        answered = f"{f['answered_of_answerable']:.2f} / {f['refused_of_unanswerable']:.2f}"
        figures = [f"{f['selection_char_f1']:.3f}", answered, f"{f['confidence_auroc']:.3f}"]
        fitted = folder.name in train.WRITTEN
        name = f"{folder.name}, fitted to" if fitted else folder.name
        sets.append([name, str(len(asked)), _hits(f), *figures])
        if fitted:
            continue
        for question, answer in zip(asked, answers, strict=True):
            by_kind.setdefault(question["kind"], []).append((question, answer))
    kinds = []
    for kind, pairs in by_kind.items():
        found = [
            f"{np.mean([_right(bench, pair, first) for pair in pairs]):.2f}" for first in (1, 3)
        ]
        answered = f"{np.mean([answer.status == 'answered' for _, answer in pairs]):.2f}"
        none = not pairs[0][0]["answerable"]
        kinds.append([kind, str(len(pairs)), *(["", ""] if none else found), answered])
    kinds.sort(key=lambda row: (row[2] == "", row[0]))
    head = ["set", "questions", "hit at 1 / 3", "F1", "answered / refused", "AUROC"]
    beside = ["kind", "questions", "first quote right", "one of three", "answered"]
    return markdown(head, sets) + "\n\n" + markdown(beside, kinds)


def _right(bench: Path, pair: tuple[dict[str, Any], Answer], first: int) -> bool:
    question, answer = pair
    told = [_told(q) for q in _quotes(answer)[:first]]
    return any(_benchmark(bench).touches(q, question["gold"]) for q in told)


def sample(bench: Path, examples: Sequence[train.Example]) -> str:
    """Confidence and the cross-encoder's bare score, on the benchmark's sample and on all."""
    benchmark = _benchmark(bench)
    asked = train.questions(bench, "xquad")
    kept = {asked[i]["id"] for i in random.Random(7).sample(range(len(asked)), SAMPLE)}
    plain = [e for e in examples if e.task == "xquad" and not e.made]
    rows = []
    for name, some in (
        (f"sample of {SAMPLE}", [e for e in plain if e.question["id"] in kept]),
        (f"all {len(plain)}", plain),
    ):
        for what, given in (
            ("confidence", [quote.select(e.evidence, max_quotes=3).confidence for e in some]),
            ("bare score", [max(r.score for r in e.evidence.readings) for e in some]),
        ):
            yes = np.array([g for g, e in zip(given, some, strict=True) if e.answerable])
            no = np.array([g for g, e in zip(given, some, strict=True) if not e.answerable])
            best = max((np.mean(yes >= at) + np.mean(no < at)) / 2 for at in given)
            area = benchmark.auroc(list(yes), list(no))
            rows.append([name, what, f"{area:.3f}", f"{best:.3f}"])
    return markdown(["xquad", "", "AUROC", "balanced accuracy at its best threshold"], rows)


def _benchmark(bench: Path) -> Any:
    sys.path.insert(0, str(bench))
    import score  # type: ignore[import-not-found]

    return score


def _recall(bench: Path, question: dict[str, Any], answer: Answer) -> float:
    found = [_told(q) for q in _quotes(answer)]
    recall: float = _benchmark(bench).overlap(found, question["gold"])[0]
    return recall


def _quotes(answer: Answer) -> tuple[quote.Quote, ...]:
    return answer.quotes or answer.nearest


def _figures(
    bench: Path, task: str, asked: Sequence[dict[str, Any]], answers: Sequence[Answer]
) -> list[str]:
    f = _scored(bench, bench / task, asked, answers)
    names = ("answered_of_answerable", "refused_of_unanswerable", "confidence_auroc")
    return [*(f"{f[name]:.3f}" for name in names), _hits(f)]


def _hits(figures: dict[str, float]) -> str:
    return f"{figures['selection_hit_at_1']:.3f} / {figures['selection_hit_at_3']:.3f}"


def _scored(
    bench: Path, folder: Path, asked: Sequence[dict[str, Any]], answers: Sequence[Answer]
) -> dict[str, float]:
    """The figures of `score.py`."""
    lines = [
        {
            "id": question["id"],
            "status": answer.status,
            "confidence": answer.confidence,
            "quotes": [_told(q) for q in answer.quotes],
            "nearest": [_told(q) for q in answer.nearest],
        }
        for question, answer in zip(asked, answers, strict=True)
    ]
    figures: dict[str, float] = _benchmark(bench).score(folder, asked, lines)
    return figures


def _told(quoted: quote.Quote) -> dict[str, Any]:
    return {name: getattr(quoted, name) for name in ("source", "start", "end", "text")}
