"""What `bucket` promises: the portal's bucket never overflows by what it lets leave, and never stands idle for want of news."""

import asyncio
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.limits import STANDARD, RateLimit, Tariff
from extractor.limits.bucket import ENOUGH, ON_THE_WAY, SMALL, SURELY, Bucket
from extractor.sandbox import meter

IN_FLIGHT = 16
LOOK = 0.0625 / STANDARD.per_second  # by so much a request that waits at the bucket may be late


def clock() -> float:
    """Read the virtual clock."""
    return asyncio.get_running_loop().time()


class Way:
    """A network and a portal: what a request takes there and back, how long it computes, and how much of that is told."""

    def __init__(self, there: float, back: float, *, begins: float = 0.0, delays: float = 0.0, computes: float = 0.0, seed: int = 0) -> None:
        self.there, self.back, self.begins, self.delays, self.computes = there, back, begins, delays, computes
        self.random = random.Random(seed)
        self.portal = meter.Bucket(STANDARD.burst, STANDARD.per_second)
        self.left: list[float] = []
        self.told = [0.0, 0.5, 1.0]  # shares of what was computed
        self.refused = 0

    def delay(self) -> float:
        """Return what one way takes longer than it must, now and then nothing."""
        return self.random.uniform(0, self.delays) if self.random.random() < 0.6 else 0.0

    async def travel(self, rate: RateLimit) -> None:
        """Be one request, from its leaving to its answer."""
        sent = clock()
        self.left.append(sent)
        await asyncio.sleep(self.there + self.delay())
        self.refused += not self.portal.admit("address", clock())
        computes = self.random.uniform(0, self.computes)
        await asyncio.sleep(self.begins + computes + self.back + self.delay())
        await rate.ended(sent, computes * self.random.choice(self.told))

    async def all(self, rate: RateLimit, count: int) -> None:
        """Send so many requests, as many of them side by side as a window has."""
        places = asyncio.Semaphore(IN_FLIGHT)

        async def one() -> None:
            await self.travel(rate)
            places.release()

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                await places.acquire()
                await rate.admit()
                group.create_task(one())


class Jitter(Way):
    """Ways of which no two take the same: the fastest way there and the fastest way back are not one request's."""

    def delay(self) -> float:
        """Return what one way takes: about `delays`, and a second at the most both ways."""
        return min(0.45, self.random.lognormvariate(math.log(self.delays), 0.6))


@settings(max_examples=40, deadline=None)
@given(st.builds(Way, st.floats(0, 0.3), st.floats(0, 0.3), begins=st.floats(0, 0.2), delays=st.floats(0, 0.6), computes=st.floats(0, 3),
                 seed=st.integers(0, 10**6)))
async def test_the_portal_never_refuses_us(way):
    """Whatever the ways take, there and back, and whatever is told of computing, as long as no request is on its way for more than a second."""
    await way.all(RateLimit(STANDARD), 150)
    assert 0 == way.refused


@settings(max_examples=40, deadline=None)
@given(st.builds(Jitter, st.just(0.0), st.just(0.0), begins=st.floats(0, 0.1), delays=st.floats(0.005, 0.2), computes=st.floats(0, 1),
                 seed=st.integers(0, 10**6)))
async def test_ways_that_differ_are_not_counted_on(way):
    """Whose fastest way there nobody has seen, he is not refused for it."""
    await way.all(RateLimit(STANDARD), 120)
    assert 0 == way.refused


@pytest.mark.parametrize(("latency", "computes"), [(0.05, 0.0), (0.3, 0.4), (0.5, 0.2)])
async def test_the_bucket_never_stands_idle(latency, computes):
    """The last of eighty requests leaves as if each had drained from when it left, but for a tenth of the way."""
    way = Way(latency / 2, latency / 2, begins=0.01, computes=computes)
    way.told = [1.0]
    await way.all(RateLimit(STANDARD), 80)
    assert 15.0 <= way.left[-1] <= 15.0 + (1 - SURELY) * (latency + 0.01) + LOOK


async def test_what_nobody_has_measured_is_not_counted_on():
    """Until some answers have come, a request has arrived when it was answered, at the latest."""
    bucket = Bucket(Tariff(50, 2))
    for _ in range(50):
        await bucket.sent(1)
    await asyncio.sleep(0.4)
    for _ in range(ENOUGH - 1):
        await bucket.ended(0.0, 0.0)
    await asyncio.sleep(0.49)
    assert not bucket.holds(1)
    await bucket.ended(0.0, 0.0)
    assert bucket.holds(1)


async def test_a_request_that_fails_says_nothing_of_the_way():
    """A connection that is refused at once is no sign that others arrive sooner."""
    bucket = Bucket(Tariff(50, 2))
    for _ in range(50):
        await bucket.sent(1)
    await asyncio.sleep(0.4)
    for _ in range(ENOUGH):
        await bucket.ended(0.0, 0.0)
    await bucket.ended(clock(), None)
    await asyncio.sleep(0.15)
    assert bucket.holds(1)


async def test_what_is_not_answered_has_come_after_a_second():
    """Sooner nobody can know; whatever answers later is no news."""
    bucket = Bucket(Tariff(50, 2))
    for _ in range(50):
        await bucket.sent(1)
    await asyncio.sleep(ON_THE_WAY + 0.49)
    await bucket.settle()
    assert not bucket.holds(1)
    await asyncio.sleep(0.01)
    assert bucket.holds(1)
    await bucket.ended(0.0, 0.0)
    assert not bucket.holds(2)


async def test_a_small_bucket_drains_from_when_requests_left():
    """It would stand still while they are on their way."""
    bucket = Bucket(Tariff(SMALL, 2))
    for _ in range(SMALL):
        await bucket.sent(1)
    await asyncio.sleep(0.5)
    assert bucket.holds(1)
    for _ in range(ENOUGH):
        await bucket.ended(0.0, 0.0)
    assert not bucket.holds(2)


async def test_a_bucket_can_be_known_to_be_full():
    """What was on its way to it is in it."""
    bucket = Bucket(Tariff(50, 2))
    await bucket.sent(1)
    await bucket.fill(1000)
    assert not bucket.holds(1)
    await asyncio.sleep(25)
    assert bucket.holds(50)
    assert not bucket.holds(51)
