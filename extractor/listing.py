"""What a scheduler holds: listings, the jobs at work on them, and the tickets and landings that it gives out.

A listing is one entity being read; a job is one of its pagers, with the calls of its latest ask.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from extractor.errors import B24xError
from extractor.messages import PAGE_SIZE, Call, Page, Row, Unread
from extractor.paging import Pager, Part
from extractor.paging.span import Span
from extractor.question import Question

WORTH_SPLITTING = 4 * PAGE_SIZE  # both halves keep two pages, and half a page is lost: a fifth at the worst


@dataclass(slots=True, eq=False)
class Job:
    """One pager at work: the calls of its latest ask, how many are answered, how many under way."""

    listing: Listing
    pager: Pager
    part: Part | None = None
    calls: tuple[Call, ...] = ()
    pages: list[Page] = field(default_factory=list)
    lone: bool = False
    flying: int = 0
    failures: Counter[type[B24xError]] = field(default_factory=Counter)
    not_before: float = 0.0

    def ready(self, now: float) -> bool:
        """Tell whether its next call may go: nothing of it is under way, nothing to wait for."""
        return not self.flying and self.not_before <= now


@dataclass(slots=True, eq=False)
class Listing:
    """One entity being read: its question, the jobs at work on it, and the spans still to be read.

    `spans` is `None` until the entity has been cut: a run that stops before
    starts it over. What is left of hundreds of spans is asked for many times
    between two answers, and so it is kept until one of them has `moved`.
    """

    question: Question
    jobs: deque[Job] = field(default_factory=deque)
    spans: list[Span] | None = None
    _left: float | None = field(default=None, repr=False)
    _wide: dict[float, list[Span]] = field(default_factory=dict, repr=False)

    @property
    def method(self) -> str:
        """The entity's method."""
        return self.question.entity.method

    def moved(self) -> None:
        """Know that a job or its span is not what it was."""
        self._left = None
        self._wide.clear()

    def splittable(self, worth: float = WORTH_SPLITTING) -> list[Span]:
        """List the spans that may be split: those with `worth` rows left, enough for two; one read by offsets cannot be."""
        if worth not in self._wide:
            parts = [job.part for job in self.jobs if job.part is not None and job.part.total is None and not job.lone]
            self._wide[worth] = [part.span for part in parts if part.span.rows_left() >= worth]
        return self._wide[worth]

    def wakes_at(self, now: float, ready: float, worth: float) -> float | None:
        """Return when its next call may go, if its method may be called from `ready` on; a span that is `worth` splitting is a call."""
        waits = [job.not_before for job in self.jobs if not job.flying]
        if worth < math.inf and self.splittable(worth):
            waits.append(now)
        return max(min(waits), now, ready) if waits else None

    def rows_left(self) -> float:
        """Estimate the rows still to come; 0 until the entity has been cut."""
        if self._left is None:
            self._left = sum(span.rows_left() for span in self.spans or ())
        return self._left


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was handed out, and the place in its job where the answer belongs."""

    job: Job
    place: int
    call: Call


@dataclass(frozen=True, slots=True)
class Landing:
    """What an answer brought: rows to write, ids that cannot be read, and whether its entity is now at its end."""

    listing: Listing
    rows: Sequence[Row] = ()
    finished: bool = False
    unread: tuple[Unread, ...] = ()
