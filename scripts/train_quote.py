#!/usr/bin/env python3
"""Fits the two models of `askseeds.quote` on question sets and writes their weights.

    train_quote.py BENCH_DIR [--work DIR]

BENCH_DIR holds the folders `sentences`, `excerpts` and `xquad`; beside them everyday documents are
fitted on, those of `tests/qa/written` that `WRITTEN` names. Every question goes the product's own
way up to the evidence that quotes are chosen from; that is kept in DIR, so that only the first run
is slow (about 20 minutes on two idle cores). Then `quote_weights.json` is written.

`bench_quality.py` prints figures for questions that the models were not fitted on.

Unanswerable questions are few, so more are made. "cut": an answered question without the passages
that hold the answer, the rest of the document staying. "cross": questions of another task. Cut ones
weigh little, for another passage may answer too.
"""

import argparse
import json
import pickle
import random
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from askseeds import quote
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.evidence import (
    CONFIDENCE_FEATURES,
    SENTENCE_FEATURES,
    Candidate,
    Evidence,
    candidates,
    confidence_features,
    sentence_features,
)
from askseeds.models import sha256_of
from askseeds.models.reranker import RERANKER_WEIGHTS
from askseeds.types import Document, Hit

TASKS = ("sentences", "excerpts", "xquad")
WRITTEN = ("a", "b", "c", "d", "e", "f")
"""Sets of `tests/qa/written`; the others are only counted."""

ROOT = Path(__file__).parents[1]
WRITTEN_SETS = ROOT / "tests" / "qa" / "written"
WEIGHTS = ROOT / "src" / "askseeds" / "quote_weights.json"
PROVENANCE = (
    "Logistic regressions over standardised features, fitted by scripts/train_quote.py on public "
    "question sets: CLAPNQ dev (Apache-2.0), Chroma's chunking evaluation (MIT), XQuAD English "
    "(CC BY-SA 4.0), and on tests/qa/written, a to f. Scores are those of ms-marco-MiniLM-L-12-v2 "
    "(int8) with the changes in reranker.onnx, and of all-MiniLM-L6-v2."
)
FOLDS = 5
CROSS = 40
"""Questions of each other task that are asked of a task's documents."""

SENTENCE_STRENGTH = 0.03
CONFIDENCE_STRENGTH = 0.1
MASS = {
    ("sentences", True, ""): 1.0,
    ("sentences", False, ""): 1.0,
    ("sentences", False, "cut"): 0.1,
    ("excerpts", True, ""): 0.3,
    ("excerpts", False, "cut"): 0.3,
    ("xquad", True, ""): 1.0,
    ("xquad", False, ""): 0.7,
    ("xquad", False, "cut"): 0.1,
    ("written", True, ""): 0.5,
    ("written", False, ""): 0.5,
    **{(task, False, "cross"): 0.1 for task in TASKS},
}
"""What a group's answered, unanswerable and made questions weigh together for the confidence."""

SENTENCES = dict.fromkeys(TASKS, 1.0) | {"written": 0.5}
"""What a group's sentences weigh together for the sentence model."""

ANSWERABLE = 4.0
"""What all answered questions weigh against all others: people ask what they expect to find, and in
the question sets four in five are answerable."""


@dataclass
class Example:
    """One question with what was found for it."""

    task: str
    question: dict[str, Any]
    made: str
    evidence: Evidence
    odds: np.ndarray = field(default_factory=lambda: np.zeros(0))
    confidence: float = 0.0

    @property
    def group(self) -> str:
        """Its task, or `written`."""
        return self.task if self.task in TASKS else "written"

    @property
    def answerable(self) -> bool:
        """Whether the hits can hold the answer."""
        return bool(self.question["answerable"]) and not self.made

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The sentences to choose from."""
        return candidates(self.evidence.hits)

    @cached_property
    def features(self) -> np.ndarray:
        """Of the sentence model."""
        return sentence_features(self.evidence, self.candidates)

    @cached_property
    def labels(self) -> np.ndarray:
        """1 for each candidate that shares half of itself, or of a gold span, with gold text."""
        hits, gold = self.evidence.hits, self.question["gold"]
        return np.array([shares(gold, hits[c.hit], c.sentence) for c in self.candidates])

    def log_odds(self, sentence: quote.Model) -> np.ndarray:
        """Of each candidate, by a sentence model."""
        odds = sentence.log_odds(self.features)
        return quote.handed_on(self.evidence.hits, self.candidates, odds)

    def part(self, parts: int, name: str = "") -> int:
        """Questions about one document stay together; the few long files are split by question.

        Those of a written set stay together, too.
        """
        if self.group == "written":
            return zlib.crc32((name + self.task).encode()) % parts
        gold = self.question["gold"]
        key = gold[0]["source"] if gold and self.task != "excerpts" else str(self.question["id"])
        return zlib.crc32((name + key).encode()) % parts

    @property
    def aside(self) -> bool:
        """Whether it is kept for the end."""
        return self.part(5, "aside ") == 0


def shares(gold: Sequence[dict[str, Any]], hit: Hit, sentence: int) -> bool:
    """Whether a sentence and a gold span (or a copy of it) overlap by half of the shorter one."""
    start, end = hit.passage.sentences[sentence]
    for span in gold:
        if span["source"] != hit.document.source:
            continue
        length = span["end"] - span["start"]
        for begin in (span["start"], *span.get("copies", ())):
            common = min(end, begin + length) - max(start, begin)
            if common * 2 >= min(length, end - start):
                return True
    return False


def folder(bench: Path, task: str) -> Path:
    """Where a task, or a set of `WRITTEN_SETS`, has its documents and questions."""
    return (bench if task in TASKS else WRITTEN_SETS) / task


def questions(bench: Path, task: str) -> list[dict[str, Any]]:
    """The questions of a task or a set."""
    lines = (folder(bench, task) / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class _Saved(pickle.Pickler):
    """Leaves the documents out: they are in the index."""

    def persistent_id(self, thing: object) -> str | None:
        return thing.source if isinstance(thing, Document) else None


class _Restored(pickle.Unpickler):
    """Reads what this script saved."""

    assistant: Assistant

    def find_class(self, module: str, name: str) -> Any:
        # Saved by this script itself, or by another that imports it.
        return Example if name == "Example" else super().find_class(module, name)

    def persistent_load(self, source: str) -> Document:
        return self.assistant.document(source)


def collect(bench: Path, task: str, work: Path) -> list[Example]:
    """The questions of a task with their evidence, from `work` where they are there already."""
    index = work / task if task in TASKS else work / "written" / task
    # What another reranker made of it is of no use.
    digest = sha256_of(ROOT / "src" / "askseeds" / RERANKER_WEIGHTS)[:8]
    kept = index.with_suffix(f".{digest}.pickle")
    examples: list[Example] = []
    seeds = folder(bench, task) / "corpus"
    with Assistant.open(Settings(seeds=seeds, index=index)) as assistant:
        if kept.exists():
            with kept.open("rb") as file:
                restored = _Restored(file)
                restored.assistant = assistant
                examples = restored.load()
        done = {(e.question["id"], e.made) for e in examples}
        # In a fixed random order, so that an unfinished run holds a fair sample.
        asked = random.Random(1).sample(questions(bench, task), len(questions(bench, task)))
        todo = [(q, "") for q in asked]
        for other in TASKS if task in TASKS else ():
            if other != task:
                todo += [
                    (q, "cross") for q in random.Random(2).sample(questions(bench, other), CROSS)
                ]
        new = 0
        for number, (question, made) in enumerate(todo, start=1):
            if (question["id"], made) not in done:
                examples += found(assistant, task, question, made)
                new += 1
            if new and (new % 50 == 0 or number == len(todo)):
                with kept.with_suffix(".part").open("wb") as file:
                    _Saved(file).dump(examples)
                kept.with_suffix(".part").replace(kept)
                print(f"{task} {number}/{len(todo)}", file=sys.stderr, flush=True)
    return examples


def found(assistant: Assistant, task: str, question: dict[str, Any], made: str) -> list[Example]:
    """A question's example, and the one made from it by cutting the answer out."""
    text = assistant.finder.respelled(question["question"])
    finder = assistant.finder
    hits, readings = finder.read(text, finder.retrieve(text))
    examples = [Example(task, question, made, finder.evidence(text, hits, readings))]
    if question["answerable"] and not made and task in TASKS:
        gold = question["gold"]
        rest = [
            n
            for n, hit in enumerate(hits)
            if not any(shares(gold, hit, s) for s in range(len(hit.passage.sentences)))
        ]
        if rest:
            cut = finder.evidence(text, [hits[n] for n in rest], [readings[n] for n in rest])
            examples.append(Example(task, question, "cut", cut))
    return [e for e in examples if e.candidates]


def regression(
    names: tuple[str, ...], x: np.ndarray, y: np.ndarray, weight: np.ndarray, strength: float
) -> quote.Model:
    """A weighted logistic regression over standardised features."""
    mean = np.average(x, axis=0, weights=weight)
    scale = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight)) + 1e-6
    standard = np.clip((x - mean) / scale, -4, 4)
    fitted = LogisticRegression(C=strength, max_iter=2000).fit(standard, y, sample_weight=weight)
    return quote.Model(names, mean, scale, fitted.coef_[0], float(fitted.intercept_[0]))


def sentence_model(examples: Sequence[Example]) -> quote.Model:
    """Fitted on the answered questions, with the weights of `SENTENCES`."""
    examples = [e for e in examples if e.answerable]
    total = {g: sum(len(e.candidates) for e in examples if e.group == g) for g in SENTENCES}
    weight = [
        np.full(len(e.candidates), 3000 * SENTENCES[e.group] / total[e.group]) for e in examples
    ]
    return regression(
        SENTENCE_FEATURES,
        np.vstack([e.features for e in examples]),
        np.concatenate([e.labels for e in examples]),
        np.concatenate(weight),
        SENTENCE_STRENGTH,
    )


def confidence_rows(examples: Sequence[Example]) -> np.ndarray:
    """The features of the confidence model; needs the sentence model's odds."""
    return np.array([confidence_features(e.evidence, e.candidates, e.odds) for e in examples])


def confidence_model(examples: Sequence[Example]) -> quote.Model:
    """Fitted with the weights of `MASS`, and of `ANSWERABLE`."""

    def group(e: Example) -> tuple[str, bool, str]:
        return e.group, e.answerable, e.made

    examples = [e for e in examples if group(e) in MASS]
    sizes: dict[tuple[str, bool, str], int] = {}
    for e in examples:
        sizes[group(e)] = sizes.get(group(e), 0) + 1
    weight = np.array([100 * MASS[group(e)] / sizes[group(e)] for e in examples])
    y = np.array([e.answerable for e in examples])
    weight[y] *= ANSWERABLE * weight[~y].sum() / weight[y].sum()
    x = confidence_rows(examples)
    return regression(CONFIDENCE_FEATURES, x, y, weight, CONFIDENCE_STRENGTH)


def fit(examples: Sequence[Example]) -> tuple[quote.Model, quote.Model]:
    """Both models; the second learns from odds that the first gave to questions it had not seen."""
    for part in range(4):
        first = sentence_model([e for e in examples if e.part(4) != part])
        for e in examples:
            if e.part(4) == part:
                e.odds = e.log_odds(first)
    return sentence_model(examples), confidence_model(examples)


def judge(examples: Sequence[Example], sentence: quote.Model, confidence: quote.Model) -> None:
    """Sets odds and confidence by models that were fitted on other examples."""
    for e in examples:
        e.odds = e.log_odds(sentence)
    for e, odds in zip(examples, confidence.log_odds(confidence_rows(examples)), strict=True):
        e.confidence = float(1 / (1 + np.exp(-odds)))


def held_out(examples: Sequence[Example], key: Callable[[Example], Any]) -> list[Example]:
    """Every example judged by models that were fitted on those with another key."""
    judged: list[Example] = []
    for part in sorted({key(e) for e in examples}):
        models = fit([e for e in examples if key(e) != part])
        # Copies: the next fit sets the odds of its own examples anew.
        copies = [replace(e) for e in examples if key(e) == part]
        judge(copies, *models)
        judged += copies
    return judged


def written(sentence: quote.Model, confidence: quote.Model) -> str:
    """The weights as they are written down, one feature a line."""

    def lines(model: quote.Model) -> str:
        columns = zip(model.names, model.mean, model.scale, model.weight, strict=True)
        rows = [
            f'   "{name}": {{"mean": {m:.4f}, "scale": {s:.4f}, "weight": {w:.4f}}}'
            for name, m, s, w in columns
        ]
        return (
            f'{{\n  "bias": {model.bias:.4f},\n  "features": {{\n' + ",\n".join(rows) + "\n  }\n }"
        )

    return (
        f'{{\n "provenance": {json.dumps(PROVENANCE)},\n'
        f' "sentence": {lines(sentence)},\n "confidence": {lines(confidence)}\n}}\n'
    )


def main() -> None:
    """Reads the arguments and does what they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("--work", type=Path, help="keeps indexes and evidence between runs")
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="train-quote-"))
    work.mkdir(parents=True, exist_ok=True)
    examples = [e for task in (*TASKS, *WRITTEN) for e in collect(arguments.bench, task, work)]
    WEIGHTS.write_text(written(*fit(examples)), encoding="utf-8")
    print(f"wrote {WEIGHTS.name} from {len(examples)} examples")


if __name__ == "__main__":
    main()
