"""The line of those who wait for an answer: first come, first served."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not begun yet; `place` is 1 for who is next."""

    place: int


class Run(Generic[State]):
    """One question on its way: worked on in a thread, followed from an event loop.

    Each state replaces the one before; who follows sees the newest, and always the last.
    """

    def __init__(self) -> None:
        """Call it in the event loop that follows."""
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._state: State | Waiting | None = None
        self._ended = False
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        """True when nobody wants to know any more: the work should end soon."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Asks the work to end. Safe in any thread, and after the end."""
        self._stopped.set()

    def tell(self, state: State | Waiting | None = None, *, ended: bool = False) -> None:
        """A new state, or the end. Safe in any thread."""
        self._state = self._state if state is None else state
        self._ended = ended
        with suppress(RuntimeError):  # the event loop is closed: nobody follows
            self._loop.call_soon_threadsafe(self._changed.set)

    async def follow(self) -> AsyncIterator[State | Waiting]:
        """The states until the end; leaving the iterator stops the work."""
        try:
            ended = False
            while not ended:
                await self._changed.wait()
                self._changed.clear()
                ended = self._ended  # before the state: the last one must not be missed
                if self._state is not None:
                    yield self._state
        finally:
            self.stop()


class Line(Generic[State]):
    """Lets so many runs be worked on at the same time; the others wait, and are told their place.

    The threads are daemons: work that hangs does not keep the process alive.
    """

    def __init__(self, work: Callable[[Run[State]], None], *, at_once: int) -> None:
        """Begins to wait for runs.

        Args:
            work: Called with each run in turn, in a thread; must not raise.
            at_once: So many threads.
        """
        self._work = work
        self._waiting: deque[Run[State]] = deque()
        self._idle = 0
        self._closed = False
        self._condition = threading.Condition()
        for number in range(at_once):
            threading.Thread(target=self._serve, name=f"askseeds-ask-{number}", daemon=True).start()

    def join(self, run: Run[State]) -> None:
        """Puts a run at the end of the line."""
        with self._condition:
            self._waiting.append(run)
            self._condition.notify()
            self._tell_places()

    def leave(self, run: Run[State]) -> None:
        """Stops a run; when it waits, it leaves the line."""
        run.stop()
        with self._condition, suppress(ValueError):
            self._waiting.remove(run)
            run.tell(ended=True)
            self._tell_places()

    def close(self) -> None:
        """Sends everybody home."""
        with self._condition:
            self._closed = True
            for run in self._waiting:
                run.stop()
                run.tell(ended=True)
            self._waiting.clear()
            self._condition.notify_all()

    def _tell_places(self) -> None:
        # Who is about to be served has no place to be told.
        for place, run in enumerate(self._waiting, 1 - self._idle):
            if place > 0:
                run.tell(Waiting(place))

    def _serve(self) -> None:
        while True:
            with self._condition:
                self._idle += 1
                while not self._waiting and not self._closed:
                    self._condition.wait()
                self._idle -= 1
                if self._closed:
                    return
                run = self._waiting.popleft()
                self._tell_places()
            if not run.stopped:
                self._work(run)
            run.tell(ended=True)
