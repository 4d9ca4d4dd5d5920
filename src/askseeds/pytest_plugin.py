"""Question-and-answer pairs as pytest tests, one a pair. Comes with the package, asks for nothing.

Nothing of askseeds is imported before the first file of pairs is collected, and no model is loaded
before the first pair runs: a pytest run without pairs pays for neither.
"""

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from askseeds.assistant import Assistant
    from askseeds.config import Settings
    from askseeds.evaluate.pairs import Pair

DEFAULT_FILES = ("*.qa.yaml", "*.qa.yml", "*.qa.csv", "*.qa.jsonl")

_assistant = pytest.StashKey["Assistant"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings that go into pytest's configuration file."""
    parser.addini(
        "askseeds_qa_files",
        "question-and-answer pairs: patterns of file names, or of paths below the root directory",
        type="args",
        default=list(DEFAULT_FILES),
    )
    parser.addini("askseeds_config", "an askseeds.toml [the one in the root directory]", default="")
    parser.addini("askseeds_seeds", "folder of the documents", default="")
    parser.addini("askseeds_index", "folder of the index [kept in pytest's cache]", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the markers that pairs may bring along only when they are collected."""
    config.addinivalue_line("markers", "askseeds: a question-and-answer pair")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "QaFile | None":
    """Takes the files that the setting names."""
    patterns = parent.config.getini("askseeds_qa_files")
    if any(_named(file_path, pattern, parent.config.rootpath) for pattern in patterns):
        return QaFile.from_parent(parent, path=file_path)
    return None


def _named(path: Path, pattern: str, root: Path) -> bool:
    if "/" not in pattern:
        return fnmatch(path.name, pattern)
    try:
        return fnmatch(path.relative_to(root).as_posix(), pattern)
    except ValueError:
        return False


def pytest_unconfigure(config: pytest.Config) -> None:
    """Closes the index."""
    assistant = config.stash.get(_assistant, None)
    if assistant is not None:
        assistant.close()


class QaFile(pytest.File):
    """A file of pairs."""

    def collect(self) -> Iterator["QaItem"]:
        """One test a pair, with its tags as markers."""
        from dataclasses import replace

        from askseeds.errors import AskseedsError
        from askseeds.evaluate import formats

        try:
            pairs = formats.read(self.path)
        except AskseedsError as error:
            raise self.CollectError(str(error)) from None
        known = {line.partition(":")[0].strip() for line in self.config.getini("markers")}
        name = Path(os.path.relpath(self.path, self.config.rootpath)).as_posix()
        for pair in pairs:
            item = QaItem.from_parent(self, name=pair.id, pair=replace(pair, file=name))
            for tag in pair.tags:
                if tag not in known:
                    known.add(tag)
                    self.config.addinivalue_line("markers", f"{tag}: a tag of pairs")
                item.add_marker(tag)
            item.add_marker("askseeds")
            if pair.xfail:
                item.add_marker(pytest.mark.xfail(reason=pair.xfail, strict=True))
            yield item


class PairFailed(Exception):
    """A pair failed; the message is for people and shown without a traceback."""


class QaItem(pytest.Item):
    """One pair."""

    def __init__(self, *, pair: "Pair", **kwargs: Any) -> None:
        """Use `from_parent`."""
        super().__init__(**kwargs)
        self.pair = pair

    def runtest(self) -> None:
        """Asks, and fails with all there is to know."""
        from askseeds.errors import AskseedsError
        from askseeds.evaluate.gold import resolve
        from askseeds.evaluate.judge import explanation, faults, judge

        pair = self.pair
        try:
            assistant = _opened(self.config)
            answer = assistant.ask(pair.question, history=pair.history)
            self.user_properties.append(("confidence", round(answer.confidence, 4)))
            if not faults(pair, answer):
                return
            # Only who fails needs to know where the fragments stand: it reads every document.
            golds = resolve([pair], assistant.sources(), assistant.document)[pair.id]
        except AskseedsError as error:
            raise PairFailed(str(error)) from error
        raise PairFailed(explanation(pair, answer, judge(pair, answer, golds)))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The message alone, where the failure is one of a pair."""
        if isinstance(excinfo.value, PairFailed):
            from askseeds.terminal import terminal_safe

            return terminal_safe(str(excinfo.value))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The pair's own line."""
        return self.path, self.pair.line - 1, self.name


def _opened(config: pytest.Config) -> "Assistant":
    """The assistant of this process, opened for the first pair."""
    if _assistant not in config.stash:
        import warnings

        from askseeds.assistant import Assistant
        from askseeds.errors import IndexFault
        from askseeds.sync import synchronise

        with warnings.catch_warnings():
            # Other packages' warnings while they load are nobody's failure.
            warnings.simplefilter("ignore")
            settings, cached = _settings(config)
            try:
                config.stash[_assistant] = Assistant.open(settings)
            except IndexFault as error:
                # A cache that another version wrote, or that is damaged, is made anew.
                if error.retryable or not cached:
                    raise
                synchronise(settings, rebuild=True)
                config.stash[_assistant] = Assistant.open(settings)
    return config.stash[_assistant]


def _settings(config: pytest.Config) -> tuple["Settings", bool]:
    """The settings of the root directory, and whether the index is in pytest's cache.

    Folders in them are relative to the root directory.
    """
    from askseeds.config import CONFIG_FILE, load

    root = config.rootpath
    named = config.getini("askseeds_config")
    file = root / named if named else root / CONFIG_FILE
    settings = load(file if named or file.exists() else None)
    given = settings.model_fields_set
    seeds = config.getini("askseeds_seeds") or settings.seeds
    index = config.getini("askseeds_index") or (settings.index if "index" in given else "")
    folder = root / index if index else _cached(config)
    return settings.model_copy(update={"seeds": root / seeds, "index": folder}), not index


def _cached(config: pytest.Config) -> Path:
    cache = getattr(config, "cache", None)
    if cache is None:
        raise PairFailed("without pytest's cache, set askseeds_index to a folder")
    return Path(cache.mkdir("askseeds"))
