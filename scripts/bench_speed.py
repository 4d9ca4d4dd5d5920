"""The budgets of the design, each measured beside the LangChain tutorial in the same run."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import bench_chat
from askseeds import documents
from askseeds.sentences import passages
from bench_process import (
    Batch,
    BenchError,
    Cost,
    clean_environment,
    interleaved,
    middle,
    run,
    run_batch,
    say,
)

QUESTION = "Which company has mastered EUV lithography?"
SEED_QUESTIONS = (
    QUESTION,
    "How long is the lead of the US over China?",
    "What could China use its AI for at home?",
    "Which open models come from China?",
    "What did the president talk about on his trip?",
    "How often does the paper speak of export controls?",
)
PASSAGES = 200
SMALL_FILE_CHARS = 300
WORKER = Path(__file__).with_name("bench_worker.py")
ANSWERED, NOT_FOUND = 0, 3


@dataclass(frozen=True)
class Row:
    """One line of the table; `met` is None where there is nothing to meet or to compare."""

    what: str
    baseline: str = "–"
    askseeds: str = "–"
    ratio: str = "–"
    budget: str = "–"
    met: bool | None = None


@dataclass(frozen=True)
class Budget:
    """What a figure is held to; `met` is given askseeds' figure and the baseline's, if any."""

    text: str
    met: Callable[[float, float | None], bool | None]


def at_most(limit: float, text: str) -> Budget:
    """A figure of its own, in the unit of the row."""
    return Budget(text, lambda ours, _: ours <= limit)


def fraction(part: int) -> Budget:
    """At most one `part`th of the baseline's figure."""
    return Budget(
        f"1/{part} of the baseline",
        lambda ours, theirs: None if theirs is None else ours <= theirs / part,
    )


def multiple(times: int) -> Budget:
    """At least so many times the baseline's figure."""
    return Budget(
        f"{times} × the baseline",
        lambda ours, theirs: None if theirs is None else ours >= theirs * times,
    )


NO_BUDGET = Budget("–", lambda ours, theirs: None)


@dataclass(frozen=True)
class Bench:
    """Where everything is, and how thorough to be.

    Attributes:
        seeds: The project's own documents.
        data: The shared benchmark; None where it is absent.
        work: A temporary folder; all that is written goes there.
        runs: Of each measure; medians are shown.
        questions: To ask in the warm measure, at most.
    """

    seeds: Path
    data: Path | None
    work: Path
    runs: int
    questions: int

    def askseeds(self, *arguments: object) -> list[str]:
        """The command as it was installed."""
        installed = Path(sys.executable).with_name("askseeds")
        start = [str(installed)] if installed.exists() else [sys.executable, "-m", "askseeds"]
        return [*start, *map(str, arguments)]

    def baseline(self, *arguments: object) -> list[str]:
        """The tutorial behind the same command line; there must be `data`."""
        assert self.data is not None
        return [sys.executable, str(self.data / "baseline_langchain.py"), *map(str, arguments)]

    def run(self, command: Sequence[str], *, relay: bool = False) -> Cost:
        """Runs it in the temporary folder; "not found" is an answer too."""
        return run(
            command,
            folder=self.work,
            environment=clean_environment(self.work),
            expected=(ANSWERED, NOT_FOUND),
            relay=relay,
        )

    def batch(self, command: Sequence[str], count: int) -> Batch:
        """Runs a batch of questions."""
        environment = clean_environment(self.work)
        return run_batch(command, folder=self.work, environment=environment, count=count)

    def worker(self, *arguments: object) -> Any:
        """Measures inside a process; see bench_worker.py."""
        command = [sys.executable, str(WORKER), *map(str, arguments)]
        relay = arguments[0] == "scale"  # takes long, and says how far it is
        return json.loads(self.run(command, relay=relay).output)


def row(
    what: str, ours: float, theirs: float | None, *, unit: str, budget: Budget = NO_BUDGET
) -> Row:
    """Makes a row of two figures."""
    return Row(
        what,
        "–" if theirs is None else shown(theirs, unit),
        shown(ours, unit),
        "–" if theirs is None else ratio(ours, theirs),
        budget.text,
        budget.met(ours, theirs),
    )


def shown(figure: float, unit: str) -> str:
    """A figure with its unit and two or three digits that mean something."""
    digits = 0 if figure >= 100 else 1 if figure >= 10 else 2
    return f"{figure:,.{digits}f} {unit}"


def ratio(ours: float, theirs: float) -> str:
    """`1/7.2` for less than the baseline, `4.5 ×` for more."""
    if min(ours, theirs) <= 0:
        return "–"
    return f"{ours / theirs:.1f} ×" if ours >= theirs else f"1/{theirs / ours:.1f}"


def start_up(bench: Bench) -> list[Row]:
    """`askseeds --help`, all of the process."""
    command = bench.askseeds("--help")
    bench.run(command)  # the first run compiles Python's bytecode
    costs = interleaved(bench.runs, {"askseeds": lambda _: bench.run(command)}, of="--help")
    ours = median(cost.wall for cost in costs["askseeds"])
    return [row("`askseeds --help`", ours, None, unit="s", budget=at_most(0.25, "0.25 s"))]


def cold_ask(bench: Bench, index: Path) -> list[Row]:
    """One question, from the start of the process to its end; files are in the system's cache."""
    ours = bench.askseeds("ask", "--seeds", bench.seeds, "--index", index, QUESTION)
    commands = {"askseeds": ours}
    if bench.data is not None:
        theirs = bench.work / "seeds-baseline"
        say("cold ask: the baseline indexes the seeds")
        bench.run(bench.baseline("index", "--seeds", bench.seeds, "--index", theirs))
        commands["baseline"] = bench.baseline("ask", QUESTION, "--index", theirs)
    for command in commands.values():
        bench.run(command)
    measures = {
        name: lambda _, command=command: bench.run(command) for name, command in commands.items()
    }
    costs = interleaved(bench.runs, measures, of="cold ask")

    def of(what: str, field: str, unit: str, budget: Budget = NO_BUDGET) -> Row:
        ours = median(getattr(cost, field) for cost in costs["askseeds"])
        return row(what, ours, middle(costs.get("baseline", ()), field), unit=unit, budget=budget)

    return [
        of("one `ask` from a cold start, seeds indexed", "wall", "s", fraction(6)),
        of("the same, processor time (user + system)", "cpu", "s"),
        of("memory of a cold `ask`, peak", "peak_mb", "MB", at_most(350, "350 MB")),
    ]


def embedding(bench: Bench, index: Path) -> list[Row]:
    """Passages a second of both encoders, loaded and warm."""
    file = bench.work / "passages.json"
    count = write_passages(corpus(bench), file, most=PASSAGES)
    measures = {
        "askseeds": lambda _: bench.worker("embed-askseeds", file, index),
        "baseline": lambda _: bench.worker("embed-baseline", file),
    }
    speeds = interleaved(bench.runs, measures, of="embedding")
    ours, theirs = median(speeds["askseeds"]), median(speeds["baseline"])
    what = f"embedding throughput, {count} passages"
    return [row(what, ours, theirs, unit="passages/s", budget=multiple(4))]


def index_excerpts(bench: Bench, *, runs: int) -> list[Row]:
    """From nothing to an index, all in; leaves the last two for the warm questions."""
    folders = {"askseeds": warm_index(bench, "askseeds"), "baseline": warm_index(bench, "baseline")}

    def measure(name: str, turn: int) -> Cost:
        # A fresh folder each time; the last one gets the name that is used later.
        folder = folders[name] if turn == runs - 1 else bench.work / f"index-{name}-{turn}"
        make = bench.askseeds if name == "askseeds" else bench.baseline
        return bench.run(make("index", "--seeds", corpus(bench), "--index", folder))

    measures = {name: lambda turn, name=name: measure(name, turn) for name in folders}
    costs = interleaved(runs, measures, of="index of the excerpts")
    ours, theirs = (median(cost.wall for cost in costs[name]) for name in folders)
    what = "`index` of shared/bench/excerpts, all in"
    return [row(what, ours, theirs, unit="s", budget=fraction(4))]


def warm_ask(bench: Bench, index: Path) -> list[Row]:
    """Questions one after the other in one process, from line to line of its output."""
    questions = write_questions(bench)
    arguments = ("--batch", bench.work / "questions.jsonl", "--json")
    ours = bench.askseeds("ask", "--seeds", corpus(bench), "--index", index, *arguments)
    commands = {"askseeds": ours}
    if bench.data is not None:
        theirs = warm_index(bench, "baseline")
        commands["baseline"] = bench.baseline("ask", "--index", theirs, *arguments)
    measures = {
        name: lambda _, command=command: bench.batch(command, questions)
        for name, command in commands.items()
    }
    batches = interleaved(min(bench.runs, 2), measures, of=f"{questions} warm questions")

    def seconds(name: str) -> float | None:
        gaps = [gap for batch in batches.get(name, ()) for gap in batch.gaps]
        return median(gaps) if gaps else None

    # Like the gaps, without the first question, which warms caches.
    timings = [line["timings_ms"] for batch in batches["askseeds"] for line in batch.lines[1:]]

    def stage(what: str, *names: str, budget: Budget = NO_BUDGET) -> Row:
        ours = median(sum(timing.get(name, 0.0) for name in names) for timing in timings)
        return row(what, ours, None, unit="ms", budget=budget)

    total = seconds("askseeds")
    assert total is not None
    what = f"warm `ask`, p50, index of {passage_count(bench, index):,} passages"
    return [
        row(what, total, seconds("baseline"), unit="s", budget=at_most(0.25, "0.25 s")),
        stage("– steps 2 and 3 of it", "encode", "retrieve", budget=at_most(15, "15 ms")),
        stage("– step 4 of it: passages read", "rerank", "near"),
        stage("– steps 5 and 6 of it: quotes chosen", "quote"),
    ]


def chat(bench: Bench, index: Path) -> list[Row]:
    """The browser chat on the project's seeds, in Chromium."""
    paint, quote = bench_chat.measure(
        bench.askseeds("chat"), seeds=bench.seeds, index=index, work=bench.work, runs=bench.runs
    )
    second = at_most(bench_chat.BUDGET_S, "1 s")
    return [
        row("chat: first useful paint, warm server", paint, None, unit="s", budget=second),
        row("chat: a question's first quote", quote, None, unit="s", budget=second),
    ]


def unchanged(bench: Bench, *, count: int) -> list[Row]:
    """`index` when there is nothing to do, many small files."""
    seeds, index = bench.work / "small", bench.work / "small-index"
    write_small_files(corpus(bench), seeds, count=count)
    command = bench.askseeds("index", "--seeds", seeds, "--index", index)
    say(f"first index of {count:,} small files")
    bench.run(command)
    what = f"`index` with nothing changed, {count:,} files"
    costs = interleaved(bench.runs, {"askseeds": lambda _: bench.run(command)}, of=what)
    ours = median(cost.wall for cost in costs["askseeds"])
    made = row(what, ours, None, unit="s", budget=at_most(2, "2 s"))
    return [Row(made.what, "re-embeds all", made.askseeds, "–", made.budget, made.met)]


def scale(bench: Bench, index: Path, *, few: int, many: int) -> list[Row]:
    """Steps 2 and 3 when the index grows; a budget between two sizes, not to the baseline."""
    file = bench.work / "all-passages.json"
    write_passages(corpus(bench), file)
    folder = bench.work / "scale"
    times = bench.worker("scale", file, index, folder, few, many)
    text = f"{shown(times[1], 'ms')}; {shown(times[0], 'ms')} at {few:,}"
    growth = times[1] / times[0]
    what = f"steps 2 and 3 at {many:,} passages"
    budget = f"3 × those at {few:,}"
    return [Row(what, "–", text, f"{growth:.1f} × those at {few:,}", budget, growth <= 3)]


def warm_index(bench: Bench, name: str) -> Path:
    """The index of `corpus` that warm questions go to."""
    return bench.work / f"warm-{name}"


def corpus(bench: Bench) -> Path:
    """The excerpts, or the project's own seeds where these are absent."""
    return bench.data / "excerpts" / "corpus" if bench.data else bench.seeds


def passage_count(bench: Bench, index: Path) -> int:
    """Number of passages of an index."""
    command = bench.askseeds("status", "--seeds", corpus(bench), "--index", index, "--json")
    return int(json.loads(bench.run(command).output)["passages"])


def write_questions(bench: Bench) -> int:
    """Writes the batch of warm questions; returns how many, at least two."""
    questions = list(SEED_QUESTIONS)
    if bench.data is not None:
        with (bench.data / "excerpts" / "questions.jsonl").open(encoding="utf-8") as lines:
            every = [json.loads(line)["question"] for line in lines]
        # Evenly taken: the file goes through one document after the other.
        questions = every[:: -(-len(every) // bench.questions)]
    with (bench.work / "questions.jsonl").open("w", encoding="utf-8") as file:
        for number, question in enumerate(questions):
            file.write(json.dumps({"id": number, "question": question}) + "\n")
    return len(questions)


def write_passages(folder: Path, file: Path, *, most: int | None = None) -> int:
    """Writes the texts of a folder's passages, evenly chosen, as a JSON list; returns how many."""
    texts = []
    for path in sorted(folder.glob("*.txt")):
        document = documents.read(path, source=path.name, max_bytes=100_000_000)
        texts += [document.text[draft.start : draft.end] for draft in passages(document)]
    if not texts:
        raise BenchError(f"{folder} holds no .txt file")
    if most is not None and len(texts) > most:
        texts = [texts[number * len(texts) // most] for number in range(most)]
    file.write_text(json.dumps(texts), encoding="utf-8")
    return len(texts)


def write_small_files(folder: Path, target: Path, *, count: int) -> None:
    """Writes small files of real text, no two alike, a hundred a folder."""
    text = "\n".join(p.read_text(encoding="utf-8-sig") for p in sorted(folder.glob("*.txt")))
    step = max(1, (len(text) - SMALL_FILE_CHARS) // count)
    for number in range(count):
        start = number * step % max(1, len(text) - SMALL_FILE_CHARS)
        path = target / f"{number // 100:04d}" / f"{number:06d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        body = text[start : start + SMALL_FILE_CHARS]
        path.write_text(f"Note {number}\n\n{body}\n", encoding="utf-8")
