"""What one sees of a run: live bars on a terminal, plain lines elsewhere, JSON lines for machines.

Everything goes to stderr: stdout is for data. No line carries a URL or a
parameter; events have none.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import orjson

from extractor.events import (
    CallFailed,
    Committed,
    EntityEnded,
    Event,
    Observer,
    ObserverFailed,
    RequestAnswered,
    RowsLanded,
    RunEnded,
    StartedOver,
    Stopping,
    Waiting,
)
from extractor.wording import counted, reading, words

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY = 5.0  # seconds between two plain lines: a night's run stays readable

_ASKED = {"select": "set of columns (--select)", "filter": "condition (--filter)"}

Say = Callable[[str], None]


@contextmanager
def shown(stream: TextIO, clock: Callable[[], float], *, log_format: str, verbose: bool, quiet: bool) -> Iterator[Observer]:
    """Choose the observer that fits the stream and the options, and end it properly."""
    if log_format == "json":
        yield JsonLines(stream, verbose=verbose, quiet=quiet)
    elif stream.isatty() and not (quiet or verbose):
        with _bars(stream) as bars:
            yield bars
    else:
        yield PlainLines(lambda line: print(line, file=stream, flush=True), clock, verbose=verbose, quiet=quiet)


class PlainLines:
    """One line every few seconds, and one for whatever deserves it."""

    def __init__(self, say: Say, clock: Callable[[], float], *, verbose: bool = False, quiet: bool = False) -> None:
        """Say lines; `clock` is in seconds."""
        self._say = say
        self._clock = clock
        self._verbose = verbose
        self._quiet = quiet
        self._next = clock() + EVERY
        self._rows: dict[str, tuple[int, float]] = {}
        self._before = 0  # rows of readings that are over, and whose name another one has now: a sync reads some again and again
        self._said: dict[tuple[str, str], float] = {}

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, RowsLanded):
            came, _ = self._rows.get(event.entity, (0, 0.0))
            self._before += came if event.rows < came else 0
            self._rows[event.entity] = (event.rows, event.left)
        if isinstance(event, CallFailed) and not self._verbose and self._told_lately(event):
            return
        if (line := _line(event, verbose=self._verbose)) and (not self._quiet or _is_trouble(event)):
            self._say(line)
        elif not self._quiet and self._clock() >= self._next:
            self._next = self._clock() + EVERY
            self._say(self._summary())

    def _told_lately(self, event: CallFailed) -> bool:
        """Tell whether an entity's failure of that kind was said some seconds ago: hundreds of calls may meet it together."""
        kind, now = (event.entity, event.reason), self._clock()
        if now < self._said.get(kind, now):
            return True
        if event.attempt > 1:
            self._said[kind] = now + EVERY
        return False

    def _summary(self) -> str:
        """Say how far the run is."""
        rows = self._before + sum(done for done, _ in self._rows.values())
        left = sum(left for _, left in self._rows.values())
        read = " read" if any(":" in name for name in self._rows) else ""
        return f"{counted(rows, 'row')}{read}, about {left:,.0f} to come"


def json_line(event: str, **fields: object) -> str:
    """Write one line of the JSON log: when, in UTC, what, and the rest."""
    at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"at": at, "event": event, **fields}).decode()


class JsonLines:
    """Every event as one JSON object a line."""

    def __init__(self, stream: TextIO, *, verbose: bool = False, quiet: bool = False) -> None:
        """Write to a stream."""
        self._stream = stream
        self._verbose = verbose
        self._quiet = quiet

    def __call__(self, event: Event) -> None:
        """Write an event down."""
        frequent = isinstance(event, RequestAnswered | RowsLanded | Committed)
        if (frequent and not self._verbose) or (self._quiet and not _is_trouble(event)):
            return
        print(json_line(type(event).__name__, **dataclasses.asdict(event)), file=self._stream, flush=True)


class _Bars:
    """A bar per entity, in rich's hands."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        """Move the bars."""
        if isinstance(event, RowsLanded):
            if event.entity not in self._tasks:
                self._tasks[event.entity] = self._progress.add_task(reading(event.entity), total=None)
            total = event.rows + event.left
            self._progress.update(self._tasks[event.entity], completed=event.rows, total=max(total, 1))
        elif isinstance(event, EntityEnded | CallFailed | Waiting | Stopping | StartedOver | ObserverFailed) and (line := _line(event, verbose=False)):
            self._progress.console.print(line, highlight=False, markup=False)


@contextmanager
def _bars(stream: TextIO) -> Iterator[_Bars]:
    """Show bars while the block runs; rich is imported only here: it takes a tenth of a second."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield _Bars(progress)


def _line(event: Event, *, verbose: bool) -> str | None:
    """Put an event into words, if it deserves a line."""
    match event:
        case EntityEnded(entity=entity, status=status, rows=rows, reason=reason):
            return f"{reading(entity)}: {status}, {counted(rows, 'row')}{' read' * (':' in entity)}" + (f" ({reason})" if reason else "")
        case CallFailed(entity=entity, reason=reason, attempt=attempt, wait=wait) if verbose or attempt > 1:
            return f"{reading(entity)}: {words(reason)}, attempt {attempt}, again in {wait:.1f} s"
        case StartedOver(entity=entity, damaged=str(path)):
            return f"{entity}: {path} is not there, or not as the last run left it, so every row is fetched anew"
        case StartedOver(entity=entity, changed=changed):
            what = " and ".join(_ASKED.get(key.lower(), key) for key in changed) or "question"
            return f"{entity}: another {what} than last time, so every row is fetched anew"
        case Stopping(why=why):
            return f"stopping ({why}): what is under way may still land, and is committed; a second signal stops at once"
        case ObserverFailed(why=why):
            return why
        case Waiting(seconds=seconds, why=why):
            return f"waiting {seconds:.0f} s {why}"
        case RequestAnswered(calls=calls, rows=rows, seconds=seconds, error=error) if verbose:
            return f"request of {counted(calls, 'call')}: {words(error) if error else counted(rows, 'row')} in {seconds:.2f} s"
        case _:
            return None


def _is_trouble(event: Event) -> bool:
    """Tell whether an event is worth breaking the silence of `-q`."""
    match event:
        case EntityEnded(status=status):
            return status != "complete"
        case RunEnded(exit_code=exit_code):
            return exit_code != 0
        case ObserverFailed() | StartedOver():
            return True
        case _:
            return False
