"""How long somebody waits who has failed to log in."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_S = 60.0
"""Longest wait between two tries, seconds. Whoever fails on purpose under another's name keeps that
person out for so long, so it is short."""
FORGOTTEN_S = 3600.0
"""After this time without a failure the count begins again, seconds."""
KEPT = 10_000
"""Most keys that are remembered; the one that failed longest ago goes first."""


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Slowdown:
    """Counts failures by key; after some free ones each doubles the wait, up to `MOST_S`."""

    def __init__(self, free: int, clock: Callable[[], float]) -> None:
        self._free = free
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Seconds until the next try is looked at; 0 when it is now."""
        failures = self._failures.get(key)
        if failures is None or failures.count < self._free:
            return 0.0
        wait = min(MOST_S, 2.0 ** min(failures.count - self._free, 10))
        return max(0.0, failures.last + wait - self._clock())

    def failed(self, key: str) -> None:
        """Counts a failure. It is counted before the try, so that many at once do not get by."""
        now = self._clock()
        failures = self._failures.pop(key, None)
        if failures is None or now - failures.last > FORGOTTEN_S:
            failures = _Failures(0, now)
        self._failures[key] = _Failures(failures.count + 1, now)
        if len(self._failures) > KEPT:
            self._failures.popitem(last=False)

    def taken_back(self, key: str) -> None:
        """Uncounts a failure that was none."""
        failures = self._failures.get(key)
        if failures is not None:
            failures.count -= 1

    def forgiven(self, key: str) -> None:
        """Begins anew with this key."""
        self._failures.pop(key, None)
