"""Which calls go next: a plain object with a few verbs, and no await anywhere.

Rule 1: shared state changes only inside these functions, each of which runs
to its end before anything else does. A page's rows are handed out in the very
step that moves its span's cursor.

Rule 2: a job is one pager and the calls of its latest ask. Its calls run in
their order, never two requests of one job at a time; when one fails, those
behind it are asked again (offset paging lives on this).

Rule 3: listings (one per entity) share every request, a call each in turn, so
that no entity starves and every method's operating budget is in use. But those
whose own budget will keep them waiting go first, the longest wait before all
others: what they spend early comes back early, and the others need not wait.

Rule 4: when fewer calls are ready than a request could carry, the span with
the most rows left is split, as long as both halves keep more than a page. A
split costs half a page (the rows read beyond its upper end), so no more spans
are opened than the requests that run side by side need: `width`. Jobs that
wait for their budget are not at work, and are not counted.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from extractor.errors import B24xError, ContractBroken
from extractor.listing import WORTH_SPLITTING, Job, Landing, Listing, Ticket
from extractor.load import Load
from extractor.messages import BATCH_SIZE, Page
from extractor.paging import Ask, Finish, Part
from extractor.paging.span import Span
from extractor.planner import opening, pager
from extractor.question import Question

BURNING = 7  # requests side by side compute 7 s a second: a budget of 420 s is spent within a minute


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
        wait: Callable[[Listing], float] = lambda _listing: 0.0, worth: float = WORTH_SPLITTING,
    ) -> list[Ticket]:
        """Hand out the calls of one request, splitting spans to fill it while fewer than `width` jobs are at work.

        `room(method)` is how many calls of a method may go now, `weight(method)`
        the share of a request that one of them takes, `wait(listing)` the seconds
        for which its budget will keep a listing waiting, `worth` the rows that
        make a span worth a split.
        """
        for job in self._lone(now, room):
            return self._take_job(job, 1)
        load: Load[Ticket] = Load(room, weight)
        self._listings.rotate(-1)
        self._take_pressed(load, now, width, wait, worth)
        for listing in self._listings:
            load.add(listing.method, self._ready(listing, now, load.share(listing.method, len(self._listings))))
        for listing in self._listings:
            load.add(listing.method, self._ready(listing, now, load.share(listing.method, 1)))
        for listing in self._listings if load.space > 0 else ():
            places = width - self._at_work(room)
            load.add(listing.method, self._fresh(listing, min(load.share(listing.method, 1), places), worth))
        return load.tickets

    def _take_pressed(self, load: Load[Ticket], now: float, width: int, wait: Callable[[Listing], float], worth: float) -> None:
        """Take what there is of the listings that their budget will keep waiting; before them those nobody knows yet."""
        waits = {listing: math.inf if listing.spans is None else wait(listing) for listing in self._listings}
        for listing in sorted((one for one in self._listings if waits[one] > 0), key=waits.__getitem__, reverse=True):
            load.add(listing.method, self._ready(listing, now, load.share(listing.method, 1)))
            places = min(width, BURNING * BATCH_SIZE) - len(listing.jobs)
            load.add(listing.method, self._fresh(listing, min(load.share(listing.method, 1), places), worth))

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

    def wakes_at(self, now: float, width: int, ready_at: Callable[[str], float], worth: float = WORTH_SPLITTING) -> float | None:
        """Return when the next call may go (`now` if one may at once), or `None` while all are under way."""
        at = {listing: ready_at(listing.method) for listing in self._listings}
        others = sum(len(listing.jobs) for listing in self._listings if at[listing] <= now)
        times = []
        for listing in self._listings:
            at_work = others + (len(listing.jobs) if at[listing] > now else 0)
            times.append(listing.wakes_at(now, at[listing], worth if at_work < width else math.inf))
        return min((time for time in times if time is not None), default=None)

    def load(self, now: float, width: int, weight: Callable[[str], float], *, room: Callable[[str], int], worth: float = WORTH_SPLITTING) -> float:
        """Return how many requests could be filled now: with the calls that are ready and have room, and by splitting."""
        splits = width - self._at_work(room)
        full = 0.0
        for listing in self._listings:
            fresh = max(0, min(splits, len(listing.splittable(worth))))
            splits -= fresh
            ready = fresh + sum(job.ready(now) for job in listing.jobs)
            full += weight(listing.method) * min(ready, room(listing.method))
        return full

    def all_wait(self, wait: Callable[[Listing], float]) -> bool:
        """Tell whether there is no listing but those that their budget will keep waiting."""
        return all(listing.spans is not None and wait(listing) > 0 for listing in self._listings)

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

    def _fresh(self, listing: Listing, count: int, worth: float) -> list[Ticket]:
        """Take up to `count` calls of new jobs, for upper halves of the spans with the most rows left."""
        tickets: list[Ticket] = []
        order = itertools.count()  # no two spans are compared themselves
        wide = [(-span.rows_left(), next(order), span) for span in (listing.splittable(worth) if count > 0 else ())]
        heapq.heapify(wide)
        while len(tickets) < count and wide:
            _, _, widest = heapq.heappop(wide)
            upper = widest.split()
            self._open(listing, [Part(upper)])
            tickets += self._take_job(listing.jobs[-1], 1)
            for half in (widest, upper):
                if half.rows_left() >= worth:
                    heapq.heappush(wide, (-half.rows_left(), next(order), half))
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
        listing.moved()
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
