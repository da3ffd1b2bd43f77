"""Both halves of the sandbox together: the protocol over the world's own methods."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor.sandbox.answer import Session
from extractor.sandbox.clock import loop_clock
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.exchange import Request
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal
from extractor.sandbox.transport import MemoryTransport
from extractor.sandbox.world import World

JSON = {"content-type": "application/json"}
HOOK = Webhook("code", Session(scopes=frozenset(method.scope for method in METHODS.values())))
SMALL = World.build(rows={"deals": 120, "activities": 120})


def portal(world, clock, meter=None):
    """Make a portal that serves every method."""
    return Portal(world, METHODS, Credentials([HOOK]), meter, clock=clock)


def finish(flow):
    """Drive a request to its response without waiting."""
    try:
        while True:
            next(flow)
    except StopIteration as done:
        return done.value


async def post(transport, name, params):
    """Call a method; gives the decoded body."""
    response = await transport.post(f"http://portal.example{HOOK.path}{name}", orjson.dumps(params), JSON)
    return orjson.loads(response.body)


async def keyset(transport, name, chain=50):
    """Walk a list by chained batches, as the documentation's own example does."""
    low, ids = 0, []
    while True:
        cmd = {"c0": f"{name}?start=-1&order[ID]=ASC&filter[%3EID]={low}"} | {
            f"c{index}": f"{name}?start=-1&order[ID]=ASC&filter[%3EID]=$result[c{index - 1}][49][ID]" for index in range(1, chain)}
        pages = (await post(transport, "batch", {"cmd": cmd}))["result"]["result"]
        for page in pages.values():
            ids += [int(row["ID"]) for row in page]
            if len(page) < 50:
                return ids
        low = ids[-1]


@pytest.mark.parametrize(("name", "table"), [("crm.deal.list", "deals"), ("crm.activity.list", "activities")])
async def test_a_walk_by_chained_batches(name, table):
    """The documented keyset walk, references and all, finds every row once and in order (docs: huge-data)."""
    transport = MemoryTransport(portal(World.build(rows={table: 1234}), loop_clock()), latency=0.2)
    ids = await keyset(transport, name)
    assert len(ids) == (await post(transport, name, {}))["total"] > 1200
    assert ids == sorted(set(ids))


async def test_a_walk_under_the_cloud_limits():
    """The same walk by single pages runs into the bucket after 50 requests, and goes on at two a second."""
    transport = MemoryTransport(portal(World.build(rows={"deals": 3000}), loop_clock(), Meter.standard()))
    answers = [await post(transport, "crm.deal.list", {"start": -1, "filter": {">ID": 0}}) for _ in range(60)]
    assert sum("error" in answer for answer in answers) == transport.statistics().refused > 0


@pytest.mark.parametrize("name", sorted(METHODS))
async def test_every_method_answers(name):
    """Every method answers a call without parameters, by a result or by a refusal in JSON."""
    body = await post(MemoryTransport(portal(SMALL, loop_clock())), name, {})
    assert {"result", "time"} <= body.keys() or {"error", "error_description"} <= body.keys()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from(["ID", ">ID", "@ID", "ASC", "9" * 5000, "2024-01-01T00:00:00+03:00", "*", "UF_*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ID", ">ID", "id", "@ID", "!ID", "logic", "0"]), inner, max_size=3),
    max_leaves=6)
PARAMS = st.dictionaries(st.sampled_from([
    "filter", "FILTER", "order", "select", "start", "entityTypeId", "id", "ID", "cmd",
]), VALUES, max_size=4)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(METHODS)), PARAMS)
def test_no_parameters_crash_a_method(name, params):
    """PHP casts never fail: whatever a method is given, it answers in JSON."""
    request = Request("POST", HOOK.path + name, "", JSON, orjson.dumps(params))
    assert orjson.loads(finish(portal(SMALL, lambda: SMALL.now).handle(request)).body)
