"""A portal on a bench: small methods, and a clock that follows the portal's own waits."""

from __future__ import annotations

import orjson
import pytest

from extractor.sandbox.answer import Answer, Method, Refusal, Session
from extractor.sandbox.credentials import Credentials, Token, Webhook
from extractor.sandbox.exchange import Request
from extractor.sandbox.php import intval
from extractor.sandbox.portal import Portal
from extractor.sandbox.world import World

START = 1_724_670_000.0
SCOPES = frozenset({"crm", "user"})
HOOKS = (
    Webhook("code", Session(1, scopes=SCOPES), id=1, login="admin"),
    Webhook("other", Session(2, scopes=SCOPES), id=2),
    Webhook("dismissed", Session(3, scopes=SCOPES), id=3, active=False),
    Webhook("held", Session(4, scopes=SCOPES), id=4, held=True),
)
TOKENS = (
    Token("token", "app.1", Session(1, scopes=SCOPES)),
    Token("stale", "app.1", Session(1, scopes=SCOPES), expires=START),
)
JSON = {"content-type": "application/json"}
PAGE = 3


def echo(_world, params, start, session):
    """Give back what came in."""
    return Answer({"params": params, "start": start, "user": session.user_id})


def work(_world, params, _start, _session):
    """Take as many seconds as asked for."""
    return Answer(True, seconds=float(params.get("seconds", 0)))


def fail(_world, params, _start, _session):
    """Fail as asked for."""
    raise Refusal(params.get("code", ""), params.get("text", ""), status=int(params.get("status", 400)),
                  extra={"argument": "x"} if "argument" in params else {}, seconds=float(params.get("seconds", 0)))


def walk(_world, params, start, _session):
    """List the rows 1..7 in pages of three, as the old kernel does: the id is cast, start=-1 counts nothing."""
    filters = params.get("filter") or {}
    low = intval(filters.get(">ID")) if isinstance(filters, dict) else 0
    rows = [{"ID": str(number), "NAME": None} for number in range(low + 1, 8)]
    if start == -1:
        return Answer(rows[:PAGE], total=0)
    first = (start or 0) // PAGE * PAGE
    following = first + PAGE
    return Answer(rows[first:following], total=len(rows), next=following if following < len(rows) else None)


def const(value):
    """Make a method that gives a value."""
    return Method("", lambda *_: Answer(value))


METHODS = {
    "echo": Method("", echo), "work": Method("", work), "more.work": Method("", work), "fail": Method("", fail),
    "crm.deal.list": Method("crm", walk), "tasks.task.list": Method("task", walk), "user.get": Method("user", walk),
    "null": const(None), "empty": const([]), "html": const("<a href='/x'>\"é\" & \\</a>"), "Mixed.Case": const("mixed"),
    "text": const("abc"), "float": const(2.5), "flag": const(True),
}


class Bench:
    """A portal without a loop: requests run one after another, and waiting moves the clock."""

    def __init__(self, meter=None, **settings):
        self.now = START
        self.waits = []
        self.world = World.build(rows=settings.pop("rows", None) or {})
        self.portal = Portal(self.world, METHODS, Credentials(HOOKS, TOKENS), meter, clock=lambda: self.now, **settings)

    def run(self, flow):
        """Drive a request to its response."""
        try:
            while True:
                self.waits.append(next(flow))
                self.now += self.waits[-1]
        except StopIteration as done:
            return done.value

    def send(self, path, *, method="POST", query="", body=b"", headers=JSON, **rest):
        """Send one HTTP request; gives the response."""
        return self.run(self.portal.handle(Request(method, path, query, headers, body, **rest)))

    def call(self, name, params=None, *, code="code", user=1, **rest):
        """Call a method by a webhook; gives the decoded body."""
        return orjson.loads(self.send(f"/rest/{user}/{code}/{name}", body=orjson.dumps(params or {}), **rest).body)

    def batch(self, cmd, *, code="code", user=1, **params):
        """Run a batch by a webhook; gives its five containers."""
        return self.call("batch", {"cmd": cmd, **params}, code=code, user=user)["result"]


@pytest.fixture(scope="session")
def bench():
    """Make benches: `bench(meter, **settings)`."""
    return Bench
