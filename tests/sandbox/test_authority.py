"""Where tokens are made (portal.md 6.4 and 7)."""

from urllib.parse import urlencode

import orjson
import pytest

from extractor.sandbox.answer import Session
from extractor.sandbox.authority import Application, Authority
from extractor.sandbox.credentials import Credentials
from extractor.sandbox.exchange import Request
from extractor.sandbox.faults import at, html
from extractor.sandbox.portal import Portal
from extractor.sandbox.world import World

START = 1_724_670_000.0
SESSION = Session(7, scopes=frozenset({"crm", "user"}))


class Bench:
    """An authority with one application, on a clock that is moved by hand."""

    def __init__(self, **settings):
        self.now, self.credentials = START, Credentials()
        application = Application("app.1", "secret", SESSION, **{key: settings.pop(key) for key in ("paid", "installed") if key in settings})
        self.authority = Authority([application], self.credentials, clock=lambda: self.now, **settings)
        self.portal = Portal(World.build(rows={}), {}, self.credentials, clock=lambda: self.now, authority=self.authority)
        self.grant = self.authority.grant("app.1")

    def ask(self, method="GET", **changed):
        """Ask for new tokens; a parameter that is `None` is left out."""
        asked = {"grant_type": "refresh_token", "client_id": "app.1", "client_secret": "secret",
                 "refresh_token": self.grant.refresh_token, **changed}
        words = urlencode({key: value for key, value in asked.items() if value is not None})
        return self.send(Request(method, "/oauth/token/", words if method == "GET" else "", {}, b"" if method == "GET" else words.encode()))

    def send(self, request):
        """Send any request; return its status, and what came."""
        flow = self.portal.handle(request)
        try:
            while True:
                self.now += next(flow)
        except StopIteration as end:
            response = end.value
        return response.status, orjson.loads(response.body) if response.body.startswith(b"{") else response.body

    def call(self, token):
        """Call a method with a token."""
        return self.send(Request("POST", "/rest/profile", "", {"authorization": f"Bearer {token}"}))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_new_tokens(method):
    """By query or by form: a new access token for an hour, and a new refresh token; the domain is the server's own."""
    bench = Bench()
    status, body = bench.ask(method)
    assert 200 == status
    assert {"access_token", "refresh_token", "expires", "expires_in", "client_endpoint", "server_endpoint", "domain", "member_id", "scope",
            "status", "user_id"} == set(body)
    assert (3600, int(START) + 3600, "crm,user", 7, "oauth.bitrix.info") == (
        body["expires_in"], body["expires"], body["scope"], body["user_id"], body["domain"])
    assert body["refresh_token"] != bench.grant.refresh_token
    assert 200 == bench.call(body["access_token"])[0]


def test_a_refresh_token_works_once():
    """Used again it is worth nothing; its successor works."""
    bench = Bench()
    _, body = bench.ask()
    assert (400, "invalid_grant") == (bench.ask()[0], bench.ask()[1]["error"])
    assert 200 == bench.ask(refresh_token=body["refresh_token"])[0]
    assert 2 == bench.authority.renewals


def test_tokens_age():
    """An access token ends after an hour, a refresh token after 180 days."""
    bench = Bench()
    bench.now += 3_599
    assert 200 == bench.call(bench.grant.access_token)[0]
    bench.now += 1
    assert (401, "expired_token") == (bench.call(bench.grant.access_token)[0], bench.call(bench.grant.access_token)[1]["error"])
    bench.now = START + 180 * 86_400
    assert "invalid_grant" == bench.ask()[1]["error"]


@pytest.mark.parametrize(("changed", "status", "code"), [
    ({"client_id": "app.2"}, 200, "wrong_client"), ({"client_id": None}, 200, "wrong_client"), ({"client_secret": "x"}, 400, "invalid_client"),
    ({"client_secret": None}, 400, "invalid_client"), ({"refresh_token": "x"}, 400, "invalid_grant"),
    ({"refresh_token": None}, 400, "invalid_request"), ({"grant_type": "password"}, 400, "invalid_request"),
], ids=str)
def test_refusals(changed, status, code):
    """In the words and with the statuses that clients met; none of them costs the refresh token."""
    bench = Bench()
    assert (status, code) == (bench.ask(**changed)[0], bench.ask(**changed)[1]["error"])
    assert 200 == bench.ask()[0]


@pytest.mark.parametrize(("settings", "code"), [({"paid": False}, "PAYMENT_REQUIRED"), ({"installed": False}, "NOT_INSTALLED")])
def test_applications_that_may_not(settings, code):
    """An application that is not paid for, or not installed any more, is 401."""
    assert (401, code) == (Bench(**settings).ask()[0], Bench(**settings).ask()[1]["error"])


def test_an_uninstalled_application():
    """Its refresh tokens are dead."""
    bench = Bench()
    bench.authority.revoke("app.1")
    assert "invalid_grant" == bench.ask()[1]["error"]


def test_it_is_another_server():
    """The portal does not count its requests; faults of its own strike them, and what a fault did not run was not done."""
    bench = Bench(faults=at({1: html(502)}), seconds=0.5)
    assert 502 == bench.ask()[0]
    assert 200 == bench.ask()[0]
    assert (0, START + 0.5) == (bench.portal.statistics().requests, bench.now)


def test_no_repr_shows_a_secret():
    """Neither that of the application, nor that of what it was granted, nor the server's."""
    bench = Bench()
    shown = repr([bench.authority, bench.grant, *bench.authority.applications.values()])
    assert [] == [word for word in ("secret", bench.grant.access_token, bench.grant.refresh_token) if f"'{word}'" in shown]
