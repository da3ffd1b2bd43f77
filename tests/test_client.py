"""One request, with all that may become of it, against a scripted network."""

import asyncio
from dataclasses import dataclass, field

import orjson
import pytest

from extractor.auth import webhook
from extractor.client import Client
from extractor.decoder import value_of
from extractor.errors import (
    AccessDenied,
    ConnectionLost,
    CredentialsRefused,
    NotJson,
    OperatingLimited,
    PortalMoved,
    RateLimited,
    ServerFailure,
)
from extractor.limits import RateLimit, Tariff
from extractor.messages import Call, Reply

CODE = "k4n4ri3nv0g3l"
DEALS = Call("crm.deal.list", {"start": -1})
TASKS = Call("tasks.task.list", {"start": -1})


@dataclass
class Answer:
    """What the network brings."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict = field(default_factory=dict)


class Network:
    """Brings the answers that it was given, one after another, and keeps what was posted."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.posted = []

    async def post(self, url, body, headers):
        """Take a request."""
        self.posted.append((url, orjson.loads(body), headers))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def said(status=200, **envelope):
    """Make an answer of JSON."""
    return Answer(status, orjson.dumps(envelope))


def client(network, tariff=None):
    """Make a client on a network."""
    return Client(network, webhook(f"https://example.invalid/rest/1/{CODE}/"), RateLimit(tariff))


async def test_one_call_goes_directly():
    """One call is posted to its method; its reply has result, total, next and timing."""
    network = Network(said(result=[{"ID": "1"}], total=51, next=50, time={"operating": 1.5, "operating_reset_at": 9}))
    (reply,) = await client(network).send([DEALS])
    url, body, headers = network.posted[0]
    assert (f"https://example.invalid/rest/1/{CODE}/crm.deal.list", {"start": -1}) == (url, body)
    assert "application/json" == headers["Content-Type"]
    assert ([{"ID": "1"}], 51, 50, 1.5, 9) == (value_of(reply), reply.total, reply.next, reply.timing.operating, reply.timing.reset_at)


async def test_several_calls_go_as_a_batch():
    """Several calls are one request, and each gets its own outcome, in their order: reply, refusal, or nothing heard."""
    result = {"result": {"c0": [{"ID": "1"}]}, "result_error": {"c1": {"error": "ACCESS_DENIED", "error_description": "no"}},
              "result_total": [], "result_next": [], "result_time": {"c0": {"operating": 2}}}
    network = Network(said(result=result))
    deals, tasks, missing = await client(network).send([DEALS, TASKS, DEALS])
    assert network.posted[0][0].endswith("/batch")
    assert ["c0", "c1", "c2"] == list(network.posted[0][1]["cmd"])
    assert [{"ID": "1"}] == value_of(deals)
    assert isinstance(tasks, AccessDenied)
    assert isinstance(missing, ServerFailure)


@pytest.mark.parametrize(("answer", "error"), [
    (said(503, error="QUERY_LIMIT_EXCEEDED"), RateLimited),
    (said(429, error="OPERATION_TIME_LIMIT"), OperatingLimited),
    (said(401, error="INVALID_CREDENTIALS"), CredentialsRefused),
    (Answer(502, b"<html>"), NotJson),
    (Answer(200, b'{"result": ['), NotJson),
    (Answer(200, b"[]"), NotJson),
    (Answer(200, b"{}"), NotJson),
    (Answer(302, headers={"Location": "https://new.example/rest/"}), PortalMoved),
    (Answer(302, headers={"Location": "http://[bad/"}), PortalMoved),
    (ConnectionLost("gone"), ConnectionLost),
], ids=lambda value: getattr(value, "__name__", ""))
async def test_what_went_wrong_with_the_request_went_wrong_with_each_call(answer, error):
    """Nothing is raised: every call gets the error that the request met, and no message has the code in it."""
    outcomes = await client(Network(answer)).send([DEALS, TASKS])
    assert [error, error] == [type(outcome) for outcome in outcomes]
    assert CODE not in "".join(map(str, outcomes))


@pytest.mark.parametrize("inside", [False, True], ids=["whole", "in a batch"])
async def test_a_code_that_is_echoed_is_hidden(inside):
    """Some proxies repeat the address in their errors: the webhook's code is taken out of code and description."""
    error = {"error": f"ERR_{CODE}", "error_description": f"no /rest/1/{CODE}/crm.deal.list here"}
    answer = said(result={"result": [], "result_error": {"c0": error, "c1": error}}) if inside else said(404, **error)
    outcomes = await client(Network(answer)).send([DEALS, TASKS])
    assert all(CODE not in f"{one} {one.code} {one.description}" and "***" in str(one) for one in outcomes)


async def test_a_redirect_names_the_host_only():
    """After a move the new host is named, and nothing else of the address."""
    location = f"https://new.example/rest/1/{CODE}/crm.deal.list"
    (moved,) = await client(Network(Answer(302, headers={"Location": location}))).send([DEALS])
    assert "new.example" in str(moved)
    assert "rest" not in str(moved)
    (hidden,) = await client(Network(Answer(302, headers={"Location": f"https://{CODE}.example/"}))).send([DEALS])
    assert "***.example" in str(hidden)
    (unclear,) = await client(Network(Answer(302))).send([DEALS])
    assert isinstance(unclear, PortalMoved)


async def test_a_refusal_closes_the_gate():
    """After a 503 the next request is admitted later; after a success all is as before."""
    clock = asyncio.get_running_loop().time
    one = client(Network(said(503, error="QUERY_LIMIT_EXCEEDED"), said(result=[])), Tariff(50, 2))
    await one.admit()
    await one.send([DEALS])
    began = clock()
    await one.admit()
    assert clock() - began >= 1.0
    (reply,) = await one.send([DEALS])
    assert isinstance(reply, Reply)


async def test_the_rate_is_asked():
    """A client knows what its tariff affords."""
    limited, free = client(Network(), Tariff(50, 2)), client(Network())
    assert (True, False, True) == (limited.affords(40), limited.affords(400), free.affords(10**6))
    assert limited.sustained(1.0, 100) < 60 < free.sustained(1.0, 100)


@pytest.mark.parametrize("calls", [
    [Call("crm.deal.delete", {"id": 5})], [DEALS, Call("event.offline.get", {"limit": 5})], [Call("event.offline.clear", {"process_id": "x", "id": []})],
])
async def test_nothing_leaves_that_writes(calls):
    """Whoever asks for it has made a mistake: not even what rides beside it is sent."""
    network = Network(said(result=True))
    with pytest.raises(ValueError, match="only reads"):
        await client(network).send(calls)
    assert [] == network.posted
