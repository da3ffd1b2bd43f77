"""From when on changes may be asked for: whatever the portal's clock told at the last run, none is passed over."""

import asyncio
import datetime as dt
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import mirror
from extractor.clocks import DRIFT, FAR, SLACK, Clocks, behind, doubt
from extractor.known import Known
from extractor.lanes import Standing
from tests.mirrors import SAME, Ahead, Nights

THEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
TIMES = st.timedeltas(min_value=dt.timedelta(), max_value=dt.timedelta(days=20))


@given(ahead=TIMES, night=TIMES)
def test_a_clock_that_was_ahead_hides_nothing(ahead, night):
    """However far it was, and however long ago: what changed after the last run is asked for, but for what is asked for twice anyway."""
    found = doubt(Clocks(THEN + ahead, THEN), Clocks(THEN + night, THEN + night))
    assert found is None or found.back is None or ahead <= found.back
    assert found is not None or ahead <= max(SLACK, DRIFT)


@pytest.mark.parametrize(("told", "lag"), [
    (THEN + 5 * HOUR, None), (THEN + 4 * HOUR + HOUR / 2, dt.timedelta(minutes=30)), (THEN - HOUR, 6 * HOUR), (THEN + 9 * HOUR, None)])
def test_a_clock_is_behind_that_has_not_passed_as_ours_has(told, lag):
    """It told a moment at the last run, and ours has gone on for five hours since."""
    assert lag == behind(told, THEN, 5 * HOUR)


def test_a_clock_before_the_moment_that_it_told_is_behind_whatever_ours_says():
    """Ours may have stood still; a minute is what the clocks of a portal's servers differ by."""
    assert HOUR == behind(THEN - HOUR, THEN, -9 * HOUR)
    assert behind(THEN - HOUR / 120, THEN, dt.timedelta()) is None
    assert behind(THEN + HOUR, THEN, HOUR + HOUR / 6) is None


@given(st.timedeltas(min_value=-DRIFT, max_value=DRIFT), TIMES)
def test_clocks_that_go_alike_are_believed(drift, night):
    """A difference from the beginning is none, nor are some seconds a night."""
    night += 2 * DRIFT
    assert doubt(Clocks(THEN, THEN - 5 * HOUR), Clocks(THEN + night, THEN - 5 * HOUR + night + drift)) is None


@pytest.mark.parametrize(("mine", "back"), [
    (30 * HOUR, 6 * HOUR), (20 * HOUR, None), (-2 * HOUR, 26 * HOUR), (24 * HOUR + FAR + HOUR, "all"), (-FAR, "all"),
])
def test_our_clock_alone_widens_and_never_narrows(mine, back):
    """Put on or back while the portal's is right: more is read, and said; a year or a lifetime is no reason to ask for that much."""
    found = doubt(Clocks(THEN, THEN), Clocks(THEN + 24 * HOUR, THEN + mine))
    assert back == (found and (found.back or "all"))
    assert found is None or found.words.startswith("CLOCK: since the last run the portal's clock has moved by 1 day, 0:00:00, and this machine's by ")


def test_what_our_clock_did_not_note_is_not_held_against_the_portals():
    """A record of before knows the portal's clock alone."""
    assert doubt(Clocks(THEN), Clocks(THEN + HOUR, THEN + 9 * HOUR)) is None


@pytest.fixture
def wall(monkeypatch):
    """Give this machine a clock that goes as the portal's does, unless it is set."""
    made = SimpleNamespace(offset=0.0)
    made.time = lambda: THEN.timestamp() + asyncio.get_running_loop().time() + made.offset
    monkeypatch.setattr("extractor.clocks.time", made)
    return made


@pytest.mark.usefixtures("wall")
@pytest.mark.parametrize("interrupted", [False, True])
async def test_a_clock_that_was_ahead_one_night_loses_none_of_its_changes(tmp_path, interrupted):
    """It was right again by the next night, and had overtaken its wrong time: what changed between is asked for, which is said, and then all is well."""
    world = Nights(tmp_path / "out", "deals", rows={"deals": 1_200}, full_every=dt.timedelta(days=7))
    world.trial.line = line = Ahead(world.trial.line, 5 * HOUR)
    await world.night()
    line.ahead = dt.timedelta()
    await asyncio.sleep(3_600)
    world.happen("change", "deals", *list(world.tables["deals"].ids)[600:603])
    await asyncio.sleep(23 * 3_600)
    if interrupted:
        assert 5 == (await world.night(max_seconds=0.15)).exit_code
    told = [(await world.night()).manifest["entities"]["deals"] for _ in range(2)]
    assert (SAME, None) == (await world.differences("deals"), told[1]["reason"])
    assert {"new", "changed", "ids"} <= told[0]["lanes"].keys()
    if not interrupted:  # or the run that follows has the last word
        said = "CLOCK: since the last run the portal's clock has moved by 19:00:00, and this machine's by 1 day, 0:00:0%d: what changed was asked for from 5:00:0%d earlier"
        assert told[0]["reason"] in {said % (off, off) for off in (0, 1)}, "whole seconds of two clocks"


@pytest.mark.parametrize(("days", "kinds"), [(0.5, {"new", "changed"}), (40, {"all"})])
async def test_our_own_clock_costs_one_night(tmp_path, wall, days, kinds):
    """It is set: that night reads more and says why, the next one is as ever."""
    world = Nights(tmp_path / "out", "deals", rows={"deals": 1_200}, deletes=False)
    await world.night()
    await asyncio.sleep(86_400)
    wall.offset = days * 86_400
    told = []
    for _ in range(2):
        told.append((await world.night()).manifest["entities"]["deals"])
        await asyncio.sleep(86_400)
    assert (kinds, True) == (set(told[0]["lanes"]), told[0]["reason"].startswith("CLOCK: "))
    assert ({"new", "changed"}, None) == (set(told[1]["lanes"]), told[1]["reason"])


async def test_a_record_of_before_is_gone_on_with(tmp_path):
    """It does not say what our clock told: it is read, and the next one does."""
    world = Nights(tmp_path / "out", "deals", rows={"deals": 1_200})
    await world.night()
    known = Known.open(world.trial.folder / ".b24x" / "known.sqlite")
    state = mirror.decode(known.state())
    entry = state.entities["deals"]
    entry.standing = Standing(entry.standing.watermark, entry.standing.last, entry.standing.round, entry.standing.reach)
    known.commit(mirror.encode(state).replace(b',"ours":null', b""))
    known.close()
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")
