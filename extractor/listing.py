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
    starts it over.
    """

    question: Question
    jobs: deque[Job] = field(default_factory=deque)
    spans: list[Span] | None = None

    @property
    def method(self) -> str:
        """The entity's method."""
        return self.question.entity.method

    def widest(self, worth: float = WORTH_SPLITTING) -> Span | None:
        """Return the span with the most rows left, if it has `worth` of them; one read by offsets cannot be split."""
        return max(self.splittable(worth), key=Span.rows_left, default=None)

    def splittable(self, worth: float = WORTH_SPLITTING) -> list[Span]:
        """List the spans that may be split: those read by ids, with rows enough for two."""
        parts = [job.part for job in self.jobs if job.part is not None and job.part.total is None and not job.lone]
        return [part.span for part in parts if part.span.rows_left() >= worth]

    def wakes_at(self, now: float, ready: float, worth: float) -> float | None:
        """Return when its next call may go, if its method may be called from `ready` on; a span that is `worth` splitting is a call."""
        waits = [job.not_before for job in self.jobs if not job.flying]
        if worth < math.inf and self.widest(worth):
            waits.append(now)
        return max(min(waits), now, ready) if waits else None

    def rows_left(self) -> float:
        """Estimate the rows still to come; 0 until the entity has been cut."""
        return sum(span.rows_left() for span in self.spans or ())


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
