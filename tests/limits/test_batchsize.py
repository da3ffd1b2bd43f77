"""What `batchsize` promises: requests that end in time, however dear their calls are."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.limits import BatchSize
from extractor.limits.ends import ends_of

METHODS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=50)


def test_an_unknown_method_fills_a_request_with_fifty_calls():
    """Nothing is known, so nothing holds back."""
    assert 50 == BatchSize().size("crm.deal.list")
    assert 50 == BatchSize().take(["crm.deal.list"] * 80)


@pytest.mark.parametrize(("seconds", "size"), [(0.05, 50), (0.6, 50), (1.0, 30), (7.0, 4), (31.0, 1), (300.0, 1)])
def test_a_request_aims_at_thirty_seconds(seconds, size):
    """As many calls as fit into half of the time a request may live; one always fits."""
    batch = BatchSize()
    batch.answered(["m"] * 10, 10 * seconds)
    assert size == batch.size("m")


def test_methods_add_up():
    """Fifteen calls of 1 s and two of 7 s make a request of 29 s."""
    batch = BatchSize()
    batch.answered(["cheap"] * 10, 10.0)
    batch.answered(["dear"], 7.0)
    assert 17 == batch.take(["cheap"] * 15 + ["dear"] * 9)


def test_a_mixed_request_teaches_each_method_its_share():
    """What is known of each says how to divide the time of both."""
    batch = BatchSize()
    batch.answered(["cheap"] * 10, 1.0)
    batch.answered(["dear"] * 10, 30.0)
    batch.answered(["cheap"] * 10 + ["dear"] * 10, 62.0)
    seconds = batch.statistics().seconds
    assert pytest.approx({"cheap": 0.15, "dear": 4.5}) == seconds


def test_dearer_calls_are_believed_at_once_cheaper_ones_slowly():
    """A batch too large is lost whole; one too small costs a little time."""
    batch = BatchSize()
    batch.answered(["m"], 1.0)
    batch.answered(["m"], 3.0)
    assert 2.0 == batch.statistics().seconds["m"]
    batch.answered(["m"], 1.0)
    assert 1.8 == batch.statistics().seconds["m"]


def test_a_request_weighs_what_its_calls_take_at_their_best():
    """The shortest seen is what a call takes when nothing queues; what is unknown weighs nothing yet."""
    batch = BatchSize()
    batch.answered(["m"] * 10, 10.0)
    batch.answered(["m"] * 10, 5.0)
    batch.answered(["m"] * 10, 20.0)
    assert 1.5 == batch.work(["m", "m", "m", "unknown"])


def test_a_killed_request_is_halved():
    """Half of what it carried, whatever was allowed."""
    batch = BatchSize()
    batch.shrink(["m"] * 20)
    assert 10 == batch.size("m")


def test_a_killed_mixed_request_is_halved_too():
    """Twenty-five of each become twenty-five together."""
    batch = BatchSize()
    batch.shrink(["a", "b"] * 25)
    assert 25 == batch.take(["a", "b"] * 25)


def test_requests_that_are_killed_together_halve_once():
    """Eight in flight were all sent before the first was killed."""
    batch = BatchSize()
    for _ in range(8):
        batch.shrink(["m"] * 50)
    assert 25 == batch.size("m")


def test_fifty_calls_are_alone_after_six_kills():
    """The retry policy counts on it."""
    batch, sizes = BatchSize(), []
    while batch.size("m") > 1:
        batch.shrink(["m"] * batch.size("m"))
        sizes.append(batch.size("m"))
    assert [25, 12, 6, 3, 1] == sizes


def test_full_requests_win_the_size_back():
    """From one to fifty in under twenty requests that came back."""
    batch, requests = BatchSize(), 0
    batch.shrink(["m"])
    while batch.size("m") < 50:
        batch.answered(["m"] * batch.size("m"), 0.01)
        requests += 1
    assert 15 <= requests < 20


@pytest.mark.parametrize("bearable", [1, 2, 7, 30])
def test_a_size_that_is_killed_again_and_again_is_tried_ever_more_seldom(bearable):
    """Of a thousand requests to a portal that bears so many calls, under one in twenty is lost; and when it bears more, all fifty are won back."""
    batch, killed = BatchSize(), 0
    for _ in range(1_000):
        calls = ["m"] * batch.size("m")
        if len(calls) > bearable:
            killed += 1
            batch.shrink(calls)
        else:
            batch.answered(calls, 0.2)
    assert killed < 50
    for _ in range(64 + 18):
        batch.answered(["m"] * batch.size("m"), 0.2)
    assert 50 == batch.size("m")


def test_small_requests_prove_nothing():
    """Five calls that came back do not say that fifty will."""
    batch = BatchSize()
    batch.shrink(["m"] * 50)
    for _ in range(50):
        batch.answered(["m"] * 5, 0.01)
    assert 25 == batch.size("m")


@given(st.lists(st.tuples(METHODS, st.none() | st.floats(0, 75)), max_size=30), METHODS)
def test_a_request_carries_one_call_at_least_and_fifty_at_most(history, methods):
    """Whatever was learnt, there is a next request and it is a legal one."""
    batch = BatchSize()
    for request, latency in history:
        if latency is None:
            batch.shrink(request)
        else:
            batch.answered(request, latency)
    taken = batch.take(methods)
    assert 1 <= taken <= len(methods)
    assert taken == 1 or sum(1 / batch.size(method) for method in methods[:taken]) <= 1 + 1e-6


def test_it_says_how_it_is():
    """The repr carries the numbers, statistics those of every method."""
    batch = BatchSize(20, aim=10)
    batch.answered(["m"], 2.0)
    assert {"m": 5} == batch.statistics().sizes
    assert "<BatchSize at most 20 calls, 10 s; 1 methods known>" == repr(batch)


def test_it_learns_how_many_calls_are_worth_a_requests_way():
    """300 ms without calls, and 10 ms more for each of them: thirty calls take as long as the way there and back."""
    size = BatchSize()
    assert inf == size.worth("m")
    size.answered(["m"] * 2, 0.32)
    assert inf == size.worth("m")
    size.answered(["m"] * 27, 0.57)
    assert 32 == pytest.approx(size.worth("m"))
    assert 20 == pytest.approx(size.fitting("m", 0.2))
    size.answered(["m"] * 27, 5.0)
    assert 10 < size.worth("m") < 32, "a slow answer says little of calls: others may have queued before it"


def test_calls_that_nobody_has_tried_are_tried_by_threes():
    """Two calls show nothing of what the way takes and what they do; a request that is as small as the first would never know."""
    size = BatchSize()
    for _ in range(9):
        size.answered(["m"] * 2, 3.0)
        assert 3 == size.fitting("m", 0.5)
    size.answered(["m"] * 3, 3.01)
    assert 25 == pytest.approx(size.fitting("m", 0.5), rel=0.01)


def test_calls_that_take_no_time_are_worth_no_way_of_their_own():
    """A clock that stood still divides nothing by nothing."""
    size = BatchSize()
    for calls in (2, 9):
        size.answered(["m"] * calls, 0.0)
    assert inf == size.worth("m")


def test_what_a_call_adds_is_told_by_the_moments_at_which_calls_end():
    """One request is enough then, of any number of calls above one; what its way takes is no part of it."""
    size, methods = BatchSize(), ["cheap", "dear", "cheap"]
    size.answered(methods, 0.7, ends_of(methods, [1000.25, 1000.45, 1000.46], 0.7))
    assert 50 == pytest.approx(size.fitting("cheap", 0.5))
    assert 2.5 == pytest.approx(size.fitting("dear", 0.5))
    assert 70 == pytest.approx(size.worth("cheap"))
    assert 0.22 == pytest.approx(size.work(methods))


def test_where_no_ends_are_told_it_takes_two_requests():
    """Of more calls and of fewer."""
    size = BatchSize()
    size.answered(["m"] * 2, 0.3)
    assert 3 == size.fitting("m", 0.2)
    size.answered(["m"] * 12, 0.4)
    assert 20 == pytest.approx(size.fitting("m", 0.2))
