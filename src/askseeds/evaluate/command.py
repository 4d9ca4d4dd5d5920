"""`askseeds eval`: what it does with its options, and which exit code comes of it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from askseeds import config
from askseeds.assistant import Assistant
from askseeds.config import Settings
from askseeds.errors import ConfigError
from askseeds.evaluate import draft, formats, outputs, record, report
from askseeds.evaluate.compare import compare
from askseeds.evaluate.figures import figures
from askseeds.evaluate.gate import Baseline, Threshold, every_pair
from askseeds.evaluate.outputs import Evaluation
from askseeds.evaluate.pairs import Pair, distinct
from askseeds.evaluate.runner import Result, run
from askseeds.types import Progress

OK, FAILED, GATE_FAILED = 0, 1, 4

NEW_FILE = Path("questions.qa.yaml")

_ON_TOP = """Questions and answers for `askseeds eval` and pytest.
Drafted by a program: correct each question and what must be quoted, then delete the tag review.
The fields are described by `askseeds eval --schema`."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    files: tuple[Path, ...] = ()
    new: bool = False
    from_feedback: bool = False
    accept: bool = False
    diff: bool = False
    schema: bool = False
    every_pair: bool = False
    no_sync: bool = False
    gates: tuple[str, ...] = ()
    baseline: Path | None = None
    max_drop: float = 0.02
    compare: tuple[Path, Path] | None = None
    report: Path | None = None
    junit: Path | None = None
    json: Path | None = None
    md: Path | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the command speaks to.

    Attributes:
        show: Takes a result.
        notice: Takes a line that is no result.
        progress: Gives the progress bar for a while.
    """

    show: Callable[[str], None]
    notice: Callable[[str], None]
    progress: Callable[[], AbstractContextManager[Progress | None]]


def evaluate(
    options: Options, file: Path | None, arguments: Mapping[str, Any], around: Surroundings
) -> int:
    """Does what `askseeds eval` was asked for.

    Args:
        options: Of this command.
        file: The configuration file that was named, if any.
        arguments: Settings from the command line.
        around: Where it speaks to.

    Returns:
        The exit code: 0, 1 when a question could not be asked, 4 when the gate failed.

    Raises:
        AskseedsError: For everything that the user can mend.
    """
    if options.schema:
        schema = resources.files("askseeds").joinpath("qa.schema.json")
        around.show(schema.read_text(encoding="utf-8").rstrip("\n"))
        return OK
    settings = config.load(file, arguments)
    if options.new:
        return _new(options, settings, around)
    if options.from_feedback:
        return _from_feedback(options, settings, around)
    if not options.files:
        raise ConfigError(
            f"no file of pairs; `askseeds eval --new` drafts {NEW_FILE} from your documents"
        )
    # All that can be wrong with the words of the command is found before any work is done.
    thresholds = [Threshold.parse(text) for text in options.gates]
    baseline = Baseline.read(options.baseline) if options.baseline else None
    pairs = tuple(pair for path in options.files for pair in formats.read(path))
    distinct(pairs)
    if options.compare:
        return _compare(options.compare, pairs, arguments, options, around)
    results = _run(settings, pairs, options, around)
    counted = figures([result.measures for result in results])
    checks = [threshold.check(counted) for threshold in thresholds]
    if baseline:
        checks += baseline.check(results, max_drop=options.max_drop)
    if options.every_pair or not checks:
        checks.append(every_pair(results))
    if options.accept:
        return _accept(options.files, results, around)
    names = tuple(str(path) for path in options.files)
    done = Evaluation(settings, names, results, counted, tuple(checks))
    _write(options, done)
    if options.diff:
        around.show(_diff(options.files, results))
    around.show(outputs.text(done))
    if done.count("error"):
        return FAILED
    return OK if all(check.ok for check in checks) else GATE_FAILED


def _run(
    settings: Settings, pairs: Sequence[Pair], options: Options, around: Surroundings
) -> tuple[Result, ...]:
    with (
        around.progress() as progress,
        Assistant.open(
            settings, sync=not options.no_sync, progress=progress, notice=around.notice
        ) as assistant,
    ):
        return run(assistant, pairs, progress=progress)


def _write(options: Options, done: Evaluation) -> None:
    for path, made in (
        (options.report, report.html),
        (options.junit, outputs.junit),
        (options.json, outputs.json_text),
        (options.md, outputs.markdown),
    ):
        if path:
            # A lone surrogate in a question must not keep the report from being written.
            formats.save(path, made(done).encode(errors="replace").decode())


def _compare(
    files: tuple[Path, Path],
    pairs: Sequence[Pair],
    arguments: Mapping[str, Any],
    options: Options,
    around: Surroundings,
) -> int:
    if options.gates or options.baseline or options.accept or options.diff or options.report:
        raise ConfigError("--compare goes with FILE alone; run each configuration for the rest")
    both = [config.load(file, arguments) for file in files]
    first, second = (_run(settings, pairs, options, around) for settings in both)
    found = compare(first, second)
    around.show(outputs.comparison_text(found, (str(files[0]), str(files[1]))))
    return FAILED if any(r.outcome == "error" for r in (*first, *second)) else OK


def _accept(files: Sequence[Path], results: Sequence[Result], around: Surroundings) -> int:
    for file in files:
        own = [result for result in results if result.pair.file == str(file)]
        changed = record.accept(file, own)
        around.show(
            f"{file}: {changed} of {len(own)} pairs changed; "
            f"the answers are recorded in {record.record_file(file)}"
        )
    return OK


def _diff(files: Sequence[Path], results: Sequence[Result]) -> str:
    return "\n".join(
        record.changes_text(record.changes(file, [r for r in results if r.pair.file == str(file)]))
        for file in files
    )


def _new(options: Options, settings: Settings, around: Surroundings) -> int:
    file = _one(options.files)
    if file.exists():
        raise ConfigError(f"{file} is there already; name another file")
    with (
        around.progress() as progress,
        Assistant.open(
            settings, sync=not options.no_sync, progress=progress, notice=around.notice
        ) as assistant,
    ):
        pairs = draft.draft(assistant.document(source) for source in assistant.sources())
    formats.write(file, pairs, comment=_ON_TOP)
    around.show(f"{file}: {len(pairs)} pairs drafted; review them, then: askseeds eval {file}")
    return OK


def _from_feedback(options: Options, settings: Settings, around: Surroundings) -> int:
    file = _one(options.files)
    known = formats.read(file) if file.exists() else ()
    fresh = draft.from_feedback(settings.index / draft.FEEDBACK_FILE, known)
    if known and file.suffix.lower() in formats.YAML:
        # What people wrote there stays as it is, comments too.
        text = file.read_bytes().decode("utf-8-sig")
        text += "" if text.endswith("\n") else "\n"
        formats.save(file, text + "".join(map(formats.yaml_item, fresh)))
    else:
        formats.write(file, [*known, *fresh])
    around.show(f"{file}: {len(fresh)} pairs added; those with the tag review need a person")
    return OK


def _one(files: Sequence[Path]) -> Path:
    if len(files) > 1:
        raise ConfigError("name one file to write")
    return files[0] if files else NEW_FILE
