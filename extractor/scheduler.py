"""Which calls go next: a plain object with a few verbs, and no await anywhere.

Rule 1: shared state changes only inside these functions, each of which runs
to its end before anything else does. A page's rows are handed out in the very
step that moves its span's cursor.

Rule 2: a job is one pager and the calls of its latest ask. Its calls run in
their order, never two requests of one job at a time; when one fails, those
behind it are asked again (offset paging lives on this).

Rule 3: listings (one per entity) share every request, a call each in turn, so
that no entity starves and every method's operating budget is in use.

Rule 4: when fewer calls are ready than a request could carry, the span with
the most rows left is split, as long as both halves keep more than a page. A
split costs half a page (the rows read beyond its upper end), so no more spans
are opened than the requests that run side by side need: `width`.
"""

from __future__ import annotations

import functools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from extractor.errors import B24xError, ContractBroken
from extractor.load import Load
from extractor.messages import PAGE_SIZE, Call, Page, Row, Unread
from extractor.paging import Ask, Finish, Pager, Part
from extractor.paging.span import Span
from extractor.planner import opening, pager
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

    def widest(self) -> Span | None:
        """Return the span with the most rows left, if it is worth being split; one read by offsets cannot be."""
        return max(self.splittable(), key=Span.rows_left, default=None)

    def splittable(self) -> list[Span]:
        """List the spans that may be split: those read by ids, with rows enough for two."""
        parts = [job.part for job in self.jobs if job.part is not None and job.part.total is None and not job.lone]
        return [part.span for part in parts if part.span.rows_left() >= WORTH_SPLITTING]

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


class Scheduler:
    """Hands out calls, takes pages, and knows what is left."""

    def __init__(self) -> None:
        self._listings: deque[Listing] = deque()

    def __repr__(self) -> str:
        return f"<Scheduler listings={len(self._listings)} jobs={self._jobs()}>"

    def add(self, question: Question, spans: Sequence[Span] | None = None) -> tuple[Listing, Sequence[Landing]]:
        """Begin an entity from its start, or go on with the spans that a checkpoint left."""
        listing = Listing(question)
        self._listings.append(listing)
        if spans is None:
            return listing, self._start(Job(listing, opening(question)))
        listing.spans = []
        return listing, [*self._open(listing, [Part(span) for span in spans]), *self._ended(listing)]

    def take(
        self, now: float, width: int, *, room: Callable[[str], int], weight: Callable[[str], float]
    ) -> list[Ticket]:
        """Hand out the calls of one request, splitting spans to fill it while fewer than `width` jobs are at work.

        `room(method)` is how many calls of a method may go now, `weight(method)`
        the share of a request that one of them takes.
        """
        for job in self._lone(now, room):
            return self._take_job(job, 1)
        load: Load[Ticket] = Load(room, weight)
        self._listings.rotate(-1)
        for listing in self._listings:
            load.add(listing.method, self._ready(listing, now, load.share(listing.method, len(self._listings))))
        for listing in self._listings:
            load.add(listing.method, self._ready(listing, now, load.share(listing.method, 1)))
        for listing in self._listings:
            load.add(listing.method, self._fresh(listing, min(load.share(listing.method, 1), width - self._jobs())))
        return load.tickets

    def rows_left(self) -> float:
        """Estimate the rows still to come of all entities."""
        return sum(listing.rows_left() for listing in self._listings)

    def feed(self, ticket: Ticket, page: Page) -> Sequence[Landing]:
        """Take the page that answers a call; answers behind a failed one are dropped, and come again."""
        job = ticket.job
        job.flying -= 1
        if ticket.place != len(job.pages) or job.listing not in self._listings:
            return ()
        job.pages.append(page)
        job.failures.clear()
        if len(job.pages) < len(job.calls):
            return ()
        pages, job.pages = job.pages, []
        return self._step(job, lambda: job.pager.send(pages))

    def failed(self, ticket: Ticket, error: B24xError, not_before: float) -> None:
        """Put a call that failed back; it may go again at `not_before`."""
        job = ticket.job
        job.flying -= 1
        if ticket.place == len(job.pages):
            job.failures[type(error)] += 1
            job.not_before = max(job.not_before, not_before)

    def fail(self, ticket: Ticket, error: B24xError) -> Sequence[Landing]:
        """Let a pager know that a call has failed for good; one that knows no way around it raises the error."""
        job = ticket.job
        job.flying -= 1
        job.pages = []
        job.failures.clear()
        return self._step(job, lambda: job.pager.throw(error)) if job.listing in self._listings else ()

    def drop(self, listing: Listing) -> None:
        """Give an entity up: its answers under way will be ignored."""
        if listing in self._listings:
            self._listings.remove(listing)

    def wakes_at(self, now: float, width: int, ready_at: Callable[[str], float]) -> float | None:
        """Return when the next call may go (`now` if one may at once), or `None` while all are under way."""
        may_split = self._jobs() < width
        times = (self._listing_wakes_at(listing, now, ready_at, may_split=may_split) for listing in self._listings)
        return min((time for time in times if time is not None), default=None)

    def load(self, now: float, width: int, weight: Callable[[str], float]) -> float:
        """Return how many requests could be filled now: with the calls that are ready, and by splitting."""
        splits = width - self._jobs()
        full = 0.0
        for listing in self._listings:
            fresh = max(0, min(splits, len(listing.splittable())))
            splits -= fresh
            full += weight(listing.method) * (fresh + sum(job.ready(now) for job in listing.jobs))
        return full

    def in_order(self, now: float) -> bool:
        """Tell whether a job with several calls is ready: they belong into one request."""
        return any(len(job.calls) > 1 and job.ready(now) for listing in self._listings for job in listing.jobs)

    @property
    def done(self) -> bool:
        """Whether nothing is left to be read."""
        return not self._listings

    def _jobs(self) -> int:
        """Count the jobs at work."""
        return sum(len(listing.jobs) for listing in self._listings)

    def _listing_wakes_at(
        self, listing: Listing, now: float, ready_at: Callable[[str], float], *, may_split: bool
    ) -> float | None:
        """Return when one listing's next call may go; a span worth splitting is a call too."""
        waits = [job.not_before for job in listing.jobs if not job.flying]
        if may_split and listing.widest():
            waits.append(now)
        return max(min(waits), now, ready_at(listing.method)) if waits else None

    def _lone(self, now: float, room: Callable[[str], int]) -> Iterator[Job]:
        """Find the jobs whose next call goes in a request of its own, and may go now."""
        for listing in self._listings:
            yield from (job for job in listing.jobs if job.lone and job.ready(now) and room(listing.method) > 0)

    def _ready(self, listing: Listing, now: float, count: int) -> list[Ticket]:
        """Take up to `count` calls that are ready, in the order of the jobs."""
        tickets: list[Ticket] = []
        for _ in range(len(listing.jobs)):
            if len(tickets) >= count:
                break
            job = listing.jobs[0]
            listing.jobs.rotate(-1)
            if job.ready(now) and not job.lone:
                tickets += self._take_job(job, count - len(tickets))
        return tickets

    def _fresh(self, listing: Listing, count: int) -> list[Ticket]:
        """Take up to `count` calls of new jobs, for upper halves of the spans with the most rows left."""
        tickets: list[Ticket] = []
        while len(tickets) < count and (widest := listing.widest()):
            self._open(listing, [Part(widest.split())])
            tickets += self._take_job(listing.jobs[-1], 1)
        return tickets

    def _take_job(self, job: Job, count: int) -> list[Ticket]:
        """Take the next calls of one job, in their order."""
        begin = len(job.pages)
        calls = job.calls[begin : begin + count]
        job.flying = len(calls)
        return [Ticket(job, begin + place, call) for place, call in enumerate(calls)]

    def _open(self, listing: Listing, parts: Sequence[Part]) -> Sequence[Landing]:
        """Start a pager on each part; all are there before the first one moves, lest it seem the last."""
        listing.spans = [*(listing.spans or ()), *(part.span for part in parts)]
        jobs = [Job(listing, pager(listing.question, part), part) for part in parts]
        return self._start(*jobs)

    def _start(self, *jobs: Job) -> Sequence[Landing]:
        """Set jobs to work on their first asks."""
        for job in jobs:
            job.listing.jobs.append(job)
        return [landing for job in jobs for landing in self._step(job, functools.partial(next, job.pager))]

    def _step(self, job: Job, advance: Callable[[], Ask]) -> Sequence[Landing]:
        """Let a pager go on to its next ask, or to its end."""
        listing = job.listing
        try:
            ask = advance()
        except StopIteration as end:
            return self._finish(job, end.value)
        if not ask.calls:
            raise ContractBroken("a pager asked for nothing")
        job.calls, job.not_before, job.lone = ask.calls, 0.0, ask.lone
        return [Landing(listing, ask.rows, unread=ask.unread)]

    def _finish(self, job: Job, end: Finish) -> Sequence[Landing]:
        """Take the last rows of a pager, open the parts it leaves, and see whether the entity is at its end."""
        listing = job.listing
        listing.jobs.remove(job)
        if listing.spans is not None and job.part is not None:
            listing.spans.remove(job.part.span)
        landings = [Landing(listing, end.rows, unread=end.unread)]
        if end.parts:
            landings += self._open(listing, end.parts)
        return [*landings, *self._ended(listing)]

    def _ended(self, listing: Listing) -> Sequence[Landing]:
        """Let go of an entity that has no jobs any more, once."""
        if listing.jobs or listing not in self._listings:
            return ()
        self._listings.remove(listing)
        return (Landing(listing, finished=True),)
