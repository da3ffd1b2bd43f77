"""Answers of the sandbox, spoilt in every way: what comes out is replies and pages, or errors of ours, and never anything else."""

import functools
import json

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extractor import batch
from extractor.auth.oauth import Tokens, _read
from extractor.catalog import catalog, raw_method
from extractor.decoder import page_of, reply_of
from extractor.envelopes import envelope_of, maps_of
from extractor.errors import B24xError
from extractor.messages import Call, Page, Reply
from extractor.sandbox.clock import run
from extractor.sandbox.transport import MemoryTransport
from tests.test_decoder import JSON, STATUSES
from tests.trials import ADDRESS, Trial

CALLS = [Call("crm.deal.list", {"start": 0}), Call("crm.activity.list", {"order": {"ID": "ASC"}, "start": -1}), Call("tasks.task.list", {}),
         Call("crm.item.list", {"entityTypeId": 2}), Call("no.such.method", {}), Call("crm.status.list", {}), Call("user.get", {"start": 50})]
ENTITIES = st.sampled_from([*catalog().values(), raw_method("some.list")])
BATCH = len(CALLS)  # its place behind the direct ones


@functools.cache
def genuine() -> list[bytes]:
    """Ask the sandbox each of the calls alone, then all of them as a batch; return the bodies as they came."""
    async def ask():
        trial = Trial(None, rows={"deals": 70, "activities": 60, "tasks": 55})
        line = MemoryTransport(trial.portal)
        kind = {"Content-Type": "application/json"}
        alone = [await line.post(ADDRESS + call.method, orjson.dumps(call.params), kind) for call in CALLS]
        return [answer.body for answer in (*alone, await line.post(f"{ADDRESS}batch", batch.encode(CALLS), kind))]

    return run(ask())


@st.composite
def spoilt_bytes(draw, body):
    """Cut, double, overwrite or insert pieces of a body."""
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(body)))
        end = draw(st.integers(begin, min(len(body), begin + 200)))
        piece = draw(st.sampled_from([b"", body[begin:end] * 2, b"[]", b"null", b"{", b'"', b"\\", b"\x00", b"\xff", b"1e999"]) | st.binary(max_size=5))
        body = body[:begin] + piece + body[end:]
    return body


@st.composite
def spoilt_tree(draw, body):
    """Put something else in the place of a few values, or take a key away; it stays JSON."""
    tree = orjson.loads(body)
    for _ in range(draw(st.integers(1, 3))):
        node, parent, key = tree, None, None
        while isinstance(node, dict | list) and node and (parent is None or draw(st.integers(0, 4))):
            keys = list(node) if isinstance(node, dict) else range(len(node))
            parent, key = node, draw(st.sampled_from(keys))
            node = parent[key]
        if parent is None:
            break
        if draw(st.booleans()):
            parent[key] = draw(JSON)
        else:
            del parent[key]
    return orjson.dumps(tree)


def bodies(place):
    """Return the strategy for spoilt bodies of one genuine answer."""
    return spoilt_bytes(genuine()[place]) | spoilt_tree(genuine()[place])


def paged(reply, entity):
    """Read a page, if there is one."""
    try:
        return page_of(reply, entity)
    except B24xError as error:
        return error


def held(found):
    """Hold what came out against the promise."""
    assert isinstance(found, Page | B24xError)
    if isinstance(found, Page):
        assert all(isinstance(json.loads(row.text), dict) for row in found.rows)  # a number may be larger than what orjson reads
        assert all(number is None or type(number) is int for number in (found.total, found.next))
    else:
        assert str(found)


def decoded_alone(status, body, entity):
    """Decode as the answer to one call."""
    try:
        found = envelope_of(status, body)
        reply = reply_of(found.result, found.total, found.next, found.time)
    except B24xError as error:
        held(error)
    else:
        held(paged(reply, entity))


def decoded_as_batch(status, body, entity, count):
    """Decode as the answer to a batch: one outcome a call, or one error for all."""
    try:
        outcomes = batch.decode(maps_of(status, body), count)
    except B24xError as error:
        held(error)
        return
    assert count == len(outcomes)
    for outcome in outcomes:
        held(paged(outcome, entity) if isinstance(outcome, Reply) else outcome)


def test_the_genuine_answers_are_what_they_seem():
    """The seeds of all that follows: six replies and a refusal, alone and together."""
    outcomes = batch.decode(maps_of(200, genuine()[BATCH]), len(CALLS))
    assert [True, True, True, True, False, True, True] == [isinstance(outcome, Reply) for outcome in outcomes]


@pytest.mark.parametrize("place", range(BATCH + 1), ids=[*(call.method for call in CALLS), "batch"])
@given(data=st.data())
def test_spoilt_answers(place, data):
    """Whatever becomes of a genuine answer on its way, alone or as a batch: pages, or errors of ours with words."""
    status, body, entity = data.draw(STATUSES), data.draw(bodies(place)), data.draw(ENTITIES)
    decoded_alone(status, body, entity)
    decoded_as_batch(status, body, entity, data.draw(st.sampled_from([0, 1, len(CALLS), 50])))


@given(STATUSES, st.binary(max_size=80) | JSON.map(orjson.dumps), ENTITIES)
@example(200, b"[" * 100_000, raw_method("some.list"))
@example(200, b'{"result":' * 5_000, raw_method("some.list"))
@example(200, b'{"result": [], "total": 1e400}', raw_method("some.list"))
@example(200, b'{"result": [], "total": 1e300, "next": -1e300}', raw_method("some.list"))
@example(200, b'{"result": [{"ID": NaN}]}', raw_method("some.list"))
@example(200, b'{"result": [{"ID": "1", "UF_LARGE": 1e999}]}', raw_method("some.list"))
@example(200, b'{"result": [], "total": "\xd9\xa3"}', raw_method("some.list"))
@example(200, b'{"result": "\\ud800"}', raw_method("some.list"))
def test_any_bytes(status, body, entity):
    """Any bytes at all."""
    decoded_alone(status, body, entity)
    decoded_as_batch(status, body, entity, 3)


@given(st.data())
def test_answers_of_the_authorisation_server(data):
    """Any bytes, and spoilt tokens: new tokens, or errors of ours; tokens are texts that are not empty."""
    whole = orjson.dumps({"access_token": "a", "refresh_token": "r", "expires_in": 3600, "expires": 1, "scope": "crm", "user_id": 1})
    body = data.draw(st.binary(max_size=60) | JSON.map(orjson.dumps) | spoilt_bytes(whole) | spoilt_tree(whole))
    answer = type("Answer", (), {"status": data.draw(STATUSES), "body": body})()
    try:
        tokens = _read(answer, Tokens("old", "r0"), 0.0)
    except B24xError as error:
        held(error)
    else:
        assert all(token and token.isascii() and token.isprintable() for token in (tokens.access, tokens.refresh))
