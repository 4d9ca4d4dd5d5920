"""Keeps the index up to date behind the chat's back, so that no question waits long for it."""

import threading
import time
from concurrent.futures import Future

from askseeds.config import Settings
from askseeds.sync import FIRST_INDEX_WAIT_S, Notice, Progress, is_current, synchronise

WAIT_S = 1.0
"""A question waits so long for documents that are being indexed, seconds."""


class Freshness:
    """Lets the index follow the documents in a thread of its own, at most one at a time."""

    def __init__(self, settings: Settings, *, progress: Progress, notice: Notice) -> None:
        self._settings = settings
        self._progress = progress
        self._notice = notice
        self._turning = threading.Lock()
        self._sync: Future[None] | None = None
        self._begin = 0.0

    def reached(self, wait_s: float = WAIT_S) -> bool:
        """Whether the index is up to date, after waiting a little if it was not.

        False while indexing goes on: what is published is whole, and can be asked.

        Raises:
            AskseedsError: The index cannot follow; see `sync.synchronise`.
        """
        if is_current(self._settings):
            return True
        with self._turning:
            if self._sync is None or self._sync.done():
                self._sync, self._begin = Future(), time.monotonic()
                # A daemon: an index that is left half written goes on from there.
                threading.Thread(
                    target=self._run, args=(self._sync,), name="askseeds-sync", daemon=True
                ).start()
            sync, left = self._sync, self._begin + wait_s - time.monotonic()
        try:
            sync.result(max(0.0, left))
        except TimeoutError:
            return False
        return True

    def _run(self, sync: "Future[None]") -> None:
        try:
            report = synchronise(self._settings, progress=self._progress, wait_s=FIRST_INDEX_WAIT_S)
            for skipped in report.skipped:
                if skipped.failed:
                    self._notice(f"cannot read {skipped.source}: {skipped.reason}")
        except BaseException as error:  # noqa: BLE001 - `reached` raises it where it is heard
            sync.set_exception(error)
        else:
            sync.set_result(None)
