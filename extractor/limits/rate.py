"""Requests per second: the portal's leaky bucket, kept on our side.

Rule 1: a request is admitted by the same arithmetic by which the portal
counts it, so that it is not refused while we have the address to ourselves.
Latency varies, so requests reach the portal closer together than they left, for which the
bucket allows (`bucket`); those that were longer than a second on their way may be refused, and so may those to a bucket of ten or less, and
one whose way has become shorter.
Rule 2: a refusal (503) means that somebody shares the address. Everything
waits at one gate, our bucket counts as full, and each request pays a higher
toll; each success takes a little of the toll back.
Rule 3: one request at a time waits at the bucket, in the order of asking:
aiolimiter serves small amounts first, and a toll must not be overtaken.
Rule 4: a portal of one's own has no bucket, and shows it: every cloud portal reports the operating seconds of
its calls (LoadLimiter is always active there). So a tariff that was only assumed is dropped when an answer
reports none, until a request is refused, or an answer reports some.
"""

from __future__ import annotations

import asyncio
import bisect
import math
import sys
from dataclasses import dataclass

from extractor.limits.bucket import Bucket
from extractor.limits.tariff import Tariff

FIRST_PAUSE = 1.0  # in which the smallest cloud bucket drains two requests
LONGEST_PAUSE = 30.0  # the fifth in a row: waiting longer teaches nothing new

HEADROOM = 1.25  # latency varies: keep the bucket from being the one that waits

IDLE = 0.8  # of the bucket is free: it drains as fast at any level, and the lower that is, the more is there for what comes

HIGHEST_TOLL = 16.0  # a sixteenth of the rate: one request in 8 s on the standard tariff
RECOVERY = 0.98  # per success: a halved rate is whole again after 35 requests

# Looks at the bucket per request that it drains, lest answers that come meanwhile go unseen; and one when there will be room
# in any case. We look, rather than let aiolimiter wake us: where a clock stands still between timers, rounding can leave its
# waker an amount too small to move the clock, and it asks for ever.
LOOKS = 4
SHORTEST = 0.001  # seconds, for the same reason: and the portal rounds as well


@dataclass(frozen=True, slots=True)
class RateStatistics:
    """What the rate limit did so far; `toll` is the factor by which it is slowed down now."""

    admitted: int
    refused: int
    waiting: int
    waited: float
    toll: float


class RateLimit:
    """Admit requests as fast as the tariff allows, and slower when the portal objects."""

    def __init__(self, tariff: Tariff | None, *, assumed: bool = False) -> None:
        self._tariff = tariff
        self._assumed = tariff if assumed else None
        self._bucket = Bucket(tariff) if tariff else None
        self._turn = asyncio.Lock()
        self._refill: float | None = None  # what is in the portal's bucket, when ours is to be made anew
        self._opens_at = 0.0
        self._pause = FIRST_PAUSE
        self._toll = 1.0
        self._admitted = self._refused = self._waiting = 0
        self._waited = 0.0

    async def admit(self) -> None:
        """Wait until one more request may leave."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        self._waiting += 1
        try:
            async with self._turn:
                await self._pass()
        finally:
            self._waiting -= 1
            self._waited += clock() - asked_at
        self._admitted += 1

    def affords(self, requests: float, within: float = 0.0) -> bool:
        """Tell whether so many requests could leave at once, or as the bucket drains in so many seconds."""
        if self._bucket is None or self._tariff is None:
            return True
        amount = max(1.0, requests * self._toll - self._tariff.per_second * within)
        return amount <= self._bucket.most and self._bucket.holds(amount)

    def idle(self) -> bool:
        """Tell whether most of the bucket is free, and no toll is to be paid."""
        return self._bucket is None or (self._toll <= 1 and self._bucket.holds(IDLE * self._bucket.most))

    def sustained(self, latency: float, requests: float = math.inf) -> int:
        """Return how many requests of that latency are in flight when this limit is the bound of so many, and one more.

        The bucket's free part is spent by the end of them: the fewer they are, the faster they leave.
        """
        if self._tariff is None:
            return sys.maxsize
        per_second = self._tariff.per_second / self._toll
        if requests < math.inf:
            seconds = max(latency, (requests - self._free()) / per_second)
            per_second = max(per_second, requests / seconds) if seconds else per_second
        return 2 + int(per_second * latency * HEADROOM)

    def spacing(self, requests: float) -> float:
        """Return the seconds between two of so many requests, if they leave evenly until the bucket lets the last one leave; 0 where it need not."""
        if self._tariff is None or (beyond := requests - self._free()) <= 0:
            return 0.0
        return beyond * self._toll / self._tariff.per_second / requests

    def _free(self) -> int:
        """Return how many requests the bucket would take at once."""
        return bisect.bisect(range(1, self._tariff.burst + 1 if self._tariff else 1), 0, key=lambda amount: not self.affords(amount))

    @property
    def unlimited(self) -> bool:
        """Whether there is no bucket, as far as is known."""
        return self._tariff is None

    @property
    def per_second(self) -> float:
        """How many requests a second leave for long; 0 where there is no bucket."""
        return self._tariff.per_second / self._toll if self._tariff else 0.0

    def pause(self) -> float:
        """Return the seconds until the gate opens again; 0 when it is open."""
        return max(0.0, self._opens_at - asyncio.get_running_loop().time())

    def interval(self) -> float:
        """Return the seconds between two requests while the bucket is full; 0 while there is room in it."""
        if self._bucket is None or self._tariff is None or self._affordable():
            return 0.0
        return self._toll / self._tariff.per_second

    async def ended(self, sent: float, computed: float | None) -> None:
        """Know that a request that left at `sent` has ended now, and how many seconds its calls have computed, at least: `None` where it failed."""
        if self._bucket:
            await self._bucket.ended(sent, computed)

    def reports(self, operating: bool) -> None:
        """Know whether an answer said what its calls have computed: a cloud portal's does, and nobody else's has a bucket (Rule 4)."""
        if self._assumed is None:
            return
        if operating:
            if self._tariff is None:
                self._tariff, self._refill = self._assumed, self._admitted
            self._assumed = None
            return
        if self._tariff is not None and not self._refused:
            self._tariff = self._bucket = None

    def refused(self) -> None:
        """Close the gate: the portal has refused a request for its rate (503)."""
        self._refused += 1
        self._tariff = self._tariff or self._assumed
        now = asyncio.get_running_loop().time()
        if now < self._opens_at:
            return  # one of the requests that were in flight when the gate closed
        self._opens_at = now + self._pause
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)
        self._toll = min(HIGHEST_TOLL, 2 * self._toll)
        self._refill = math.inf

    def succeeded(self) -> None:
        """Take back some of the toll: the portal has answered a request."""
        self._pause = FIRST_PAUSE
        self._toll = max(1.0, self._toll * RECOVERY)

    async def _pass(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            if (left := self._opens_at - clock()) > 0:
                await asyncio.sleep(max(left, SHORTEST))
                continue
            await self._fill()
            if self._bucket is None:
                return
            await self._bucket.settle()
            if self._affordable():
                break
            await asyncio.sleep(SHORTEST + min(self._look, self._bucket.wait(self._price)))
        await self._bucket.sent(self._price)

    async def _fill(self) -> None:
        """After a refusal, believe the portal that its bucket is full; where one has shown itself, that all is in it that has left."""
        if self._refill is not None and self._tariff:
            self._bucket = Bucket(self._tariff)
            await self._bucket.fill(self._refill)
        self._refill = None

    def _affordable(self) -> bool:
        return self._bucket is None or self._bucket.holds(self._price)

    @property
    def _price(self) -> float:
        return min(self._toll, self._bucket.most) if self._bucket else 0.0

    @property
    def _look(self) -> float:
        return 1 / (LOOKS * self._tariff.per_second) if self._tariff else 0.0

    def statistics(self) -> RateStatistics:
        """Return the numbers so far."""
        return RateStatistics(self._admitted, self._refused, self._waiting, self._waited, self._toll)

    def __repr__(self) -> str:
        numbers = self.statistics()
        return f"<RateLimit {self._tariff or 'unlimited'} toll={numbers.toll:.2f} {numbers.waiting} waiting>"
