"""What `rate` promises: never faster than the tariff, and slower while the portal objects."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.limits import ENTERPRISE, STANDARD, RateLimit, Tariff
from extractor.sandbox.meter import Bucket

TARIFFS = st.builds(Tariff, st.integers(1, 60), st.floats(0.1, 20))
LOOK = 0.0625  # of the drain of one request: by so much a waiting request may be late


def clock() -> float:
    """Read the virtual clock."""
    return asyncio.get_running_loop().time()


async def admissions(rate: RateLimit, count: int) -> list[float]:
    """Ask for everything at once; return when each was admitted."""
    times: list[float] = []

    async def ask() -> None:
        await rate.admit()
        times.append(clock())

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(ask())
    return times


async def test_a_burst_leaves_at_once_and_the_rest_at_the_rate():
    """A standard portal: its bucket's 50 requests now, then two a second; what is not answered is on its way for a second."""
    times = await admissions(RateLimit(STANDARD), 150)
    assert [0.0] * 50 == times[:50]
    assert 51 == pytest.approx(times[-1], abs=LOOK / 2)


async def test_what_is_answered_has_arrived():
    """It drains from then on at the latest, so that the next request leaves as soon as the portal's own bucket lets it."""
    rate = RateLimit(STANDARD)
    await admissions(rate, 50)
    await asyncio.sleep(0.2)
    for _ in range(5):
        await rate.ended(0.0, computed=0.1)
    (next_one,) = await admissions(rate, 1)
    assert 0.6 == pytest.approx(next_one, abs=LOOK / 2)


@settings(max_examples=50, deadline=None)
@given(TARIFFS, st.lists(st.tuples(st.floats(0, 30), st.integers(1, 40)), max_size=6))
async def test_no_interval_admits_more_than_the_bucket_holds(tariff, bursts):
    """In any t seconds at most X + Y t requests leave, however they are asked for."""
    rate, times = RateLimit(tariff), []
    for pause, count in bursts:
        await asyncio.sleep(pause)
        times += await admissions(rate, count)
    for first, begin in enumerate(times):
        for last, end in enumerate(times[first:], first):
            assert last - first + 1 <= tariff.burst + tariff.per_second * (end - begin) + 1e-6


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([STANDARD, ENTERPRISE]), st.randoms(use_true_random=False))
async def test_the_portal_never_refuses_us(tariff, random):
    """With latencies that vary by the drain of two requests, the portal's own bucket never overflows."""
    portal = Bucket(tariff.burst, tariff.per_second)
    late = 2 / tariff.per_second
    arrivals = sorted(time + random.random() * late for time in await admissions(RateLimit(tariff), 400))
    assert all(portal.admit("address", arrival) for arrival in arrivals)


async def test_requests_leave_in_the_order_of_asking():
    """Nobody overtakes, so nobody starves."""
    rate, order = RateLimit(Tariff(1, 1)), []

    async def ask(name: int) -> None:
        await rate.admit()
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name in range(20):
            group.create_task(ask(name))
    assert list(range(20)) == order


async def test_without_a_bucket_nothing_waits():
    """A portal of one's own has no limit."""
    assert [0.0] * 1000 == await admissions(RateLimit(None), 1000)


@pytest.mark.parametrize("tariff", [STANDARD, None])
async def test_a_refusal_closes_the_gate_for_all(tariff):
    """After a 503 nothing leaves for a second, even where we know of no limit."""
    rate = RateLimit(tariff)
    rate.refused()
    times = await admissions(rate, 10)
    assert min(times) >= 1


async def test_refusals_of_one_moment_count_once():
    """Eight requests in flight that are refused together are one event."""
    rate = RateLimit(STANDARD)
    for _ in range(8):
        rate.refused()
    assert (8, 2.0) == (rate.statistics().refused, rate.statistics().toll)


async def test_a_refusal_halves_the_rate_and_spends_the_burst():
    """Somebody else fills the bucket: what we thought was in it for us is not."""
    rate = RateLimit(STANDARD)
    rate.refused()
    times = await admissions(rate, 31)
    assert all(1.0 - 1e-6 <= later - earlier <= 1.0 + LOOK for earlier, later in pairwise(times))


async def test_the_gate_stays_closed_longer_while_refusals_repeat():
    """One, two, four ... seconds, thirty at most: a portal under water is left alone."""
    rate, gaps = RateLimit(None), []
    for _ in range(7):
        before = clock()
        rate.refused()
        await rate.admit()
        gaps.append(clock() - before)
    assert pytest.approx([1, 2, 4, 8, 16, 30, 30]) == gaps


async def test_success_takes_the_toll_back_slowly():
    """A halved rate is whole again after thirty-five answers, and never better than whole."""
    rate = RateLimit(STANDARD)
    rate.refused()
    tolls = []
    for _ in range(40):
        rate.succeeded()
        tolls.append(rate.statistics().toll)
    assert tolls == sorted(tolls, reverse=True)
    assert tolls[30] > 1.0 == tolls[35]


async def test_a_refusal_while_others_wait_holds_them_too():
    """The gate closes in front of those who already wait at the bucket."""
    rate = RateLimit(Tariff(1, 1))
    await rate.admit()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(rate.admit())
        await asyncio.sleep(0.9)
        rate.refused()
        await waiting
    assert clock() >= 1.9


async def test_someone_who_gives_up_waiting_holds_nobody():
    """A cancelled request takes nothing from the bucket and leaves the queue."""
    rate = RateLimit(Tariff(1, 1))
    await rate.admit()
    async with asyncio.TaskGroup() as group:
        impatient = group.create_task(rate.admit())
        patient = group.create_task(rate.admit())
        await asyncio.sleep(0.5)
        impatient.cancel()
        await patient
    assert 1.0 <= clock() <= 1.0 + LOOK
    assert (2, 0) == (rate.statistics().admitted, rate.statistics().waiting)


async def test_a_rate_far_below_its_toll_is_still_a_rate():
    """A bucket of one can take no toll of two; the gate slows it instead."""
    rate = RateLimit(Tariff(1, 1))
    for _ in range(3):
        rate.refused()
        await rate.admit()
    assert 3 == rate.statistics().admitted


async def test_it_tells_what_could_leave_at_once():
    """So many requests as the bucket still holds; a toll makes each count more, and no bucket means any number."""
    rate = RateLimit(STANDARD)
    await admissions(rate, 8)
    assert (True, False) == (rate.affords(42), rate.affords(43))
    rate.refused()
    assert (True, False) == (rate.affords(21), rate.affords(22))
    assert RateLimit(None).affords(10**6)


async def test_it_tells_how_many_are_in_flight_when_it_binds():
    """Little's law: longer requests and higher rates keep more in flight, a toll fewer."""
    rate = RateLimit(STANDARD)
    assert rate.sustained(1.0) < rate.sustained(5.0) < RateLimit(ENTERPRISE).sustained(5.0) < RateLimit(None).sustained(5.0)
    before = rate.sustained(5.0)
    rate.refused()
    assert rate.sustained(5.0) < before


async def test_it_says_how_it_is():
    """Statistics are a frozen record; the repr carries the numbers."""
    rate = RateLimit(Tariff(1, 1))
    await admissions(rate, 3)
    numbers = rate.statistics()
    assert (3, 0, 0, 1.0) == (numbers.admitted, numbers.refused, numbers.waiting, numbers.toll)
    assert 3 == pytest.approx(numbers.waited, abs=3 * LOOK)
    assert "<RateLimit 1/1 toll=1.00 0 waiting>" == repr(rate)
    assert "<RateLimit unlimited toll=1.00 0 waiting>" == repr(RateLimit(None))


async def test_a_bucket_is_idle_while_most_of_it_is_free():
    """So a request that is not needed never takes the place of one that is; without a bucket there is always room."""
    limit = RateLimit(Tariff(20, 1))
    seen = []
    for _ in range(6):
        seen.append(limit.idle())
        await limit.admit()
    assert [True] * 5 + [False] == seen
    assert RateLimit(None).idle()
    limit.refused()
    assert not limit.idle()


async def test_few_requests_may_leave_faster_than_the_bucket_drains():
    """Eighty requests on 50/2: thirty of them have to wait, fifteen seconds; so five leave a second, and not two."""
    limit = RateLimit(STANDARD)
    assert 2 + int(2 * 0.8 * 1.25) == limit.sustained(0.8)
    assert 2 + int(80 / 15 * 0.8 * 1.25) == limit.sustained(0.8, 80)
    for _ in range(50):
        await limit.admit()
    assert 2 + int(2 * 0.8 * 1.25) == limit.sustained(0.8, 80)


@pytest.mark.parametrize(("assumed", "at_once"), [(True, 200), (False, 50)])
async def test_a_portal_that_shows_that_it_has_no_bucket_is_believed(assumed, at_once):
    """Its calls report no operating seconds, so it is no cloud portal; but for a tariff that somebody has named."""
    rate = RateLimit(STANDARD, assumed=assumed)
    rate.reports(operating=False)
    assert assumed == rate.unlimited
    assert at_once == (await admissions(rate, 200)).count(0.0)


async def test_a_portal_that_reports_its_seconds_has_a_bucket():
    """Whatever answers without them may say later."""
    rate = RateLimit(STANDARD, assumed=True)
    rate.reports(operating=True)
    rate.reports(operating=False)
    assert 50 == (await admissions(rate, 60)).count(0.0)


async def test_a_bucket_that_was_not_believed_in_is_there_after_all():
    """An answer reports: what has left meanwhile is in it, and not more; a request is refused for its rate: it is full."""
    rate = RateLimit(STANDARD, assumed=True)
    rate.reports(operating=False)
    await admissions(rate, 20)
    rate.reports(operating=True)
    assert 30 == (await admissions(rate, 40)).count(0.0)
    rate = RateLimit(STANDARD, assumed=True)
    rate.reports(operating=False)
    await admissions(rate, 20)
    rate.refused()
    rate.reports(operating=False)
    first, *others = await admissions(rate, 9)
    assert all(later - earlier > 0.3 for earlier, later in pairwise([first, *others]))


async def test_a_second_refusal_leaves_a_full_bucket_alone():
    """What it has drained since the first one is free."""
    rate = RateLimit(STANDARD, assumed=True)
    rate.refused()
    await asyncio.sleep(20)
    rate.reports(operating=True)
    assert rate.affords(9)


async def test_a_bucket_is_there_again_though_nothing_has_left_meanwhile():
    """What had left before is in it."""
    rate = RateLimit(STANDARD, assumed=True)
    await admissions(rate, 8)
    rate.reports(operating=False)
    rate.reports(operating=True)
    assert 42 == (await admissions(rate, 60)).count(0.0)
    assert not rate.unlimited
