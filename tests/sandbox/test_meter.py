"""The request limit and the operating limit."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.sandbox.meter import Bucket, Meter, Operating, Reading

KEY = ("apauth", "1", "crm.deal.list")
OTHER = ("apauth", "1", "user.get")
T0 = 1_724_670_000.0  # a whole minute


def request(operating, *seconds, at=T0, key=KEY):
    """Run calls of one method in one request and charge them; gives the readings."""
    tally = operating.open(at)
    readings = []
    for each in seconds:
        tally.start(key, at)
        tally.spend(each)
        tally.finish(key)
        readings.append(tally.reading(key))
    tally.close()
    return readings


def used(operating, at, key=KEY):
    """Tell what a fresh request would read."""
    return operating.open(at).reading(key).operating


def test_bucket_admits_a_burst():
    """A full burst is admitted at once, one more is not, and half a second later there is room again (docs: limits)."""
    bucket = Bucket(50, 2)
    assert [True] * 50 + [False] == [bucket.admit("a", T0) for _ in range(51)]
    assert bucket.admit("a", T0 + 0.5)
    assert not bucket.admit("a", T0 + 0.5)


def test_bucket_refused_requests_do_not_count():
    """A refused request is not executed and fills nothing."""
    bucket = Bucket(2, 1)
    for _ in range(100):
        bucket.admit("a", T0)
    assert bucket.level("a", T0) == 2.0


def test_bucket_is_of_one_address():
    """Each source address has its own counter (portal.md 4)."""
    bucket = Bucket(1, 1)
    assert bucket.admit("a", T0)
    assert bucket.admit("b", T0)
    assert not bucket.admit("a", T0)


@given(st.lists(st.floats(0, 3), max_size=200), st.integers(1, 20), st.floats(0.5, 5))
def test_bucket_never_admits_more(gaps, burst, rate):
    """In no interval of t seconds are more than X + Y * t requests admitted."""
    bucket, now, admitted = Bucket(burst, rate), 0.0, []
    for gap in gaps:
        now += gap
        if bucket.admit("a", now):
            admitted.append(now)
    for first, start in enumerate(admitted):
        for count, end in enumerate(admitted[first:], 1):
            assert count <= burst + rate * (end - start) + 1e-6


def test_meter_without_bucket():
    """A self-hosted portal has no request limit and says nothing of operating time (portal.md 4, 3.1)."""
    meter = Meter.unlimited()
    assert all(meter.admit("a", T0) for _ in range(1000))
    assert meter.operating.open(T0).reading(KEY) is None
    assert meter.operating.open(T0).envelope() is None


def test_tariffs():
    """Enterprise has a bucket of 250 draining 5 a second, all others 50 and 2 (docs: limits)."""
    assert repr(Meter.standard()) == "Meter(Bucket(burst=50, per_second=2), Operating(limit=420.0, keys=0))"
    assert repr(Meter.enterprise()) == "Meter(Bucket(burst=250, per_second=5), Operating(limit=420.0, keys=0))"


def test_a_reading_includes_its_own_call():
    """`operating` is stored plus in-request seconds after the call (LL, point 7)."""
    operating = Operating()
    assert request(operating, 0.5, 0.25) == [Reading(0.5, int(T0) + 600), Reading(0.75, int(T0) + 600)]
    assert used(operating, T0 + 1) == 0.75


def test_small_calls_show_later():
    """50 batched calls of 50 ms show a constant value, and are charged together afterwards (LL, point 8)."""
    operating = Operating()
    assert {each.operating for each in request(operating, *[0.05] * 50)} == {0.0}
    assert used(operating, T0 + 3) == pytest.approx(2.5)


def test_a_small_request_is_free():
    """A request whose calls of a method take 0.1 s or less together is never charged (LL, point 8)."""
    operating = Operating()
    request(operating, 0.05, 0.05)
    assert used(operating, T0 + 1) == 0.0


def test_a_call_of_a_tenth_is_not_noticed():
    """Only calls above 0.1 s count while the request runs; 0.1 s itself does not (LL, point 5)."""
    assert request(Operating(), 0.1)[0].operating == 0.0


def test_blocked_strictly_above_the_limit():
    """A method is blocked when its seconds are above the limit, not at it (LL, point 6)."""
    operating = Operating(limit=10)
    request(operating, 10.0)
    assert not operating.open(T0 + 30).blocked(KEY)
    request(operating, 0.25, at=T0 + 30)
    assert operating.open(T0 + 40).blocked(KEY)


def test_blocked_inside_one_request():
    """Calls of the same request count before anything is stored (LL, points 5 and 6)."""
    tally = Operating(limit=1).open(T0)
    tally.start(KEY, T0)
    tally.spend(1.5)
    tally.finish(KEY)
    assert tally.blocked(KEY)


def test_another_method_goes_on():
    """The limit is of one method: others continue (portal.md 3.3)."""
    operating = Operating(limit=1)
    request(operating, 2.0)
    assert operating.open(T0 + 3).blocked(KEY)
    assert not operating.open(T0 + 3).blocked(OTHER)


def test_requests_in_flight_overshoot():
    """All requests in flight read the store before any of them writes (LL, point 11)."""
    operating = Operating(limit=1)
    tallies = [operating.open(T0) for _ in range(5)]
    assert not any(tally.blocked(KEY) for tally in tallies)
    for tally in tallies:
        tally.start(KEY, T0)
        tally.spend(1.0)
        tally.finish(KEY)
    for tally in tallies:
        tally.close()
    assert used(operating, T0 + 2) == 5.0


def test_ten_minutes_are_ten_buckets():
    """The sum is of the buckets N..N-9, N = floor(unix / 60) (LL, point 4)."""
    operating = Operating()
    request(operating, 1.0, at=T0 + 59)
    assert used(operating, T0 + 599) == 1.0
    assert used(operating, T0 + 600) == 0.0


def test_a_bucket_drops_before_its_time():
    """`operating_reset_at` is the first call + 600, but the bucket drops up to 59 s earlier (LL, point 10)."""
    operating = Operating()
    request(operating, 1.0, at=T0 + 59)
    assert operating.open(T0 + 60).reading(KEY) == Reading(1.0, int(T0) + 659)
    assert used(operating, T0 + 600) == 0.0


def test_reset_follows_the_oldest_bucket():
    """When the oldest bucket drops, the reset moves to the next one; the other bucket still counts (LL, point 10)."""
    operating = Operating()
    request(operating, 1.0, at=T0 + 10)
    request(operating, 2.0, at=T0 + 20)
    request(operating, 4.0, at=T0 + 130)
    assert operating.open(T0 + 200).reading(KEY) == Reading(7.0, int(T0) + 610)
    assert operating.open(T0 + 600).reading(KEY) == Reading(4.0, int(T0) + 730)


def test_the_minute_is_fixed_at_first_use():
    """A request that runs over a minute's end is charged to the minute in which it began (LL, point 4)."""
    operating = Operating()
    request(operating, 50.0, at=T0 + 30)
    assert used(operating, T0 + 599) == 50.0
    assert used(operating, T0 + 600) == 0.0


def test_nothing_stored():
    """With nothing stored the reset is the request's start + 600, as for a batch's envelope (LL, points 10 and 12)."""
    tally = Operating().open(T0 + 0.75)
    assert tally.reading(KEY) == tally.envelope() == Reading(0.0, int(T0) + 600)


def test_a_call_that_threw_is_not_charged():
    """A call that threw started but never finished (LL, point 9)."""
    operating = Operating()
    tally = operating.open(T0)
    tally.start(KEY, T0)
    tally.spend(5.0)
    tally.close()
    assert used(operating, T0 + 6) == 0.0


def test_a_call_that_threw_shifts_the_next():
    """Starts and finishes are paired by position, so the next call of the method pays for the thrown one (LL, point 9)."""
    operating = Operating()
    tally = operating.open(T0)
    tally.start(KEY, T0)
    tally.spend(5.0)
    tally.start(KEY, T0 + 5)
    tally.spend(1.0)
    tally.finish(KEY)
    assert tally.reading(KEY).operating == 6.0


def test_a_request_that_was_killed_is_not_charged():
    """A request that never reaches its end charges nothing (LL, point 9)."""
    operating = Operating()
    tally = operating.open(T0)
    tally.start(KEY, T0)
    tally.spend(60.0)
    tally.finish(KEY)
    assert used(operating, T0 + 61) == 0.0


def test_without_a_shared_store():
    """A self-hosted portal adds up one request's calls only, and knows no reset (LL, point 1)."""
    operating = Operating(limit=1, shared=False)
    assert request(operating, 0.5, 0.5) == [Reading(0.5, None), Reading(1.0, None)]
    assert used(operating, T0 + 2) == 0.0


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 30)), max_size=40))
def test_a_reading_is_never_less_than_what_counts(calls):
    """What is stored is never below the charged seconds of the last nine whole minutes."""
    operating, now, charged = Operating(), T0, []
    for gap, seconds in calls:
        now += gap
        request(operating, seconds, at=now)
        if seconds > 0.1:
            charged.append((now, seconds))
    recent = sum(seconds for at, seconds in charged if at > now - 540)
    assert used(operating, now) >= recent - 1e-6
    assert all(first <= second for (first, _), (second, _) in pairwise(charged))
