#!/usr/bin/env python3
"""Prints the figures of docs/quality.md that `score.py` cannot give, in Markdown.

    bench_quality.py [--data DIR] [--work DIR] [--plot FILE] [--only SECTION …]

DIR holds the folders `sentences`, `excerpts` and `xquad`. Evidence of every question is kept in the
work folder, so that only the first run is slow (ten minutes on two idle cores). `--plot` writes the
reliability diagram as SVG.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import yaml

import bench_asked
import bench_tried
import train_quote as train
from askseeds import quote
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.evaluate.charts import wilson
from askseeds.evaluate.plots import Plot, share_axis
from askseeds.evidence import CONFIDENCE_FEATURES, SENTENCE_FEATURES
from askseeds.finder import CANDIDATES, EARLY
from askseeds.followup import standalone
from askseeds.retrieve import fuse
from askseeds.types import Answer, Hit, Turn
from bench_process import say
from bench_tables import GOALS, ROOT, TASKS, markdown
from train_quote import Example

LEAST = Settings().min_confidence
QA = ROOT / "tests" / "qa"
BINS = 10
FIRST_QUOTES = 240
PROFILED = 40

# What an ablation takes away, by the beginnings of feature names.
PARTS = {
    "nothing": (),
    "attention and surroundings": ("sum_", "most_", "question_", "back_", "near"),
    "what answers": (
        *("answers", "near_answers", "passage_answers"),
        *("likely_answers", "likely_near_answers", "surroundings_answer"),
    ),
    "surroundings": ("near",),
    "kind of question": ("asks_", "number_for"),
    "cosine": ("cosine",),
    "shared words": ("words",),
    "same document": ("same_document", "document_share"),
    "position, length, heading": ("first", "position", "length", "passage_s", "heading", "points"),
}
STYLE = """<style>text{font:10px sans-serif;fill:#555}.grid{stroke:#ddd}.axis{stroke:#888}
.main{fill:#1f7a5c}.whisker{fill:none;stroke:#1f7a5c;opacity:.6}
.ideal{fill:none;stroke:#888;stroke-dasharray:4 4}</style>"""


def measured(examples: Sequence[Example], bench: Path, task: str) -> dict[str, float]:
    """`score.py`'s figures of one task, for examples as they were judged."""
    sys.path.insert(0, str(bench))
    import score as benchmark  # type: ignore[import-not-found]

    here = [e for e in examples if e.task == task and not e.made]
    answers = []
    for e in here:
        likely = 1 / (1 + np.exp(-e.odds))
        quotes = [
            {"source": q.source, "start": q.start, "end": q.end, "text": q.text}
            for q in quote.best_set(e.evidence.hits, e.candidates, likely, max_quotes=3)
        ]
        answered = e.confidence >= LEAST
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
    return {name: value for name, value in figures.items() if value is not None}


def by_fold(example: Example) -> int:
    """Which of the folds a question is in; its document's other questions are in it, too."""
    return example.part(train.FOLDS, "fold ")


def by_task(example: Example) -> str:
    """Which task a question is of; all written sets together are one."""
    return example.group


def honest(examples: Sequence[Example], bench: Path) -> str:
    """The goals' figures for questions that the models were not fitted on."""
    rest, aside = apart(examples)
    train.judge(aside, *train.fit(rest))
    judged = [train.held_out(rest, by_fold), train.held_out(rest, by_task), aside]
    rows = []
    for task in TASKS:
        columns = [measured(some, bench, task) for some in judged]
        for figure, goal in GOALS[task].items():
            values = [f"{column[figure]:.3f}" for column in columns]
            rows.append([task, figure, *values, f"{goal:g}"])
        count = str(sum(e.task == task and not e.made for e in aside))
        rows.append([task, "questions set aside", "", "", count, ""])
    return markdown(["task", "figure", "folds", "task left out", "fifth set aside", "goal"], rows)


def apart(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Four fifths to fit and compare on, and the fifth that is set aside."""
    return [e for e in examples if not e.aside], [e for e in examples if e.aside]


@contextmanager
def without(prefixes: Sequence[str]) -> Iterator[None]:
    """Takes features away from both models: a column that never changes carries nothing."""
    sentence = [not name.startswith(tuple(prefixes)) for name in SENTENCE_FEATURES]
    confidence = [not name.startswith(tuple(prefixes)) for name in CONFIDENCE_FEATURES]
    features, rows = Example.features, train.confidence_rows
    try:
        Example.features = property(lambda e: features.__get__(e) * sentence)  # type: ignore
        train.confidence_rows = lambda some: rows(some) * confidence
        yield
    finally:
        Example.features, train.confidence_rows = features, rows  # type: ignore


def ablation(examples: Sequence[Example], bench: Path) -> str:
    """Each part off in turn, in folds, both models fitted anew."""
    rest, _ = apart(examples)
    rows = []
    for part, prefixes in PARTS.items():
        say(f"without {part}")
        with without(prefixes):
            rows.append([part, *in_folds(rest, bench)])
    return markdown(["off", *IN_FOLDS], rows)


def tried(examples: Sequence[Example], bench: Path, work: Path) -> str:
    """Evidence that is not used, one kind at a time beside all that is."""
    rest, _ = apart(examples)
    rows = bench_tried.compared(rest, work, lambda: in_folds(rest, bench))
    return markdown(["beside all others", *IN_FOLDS], rows)


IN_FOLDS = (
    "sentences F1",
    "AUROC",
    "excerpts F1",
    "hit at 1 / 3",
    "xquad hit at 1 / 3",
    "AUROC",
)


def in_folds(examples: Sequence[Example], bench: Path) -> list[str]:
    """The columns of `IN_FOLDS`, judged in folds."""
    judged = train.held_out(examples, by_fold)
    f = {task: measured(judged, bench, task) for task in TASKS}
    hits = [
        " / ".join(f"{f[task][f'selection_hit_at_{k}']:.3f}" for k in (1, 3))
        for task in ("excerpts", "xquad")
    ]
    return [
        f"{f['sentences']['selection_char_f1']:.3f}",
        f"{f['sentences']['confidence_auroc']:.3f}",
        f"{f['excerpts']['selection_char_f1']:.3f}",
        *hits,
        f"{f['xquad']['confidence_auroc']:.3f}",
    ]


def worth(examples: Sequence[Example], bench: Path) -> str:
    """How much to quote: what it does to value the answer being there at all, in folds."""
    judged = train.held_out(apart(examples)[0], by_fold)
    shipped, rows = quote.HIT_WORTH, []
    try:
        for quote.HIT_WORTH in (0.0, 0.2, 0.3, 0.42, 0.5, 0.8):
            f = {task: measured(judged, bench, task) for task in TASKS}
            row = [f"{quote.HIT_WORTH:g}"]
            for task in TASKS:
                row += [f"{f[task]['selection_char_f1']:.3f}"] if task != "xquad" else []
                row.append(" / ".join(f"{f[task][f'selection_hit_at_{k}']:.3f}" for k in (1, 3)))
            rows.append(row)
    finally:
        quote.HIT_WORTH = shipped
    head = ["worth of a hit", "sentences F1", "hit at 1 / 3", "excerpts F1", "hit at 1 / 3"]
    return markdown([*head, "xquad hit at 1 / 3"], rows)


def weighing(examples: Sequence[Example], bench: Path) -> str:
    """What the weight of the answerable questions does to refusal and calibration."""
    rest, _ = apart(examples)
    shipped, rows = train.ANSWERABLE, []
    try:
        for weight in (1.0, 2.0, 3.0, 4.0):
            train.ANSWERABLE = weight
            judged = train.held_out(rest, by_fold)
            row = [f"{weight:g}"]
            for task in ("sentences", "xquad"):
                for least in (0.5, LEAST):
                    yes, no = (
                        np.array(
                            [
                                e.confidence >= least
                                for e in judged
                                if e.task == task and not e.made and e.answerable == answerable
                            ]
                        )
                        for answerable in (True, False)
                    )
                    row.append(f"{yes.mean():.2f} / {1 - no.mean():.2f}")
            error, _ = calibration([e for e in judged if not e.made])
            rows.append([*row, f"{error:.3f}"])
    finally:
        train.ANSWERABLE = shipped
    head = ["weight"]
    for task in ("sentences", "xquad"):
        head += [f"{task}, answered / refused at {least:g}" for least in (0.5, LEAST)]
    return markdown([*head, "calibration error"], rows)


def calibration(examples: Sequence[Example]) -> tuple[float, list[tuple[float, float, int]]]:
    """The expected calibration error, and each tenth's mean confidence, share and number."""
    given = np.array([e.confidence for e in examples])
    right = np.array([e.answerable for e in examples])
    bins = np.minimum((given * BINS).astype(int), BINS - 1)
    tenths = [
        (float(given[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    ]
    error = sum(number * abs(x - share) for x, share, number in tenths) / len(examples)
    return error, tenths


def reliability(examples: Sequence[Example], plot: Path | None) -> str:
    """How often a confidence is right, for questions that it was not fitted on."""
    rest, aside = apart(examples)
    train.judge(aside, *train.fit(rest))
    lines = []
    for name, some in (("folds", train.held_out(rest, by_fold)), ("fifth set aside", aside)):
        plain = [e for e in some if not e.made]
        error, tenths = calibration(plain)
        shown = ", ".join(f"{x:.2f}→{share:.2f} ({number})" for x, share, number in tenths)
        lines.append(f"{name}: error {error:.3f} over {len(plain)} questions. {shown}.")
        for task in TASKS:
            error, _ = calibration([e for e in plain if e.task == task])
            lines[-1] += f" {task} {error:.3f}."
        if plot is not None and name == "folds":
            plot.write_text(diagram(tenths), encoding="utf-8")
    return "\n\n".join(lines)


def diagram(tenths: Sequence[tuple[float, float, int]]) -> str:
    """A reliability diagram as SVG."""
    plot = Plot(share_axis("confidence"), share_axis("share answerable"), title="Reliability")
    plot.line([(0, 0), (1, 1)], "ideal")
    for x, share, number in tenths:
        low, high = wilson(share, number)
        plot.line([(x, low), (x, high)], "whisker")
        plot.dot(x, share, "main", f"{x:.2f}: {share:.0%} of {number}", radius=2 + number**0.5 / 4)
    picture = plot.svg().replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return picture.replace(">", ">" + STYLE, 1) + "\n"


def fusion(bench: Path, work: Path) -> str:
    """For how many questions one of the first CANDIDATES answers, before they are read."""

    def ranks(rankings: dict[str, Any]) -> list[int]:
        fused: dict[int, float] = {}
        for ranking in rankings.values():
            for rank, (id_, _) in enumerate(ranking, start=1):
                fused[id_] = fused.get(id_, 0.0) + 1 / (60 + rank)
        return sorted(fused, key=lambda id_: -fused[id_])

    def scores(rankings: dict[str, Any]) -> list[int]:
        return [id_ for id_, _ in fuse(rankings, weights={"vectors": 0.5, "words": 0.5})]

    ways: dict[str, Callable[[dict[str, Any]], list[int]]] = {
        "vectors alone": lambda found: [id_ for id_, _ in found["vectors"]],
        "words alone": lambda found: [id_ for id_, _ in found["words"]],
        "reciprocal ranks (k = 60)": ranks,
        "scores, stretched and averaged": scores,
    }
    shares: dict[str, list[str]] = {name: [] for name in ways}
    for task in TASKS:
        hits: dict[str, list[bool]] = {name: [] for name in ways}
        with opened(bench, task, work) as assistant:
            engines = assistant.finder.engines._turned()
            for question in train.questions(bench, task):
                if not question["answerable"]:
                    continue
                text = question["question"]
                vector = assistant.finder.encoder.encode_query(text)
                found = {
                    "vectors": engines.vectors.search(vector, 40, within=None),
                    "words": engines.words.search(text, 40, within=None),
                }
                for name, way in ways.items():
                    first = way(found)[:CANDIDATES]
                    known = engines.ledger.passages(first)
                    hits[name].append(
                        any(answers(question["gold"], *known[id_]) for id_ in first if id_ in known)
                    )
        for name, some in hits.items():
            shares[name].append(f"{np.mean(some):.3f}")
    return markdown(["fusion", *TASKS], [[name, *row] for name, row in shares.items()])


def answers(gold: Sequence[dict[str, Any]], passage: Any, document: Any) -> bool:
    """Whether a passage holds a sentence of the gold text."""
    hit = Hit(passage, document, 1, 0.0)
    return any(train.shares(gold, hit, number) for number in range(len(passage.sentences)))


def opened(bench: Path, task: str, work: Path) -> Assistant:
    """The assistant over a task's documents."""
    return Assistant.open(Settings(seeds=bench / task / "corpus", index=work / task))


def hand_written(work: Path) -> str:
    """The pairs of tests/qa, never fitted to."""
    rows = []
    pairs = yaml.safe_load((QA / "seed.yaml").read_text(encoding="utf-8"))
    asked = [(p["question"], p["status"] == "answered", p.get("quotes", [])) for p in pairs]
    rows.append(["the article in seeds/", *counted(ROOT / "seeds", work / "seed", asked)])
    lines = (QA / "extra.jsonl").read_text(encoding="utf-8").splitlines()
    extra = [json.loads(line) for line in lines]
    asked = [
        (q["question"], q["answerable"], [q["fragment"]] if q["answerable"] else []) for q in extra
    ]
    rows.append(["twelve other texts", *counted(QA / "texts", work / "texts", asked)])
    return markdown(["pairs", "answer in the quotes", "answered", "others refused"], rows)


def counted(
    seeds: Path, index: Path, asked: Sequence[tuple[str, bool, Sequence[str]]]
) -> list[str]:
    """How many answerable questions find their fragments, are answered, and others are refused."""
    found = answered = refused = 0
    with Assistant.open(Settings(seeds=seeds, index=index)) as assistant:
        for question, answerable, fragments in asked:
            answer = assistant.ask(question)
            text = "\n".join(q.text for q in (*answer.quotes, *answer.nearest))
            found += answerable and all(fragment in text for fragment in fragments)
            answered += answerable and answer.status == "answered"
            refused += not answerable and answer.status == "not_found"
    yes = sum(answerable for _, answerable, _ in asked)
    return [f"{found} of {yes}", f"{answered} of {yes}", f"{refused} of {len(asked) - yes}"]


def dialogues(work: Path) -> str:
    """Follow-ups: in the first k passages that were read, is there one that answers?"""
    ways: dict[str, Callable[[dict[str, Any], list[str]], str]] = {
        "last turn alone": lambda turn, _: turn["question"],
        "last two turns joined": lambda turn, past: f"{past[-1]} {turn['question']}",
        "askseeds": lambda turn, past: standalone(turn["question"], [Turn(q) for q in past]),
        "rewritten by hand": lambda turn, _: turn["standalone"],
    }
    ranks: dict[str, list[int]] = {name: [] for name in ways}
    kept = changed = 0
    talks = yaml.safe_load((QA / "dialogues.yaml").read_text(encoding="utf-8"))
    with Assistant.open(Settings(seeds=QA / "texts", index=work / "texts")) as assistant:
        for talk in talks:
            past: list[str] = []
            for turn in talk["turns"]:
                if past and turn["question"] == turn["standalone"]:
                    same = standalone(turn["question"], [Turn(q) for q in past]) == turn["question"]
                    kept, changed = kept + same, changed + (not same)
                elif past and turn["status"] == "answered":
                    for name, way in ways.items():
                        hits = assistant.search(way(turn, past), limit=CANDIDATES)
                        right = (h.rank for h in hits if any(q in h.text for q in turn["quotes"]))
                        ranks[name].append(next(right, CANDIDATES + 1))
                past.append(turn["question"])
    rows = [
        [name, *(f"{100 * np.mean([rank <= k for rank in some]):.1f} %" for k in (1, 3, 5))]
        for name, some in ranks.items()
    ]
    turns = len(ranks["askseeds"])
    return (
        f"{turns} follow-ups that the texts answer; of {kept + changed} later turns that stand "
        f"alone, {changed} were changed.\n\n" + markdown(["asked with", "1", "3", "5"], rows)
    )


def profile(bench: Path, work: Path) -> str:
    """Where the time of a warm question goes."""
    stages: dict[str, list[float]] = {}
    some = train.questions(bench, "excerpts")[: PROFILED + 5]
    with opened(bench, "excerpts", work) as assistant:
        for number, question in enumerate(some):
            timings = assistant.ask(question["question"]).timings_ms
            if number >= 5:
                for stage, took in timings.items():
                    stages.setdefault(stage, []).append(took)
    return markdown(["stage", "ms"], [[name, f"{median(ms):.1f}"] for name, ms in stages.items()])


def first_quotes(bench: Path, work: Path) -> str:
    """How often a quote is sure before all is read, what becomes of it, and how soon it is told."""
    rows = []
    for task in TASKS:
        answered = early = kept = refused = 0
        waits: list[float] = []
        totals: list[float] = []
        some = train.questions(bench, task)[:FIRST_QUOTES]
        with opened(bench, task, work) as assistant:
            for question in some:
                *events, answer = assistant.stream(question["question"])
                assert isinstance(answer, Answer)
                answered += answer.status == "answered"
                told = next((event for event in events if isinstance(event, Answer)), None)
                # What only a question of several parts tells was there when all was read.
                if told is None or len(told.hits) > EARLY:
                    continue
                early += 1
                refused += answer.status == "not_found"
                kept += quote.shared(told.quotes[0], answer.quotes) is not None
                waits.append(told.timings_ms["total"])
                totals.append(answer.timings_ms["total"])
        counts = (len(some), answered, early, kept, refused)
        times = (f"{median(waits):.0f} ms", f"{median(totals):.0f} ms")
        rows.append([task, *map(str, counts), *times])
    head = ["task", "questions", "answered", "told early", "kept", "refused", "first", "whole"]
    return markdown(head, rows)


def sections(bench: Path, work: Path, plot: Path | None) -> dict[str, Callable[[], str]]:
    """Every part of the report by its title; evidence is collected when it is first needed."""
    examples: list[Example] = []

    def known() -> list[Example]:
        if not examples:
            fitted = (*TASKS, *train.WRITTEN)
            examples.extend(e for task in fitted for e in train.collect(bench, task, work))
        return examples

    return {
        "held out": lambda: honest(known(), bench),
        "ablation": lambda: ablation(known(), bench),
        "tried": lambda: tried(known(), bench, work),
        "worth": lambda: worth(known(), bench),
        "weighing": lambda: weighing(known(), bench),
        "reliability": lambda: reliability(known(), plot),
        "fusion": lambda: fusion(bench, work),
        "hand-written": lambda: hand_written(work),
        "dialogues": lambda: dialogues(work),
        "profile": lambda: profile(bench, work),
        "first quotes": lambda: first_quotes(bench, work),
        "slips": lambda: bench_asked.slips(bench, work),
        "read otherwise": lambda: bench_asked.changed(bench, work),
        "words": lambda: bench_asked.words(bench, work),
        "several": lambda: bench_asked.several(bench, work),
        "tables": lambda: bench_asked.tables(work),
        "written": lambda: bench_asked.written(bench, work),
        "sample": lambda: bench_asked.sample(bench, known()),
    }


def report(
    bench: Path, work: Path, *, plot: Path | None = None, only: Sequence[str] = ()
) -> Iterator[str]:
    """The sections, one after the other."""
    work.mkdir(parents=True, exist_ok=True)
    for title, section in sections(bench, work, plot).items():
        if not only or title in only:
            say(title)
            yield f"**{title.capitalize()}**\n\n{section()}"


def main() -> None:
    """Reads the arguments and prints the sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "bench")
    parser.add_argument("--work", type=Path, help="keeps indexes and evidence between runs")
    parser.add_argument("--plot", type=Path, help="write the reliability diagram there, as SVG")
    parser.add_argument("--only", nargs="+", default=(), metavar="SECTION")
    arguments = parser.parse_args()
    work = arguments.work or Path(tempfile.mkdtemp(prefix="bench-quality-"))
    for part in report(arguments.data, work, plot=arguments.plot, only=arguments.only):
        print(part, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
