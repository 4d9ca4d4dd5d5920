"""How what is derived from the ledger is published: in whole snapshots, never changed in place.

Chroma changes its files in place, writes to its database even when it is only opened to read, and
an open client does not see what another process adds (chroma #3792, #7040); Tantivy writes a lock
to read. So nothing ever opens what is published. A writer works on a copy and publishes that in
one step; a reader opens a private view. Hence a reader sees the old or the new generation, never
waits for a writer, can read from a folder it may not write to, and a writer killed at any moment
leaves the old generation as it was.

    index/vectors/current.json   names the published snapshot, its generation and its files
    index/vectors/000007/        that snapshot; never changed again
"""

import fcntl
import json
import os
import shutil
import tempfile
import weakref
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Generic, Protocol, TypeVar

from askseeds.errors import AskseedsError, IndexUnwritable

UNKNOWN = -1
"""The generation of an index that is missing, damaged or made with something else."""

MARKER = "current.json"
_FORMAT = 1
_LOCKS = shutil.ignore_patterns("*.lock")
_VIEW_PREFIX = "askseeds-view-"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Published data: never changed, only replaced.

    Attributes:
        removed: Passages removed since the data was last built from nothing.
        files: `(size, modified_ns, crc32)` by path relative to `path`.
    """

    path: Path
    generation: int
    count: int
    removed: int
    files: Mapping[str, tuple[int, int, int]]


class Damaged(Exception):
    """Derived data cannot be used. Never reaches the user: it is built anew."""


class Snapshots:
    """A folder of numbered snapshots and a marker that says which one counts."""

    def __init__(self, folder: Path, made_with: Mapping[str, str | int]) -> None:
        """`made_with`: data made with anything else is not used."""
        self.folder = folder
        self._made_with = dict(made_with)

    def stamp(self) -> tuple[int, int] | None:
        """Changes whenever something is published; costs one `stat`."""
        try:
            status = (self.folder / MARKER).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def current(self) -> Snapshot | None:
        """The published snapshot; None if there is none or any of its files is not as written."""
        try:
            marker = json.loads((self.folder / MARKER).read_text(encoding="utf-8"))
            if (marker["format"], marker["made_with"]) != (_FORMAT, self._made_with):
                return None
            snapshot = Snapshot(
                path=self.folder / Path(marker["path"]).name,
                generation=int(marker["generation"]),
                count=int(marker["count"]),
                removed=int(marker["removed"]),
                files={str(name): (int(a), int(b), int(c)) for name, (a, b, c) in marker["files"]},
            )
            sound = all(
                _as_written(snapshot.path / name, *facts) for name, facts in snapshot.files.items()
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return snapshot if sound and snapshot.generation >= 0 else None

    def draft(self, base: Snapshot | None) -> Path:
        """A new folder to write to, with a copy of `base`. Not visible before `publish`."""
        numbers = [int(path.name) for path in self._numbered()]
        path = self.folder / f"{max(numbers, default=0) + 1:06d}"
        if base is None:
            path.mkdir(parents=True)
        else:
            shutil.copytree(base.path, path, copy_function=shutil.copyfile, ignore=_LOCKS)
        return path

    def publish(self, path: Path, *, generation: int, count: int, removed: int) -> Snapshot:
        """Makes `path` durable, then the current snapshot, then deletes the others."""
        files = {}
        for file in sorted(path.rglob("*")):
            if file.is_file() and file.suffix != ".lock":
                with file.open("rb") as stream:
                    os.fsync(stream.fileno())
                    status = os.fstat(stream.fileno())
                    files[file.relative_to(path).as_posix()] = (
                        status.st_size,
                        status.st_mtime_ns,
                        _crc32(stream),
                    )
            elif file.is_dir():
                sync_to_disk(file)
        sync_to_disk(path)
        sync_to_disk(self.folder)
        snapshot = Snapshot(path, generation, count, removed, files)
        marker = asdict(snapshot) | {
            "format": _FORMAT,
            "made_with": self._made_with,
            "path": path.name,
            "files": list(files.items()),
        }
        temporary = self.folder / (MARKER + ".new")
        with temporary.open("w", encoding="utf-8") as stream:
            json.dump(marker, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.folder / MARKER)
        sync_to_disk(self.folder)
        self.sweep(keep=snapshot)
        return snapshot

    def sweep(self, *, keep: Snapshot | None) -> None:
        """Deletes every other snapshot, also those a killed writer left; best effort."""
        for path in self._numbered():
            if keep is None or path != keep.path:
                shutil.rmtree(path, ignore_errors=True)
        if keep is None:
            (self.folder / MARKER).unlink(missing_ok=True)

    def _numbered(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if path.name.isdecimal()]


class Readable(Protocol):
    """A snapshot as its engine opened it."""

    def count(self) -> int:
        """Number of passages."""


Reader = TypeVar("Reader", bound=Readable)


class Published(ABC, Generic[Reader]):
    """A derived index: what was published when it was opened, or by itself since.

    An engine adds how to search it and how to change a draft of it.
    """

    def __init__(
        self, snapshots: Snapshots, read: Callable[[Path], Reader], *, writable: bool
    ) -> None:
        """Opens what is there. Damaged or foreign data counts as none; a writer deletes it.

        Args:
            snapshots: Where it is.
            read: Opens one of them; raises Damaged.
            writable: For the one writer.

        Raises:
            IndexUnwritable: `writable`, and the folder cannot be made or written to.
        """
        self._snapshots = snapshots
        self._writable = writable
        self._base: Snapshot | None = None
        # Again, if another process replaced it meanwhile: Chroma does not say that files went
        # while it opened them, and then finds next to nothing.
        for _ in range(10):
            self._seen = snapshots.stamp()
            self._published = _opened(snapshots, read)
            if snapshots.stamp() == self._seen:
                break
        else:
            self._published = None
        if writable:
            with writing(snapshots.folder):
                snapshots.folder.mkdir(parents=True, exist_ok=True)
                self._base = self._published[0] if self._published else None
                snapshots.sweep(keep=self._base)

    @property
    def generation(self) -> int:
        """Of the ledger, when this was committed; -1 when it has to be built anew."""
        published = self._published
        return published[0].generation if published else UNKNOWN

    def count(self) -> int:
        """Number of passages committed."""
        published = self._published
        return published[0].count if published else 0

    def is_outdated(self) -> bool:
        """Whether another process has committed since, or deleted it; costs one `stat`."""
        return self._snapshots.stamp() != self._seen

    def clear(self) -> None:
        """Starts from nothing; what is published stays until the next commit."""
        self._must_be_writable()
        self._abandon()
        self._base = None

    def close(self) -> None:
        """Lets go of files; what was not committed is dropped."""
        self._abandon()
        self._published = None

    def _publish(self, path: Path, reader: Reader, *, generation: int, removed: int) -> None:
        self._base = self._snapshots.publish(
            path, generation=generation, count=reader.count(), removed=removed
        )
        self._published = (self._base, reader)
        self._seen = self._snapshots.stamp()

    @abstractmethod
    def _abandon(self) -> None:
        """Drops what was not committed."""

    @contextmanager
    def _undone_on_failure(self) -> Iterator[None]:
        try:
            with writing(self._snapshots.folder):
                yield
        except BaseException:
            self._abandon()
            raise

    def _must_be_writable(self) -> None:
        if not self._writable:
            raise IndexUnwritable(f"{self._snapshots.folder} was opened for reading only")


class View:
    """A private folder that shows a snapshot to an engine that insists on writing.

    Databases are copied (23 MB at 100,000 passages), everything else is a symbolic link. The
    folder is deleted with the last reference to the view; one whose process was killed, by the
    next view.
    """

    def __init__(self, snapshot: Path) -> None:
        try:
            _sweep_views()
            self.path = Path(tempfile.mkdtemp(prefix=_VIEW_PREFIX))
        except OSError as error:
            raise IndexUnwritable(
                f"{tempfile.gettempdir()} cannot be written: {error.strerror}; "
                "set TMPDIR to a folder with free space"
            ) from error
        lock = os.open(self.path / "lock.new", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        (self.path / "lock.new").rename(self.path / "lock")  # only ever seen locked, or left over
        weakref.finalize(self, _drop_view, self.path, lock)
        self.data = self.path / "data"
        try:
            shutil.copytree(snapshot.resolve(), self.data, copy_function=_show, ignore=_LOCKS)
            for folder in [self.data, *(p for p in self.data.rglob("*") if p.is_dir())]:
                folder.chmod(0o700)  # copytree took over the mode of a read-only folder
        except (OSError, shutil.Error) as error:
            raise Damaged(str(error)) from error


def sync_to_disk(path: Path) -> None:
    """Waits until a file, or the list of files in a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns whatever an engine or the system says against a write into IndexUnwritable."""
    try:
        yield
    except AskseedsError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise IndexUnwritable(
            f"{folder} cannot be written: {said}; check its permissions and the free disk space"
        ) from error


def _opened(snapshots: Snapshots, read: Callable[[Path], Reader]) -> tuple[Snapshot, Reader] | None:
    """What is published, open to read; None is "to be built anew"."""
    try:
        snapshot = snapshots.current()
        if snapshot is None:
            return None
        reader = read(snapshot.path)
        return (snapshot, reader) if reader.count() == snapshot.count else None
    except Damaged:
        return None


def _show(source: str, target: str) -> str:
    if source.endswith(".sqlite3"):
        shutil.copyfile(source, target)
    else:
        Path(target).symlink_to(source)
    return target


def _drop_view(path: Path, lock: int) -> None:
    _delete_view(path)
    os.close(lock)


def _delete_view(path: Path) -> None:
    """Deletes the lock last: while there is one, the next view tries again."""
    shutil.rmtree(path / "data", ignore_errors=True)
    if not (path / "data").exists():
        shutil.rmtree(path, ignore_errors=True)


def _sweep_views() -> None:
    for path in Path(tempfile.gettempdir()).glob(_VIEW_PREFIX + "*"):
        try:
            lock = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # just being made, or another user's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _delete_view(path)
        except OSError:
            continue  # in use
        finally:
            os.close(lock)


def _as_written(path: Path, size: int, modified_ns: int, crc32: int) -> bool:
    """True if the file is unchanged. Read in full only when its time differs (it was copied)."""
    status = path.stat()
    if status.st_size != size:
        return False
    if status.st_mtime_ns == modified_ns:
        return True
    with path.open("rb") as stream:
        return _crc32(stream) == crc32


def _crc32(stream: BinaryIO) -> int:
    value = 0
    while block := stream.read(1 << 20):
        value = zlib.crc32(block, value)
    return value
