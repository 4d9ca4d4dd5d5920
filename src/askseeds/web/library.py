"""What there is to do about documents in the chat.

They are added and removed here, and the index follows the seeds in the background, whoever changes
them. Meanwhile questions are answered from the generation before.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from askseeds import documents
from askseeds.config import Settings
from askseeds.errors import AskseedsError, DocumentError, IndexLocked, NoDocuments
from askseeds.sync import max_bytes, synchronise
from askseeds.web import uploads
from askseeds.web.listing import Listing, Look, Pending, look_at

LOOK_S = 2.0
"""How often the seeds are looked at, seconds; more seldom where a look takes long."""

GATHER_S = 0.2
"""A change is waited with this long, so that files that come together are read together."""

AGAIN_S = 5.0
MOST_AGAIN_S = 300.0
"""What could not be read is tried again after the first, doubled up to the second, seconds."""

END_S = 2.0
"""Indexing that goes on at the end is waited for this long, seconds; it goes on the next time."""

_log = logging.getLogger(__name__)


class Library:
    """The documents of one chat. Safe to use from several threads.

    In its `with` block the index follows the seeds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = threading.Thread(target=self._run, name="askseeds-library", daemon=True)
        self._looking = threading.Lock()
        self._woken = threading.Event()
        self._followed = threading.Condition()
        self._tried: Pending = frozenset()
        self._done_s = -float("inf")  # when the last look began that found nothing new to do
        self._again_s, self._again_at_s = AGAIN_S, 0.0
        self._ended = False
        self._listing = Listing()
        self._began_s, self._took_s = -float("inf"), 0.0  # the last look
        self._pending: Pending = frozenset()  # what it found
        # Until the block is entered the index is being opened, and all that waits is on its way.
        self._working: Callable[[str], bool] | None = lambda source: True
        self._share, self._working_since_s = 0.0, time.monotonic()
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

    @property
    def working_s(self) -> float:
        """How long the indexing that goes on has taken, seconds; 0 when none does."""
        return 0.0 if self._working is None else time.monotonic() - self._working_since_s

    def listing(self, *, fresh: bool = False) -> Listing:
        """The list, as of a moment ago; `fresh` as of now."""
        self._look(since_s=time.monotonic() - (0 if fresh else self._pause_s()))
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
            self._began_s = -float("inf")
        self._woken.set()

    def settle(self, timeout_s: float) -> bool:
        """Waits until the index has what lies in the seeds, but for what cannot be read.

        Returns:
            False when that takes longer than `timeout_s` seconds.
        """
        began_s = time.monotonic()
        pending = self._look()
        if not pending <= self._tried:
            self._woken.set()
        with self._followed:
            return self._followed.wait_for(
                # What the indexing that went on at the look has read as well is pending no more.
                lambda: pending <= self._tried or self._done_s >= began_s or self._ended,
                began_s + timeout_s - time.monotonic(),
            )

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
        """Stops following."""
        self._ended = True
        self._woken.set()
        with self._followed:
            self._followed.notify_all()
        self._thread.join(END_S)

    # -- in the background -----------------------------------------------------------------------

    def _run(self) -> None:
        uploads.clear_abandoned(self.folder)
        while not self._ended:
            self._woken.clear()
            try:
                self._keep_up()
            except Exception:  # noqa: BLE001 - one odd moment must not end the following for good
                _log.exception("The documents could not be looked at")
            self._woken.wait(self._pause_s())

    def _keep_up(self) -> None:
        """Brings the index up to date if it is not, unless that was tried in vain just now."""
        began_s = time.monotonic()
        pending = self._look()
        same = pending == self._tried
        if not pending or (same and time.monotonic() < self._again_at_s):
            if not pending:
                self._fault = ""
            with self._followed:
                self._done_s = began_s
                self._followed.notify_all()
            return
        time.sleep(GATHER_S)
        pending = self._look()
        if self._follow():
            self._again_s = min(2 * self._again_s, MOST_AGAIN_S) if same else AGAIN_S
            self._again_at_s = time.monotonic() + self._again_s
            with self._followed:
                self._tried = pending  # what lay there before: what came meanwhile is new
                self._followed.notify_all()

    def _follow(self) -> bool:
        """Brings the index up to date; False when another process is at it, to be tried soon."""
        reading = {e.source for e in self.listing().entries if e.state == "waiting"}
        self._share, self._working_since_s = 0.0, time.monotonic()
        self._working = reading.__contains__
        self._look()
        try:
            synchronise(self._settings, progress=self._progress)
            self._fault = ""
        except IndexLocked:
            return False
        except NoDocuments as error:
            # Before the first one nothing is amiss; afterwards the old index is kept.
            self._fault = str(error) if self._listing.indexed else ""
        except AskseedsError as error:
            self._fault = str(error)
        except Exception:  # noqa: BLE001 - the chat goes on with the index as it is
            _log.exception("The documents could not be indexed")
            self._fault = "The documents could not be indexed; the terminal says why."
        finally:
            self._working = None
            self._look()
        return True

    def _progress(self, stage: str, done: int, total: int) -> None:
        # What comes after the embedding takes no time beside it.
        if stage == "indexing" and total:
            self._share = done / total

    def _pause_s(self) -> float:
        return max(LOOK_S, 10 * self._took_s)

    def _look(self, *, since_s: float | None = None) -> Pending:
        """What the index lacks, by a look that began after that moment, or after now."""
        since_s = time.monotonic() if since_s is None else since_s
        with self._looking:
            # Many ask at once: those who waited for a look that began after them need no other.
            if self._began_s < since_s:
                began_s = time.monotonic()
                try:
                    look, fault = look_at(self._settings), self._fault
                except AskseedsError as error:
                    look, fault = Look(self._listing.entries, frozenset()), str(error)
                if self._working is not None:
                    look = look.with_work(self._working)
                self._pending = look.pending
                if (look.entries, fault) != (self._listing.entries, self._listing.fault):
                    indexed = sum(entry.asked for entry in look.entries)
                    version = self._listing.version + 1
                    self._listing = Listing(look.entries, version, indexed, fault)
                self._began_s, self._took_s = began_s, time.monotonic() - began_s
            return self._pending
