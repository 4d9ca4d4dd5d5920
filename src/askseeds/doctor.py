"""What is wrong with an index, and how to mend it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from askseeds import models, seeds
from askseeds.config import Settings
from askseeds.derived import open_vectors, open_words, repair
from askseeds.errors import (
    AskseedsError,
    IndexFault,
    IndexLocked,
    IndexMissing,
    IndexTooNew,
    IndexUnwritable,
    ModelError,
)
from askseeds.ledger import Ledger
from askseeds.sync import is_current, synchronise
from askseeds.types import Progress

Remedy = Literal["repair", "synchronise", "rebuild"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        text: What was found and, when something is wrong, what to do about it.
        remedy: What `mend` would do; None when all is well or only the user can help.
    """

    ok: bool
    text: str
    remedy: Remedy | None = None


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Checks everything that a question needs; changes nothing."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _seeds,
        _ledger,
        _encoder,
        _reranker,
        _engines,
        _current,
        _unreadable,
    )
    findings = []
    for check in checks:
        try:
            findings.append(check(settings))
        except IndexMissing as error:
            findings.append(Finding(False, str(error), "synchronise"))
        except (IndexLocked, IndexTooNew, IndexUnwritable) as error:
            findings.append(Finding(False, str(error)))
        except IndexFault as error:
            findings.append(Finding(False, str(error), "rebuild"))
        except AskseedsError as error:
            findings.append(Finding(False, str(error)))
    return tuple(dict.fromkeys(findings))  # several checks need the ledger, and say the same


def mend(
    settings: Settings, findings: Sequence[Finding], *, progress: Progress | None = None
) -> None:
    """Does the most thorough of the remedies that the findings ask for.

    Raises:
        AskseedsError: It did not work; see `sync.synchronise`.
    """
    remedies = {finding.remedy for finding in findings}
    if "rebuild" in remedies:
        synchronise(settings, rebuild=True, progress=progress)
    elif "synchronise" in remedies:
        synchronise(settings, progress=progress)
    elif "repair" in remedies:
        repair(settings, progress=progress)


def _seeds(settings: Settings) -> Finding:
    found = seeds.scan(settings.seeds)
    count = len(found.files)
    text = f"{settings.seeds} holds {count:,} file{'' if count == 1 else 's'} to read"
    return Finding(count > 0, text)


def _ledger(settings: Settings) -> Finding:
    ledger = Ledger.open(settings.index)
    try:
        problem = ledger.check()
    finally:
        ledger.close()
    if problem:
        text = f"the ledger is damaged ({problem}); run `askseeds index --rebuild`"
        return Finding(False, text, "rebuild")
    return Finding(True, "the ledger is sound, and every passage lies inside its document")


def _encoder(settings: Settings) -> Finding:
    if models.find_export(settings.encoder, settings.index / "encoder") is None:
        text = "the encoder was not exported, or another one was; run `askseeds index`"
        return Finding(False, text, "synchronise")
    try:
        encoder = models.Encoder.load(settings.index / "encoder")
    except ModelError as error:
        return Finding(False, str(error), "synchronise")
    return Finding(True, f"the encoder {encoder.name} loads")


def _reranker(settings: Settings) -> Finding:
    models.Reranker.load()
    loaded = f"the reranker ({models.RERANKER_NAME})"
    if not settings.model:
        return Finding(True, f"{loaded} loads")
    models.Entailment.load()
    return Finding(True, f"{loaded} and the model that checks claims load")


def _engines(settings: Settings) -> Finding:
    ledger = Ledger.open(settings.index)
    try:
        generation = ledger.generation
        export = models.find_export(settings.encoder, settings.index / "encoder")
        words = open_words(settings.index, ledger, writable=False)
        behind = [] if words.generation == generation else ["words"]
        words.close()
        if export is not None:
            vectors = open_vectors(settings.index, export, ledger, writable=False)
            behind += [] if vectors.generation == generation else ["vectors"]
            vectors.close()
    finally:
        ledger.close()
    if behind:
        text = f"index/{' and index/'.join(behind)} must be made from the ledger again"
        return Finding(False, f"{text}; the next question does it", "repair")
    return Finding(True, "vectors and words are at the ledger's generation")


def _current(settings: Settings) -> Finding:
    if is_current(settings):
        return Finding(True, "the index is up to date with the seeds")
    return Finding(False, "the seeds have changed since; run `askseeds index`", "synchronise")


def _unreadable(settings: Settings) -> Finding:
    ledger = Ledger.open(settings.index)
    try:
        failed = [skipped for skipped in ledger.skipped().values() if skipped.failed]
    finally:
        ledger.close()
    if failed:
        listed = "; ".join(f"{skipped.source}: {skipped.reason}" for skipped in failed)
        return Finding(False, f"cannot read {listed}")
    return Finding(True, "every file of a known type could be read")
