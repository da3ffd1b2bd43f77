"""What becomes of an entity that names a bad row and is then given up: it has not come to its end, so nothing of it moves."""

import asyncio
import datetime as dt

import pytest

from extractor import findings
from extractor.order import Audit
from extractor.sandbox.answer import Method, Refusal
from extractor.sandbox.faults.methods import Poison
from extractor.sandbox.methods import METHODS
from extractor.verify import Verify
from tests.mirrors import SAME, Nights, latest

BAD = 30
ROWS = {"deals": 8_000}


class Strike:
    """One bad row; as soon as a reading has gone around it, the method is closed to these credentials.

    `calm` is how many readings are still to begin before (`None`: all).
    """

    def __init__(self):
        self.calm = None
        self._closed, self._poison = False, Poison({BAD})

    def __call__(self, world, params, start, session):
        """Answer, as long as it is open."""
        bounds = params.get("filter") or {}
        if self.calm and ">ID" not in bounds and params["order"] == {"ID": "ASC"}:
            self.calm -= 1
            return LISTS.run(world, params, start, session)
        if self.calm != 0:
            self._closed = False
            return LISTS.run(world, params, start, session)
        self._closed |= bounds.get(">ID") == BAD
        if self._closed:
            raise Refusal("ACCESS_DENIED", "Access denied.", status=403)
        return self._poison(lambda asked: LISTS.run(world, asked, start, session), params, start)


LISTS = METHODS["crm.deal.list"]


@pytest.fixture
def strike(monkeypatch):
    """Give the portal a bad row, and a door that closes behind it."""
    made = Strike()
    monkeypatch.setitem(METHODS, "crm.deal.list", Method(LISTS.scope, made))
    return made


async def test_a_first_reading_that_was_given_up_is_no_standing(tmp_path, strike):
    """The next nights read all of it: nothing above the bad row is taken for read."""
    world = Nights(tmp_path / "out", "deals", rows=ROWS, deletes=False)
    strike.calm = 0
    outcome = await world.night()
    entry = outcome.manifest["entities"]["deals"]
    assert (4, "partial", None) == (outcome.exit_code, entry["status"], entry["watermark"])
    assert [str(BAD)] == [one["id"] for one in entry["unread"]]
    strike.calm = None
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_a_night_that_was_given_up_calls_no_row_gone(tmp_path, strike):
    """What it had not shown may be there: neither a line of a deleted row nor a new standing, and the rows are held."""
    world = Nights(tmp_path / "out", "deals", rows=ROWS, deletes=False, full_every=dt.timedelta())
    watermark = (await world.night()).manifest["entities"]["deals"]["watermark"]
    held = len(latest(world.trial.folder, "deals"))
    await asyncio.sleep(86_400)
    strike.calm = 0
    outcome = await world.night()
    entry = outcome.manifest["entities"]["deals"]
    assert (4, None, 0, watermark) == (outcome.exit_code, entry["assurance"], entry["gone"], entry["watermark"])
    assert held == len(latest(world.trial.folder, "deals"))
    strike.calm = None
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_a_repair_that_was_given_up_replaces_no_file(tmp_path, strike):
    """A damaged file still holds more than half a reading: it stays, and the reason is told."""
    world = Nights(tmp_path / "out", "deals", rows=ROWS, deletes=False)
    await world.night()
    (path,) = (world.trial.folder / "deals").iterdir()
    before = path.read_bytes().replace(b'"TITLE":"', b'"TITLE":"~', 1)
    path.write_bytes(before)
    strike.calm = 1
    outcome = await Verify(Audit(world.trial.folder, ("deals",), share=1.0, repair=True), world.trial.settings(), world.trial.line, []).run()
    assert (7, True) == (outcome.exit_code, "nothing was mended" in outcome.why)
    assert [before] == [one.read_bytes() for one in (world.trial.folder / "deals").iterdir()]


async def test_a_look_that_was_given_up_judges_nothing(tmp_path, strike):
    """Rows that it has not shown are not called extra, though it has named a bad one."""
    world = Nights(tmp_path / "out", "deals", rows=ROWS, deletes=False)
    await world.night()
    strike.calm = 0
    outcome = await Verify(Audit(world.trial.folder, ("deals",), share=1.0), world.trial.settings(), world.trial.line, []).run()
    assert (4, []) == (outcome.exit_code, list(findings.each(outcome.manifest)))


async def test_a_dump_that_was_given_up_claims_nothing(tmp_path, strike):
    """It is known not to hold all rows, whatever it names as unread: none is called missing."""
    world = Nights(tmp_path / "out", "deals", rows=ROWS)
    strike.calm = 0
    assert 4 == (await world.trial.run("deals")).exit_code
    strike.calm = None
    outcome = await Verify(Audit(world.trial.folder, ("deals",), share=1.0), world.trial.settings(), world.trial.line, []).run()
    assert (4, []) == (outcome.exit_code, list(findings.each(outcome.manifest)))
