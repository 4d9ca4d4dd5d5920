#!/usr/bin/env python3
"""Fits the two models of `askseeds.quote` on the shared question sets and writes their weights.

    train_quote.py BENCH_DIR [--work DIR] [--check]

BENCH_DIR holds the folders `sentences`, `excerpts` and `xquad`. Every question goes the product's
own way up to the cross-encoder's scores; what it found is kept in DIR, so that only the first run
is slow. `--check` prints figures on held-out documents instead of writing the weights.

Questions without an answer are few, so more are made: the passages that hold the answer are taken
away from an answered question. They weigh little, for some other passage may still answer.
"""

import argparse
import json
import pickle
import sys
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from askseeds import quote
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.models import Reranker
from askseeds.types import Hit

TASKS = ("sentences", "excerpts", "xquad")
WEIGHTS = Path(__file__).parents[1] / "src" / "askseeds" / "quote_weights.json"
PROVENANCE = (
    "Logistic regressions over standardised features, fitted by scripts/train_quote.py on public "
    "question sets: CLAPNQ dev (Apache-2.0), Chroma's chunking evaluation (MIT), XQuAD English "
    "(CC BY-SA 4.0). Scores are those of ms-marco-MiniLM-L-12-v2 (int8) and all-MiniLM-L6-v2."
)
CANDIDATES = 16
FOLDS = 5
SENTENCE_STRENGTH = 0.03
CONFIDENCE_STRENGTH = 0.3
MADE_WEIGHT = 0.1


@dataclass
class Example:
    """One question with what was found for it."""

    task: str
    question: dict[str, Any]
    answerable: bool
    made: bool
    hits: list[Hit]
    candidates: tuple[quote.Candidate, ...]
    scores: np.ndarray
    odds: np.ndarray = field(default_factory=lambda: np.zeros(0))
    confidence: float = 0.0

    @cached_property
    def features(self) -> np.ndarray:
        """Of the sentence model."""
        return quote.sentence_features(
            self.question["question"], self.hits, self.candidates, self.scores
        )

    @cached_property
    def labels(self) -> np.ndarray:
        """1 for each candidate that shares half of itself, or of a gold span, with gold text."""
        return np.array(
            [shares(self.question["gold"], self.hits[c.hit], c.sentence) for c in self.candidates]
        )

    @property
    def fold(self) -> int:
        """Questions about one document stay together; the few long files are split by question."""
        gold = self.question["gold"]
        key = gold[0]["source"] if gold and self.task != "excerpts" else str(self.question["id"])
        return zlib.crc32(key.encode()) % FOLDS


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


def collect(bench: Path, task: str, work: Path) -> list[Example]:
    """The questions of a task with hits and scores, from `work` where they are there already."""
    kept = work / f"{task}.pickle"
    if kept.exists():
        with kept.open("rb") as file:
            found: list[Example] = pickle.load(file)  # written by this script, below
        return found
    reranker = Reranker.load()
    settings = Settings(seeds=bench / task / "corpus", index=work / task)
    examples: list[Example] = []

    def add(question: dict[str, Any], hits: Sequence[Hit], *, answerable: bool, made: bool) -> None:
        best = list(hits[: quote.PASSAGES])
        candidates = quote.candidates(question["question"], best)
        if candidates:
            scores = reranker.score(question["question"], [c.text for c in candidates])
            examples.append(Example(task, question, answerable, made, best, candidates, scores))

    with Assistant.open(settings) as assistant:
        lines = (bench / task / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        for number, question in enumerate(map(json.loads, lines), start=1):
            hits = assistant.search(question["question"], limit=CANDIDATES)
            add(question, hits, answerable=question["answerable"], made=False)
            if question["answerable"]:
                gold = question["gold"]
                rest = [
                    hit
                    for hit in hits
                    if not any(shares(gold, hit, n) for n in range(len(hit.passage.sentences)))
                    and (task == "excerpts" or hit.document.source != gold[0]["source"])
                ]
                add(question, rest, answerable=False, made=True)
            print(f"\r{task} {number}/{len(lines)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    with kept.open("wb") as file:
        pickle.dump(examples, file)
    return examples


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
    """Fitted on the answered questions; every task weighs the same."""
    examples = [e for e in examples if e.answerable]
    total = {t: sum(len(e.candidates) for e in examples if e.task == t) for t in TASKS}
    weight = [np.full(len(e.candidates), 3000 / total[e.task]) for e in examples]
    return regression(
        quote.SENTENCE_FEATURES,
        np.vstack([e.features for e in examples]),
        np.concatenate([e.labels for e in examples]),
        np.concatenate(weight),
        SENTENCE_STRENGTH,
    )


def evidence(examples: Sequence[Example]) -> np.ndarray:
    """The features of the confidence model; needs the sentence model's odds."""
    return np.array(
        [
            quote.confidence_features(
                e.question["question"], e.hits, e.candidates, e.scores, e.odds
            )
            for e in examples
        ]
    )


def confidence_model(examples: Sequence[Example]) -> quote.Model:
    """Fitted with as much weight on answered as on unanswered questions of a task."""

    def group(e: Example) -> tuple[str, bool, bool]:
        return e.task, e.answerable, e.made

    sizes: dict[tuple[str, bool, bool], int] = {}
    for e in examples:
        sizes[group(e)] = sizes.get(group(e), 0) + 1
    mass = {"sentences": 140.0, "xquad": 100.0, "excerpts": 100 * MADE_WEIGHT}
    weight = [(100 * MADE_WEIGHT if e.made else mass[e.task]) / sizes[group(e)] for e in examples]
    y = np.array([e.answerable for e in examples])
    x = evidence(examples)
    return regression(quote.CONFIDENCE_FEATURES, x, y, np.array(weight), CONFIDENCE_STRENGTH)


def fit(examples: Sequence[Example]) -> tuple[quote.Model, quote.Model]:
    """Both models; the second learns from odds that the first gave to questions it had not seen."""
    for part in range(4):
        first = sentence_model([e for e in examples if part_of(e) != part])
        for e in examples:
            if part_of(e) == part:
                e.odds = first.log_odds(e.features)
    return sentence_model(examples), confidence_model(examples)


def part_of(example: Example) -> int:
    """One of four parts, the same for a question and what was made from it."""
    return zlib.crc32(b"part" + str(example.question["id"]).encode()) % 4


def judge(examples: Sequence[Example], sentence: quote.Model, confidence: quote.Model) -> None:
    """Sets odds and confidence by models that were fitted on other examples."""
    for e in examples:
        e.odds = sentence.log_odds(e.features)
    for e, odds in zip(examples, confidence.log_odds(evidence(examples)), strict=True):
        e.confidence = float(1 / (1 + np.exp(-odds)))


def report(examples: Sequence[Example], bench: Path, name: str) -> None:
    """Prints the benchmark's own figures for the examples as they were judged."""
    sys.path.insert(0, str(bench))
    import score as benchmark  # type: ignore[import-not-found]

    for task in TASKS:
        here = [e for e in examples if e.task == task and not e.made]
        answers = []
        for e in here:
            likely = 1 / (1 + np.exp(-e.odds))
            quotes = [
                {"source": q.source, "start": q.start, "end": q.end, "text": q.text}
                for q in quote.best_set(e.hits, e.candidates, likely, max_quotes=3)
            ]
            answered = e.confidence >= 0.5
            answers.append(
                {
                    "id": e.question["id"],
                    "status": "answered" if answered else "not_found",
                    "confidence": e.confidence,
                    "quotes": quotes if answered else [],
                    "nearest": quotes,
                }
            )
        figures = benchmark.score(bench / task, [e.question for e in here], answers)
        given = np.array([e.confidence for e in here])
        right = np.array([e.answerable for e in here])
        bins = np.minimum((given * 10).astype(int), 9)
        figures["calibration_error"] = sum(
            (bins == b).mean() * abs(given[bins == b].mean() - right[bins == b].mean())
            for b in np.unique(bins)
        )
        print(name, task, {k: round(v, 3) for k, v in figures.items() if v is not None})


def check(examples: Sequence[Example], bench: Path) -> None:
    """Figures on documents, and then on whole tasks, that the models were not fitted on."""
    for name, held in (("folds", lambda e: e.fold), ("left out", lambda e: e.task)):
        judged: list[Example] = []
        for part in sorted({held(e) for e in examples}):
            models = fit([e for e in examples if held(e) != part])
            # Copies: the next fit sets the odds of its own examples anew.
            copies = [replace(e) for e in examples if held(e) == part]
            judge(copies, *models)
            judged += copies
        report(judged, bench, name)


def plain(model: quote.Model) -> dict[str, Any]:
    """A model as it is written down."""
    columns = zip(model.names, model.mean, model.scale, model.weight, strict=True)
    return {
        "bias": round(model.bias, 4),
        "features": {
            name: {"mean": round(m, 4), "scale": round(s, 4), "weight": round(w, 4)}
            for name, m, s, w in ((n, *map(float, rest)) for n, *rest in columns)
        },
    }


def main() -> None:
    """Reads the arguments and does what they say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("--work", type=Path, help="keeps indexes and scores between runs")
    parser.add_argument(
        "--check", action="store_true", help="print held-out figures, write nothing"
    )
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="train-quote-"))
    work.mkdir(parents=True, exist_ok=True)
    examples = [e for task in TASKS for e in collect(arguments.bench, task, work)]
    if arguments.check:
        check(examples, arguments.bench)
        return
    sentence, confidence = fit(examples)
    text = json.dumps(
        {"provenance": PROVENANCE, "sentence": plain(sentence), "confidence": plain(confidence)},
        indent=1,
    )
    # One feature a line.
    for inner in ("mean", "scale", "weight"):
        text = text.replace(f'\n    "{inner}"', f' "{inner}"')
    text = text.replace('{ "mean"', '{"mean"').replace("\n   }", "}")
    WEIGHTS.write_text(text + "\n", encoding="utf-8")
    print(f"wrote {WEIGHTS.name} from {len(examples)} examples")


if __name__ == "__main__":
    main()
