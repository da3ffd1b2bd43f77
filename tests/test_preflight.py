"""Before the first row: every question is held against the portal's fields, and a stop is heard meanwhile."""

import asyncio
from dataclasses import replace

import orjson
import pytest

from extractor.catalog import catalog
from extractor.cli.questions import questions
from extractor.client import Client
from extractor.config import File, Wishes
from extractor.dump import Dump
from extractor.errors import ConfigError, ConnectionLost, Outage, Unreachable, UsageError
from extractor.order import Mirror, Order
from extractor.preflight import last_ids, shows_all
from extractor.question import Question
from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.faults.methods import failing, with_mishaps
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.classic import listed
from extractor.sync import Sync
from tests.thorough import thorough
from tests.trials import SCOPES, Trial

WISH = {"select": ("ID", "TITLE")}  # takes a question about fields


@pytest.fixture
def world(tmp_path):
    """Make a trial with a folder of its own."""
    return Trial(tmp_path / "out", rows={"deals": 300}, latency=0.1)


def silenced(world, error):
    """Take the network away: every request breaks, after a second."""
    async def post(*_request):
        await asyncio.sleep(1.0)
        raise error

    whole, world.line.post = world.line.post, post
    return whole


@pytest.mark.parametrize("moment", [0.5, 7.0], ids=["during a request", "between two attempts"])
async def test_a_stop_is_heard(world, moment):
    """A stop while fields are asked for ends the run at once, with its code and sentence; the same command goes on."""
    whole = silenced(world, ConnectionLost("gone"))
    dump, loop = world.dump("deals", **WISH), asyncio.get_running_loop()
    loop.call_later(moment, dump.stop, 143, "terminated")
    outcome = await dump.run()
    assert (143, True, moment) == (outcome.exit_code, outcome.why.startswith("terminated"), pytest.approx(loop.time()))
    assert "partial" == outcome.manifest["entities"]["deals"]["status"]
    assert not world.folder.exists()
    world.line.post = whole
    assert 0 == (await world.run("deals", **WISH)).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_minutes_count_from_the_beginning(world):
    """--max-minutes holds while fields are asked for, too."""
    silenced(world, ConnectionLost("gone"))
    assert 5 == (await world.run("deals", max_seconds=3.0, **WISH)).exit_code
    assert 3.0 == pytest.approx(asyncio.get_running_loop().time())


async def test_a_stop_leaves_what_lies_there(tmp_path):
    """A run that would go on and is stopped before its first row changes nothing of what is there."""
    world = Trial(tmp_path / "out", rows={"deals": 60_000}, latency=0.8)
    assert 5 == (await world.run("deals", max_seconds=3.0, **WISH)).exit_code
    before = {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    silenced(world, ConnectionLost("gone"))
    outcome = await world.run("deals", max_seconds=0.5, **WISH)
    assert (5, True) == (outcome.exit_code, outcome.resumed)
    assert before == {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("wish", [WISH, {}], ids=["fields", "rows"])
async def test_nobody_is_there(world, wish):
    """A portal that cannot be reached at the very first request is said at once: a slip in the address is no outage."""
    silenced(world, Unreachable("no such name"))
    try:
        code, why = (outcome := await world.run("deals", **wish)).exit_code, outcome.why
    except Unreachable as error:
        code, why = error.exit_code, str(error)
    assert (3, "no such name") == (code, why)
    assert 1.0 == pytest.approx(asyncio.get_running_loop().time())


@pytest.mark.parametrize("wish", [WISH, {}], ids=["fields", "rows"])
async def test_a_run_that_goes_on_waits_for_its_portal(tmp_path, wish):
    """The folder shows that the address was right: a portal that is away for a minute, just then, is waited for."""
    world = Trial(tmp_path / "out", rows={"deals": 60_000}, latency=0.8)
    assert 5 == (await world.run("deals", max_seconds=2.0, **wish)).exit_code
    whole, loop = silenced(world, Unreachable("no route")), asyncio.get_running_loop()
    loop.call_later(60, setattr, world.line, "post", whole)
    outcome = await world.run("deals", **wish)
    assert (0, True) == (outcome.exit_code, outcome.resumed)
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


@pytest.mark.parametrize("wish", [WISH, {}], ids=["fields", "rows"])
async def test_a_run_that_goes_on_does_not_wait_for_ever(tmp_path, wish):
    """A portal that stays away ends it with code 5 and the way on, as it would have later; what is there stays."""
    world = Trial(tmp_path / "out", rows={"deals": 60_000}, latency=0.8)
    assert 5 == (await world.run("deals", max_seconds=2.0, **wish)).exit_code
    rows = world.ids("deals")
    silenced(world, Unreachable("no route"))
    try:
        code, why = (outcome := await world.run("deals", **wish)).exit_code, outcome.why
    except Outage as error:
        code, why = error.exit_code, str(error)
    assert (5, "the portal was there, and cannot be reached any more (no route): run again to go on") == (code, why)
    assert 60 < asyncio.get_running_loop().time() < 900
    assert rows == world.ids("deals")


async def test_a_folder_in_which_nothing_has_come_shows_no_address(world):
    """A run that never reached anybody leaves a checkpoint, too: the next one says at once that nobody is there."""
    silenced(world, Unreachable("no such name"))
    for _ in range(2):
        assert 3 == (await world.run("deals")).exit_code
    assert 2.0 == pytest.approx(asyncio.get_running_loop().time())


async def test_a_portal_that_goes_between_fields_and_rows_is_waited_for(world):
    """It has answered this very run: that the first rows find nobody is no slip in the address."""
    whole, loop = world.line.post, asyncio.get_running_loop()

    async def post(*request):
        if 0 < loop.time() < 60:
            raise Unreachable("no route")
        return await whole(*request)

    world.line.post = post
    assert 0 == (await world.run("deals", **WISH)).exit_code


@pytest.mark.parametrize("interrupted", [True, *thorough(False)], ids=["a run that was interrupted", "the next night"])
async def test_a_mirror_waits_for_its_portal(tmp_path, interrupted):
    """It knows the portal, be it at the first request of a run that goes on, or of the next one."""
    world = Trial(tmp_path / "out", rows={"deals": 60_000}, latency=0.8)
    first = Mirror(world.order("deals").questions, world.folder, max_seconds=3.0 if interrupted else None)
    assert (5 if interrupted else 0) == (await Sync(first, world.settings(), world.line).run()).exit_code
    whole, loop = silenced(world, Unreachable("no route")), asyncio.get_running_loop()
    loop.call_later(60, setattr, world.line, "post", whole)
    assert 0 == (await Sync(replace(first, max_seconds=None), world.settings(), world.line).run()).exit_code
    assert loop.time() > 60


async def test_an_outage_is_waited_out(world):
    """Connections that break while fields are asked for are tried again."""
    whole = silenced(world, ConnectionLost("gone"))
    asyncio.get_running_loop().call_later(20, setattr, world.line, "post", whole)
    assert 0 == (await world.run("deals", **WISH)).exit_code


async def test_a_name_that_is_none(world):
    """A column that the portal does not know is refused after one request, and nothing is written."""
    with pytest.raises(UsageError, match="'TITEL'"):
        await world.run("deals", select=("ID", "TITEL"))
    assert 1 == world.line.requests
    assert not (world.folder / "manifest.json").exists()


async def test_fields_of_tasks(tmp_path):
    """Tasks have a fields method of another name and shape: an unknown column or condition is refused by it, a known one is not."""
    world = Trial(tmp_path / "out", rows={"tasks": 60})
    for wish in ({"select": ("ID", "TITEL")}, {"filter": {"TITEL": "x"}}):
        with pytest.raises(UsageError, match="TITLE"):
            await world.run("tasks", **wish)
    assert 0 == (await world.run("tasks", select=("ID", "TITLE", "TAGS"), filter={"RESPONSIBLE_ID": [1, 2, 3]})).exit_code


@pytest.mark.parametrize("wishes", [Wishes(select=("ID", "TITEL")), Wishes(filter={">id": 5}), Wishes(params={"x": 1})], ids=str)
async def test_the_file_is_blamed_for_what_stands_in_it(world, wishes):
    """A wish from a configuration file is refused with code 3, and the place where it stands."""
    order = Order(questions(["deals"], {}, File(entities={"deals": wishes}, name="b24x.toml")), folder=world.folder)
    with pytest.raises(ConfigError, match=r"b24x\.toml: \[entities\.deals\]: ") as refused:
        await Dump(order, world.settings(), world.line).run()
    assert "--" not in str(refused.value)


async def test_a_stop_changes_nothing_of_a_run_that_was_complete(tmp_path):
    """When all is there but for the manifest's last word (the last run died before it), a run stopped before it has looked says so; the next says that word."""
    world = Trial(tmp_path, rows={"deals": 30})
    await world.run("deals", select=("ID", "TITLE"))
    path = tmp_path / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"complete"', b'"partial"'))
    dump = world.dump("deals", select=("ID", "TITLE"))
    dump.stop(143, "terminated")
    stopped = await dump.run()
    assert (143, 30, "partial") == (stopped.exit_code, len(world.ids("deals")), orjson.loads(path.read_bytes())["status"])
    ended = await world.run("deals", select=("ID", "TITLE"))
    assert (0, 30, "complete") == (ended.exit_code, len(world.ids("deals")), orjson.loads(path.read_bytes())["status"])


async def test_the_last_ids_of_entities(world):
    """Of those that say it; one that is refused, or fails again and again, is left out, and the others are not."""
    methods = world.portal._desk.methods
    methods["crm.contact.list"] = with_mishaps(METHODS["crm.contact.list"], lambda _number: failing)
    asked = [Question(catalog()[name]) for name in ("deals", "contacts", "tasks", "crm_types")]
    client = Client(world.line, world.settings().credentials, world.settings().rate())
    found = await last_ids(client, asked)
    assert {"deals", "tasks", "crm_types"} == found.keys()
    assert listed(world.world, "crm.deal.list")[-1] == found["deals"]


@pytest.mark.parametrize(("admin", "filters", "named"), [
    (True, {}, {"deals", "contacts", "departments"}), (False, {}, set()), (False, {"STAGE_ID": "NONE"}, {"deals"}),
])
async def test_who_is_told_when_nothing_is_left(tmp_path, admin, filters, named):
    """An empty answer hides nothing from an administrator, nor of an entity of which rows beyond the condition show."""
    trial = Trial(tmp_path, rows={"contacts": 0}, session=Session(1, admin=admin, scopes=SCOPES))
    client = Client(trial.line, trial.settings().credentials, trial.settings().rate())
    asked = [Question(catalog()["deals"], filter=filters), Question(catalog()["contacts"], filter=filters), Question(catalog()["departments"])]
    assert named == await shows_all(client, asked)


@pytest.mark.parametrize(("code", "status", "named"), [("ACCESS_DENIED", 403, set()), ("ERROR_METHOD_NOT_FOUND", 404, set())])
async def test_whoever_may_not_ask_who_he_is_is_no_administrator(world, monkeypatch, code, status, named):
    """Nothing is believed for want of an answer."""
    def refuse(*_):
        raise Refusal(code, "No", status=status)
    monkeypatch.setattr("extractor.sandbox.system._profile", refuse)
    trial = Trial(world.folder)
    client = Client(trial.line, trial.settings().credentials, trial.settings().rate())
    assert named == await shows_all(client, [Question(catalog()["deals"])])
