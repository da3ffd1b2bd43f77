"""Who may call."""

import pytest

from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.credentials import Caller, Credentials, Token, Webhook

SESSION = Session(7)
CREDENTIALS = Credentials([Webhook("code", SESSION, id=3, login="anna")], [Token("token", "app.1", SESSION, expires=100.0)])


def identify(headers=None, *, now=0.0, insecure=False, **query):
    """Identify one request."""
    return CREDENTIALS.identify(headers or {}, query, now=now, insecure=insecure)


@pytest.mark.parametrize("user", ["7", "anna"])
def test_webhook(user):
    """A webhook is its owner's id or login with its code; its seconds are its own (apauth check)."""
    assert identify(aplogin=user, ap="code") == Caller("apauth", "3", SESSION)


@pytest.mark.parametrize(("user", "code"), [("8", "code"), ("", "code"), ("7", "wrong"), ("7", "")])
def test_wrong_webhook(user, code):
    """A wrong code, or another's id, is INVALID_CREDENTIALS (apauth)."""
    with pytest.raises(Refusal, match="INVALID_CREDENTIALS"):
        identify(aplogin=user, ap=code)


@pytest.mark.parametrize(("headers", "query"), [
    ({"authorization": "Bearer token"}, {"auth": "wrong", "access_token": "wrong"}),
    ({"authorization": "bearer token"}, {}),
    ({"authorization": "Basic x"}, {"auth": "token", "access_token": "wrong"}),
    ({}, {"access_token": "token"}),
])
def test_where_a_token_sits(headers, query):
    """The Bearer header wins over `auth`, and `auth` over `access_token` (oauth getAuthKey)."""
    assert identify(headers, **query) == Caller("oauth", "app.1", SESSION)


@pytest.mark.parametrize(("now", "code"), [(99.0, None), (100.0, "expired_token")])
def test_expiry(now, code):
    """A token works until its moment of expiry (portal.md 7)."""
    if code is None:
        assert identify(auth="token", now=now).kind == "oauth"
    else:
        with pytest.raises(Refusal, match=code):
            identify(auth="token", now=now)


@pytest.mark.parametrize("token", ["unknown", "", [], {"a": 1}, 7])
def test_tokens_of_any_kind(token):
    """A token that is none is refused, whatever its type."""
    with pytest.raises(Refusal) as refused:
        identify(auth=token)
    assert refused.value.status == 401


def test_nothing_given():
    """Without credentials it is NO_AUTH_FOUND (portal.md 6.2)."""
    with pytest.raises(Refusal, match="NO_AUTH_FOUND"):
        identify(aplogin="7")


def test_plain_http():
    """A webhook over plain http is refused before its code is looked at (apauth)."""
    with pytest.raises(Refusal, match="Https required"):
        identify(aplogin="7", ap="wrong", insecure=True)


def test_revoked():
    """A webhook may be revoked while the portal runs."""
    credentials = Credentials([Webhook("code", SESSION)])
    del credentials.webhooks["code"]
    with pytest.raises(Refusal, match="INVALID_CREDENTIALS"):
        credentials.identify({}, {"aplogin": "7", "ap": "code"}, now=0.0)


def test_batched_entity():
    """Inside a batch a webhook's password id is not passed on, an application's id is (LL, point 3)."""
    assert Caller("apauth", "3", SESSION).batched_entity == ""
    assert Caller("oauth", "app.1", SESSION).batched_entity == "app.1"


def test_path_and_secrets():
    """A webhook knows its path, and its repr keeps the code to itself."""
    hook = CREDENTIALS.webhooks["code"]
    assert hook.path == "/rest/7/code/"
    assert "code" not in repr(hook)
    assert "access_token" not in repr(CREDENTIALS.tokens["token"])
