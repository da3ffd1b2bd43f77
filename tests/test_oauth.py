"""What `auth.oauth` promises: an application is read or refused with what is missing, and a renewal is a flow of steps."""

from dataclasses import dataclass

import orjson
import pytest

from extractor.auth.oauth import Ask, Load, Pause, Prepare, Store, Tokens, application, renewal
from extractor.errors import (
    ConfigError,
    ConnectionLost,
    CredentialsRefused,
    NotJson,
    PortalMoved,
    PortalUnavailable,
)

GIVEN = {"domain": "example.bitrix24.com", "client_id": "local.1", "client_secret": "s3cr3tk4n4ri3", "token_file": "tokens.json",
         "access_token": "4cc3ssk4n4ri3", "refresh_token": "r3fr3shk4n4ri3"}
SPENT = Tokens("old", "r0", 10.0, "seed")
NEW = {"access_token": "new", "refresh_token": "r1", "expires_in": 3600}


@dataclass
class Answer:
    """What the server answers."""

    status: int
    body: bytes


def said(status=200, **body):
    """Make an answer of JSON."""
    return Answer(status, orjson.dumps(body))


def flow():
    """Start a renewal of the spent tokens at second 100."""
    return renewal(application(GIVEN), SPENT, lambda: 100.0, lambda: 0.5)


def asked(steps, held=SPENT):
    """Go up to the question, past the look at what is stored and the proof that it can be."""
    assert Load() == next(steps)
    assert Prepare(held) == steps.send(held)
    return steps.send(None)


def driven(steps, answer, taken):
    """Go on to the end while the server gives the same answer and the file stays as it is; note the steps."""
    taken.append(next(steps))
    while True:
        step = taken[-1]
        taken.append(steps.send(SPENT if isinstance(step, Load) else answer if isinstance(step, Ask) else None))


def test_new_tokens_are_stored_before_they_are_used():
    """Look, prove that there is room, ask, store: only then does the flow end with the new tokens."""
    steps = flow()
    ask = asked(steps)
    assert "https://oauth.bitrix.info/oauth/token/" == ask.url
    assert b"grant_type=refresh_token&client_id=local.1&client_secret=s3cr3tk4n4ri3&refresh_token=r0" == ask.body
    new = Tokens("new", "r1", 3_700.0, "seed")
    assert Store(new) == steps.send(said(**NEW))
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert new == end.value.value


def test_another_process_was_first():
    """Tokens that are stored and not spent are taken without a question."""
    steps, other = flow(), Tokens("other", "r9", 200.0, "seed")
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(other)
    assert other == end.value.value


def test_another_process_was_first_after_all():
    """A refresh token that is refused because it was superseded: what is stored is read again, and tried."""
    steps, other = flow(), Tokens("stale", "r9", 50.0, "seed")
    asked(steps)
    assert Load() == steps.send(said(400, error="invalid_grant"))
    assert Load() == steps.send(other)
    assert Prepare(other) == steps.send(other)
    assert b"refresh_token=r9" in steps.send(None).body


@pytest.mark.parametrize("trouble", [
    ConnectionLost("gone"), Answer(502, b"<html>"), Answer(503, b"<html>"), Answer(200, b"{"), said(500, error="server_error"), said(200),
    said(200, access_token="x"), said(200, access_token=1, refresh_token=[]), said(429, error="slow_down"),
], ids=str)
def test_a_server_in_trouble_is_asked_again_with_the_same_token(trouble):
    """Nothing was said against the refresh token: a pause, a look at what is stored, and the same question."""
    steps = flow()
    first = asked(steps)
    assert isinstance(steps.send(trouble), Pause)
    assert Load() == steps.send(None)
    assert Prepare(SPENT) == steps.send(SPENT)
    assert first == steps.send(None)


def test_a_server_that_stays_in_trouble_ends_the_renewal():
    """Some minutes; the token stays where it is."""
    taken = []
    with pytest.raises(NotJson):
        driven(flow(), Answer(502, b"<html>"), taken)
    assert {SPENT} == {step.tokens for step in taken if isinstance(step, Prepare)}
    assert not any(isinstance(step, Store) for step in taken)
    assert 120 < sum(step.seconds for step in taken if isinstance(step, Pause)) < 400


@pytest.mark.parametrize(("answer", "kind", "words"), [
    (said(400, error="invalid_grant"), CredentialsRefused, "authorise the application anew"),
    (said(400, error="invalid_client"), CredentialsRefused, "check the client id and secret"),
    (said(200, error="wrong_client"), CredentialsRefused, "check the client id and secret"),
    (said(400, error="invalid_request"), CredentialsRefused, "check the application"),
    (said(403, error="invalid_scope"), CredentialsRefused, "check the application"),
    (said(401, error="NOT_INSTALLED"), CredentialsRefused, "install the application"),
    (said(401, error="PAYMENT_REQUIRED", error_description="Payment required"), PortalUnavailable, "Payment required"),
    (Answer(302, b""), PortalMoved, "redirect"),
], ids=str)
def test_a_refusal_ends_with_the_way_out(answer, kind, words):
    """Exit code 3, one sentence, what to do; no secret in it."""
    with pytest.raises(kind, match=words) as caught:
        driven(flow(), answer, [])
    assert 3 == caught.value.exit_code
    assert "k4n4ri3" not in str(caught.value)
    assert "webhook" not in str(caught.value)


@pytest.mark.parametrize("key", ["domain", "client_id", "client_secret", "token_file"])
def test_what_is_missing_is_named(key):
    """With the variable that it goes into."""
    with pytest.raises(ConfigError, match=f"B24X_{key.upper()}"):
        application({**GIVEN, key: ""})


@pytest.mark.parametrize("key", ["client_id", "client_secret", "access_token", "refresh_token"])
@pytest.mark.parametrize("word", ["k4n4ri3\r\nX-Other: 1", "k4n4ri3 x", "k4n4ri3\u00e9", "k4n4ri3\x00"])
def test_a_word_that_no_header_can_hold(key, word):
    """It would be an error of HTTP's in the middle of a run, or worse, another header; it is not quoted."""
    with pytest.raises(ConfigError, match=key) as caught:
        application({**GIVEN, key: word})
    assert "k4n4ri3" not in str(caught.value)


@pytest.mark.parametrize(("domain", "server"), [
    ("example.bitrix24.com", "https://oauth.bitrix.info"), ("example.bitrix24.ru", "https://oauth.bitrix24.tech"),
    ("https://example.bitrix24.by/", "https://oauth.bitrix24.tech"), ("crm.example.de", "https://oauth.bitrix.info"),
])
def test_the_server_is_that_of_the_region(domain, server):
    """The portal's last label tells the region; anything else is said by the user."""
    assert server == application({**GIVEN, "domain": domain}).server


@pytest.mark.parametrize("address", ["https://oauth.example", "http://127.0.0.1:8924", "http://localhost:1/", "http://[::1]:5"])
def test_another_server_may_be_given(address):
    """By https, or on this machine."""
    assert address.rstrip("/") == application({**GIVEN, "oauth_server": address}).server


@pytest.mark.parametrize("key", ["oauth_server", "domain"])
@pytest.mark.parametrize("address", [
    "http://oauth.example", "http://10.0.0.1", "http://127.0.0.1.example", "ftp://oauth.example", "https://u:k4n4ri3@oauth.example",
    "https://oauth.example/path", "https://oauth.example/?k4n4ri3=1", "https://", "//oauth.example", "https://oauth.example/#k4n4ri3",
])
def test_no_secret_is_sent_in_clear_text_or_to_an_odd_address(key, address):
    """Neither tokens to the portal nor a client secret to the authorisation server; what was given is not quoted."""
    with pytest.raises(ConfigError, match=key) as caught:
        application({**GIVEN, key: address})
    assert "k4n4ri3" not in str(caught.value)


def test_no_repr_shows_a_secret():
    """Neither that of the application, nor of tokens, nor of a step."""
    who = application(GIVEN)
    shown = repr([who, who.given, SPENT, asked(flow())])
    assert "k4n4ri3" not in shown
    assert "r0" not in shown
    assert "example.bitrix24.com" in shown


def test_an_address_of_a_method_holds_no_secret():
    """The token goes into a header."""
    assert "https://example.bitrix24.com/rest/crm.deal.list" == application(GIVEN).url("crm.deal.list")
