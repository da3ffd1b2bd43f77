"""The run itself: the only file that starts tasks.

1. While there is room in the window, wait for the rate limit, and only then
   take calls: a request leaves with all that is ready at that moment.
2. Each request is a task; answers are absorbed one at a time, and a page in one
   step without an await: it goes to its pager, its rows to their sink, its
   cursor moves. Between two pages the loop has its turn.
3. A commit syncs the files and then saves the checkpoint, in a thread; nothing is
   absorbed meanwhile, so whatever it records is whole.
4. It ends when nothing is left, when it is told to stop, or when an error says
   that nothing can succeed any more. In each case what has come is committed,
   but after a bug: it may have struck between a cursor and its rows, so the
   last commit stands.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress

from extractor.batch import Outcome, failed_as_a_whole
from extractor.client import Client
from extractor.committer import Committer
from extractor.decoder import page_of
from extractor.entityrun import EntityRun
from extractor.errors import (
    B24xError,
    Bug,
    DiskError,
    Outage,
    TokenExpired,
    Unreachable,
    Unreadable,
    WrongShape,
    cause_of,
)
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
from extractor.limits.memory import Memory
from extractor.listing import Landing, Listing, Ticket
from extractor.messages import Reply
from extractor.pace import Pace
from extractor.paging.span import Span
from extractor.retry import AfterReset, Again, Renew, Skip, decide
from extractor.scheduler import Scheduler
from extractor.waits import cause

LONG = 5.0  # seconds between two requests that whoever watches wants to be told of
LANDING_SECONDS = 8.0  # for what is under way when a stop comes: docker kills after 10, systemd after 90


class Engine:
    """Drives entities to their end over one client."""

    def __init__(
        self, client: Client, limits: Limits, *, save: Callable[[], Callable[[], None]], observers: Sequence[Observer] = (), seed: int = 0
    ) -> None:
        """Take the parts; `save` looks at what the sinks have committed, and returns what records it, for a thread to call."""
        self._client = client
        self._limits = limits
        self._observers = observers
        self._random = random.Random(seed)
        self._scheduler = Scheduler()
        self._pace = Pace(client, limits, self._scheduler)
        self._runs: dict[Listing, EntityRun] = {}
        self._changed = asyncio.Event()
        self._committer = Committer(
            lambda: [run.sink for run in self._runs.values() if run.sink is not None], save,
            lambda: self._tell(Committed(sum(run.rows for run in self._runs.values()))))
        self._memory = Memory()
        self.requests = 0
        self._pump: asyncio.Task[None] | None = None
        self._requests: dict[asyncio.Task[None], int] = {}  # under way, and the bytes that are expected of them
        self._arrived = self._came = 0  # answers that are not yet absorbed; bytes of the page that is being so

    def add(self, run: EntityRun, spans: Sequence[Span] | None = None) -> None:
        """Put an entity on the run, from its start or from the spans that a checkpoint left."""
        run.listing, landings = self._scheduler.add(run.question, spans)
        self._runs[run.listing] = run
        self._land(landings)

    def stop(self) -> None:
        """Take nothing new; what is under way may land, for a while, and what has come is committed."""
        if self._pump is not None:
            self._pump.cancel()

    async def run(self) -> None:
        """Read all entities to their end, or until told to stop.

        Raises:
            B24xError: Nothing can succeed any more. What had come is committed.
        """
        with self._committer as committing:
            await self._run(committing)

    async def _run(self, committing: Committer) -> None:
        """Run all tasks to their end, and commit once more."""
        try:
            async with asyncio.TaskGroup() as group:
                committer = group.create_task(committing.keep_on(), name="committer")
                self._pump = group.create_task(self._start_requests(group), name="pump")
                await asyncio.wait({self._pump})
                if self._requests and not self._scheduler.done:
                    await asyncio.wait(self._requests, timeout=LANDING_SECONDS)
                async with committing.turn:  # what is being absorbed, or committed, is so to its end
                    for task in (committer, *self._requests):
                        task.cancel()
            await committing.commit()
        except Exception as failed:  # noqa: BLE001 - whatever it is
            error = cause_of(failed)
            if not isinstance(error, Bug | DiskError):
                await committing.commit()
            raise error from error.__cause__

    async def _start_requests(self, group: asyncio.TaskGroup) -> None:
        """Start requests while there is something to ask."""
        while not self._scheduler.done:
            if not await self._free_to_ask():
                continue
            if (pause := self._client.pause()) >= 1:
                self._tell(Waiting(pause, "for the rate limit: the portal has refused a request (503)"))
            elif (interval := self._client.interval()) >= LONG:
                self._tell(Waiting(interval, "for the request limit (--tariff, --rate-limit, --budget)"))
            await self._client.admit()
            if tickets := self._take():
                task = group.create_task(self._request(tickets), name=f"request of {len(tickets)} calls")
                self._requests[task] = self._memory.sent(ticket.call.method for ticket in tickets)
                task.add_done_callback(self._request_ended)

    async def _free_to_ask(self) -> bool:
        """Tell whether a request may be prepared; if not, wait until something has changed or enough time has passed."""
        now = _now()
        self._changed.clear()
        self._pace.hurry(now)
        ready_at = self._pace.ready_at(now)
        room = self._limits.window.room(now) and self._memory.room()
        if (wakes_at := self._scheduler.wakes_at(now, self._pace.width(now), ready_at, self._pace.worth_splitting())) is not None:
            wakes_at = max(wakes_at, self._pace.not_before(now))
        coming = self._requests and self._pace.better_later(now, self._arrived)
        if room and wakes_at is not None and wakes_at <= now and not coming:
            return True
        delay = None if wakes_at is None or wakes_at <= now else wakes_at - now
        if delay is not None and delay >= 1 and not self._requests:  # their answers may change everything
            self._tell(Waiting(delay, cause([one for one, run in self._runs.items() if run.status == "running"], now, ready_at)))
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._changed.wait()
        return False

    def _take(self) -> list[Ticket]:
        """Take the calls of one request, and let the limits know."""
        now = _now()
        pace, room = self._pace, self._pace.room(now)
        tickets = self._scheduler.take(
            now, pace.width(now), room=lambda method: self._memory.calls(method, room(method)), weight=pace.weight(now), wait=pace.wait(now),
            worth=pace.worth_splitting(), sure=pace.sure(now), beyond=pace.beyond, least=self._limits.weight if pace.one_round() else None)
        if tickets:
            self.requests += 1
            self._limits.sent([ticket.call.method for ticket in tickets], now)
        return tickets

    async def _request(self, tickets: Sequence[Ticket]) -> None:
        """Send one request and absorb its answer."""
        sent = _now()
        outcomes = await self._client.send([ticket.call for ticket in tickets])
        answered = _now()
        self._arrived += 1
        again = any(ticket.job.failures for ticket in tickets)
        self._limits.learn([ticket.call.method for ticket in tickets], outcomes, sent, answered, again=again)
        self._limits.window.fit(self._client.unlimited)
        async with self._committer.turn:
            await self._absorb(tickets, outcomes, answered - sent)
            self._arrived -= 1
            await self._committer.commit_if_full()

    def _request_ended(self, task: asyncio.Task[None]) -> None:
        """Note that a request is no longer under way, and that there may be more to ask now."""
        self._memory.ended(self._requests.pop(task))
        self._changed.set()

    async def _absorb(self, tickets: Sequence[Ticket], outcomes: Sequence[Outcome], latency: float) -> None:
        """Give every answer to its pager and every failure its decision, each in one step; cancelled, the rest comes again."""
        if not all(isinstance(outcome, TokenExpired) for outcome in outcomes):
            for run in self._runs.values():
                run.let_in()
        rows = 0
        came: defaultdict[str, list[int]] = defaultdict(list)
        runs = {self._runs[ticket.job.listing]: None for ticket in tickets}
        for run in runs:
            run.requests += 1
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            if ticket is not tickets[0]:
                await asyncio.sleep(0)
            run = self._runs[ticket.job.listing]
            run.answered(outcome, latency / len(tickets))
            self._came = 0
            if isinstance(outcome, Reply):
                rows += self._feed(ticket, outcome)
            else:
                self._fail(ticket, outcome)
            if self._came:  # of what only ids were kept, or nothing, it says too little
                came[ticket.call.method].append(self._came)
        self._memory.came(came)
        self._tell(RequestAnswered(len(tickets), rows, latency, failed_as_a_whole(outcomes)))
        for run in runs:
            self._tell(RowsLanded(run.name, run.rows, run.listing.rows_left() if run.listing else 0.0))

    def _feed(self, ticket: Ticket, reply: Reply) -> int:
        """Give one page to its pager; return how many rows came."""
        if not ticket.awaited:
            self._scheduler.pass_over(ticket)
            return 0
        try:
            page = page_of(reply, ticket.job.listing.question.entity)
        except B24xError as error:
            if isinstance(error, WrongShape | Unreadable) or not ticket.decisive:
                self._fail(ticket, error)
            else:
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
        if isinstance(error, Unreachable) and not self._client.reached:
            raise error  # a slip in the address is no outage: say so at once
        run, now = self._runs[ticket.job.listing], _now()
        if not ticket.decisive:  # it went down with the call before it, which has been dealt with, or was asked ahead of its time
            self._scheduler.failed(ticket, error, now)
            return
        attempt = run.attempt(error, ticket.job.failures, now)
        match decide(error, attempt, self._random.random(), lone=ticket.job.lone):
            case (Again() | AfterReset()) as later:
                after = later.after if isinstance(later, Again) else 0.0
                run.retries += 1
                self._scheduler.failed(ticket, error, now + after)
                self._tell(CallFailed(run.name, type(error).__name__, attempt, after))
            case Renew():  # an hour is over: the client renews before it admits the next request
                self._scheduler.failed(ticket, error, now)
            case Skip():
                self._advance(ticket.job.listing, lambda: self._scheduler.fail(ticket, error))
            case _ if isinstance(error, Unreachable):
                raise Outage(error)
            case _:
                raise error

    def _give_up(self, listing: Listing, error: B24xError) -> None:
        """End one entity; the others go on."""
        run = self._runs[listing]
        if run.status != "running":
            return
        self._scheduler.drop(listing)
        run.give_up(error)
        self._committer.landed()
        self._tell(EntityEnded(run.name, run.status, run.rows, run.reason))

    def _land(self, landings: Sequence[Landing]) -> None:
        """Write rows, and note which entities are at their end."""
        for landing in landings:
            run = self._runs[landing.listing]
            size = run.land(landing.rows) if landing.rows else 0
            self._came += size
            run.unread += landing.unread
            if landing.rows or landing.unread or landing.finished:
                self._committer.landed(size)
            if landing.finished:
                run.complete()
                self._tell(EntityEnded(run.name, run.status, run.rows, run.reason))

    def _tell(self, event: Event) -> None:
        """Let every observer know."""
        for observer in self._observers:
            observer(event)


def _now() -> float:
    """Read the loop's clock: the only one a run knows."""
    return asyncio.get_running_loop().time()
