"""A list that shows no changes is asked twice, and is not believed where a row that is news says that it was changed."""

import asyncio
import datetime as dt
from dataclasses import replace

import pytest

from extractor.sandbox.answer import Method
from extractor.sandbox.methods import METHODS
from extractor.sandbox.world import NOW
from extractor.sandbox.zones import Zone
from extractor.witness import MANY
from tests.mirrors import SAME, Nights

DAY = 86_400
NOON = NOW + DAY / 2  # between the first night and the second


class Blanks:
    """The list of deals, which answers to what has changed with nothing while it is silent."""

    def __init__(self, monkeypatch):
        self.silent, self.asked, self.meanwhile = False, 0, lambda: None
        self._lists = METHODS["crm.deal.list"]
        monkeypatch.setitem(METHODS, "crm.deal.list", Method(self._lists.scope, self._answer))

    def _answer(self, world, params, start, session):
        answer = self._lists.run(world, params, start, session)
        if not self.silent or ">=DATE_MODIFY" not in params.get("filter", {}):
            return answer
        self.asked += 1
        self.meanwhile()
        return replace(answer, result=[], total=0, next=None)


@pytest.fixture
def blanks(monkeypatch):
    """Take hold of the list."""
    return Blanks(monkeypatch)


@pytest.fixture
def deals(tmp_path):
    """Make the nights of a mirror of deals."""
    return lambda: Nights(tmp_path / "out", "deals", rows={"deals": 2_000}, full_every=dt.timedelta(days=7))


def some(world):
    """Name deals that the lane of changes alone could bring: below what is read for being new."""
    return list(world.tables["deals"].ids)[1_000:1_003]


async def eventful(world):
    """Let a night pass, and a day in which rows were changed and others were born."""
    await world.night()
    await asyncio.sleep(DAY / 2)
    world.happen("change", "deals", *some(world), at=NOON)
    world.happen("insert", "deals", count=3, at=NOON)
    await asyncio.sleep(DAY / 2)


async def broken_off(world, blanks):
    """Let a night with a silent list be stopped when the witnesses have been heard."""
    await eventful(world)
    blanks.silent, night = True, world.sync()
    blanks.meanwhile = lambda: blanks.asked > 2 and night.stop(143, "terminated")
    assert 143 == (await night.run()).exit_code
    blanks.meanwhile = lambda: None
    return world


async def test_a_new_row_belies_a_list_without_changes(deals, blanks):
    """However often it answers with nothing: the entity stands where it stood, and the next night finds what has changed."""
    world = deals()
    await eventful(world)
    blanks.silent = True
    outcome = await world.night()
    entry = outcome.manifest["entities"]["deals"]
    assert (4, "failed") == (outcome.exit_code, entry["status"])
    assert "shows no changes since" in entry["reason"]
    assert 4 == (await world.night()).exit_code, "its rows are no news any more, and their word holds"
    blanks.silent = False
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_witnesses_are_kept_where_a_run_is_left_for_another(deals, blanks):
    """What they have said was about the list, and not about the run that heard them."""
    world = await broken_off(deals(), blanks)
    assert 4 == (await world.night("deals", "companies")).exit_code


async def test_one_witness_is_enough(deals, blanks):
    """The first of three was deleted meanwhile."""
    world = deals()
    await eventful(world)
    first = sorted(world.tables["deals"].ids)[-3]
    blanks.silent = True
    blanks.meanwhile = lambda: blanks.asked == 3 and world.happen("delete", "deals", first)
    assert 4 == (await world.night()).exit_code


@pytest.mark.parametrize(("name", "select"), [("requisites", None), ("crm_activities", ("ID", "SUBJECT", "LAST_UPDATED"))])
async def test_stamps_that_drift_are_no_witnesses(tmp_path, name, select):
    """Moments that go through the user's zone are shown an hour off when its summer time ends: every text is news, and nothing has changed."""
    start = dt.datetime(2024, 10, 27, tzinfo=dt.UTC).timestamp()
    table = name.removeprefix("crm_")
    world = Nights(tmp_path / "out", name, rows={table: 2_000}, until=start - 40 * DAY, user_zone=Zone(3_600, summer=3_600))
    await asyncio.sleep(start - NOW)
    world.happen("change", table, *list(world.tables[table].ids)[-40:-36], at=start)
    await asyncio.sleep(1_790)
    wishes = {"select": select} if select else {}
    for _ in range(3):
        assert 0 == (await world.night(**wishes)).exit_code
        await asyncio.sleep(3_600)


@pytest.mark.parametrize("number", [b"1e999", b"9" * 400])
@pytest.mark.parametrize("key", [b"BIG", b"updatedTime"])
async def test_numbers_that_no_tool_holds_stop_nobody(deals, number, key):
    """Whatever else stands in a row: it is read for its stamp alone."""
    world = deals()
    await eventful(world)
    line = world.trial.line

    class Spoilt:
        async def post(self, *request):
            answer = await line.post(*request)
            return replace(answer, body=answer.body.replace(b'"OPPORTUNITY":"', b'"%b":%b,"OPPORTUNITY":"' % (key, number)))
    world.trial.line = Spoilt()
    assert 0 == (await world.night()).exit_code


async def test_a_witness_survives_a_stop(deals, blanks):
    """The run that goes on has not seen the row come as news, and knows of it all the same."""
    world = await broken_off(deals(), blanks)
    assert 4 == (await world.night()).exit_code


async def test_a_witness_that_is_gone_tells_nothing(deals, blanks):
    """It was deleted after it had been seen, and nothing else had changed: then the list was right."""
    world = deals()
    await world.night()
    await asyncio.sleep(DAY / 2)
    world.happen("insert", "deals", count=1, at=NOON)
    newest = max(world.tables["deals"].ids)
    await asyncio.sleep(DAY / 2)
    blanks.silent = True
    blanks.meanwhile = lambda: blanks.asked == 3 and world.happen("delete", "deals", newest)
    assert 0 == (await world.night()).exit_code
    assert 3 <= blanks.asked


async def test_rows_with_old_stamps_are_no_witnesses(deals, blanks):
    """An import brings rows that were changed last year: that the list of changes does not show them is as it should be."""
    world = deals()
    await world.night()
    await asyncio.sleep(DAY)
    world.happen("insert", "deals", count=5, values={"DATE_MODIFY": int(NOW) - 100 * DAY})
    blanks.silent = True
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_rows_that_are_gone_do_not_keep_others_from_being_heard(deals, blanks):
    """More new rows than are kept were a mistake of somebody's, and are deleted the next day: then those of that day are heard."""
    world = deals()
    await world.night()
    await asyncio.sleep(DAY / 2)
    before = set(world.tables["deals"].ids)
    world.happen("insert", "deals", count=MANY + 50, at=NOON)
    await asyncio.sleep(DAY / 2)
    blanks.silent = True
    assert 4 == (await world.night()).exit_code
    world.happen("delete", "deals", *sorted(set(world.tables["deals"].ids) - before))
    world.happen("change", "deals", *some(world), at=NOON + DAY)
    world.happen("insert", "deals", count=3, at=NOON + DAY)
    await asyncio.sleep(DAY)
    assert 4 == (await world.night()).exit_code


async def test_stamps_that_are_exact_testify_at_once(deals, blanks):
    """Of a list that is asked for `*` there is no hour in doubt: runs may follow each other as closely as they like."""
    world = deals()
    await world.night()
    await asyncio.sleep(3_600)
    world.happen("insert", "deals", count=3, at=NOW + 1_800)
    blanks.silent = True
    assert 4 == (await world.night()).exit_code
