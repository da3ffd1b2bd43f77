"""The run itself: the only file that starts tasks.

1. While there is room in the window, wait for the rate limit, and only then
   take calls: a request leaves with all that is ready at that moment.
2. Each request is a task; its answer is absorbed in one step without an await:
   limits learn, pages go to their pagers, rows to their sinks, cursors move.
3. A commit syncs the files and then saves the checkpoint, in one step too: so
   whatever it records is whole.
4. It ends when nothing is left, when it is told to stop, or when an error says
   that nothing can succeed any more. In each case what has come is committed.
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from extractor.batch import Outcome, failed_as_a_whole
from extractor.client import Client
from extractor.decoder import page_of
from extractor.entityrun import EntityRun
from extractor.errors import B24xError, DiskError, Unreachable
from extractor.events import (
    CallFailed,
    Committed,
    EntityEnded,
    Event,
    Observer,
    RequestAnswered,
    RowsLanded,
    Waiting,
)
from extractor.limits.joint import Limits
from extractor.messages import BATCH_SIZE, PAGE_SIZE, Reply
from extractor.paging.span import Span
from extractor.retry import AfterReset, Again, Skip, decide
from extractor.scheduler import Landing, Listing, Scheduler, Ticket

COMMIT_SECONDS = 1.0  # what a kill may cost, in time
SMALLEST = 0.2  # of a request: fewer than ten calls are done before another request is worth its way
COMMIT_BYTES = 8 << 20  # and in bytes: about two full batches


class Engine:
    """Drives entities to their end over one client."""

    def __init__(
        self, client: Client, limits: Limits, *, save: Callable[[], None], observers: Sequence[Observer] = (), seed: int = 0
    ) -> None:
        """Take the parts; `save` records what the sinks have committed, `seed` makes the retries' jitter repeatable."""
        self._client = client
        self._limits = limits
        self._save = save
        self._observers = observers
        self._random = random.Random(seed)
        self._scheduler = Scheduler()
        self._runs: dict[Listing, EntityRun] = {}
        self._changed = asyncio.Event()
        self._dirty = asyncio.Event()
        self._buffered = 0
        self._reached = False
        self.requests = 0
        self._pump: asyncio.Task[None] | None = None
        self._requests: set[asyncio.Task[None]] = set()

    def add(self, run: EntityRun, spans: Sequence[Span] | None = None) -> None:
        """Put an entity on the run, from its start or from the spans that a checkpoint left."""
        run.listing, landings = self._scheduler.add(run.question, spans)
        self._runs[run.listing] = run
        self._land(landings)

    def stop(self) -> None:
        """Take nothing new; what is under way is dropped, what has come is committed."""
        if self._pump is not None:
            self._pump.cancel()

    async def run(self) -> None:
        """Read all entities to their end, or until told to stop.

        Raises:
            B24xError: Nothing can succeed any more. What had come is committed.
        """
        try:
            async with asyncio.TaskGroup() as group:
                committer = group.create_task(self._keep_committing(), name="committer")
                self._pump = group.create_task(self._start_requests(group), name="pump")
                await asyncio.wait({self._pump})
                for task in (committer, *self._requests):
                    task.cancel()
        except* B24xError as failed:
            error = failed.exceptions[0]
            if not isinstance(error, DiskError):
                self._commit()
            raise error from None
        self._commit()

    async def _start_requests(self, group: asyncio.TaskGroup) -> None:
        """Start requests while there is something to ask."""
        while not self._scheduler.done:
            if not await self._free_to_ask():
                continue
            await self._client.admit()
            if tickets := self._take():
                task = group.create_task(self._request(tickets), name=f"request of {len(tickets)} calls")
                self._requests.add(task)
                task.add_done_callback(self._request_ended)

    async def _free_to_ask(self) -> bool:
        """Tell whether a request may be prepared; if not, wait until something has changed or enough time has passed."""
        now = _now()
        self._changed.clear()
        ready_at = functools.partial(self._limits.operating.ready_at, now=now)
        room = self._limits.window.room(now)
        wakes_at = self._scheduler.wakes_at(now, self._width(), ready_at)
        if room and wakes_at is not None and wakes_at <= now and not self._better_later(now):
            return True
        delay = None if wakes_at is None or wakes_at <= now else wakes_at - now
        if delay is not None and delay >= 1:
            self._tell(Waiting(delay, "for the operating limit, or before another attempt"))
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._changed.wait()
        return False

    def _better_later(self, now: float) -> bool:
        """Tell whether a request that would leave half empty had better wait for the answers under way.

        It had, if requests are what is scarce: if the bucket does not hold the rest of the run twice over.
        """
        if not self._requests or self._client.affords(2 * self._requests_left() + len(self._requests)):
            return False
        return self._scheduler.load(now, self._width(), self._limits.weight) < 1 - 1e-9  # 50 times 1/50 is 1 but for rounding

    def _requests_left(self) -> float:
        """Estimate the requests that the rest of the run takes."""
        return self._scheduler.rows_left() / PAGE_SIZE / BATCH_SIZE

    def _take(self) -> list[Ticket]:
        """Take the calls of one request, and let the limits know."""
        now = _now()
        room = functools.partial(self._limits.operating.room, now=now)
        tickets = self._scheduler.take(now, self._width(), room=room, weight=self._weight(now))
        if tickets:
            self.requests += 1
            self._limits.sent([ticket.call.method for ticket in tickets], now)
        return tickets

    def _weight(self, now: float) -> Callable[[str], float]:
        """Return the share of a request that a call takes: more than it must, where latency is the bound.

        A portal works a request off one call after another. While requests are
        plenty, few calls had better be spread over all places of the window.
        """
        weight, window = self._limits.weight, self._limits.window.statistics()
        free = window.size - window.in_flight
        load = self._scheduler.load(now, self._width(), weight)
        plenty = self._client.affords(2 * self._requests_left() + window.size)
        if not (plenty and 0 < load < free) or self._scheduler.in_order(now):
            return weight
        return lambda method: weight(method) / max(load / free, SMALLEST)

    def _width(self) -> int:
        """Return how many calls side by side are worth having.

        While what is left fits the bucket, latency is the bound: as many as the
        window takes. Otherwise the rate is, and more of them would not be faster.
        """
        window = self._limits.window.statistics()
        if self._client.affords(self._requests_left()):
            return BATCH_SIZE * window.size
        return BATCH_SIZE * min(window.size, self._client.sustained(window.latency or 0.0))

    async def _request(self, tickets: Sequence[Ticket]) -> None:
        """Send one request and absorb its answer."""
        sent = _now()
        outcomes = await self._client.send([ticket.call for ticket in tickets])
        self._limits.learn([ticket.call.method for ticket in tickets], outcomes, sent, _now())
        self._absorb(tickets, outcomes, sent)

    def _request_ended(self, task: asyncio.Task[None]) -> None:
        """Note that a request is no longer under way, and that there may be more to ask now."""
        self._requests.discard(task)
        self._changed.set()

    def _absorb(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome], sent: float) -> None:
        """Give every answer to its pager and every failure its decision."""
        self._reached |= not all(isinstance(outcome, Unreachable) for outcome in outcomes)
        seconds = (_now() - sent) / len(tickets)
        rows = 0
        runs = {self._runs[ticket.job.listing]: None for ticket in tickets}
        for run in runs:
            run.requests += 1
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            run = self._runs[ticket.job.listing]
            run.calls += 1
            run.seconds += seconds
            if isinstance(outcome, Reply):
                rows += self._feed(ticket, outcome)
            else:
                self._fail(ticket, outcome)
        self._tell(RequestAnswered(len(tickets), rows, _now() - sent, failed_as_a_whole(outcomes)))
        for run in runs:
            self._tell(RowsLanded(run.name, run.rows, run.listing.rows_left() if run.listing else 0.0))
        if self._buffered >= COMMIT_BYTES:
            self._commit()

    def _feed(self, ticket: Ticket, reply: Reply) -> int:
        """Give one page to its pager; return how many rows came."""
        try:
            page = page_of(reply, ticket.job.listing.question.entity)
        except B24xError as error:
            self._give_up(ticket.job.listing, error)
            return 0
        self._advance(ticket.job.listing, lambda: self._scheduler.feed(ticket, page))
        return len(page.rows)

    def _advance(self, listing: Listing, step: Callable[[], Sequence[Landing]]) -> None:
        """Let a pager go on; what it cannot bear ends its entity."""
        try:
            landings = step()
        except B24xError as error:
            self._give_up(listing, error)
        else:
            self._land(landings)

    def _fail(self, ticket: Ticket, error: B24xError) -> None:
        """Carry out what an error means for the call that met it."""
        if isinstance(error, Unreachable) and not self._reached:
            raise error  # a slip in the address is no outage: say so at once
        run, now = self._runs[ticket.job.listing], _now()
        if ticket.place != len(ticket.job.pages):  # it went down with the call before it, which has been dealt with
            self._scheduler.failed(ticket, error, now)
            return
        attempt = ticket.job.failures[type(error)] + 1
        match decide(error, attempt, self._random.random(), lone=ticket.job.lone):
            case Again(after=after):
                run.retries += 1
                self._scheduler.failed(ticket, error, now + after)
                self._tell(CallFailed(run.name, type(error).__name__, attempt, after))
            case AfterReset():
                run.retries += 1
                self._scheduler.failed(ticket, error, now)
                self._tell(CallFailed(run.name, type(error).__name__, attempt, 0.0))
            case Skip():
                self._advance(ticket.job.listing, lambda: self._scheduler.fail(ticket, error))
            case _:
                raise error

    def _give_up(self, listing: Listing, error: B24xError) -> None:
        """End one entity; the others go on."""
        run = self._runs[listing]
        if run.status != "running":
            return
        self._scheduler.drop(listing)
        run.give_up(error)
        self._dirty.set()
        self._tell(EntityEnded(run.name, run.status, run.rows, run.reason))

    def _land(self, landings: Sequence[Landing]) -> None:
        """Write rows, and note which entities are at their end."""
        for landing in landings:
            run = self._runs[landing.listing]
            if landing.rows:
                self._buffered = max(self._buffered, run.land(landing.rows))
            run.unread += landing.unread
            if landing.rows or landing.unread or landing.finished:
                self._dirty.set()
            if landing.finished:
                run.complete()
                self._tell(EntityEnded(run.name, run.status, run.rows, run.reason))

    async def _keep_committing(self) -> None:
        """Commit what has come, a second after its first row."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(COMMIT_SECONDS)
            self._commit()

    def _commit(self) -> None:
        """Make all rows so far durable, then record where everything stands."""
        self._dirty.clear()
        self._buffered = 0
        for run in self._runs.values():
            if run.sink is not None:
                run.sink.commit()
        self._save()
        self._tell(Committed(sum(run.rows for run in self._runs.values())))

    def _tell(self, event: Event) -> None:
        """Let every observer know."""
        for observer in self._observers:
            observer(event)


def _now() -> float:
    """Read the loop's clock: the only one a run knows."""
    return asyncio.get_running_loop().time()
