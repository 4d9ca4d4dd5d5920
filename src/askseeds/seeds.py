"""What is in the seeds folder, and what of it has changed. Reads names and stamps, no content."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from askseeds import documents
from askseeds.errors import SeedsError
from askseeds.ledger import Skipped, Stamp

RACY_NS = 2_000_000_000
"""A file changed this shortly before it was read may change again within one tick of its clock
(FAT counts in 2 s), with the same size and time: its stamp proves nothing."""

OUT_OF_REACH = (-1, 0)
"""Size and time of a skipped file that the system did not let read: any change may mend that."""

HIDDEN = "is hidden"
"""The reason why a file whose name begins with a dot is not read."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that may be read, with its stamp as it is now."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What a walk through the seeds found.

    Attributes:
        files: By source: the path relative to the seeds folder, `/`-separated.
        skipped: Files and folders that are not read, with the reason.
        unlisted: Sources of folders that could not be listed, each with a `/` at its end.
    """

    files: Mapping[str, File]
    skipped: tuple[Skipped, ...]
    unlisted: tuple[str, ...]


def scan(seeds: Path) -> Scan:
    """Walks through the seeds folder, in the order of names; links are followed.

    Raises:
        SeedsError: The folder is missing or cannot be listed.
    """
    if not seeds.is_dir():
        what = "is not a folder" if seeds.exists() else "does not exist"
        raise SeedsError(
            f"the seeds folder {seeds} {what}; make it and put documents in it, "
            "or name another with --seeds"
        )
    files: dict[str, File] = {}
    skipped: list[Skipped] = []
    unlisted: list[str] = []
    for entry, source in _walk(seeds, skipped, unlisted):
        try:
            found = entry.stat()
        except OSError as error:
            reason = "is a broken link" if entry.is_symlink() else _reason(error)
            skipped.append(Skipped(_printable(source), 0, 0, reason, failed=True))
            continue
        problem = _problem(source, found)
        if problem is None:
            files[source] = File(Path(entry.path), found.st_size, found.st_mtime_ns)
        else:
            skipped.append(Skipped(_printable(source), found.st_size, found.st_mtime_ns, *problem))
    if unlisted and unlisted[0] == "":
        raise SeedsError(f"the seeds folder {seeds} cannot be listed; make it readable")
    return Scan(files, tuple(sorted(skipped, key=lambda s: s.source)), tuple(unlisted))


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be done, by source.

    Attributes:
        read: Files that are new or may have changed.
        removed: Documents whose file is gone.
        skipped: Files that need no look inside, with the reason.
    """

    read: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to read and nothing to remove."""
        return not self.read and not self.removed


def compare(
    found: Scan, known: Mapping[str, Stamp], skipped: Mapping[str, Skipped], *, max_bytes: int
) -> Changes:
    """Compares a scan with what the ledger knows.

    Args:
        found: What is there now.
        known: Stamps of the documents that were read.
        skipped: Files that could not be read, as they were then; unchanged ones stay skipped.
        max_bytes: Larger files are skipped.
    """
    read: list[str] = []
    passed: list[Skipped] = list(found.skipped)
    too_large: set[str] = set()
    for source, file in found.files.items():
        stamp, before = known.get(source), skipped.get(source)
        if file.size > max_bytes:
            reason = documents.too_large(max_bytes)
            # With no size of its own, so that it is looked at again when the setting changes.
            passed.append(Skipped(source, -1, 0, reason, failed=True))
            too_large.add(source)
        elif stamp is not None and is_unchanged(file, stamp):
            continue
        elif before is not None and _is_as_bad(file, before):
            passed.append(before)
        else:
            read.append(source)
    there = found.files.keys() - too_large
    removed = tuple(
        source
        for source in known
        # A folder that cannot be listed may be a network drive that is away: nothing in it is lost.
        if source not in there and not source.startswith(found.unlisted)
    )
    return Changes(tuple(read), removed, tuple(sorted(passed, key=lambda s: s.source)))


def is_unchanged(file: File, stamp: Stamp) -> bool:
    """Whether a file's stamp proves that its content is the one that was read."""
    # A time far from the reading, before it or (by a wrong clock) after it, is no race.
    settled = abs(stamp.seen_ns - stamp.mtime_ns) > RACY_NS
    return settled and (file.size, file.mtime_ns) == (stamp.size, stamp.mtime_ns)


def _is_as_bad(file: File, before: Skipped) -> bool:
    """Whether a file that could not be read would not be read now either."""
    if (before.size, before.mtime_ns) == OUT_OF_REACH:
        return not os.access(file.path, os.R_OK)
    return (before.size, before.mtime_ns) == (file.size, file.mtime_ns)


def _walk(
    seeds: Path, skipped: list[Skipped], unlisted: list[str]
) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Every file; what is not looked at goes into the two lists."""
    pending = [(str(seeds), "")]
    linked: set[tuple[int, int]] = set()
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            unlisted.append(prefix)
            if prefix:
                skipped.append(Skipped(_printable(prefix), 0, 0, _reason(error), failed=True))
            continue
        folders = []
        for entry in entries:
            source = prefix + entry.name
            if entry.name.startswith("."):
                skipped.append(Skipped(_printable(source), 0, 0, HIDDEN, failed=False))
            elif not _is_folder(entry):
                yield entry, source
            elif entry.is_symlink() and not _is_new(entry, seeds, linked):
                # Links to a folder above are endless, and links to links multiply.
                reason = "is a link to a folder that is read elsewhere"
                skipped.append(Skipped(_printable(source), 0, 0, reason, failed=False))
            else:
                folders.append((entry.path, source + "/"))
        pending.extend(reversed(folders))


def _is_new(link: os.DirEntry[str], seeds: Path, linked: set[tuple[int, int]]) -> bool:
    """Whether a link leads out of the seeds, to a folder that no link before it led to."""
    target = Path(link.path).resolve()
    if target.is_relative_to(seeds.resolve()) or seeds.resolve().is_relative_to(target):
        return False
    found = target.stat()
    identity = (found.st_dev, found.st_ino)
    new = identity not in linked
    linked.add(identity)
    return new


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _problem(source: str, found: os.stat_result) -> tuple[str, bool] | None:
    """Why a file is not read, and whether it should have been; None where it is."""
    if _printable(source) != source:
        return "its name is not valid UTF-8; rename it", True
    if not stat.S_ISREG(found.st_mode):
        return "is not a regular file", False
    suffix = PurePosixPath(source).suffix.lower()
    if suffix not in documents.SUFFIXES:
        kind = f"files of type {suffix}" if suffix else "files without a suffix"
        return f"{kind} are not read; {' '.join(sorted(documents.SUFFIXES))} are", False
    return None


def _printable(source: str) -> str:
    """The source with bytes that are not UTF-8 as escapes, so that it can be stored and shown."""
    return source.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _reason(error: OSError) -> str:
    return f"cannot be read: {(error.strerror or 'unknown error').lower()}; make it readable"
