"""With what one request is filled: whose calls, and how many of each.

Rule 1: listings (one per entity) share every request, so that no entity starves
and every method's operating budget is in use. But those
whose own budget will keep them waiting go first, the one that will last longest before all
others: what they spend early comes back early, and the others need not wait. As it is read it lasts
less long, so that those which are alike take turns, and come to their end together.

Rule 2: within a listing few jobs have long chains, and the others are there for the next
request. While enough calls are ready, and requests are scarce, a chain counts on a part only of what its span seems
to hold, as ids lie unevenly; then on all of it; and where there are places left in the end, on a page more or some, lest
another request has to be made for the last rows.

Rule 3: when fewer calls are ready than a request could carry, the span with
the most rows left is split, if that is worth it (`listing.WORTH_SPLITTING`). A
split costs half a page (the rows read beyond its upper end), so there are never more spans
than the requests that run side by side would need if each were a call: `width`; and
chains make do with far fewer. Jobs that wait for their budget are not at work, and are not counted.

Rule 4: a request that is to leave nothing over counts on no estimate: a chain has as many calls as its ids have room for rows, and what
of its span does not fit is cut off.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from extractor.listing import SURELY, Job, Listing, Ticket
from extractor.load import Load
from extractor.messages import BATCH_SIZE

BURNING = 8  # requests side by side compute 8 s a second: a budget of 420 s is spent within a minute, with some of it to spare


@dataclass(frozen=True, slots=True)
class Filling:
    """One request being filled from the listings, in their order; `worth` and `split` are of the scheduler."""

    listings: Collection[Listing]
    load: Load[Ticket]
    now: float
    worth: float
    split: Callable[[Job, int], Job]

    def take_pressed(self, width: int, wait: Callable[[Listing], float]) -> None:
        """Take what there is of the listings that their budget will keep waiting; before them those nobody knows yet."""
        waits = {listing: math.inf if listing.spans is None else wait(listing) for listing in self.listings}
        for listing in sorted((one for one in self.listings if waits[one] > 0), key=waits.__getitem__, reverse=True):
            self.load.add(listing.method, self._ready(listing, self.load.share(listing.method, 1)))
            self._fresh(listing, min(width, BURNING * BATCH_SIZE) - sum(max(1, job.flying) for job in listing.jobs))

    def take_ready(self, sure: float) -> None:
        """Take of each listing its share of the calls that are ready, and of what others leave of theirs all that it has."""
        ready = {listing: sum(job.needed(sure) for job in self._waiting(listing)) for listing in self.listings}
        shares = dict.fromkeys(self.listings, 0)
        for sharers in (len(self.listings), 1):
            for listing in self.listings:
                calls = min(ready[listing] - shares[listing], self.load.share(listing.method, sharers))
                self.load.book(listing.method, calls)
                shares[listing] += calls
        for listing, calls in shares.items():
            self.load.tickets += self._ready(listing, calls, sure)

    def take_surely(self, keep: Callable[[Job, int], Job]) -> None:
        """Take what is ready so that nothing can be left over of it, however ids lie: a span keeps what it has calls for, and the rest is another's."""
        for listing in self.listings:
            ready = deque(self._waiting(listing))
            while ready and (space := self.load.share(listing.method, 1)) > 0:
                job = ready.popleft()
                count = min(space, job.needed(SURELY))
                if job.chained is not None and count < job.surely():
                    ready.appendleft(keep(job, count))
                self.load.add(listing.method, job.take(count, SURELY))

    def take_fresh(self, places: Callable[[], int], *, even: bool) -> None:
        """Take the calls of new jobs, where there is space and fewer jobs are at work than places; `even`: of spans as long as their chains."""
        for listing in self.listings if self.load.space > 0 else ():
            self._fresh(listing, places(), even=even)

    def lengthen(self, beyond: Callable[[str], int] = lambda _method: 0, most: int = BATCH_SIZE) -> None:
        """Let the chains of a request that has places left reach further, by so many calls at `most`: to the end of what their spans seem to hold, and `beyond`."""
        if self.load.space <= 0:
            return
        chains: dict[Job, list[Ticket]] = {}
        for ticket in self.load.tickets:
            chains.setdefault(ticket.job, []).append(ticket)
        for job in chains:
            more = job.lengthen(min(most, self.load.share(job.listing.method, 1)), beyond(job.listing.method))
            self.load.book(job.listing.method, len(more))
            chains[job] += more
        self.load.tickets = [ticket for chain in chains.values() for ticket in chain]

    def _waiting(self, listing: Listing) -> list[Job]:
        """List the jobs whose calls may go now, beside others."""
        return [job for job in listing.jobs if job.ready(self.now) and not job.lone]

    def _ready(self, listing: Listing, count: int, sure: float = 1.0) -> list[Ticket]:
        """Take up to `count` calls that are ready, in the order of the jobs."""
        tickets: list[Ticket] = []
        for _ in range(len(listing.jobs)):
            if len(tickets) >= count:
                break
            job = listing.jobs[0]
            listing.jobs.rotate(-1)
            if job.ready(self.now) and not job.lone:
                tickets += job.take(count - len(tickets), sure)
        return tickets

    def _fresh(self, listing: Listing, places: int, *, even: bool = False) -> None:
        """Take the calls of at most so many new jobs, for upper halves of the spans with the most rows left."""
        count = self.load.share(listing.method, 1)
        tickets: list[Ticket] = []
        order = itertools.count()  # no two jobs are compared themselves
        wide = [(-job.rows_beyond(), next(order), job) for job in (listing.splittable(self.worth) if min(count, places) > 0 else ())]
        heapq.heapify(wide)
        while len(tickets) < count and places > 0 and wide:
            _, _, widest = heapq.heappop(wide)
            upper = self.split(widest, count if even else 0)
            tickets += upper.take(count - len(tickets))
            places -= 1
            if even:
                break  # what space is left is for the end of this one
            for half in (widest, upper):
                if half.rows_beyond() >= self.worth:
                    heapq.heappush(wide, (-half.rows_beyond(), next(order), half))
        self.load.add(listing.method, tickets)
