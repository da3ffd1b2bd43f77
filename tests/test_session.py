"""What `session` promises: one renewal for all who met the same refusal, and a token file that is ours or nobody's."""

import asyncio

import orjson
import pytest

from extractor.client import Client
from extractor.errors import ConfigError, CredentialsRefused, TokenExpired
from extractor.limits import RateLimit
from extractor.messages import Call, Reply
from extractor.tokenfile import TokenFile
from extractor.transport import HttpResponse
from tests.trials import Trial

PROFILE = Call("profile", {})


@pytest.fixture
def world(tmp_path):
    """Make a portal whose tokens live for a minute, and whose authorisation server takes its time."""
    return Trial(tmp_path / "out", rows={"deals": 5}, oauth={"lifetime": 60, "seconds": 2.0})


async def test_ten_requests_that_meet_an_expired_token_cause_one_renewal(world, tmp_path):
    """All ten were refused, all ten come back and are answered; the authorisation server was asked once."""
    settings = world.application(tmp_path / "tokens.json")
    client = Client(world.line, settings.credentials, RateLimit(None))

    async def ask():
        await client.admit()
        return (await client.send([PROFILE]))[0]

    assert isinstance(await ask(), Reply)
    await asyncio.sleep(61)
    refused = await asyncio.gather(*(ask() for _ in range(10)))
    assert [TokenExpired] * 10 == [type(one) for one in refused]
    answered = await asyncio.gather(*(ask() for _ in range(10)))
    assert [Reply] * 10 == [type(one) for one in answered]
    assert 1 == world.authority.renewals


async def test_late_news_of_an_old_token_are_none(world, tmp_path):
    """A request that was refused with the token before the last renews nothing."""
    settings = world.application(tmp_path / "tokens.json")
    client = Client(world.line, settings.credentials, RateLimit(None))
    await client.admit()
    old = client._session.shown()
    client._session.refused(old)
    await client.admit()
    client._session.refused(old)
    await client.admit()
    assert 1 == world.authority.renewals
    assert old.access not in client._session.hide(f"somebody repeats {old.access}")
    assert client._session.shown().access not in client._session.hide(f"somebody repeats {client._session.shown().access}")


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"{}", b"5", b'{"domain": "127.0.0.1"}', b"\xff",
    orjson.dumps({"domain": "127.0.0.1", "client_id": "local.k4n4ri3", "access_token": 5, "refresh_token": "", "expires": 0, "seed": ""}),
    orjson.dumps({"domain": "elsewhere", "client_id": "local.k4n4ri3", "access_token": "", "refresh_token": "", "expires": 0, "seed": ""}),
    orjson.dumps({"domain": "127.0.0.1", "client_id": "another", "access_token": "", "refresh_token": "", "expires": 0, "seed": ""}),
])
async def test_a_file_that_is_not_ours_is_refused(world, tmp_path, content):
    """It is neither believed nor overwritten."""
    path = tmp_path / "tokens.json"
    path.write_bytes(content)
    client = Client(world.line, world.application(path).credentials, RateLimit(None))
    with pytest.raises(ConfigError, match=r"tokens\.json"):
        await client.admit()
    assert content == path.read_bytes()


async def test_without_any_refresh_token_the_way_to_one_is_said(world, tmp_path):
    """There is nothing to go on with when the hour is over, so it is said before the first call."""
    settings = world.application(tmp_path / "tokens.json", refresh_token="")
    with pytest.raises(ConfigError, match="B24X_REFRESH_TOKEN"):
        await Client(world.line, settings.credentials, RateLimit(None)).admit()


async def test_what_is_stored_is_read_again(world, tmp_path):
    """Round trip; a file made from another authorisation than the one given is older than that."""
    one, other = (TokenFile(world.application(tmp_path / "tokens.json").credentials) for _ in range(2))
    one.store(one.load())
    assert one.load() == one._who.given
    assert other.load() == other._who.given


@pytest.mark.parametrize("cancels", [1, 2, 5])
async def test_a_renewal_that_was_asked_for_is_seen_through(world, tmp_path, cancels):
    """Cancelled once or often, the answer is stored: the old refresh token is worth nothing, and nobody else has the new one."""
    settings = world.application(tmp_path / "tokens.json", access_token="")
    task = asyncio.ensure_future(Client(world.line, settings.credentials, RateLimit(None)).admit())
    for _ in range(cancels):
        await asyncio.sleep(0.2)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert TokenFile(settings.credentials).load().refresh != settings.credentials.given.refresh
    await Client(world.line, settings.credentials, RateLimit(None)).admit()


async def test_an_expired_token_of_one_command_is_renewed(world, tmp_path):
    """The token may age between two commands of a batch: its refusal is no less one."""
    settings = world.application(tmp_path / "tokens.json")
    client, inner, refused = Client(world.line, settings.credentials, RateLimit(None)), world.line.post, {"error": "expired_token"}

    async def aged(url, body, headers):
        answer = await inner(url, body, headers)
        said = orjson.loads(answer.body)
        said["result"] |= {"result": {"c0": said["result"]["result"]["c0"]}, "result_error": {"c1": refused}}
        return HttpResponse(200, answer.headers, orjson.dumps(said))

    await client.admit()
    world.line.post = aged
    first, second = await client.send([PROFILE, PROFILE])
    assert (Reply, TokenExpired) == (type(first), type(second))
    world.line.post = inner
    await client.admit()
    assert 1 == world.authority.renewals


async def test_a_refusal_says_what_to_check(world, tmp_path):
    """Of an application nothing about webhooks, and of a refused renewal nothing beyond what it says itself."""
    refused = CredentialsRefused("NO_AUTH_FOUND", "Wrong authorization data")
    ours = Client(world.line, world.settings().credentials, RateLimit(None))._session
    theirs = Client(world.line, world.application(tmp_path / "tokens.json").credentials, RateLimit(None))._session
    assert str(ours.hidden(refused)).endswith("(check the webhook, under Developer resources in the portal)")
    assert str(theirs.hidden(refused)).endswith("(check the application in the portal, and the user who has authorised it)")
    advised = CredentialsRefused("INVALID_GRANT", "authorise the application anew", advice="")
    assert "INVALID_GRANT: authorise the application anew" == str(theirs.hidden(advised))
