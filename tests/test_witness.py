"""A list that shows no changes is asked twice, and is not believed where a row that is news says that it was changed."""

import asyncio
import datetime as dt
from dataclasses import replace

import pytest

from extractor.sandbox.answer import Method
from extractor.sandbox.methods import METHODS
from extractor.sandbox.world import NOW
from tests.mirrors import SAME, Nights

DAY = 86_400


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
    world.happen("change", "deals", *some(world))
    world.happen("insert", "deals", count=3)
    await asyncio.sleep(DAY / 2)


async def test_a_new_row_belies_a_list_without_changes(deals, blanks):
    """However often it answers with nothing: the entity stands where it stood, and the next night finds what has changed."""
    world = deals()
    await eventful(world)
    blanks.silent = True
    outcome = await world.night()
    entry = outcome.manifest["entities"]["deals"]
    assert (4, "failed") == (outcome.exit_code, entry["status"])
    assert "shows no changes since" in entry["reason"]
    blanks.silent = False
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_a_witness_survives_a_stop(deals, blanks):
    """The run that goes on has not seen the row come as news, and knows of it all the same."""
    world = deals()
    await eventful(world)
    blanks.silent, night = True, world.sync()
    blanks.meanwhile = lambda: blanks.asked > 2 and night.stop(143, "terminated")
    assert 143 == (await night.run()).exit_code
    blanks.meanwhile = lambda: None
    assert 4 == (await world.night()).exit_code


async def test_a_witness_that_is_gone_tells_nothing(deals, blanks):
    """It was deleted after it had been seen, and nothing else had changed: then the list was right."""
    world = deals()
    await world.night()
    await asyncio.sleep(DAY / 2)
    world.happen("insert", "deals", count=1)
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
