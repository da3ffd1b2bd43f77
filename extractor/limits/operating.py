"""Seconds per ten minutes: what each method may still compute.

Rule 1: a method has one budget, however it is called. The portal counts direct
and batched calls of a webhook apart and those of an application together;
kept within one budget, both are safe.
Rule 2: room is what the budget leaves after what was used (`account`) and after
every call in flight: charges come after the response, so only those who
reckon with them never overshoot. Calls differ; how much they do is measured,
and so much is left for those that will be dearer than the mean.
Rule 3: room below a grain is no room: trickling budget away by single calls
would spend requests, which are limited too.
Rule 4: a method that was blocked, or is full, learns by asking: one call at a time, after the
reset, or after a minute without an answer (the portal forgets by minutes, and our estimates may be wrong).
The reset is that of the counter that was blocked: the other one's, be it free, says ten minutes.
Rule 5: a portal that reports no `operating` has no such limit.
Rule 6: a request whose calls of a method stay under 0.1 s together is not charged.
So many calls may ride in every request, even when the method's budget is used
up; a little of the reserve stays for those that turn out to be dearer.

Times are readings of the caller's clock; the portal's unix times are placed
on it by the resets it reports.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from extractor.limits.account import LAG, UNSEEN, WINDOW, Account, bounds
from extractor.limits.ends import UNTOLD, Ends
from extractor.limits.method import MINUTE, Method
from extractor.limits.portalclock import PortalClock
from extractor.messages import BATCH_SIZE, Timing

DEFAULT_LIMIT = 420.0  # LoadLimiter's default; the docs long said 480
PLENTY = 1_000_000

RESERVE = 0.0075  # of the limit: what was used is not known to the second, even when all of it is settled
GRAIN = 0.0075
DOUBT = 0.05  # of the limit, at most, is kept for calls that are dearer than others: to be refused once costs less
FOREIGN = 0.02  # of the limit: less of it may as well be our own estimates' error, and is not asked for

LIGHT = 0.95  # of the 0.1 s that are not charged: pages of a method are alike, but not the same
MISTAKES = RESERVE / 2  # of the limit, that must be left for such requests: ten that were charged all the same

SOONEST = 1.0  # to look again: with calls in flight their answers decide
LONGEST_REQUEST = 60.0

# A limit is learnt from a block only while we know what was used, and not below a tenth: so
# little was used by us that others must have blocked us.
FRESH = 60.0
LOWEST = 0.1


@dataclass(frozen=True, slots=True)
class MethodStatistics:
    """What the ledger believes of one method; `blocked` counts refusals."""

    used: float
    in_flight: int
    limit: float
    seconds_per_call: float | None
    blocked: int


class OperatingLedger:
    """Keep every method within its seconds per ten minutes."""

    def __init__(self, limit: float = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._methods: dict[str, Method] = {}
        self._epoch = -math.inf  # the portal's unix time at our clock's zero, or earlier
        self._clock = PortalClock()

    def started(self, method: str, batched: bool, calls: int, now: float) -> None:  # noqa: ARG002
        """Count calls that start now."""
        known = self._methods.setdefault(method, Method())
        known.account(batched).flying += calls

    def answered(
        self,
        method: str,
        batched: bool,
        calls: int,
        timings: Sequence[Timing],
        now: float,
        *,
        sent: float | None = None,
        ends: Ends = UNTOLD,
    ) -> None:
        """Land `calls` of one request that left at `sent`, and read what it reports.

        `timings` are those of the calls that succeeded, in their order, be there
        numbers in them or not: calls that failed are not charged. Without `sent`
        the report is taken to be as old as a request can be.
        """
        known = self._methods[method]
        account = known.account(batched)
        account.flying -= calls
        reports = [timing.operating for timing in timings if timing.operating is not None]
        since = now if sent is None else min(now, sent + LAG)
        sent = now - LONGEST_REQUEST if sent is None else sent
        if timings:
            known.unblocked(sent)
        known.asked(now)
        if not reports:
            return
        account.cost = known.known_cost if account.cost is None else account.cost
        account.report(reports[0], sent)
        self._clock.heard(ends, now)
        since = self._clock.charged(ends, sent, since)
        least, possible = bounds(reports, now - sent)
        most = ends.at_most(method)
        account.charge(since, now, len(reports), min(least, most), min(possible, most))
        self._place(account, timings, now)
        self._relax(known, max(reports), now)

    def lost(self, method: str, batched: bool, calls: int, now: float, *, sent: float | None = None) -> None:
        """Land calls whose answer never came: they may have run, and are charged if they have.

        Together they cannot have run longer than the request lived.
        """
        known = self._methods[method]
        account = known.account(batched)
        account.flying -= calls
        known.asked(now)
        if known.reported:
            lived = LONGEST_REQUEST if sent is None else min(LONGEST_REQUEST, now - sent)
            account.charge(now, now, calls, 0.0, lived, lost=True)

    def blocked(self, method: str, batched: bool, now: float, *, calls: int = 0) -> None:
        """Close the method: the portal says that its seconds are used up.

        Land `calls` that this befell, unless they are landed otherwise; blocked
        calls are not charged.
        """
        known = self._methods.setdefault(method, Method())
        account = known.account(batched)
        account.flying -= calls
        known.blocks += 1
        if now - account.read_at <= FRESH:
            known.learnt = max(LOWEST * self._limit, min(known.limit(self._limit, now), account.used(now)))
            known.learnt_at = now
        known.blocked_at = now
        known.asks_at = self._reset(account, now)

    def room(self, method: str, now: float) -> int:
        """Return how many calls may start now; `PLENTY` where nothing limits them."""
        known = self._methods.get(method)
        if known is None or not (known.reported or known.blocked_at is not None):
            return PLENTY
        if known.blocked_at is None:
            calls = self._calls(known, now)
            if calls >= self._grain(known, now):
                return min(calls, PLENTY)
            if not known.flying and known.used(now) <= 0:
                return 1  # dearer than the whole budget: it must be possible all the same
        return int(not known.flying and now >= self._asks_at(known, now))

    def uncharged(self, method: str, now: float) -> int:
        """Return how many calls one request may carry without being charged for them (Rule 6)."""
        known = self._methods.get(method)
        if known is None or not known.reported or known.blocked_at is not None:
            return 0
        if known.used(now) + known.coming() + self._doubt(known, now) > known.limit(self._limit, now) * (1 - MISTAKES):
            return 0
        return int(LIGHT * UNSEEN / known.cost)

    def lasts(self, method: str, calls: float, now: float, per_second: float = 0.0) -> float:
        """Estimate the seconds that so many calls take at the pace of the method's budget; 0 when they fit what is left of it.

        Meanwhile `per_second` requests leave, each of which may carry some of them uncharged.
        """
        known = self._methods.get(method)
        if known is None or not known.reported or calls * known.cost <= self._spare(known, now):
            return 0.0
        free = per_second * int(LIGHT * UNSEEN / known.cost) * known.cost
        return calls * known.cost / (known.limit(self._limit, now) / WINDOW + free)

    def ready_at(self, method: str, now: float) -> float:
        """Return when there will be room at the latest, if nothing else is learnt; `now` if there is."""
        if self.room(method, now):
            return now
        known = self._methods[method]
        asks_at = math.inf if known.flying else self._asks_at(known, now)
        if known.blocked_at is None:
            asks_at = min(asks_at, self._frees_at(known, now))
        return max(now + SOONEST, asks_at) if asks_at < math.inf else now + SOONEST

    def statistics(self, now: float) -> dict[str, MethodStatistics]:
        """Return what is believed of every method."""
        return {
            name: MethodStatistics(
                known.used(now),
                known.flying,
                known.limit(self._limit, now),
                known.cost if known.reported else None,
                known.blocks,
            )
            for name, known in self._methods.items()
        }

    def __repr__(self) -> str:
        return f"<OperatingLedger {self._limit:g} s per {WINDOW:g} s, {len(self._methods)} methods>"

    def _place(self, account: Account, timings: Sequence[Timing], now: float) -> None:
        """Note the reset, and learn from it what time it is at the portal.

        The reset is 600 s after the oldest charge, or after this very request
        if there is none: so the portal's clock shows at least 600 s less.
        """
        for timing in timings:
            if timing.reset_at is not None:
                account.reset_at = timing.reset_at
                self._epoch = max(self._epoch, timing.reset_at - WINDOW - now)

    def _relax(self, known: Method, operating: float, now: float) -> None:
        """Draw the conclusions of a call that was not blocked."""
        if operating > known.limit(self._limit, now):
            known.learnt, known.learnt_at = operating, now
        if known.blocked_at is None:
            known.asks_at = now + MINUTE

    def _reset(self, account: Account, now: float) -> float:
        """Return when a blocked counter may be asked: at its reset, when its oldest seconds leave, or in a minute."""
        if account.reset_at is not None and self._epoch > -math.inf:
            reset = account.reset_at - self._epoch
            if reset > now:
                return min(reset, now + WINDOW)
        account.used(now)
        leaving = account.leaving()
        return max(leaving[0][0], now + SOONEST) if leaving else now + MINUTE

    def _asks_at(self, known: Method, now: float) -> float:
        """Return when one call may ask how things stand: of a method whose seconds are our own, if there is room for that one."""
        ours = known.blocked_at is None and known.foreign <= FOREIGN * known.limit(self._limit, now)
        return math.inf if ours and self._spare(known, now) < known.cost else known.asks_at

    def _spare(self, known: Method, now: float) -> float:
        limit = known.limit(self._limit, now)
        return limit * (1 - RESERVE) - known.used(now) - known.coming() - self._doubt(known, now)

    def _doubt(self, known: Method, now: float, more: float = 0.0) -> float:
        return min(DOUBT * known.limit(self._limit, now), known.doubt(more))

    def _calls(self, known: Method, now: float) -> int:
        """Return how many more calls what is left can bear, their own doubt included."""
        spare = self._spare(known, now)
        if spare < known.cost:
            return 0
        beyond = self._doubt(known, now, spare / known.cost) - self._doubt(known, now)
        return max(0, int((spare - beyond) / known.cost))

    def _grain(self, known: Method, now: float) -> int:
        return max(1, min(BATCH_SIZE, int(GRAIN * known.limit(self._limit, now) / known.cost)))

    def _frees_at(self, known: Method, now: float) -> float:
        """Return when enough seconds will have left for a grain of calls."""
        missing = self._grain(known, now) * known.cost - self._spare(known, now)
        leaving = known.leaving()
        gone = accumulate(seconds for _, seconds in leaving)
        last = leaving[-1][0] if leaving else math.inf
        return next((at for (at, _), seconds in zip(leaving, gone, strict=True) if seconds >= missing), last)
