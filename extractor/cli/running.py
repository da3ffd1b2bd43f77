"""Carries one run out on a real loop: signals, progress, the report, the summary line."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from extractor import report
from extractor.cli import collect_seldom
from extractor.cli.ending import masked, say
from extractor.cli.summary import append, refuse_unwritable
from extractor.config import Settings
from extractor.events import Observer
from extractor.order import Outcome
from extractor.progress import shown
from extractor.textfile import Measured, measured
from extractor.transport import HttpTransport, Transport

_STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory where it is installed."""
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop


class Run(Protocol):
    """A dump, a sync, or a look at what they left."""

    def stop(self, exit_code: int, why: str) -> None:
        """Take nothing new, commit what has come, and end with this exit code."""
        ...

    @property
    def renewing(self) -> bool:
        """Whether new tokens are on their way, which would be lost with this process."""
        ...

    async def run(self) -> Outcome:
        """Carry it out."""
        ...


Make = Callable[[Transport, Sequence[Observer]], Run]
"""Puts a run's parts together."""


Told = Callable[[Outcome], None]
"""Says what a run came to, where that is not a report of rows."""


def carry_out(
    make: Make, settings: Settings, *, log_format: str, verbose: bool, quiet: bool, summary: Path | None = None,
    metrics: Path | None = None, folder: Path | None = None, told: Told | None = None,
) -> int:
    """Carry a run out to its end; print the report; return the exit code."""
    collect_seldom()
    if summary is not None:
        refuse_unwritable(summary)

    async def run(measures: Measured) -> Outcome:
        async with HttpTransport(timeout=settings.timeout) as transport:
            return await watched(
                lambda transport, observers: make(transport, [*observers, measures.tally]), transport,
                log_format=log_format, verbose=verbose, quiet=quiet)

    with (
        measured(metrics, portal=settings.credentials.host, folder=folder) as measures,
        asyncio.Runner(loop_factory=fastest_loop()) as runner,
    ):
        outcome = measures.outcome = runner.run(run(measures))
    if verbose and outcome.bug is not None:
        say(masked("".join(traceback.format_exception(outcome.bug.__cause__))))
    if summary is not None:
        append(summary, report.summary(outcome))
    if told is not None:
        told(outcome)
    elif not quiet and log_format == "text" and (not outcome.exit_code or report.rows(outcome)):
        for line in report.lines(outcome, settings):
            say(line)
    if outcome.exit_code and log_format == "text":  # in the other one it stands in the line of the run's end
        say(f"b24x: {masked(outcome.why or '')}")
    return outcome.exit_code


async def watched(
    make: Make, transport: Transport, *, log_format: str = "text", verbose: bool = False, quiet: bool = False
) -> Outcome:
    """Carry a run out with progress on stderr, until its end or a signal."""
    with shown(sys.stderr, time.monotonic, log_format=log_format, verbose=verbose, quiet=quiet) as observer:
        run = make(transport, [observer])
        with _signals(run):
            return await run.run()


@contextmanager
def _signals(run: Run) -> Iterator[None]:
    """Let the first SIGINT or SIGTERM end the run cleanly, and the second one at once; while new tokens come, none does."""
    loop = asyncio.get_running_loop()
    heard: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if heard and run.renewing:
            say("new tokens are on their way: stopped now, the application would have to be authorised anew")
            return
        if not run.renewing:
            for each in _STOPS:
                loop.remove_signal_handler(each)
        if heard:
            signal.raise_signal(number)
        heard.append(number)
        run.stop(_STOPS[number], "interrupted")

    if os.name == "nt":  # the loop there has no signal handlers: Ctrl-C raises, and the last commit stands
        yield
        return
    for number in _STOPS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in _STOPS:
            loop.remove_signal_handler(number)
