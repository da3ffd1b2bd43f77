"""Runs `b24x` with a timer on its event loop, and writes down how late the timer came; without a command, an idle loop.

It is called with the file for the figures and the command's words. The timer falls due every millisecond. One that
comes late brings with it those that fell due meanwhile: each counts, with what it had to wait.

Lateness has two causes: what the loop's own thread computed since the timer was there last, and that others had the
processor. The first is counted apart, by the thread's processor time, in the same way: it is what one would wait on a
machine that is all one's own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from extractor.cli import main, running

TICK = 0.001
_late: list[float] = []
_own: list[float] = []


def watched(make: Callable[[], asyncio.AbstractEventLoop]) -> asyncio.AbstractEventLoop:
    """Make a loop, and set the timer on it."""
    loop = make()

    def due(at: float, used: float) -> None:
        now, computed = loop.time(), time.thread_time() - used
        while at <= now:
            _late.append(now - at)
            _own.append(max(0.0, min(computed, now - at)))
            computed -= TICK
            at += TICK
        loop.call_at(at, due, at, time.thread_time())

    loop.call_soon(lambda: due(loop.time(), time.thread_time()))
    return loop


async def idle() -> None:
    """Do nothing until stdin ends."""
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def figures() -> dict[str, float]:
    """Sum up."""
    late, own = sorted(_late), sorted(_own)
    place = len(late) * 99 // 100
    return {"p50": late[len(late) // 2], "p99": late[place], "longest": late[-1], "own p99": own[place], "own longest": own[-1]}


if __name__ == "__main__":
    path, words = Path(sys.argv[1]), sys.argv[2:]
    fastest = running.fastest_loop() or asyncio.new_event_loop
    running.fastest_loop = lambda: lambda: watched(fastest)
    code = 0
    if words:
        try:
            main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    else:
        with asyncio.Runner(loop_factory=running.fastest_loop()) as runner:
            runner.run(idle())
    path.write_text(json.dumps(figures()))
    sys.exit(code)
