"""A portal spoken to in memory."""

import asyncio

import orjson
import pytest

from extractor.sandbox import faults
from extractor.sandbox.clock import loop_clock
from extractor.sandbox.exchange import page
from extractor.sandbox.meter import Meter, Operating
from extractor.sandbox.transport import MemoryTransport

JSON = {"Content-Type": "application/json"}
HOOK = "https://portal.example/rest/1/code/"


@pytest.fixture
def network(bench):
    """Make networks: `network(latency=..., meter=..., **settings of the portal)`."""
    def make(meter=None, *, latency=0.0, address="127.0.0.1", lifetime=60.0, **settings):
        portal = bench(meter, **settings).portal
        portal._desk.clock = loop_clock()
        return MemoryTransport(portal, latency=latency, address=address, lifetime=lifetime)

    return make


def now():
    """The loop's time."""
    return asyncio.get_running_loop().time()


async def batch(transport, *commands):
    """Post a batch."""
    return await transport.post(HOOK + "batch", orjson.dumps({"cmd": commands}), JSON)


async def test_bytes_in_bytes_out(network):
    """A post carries query, headers and body, and brings back status, headers and body."""
    response = await network().post(HOOK + "echo?a=1", b'{"b":2}', JSON)
    assert (response.status, response.headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert orjson.loads(response.body)["result"]["params"] == {"a": "1", "b": 2}


async def test_other_http_methods(network):
    """Any HTTP method can be sent; a GET's body is not read."""
    response = await network().request("GET", HOOK + "echo?a=1", b"b=2")
    assert orjson.loads(response.body)["result"]["params"] == {"a": "1"}


async def test_https(network):
    """The scheme of the address reaches the portal."""
    transport = network(https_required=True)
    assert (await transport.post(HOOK + "null", b"", {})).status == 200
    assert (await transport.post(HOOK.replace("https", "http") + "null", b"", {})).status == 401


async def test_latency_is_half_each_way(network):
    """The portal sees a request after half of the latency; the client is answered after server time and the other half."""
    transport = network(latency=1.0)
    response = await batch(transport, "work?seconds=2", "work?seconds=3")
    assert now() == 6.0
    assert orjson.loads(response.body)["time"]["finish"] == 1_724_670_005.5


async def test_requests_interleave(network):
    """Requests in flight share the portal's time, not its thread."""
    transport = network()
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(batch(transport, *["work?seconds=1"] * 10))
    assert now() == 10.0
    assert transport.statistics().most_in_flight == 5


async def test_requests_in_flight_overshoot(network):
    """Requests that run side by side are all admitted, and all charged (LL, point 11)."""
    transport = network(Meter(None, Operating(1)))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(batch(transport, "work?seconds=5")) for _ in range(3)]
    assert all(orjson.loads(task.result().body)["result"]["result"] for task in tasks)
    blocked = orjson.loads((await batch(transport, "work")).body)["result"]
    assert blocked["result_error"][0]["error"] == "OPERATION_TIME_LIMIT"


async def test_cut_at_its_lifetime(network):
    """After 60 s a request is cut: a page, nothing partial, and what had run has run (portal.md 4)."""
    transport = network(Meter(None, Operating(57)))
    response = await batch(transport, *["work?seconds=7"] * 50)
    assert (now(), response) == (60.0, page(504))
    # The ninth call had begun when the cut came.
    assert transport.statistics().calls == 9
    assert orjson.loads((await batch(transport, "work")).body)["result"]["result_error"] == []


async def test_just_within_its_lifetime(network):
    """A request of exactly 60 s is answered."""
    assert (await batch(network(), *["work?seconds=20"] * 3)).status == 200


async def test_no_lifetime(network):
    """A portal of one's own may let requests run."""
    assert (await batch(network(lifetime=None), "work?seconds=3600")).status == 200


async def test_a_client_that_goes_away(network):
    """A request goes on without its client, and is charged (a server notices when it answers, if at all)."""
    transport = network(Meter(None, Operating(1)), latency=1.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await batch(transport, "work?seconds=5", "more.work?seconds=5")
    await asyncio.sleep(20)
    assert transport.statistics().calls == 2
    assert transport.statistics().in_flight == 0
    blocked = orjson.loads((await batch(transport, "work")).body)["result"]
    assert blocked["result_error"][0]["error"] == "OPERATION_TIME_LIMIT"


@pytest.mark.parametrize("fault", [faults.cut(), faults.truncated(broken=True)])
async def test_broken_connections(network, fault):
    """A connection that breaks is an error of the operating system's kind."""
    with pytest.raises(ConnectionResetError):
        await network(faults=faults.at({1: fault})).post(HOOK + "null", b"", {})


async def test_bugs_are_seen(network):
    """An exception of a method is no answer: it reaches the one who waits."""
    with pytest.raises(ValueError, match="could not convert"):
        await network().post(HOOK + "work?seconds=x", b"", {})


async def test_refused_requests_are_counted(network):
    """The transport's statistics are the portal's; 50 in a burst, then two a second (docs: limits)."""
    transport = network(Meter.standard())
    statuses = [(await transport.post(HOOK + "null", b"", {})).status for _ in range(60)]
    assert (statuses.count(200), statuses.count(503)) == (50, 10)
    await asyncio.sleep(1)
    assert [200, 200, 503] == [(await transport.post(HOOK + "null", b"", {})).status for _ in range(3)]
    assert (transport.statistics().requests, transport.statistics().refused) == (63, 11)
    assert "refused=11" in repr(transport)
