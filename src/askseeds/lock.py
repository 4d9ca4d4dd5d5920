"""One writer at a time: the lock of an index folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from askseeds.errors import IndexLocked, IndexUnwritable


@contextmanager
def writer(index: Path, *, wait_s: float = 0) -> Iterator[None]:
    """Holds the lock of the one writer; the system lets go of it when a process dies.

    Raises:
        IndexLocked: Another process holds it, and still did after `wait_s` seconds.
        IndexUnwritable: The folder cannot be written to.
    """
    try:
        index.mkdir(parents=True, exist_ok=True)
        lock = FileLock(index / "lock", timeout=wait_s)
        lock.acquire()
    except Timeout:
        raise IndexLocked(
            f"another askseeds is updating {index}; try again when it is done"
        ) from None
    except OSError as error:
        raise IndexUnwritable(
            f"{index} cannot be written ({(error.strerror or 'no access').lower()}); "
            "make it writable, or choose another with --index"
        ) from error
    try:
        yield
    finally:
        lock.release()
