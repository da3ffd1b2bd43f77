"""Which calls go next: a plain object with a few verbs, and no await anywhere.

Rule 1: shared state changes only inside these functions, each of which runs
to its end before anything else does. A page's rows are handed out in the very
step that moves its span's cursor.

Rule 2: a job is one pager and the calls of its latest ask. Its calls run in
their order, never two requests of one job at a time; when one fails, those
behind it are asked again (offset paging lives on this).

Rule 3: a chained page is an answer to a call that its pager has not made yet, so it is
given to it only where it answers the very next one: the page before it was full
(else what it refers to is not there, and the portal reads from the start), and it
lies above that one's last row. An empty one says nothing. What is not used comes again, asked for by its id.

With what a request is filled is decided in `filling`.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from extractor.errors import B24xError, ContractBroken, OperatingLimited
from extractor.filling import Filling
from extractor.listing import NONE, SURELY, WORTH_SPLITTING, Job, Landing, Listing, Ticket
from extractor.load import Load
from extractor.messages import BATCH_SIZE, PAGE_SIZE, Page
from extractor.paging import Ask, Finish, Part
from extractor.paging.span import Span
from extractor.planner import opening, pager
from extractor.question import Question


class Scheduler:
    """Hands out calls, takes pages, and knows what is left."""

    def __init__(self) -> None:
        self._listings: deque[Listing] = deque()

    def __repr__(self) -> str:
        return f"<Scheduler listings={len(self._listings)} jobs={self._at_work(lambda _: 1)}>"

    def add(self, question: Question, spans: Sequence[Span] | None = None) -> tuple[Listing, Sequence[Landing]]:
        """Begin an entity from its start, or go on with the spans that a checkpoint left."""
        listing = Listing(question)
        self._listings.append(listing)
        if spans is None:
            return listing, self._start(Job(listing, opening(question)))
        listing.spans = []
        return listing, [*self._open(listing, [Part(span) for span in spans]), *self._ended(listing)]

    def take(
        self, now: float, width: int, *, room: Callable[[str], int], weight: Callable[[str], float],
        wait: Callable[[Listing], float] = lambda _listing: 0.0, worth: float = WORTH_SPLITTING, sure: float = 1.0,
        least: Callable[[str], float] | None = None, beyond: Callable[[str], int] = lambda _method: 1,
    ) -> list[Ticket]:
        """Hand out the calls of one request, splitting spans to fill it while fewer than `width` jobs are at work.

        `room(method)` is how many calls of a method may go now, `weight(method)`
        the share of a request that one of them takes, `wait(listing)` the seconds
        that a listing lasts whose budget will keep it waiting (0: it will not), `worth` the rows that
        make a span worth a split, `sure` the share of what a span seems to hold
        that a chain may count on while other calls are ready (`SURELY`: the request is one of the last, and nothing is to be left over of what it reads). Where all that is left goes in one round, a request is not
        to be filled, and `least(method)` is the share that a call takes of a full one. `beyond(method)` is by how many pages a
        chain may reach further than its span seems to, where a request has places left.
        """
        if lone := next(self._lone(now, room), None):
            return lone.take(1)
        self._listings.rotate(-1)
        request = Filling(self._listings, Load(room, weight), now, worth, self._split)
        if sure == SURELY:
            request.take_surely(self._keep)
            return request.load.tickets
        request.take_pressed(width, wait)
        request.take_ready(sure)
        request.lengthen()
        request.take_fresh(lambda: width - self._at_work(room), even=least is not None)
        if least is not None:
            request.load.weigh(least)
        request.lengthen(beyond, most=BATCH_SIZE if least is None else 1)
        return request.load.tickets

    def rows_left(self) -> float:
        """Estimate the rows still to come of all entities."""
        return sum(listing.rows_left() for listing in self._listings)

    def feed(self, ticket: Ticket, page: Page) -> Sequence[Landing]:
        """Take the page that answers a call; answers behind a failed one are dropped, and come again."""
        job = ticket.job
        self.pass_over(ticket)
        if not ticket.awaited or job.listing not in self._listings:
            return ()
        if job.chained is not None:
            return self._feed_chain(ticket, page)
        job.pages.append(page)
        job.awaited += 1
        job.answered()
        if len(job.pages) < len(job.calls):
            return ()
        pages, job.pages = job.pages, []
        return self._step(job, lambda: job.pager.send(pages))

    def _feed_chain(self, ticket: Ticket, page: Page) -> Sequence[Landing]:
        """Take a page of a chain, if it is the one that its pager asks for (Rule 3)."""
        job = ticket.job
        if ticket.place > 0 and not job.continued_by(page):
            job.awaited = NONE
            return ()
        job.answered()
        landings = self._step(job, lambda: job.pager.send([page]))
        if job.goes_on_behind(page):
            job.awaited = ticket.place + 1
        return landings

    def pass_over(self, ticket: Ticket) -> None:
        """Take note of an answer that is of no use: a chain is broken before it."""
        ticket.job.flying -= 1
        ticket.job.listing.moved()

    def failed(self, ticket: Ticket, error: B24xError, not_before: float) -> None:
        """Put a call that failed back; it may go again at `not_before`."""
        job = ticket.job
        self.pass_over(ticket)
        if ticket.decisive:
            job.failed(error)
            job.not_before = max(job.not_before, not_before)
        elif ticket.awaited:
            job.awaited = NONE
            job.listing.short += not isinstance(error, OperatingLimited)

    def fail(self, ticket: Ticket, error: B24xError) -> Sequence[Landing]:
        """Let a pager know that a call has failed for good; one that knows no way around it raises the error."""
        job = ticket.job
        job.flying -= 1
        job.pages = []
        job.failures.clear()
        job.awaited = NONE
        return self._step(job, lambda: job.pager.throw(error)) if job.listing in self._listings else ()

    def drop(self, listing: Listing) -> None:
        """Give an entity up: its answers under way will be ignored."""
        if listing in self._listings:
            self._listings.remove(listing)

    def wakes_at(self, now: float, width: int, ready_at: Callable[[str], float], worth: float = WORTH_SPLITTING) -> float | None:
        """Return when the next call may go (`now` if one may at once), or `None` while all are under way."""
        at = {listing: ready_at(listing.method) for listing in self._listings}
        others = sum(len(listing.jobs) for listing in self._listings if at[listing] <= now)
        times = []
        for listing in self._listings:
            at_work = others + (len(listing.jobs) if at[listing] > now else 0)
            times.append(listing.wakes_at(now, at[listing], worth if at_work < width else math.inf))
        return min((time for time in times if time is not None), default=None)

    def load(self, now: float, width: int, weight: Callable[[str], float], *, room: Callable[[str], int],
             worth: float = WORTH_SPLITTING, share: float = 1.0) -> float:
        """Return how many requests could be filled now: with the calls that are ready and have room, and by splitting.

        `share` is that of a chained span which is split off: a half at once, nearly all of it in small pieces.
        """
        splits = width - self._at_work(room)
        full = 0.0
        for listing in self._listings:
            ready = sum(job.most() for job in listing.jobs if job.ready(now))
            wide = listing.splittable(worth)[: max(0, splits)]
            splits -= len(wide)
            fresh = sum(job.most_of_others(share) for job in wide)
            full += weight(listing.method) * min(ready + fresh, room(listing.method))
        return full

    def surely(self, now: float, weight: Callable[[str], float], *, room: Callable[[str], int]) -> tuple[float, float]:
        """Return how many requests are enough for what is left, however ids lie: for what is ready of it and has room, and for all that is not under way."""
        ready = total = 0.0
        for listing in self._listings:
            for job in listing.jobs:
                share = job.surely() * weight(listing.method)
                total += share
                ready += share if job.ready(now) and room(listing.method) > 0 else 0.0
        return ready, total

    def any_waits(self, wait: Callable[[Listing], float]) -> bool:
        """Tell whether there is a listing that its budget will keep waiting, as far as is known."""
        return any(listing.spans is not None and wait(listing) > 0 for listing in self._listings)

    def all_wait(self, wait: Callable[[Listing], float]) -> bool:
        """Tell whether there is no listing but those that their budget will keep waiting."""
        return all(listing.spans is not None and wait(listing) > 0 for listing in self._listings)

    @property
    def methods(self) -> set[str]:
        """The methods of all that is still being read."""
        return {listing.method for listing in self._listings}

    @property
    def all_cut(self) -> bool:
        """Whether it is known of each listing how far it reaches."""
        return all(listing.spans is not None for listing in self._listings)

    def in_order(self, now: float) -> bool:
        """Tell whether a job with several calls is ready: they belong into one request."""
        return any(len(job.calls) > 1 and job.ready(now) for listing in self._listings for job in listing.jobs)

    @property
    def done(self) -> bool:
        """Whether nothing is left to be read."""
        return not self._listings

    def _at_work(self, room: Callable[[str], int]) -> int:
        """Count the jobs at work: not those whose method has no room."""
        return sum(len(listing.jobs) for listing in self._listings if room(listing.method) > 0)

    def _lone(self, now: float, room: Callable[[str], int]) -> Iterator[Job]:
        """Find the jobs whose next call goes in a request of its own, and may go now."""
        for listing in self._listings:
            yield from (job for job in listing.jobs if job.lone and job.ready(now) and room(listing.method) > 0)

    def _split(self, job: Job, piece: int) -> Job:
        """Open another job for the upper half of what is not under way of a span, in pieces of so many pages where that is not 0."""
        assert job.part is not None  # noqa: S101 - it is splittable
        self._open(job.listing, [Part(job.part.span.split(PAGE_SIZE * job.flying, PAGE_SIZE * piece))])
        return job.listing.jobs[-1]

    def _keep(self, job: Job, calls: int) -> Job:
        """Leave a job the ids that so many calls read, however they lie, and open another one for the rest."""
        assert job.part is not None  # noqa: S101 - only what has a span is chained
        self._open(job.listing, [Part(job.part.span.keep(PAGE_SIZE * calls))])
        return job.listing.jobs[-1]

    def _open(self, listing: Listing, parts: Sequence[Part]) -> Sequence[Landing]:
        """Start a pager on each part; all are there before the first one moves, lest it seem the last."""
        listing.spans = [*(listing.spans or ()), *(part.span for part in parts)]
        for part in () if listing.question.bounded else parts:
            part.span.others = listing.tally
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
        listing.moved()
        try:
            ask = advance()
        except StopIteration as end:
            return self._finish(job, end.value)
        if not ask.calls:
            raise ContractBroken("a pager asked for nothing")
        job.calls, job.chained, job.not_before, job.lone, job.awaited = ask.calls, ask.chained, 0.0, ask.lone, 0
        return [Landing(listing, ask.rows, unread=ask.unread)]

    def _finish(self, job: Job, end: Finish) -> Sequence[Landing]:
        """Take the last rows of a pager, open the parts it leaves, and see whether the entity is at its end."""
        listing = job.listing
        listing.jobs.remove(job)
        if listing.spans is not None and job.part is not None:
            listing.spans.remove(job.part.span)
        landings = [Landing(listing, end.rows, unread=end.unread)]
        if job.part is None and end.parts and 0 < len(end.rows) < PAGE_SIZE:  # the first page of all, and more behind it
            listing.short += 1
        if end.parts:
            landings += self._open(listing, end.parts)
        return [*landings, *self._ended(listing)]

    def _ended(self, listing: Listing) -> Sequence[Landing]:
        """Let go of an entity that has no jobs any more, once."""
        if listing.jobs or listing not in self._listings:
            return ()
        self._listings.remove(listing)
        return (Landing(listing, finished=True),)
