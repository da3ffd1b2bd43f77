"""One call inside one HTTP request."""

import pytest

from extractor.sandbox.answer import Answer, Method, Refusal, Session
from extractor.sandbox.calls import Desk, Visit, failure, success
from extractor.sandbox.credentials import Caller
from extractor.sandbox.meter import Operating
from extractor.sandbox.world import World

NOW = 1_724_670_000.0


def flaky(_world, params, _start, _session):
    """Work, or take as long and fail."""
    if "fail" in params:
        raise Refusal("ERROR_CORE", "no", seconds=5.0)
    return Answer(True, seconds=1.0)


class Recorder:
    """A world that writes down how it was moved."""

    dial = World.build(rows={}).dial

    def __init__(self):
        self.moves = []

    def advance(self, now, call_number):
        """Write down one move."""
        self.moves.append((now, call_number))


def visit(operating=None, world=None):
    """Make a visit of a webhook without scopes."""
    desk = Desk(world or Recorder(), {"flaky": Method("", flaky), "crm.x": Method("crm", flaky)}, lambda: NOW)
    return Visit(desk, Caller("apauth", "1", Session()), (operating or Operating()).open(NOW), NOW)


def finish(flow):
    """Drive a call to its answer."""
    try:
        while True:
            next(flow)
    except StopIteration as done:
        return done.value


def test_direct_failures_are_raised():
    """A direct call's refusal travels up to the request; a batched one is an answer."""
    with pytest.raises(Refusal, match="ERROR_CORE"):
        finish(visit().direct("flaky", {"fail": 1}))
    assert finish(visit().batched("flaky", {"fail": 1})) == {"error": "ERROR_CORE", "error_description": "no"}


def test_a_failed_call_shifts_the_next():
    """In one batch the call after a thrown one of its method pays for both (LL, point 9)."""
    one = visit()
    finish(one.batched("flaky", {"fail": 1}))
    assert finish(one.batched("flaky", {}))["time"]["operating"] == 6


def test_the_world_is_moved_before_each_call():
    """The world hears the moment and the call's number, counted through the portal's life."""
    world = Recorder()
    one = visit(world=world)
    for _ in range(2):
        finish(one.batched("flaky", {}))
    assert world.moves == [(NOW, 1), (NOW, 2)]


def test_refused_calls_are_no_calls():
    """A call that is unknown, out of scope or blocked does not reach the world, and is not counted."""
    world = Recorder()
    one = visit(Operating(limit=0.5), world)
    finish(one.batched("flaky", {}))
    for name in ("flaky", "crm.x", "nope"):
        assert "error" in finish(one.batched(name, {}))
    assert len(world.moves) == 1


def test_layout():
    """Keys come in the source's order, absent where there is nothing to say (processResponse)."""
    assert list(success(Answer([], total=0, next=50), {})) == ["result", "next", "total", "time"]
    assert list(success(Answer(None), {})) == ["result", "time"]
    assert failure(Refusal("", "x", extra={"argument": "y"})) == {"error": "", "error_description": "x", "argument": "y"}
