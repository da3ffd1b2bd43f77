"""Makes durable what has come: once a second, every 8 MiB, and at the end.

Rule 1: whoever moves cursors, or commits, has the turn. So nothing is absorbed
while the disk is waited for, and whatever is recorded is whole.
Rule 2: the files are synced first; then what they hold is recorded.
Rule 3: the disk is waited for in a thread, and a cancellation sees it through:
nothing may follow before it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from extractor.sinks import Sink

COMMIT_SECONDS = 1.0  # what a kill may cost, in time
COMMIT_BYTES = 8 << 20  # and in bytes, and in memory: about two full batches


class Committer:
    """Commits the sinks of a run; used as a context manager, for its thread."""

    def __init__(self, sinks: Callable[[], Sequence[Sink]], save: Callable[[], Callable[[], None]], done: Callable[[], None]) -> None:
        """Commit `sinks()`; then `save` looks at where everything stands, and returns what records it; then `done` is told."""
        self._sinks, self._save, self._done = sinks, save, done
        self._dirty = asyncio.Event()
        self._landed = 0
        self.turn = asyncio.Lock()

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="committer")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.shutdown()

    def landed(self, size: int = 0) -> None:
        """Note that there is something to commit: so many bytes of rows, or a change of where things stand."""
        self._landed += size
        self._dirty.set()

    async def keep_on(self) -> None:
        """Commit what has come, a second after its first row, until cancelled."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(COMMIT_SECONDS)
            async with self.turn:
                await self.commit()

    async def commit_if_full(self) -> None:
        """Commit when as much has come as may be held; in the same turn: others who wait for theirs would bring more."""
        if self._landed >= COMMIT_BYTES:
            await self.commit()

    async def commit(self) -> None:
        """Make all rows so far durable, then record where everything stands; the turn is the caller's."""
        self._dirty.clear()
        self._landed = 0
        sinks = self._sinks()
        await self._aside(lambda: [sink.commit() for sink in sinks])
        await self._aside(self._save())
        self._done()

    async def _aside(self, work: Callable[[], object]) -> None:
        """Do work that waits for the disk in the thread."""
        done = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            while not done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({done})
            raise
