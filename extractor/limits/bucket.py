"""The portal's leaky bucket, as far as can be known from outside: what is in it, and what is on its way to it.

A request drains from when it has arrived, and nobody tells when that was.

Rule 1: until it is answered, or for a second, a request is on its way: it has its place, and does not drain.
Rule 2: an answer says when it has arrived at the latest: as long before as its calls have computed. Time that has
passed meanwhile is not lost: it counts as come then. Requests are alike, so
whichever answer comes is taken for the oldest one's: one that counts as come too late drains late.
Rule 3: what leaves now takes its time as well. Some of the time between leaving and answer is not for computing: of a number of
answers, the least of that is what no request is spared. By so much the bucket is emptier when one arrives than all those
latest moments say. The fastest way there and the fastest way back need not have been one request's: so as much as the mean way is longer is not
counted on, nor a tenth of it. Where ways differ much, nothing is left; and a way that becomes shorter than all before may be refused, once.
Rule 4: a bucket of ten or less is somebody's choice, and would stand still while its requests are on their way: there they count from when they left.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

from aiolimiter import AsyncLimiter

from extractor.limits.tariff import Tariff

ON_THE_WAY = 1.0  # seconds, at most
ENOUGH = 10  # answers
SURELY = 0.9
SMALL = 10


class Bucket:
    """What the bucket of a tariff holds; amounts are requests, each of which may count for more than one."""

    def __init__(self, tariff: Tariff) -> None:
        """Begin with an empty one."""
        self.most = float(tariff.burst)
        self._per_second = tariff.per_second
        self._small = tariff.burst <= SMALL
        self._late = tariff.per_second * ON_THE_WAY  # by so much it may look fuller than it is, and so may be more than full
        self._limiter = AsyncLimiter(self.most + self._late, (self.most + self._late) / tariff.per_second)
        self._empty_at = -math.inf  # when all that has come will have drained
        self._coming: deque[tuple[float, float]] = deque()  # when it will have come, and the amount
        self._shortest = ON_THE_WAY
        self._ways = 0.0  # of all answers
        self._answers = 0

    def holds(self, amount: float) -> bool:
        """Tell whether there will be room for so much, if it leaves now, beside what is on its way."""
        amount += sum(coming for _, coming in self._coming)
        return amount <= self.most and self._limiter.has_capacity(amount + self._late - self._per_second * self._ahead)

    def wait(self, amount: float) -> float:
        """Return the seconds until there may be room for so much, if nothing comes or leaves meanwhile; not below 0."""
        room = self.most - amount - sum(coming for _, coming in self._coming)
        if room < 0 and self._coming:
            return max(0.0, self._coming[0][0] - _now())
        return max(0.0, self._empty_at - room / self._per_second - self._ahead - _now())

    @property
    def _ahead(self) -> float:
        """The seconds that drain meanwhile (Rule 3)."""
        if self._small or self._answers < ENOUGH:
            return 0.0
        return max(0.0, (1 + SURELY) * self._shortest - self._ways / self._answers)

    async def fill(self, amount: float) -> None:
        """Know that so much is in it, and nothing on its way."""
        self._coming.clear()
        self._coming.append((_now(), min(amount, self.most)))
        await self.settle()

    async def sent(self, amount: float) -> None:
        """Count a request that leaves now; there is room for it."""
        self._coming.append((_now() + (0.0 if self._small else ON_THE_WAY), amount))
        await self.settle()

    async def ended(self, sent: float, computed: float | None) -> None:
        """Know that a request that left at `sent` has ended now, and how many seconds its calls have computed, at least: `None` where it failed."""
        now = _now()
        way = max(0.0, now - sent - (computed or 0.0))
        if computed is not None:
            self._shortest = min(self._shortest, way)
            self._ways += way
            self._answers += 1
        place = next((place for place, (at, _) in enumerate(self._coming) if at > now), None)
        if place is not None and now < sent + ON_THE_WAY:
            self._coming[place] = (sent + way, self._coming[place][1])
        await self.settle()

    async def settle(self) -> None:
        """Let drain what has come."""
        now = _now()
        while self._coming and self._coming[0][0] <= now:
            at, amount = self._coming[0]
            empty_at = max(self._empty_at, at) + amount / self._per_second
            more = self._per_second * (max(empty_at, now) - max(self._empty_at, now))
            if not self._limiter.has_capacity(more):
                break  # by rounding: it keeps its place where it is
            self._coming.popleft()
            self._empty_at = empty_at
            if more > 0:
                await self._limiter.acquire(more)  # there is room for it: this does not wait


def _now() -> float:
    return asyncio.get_running_loop().time()
