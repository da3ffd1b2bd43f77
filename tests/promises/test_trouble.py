"""What goes wrong on the way costs time, never a row; what cannot be read is said."""

import asyncio
import functools
from dataclasses import replace

import orjson
import pytest

from extractor.errors import CredentialsRefused, PortalMoved
from extractor.sandbox.answer import Method, Refusal, Session
from extractor.sandbox.cost import CostModel
from extractor.sandbox.faults import at, cut, html, truncated
from extractor.sandbox.faults.methods import Poison, with_mishaps
from extractor.sandbox.meter import Bucket, Meter, Operating
from extractor.sandbox.methods.classic import listed
from tests.trials import CODE

FAULTS = {
    "bad gateway": html(502), "cut after the work": cut(), "torn body": truncated(), "broken body": truncated(broken=True),
    "gateway timeout after the work": html(504, executed=True), "busy, as a page": html(503),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_third_of_all_requests_fails(trial, fault):
    """When every third request runs into a fault, the run takes longer and is exact."""
    world = trial(rows={"deals": 6_000}, faults=at(dict.fromkeys(range(1, 40, 3), fault)))
    outcome = await world.run("deals")
    assert (0, "complete") == (outcome.exit_code, outcome.manifest["status"])
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert outcome.manifest["entities"]["deals"]["retries"] > 0


async def test_the_first_request_fails(trial):
    """A fault that strikes the question about fields is waited out, as any other is."""
    world = trial(rows={"deals": 300}, faults=at({1: html(502), 2: cut(), 3: html(503)}))
    outcome = await world.run("deals", select=("ID", "TITLE"))
    assert 0 == outcome.exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_commands_of_a_batch_fail(trial):
    """A command that fails inside a batch is asked again: its page is not taken for an empty one."""
    world, calls = trial(rows={"deals": 6_000}), iter(range(10_000))
    whole = world.portal._desk.methods["crm.deal.list"]

    def sometimes_ill(*args):
        if next(calls) % 7 == 5:
            raise Refusal("INTERNAL_SERVER_ERROR", "Internal server error", status=500)
        return whole.run(*args)

    world.portal._desk.methods["crm.deal.list"] = Method("crm", sometimes_ill)
    outcome = await world.run("deals")
    assert 0 == outcome.exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_the_operating_limit(trial):
    """Calls so dear that a method's ten minutes are used up: it waits for them, loses nothing, and is hardly ever refused."""
    meter = Meter(Bucket(50, 2), Operating(420.0))
    world = trial(rows={"deals": 15_000, "contacts": 400}, meter=meter, costs={"crm.deal.list": CostModel.flat(2.4)})
    outcome = await world.run("deals", "contacts")
    assert (0, "complete") == (outcome.exit_code, outcome.manifest["status"])
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert asyncio.get_running_loop().time() < 1.3 * 600 * (2.4 * world.portal.statistics().calls / 420)


async def test_a_run_that_finds_a_method_used_up_goes_on_when_it_is_free(trial, tmp_path):
    """Another run has used the seconds of batched calls up; a direct one is let in, and names a reset ten minutes away, which is not theirs."""
    meter = Meter(Bucket(50, 2), Operating(420.0))
    world = trial(rows={"deals": 60_000}, meter=meter, costs={"crm.deal.list": CostModel.flat(0.5)})
    assert 5 == (await world.run("deals", folder=tmp_path / "other", limits=world.settings(operating_limit=4_000), max_seconds=200)).exit_code
    outcome = await world.run("deals", filter={"<=ID": 5_000})
    assert 0 == outcome.exit_code
    assert asyncio.get_running_loop().time() < 600 + 60 + 60, "the last minute that counts, one to ask in, and the reading"


async def test_somebody_shares_the_address(trial):
    """A bucket that is smaller than its tariff says refuses requests; the run slows down and is exact."""
    world = trial(rows={"deals": 30_000}, meter=Meter(Bucket(5, 1), Operating(420.0)))
    outcome = await world.run("deals", select=("ID", "TITLE"))
    assert 0 == outcome.exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert 0 < world.line.statuses[503] < 0.7 * world.line.requests


async def test_an_entity_without_a_scope(trial):
    """What the credentials may not read is skipped with the portal's reason: code 4 if it was named, 0 if nobody named it."""
    session = Session(1, admin=True, scopes=frozenset({"crm"}))
    named = await trial(session=session).run("deals", "tasks")
    unnamed = await trial(session=session).run("deals", "tasks", named=False)
    entry = named.manifest["entities"]["tasks"]
    assert (4, 0) == (named.exit_code, unnamed.exit_code)
    assert ("skipped", "complete") == (entry["status"], named.manifest["entities"]["deals"]["status"])
    assert "INSUFFICIENT_SCOPE" in entry["reason"]


async def test_an_entity_that_fails_does_not_stop_the_others(trial):
    """An entity whose order the portal ignores is given up with a reason; the others are complete; the exit code is 4."""
    world = trial(rows={"contacts": 900})
    whole = world.portal._desk.methods["crm.contact.list"]
    world.portal._desk.methods["crm.contact.list"] = Method("crm", functools.partial(_unordered, whole))
    outcome = await world.run("deals", "contacts")
    entities = outcome.manifest["entities"]
    assert (4, "partial") == (outcome.exit_code, outcome.manifest["status"])
    assert "complete" == entities["deals"]["status"]
    assert entities["contacts"]["status"] in {"partial", "failed"}
    assert "CONTRACT_BROKEN" in entities["contacts"]["reason"]


def _unordered(method, world, params, start, session):
    return method.run(world, {**params, "order": {"LAST_NAME": "ASC"}, "filter": {}}, start, session)


@pytest.mark.parametrize(("trouble", "error"), [("gone", CredentialsRefused), ("moved", PortalMoved)])
async def test_a_webhook_that_is_refused(trial, trouble, error):
    """Credentials that are refused, or a portal that has moved, end the run with exit code 3, and a message without secrets."""
    world = trial()
    if trouble == "gone":
        world.portal.credentials.webhooks.clear()
    else:
        world.portal.moved_to = "https://new.example"
    outcome = await world.run("deals")
    assert (3, error.exit_code) == (outcome.exit_code, error.exit_code)
    assert outcome.why
    assert CODE not in outcome.why + orjson.dumps(outcome.manifest).decode()


async def test_no_secret_is_on_disk(trial):
    """The webhook's code is in no file of the folder."""
    world = trial(faults=at({2: html(502), 3: cut()}))
    await world.run("deals", "contacts", "tasks")
    files = [path for path in world.folder.rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert [] == [path for path in files if CODE.encode() in path.read_bytes()]


@pytest.mark.parametrize("way", ["encoding", "fatal", "endless"])
async def test_rows_that_cannot_be_read_are_named(trial, way):
    """A row that cannot be encoded, or kills its page: all others come, it is named with a reason, and the exit code is 4."""
    world = trial(rows={"deals": 3_000, "contacts": 200})
    whole, every = world.portal._desk.methods["crm.deal.list"], listed(world.world, "crm.deal.list")
    bad = {every[3], every[1_234], every[-1]}
    world.portal._desk.methods["crm.deal.list"] = with_mishaps(whole, lambda _number: Poison(bad, way))
    outcome = await world.run("deals", "contacts")
    entry = outcome.manifest["entities"]["deals"]
    assert (4, "partial", "complete") == (outcome.exit_code, entry["status"], outcome.manifest["entities"]["contacts"]["status"])
    assert {str(one) for one in bad} == {one["id"] for one in entry["unread"]}
    assert {"encoding": "WRONG_ENCODING: "}.get(way, "NOT_JSON: ") in entry["unread"][0]["reason"]
    assert [one for one in every if one not in bad] == world.ids("deals")


async def test_rows_that_could_not_be_read_are_asked_for_again(trial):
    """Once the portal's owner has mended them, the same command fetches the rows that were named, and nothing else."""
    world = trial(rows={"deals": 3_000})
    whole, every = world.portal._desk.methods["crm.deal.list"], listed(world.world, "crm.deal.list")
    world.portal._desk.methods["crm.deal.list"] = with_mishaps(whole, lambda _number: Poison({every[77]}))
    assert 4 == (await world.run("deals")).exit_code
    world.portal._desk.methods["crm.deal.list"], before = whole, world.line.rows
    assert 0 == (await world.run("deals")).exit_code
    assert every == world.ids("deals")
    assert world.line.rows - before <= 50


async def test_a_row_that_is_no_text(trial):
    """A row whose bytes are no UTF-8 would be a line that no tool reads: it is named, and all around it is read."""
    world = trial(rows={"deals": 3_000})
    bad = listed(world.world, "crm.deal.list")[777]
    post = world.line.post

    async def spoilt(url, body, headers):
        answer = await post(url, body, headers)
        return replace(answer, body=answer.body.replace(b'"ID":"%d","TITLE":"' % bad, b'"ID":"%d","TITLE":"\xff' % bad))

    world.line.post = spoilt
    outcome = await world.run("deals", select=("ID", "TITLE"))
    (unread,) = outcome.manifest["entities"]["deals"]["unread"]
    assert (4, str(bad), "NO_UTF_8") == (outcome.exit_code, unread["id"], unread["reason"].split(":")[0])
    assert [one for one in listed(world.world, "crm.deal.list") if one != bad] == world.ids("deals")
