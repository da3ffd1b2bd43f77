"""What the limits of a run promise together: what goes out is counted, what comes back teaches."""

import pytest

from extractor.errors import (
    AccessDenied,
    CommandFailed,
    NotJson,
    OperatingLimited,
    RateLimited,
    RequestTimeout,
    ServerFailure,
)
from extractor.limits.joint import Limits
from extractor.messages import Reply, Timing

METHOD = "crm.deal.list"


def exchange(limits, *outcomes, seconds=1.0):
    """Send one request whose calls end so."""
    methods = [METHOD] * len(outcomes)
    limits.sent(methods, 0.0)
    limits.learn(methods, outcomes, 0.0, seconds)


def test_a_request_is_in_flight_until_it_is_learnt_from():
    """The window counts requests, the ledger calls."""
    limits = Limits()
    limits.sent([METHOD] * 3, 0.0)
    assert 1 == limits.window.statistics().in_flight
    assert 3 == limits.operating.statistics(0.0)[METHOD].in_flight
    limits.learn([METHOD] * 3, [Reply([])] * 3, 0.0, 1.0)
    assert 0 == limits.window.statistics().in_flight
    assert 0 == limits.operating.statistics(1.0)[METHOD].in_flight


def test_an_answer_teaches_how_long_calls_take():
    """Fifty calls in forty seconds are too many for one request."""
    limits = Limits()
    exchange(limits, *[Reply([])] * 50, seconds=40.0)
    assert 1 / limits.weight(METHOD) < 50


@pytest.mark.parametrize("error", [RequestTimeout("slow"), ServerFailure("INTERNAL_SERVER_ERROR"), NotJson("page", status=502)])
def test_a_killed_request_carries_half_next_time(error):
    """It was too much, and it burdened the portal."""
    limits = Limits()
    exchange(limits, *[error] * 50)
    assert 25 == round(1 / limits.weight(METHOD))
    assert 4 == limits.window.statistics().size


@pytest.mark.parametrize("error", [AccessDenied("ACCESS_DENIED"), OperatingLimited("OPERATION_TIME_LIMIT")])
def test_a_no_is_an_answer(error):
    """A portal that says no is well: neither the window nor the batch shrinks."""
    limits = Limits()
    exchange(limits, error, seconds=0.1)
    assert 8 == limits.window.statistics().size
    assert 50 == round(1 / limits.weight(METHOD))


def test_a_refused_request_costs_nothing():
    """It was not executed: nothing is charged for its calls."""
    limits = Limits()
    exchange(limits, *[RateLimited("QUERY_LIMIT_EXCEEDED")] * 50)
    used = limits.operating.statistics(1.0)[METHOD]
    assert (0.0, 0) == (used.used, used.in_flight)


def test_a_blocked_method_waits():
    """The ledger closes it, and knows when it opens."""
    limits = Limits()
    timing = Timing(419.0, 500.0)
    exchange(limits, Reply([], timing=timing), OperatingLimited("OPERATION_TIME_LIMIT"))
    assert 0 == limits.operating.room(METHOD, 1.0)
    assert limits.operating.ready_at(METHOD, 1.0) > 1.0


def test_the_ends_of_calls_say_what_a_call_adds():
    """One request is enough; where a call has failed, nothing is told of it and of the one behind it."""
    limits = Limits()
    ends = [10.2, 10.3, None, 10.6, 10.7]
    exchange(limits, *[CommandFailed("X", "") if end is None else Reply([], timing=Timing(finish=end)) for end in ends], seconds=1.0)
    assert 5 == pytest.approx(limits.batch.fitting(METHOD, 0.5))
