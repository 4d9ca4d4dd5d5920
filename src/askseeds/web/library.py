"""What there is to know and to do about documents in the chat, without the page.

The list is put together from what lies in the seeds and what the ledger knows. In the `with` block
of a `Library` the index follows the seeds in the background, whoever changes them; meanwhile
questions are answered from the generation before.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self

from askseeds import documents, seeds
from askseeds.config import Settings
from askseeds.errors import AskseedsError, DocumentError, IndexLocked, IndexMissing, SeedsError
from askseeds.ledger import Ledger, Skipped
from askseeds.sync import max_bytes, synchronise
from askseeds.web import uploads

State = Literal["indexed", "indexing", "waiting", "failed", "unread"]

LOOK_S = 2.0
"""How often the seeds are looked at, seconds; more seldom where a look takes long."""

GATHER_S = 0.3
"""A change is waited with this long, so that files that come together are read together."""

AGAIN_S = 5.0
MOST_AGAIN_S = 300.0
"""What could not be read is tried again after the first, doubled up to the second, seconds."""

_KINDS = {
    ".txt": "Text",
    ".text": "Text",
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".html": "HTML",
    ".htm": "HTML",
    ".xhtml": "HTML",
    ".pdf": "PDF",
    ".docx": "Word",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the seeds as the list shows it.

    Attributes:
        size: In bytes; None where it is not known.
        reason: Why it is not in the index, or not in its newest version; else empty.
        asked: A version of it is in the index, so that it can be asked.
    """

    source: str
    kind: str
    size: int | None
    state: State
    reason: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of the seeds, sorted by name, those that are not read at the end.

    Attributes:
        version: Another number means other entries.
        indexed: How many documents can be asked.
        fault: What keeps the index from following the seeds; empty when nothing does.
    """

    entries: tuple[Entry, ...] = ()
    version: int = 0
    indexed: int = 0
    fault: str = ""

    def matching(self, words: str) -> tuple[Entry, ...]:
        """The entries whose name holds every one of the words, whatever their case."""
        wanted = words.casefold().split()
        if not wanted:
            return self.entries
        return tuple(
            entry
            for entry in self.entries
            if all(word in entry.source.casefold() for word in wanted)
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """Which documents are asked: all but those named, or only those named."""

    every: bool = True
    names: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, value: object) -> Self:
        """What a page sent; whatever is not a choice means all documents."""
        try:
            read = json.loads(value) if isinstance(value, str) else None
        except ValueError:
            read = None
        if not isinstance(read, dict) or not isinstance(read.get("names"), list):
            return cls()
        names = frozenset(name for name in read["names"] if isinstance(name, str))
        return cls(every=read.get("every") is not False, names=names)

    def among(self, sources: Collection[str]) -> tuple[str, ...] | None:
        """The chosen ones of these sources; None when that is all of them.

        Raises:
            SeedsError: None is chosen.
        """
        chosen = tuple(source for source in sources if (source in self.names) != self.every)
        if self.every and len(chosen) == len(sources):
            return None
        if not chosen:
            raise SeedsError("no document is chosen; tick those to ask in the list of documents")
        return chosen


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at seeds and ledger found.

    Attributes:
        entries: As the list shows them, but for whether the waiting ones are being read.
        pending: Files to be read and documents to be removed, with their stamps.
    """

    entries: tuple[Entry, ...]
    pending: frozenset[tuple[str, int, int]]


class Library:
    """The documents of one chat. Safe to use from several threads.

    In its `with` block the index follows the seeds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = threading.Thread(target=self._run, name="askseeds-library", daemon=True)
        self._looking = threading.Lock()
        self._woken = threading.Event()
        self._ended = False
        self._listing = Listing()
        self._looked_s = -float("inf")
        self._look_took_s = 0.0
        # Until the block is entered the index is being opened, and all that waits is on its way.
        self._working: Callable[[str], bool] | None = lambda source: True
        self._share = 0.0
        self._fault = ""

    @property
    def folder(self) -> Path:
        """The seeds."""
        return self._settings.seeds

    @property
    def max_bytes(self) -> int:
        """The size of the largest file that is read."""
        return max_bytes(self._settings)

    @property
    def share(self) -> float | None:
        """How much of the indexing that goes on is done, 0 to 1; None when none does."""
        return self._share if self._working is not None else None

    def listing(self, *, fresh: bool = False) -> Listing:
        """The list, as of a moment ago; `fresh` as of now."""
        with self._looking:
            age_s = time.monotonic() - self._looked_s
            if fresh or age_s >= self._pause_s():
                self._look()
            return self._listing

    def check(self, name: str, size: int) -> bool:
        """Whether a file of that name and size could be taken, and would take another's place.

        Returns:
            True when there is something of that name.

        Raises:
            DocumentError: It would be refused; the message is the reason alone.
        """
        name = uploads.checked_name(name)
        if size > self.max_bytes:
            raise DocumentError(documents.too_large(self.max_bytes))
        return uploads.exists(self.folder, name)

    def upload(self, name: str) -> uploads.Upload:
        """A file on its way in; when it has its place, call `wake`."""
        return uploads.Upload(self.folder, name, max_bytes=self.max_bytes)

    def remove(self, source: str) -> None:
        """Deletes a file of the list from the seeds, and soon from the index.

        Raises:
            DocumentError: There is none of that name, it is the last document, or it may not be
                deleted; the message is the reason alone.
        """
        entries = self.listing(fresh=True).entries
        entry = next((entry for entry in entries if entry.source == source), None)
        if entry is None:
            raise DocumentError("is not in the list of documents")
        # An index is never emptied: a folder without documents is far more often a mistake.
        others = (e for e in entries if e.source != source and e.state not in ("failed", "unread"))
        if entry.asked and next(others, None) is None:
            raise DocumentError("is the only document; add another one first")
        uploads.delete(self.folder, source)
        self.wake()

    def wake(self) -> None:
        """Says that the seeds have changed."""
        with self._looking:
            self._looked_s = -float("inf")
        self._woken.set()

    def __enter__(self) -> Self:
        """Lets the index follow the seeds from now on."""
        self._working = None
        self.wake()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops following. What is half written goes on the next time, so it is not waited for."""
        self._ended = True
        self._woken.set()

    # -- in the background -----------------------------------------------------------------------

    def _run(self) -> None:
        uploads.clear_abandoned(self.folder)
        tried: frozenset[tuple[str, int, int]] = frozenset()
        again_s = AGAIN_S
        tried_s = 0.0
        while not self._ended:
            self._woken.clear()
            pending = self._pending()
            waited = time.monotonic() - tried_s >= again_s
            if pending and (pending != tried or waited):
                again_s = AGAIN_S if pending != tried else min(2 * again_s, MOST_AGAIN_S)
                if self._woken.wait(GATHER_S):
                    continue  # more has come
                # Tried is what lay there before: what comes meanwhile is new.
                tried = pending if self._follow() else frozenset()
                tried_s = time.monotonic()
            self._woken.wait(self._pause_s())

    def _pending(self) -> frozenset[tuple[str, int, int]]:
        with self._looking:
            return self._look()

    def _follow(self) -> bool:
        """Brings the index up to date; False when another process is at it, to be tried soon."""
        reading = {e.source for e in self.listing().entries if e.state == "waiting"}
        self._share = 0.0
        self._working = reading.__contains__
        try:
            synchronise(self._settings, progress=self._progress)
            self._fault = ""
        except IndexLocked:
            return False
        except AskseedsError as error:
            self._fault = str(error)
        except Exception:  # noqa: BLE001 - the chat goes on with the index as it is
            _log.exception("The documents could not be indexed")
            self._fault = "The documents could not be indexed; the terminal says why."
        finally:
            self._working = None
            with self._looking:
                self._look()
        return True

    def _progress(self, stage: str, done: int, total: int) -> None:
        # What comes after the embedding takes no time beside it.
        if stage == "indexing" and total:
            self._share = done / total

    def _pause_s(self) -> float:
        return max(LOOK_S, 10 * self._look_took_s)

    def _look(self) -> frozenset[tuple[str, int, int]]:
        """Makes the list anew; call it with the lock held."""
        begin = time.monotonic()
        try:
            look = _look_at(self._settings)
            fault = self._fault
        except AskseedsError as error:
            look, fault = _Look(self._listing.entries, frozenset()), str(error)
        working = self._working
        if working is not None:
            look = _Look(tuple(_in_work(e, working) for e in look.entries), look.pending)
        indexed = sum(entry.asked for entry in look.entries)
        if (look.entries, fault) != (self._listing.entries, self._listing.fault):
            self._listing = Listing(look.entries, self._listing.version + 1, indexed, fault)
        self._looked_s = time.monotonic()
        self._look_took_s = self._looked_s - begin
        return look.pending


def _in_work(entry: Entry, working: Callable[[str], bool]) -> Entry:
    if entry.state != "waiting" or not working(entry.source):
        return entry
    return Entry(entry.source, entry.kind, entry.size, "indexing", entry.reason, entry.asked)


def _look_at(settings: Settings) -> _Look:
    """Compares the seeds with the ledger.

    Raises:
        SeedsError: The seeds folder is missing or cannot be listed.
        IndexFault: The ledger cannot be read.
    """
    found = seeds.scan(settings.seeds)
    limit = max_bytes(settings)
    try:
        ledger = Ledger.open(settings.index)
    except IndexMissing:
        changes = seeds.compare(found, {}, {}, max_bytes=limit)
        entries = [
            Entry(source, kind_of(source), file.size, "waiting")
            for source, file in found.files.items()
            if file.size <= limit
        ]
        return _Look(_sorted(entries, changes.skipped), _stamped(changes, found))
    try:
        stamps, skipped = ledger.stamps(), ledger.skipped()
        published, unpublished = ledger.published(), ledger.unpublished()
    finally:
        ledger.close()
    changes = seeds.compare(found, stamps, skipped, max_bytes=limit)
    entries = []
    for source, file in found.files.items():
        if file.size > limit:
            continue  # among the skipped of `changes`
        asked = source in published
        stamp, skip = stamps.get(source), skipped.get(source)
        state: State = "waiting"
        reason = ""
        if skip is not None and (skip.size, skip.mtime_ns) in (
            (-1, 0),  # out of reach: tried again each time, and the version before it is kept
            (file.size, file.mtime_ns),
        ):
            state, reason = ("failed" if skip.failed else "unread"), skip.reason
        elif stamp is not None and (stamp.size, stamp.mtime_ns) == (file.size, file.mtime_ns):
            # Whether a stamp this young proves anything is the next look's concern.
            state = "waiting" if source in unpublished else "indexed"
        entries.append(Entry(source, kind_of(source), file.size, state, reason, asked))
    # A folder that cannot be listed may be a drive that is away: what was in it can be asked.
    entries += [
        Entry(source, kind_of(source), None, "indexed", "its folder cannot be listed", asked=True)
        for source in published
        if source not in found.files and source.startswith(found.unlisted)
    ]
    named = {entry.source for entry in entries}
    others = [skip for skip in changes.skipped if skip.source not in named]
    return _Look(_sorted(entries, others, published), _stamped(changes, found))


def _sorted(
    entries: Collection[Entry],
    skipped: Collection[Skipped],
    published: Mapping[str, str] | None = None,
) -> tuple[Entry, ...]:
    rows = [
        *entries,
        *(
            Entry(
                skip.source,
                kind_of(skip.source),
                skip.size if skip.size > 0 else None,
                "failed" if skip.failed else "unread",
                skip.reason,
                skip.source in (published or {}),
            )
            for skip in skipped
            if skip.reason != "is hidden"
        ),
    ]
    return tuple(sorted(rows, key=lambda e: (e.state == "unread", e.source.casefold(), e.source)))


def _stamped(changes: seeds.Changes, found: seeds.Scan) -> frozenset[tuple[str, int, int]]:
    files = found.files
    return frozenset(
        [
            *((s, files[s].size, files[s].mtime_ns) for s in changes.read),
            *((s, -1, -1) for s in changes.removed),
        ]
    )


def kind_of(source: str) -> str:
    """What kind of file a name says it is, in one word."""
    suffix = PurePosixPath(source).suffix.lower()
    return _KINDS.get(suffix, suffix.removeprefix(".").upper() or "File")
