"""The list of documents in the chat: what lies in the seeds, and how far each file is."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from askseeds import seeds
from askseeds.config import Settings
from askseeds.errors import IndexMissing, SeedsError
from askseeds.ledger import Ledger, Skipped, Stamp
from askseeds.sync import max_bytes

State = Literal["indexed", "indexing", "waiting", "failed", "unread"]

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

    @property
    def can_be_chosen(self) -> bool:
        """Whether it can be asked, now or soon."""
        return self.asked or self.state in ("waiting", "indexing")


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
    def of(cls, value: object) -> "Choice":
        """What a page sent; whatever is not a choice means all documents."""
        try:
            return _CHOICE.validate_json(value) if isinstance(value, str) else cls()
        except ValidationError:
            return cls()

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


_CHOICE = TypeAdapter(Choice)

Pending = frozenset[tuple[str, int, int]]
"""Files to be read and documents to be removed, each with its size and time of change."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at seeds and ledger found.

    Attributes:
        entries: As the list shows them, but for whether the waiting ones are being read.
        pending: What the index lacks.
    """

    entries: tuple[Entry, ...]
    pending: Pending

    def with_work(self, working: Callable[[str], bool]) -> "Look":
        """The same, where those of the waiting files that are worked on are being indexed."""
        entries = (
            replace(entry, state="indexing")
            if entry.state == "waiting" and working(entry.source)
            else entry
            for entry in self.entries
        )
        return Look(tuple(entries), self.pending)


def look_at(settings: Settings) -> Look:
    """Compares the seeds with the ledger.

    Raises:
        SeedsError: The seeds folder is missing or cannot be listed.
        IndexFault: The ledger cannot be read.
    """
    found = seeds.scan(settings.seeds)
    limit = max_bytes(settings)
    known = _known(settings)
    changes = seeds.compare(found, known.stamps, known.skipped, max_bytes=limit)
    entries = {
        source: _entry(source, file, known)
        for source, file in found.files.items()
        if file.size <= limit  # larger ones are among the skipped of `changes`
    }
    for source in known.published:
        # A folder that cannot be listed may be a drive that is away: what was in it can be asked.
        if source not in found.files and source.startswith(found.unlisted):
            reason = "its folder cannot be listed"
            entries[source] = Entry(source, kind_of(source), None, "indexed", reason, asked=True)
    for skip in changes.skipped:
        if skip.source not in entries and skip.reason != seeds.HIDDEN:
            size = skip.size if skip.size > 0 else None
            state: State = "failed" if skip.failed else "unread"
            entries[skip.source] = Entry(
                skip.source, kind_of(skip.source), size, state, skip.reason
            )
    pending = {(s, found.files[s].size, found.files[s].mtime_ns) for s in changes.read}
    pending |= {(source, -1, -1) for source in changes.removed}
    in_order = sorted(
        entries.values(), key=lambda e: (e.state == "unread", e.source.casefold(), e.source)
    )
    return Look(tuple(in_order), frozenset(pending))


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows, each by source; see there."""

    stamps: Mapping[str, Stamp]
    skipped: Mapping[str, Skipped]
    published: Collection[str]
    unpublished: Collection[str]


def _known(settings: Settings) -> _Known:
    try:
        ledger = Ledger.open(settings.index)
    except IndexMissing:
        return _Known({}, {}, (), ())
    try:
        return _Known(
            ledger.stamps(), ledger.skipped(), ledger.published().keys(), ledger.unpublished()
        )
    finally:
        ledger.close()


def _entry(source: str, file: seeds.File, known: _Known) -> Entry:
    """A file that may be read."""
    stamp, skip = known.stamps.get(source), known.skipped.get(source)
    now = (file.size, file.mtime_ns)
    state: State = "waiting"
    reason = ""
    # Out of reach: the version before it is kept.
    if skip is not None and (skip.size, skip.mtime_ns) in (now, seeds.OUT_OF_REACH):
        state, reason = ("failed" if skip.failed else "unread"), skip.reason
    # Whether so young a stamp proves anything is a question for the next reading, not for the list.
    elif stamp is not None and (stamp.size, stamp.mtime_ns) == now:
        state = "waiting" if source in known.unpublished else "indexed"
    asked = source in known.published
    return Entry(source, kind_of(source), file.size, state, reason, asked)


def kind_of(source: str) -> str:
    """What kind of file a name says it is, in one word."""
    suffix = PurePosixPath(source).suffix.lower()
    return _KINDS.get(suffix, suffix.removeprefix(".").upper() or "File")
