"""A file from a browser into the seeds folder: which names are taken, and how it gets there whole.

A name from a browser is one name, never a path. The content goes to a hidden file beside its place,
which the index does not look at, and gets its name in one step when all of it is there.
"""

import errno
import os
import re
import secrets
import stat
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self

from askseeds import documents
from askseeds.errors import DocumentError

Existing = Literal["refuse", "replace", "keep"]
"""What happens to a file of the same name: nothing (the new one is refused), it is replaced, or
it is kept and the new one gets a number."""

NAME_BYTES = 240
"""Longest name, in UTF-8. File systems take 255; a number must fit in."""

_PREFIX = ".askseeds-upload-"
_ABANDONED_S = 24 * 3600
"""A half upload this old was left by a process that was killed, seconds."""

# The names of devices in Windows, whatever the suffix: a folder may be shared with one, or copied.
_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³]) *(?:\..*)?", re.I)
_DRIVE = re.compile(r"[A-Za-z]:")
# They turn the order of what follows: a name could be read as another one.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def checked_name(name: str) -> str:
    """The name a file gets, composed (NFC), so that what looks the same is the same file.

    Raises:
        DocumentError: It is not one that is taken; the message is the reason alone.
    """
    if not name.strip():
        raise DocumentError("has no name")
    if "/" in name or "\\" in name or _DRIVE.match(name):
        raise DocumentError("has a path for a name; a file name alone is taken")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        raise DocumentError("has control characters in its name; rename it")
    if _REORDERING.search(name):
        raise DocumentError("has characters in its name that turn the reading order; rename it")
    if name.startswith("."):
        raise DocumentError("has a name that begins with a dot, which hides it; rename it")
    if name != name.strip() or name.endswith("."):
        raise DocumentError("has a name that begins or ends with a space, or ends with a dot")
    if _DEVICES.fullmatch(name):
        raise DocumentError("has a name that Windows keeps for a device; rename it")
    name = unicodedata.normalize("NFC", name)
    if len(name.encode()) > NAME_BYTES:
        raise DocumentError(f"has a name longer than {NAME_BYTES} bytes; shorten it")
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in documents.SUFFIXES:
        what = f"files of type {suffix}" if suffix else "files without a type"
        known = " ".join(sorted(documents.SUFFIXES))
        raise DocumentError(f"{what} are not read; {known} are")
    return name


def exists(seeds: Path, name: str) -> bool:
    """Whether something of that name is there: a file, a folder, or a link to anywhere."""
    return os.path.lexists(seeds / name)


class Upload:
    """A file on its way into the seeds. Leaving the `with` block before `keep` forgets it."""

    def __init__(self, seeds: Path, name: str, *, max_bytes: int) -> None:
        """Begins it.

        Raises:
            DocumentError: The name is refused, or the folder cannot be written.
        """
        self._seeds = seeds
        self._name = checked_name(name)
        self._max_bytes = max_bytes
        self._size = 0
        with _writing():
            # In the same folder: only there is giving it its name one step.
            self._path: Path | None = seeds / f"{_PREFIX}{secrets.token_hex(8)}"
            self._file = self._path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Raises:
            DocumentError: There are too many now, or the disk is full.
        """
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise DocumentError(documents.too_large(self._max_bytes))
        with _writing():
            self._file.write(chunk)

    def keep(self, existing: Existing) -> str:
        """Gives the file its place, whole or not at all; returns the name that it has there.

        Raises:
            FileExistsError: There is one of that name, and `existing` is "refuse".
            DocumentError: It is empty, a folder has that name, or it cannot be written.
        """
        assert self._path is not None
        if not self._size:
            raise DocumentError("is empty")
        with _writing():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if existing == "replace":
                place = self._seeds / self._name
                if place.is_dir() and not place.is_symlink():
                    raise DocumentError("has the name of a folder; rename it")
                self._path.replace(place)  # a link of that name is replaced, not followed
                self._path = None
                return self._name
            for name in self._names() if existing == "keep" else (self._name,):
                with suppress(FileExistsError):
                    self._name_it(name)
                    return name
        raise FileExistsError(self._name)

    def _names(self) -> Iterator[str]:
        yield self._name
        stem, dot, suffix = self._name.rpartition(".")
        for number in count(2):
            yield f"{stem} ({number}){dot}{suffix}"

    def _name_it(self, name: str) -> None:
        """Gives it a name that is free; unlike a renaming, a link takes nothing's place."""
        assert self._path is not None
        place = self._seeds / name
        try:
            place.hardlink_to(self._path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(place):
                raise FileExistsError(name) from None
            self._path.rename(place)
            self._path = None

    def __enter__(self) -> Self:
        """Gives the upload itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forgets what did not get its place."""
        with suppress(OSError):  # what could not be written cannot be flushed either
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def clear_abandoned(seeds: Path) -> None:
    """Deletes half uploads of processes that were killed long ago."""
    with suppress(OSError):
        for path in seeds.glob(f"{_PREFIX}*"):
            if time.time() - path.lstat().st_mtime > _ABANDONED_S:
                path.unlink()


def delete(seeds: Path, source: str) -> None:
    """Deletes a file of the seeds, and nothing that a link in them leads to.

    Args:
        seeds: The folder; it may itself be a link.
        source: Path relative to it, `/`-separated.

    Raises:
        DocumentError: It is gone, is no file, is reached through a link, or may not be deleted.
    """
    *folders, name = source.split("/")
    if not name or any(part in ("", ".", "..") for part in (*folders, name)) or "\0" in source:
        raise DocumentError("is not in the list of documents")
    opened: list[int] = []
    try:
        # From folder to folder without following a link, even one that is put there just now.
        opened.append(os.open(seeds, os.O_RDONLY | os.O_DIRECTORY))
        for folder in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            opened.append(os.open(folder, flags, dir_fd=opened[-1]))
        found = os.stat(name, dir_fd=opened[-1], follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            raise DocumentError("is a link, not a file; remove it in the folder itself")
        os.unlink(name, dir_fd=opened[-1])
    except FileNotFoundError:
        raise DocumentError("is not there any more") from None
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):  # what O_NOFOLLOW gives for a link
            raise DocumentError("is in a linked folder; remove it where it is kept") from None
        reason = (error.strerror or "no access").lower()
        raise DocumentError(f"cannot be removed: {reason}") from error
    finally:
        for handle in reversed(opened):
            os.close(handle)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        reason = (error.strerror or "no access").lower()
        raise DocumentError(f"cannot be written to the seeds folder: {reason}") from error
