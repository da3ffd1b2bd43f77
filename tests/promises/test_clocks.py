"""Clocks that jump: somebody sets the machine's clock, or shuts the lid of a laptop. The rows are exact, and the portal is not pestered."""

import asyncio
import datetime as dt
from types import SimpleNamespace

import pytest

from extractor import conduct, session
from extractor.errors import RequestTimeout
from extractor.sandbox.clock import EPOCH
from extractor.sandbox.cost import CostModel
from extractor.sandbox.meter import Bucket, Meter, Operating
from extractor.sandbox.methods.classic import listed
from tests.thorough import thorough
from tests.trials import Line

HOUR = 3_600.0
BUSY = {"rows": {"deals": 12_000}, "cost": CostModel.flat(0.06)}  # some fifteen seconds, with one request in flight
JUMPS = pytest.mark.parametrize("hours", [-30, -0.5, 0.5, 30])


class Wall:
    """The machine's clock: it follows the loop, until somebody sets it."""

    def __init__(self, patched):
        self.ahead = 0.0
        patched.setattr(session, "time", SimpleNamespace(time=self.time))
        patched.setattr(conduct, "dt", SimpleNamespace(UTC=dt.UTC, datetime=SimpleNamespace(
            now=lambda zone: dt.datetime.fromtimestamp(self.time(), zone))))

    def time(self):
        """Return unix seconds."""
        return EPOCH + asyncio.get_running_loop().time() + self.ahead

    def set(self, hours):
        """Put it forward, or back."""
        self.ahead += hours * HOUR


@pytest.fixture
def wall(monkeypatch):
    """Take the clock of the wall in hand."""
    return Wall(monkeypatch)


class Waiting(Line):
    """A network whose requests end after 75 seconds, as those of the real transport do."""

    async def post(self, url, body, headers):
        """Carry one request, in time."""
        try:
            async with asyncio.timeout(75.0):
                return await super().post(url, body, headers)
        except TimeoutError:
            raise RequestTimeout("no whole answer came in the time allowed") from None


def whole(world, outcome, folder=None):
    """Hold a run against the portal."""
    assert (0, None) == (outcome.exit_code, outcome.why)
    assert listed(world.world, "crm.deal.list") == world.ids("deals", folder=folder)


@JUMPS
async def test_the_wall_clock_is_set_while_tokens_age(trial, tmp_path, wall, hours):
    """Set three times in a run: the portal says when a token has aged, and it is renewed as often as it does."""
    world = trial(**BUSY, oauth={"lifetime": 3})
    for moment in (1.0, 4.0, 7.5):
        asyncio.get_running_loop().call_later(moment, wall.set, hours)
    outcome = await world.dump("deals", limits=world.application(tmp_path / "tokens.json", concurrency=1)).run()
    whole(world, outcome)
    assert 3 <= world.authority.renewals == world.line.statuses[401]


@JUMPS
async def test_the_wall_clock_is_set_between_two_runs(trial, tmp_path, wall, hours):
    """A token that is good, and looks aged, costs one renewal; one that has aged, and looks good, costs one refusal."""
    world = trial(rows={"deals": 600}, oauth={"lifetime": HOUR})
    given = world.application(tmp_path / "tokens.json")
    whole(world, await world.dump("deals", limits=given, folder=world.folder / "a").run(), world.folder / "a")
    for place, pause in enumerate((2 * HOUR, 10.0)):
        await asyncio.sleep(pause)
        wall.set(hours)
        folder, before = world.folder / f"b{place}", (world.authority.renewals, world.line.statuses[401])
        whole(world, await world.dump("deals", limits=given, folder=folder).run(), folder)
        assert world.authority.renewals - before[0] <= 1
        assert world.line.statuses[401] - before[1] <= 1 + 3  # those that left together were refused together


@JUMPS
async def test_the_wall_clock_is_set_under_a_webhook(trial, wall, hours):
    """Only the manifest looks at it, and a folder that was finished before it was begun can be gone on with."""
    world = trial(**{**BUSY, "rows": {"deals": 60_000}})  # more than goes in one round, which would be landed
    asyncio.get_running_loop().call_later(1.0, wall.set, hours)
    stopped = world.dump("deals")
    asyncio.get_running_loop().call_later(2.0, stopped.stop, 143, "interrupted")
    assert 143 == (await stopped.run()).exit_code
    wall.set(hours)
    whole(world, await world.run("deals"))


def suspend(loop, seconds):
    """Let no step run for so long, while all clocks do."""
    loop._now += seconds


@pytest.mark.parametrize("after", [0.4, 70.0, *thorough(0.05, 20.0)])
@pytest.mark.parametrize("seconds", [40.0, HOUR])
@pytest.mark.parametrize("oauth", [False, True], ids=["webhook", "application"])
async def test_the_lid_of_a_laptop(trial, tmp_path, after, seconds, oauth):
    """The run goes on where it was: no row twice, no request refused for its rate, and little later than the pause alone explains."""
    loop = asyncio.get_running_loop()

    async def ran(pause):
        # The portal of this world sleeps as well, and charges for it: its budget is large enough to bear that.
        meter = Meter(Bucket(4, 0.5), Operating(4_800))
        world = trial(rows={"deals": 3_200}, cost=CostModel.flat(3.0), oauth={"lifetime": HOUR}, meter=meter)
        world.line = Waiting(world.portal, world.latency)
        limits = {"rate_limit": "4/0.5", "operating_limit": 4_800}
        given = world.application(tmp_path / f"tokens-{pause}.json", **limits) if oauth else world.settings(**limits)
        began = loop.time()
        if pause:
            loop.call_later(after, suspend, loop, pause)
        whole(world, await world.dump("deals", limits=given).run())
        return world, loop.time() - began - pause

    usually, usual = await ran(0.0)
    assert usually.line.requests > 8  # twice what the bucket holds
    world, took = await ran(seconds)
    assert {503: 0, 429: 0} == {status: world.line.statuses[status] for status in (503, 429)}
    assert world.authority.renewals <= 1
    assert usual < 80
    assert took <= 118  # what was under way is asked again, in smaller pieces
