"""A clock that jumps: an event loop on which waiting takes no time.

Rule 1: time moves only when nothing is ready to run, and then straight to the next timer.
Rule 2: work in threads takes no virtual time: while a job of `run_in_executor`
is out, the clock stands still and the loop really waits for it.
Rule 3: nothing ready, no timer, nobody who could wake the loop: that is a
deadlock, and it is an error at once rather than a test that hangs.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

# A socket or a foreign thread may still wake a loop without timers. Real seconds:
# long enough for a loaded machine, short enough to be read in a test report.
PATIENCE = 10.0

# When every simulated world begins too. A whole minute, so that the limiter's
# one-minute buckets begin at virtual zero.
EPOCH = 1_724_670_000.0


class DeadlockError(RuntimeError):
    """Nothing is ready, nothing is scheduled: the program would wait for ever."""


class _Selector(selectors.DefaultSelector):
    """The real selector, asked for what is ready now; `idle` decides how to wait."""

    idle: Callable[[float | None], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self.idle(timeout)
        return ready

    def wait(self) -> bool:
        """Really wait; tell whether somebody woke the loop (the next `select` sees who)."""
        return bool(super().select(PATIENCE))


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` starts at 0 and jumps from timer to timer."""

    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        self._now = 0.0
        self._abroad = 0
        self._others = _Selector()
        self._others.idle = self._idle
        super().__init__(self._others)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._now

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any],  # type: ignore[override]
                        *args: Any) -> asyncio.Future[Any]:
        """Run `func` in a thread; the clock stands still until it is back."""
        future = super().run_in_executor(executor, func, *args)
        self._abroad += 1
        future.add_done_callback(self._returned)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109, ARG002
        """Join the threads without letting a timeout of virtual seconds pass."""
        self._abroad += 1
        try:
            await super().shutdown_default_executor()
        finally:
            self._abroad -= 1

    def _returned(self, _future: asyncio.Future[Any]) -> None:
        self._abroad -= 1

    def _idle(self, timeout: float | None) -> None:
        """Move the clock to the next timer, or wait for whoever can wake the loop."""
        if self._abroad:
            self._others.wait()
        elif timeout is not None and self._scheduled:
            # `when` itself, not now + timeout: sums of floats would miss it by an ulp.
            self._now = max(self._now, self._scheduled[0].when())
        elif not self._has_others() or not self._others.wait():
            raise DeadlockError(self._who_waits())

    def _has_others(self) -> bool:
        # One file is always watched: the loop's own self-pipe.
        return threading.active_count() > 1 or len(self._others.get_map()) > 1

    def _who_waits(self) -> str:
        waiting = [f"{task.get_name()} {task.get_coro()!r}" for task in asyncio.all_tasks(self)]
        return "nothing is ready and no timer is set; waiting: " + ("; ".join(sorted(waiting)) or "no task")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a virtual clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def loop_clock(epoch: float = EPOCH) -> Callable[[], float]:
    """Return a clock in unix seconds that follows the running loop, from `epoch` on."""
    return lambda: epoch + asyncio.get_running_loop().time()
