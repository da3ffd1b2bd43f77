"""What a sync promises: the latest row of each key on disk is the portal's, and what is gone is said."""

import asyncio
import datetime as dt
import errno
import itertools
import os
import shutil
from dataclasses import replace

import pytest

from extractor import manifest
from extractor.compact import compact
from extractor.config import settings
from extractor.errors import DiskError, UsageError
from extractor.events import EntityEnded, RunBegan, RunEnded, StartedOver
from extractor.gone import Gone
from extractor.late import Late
from extractor.order import Audit
from extractor.report import lines
from extractor.sandbox.answer import Method, Session
from extractor.sandbox.clock import EPOCH
from extractor.sandbox.faults.methods import Poison
from extractor.sandbox.methods import METHODS
from extractor.sandbox.world import Mutation
from extractor.verify import Verify
from tests.mirrors import SAME, Ahead, Nights, latest
from tests.thorough import thorough
from tests.trials import ADDRESS, CODE, SCOPES


@pytest.fixture
def nights(tmp_path):
    """Make nights with a folder of their own."""
    return lambda *names, **options: Nights(tmp_path / "out", *names, **options)


async def test_the_first_run_is_a_dump(nights):
    """Every row, in the file that a dump writes."""
    world = nights("deals", "contacts")
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals") == await world.differences("contacts")
    assert ["part-00000.ndjson"] == [path.name for path in (world.trial.folder / "deals").iterdir()]


async def test_the_manifest_tells_rows_apart(nights):
    """It names the key of each entity's id, as the rows write it."""
    world = nights("deals", "tasks", "currencies", "departments")
    said = (await world.night()).manifest["entities"]
    assert {"deals": "ID", "tasks": "id", "currencies": "CURRENCY", "departments": "ID"} == {name: entry["key"] for name, entry in said.items()}


async def test_a_quiet_night_writes_nothing(nights):
    """No file, no line, and few requests."""
    world = nights("deals", "contacts", "tasks", "departments", "currencies")
    await world.night()
    before = world.trial.line.requests
    outcome = await world.night()
    assert (0, 0) == (outcome.exit_code, sum(entry["written"] for entry in outcome.manifest["entities"].values()))
    assert ["part-00000.ndjson"] == [path.name for path in (world.trial.folder / "deals").iterdir()]
    assert world.trial.line.requests - before <= 8


async def test_of_a_quiet_night_no_lane_is_called_empty(nights):
    """That nothing is new is as it should be: only of what is read whole it is said that nobody can tell no rows from hidden ones."""
    told, world = [], nights("deals", "companies", rows={"deals": 1_200, "companies": 0})
    await world.night()
    await world.night(observers=[told.append])
    ended = {one.entity: one.reason for one in told if isinstance(one, EntityEnded)}
    assert {"deals:new": None, "deals:changed": None, "deals:ids": None} == {name: why for name, why in ended.items() if name.startswith("deals")}
    assert ended["companies"].startswith("EMPTY: ")


async def test_it_says_when_all_ids_were_looked_through_last(nights):
    """Without that, rows which are gone may be there still, and `exact` says nothing of them."""
    world = nights("deals", rows={"deals": 1_200}, deletes=False)
    swept = [(await world.night()).manifest["entities"]["deals"]["swept"]]
    for deletes in (False, True, False):
        await asyncio.sleep(86_400)
        swept.append((await world.night(deletes=deletes)).manifest["entities"]["deals"]["swept"])
    assert swept[0] == swept[1] < swept[2] == swept[3]


async def test_what_is_new_changed_and_gone(nights):
    """Each in its file, and together they are the portal's rows."""
    world = nights("deals", rows={"deals": 3_000})
    await world.night()
    ids = list(world.tables["deals"].ids)
    world.happen("insert", "deals", count=70)
    world.happen("change", "deals", *ids[5:9])
    world.happen("delete", "deals", *ids[100:103])
    outcome = await world.night()
    entry = outcome.manifest["entities"]["deals"]
    assert (0, "complete", "exact") == (outcome.exit_code, entry["status"], entry["assurance"])
    assert SAME == await world.differences("deals")
    assert {"part-00000.ndjson", "changes", "deletes"} == {
        path.name if path.name.startswith("part") else path.name.split("-")[0] for path in (world.trial.folder / "deals").iterdir()}
    assert entry["gone"] <= 3
    assert entry["written"] <= 74


async def test_what_no_stamp_shows_is_found_in_time(nights):
    """A row that was changed without its stamp is read again within the time that was set."""
    world = nights("deals", rows={"deals": 700}, full_every=dt.timedelta(days=7))
    await world.night()
    ids = list(world.tables["deals"].ids)
    world.happen("change", "deals", *ids[::20], stamp=False)
    stale = []
    for _ in range(8):
        await asyncio.sleep(86_400)
        await world.night()
        stale.append(len((await world.differences("deals"))[2]))
    assert 0 == stale[-1]
    assert stale[0] > 0
    assert sorted(stale, reverse=True) == stale


async def test_without_a_sweep_what_is_gone_stays(nights):
    """Nobody looked for it."""
    world = nights("deals", deletes=False, rows={"deals": 1_200})
    await world.night()
    world.happen("delete", "deals", *list(world.tables["deals"].ids)[:3])
    await world.night()
    assert 0 < len((await world.differences("deals"))[1]) <= 3


async def test_what_is_gone_of_the_newest_rows_is_seen_at_once(nights):
    """They are read again each night: what was known of them and is not shown is gone, without a sweep, and after a run that failed."""
    world = nights("deals", deletes=False, full_every=None, rows={"deals": 1_200})
    await world.night()
    world.happen("insert", "deals", count=40)
    await world.night()
    world.happen("delete", "deals", *list(world.tables["deals"].ids)[-30:-10])
    await world.night()
    assert SAME == await world.differences("deals")


async def test_of_a_small_entity_everything_is_seen(nights):
    """A few hundred rows are read whole: whatever has become of them, without a sweep and without a stamp."""
    world = nights("deals", deletes=False)
    await world.night()
    ids = list(world.tables["deals"].ids)
    world.happen("delete", "deals", *ids[:3])
    world.happen("change", "deals", *ids[5:9], stamp=False)
    await world.night()
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize("interrupted", [False, True])
async def test_a_stop_before_the_run_begins_is_one(nights, interrupted):
    """Whoever is told to stop while it asks what it may ask, or what time it is, has not brought anything into step, and says so."""
    world = nights("deals", rows={"deals": 3_000}, full_every=dt.timedelta())
    await world.night()
    if interrupted:
        outcome = await world.night(max_seconds=0.15)
        assert (5, "partial") == (outcome.exit_code, outcome.manifest["entities"]["deals"]["status"])
    requests = world.trial.line.requests
    sync = world.sync()
    sync.stop(143, "terminated")
    outcome = await sync.run()
    assert (143, True) == (outcome.exit_code, outcome.why.startswith("terminated"))
    assert requests == world.trial.line.requests


class StopsWith:
    """A line on which a stop is handled in the turn in which the answer to one method comes."""

    def __init__(self, line, method):
        self._line, self._method, self.stop = line, method, None

    async def post(self, url, body, headers):
        """Carry one request."""
        answer = await self._line.post(url, body, headers)
        if not url.endswith(self._method):
            return answer
        loop, came = asyncio.get_running_loop(), asyncio.Future()

        def turn():
            came.set_result(answer)
            self.stop(143, "terminated")
        loop.call_soon(turn)
        return await came


@pytest.mark.parametrize("method", ["server.time", "crm.deal.fields"])
async def test_a_stop_in_the_turn_of_an_answer_is_one(nights, method):
    """Whatever comes first in that turn: nothing more is asked."""
    world = nights("deals", rows={"deals": 3_000})
    world.trial.line = line = StopsWith(world.trial.line, method)
    sync = world.sync(select=("ID", "TITLE"))
    line.stop = sync.stop
    outcome = await sync.run()
    assert (143, True) == (outcome.exit_code, outcome.why.startswith("terminated"))
    assert "deals" not in outcome.manifest["entities"]


async def test_what_a_run_has_landed_counts_when_another_is_asked_for(nights):
    """A run is interrupted, and the next command asks for one entity more: nothing that was written is lost."""
    world = nights("deals", rows={"deals": 3_000}, latency=10.0)
    await world.night()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    stopped = await world.night(max_seconds=25)
    assert (5, True) == (stopped.exit_code, 0 < stopped.manifest["entities"]["deals"]["written"] < 2_000)
    assert 0 == (await world.night("deals", "contacts")).exit_code
    assert SAME == await world.differences("deals") == await world.differences("contacts")


@pytest.mark.parametrize("damage", ["cut", "gone"])
async def test_a_damaged_mirror_says_how_to_mend_it(nights, damage):
    """Of an entity with a file that is not as it was left nothing is asked, and the command that mends it is named, folder and all; it does. The others are synced."""
    world = nights("deals", "contacts", rows={"deals": 300, "contacts": 60})
    await world.night()
    path = world.trial.folder / "deals/part-00000.ndjson"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    for name in ("deals", "contacts"):
        world.happen("change", name, *list(world.tables[name].ids)[:9])
    await asyncio.sleep(3_600)
    before = (await world.night("contacts")).manifest["entities"]["deals"]
    world.happen("insert", "contacts", count=3)
    outcome = await world.night()
    assert (4, True) == (outcome.exit_code, outcome.why.startswith("deals is failed: DAMAGED: deals/part-00000.ndjson is not there, or not as"))
    assert f"`b24x verify {world.trial.folder} --repair`" in outcome.why
    deals = outcome.manifest["entities"]["deals"]
    assert ("failed", *(before[key] for key in ("files", "watermark"))) == tuple(deals[key] for key in ("status", "files", "watermark"))
    assert SAME == await world.differences("contacts")
    await Verify(Audit(world.trial.folder, (), share=0.01, repair=True), world.settings, world.trial.line).run()
    assert ("complete", None) == tuple(manifest.read(world.trial.folder)["entities"]["deals"][key] for key in ("status", "reason"))
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_a_damaged_file_that_is_put_back_is_as_if_it_had_never_been_away(nights):
    """Also where it was met by a run that was gone on with: what that had landed counts, and the rest is asked for again."""
    world = nights("deals", "contacts", rows={"deals": 3_000, "contacts": 60})
    await world.night()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    assert 5 == (await world.night(max_seconds=0.25)).exit_code
    (path,) = (world.trial.folder / "deals").glob("changes-*")
    aside = path.rename(world.trial.folder / "aside")
    for _ in range(2):
        assert 4 == (await world.night()).exit_code
    aside.rename(path)
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


def harm(path, damage):
    """Do to a file what a run does not do."""
    before = path.read_bytes()
    path.unlink()
    if damage != "lost":
        path.write_bytes(before[:-100] if damage == "cut" else before[:-9] + b"somewhat\n")


def take_rights_away(world, method, after):
    """Let a list show nothing any more once it has been asked so many times; return what gives the rights back."""
    lists, asked = METHODS[method], itertools.count(1)

    def run(*what):
        answer = lists.run(*what)
        return replace(answer, result=[]) if next(asked) > after else answer

    methods = world.trial.portal._desk.methods
    methods[method] = Method(lists.scope, run)
    return lambda: methods.update({method: lists})


@pytest.mark.parametrize("damage", ["cut", "lost", *thorough("changed")])
@pytest.mark.parametrize("way", ["stopped", "left", "failed"])
async def test_an_entity_that_was_never_read_whole_starts_over_where_its_file_is_damaged(nights, way, damage):
    """All of its rows are still to be read, so nothing else has to mend it first; that is said, and the others are synced."""
    world = nights("deals", "contacts", rows={"deals": 9_000, "contacts": 60})
    if way == "failed":
        give_back = take_rights_away(world, "crm.deal.list", 60)
        assert 4 == (await world.night()).exit_code
        give_back()
    else:
        assert 5 == (await world.night("deals", max_seconds=0.5)).exit_code
    if way == "left":
        assert 0 == (await world.night("contacts")).exit_code
    path = world.trial.folder / "deals" / "part-00000.ndjson"
    harm(path, damage)
    told = []
    assert 0 == (await world.night("deals", "contacts", observers=[told.append])).exit_code
    assert [StartedOver("deals", damaged="deals/part-00000.ndjson")] == [one for one in told if isinstance(one, StartedOver)]
    assert SAME == await world.differences("deals") == await world.differences("contacts")
    assert not path.exists()


async def test_other_columns_are_fetched_anew_and_said(nights):
    """A mirror that is asked for other columns than it has is read whole again, once, and says which part of the question is another one."""
    world = nights("deals", "contacts", rows={"deals": 300, "contacts": 60})
    await world.night()
    told = []
    for _ in range(2):
        assert 0 == (await world.night("deals", select=("ID", "TITLE", "DATE_MODIFY"), observers=[told.append])).exit_code
    assert [StartedOver("deals", ("select",))] == [one for one in told if isinstance(one, StartedOver)]
    assert SAME == await world.differences("deals", select=["ID", "TITLE", "DATE_MODIFY"])


async def test_two_runs_of_one_command_are_one_story(nights):
    """It begins once and ends once, and what it has written and found gone is that of both: of the run that it finished, and of the one that followed.

    What the command before it had written was told by that one: together they are the lines.
    """
    world = nights("deals", rows={"deals": 3_000})
    await world.night()
    ids, told = list(world.tables["deals"].ids), []
    world.happen("change", "deals", *ids[:2_000])
    world.happen("delete", "deals", *ids[2_990:2_993])
    stopped = await world.night(max_seconds=0.25)
    assert 5 == stopped.exit_code
    outcome = await world.night(observers=[told.append])
    assert [1, 1] == [sum(isinstance(one, kind) for one in told) for kind in (RunBegan, RunEnded)]
    assert (RunBegan, RunEnded) == (type(told[0]), type(told[-1]))
    entry = outcome.manifest["entities"]["deals"]
    files = sorted(world.trial.folder.glob("deals/changes-*"))
    before = stopped.manifest["entities"]["deals"]["written"]
    assert sum(len(path.read_bytes().splitlines()) for path in files) == before + entry["written"] > 1_900
    assert 0 < before
    assert entry["written"] == told[-1].rows
    assert 3 == entry["gone"]


@pytest.mark.parametrize("names", [("contacts",), *thorough(("deals", "contacts"))])
async def test_a_file_is_cut_to_what_counts_when_another_run_is_asked_for(nights, names):
    """A killed run had written more than it had committed: what counts of the file is all that is left of it."""
    world = nights("deals", rows={"deals": 3_000}, latency=10.0)
    await world.night()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    await world.night(max_seconds=25)
    (path,) = (world.trial.folder / "deals").glob("changes-*")
    path.write_bytes(path.read_bytes() + b'{"ID": "torn')
    assert 0 == (await world.night(*names)).exit_code
    assert b"torn" not in path.read_bytes()
    assert 0 == (await world.night("deals", "contacts")).exit_code
    assert SAME == await world.differences("deals") == await world.differences("contacts")


@pytest.mark.parametrize("damage", ["cut", *thorough("lost", "changed")])
async def test_a_damaged_file_of_a_run_that_is_left_says_how_to_mend_it(nights, damage):
    """Its entity is not asked for now, and yet what it has landed may not be left to lie there damaged: the repair is named, and leads on."""
    world = nights("deals", "contacts", rows={"deals": 3_000, "contacts": 60}, latency=10.0)
    await world.night()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    assert 5 == (await world.night("deals", max_seconds=25)).exit_code
    (path,) = (world.trial.folder / "deals").glob("changes-*")
    harm(path, damage)
    with pytest.raises(DiskError, match=r"b24x verify \S+ --repair"):
        await world.night("contacts")
    await Verify(Audit(world.trial.folder, (), share=0.01, repair=True), world.settings, world.trial.line).run()
    assert 0 == (await world.night("contacts")).exit_code
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_what_is_imported_while_a_run_lies_interrupted_is_found(nights):
    """The new rows had been read, others are imported with old stamps, and more are born before the run goes on: their ids hide none."""
    world = nights("deals", rows={"deals": 3_000}, latency=10.0)
    await world.night()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    stopped = await world.night(max_seconds=25)
    assert 5 == stopped.exit_code
    old = {"DATE_CREATE": 1_700_000_000, "DATE_MODIFY": 1_700_000_000}
    world.happen("insert", "deals", count=100, values=old)
    world.happen("insert", "deals", count=700)
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize("then", [dt.timedelta(hours=12), *thorough(None, dt.timedelta(days=30))])
async def test_a_run_goes_on_with_the_bounds_that_it_began_with(nights, then):
    """Another `--full-every` bounds the piece that is read again otherwise: what was read within the old bounds is not taken for the new piece."""
    world = nights("deals", deletes=False, rows={"deals": 9_000}, latency=10.0, full_every=dt.timedelta(days=7))
    await world.night()
    await asyncio.sleep(2 * 86_400)
    assert 5 == (await world.night(max_seconds=25)).exit_code
    ids = list(world.tables["deals"].ids)
    world.happen("change", "deals", *ids[::100], stamp=False)
    outcome = await world.night(full_every=then)
    assert (0, 0) == (outcome.exit_code, outcome.manifest["entities"]["deals"]["gone"])
    missing, extra, _ = await world.differences("deals")
    assert ([], []) == (missing, extra)
    await asyncio.sleep(7 * 86_400)
    await world.night(full_every=dt.timedelta(days=7))
    assert SAME == await world.differences("deals")


async def test_a_mirror_is_no_dumps_folder(nights):
    """Neither takes the other's folder."""
    world = nights("deals")
    await world.night()
    with pytest.raises(UsageError, match="is a mirror"):
        await world.trial.run("deals")
    await world.trial.run("deals", folder=world.trial.folder / "dump")
    world.trial.folder = world.trial.folder / "dump"
    with pytest.raises(UsageError, match="holds a dump"):
        await world.night()


async def test_a_mirror_without_its_record_says_so(nights):
    """A copy that left .b24x out is no dump, and nobody else's: each command that needs the record says what is missing; verify compares it."""
    world = nights("deals", rows={"deals": 60})
    await world.night()
    shutil.rmtree(world.trial.folder / ".b24x")
    for refused in (world.sync(), Verify(Audit(world.trial.folder, repair=True), world.settings, world.trial.line)):
        with pytest.raises(UsageError, match=r"holds a mirror without its record \(\.b24x\)"):
            await refused.run()
    with pytest.raises(UsageError, match="without its record"):
        await world.trial.run("deals")
    with pytest.raises(UsageError, match="without its record"):
        list(compact(world.trial.folder))
    outcome = await Verify(Audit(world.trial.folder), world.settings, world.trial.line).run()
    assert (0, "mirror") == (outcome.exit_code, outcome.manifest["folder"])
    assert "without its record" in outcome.manifest["note"]


async def test_a_mirror_is_of_what_one_user_may_see(nights):
    """Another user's webhook is refused, by a repair too: what its user may not see would be called gone. Another one of the same user is not."""
    world = nights("deals", rows={"deals": 60})
    await world.night()
    codes = world.trial.portal.credentials.webhooks
    codes["n3wc0d3"] = codes[CODE]
    world.settings = settings({"webhook": ADDRESS.replace(f"/1/{CODE}", "/7/0th3rc0d3")})
    for refused in (world.sync(), Verify(Audit(world.trial.folder, repair=True), world.settings, world.trial.line)):
        with pytest.raises(UsageError, match="what user 1 may see, and these credentials are user 7's"):
            await refused.run()
    world.settings = settings({"webhook": ADDRESS.replace(CODE, "n3wc0d3")})
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_another_question_starts_over(nights):
    """Another select: the entity is read whole, and the rows of the other question go."""
    world = nights("deals")
    await world.night()
    outcome = await world.night(select=("ID", "TITLE"))
    assert 0 == outcome.exit_code
    assert SAME == await world.differences("deals", select=["ID", "TITLE"])
    assert 1 == len(list((world.trial.folder / "deals").iterdir()))


async def test_conditions_that_a_sync_sets_itself_are_refused(nights):
    """Two bounds of one kind would leave rows out."""
    with pytest.raises(UsageError, match="leave '>ID' out"):
        await nights("deals").night(filter={">ID": 5})


async def test_entities_without_a_stamp_are_read_whole(nights):
    """Small ones, whose rows may change at any time."""
    world = nights("departments", "currencies", "crm_types")
    await world.night()
    world.happen("change", "departments", *list(world.tables["departments"].ids)[3:5])
    world.happen("delete", "departments", *list(world.tables["departments"].ids)[7:8])
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("departments")


@pytest.mark.parametrize("seconds", [0.15, 0.35, 0.55])
async def test_a_row_that_slipped_between_pages_is_not_gone(nights, seconds):
    """Without a filter by id a deletion moves rows across the pages: what was not shown may be there, so nobody says that it is gone."""
    world = nights("departments", rows={"departments": 300})
    await world.night()
    ids = list(world.tables["departments"].ids)
    moment = EPOCH + asyncio.get_running_loop().time() + seconds
    world.trial.world.schedule = [Mutation("delete", "departments", tuple(ids[:20]), at=moment)]
    assert 0 == (await world.night()).exit_code
    assert not (await world.differences("departments"))[0]


async def test_entities_of_other_nights_stay_in_the_manifest(nights):
    """Each night may bring some entities into step: what the folder holds of others is still said; the news of another night are none of this one's."""
    world = nights()
    said = (await world.night("deals")).manifest["entities"]["deals"]
    assert said["written"] == said["rows"] > 0
    outcome = await world.night("contacts")
    assert {"deals", "contacts"} == set(outcome.manifest["entities"])
    assert {**said, "written": 0, "gone": 0, "lanes": {}} == outcome.manifest["entities"]["deals"]
    told = lines(outcome, world.settings)
    assert not any("deals" in line and "new or changed" in line for line in told)
    assert f"complete: {outcome.manifest['entities']['contacts']['written']:,} rows new or changed" in told[-1]
    assert SAME == await world.differences("deals") == await world.differences("contacts")


@pytest.mark.parametrize("wishes", [{}, *thorough({"select": ("ID", "TITLE")})])
@pytest.mark.parametrize("killed", [False, True])
async def test_what_was_left_unfinished_stays_in_the_manifest(nights, wishes, killed):
    """A run that is left for another one has landed rows: their files are named, and that the entity has not come to its end."""
    world = nights("deals", "contacts", rows={"deals": 30_000, "contacts": 200}, deletes=False, latency=0.5)
    if wishes:
        assert 0 == (await world.night()).exit_code
    if killed:
        sync = world.sync("deals", **wishes)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sync.run(), 2.7)
    else:
        assert 5 == (await world.night("deals", max_seconds=2.0, **wishes)).exit_code
    outcome = await world.night("contacts")
    entry = outcome.manifest["entities"]["deals"]
    assert (0, "partial", "partial") == (outcome.exit_code, outcome.manifest["status"], entry["status"])
    assert entry["reason"].startswith("INTERRUPTED: ")
    on_disk = {str(path.relative_to(world.trial.folder)) for path in (world.trial.folder / "deals").iterdir()}
    old = {"deals/part-00000.ndjson"} if wishes else set()  # rows of another question: they go as soon as these are whole
    assert on_disk - old == {mark["path"] for mark in entry["files"]} != set()
    assert 4 == (await Verify(Audit(world.trial.folder, ()), world.trial.settings(), world.trial.line, []).run()).exit_code
    outcome = await world.night("deals", **wishes)
    assert ("complete", 0) == (outcome.manifest["status"], outcome.exit_code)
    assert SAME == await world.differences("deals", **{key: list(value) for key, value in wishes.items()}) == await world.differences("contacts")


async def test_a_clock_that_went_back_makes_all_be_read_again(nights):
    """What changed in the hours that the clock was ahead has stamps that nobody asked for: all is read, and it is said why; then all is as before."""
    world = nights("deals", rows={"deals": 1_200})
    world.trial.line = line = Ahead(world.trial.line, dt.timedelta(hours=4))
    await world.night()
    line.ahead = dt.timedelta()
    await asyncio.sleep(1_800)
    world.happen("change", "deals", *list(world.tables["deals"].ids)[100:103])
    await asyncio.sleep(1_800)
    outcome = await world.night()
    entry = outcome.manifest["entities"]["deals"]
    assert (0, "complete", {"all"}) == (outcome.exit_code, entry["status"], set(entry["lanes"]))
    assert entry["reason"].startswith("CLOCK: ")
    assert SAME == await world.differences("deals")
    await asyncio.sleep(3_600)
    entry = (await world.night()).manifest["entities"]["deals"]
    assert (None, False) == (entry["reason"], "all" in entry["lanes"])


async def test_a_row_that_a_list_left_out_is_not_gone(nights, monkeypatch):
    """Whatever made a lane end before its end: the row is there when it is asked for by its id, so the entity stands, and says why."""
    lists, hidden = METHODS["crm.deal.list"], set()

    def forgetful(world, params, start, session):
        answer = lists.run(world, params, start, session)
        asked_again = params["select"] == ["ID"] and params["order"] == {"ID": "ASC"}
        return answer if asked_again else replace(answer, result=[row for row in answer.result if int(row["ID"]) not in hidden])
    monkeypatch.setitem(METHODS, "crm.deal.list", Method(lists.scope, forgetful))
    world = nights("deals", deletes=False, rows={"deals": 700})
    await world.night()
    hidden |= {*list(world.tables["deals"].ids)[-30:]}
    outcome = await world.night()
    assert (4, 0) == (outcome.exit_code, outcome.manifest["entities"]["deals"]["gone"])
    assert "left out 30 rows" in outcome.why
    hidden.clear()
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize(("name", "method"), [("departments", "department.get"), ("crm_statuses", "crm.status.list"), ("currencies", "crm.currency.list")])
async def test_one_blank_answer_of_what_is_read_whole_empties_nothing(nights, monkeypatch, name, method):
    """An answer without rows says nothing by itself, not even to an administrator: what is asked once more shows the rows, and their news."""
    whole, blank = METHODS[method], []

    def body(world, params, start, session):
        answer = whole.run(world, params, start, session)
        return replace(answer, result=[], total=0, next=None) if blank and blank.pop() else answer
    monkeypatch.setitem(METHODS, method, Method(whole.scope, body))
    world = nights(name)
    await world.night()
    if name == "departments":
        world.happen("change", name, *list(world.tables[name].ids)[:2])
    blank.append(True)
    outcome = await world.night()
    assert (0, 0) == (outcome.exit_code, outcome.manifest["entities"][name]["gone"])
    assert SAME == await world.differences(name)


async def test_one_blank_answer_to_what_has_changed_passes_nothing_over(nights, monkeypatch):
    """The last id and the first page came empty in one request, as on a quiet night: they are asked for once more."""
    lists, blank = METHODS["crm.deal.list"], []

    def body(world, params, start, session):
        answer = lists.run(world, params, start, session)
        return replace(answer, result=[], total=0, next=None) if ">=DATE_MODIFY" in params.get("filter", {}) and blank and blank.pop() else answer
    monkeypatch.setitem(METHODS, "crm.deal.list", Method(lists.scope, body))
    world = nights("deals", rows={"deals": 2_000}, full_every=dt.timedelta(days=7))
    await world.night()
    await asyncio.sleep(86_400)
    world.happen("change", "deals", *list(world.tables["deals"].ids)[1_000:1_003])
    blank += [True, True]
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize(("admin", "code"), [(True, 0), (False, 4)])
async def test_only_an_administrator_is_told_that_nothing_is_left(nights, admin, code):
    """Rights that were taken away answer with nothing, as an empty table does: without a row to see, nobody else calls one gone."""
    world = nights("contacts", session=Session(1, admin=admin, scopes=SCOPES))
    await world.night()
    world.happen("delete", "contacts", *list(world.tables["contacts"].ids))
    outcome = await world.night()
    assert code == outcome.exit_code
    assert (code == 0) == bool(outcome.manifest["entities"]["contacts"]["gone"])
    world.happen("insert", "contacts", count=3)
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("contacts")


async def test_rows_beyond_a_condition_tell_that_none_fits_any_more(nights):
    """Whoever sees others has the rights: what left the condition is gone of this mirror."""
    world = nights("deals", session=Session(1, admin=False, scopes=SCOPES))
    await world.night(filter={"STAGE_ID": "WON"})
    for one in list(world.tables["deals"].ids):
        world.happen("change", "deals", one, values={"STAGE_ID": "NEW"})
    outcome = await world.night(filter={"STAGE_ID": "WON"})
    assert 0 == outcome.exit_code
    assert outcome.manifest["entities"]["deals"]["gone"]


async def test_what_has_gone_is_asked_for_in_rounds(nights, monkeypatch):
    """However many have gone, so many are planned at a time, and each of them is asked for."""
    monkeypatch.setattr("extractor.gone.ROUND", 3)
    world = nights("deals", rows={"deals": 1_200})
    await world.night()
    world.happen("delete", "deals", *list(world.tables["deals"].ids)[::120])
    outcome = await world.night()
    entry = outcome.manifest["entities"]["deals"]
    assert (0, 10) == (outcome.exit_code, entry["gone"])
    assert 10 <= entry["lanes"]["gone"]["calls"]
    assert SAME == await world.differences("deals")


async def test_a_run_that_is_stopped_while_it_asks_again_is_finished_later(nights, monkeypatch):
    """What seemed to be gone is not called so before it has been asked for, not even by the run that goes on."""
    world = nights("deals", rows={"deals": 1_200})
    await world.night()
    world.happen("delete", "deals", *list(world.tables["deals"].ids)[::120])
    sync, ask = world.sync(), Gone.ask

    def stopped(gone):
        sync.stop(143, "terminated")
        return ask(gone)
    with monkeypatch.context() as patched:
        patched.setattr(Gone, "ask", stopped)
        outcome = await sync.run()
    assert (143, 0) == (outcome.exit_code, outcome.manifest["entities"]["deals"]["gone"])
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


def hidden_from_the_lists(monkeypatch, hidden):
    """Let a portal show no list the rows of some ids, as a permission in SQL does."""
    lists = METHODS["crm.deal.list"]

    def body(world, params, start, session):
        return lists.run(world, {**params, "filter": {**params.get("filter", {}), "!@ID": sorted(hidden)}} if hidden else params, start, session)
    monkeypatch.setitem(METHODS, "crm.deal.list", Method(lists.scope, body))


@pytest.mark.parametrize("known", [True, False])
async def test_what_is_shown_again_or_at_last_is_written(nights, monkeypatch, known):
    """Rows that rights hid for a night, or hid until now, are there as soon as all ids are read, with a page of them in each call."""
    hidden = set()
    hidden_from_the_lists(monkeypatch, hidden)
    world = nights("deals", rows={"deals": 3_000}, full_every=dt.timedelta(days=7))
    ids = list(world.tables["deals"].ids)[:1_000]
    if known:
        assert 0 == (await world.night()).exit_code
        await asyncio.sleep(86_400)
    hidden |= set(ids)
    assert 0 == (await world.night()).exit_code
    hidden.clear()
    await asyncio.sleep(86_400)
    outcome = await world.night()
    assert (0, SAME) == (outcome.exit_code, await world.differences("deals"))
    assert outcome.manifest["entities"]["deals"]["lanes"]["late"]["calls"] <= 21
    assert "late" not in (await world.night()).manifest["entities"]["deals"]["lanes"]


async def test_a_row_that_fits_again_without_a_stamp_is_written(nights):
    """It had left the condition and was called gone, and nothing but the reading of all ids shows it now."""
    world = nights("deals", rows={"deals": 6_000})
    await world.night(filter={"STAGE_ID": "NEW"})
    one = next(int(row["ID"]) for row in await world.trial.shown("deals", filter={"STAGE_ID": "NEW"}))
    for stage, gone in (("WON", 1), ("NEW", 0)):
        world.happen("change", "deals", one, values={"STAGE_ID": stage}, stamp=False)
        outcome = await world.night(filter={"STAGE_ID": "NEW"})
        assert (0, gone) == (outcome.exit_code, outcome.manifest["entities"]["deals"]["gone"])
        assert SAME == await world.differences("deals", filter={"STAGE_ID": "NEW"})


@pytest.mark.parametrize("other", [False, True])
async def test_a_run_that_is_stopped_while_it_fetches_what_is_late_is_finished_later(nights, monkeypatch, other):
    """What was seen is remembered by the run that goes on; one that is left for another question's reads all ids again."""
    hidden = set()
    hidden_from_the_lists(monkeypatch, hidden)
    monkeypatch.setattr("extractor.late.ROUND", 3)
    world = nights("deals", rows={"deals": 3_000})
    hidden |= set(list(world.tables["deals"].ids)[:1_000])
    await world.night()
    hidden.clear()
    sync, ask, asked = world.sync(), Late.ask, []

    def stopped(late):
        asked.append(late)
        if len(asked) == 3:
            sync.stop(143, "terminated")
        return ask(late)
    with monkeypatch.context() as patched:
        patched.setattr(Late, "ask", stopped)
        outcome = await sync.run()
    entry = outcome.manifest["entities"]["deals"]
    assert (143, "partial", 300) == (outcome.exit_code, entry["status"], entry["written"])
    assert 0 == (await world.night(*(["deals", "contacts"] if other else []))).exit_code
    assert SAME == await world.differences("deals")


async def test_a_late_row_that_cannot_be_read_is_named_once(nights, monkeypatch):
    """All rows around it come; the nights after ask for it alone, and name it once each."""
    lists, bad = METHODS["crm.deal.list"], set()

    def body(world, params, start, session):
        return Poison(bad)(lambda asked: lists.run(world, asked, start, session), params, start)
    hidden = set()
    monkeypatch.setitem(METHODS, "crm.deal.list", Method(lists.scope, body))
    hidden_from_the_lists(monkeypatch, hidden)
    world = nights("deals", rows={"deals": 3_000})
    ids = [int(row["ID"]) for row in await world.trial.shown("deals", select=["ID"])]
    hidden |= set(ids[:200])
    await world.night()
    hidden.clear()
    bad.add(ids[40])
    for lane in ("late", "unread"):
        outcome = await world.night()
        entry = outcome.manifest["entities"]["deals"]
        assert (4, True, [str(ids[40])]) == (outcome.exit_code, lane in entry["lanes"], [one["id"] for one in entry["unread"]])
        assert {str(ids[40])} == set(map(str, ids)) - latest(world.trial.folder, "deals").keys()
    assert "late" not in entry["lanes"]
    bad.clear()
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_a_second_look_that_takes_longer_than_a_run_comes_to_its_end(nights):
    """So many rows are gone that no run has the time to ask for all of them again: each goes on behind the one before."""
    world = nights("deals", rows={"deals": 8_000})
    await world.night()
    world.happen("delete", "deals", *list(world.tables["deals"].ids)[::20])
    world.settings = world.trial.settings(rate_limit="1/1")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("extractor.gone.ROUND", 25)  # half a request: a dozen of them are more than a run has time for
        for _ in range(12):
            outcome = await world.night(max_seconds=4.0)
            if gone := outcome.manifest["entities"]["deals"]["gone"]:
                break
    assert gone
    assert SAME == await world.differences("deals")


async def broken_off(world):
    """Let a night with many changes be stopped amid its file."""
    await world.night()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    assert 5 == (await world.night(max_seconds=25)).exit_code
    (path,) = (world.trial.folder / "deals").glob("changes-*")
    return path


async def test_a_torn_tail_is_cut_where_another_file_is_away(nights):
    """A killed run had written more than it had committed: no named file has that, and the file that is put back is all that was wanting."""
    world = nights("deals", rows={"deals": 3_000}, latency=10.0)
    path = await broken_off(world)
    path.write_bytes(path.read_bytes() + b'{"ID": "torn')
    first = path.with_name("part-00000.ndjson")
    aside = first.rename(world.trial.folder / "aside")
    assert 4 == (await world.night()).exit_code
    assert not path.read_bytes().endswith(b"torn")
    aside.rename(first)
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


async def test_another_text_in_the_file_of_a_run_stops_its_entity_alone(nights):
    """It is as long as it was: the others move on, and the way out is named."""
    world = nights("deals", "contacts", rows={"deals": 3_000, "contacts": 60}, latency=10.0)
    path = await broken_off(world)
    path.write_bytes(path.read_bytes()[:-9] + b"somewhat\n")
    outcome = await world.night()
    entries = outcome.manifest["entities"]
    assert (4, "failed", "complete") == (outcome.exit_code, entries["deals"]["status"], entries["contacts"]["status"])
    assert "--repair" in entries["deals"]["reason"]


async def test_a_first_reading_with_a_damaged_file_starts_over_at_once(nights):
    """The run that goes on says so, and reads it whole; nothing is to be put back or repaired."""
    world, told = nights("deals", rows={"deals": 30_000}), []
    assert 5 == (await world.night(max_seconds=0.25)).exit_code
    (path,) = (world.trial.folder / "deals").iterdir()
    path.unlink()
    assert 0 == (await world.night(observers=[told.append])).exit_code
    assert ["deals/part-00000.ndjson"] == [one.damaged for one in told if isinstance(one, StartedOver)]
    assert SAME == await world.differences("deals")


async def test_a_night_without_its_parameter_leaves_an_entity_as_it_was(nights):
    """It is not asked for; what lies there of it stays in the manifest."""
    world = nights("deals", rows={"deals": 300})
    await world.night("crm_items", params={"entityTypeId": 2})
    outcome = await world.night("crm_items", "deals", named=False)
    assert (0, 300) == (outcome.exit_code, outcome.manifest["entities"]["crm_items"]["rows"])


async def test_a_full_disk_leaves_the_file_of_what_is_gone_closed(nights, monkeypatch):
    """It refuses the commit: the night ends with that, and nothing of the file is left behind."""
    world = nights("deals", rows={"deals": 300})
    await world.night()
    world.happen("delete", "deals", *list(world.tables["deals"].ids)[100:103])
    sync, place = os.fsync, world.trial.folder / "deals"

    def refuses(handle):
        if list(place.glob("deletes-*")):
            raise OSError(errno.ENOSPC, "full")
        sync(handle)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuses)
        with pytest.raises(DiskError, match="no room"):
            await world.night()
    (left,) = place.glob("deletes-*")
    assert not left.stat().st_size, "cut to its last commit as it was closed"
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")
