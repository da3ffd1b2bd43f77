"""An application whose tokens age: the dump is as exact as a webhook's, and no token is lost that is not lost to everybody."""

import asyncio
import stat
from pathlib import Path

import orjson
import pytest

from extractor import durable, secrets
from extractor.sandbox.clock import EPOCH
from extractor.sandbox.cost import CostModel
from extractor.sandbox.faults import at, cut, html, refused
from extractor.sandbox.methods.classic import listed
from tests.trials import CLIENT, SECRET

SLOW = {"rows": {"deals": 12_000}, "cost": CostModel.flat(0.05)}  # some twelve seconds, with one request in flight


@pytest.fixture
def tokens(tmp_path):
    """Name the token file, in a folder that is not there yet."""
    return tmp_path / "kept" / "tokens.json"


def stored(path):
    """Read the token file."""
    return orjson.loads(path.read_bytes())


def app(world, path, **options):
    """Authorise an application that asks one thing at a time."""
    return world.application(path, concurrency=1, **options)


async def ran(world, given, *names):
    """Dump to the end as an application."""
    return await world.dump(*names, limits=given).run()


async def test_a_dump_that_outlives_its_tokens(trial, tokens):
    """Over several expiries every row is there once, one renewal each, and nothing of it counts as a failure."""
    world = trial(rows={"deals": 20_000}, cost=CostModel.flat(0.05), oauth={"lifetime": 3})
    outcome = await ran(world, app(world, tokens), "deals")
    assert 0 == outcome.exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert 0 == outcome.manifest["entities"]["deals"]["retries"]
    assert 3 <= world.authority.renewals <= asyncio.get_running_loop().time() / 3


async def test_a_method_that_is_blocked_for_hours_outlives_many_tokens(trial, tokens):
    """Each hour's token is renewed and then accepted: that it aged while a call waited its turn is not held against the call."""
    def blocked(_number, request):
        now, token = EPOCH + asyncio.get_running_loop().time(), request.headers["authorization"].removeprefix("Bearer ")
        good = world.portal.credentials.tokens[token].expires > now
        return refused(429, "OPERATION_TIME_LIMIT", "Method is blocked") if good and now < EPOCH + 5 * 3_600 else None

    world = trial(rows={"deals": 40}, faults=blocked, oauth={"lifetime": 1_200})
    outcome = await ran(world, app(world, tokens), "deals")
    assert (0, None) == (outcome.exit_code, outcome.why)
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert 10 < world.authority.renewals <= asyncio.get_running_loop().time() / 1_200


async def test_no_token_is_in_an_address(trial, tokens):
    """Tokens travel in headers and bodies: addresses are written into logs."""
    world = trial(**SLOW, oauth={"lifetime": 3})
    given = app(world, tokens)
    await ran(world, given, "deals", "tasks")
    kept = stored(tokens)
    assert world.authority.renewals
    for secret in (SECRET, kept["access_token"], kept["refresh_token"], given.credentials.given.access, given.credentials.given.refresh):
        assert [] == [url for url in world.line.urls for form in secrets.forms(secret) if form in url]


async def test_the_token_file_is_the_users_alone(trial, tokens):
    """Mode 0600, whatever it was before; and no secret is anywhere in the folder of the rows."""
    world = trial(**SLOW, oauth={"lifetime": 3})
    await ran(world, app(world, tokens), "deals")
    kept = stored(tokens)
    assert 0o600 == stat.S_IMODE(tokens.stat().st_mode)
    files = [path.read_bytes() for path in world.folder.rglob("*") if path.is_file()]
    for secret in (SECRET, kept["access_token"], kept["refresh_token"]):
        assert [] == [data for data in files for form in secrets.forms(secret) if form.encode() in data]


async def test_the_next_run_goes_on_with_what_is_stored(trial, tokens):
    """The tokens that the user gave once are spent; the file has their successors, also for another folder."""
    world = trial(**SLOW, oauth={"lifetime": 3})
    given = app(world, tokens)
    for folder in ("one", "two", "three"):
        dump = world.dump("deals", limits=given, folder=world.folder / folder)
        assert 0 == (await dump.run()).exit_code


async def test_a_new_authorisation_goes_before_the_file(trial, tokens):
    """Dead tokens in the file do not outlive what their owner gives anew."""
    world = trial(rows={"deals": 300}, oauth={"lifetime": 3})
    old = app(world, tokens)
    await asyncio.sleep(4)
    assert 0 == (await ran(world, old, "deals")).exit_code
    assert 1 == world.authority.renewals
    world.authority.revoke(CLIENT)
    await asyncio.sleep(4)
    assert 3 == (await world.dump("deals", limits=old, folder=world.folder / "a").run()).exit_code
    assert 0 == (await world.dump("deals", limits=app(world, tokens), folder=world.folder / "b").run()).exit_code


async def test_a_file_that_says_expired_is_believed(trial, tokens):
    """Tokens whose hour is over by the file are renewed before the first call: no request is refused."""
    world = trial(rows={"deals": 300})
    given = app(world, tokens)
    access, refresh = given.credentials.given.access, given.credentials.given.refresh
    tokens.parent.mkdir()
    tokens.write_bytes(orjson.dumps({
        "format": 1, "domain": given.credentials.host, "client_id": CLIENT, "access_token": access, "refresh_token": refresh,
        "expires": 5.0, "seed": given.credentials.given.seed}))
    assert 0 == (await ran(world, given, "deals")).exit_code
    assert (1, 0) == (world.authority.renewals, world.line.statuses[401])


FAULTS = {
    "bad gateway": html(502), "unavailable": html(503), "cut before it was read": cut(executed=False), "internal": html(500),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_an_authorisation_server_in_trouble(trial, tokens, fault):
    """It is asked again with the same token, which it never said anything against."""
    world = trial(rows={"deals": 300}, oauth={"lifetime": 0.2, "faults": at({1: fault, 2: fault, 3: fault})})
    world.authority._lifetime = 0.05
    given = app(world, tokens)
    world.authority._lifetime = 3_600
    await asyncio.sleep(1)
    assert 0 == (await ran(world, given, "deals")).exit_code
    assert 1 == world.authority.renewals
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


@pytest.mark.parametrize(("mend", "words"), [
    (lambda world: world.authority.revoke(CLIENT), ["invalid_grant", "anew", "B24X_REFRESH_TOKEN"]),
    (lambda world: world.authority.applications.clear(), ["wrong_client", "B24X_CLIENT_ID"]),
], ids=["revoked", "no such client"])
async def test_a_refusal_is_said_with_the_way_out(trial, tokens, mend, words):
    """Tokens that are dead end the run with exit code 3 and one sentence; what had come is committed, no secret is told."""
    world = trial(**SLOW, oauth={"lifetime": 3})
    given = app(world, tokens)
    asyncio.get_running_loop().call_later(1.0, mend, world)
    outcome = await ran(world, given, "deals")
    assert 3 == outcome.exit_code
    assert [] == [word for word in words if word not in outcome.why]
    assert world.ids("deals")
    assert [] == [form for secret in (SECRET, given.credentials.given.refresh) for form in secrets.forms(secret) if form in outcome.why]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("written", [True, False], ids=["after the file was written", "between answer and file"])
async def test_killed_in_the_middle_of_a_renewal(trial, tokens, monkeypatch, written):
    """Killed after the new tokens are on disk, the next run goes on; before, they are lost to everybody, and it says the way out."""
    world = trial(**SLOW, oauth={"lifetime": 3})
    given, whole = app(world, tokens), durable.replace

    def killed(path: Path, data: bytes, **mode):
        new = path == tokens and world.authority.renewals == 2
        if written or not new:
            whole(path, data, **mode)
        if new:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(durable, "replace", killed)
        with pytest.raises(BaseExceptionGroup) as ended:
            await ran(world, given, "deals")
        assert ended.value.subgroup(Killed)
    if written:
        assert 0 == (await ran(world, given, "deals")).exit_code
        assert listed(world.world, "crm.deal.list") == world.ids("deals")
        return
    outcome = await ran(world, given, "deals")
    assert (3, True) == (outcome.exit_code, "B24X_REFRESH_TOKEN" in outcome.why)
    assert 0 == (await ran(world, app(world, tokens), "deals")).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_stopped_in_the_middle_of_a_renewal(trial, tokens):
    """A run that is told to stop while new tokens are on their way waits for them: nobody else has that answer."""
    loop = asyncio.get_running_loop()
    world = trial(**SLOW, oauth={
        "lifetime": 3, "seconds": 2.0, "faults": lambda *_request: loop.call_later(1.0, dump.stop, 143, "interrupted") and None})
    dump = world.dump("deals", limits=app(world, tokens))
    assert 143 == (await dump.run()).exit_code
    assert 1 == world.authority.renewals
    assert stored(tokens)["refresh_token"] in world.authority._refresh


@pytest.mark.parametrize("asked", [{}, {"filter": {"TITLE": "x"}}], ids=["engine", "preflight"])
async def test_stopped_twice_in_the_middle_of_a_renewal(trial, tokens, asked):
    """A signal, then --max-minutes: the first reason is the run's, and the new tokens are stored all the same."""
    loop, world = asyncio.get_running_loop(), trial(**SLOW, oauth={"seconds": 10.0})
    given = app(world, tokens, access_token="")
    dump = world.dump("deals", limits=given, max_seconds=5, **asked)
    loop.call_later(3, dump.stop, 143, "interrupted")
    assert 143 == (await dump.run()).exit_code
    assert stored(tokens)["refresh_token"] in world.authority._refresh
    assert 0 == (await world.dump("deals", limits=given, **asked).run()).exit_code


async def test_a_stale_token_spoils_no_living_one(trial, tokens):
    """An old shell gives a refresh token of another authorisation, long dead: it is refused, and the file keeps what is alive."""
    world = trial(**SLOW)
    today = app(world, tokens, access_token="")
    assert 0 == (await ran(world, today, "deals")).exit_code
    old = world.application(tokens, access_token="", refresh_token="d34dr3fr3sht0k3n")
    outcome = await world.dump("deals", limits=old, folder=world.folder / "old").run()
    assert (3, True) == (outcome.exit_code, "anew" in outcome.why)
    assert 0 == (await world.dump("deals", limits=today, folder=world.folder / "new").run()).exit_code


async def test_two_processes_share_a_token_file(trial, tokens):
    """Both dump to the end: the one that comes second reads what the first one wrote."""
    world = trial(**SLOW, oauth={"lifetime": 3, "seconds": 0.3})
    given = app(world, tokens)
    dumps = [world.dump("deals", limits=given, folder=world.folder / name) for name in "ab"]
    ended = await asyncio.gather(*(dump.run() for dump in dumps))
    assert [0, 0] == [outcome.exit_code for outcome in ended]
    for name in "ab":
        assert listed(world.world, "crm.deal.list") == world.ids("deals", folder=world.folder / name)
    assert world.authority.renewals <= asyncio.get_running_loop().time() / 3


async def test_a_lost_answer_is_not_the_end_of_what_is_stored(trial, tokens):
    """When the answer to a renewal is lost on the way, the way out is said; the file still has what it had."""
    world = trial(**SLOW, oauth={"lifetime": 3, "faults": at({1: cut()})})
    given = app(world, tokens)
    outcome = await ran(world, given, "deals")
    assert (3, True) == (outcome.exit_code, "anew" in outcome.why)
    assert given.credentials.given.refresh == stored(tokens)["refresh_token"]
