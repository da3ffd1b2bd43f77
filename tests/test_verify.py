"""What a verification promises: every id that is missing, extra or stale is named, and no other."""

import asyncio
import datetime as dt
import functools
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from extractor import findings
from extractor.catalog import catalog
from extractor.checkpoint import lock
from extractor.errors import FolderBusy, Outage, Unreachable, UsageError
from extractor.events import EntityEnded
from extractor.order import Audit
from extractor.sandbox.answer import Method, Refusal, Session
from extractor.sandbox.clock import EPOCH
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.faults.methods import Poison, with_mishaps
from extractor.sandbox.faults.mixture import Mixture
from extractor.sandbox.methods import METHODS
from extractor.sandbox.world import Mutation
from extractor.verify import Verify
from tests.mirrors import SAME, Ahead, Nights, rewrite
from tests.simulation.disk import Disk
from tests.thorough import thorough
from tests.trials import CODE, SCOPES

ROWS = {"deals": 1_500, "contacts": 800, "companies": 90}
NAMES = ("deals", "contacts", "companies", "tasks", "users", "departments", "currencies", "crm_types", "crm_statuses")


class Folder(Nights):
    """A dump or a mirror, and looks at it."""

    def __init__(self, folder, kind, *names, **trial):
        super().__init__(folder, *names, **trial)
        self.kind = kind

    async def make(self):
        """Fill the folder."""
        outcome = await (self.night() if self.kind == "mirror" else self.trial.run(*self.names))
        assert 0 == outcome.exit_code
        await asyncio.sleep(5)  # some rows of a world were changed the moment it began

    def verify(self, *names, share=1.0, observers=(), **options):
        """Prepare a look."""
        return Verify(Audit(self.trial.folder, names, share=share, **options), self.trial.settings(), self.trial.line, observers)

    async def found(self, *names, **options):
        """Look; return the exit code, and what differs as (entity, id, what)."""
        outcome = await self.verify(*names, **options).run()
        return outcome.exit_code, {(one["entity"], one.get("id") or one["file"], one["what"]) for one in findings.each(outcome.manifest)}


@pytest.fixture(params=["dump", "mirror"])
def folder(tmp_path, request):
    """Make folders of either kind."""
    return lambda *names, **options: Folder(tmp_path / "out", request.param, *names, **options)


def plant(world, count, seed):
    """Harm a folder in so many places, over all of its entities: drop lines, make up rows, change texts; return what was done."""
    chance, planted = random.Random(seed), set()
    lines = {name: len(world.trial.rows(name)) for name in world.names}
    todo = Counter(chance.choices(world.names, weights=lines.values(), k=count)) | Counter(world.names)
    for name, times in todo.items():
        places = {place: chance.choice(["missing", "extra", "stale"]) for place in chance.sample(range(lines[name]), min(times, lines[name]))}
        rewrite(world.trial.folder, name, functools.partial(_harmed, places, name, planted))
    return planted


def _harmed(places, name, planted, lines):
    kept, key = [], catalog()[name].id
    for place, line in enumerate(lines):
        row = orjson.loads(line)
        match places.get(place):
            case "extra":
                stranger = type(row[key])(int(row[key]) + 5_000_000) if str(row[key]).isdigit() else row[key] + "X"
                planted.add((name, _id(stranger), "extra"))
                kept += [line, orjson.dumps({**row, key: stranger})]
            case "stale":
                planted.add((name, _id(row[key]), "stale"))
                kept.append(line.replace(b'":', b'": ', 1))
            case "missing":
                planted.add((name, _id(row[key]), "missing"))
            case None:
                kept.append(line)
    return kept


def contents(folder):
    """Read all files of a folder; of what a mirror knows, its rows and its state."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".sqlite"}
    for path in folder.rglob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            files[path] = list(connection.execute("SELECT * FROM rows ORDER BY 1, 2")), list(connection.execute("SELECT * FROM state"))
    return files


def _id(value):
    return int(value) if str(value).isdigit() else value


@pytest.mark.parametrize("seed", [1, *thorough(2, 3)])
async def test_every_planted_difference_is_named_and_no_other(folder, seed):
    """A hundred lines that were dropped, made up or changed, over entities of every paging."""
    world = folder(*NAMES, rows=ROWS)
    await world.make()
    assert (0, set()) == await world.found()
    planted = plant(world, 100, seed)
    assert len(planted) >= 100
    assert {"missing", "extra", "stale"} == {what for _, _, what in planted}
    assert (7, planted) == await world.found()


async def test_ids_are_all_compared_whatever_the_sample(folder):
    """What is missing and extra is found by a sample, too; what is stale in the part that was read."""
    world = folder("deals", rows={"deals": 3_000})
    await world.make()
    planted = plant(world, 100, 4)
    code, found = await world.found(share=0.1)
    assert 7 == code
    assert found <= planted
    assert {one for one in planted if one[2] != "stale"} == {one for one in found if one[2] != "stale"}


async def test_a_sample_takes_few_calls(folder):
    """As many as a dump for the ids; for a hundredth of the rows, in whole pages, a hundredth of them."""
    world = folder("deals", rows={"deals": 12_000})
    await world.make()
    dumped = len(world.trial.line.pages)
    outcome = await world.verify(share=0.01).run()
    entry = outcome.manifest["entities"]["deals"]
    assert (0, entry["held"], 150) == (outcome.exit_code, entry["ids"], entry["read"])
    assert len(world.trial.line.pages) <= 2 * dumped + 3 + 5  # a clock, last ids; and the sample's


async def test_what_has_happened_since_is_named(folder):
    """Rows that were changed or have gone since the folder was made; new ones are missing."""
    world = folder("deals", rows={"deals": 1_000})
    await world.make()
    ids = list(world.tables["deals"].ids)
    world.happen("change", "deals", *ids[5:9])
    world.happen("delete", "deals", *ids[100:103])
    await asyncio.sleep(2)
    code, found = await world.found()
    assert (7, {"stale": 4, "extra": 3}) == (code, Counter(what for _, _, what in found))


async def test_rows_born_after_a_dump_are_not_missing_from_it(tmp_path):
    """They lie above its last id, and are not older than it; a row that is older is missing there, too."""
    world = Folder(tmp_path / "out", "dump", "deals")
    await world.make()
    path = world.trial.folder / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps({**manifest, "started_at": "2024-08-26T12:00:00Z"}))  # as the portal's clock, which is virtual, has it
    last = world.trial.ids("deals")[-1]
    rewrite(world.trial.folder, "deals", lambda lines: [line for line in lines if int(orjson.loads(line)["ID"]) != last])
    await asyncio.sleep(7_200)
    world.trial.world.now = EPOCH + asyncio.get_running_loop().time()
    world.happen("insert", "deals", count=20)
    await asyncio.sleep(2)
    outcome = await world.verify().run()
    entry = outcome.manifest["entities"]["deals"]
    assert (7, [last], []) == (outcome.exit_code, entry["missing"], entry["stale"])
    assert entry["moved"] > 0


async def test_rows_born_after_a_mirrors_last_night_are_missing(tmp_path):
    """A mirror is to be in step."""
    world = Folder(tmp_path / "out", "mirror", "deals")
    await world.make()
    world.happen("insert", "deals", count=20)
    await asyncio.sleep(2)
    code, found = await world.found()
    assert (7, {"missing"}) == (code, {what for _, _, what in found})


class Users:
    """They insert, change and delete rows of some tables, ten times a second from now on; deletions wait until they are let."""

    def __init__(self, world, *tables, seed):
        self.world, self.gone = world.trial.world, {}
        chance, now = random.Random(seed), EPOCH + asyncio.get_running_loop().time()
        for at in (now + step / 10 for step in range(600)):
            table = chance.choice(tables)
            ids = chance.sample(list(self.world.tables[table].ids), 5)
            self.world.schedule += [Mutation("insert", table, at=at, count=2), Mutation("change", table, tuple(ids[:3]), at=at)]
            self.gone.setdefault(table, []).append(Mutation("delete", table, tuple(ids[3:]), at=at))

    def delete(self, table):
        """Let rows of a table go, at their moments; those of the past go now."""
        self.world.schedule += self.gone.pop(table, [])

    def __call__(self, event):
        """See the ids of a table through; from then on its rows may go."""
        if isinstance(event, EntityEnded) and not event.entity.endswith(":rows"):
            self.delete(event.entity.partition(":")[0])


@pytest.mark.parametrize("share", [1.0, *thorough(0.01)])
async def test_what_users_do_meanwhile_is_no_difference(folder, share):
    """Rows are born and changed at every moment of the look, and go once their ids were shown."""
    world = folder("deals", "contacts", "tasks", rows={"deals": 4_000, "contacts": 3_000, "tasks": 700}, latency=2.0)
    await world.make()
    users = Users(world, "deals", "contacts", "tasks", seed=7)
    outcome = await world.verify(share=share, observers=[users]).run()
    assert (0, None) == (outcome.exit_code, outcome.why)
    assert not users.gone
    to_come = Counter(one.action for one in world.trial.world.schedule)
    assert max(to_come["insert"], to_come["change"]) < 500  # of 600: the others happened
    assert to_come["delete"] < 550


async def test_of_what_goes_before_its_id_was_shown_no_trace_is_left(folder):
    """It is named as extra, for the portal cannot say when it went; nothing else is named."""
    world = folder("deals", rows={"deals": 4_000}, latency=2.0)
    await world.make()
    users = Users(world, "deals", seed=8)
    gone = {("deals", one, "extra") for mutation in users.gone["deals"] for one in mutation.ids}
    users.delete("deals")
    _, found = await world.found()
    assert found <= gone


async def test_rows_that_change_without_a_stamp_meanwhile_are_not_named_if_they_change_twice(folder):
    """What shows another text each time it is looked at cannot be held against the disk."""
    world = folder("deals", rows={"deals": 1_000})
    await world.make()
    ids = tuple(list(world.tables["deals"].ids)[:5])
    now = EPOCH + asyncio.get_running_loop().time()
    world.trial.world.schedule += [Mutation("change", "deals", ids, at=now + second / 20, stamp=False) for second in range(200)]
    assert (0, set()) == await world.found()


async def test_a_file_that_is_not_what_the_manifest_says_is_named(folder):
    """A bit, a length, a file that is gone: and what can be read of it is compared."""
    world = folder("deals", "contacts", "companies")
    await world.make()
    paths = {name: world.trial.folder / name / "part-00000.ndjson" for name in world.names}
    text = paths["deals"].read_bytes()
    paths["deals"].write_bytes(text.replace(b"\n", b" \n", 1))
    lines = paths["contacts"].read_bytes().splitlines(keepends=True)
    paths["contacts"].write_bytes(b"".join(lines[:-1]))
    paths["companies"].unlink()
    code, found = await world.found()
    damaged = {(name, f"{name}/part-00000.ndjson", "damaged") for name in world.names}
    missing = {("contacts", int(orjson.loads(lines[-1])["ID"]), "missing")}
    stale = {("deals", int(orjson.loads(text.splitlines()[0])["ID"]), "stale")}
    assert (7, damaged | stale | missing) == (code, {one for one in found if one[:1] != ("companies",) or one[2] == "damaged"})
    assert {"missing"} == {what for name, _, what in found if name == "companies"} - {"damaged"}


@pytest.mark.parametrize("number", [b'"99999999999999999999"', b"99999999999999999999", b"-9223372036854775809"])
async def test_an_id_that_no_row_can_have_is_named(folder, number):
    """Whoever wrote it: it is a difference, and no mistake of ours."""
    world = folder("departments", "deals", rows={"deals": 60})
    await world.make()
    path = world.trial.folder / "deals" / "part-00000.ndjson"
    path.write_bytes(path.read_bytes() + b'{"ID":' + number + b"}\n")
    assert (7, {("deals", number.decode().strip('"'), "extra"), ("deals", "deals/part-00000.ndjson", "damaged")}) == await world.found()


@pytest.mark.parametrize("compress", ["gz", "zst"])
async def test_compressed_files_are_read(folder, compress):
    """Both formats, of several commits; a torn one is named."""
    world = folder("deals", rows={"deals": 3_000})
    world.options["compress"] = compress
    outcome = await (world.night() if world.kind == "mirror" else world.trial.run("deals", compress=compress))
    assert (0, set()) == await world.found()
    path = world.trial.folder / outcome.manifest["entities"]["deals"]["files"][0]["path"]
    path.write_bytes(path.read_bytes()[:-10])
    code, found = await world.found()
    assert (7, 1) == (code, len([one for one in found if one[2] == "damaged"]))


async def test_what_was_asked_is_asked_again(folder):
    """Columns, conditions and parameters are those of the manifest."""
    world = folder("deals", rows={"deals": 1_000})
    wishes = {"select": ("ID", "TITLE"), "filter": {"STAGE_ID": "WON"}}
    await (world.night("deals", **wishes) if world.kind == "mirror" else world.trial.run("deals", **wishes))
    outcome = await world.verify().run()
    entry = outcome.manifest["entities"]["deals"]
    assert (0, entry["held"]) == (outcome.exit_code, entry["read"])
    assert 0 < entry["held"] < 500


async def test_a_night_of_changes_is_folded(tmp_path):
    """The last line of a key counts, and what a line says is gone is gone."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 1_000})
    await world.make()
    ids = list(world.tables["deals"].ids)
    for first in (0, 3):
        world.happen("change", "deals", *ids[first : first + 5])
        world.happen("delete", "deals", *ids[500 + first : 502 + first])
        world.happen("insert", "deals", count=3)
        await world.night()
    assert (0, set()) == await world.found()


async def test_what_cannot_be_compared_is_said(folder):
    """An entity that was skipped claims nothing; one that is refused now is not compared, and that is not complete."""
    world = folder("deals", "contacts")
    await world.make()
    path = world.trial.folder / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    manifest["entities"]["deals"] |= {"status": "skipped", "reason": "INSUFFICIENT_SCOPE: no", "files": [], "watermark": None}
    path.write_bytes(orjson.dumps(manifest))
    outcome = await world.verify().run()
    assert (0, "not compared") == (outcome.exit_code, outcome.manifest["entities"]["deals"]["status"])
    assert 4 == (await world.verify("deals").run()).exit_code


async def test_an_entity_that_was_refused_last_night_is_compared(tmp_path):
    """It was in step once, and its files are there: one that is destroyed is named, and mended."""
    world = Folder(tmp_path / "out", "mirror", "deals", "contacts")
    await world.make()
    methods = world.trial.portal._desk.methods
    answers, methods["crm.deal.list"] = methods["crm.deal.list"], Method("crm", refused)
    assert "skipped" == (await world.night()).manifest["entities"]["deals"]["status"]
    assert (4, set()) == await world.found()
    methods["crm.deal.list"] = answers
    (world.trial.folder / "deals" / "part-00000.ndjson").write_bytes(b"")
    assert 7 == (await world.found(repair=True))[0]
    assert (0, set()) == await world.found()


def refused(*_asked):
    """Answer as to somebody who has no right to a list."""
    raise Refusal("ACCESS_DENIED", "Access denied.", status=403)


@pytest.mark.parametrize(("ahead", "slept", "away"), [(-5, 7_200, 0), (-1, 7_200, 2), (-5, 7_200, 7)])
async def test_rows_that_changed_before_the_look_are_named_though_the_portals_clock_is_behind(tmp_path, ahead, slept, away):
    """Be that before the last sync, or by our own clock since (in hours): what is stale is no change of this moment, and it is said why."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 600})
    await world.make()
    ids = list(world.tables["deals"].ids)[10:13]
    await asyncio.sleep(slept - 600)
    world.happen("change", "deals", *ids)
    await asyncio.sleep(600)
    path = world.trial.folder / "manifest.json"
    began = dt.datetime.now(dt.UTC) - dt.timedelta(hours=away)  # ours, which is not virtual
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), "started_at": began.isoformat()}))
    world.trial.line = Ahead(world.trial.line, dt.timedelta(hours=ahead))
    outcome = await world.verify().run()
    assert (7, ids) == (outcome.exit_code, outcome.manifest["entities"]["deals"]["stale"])
    assert "CLOCK: the portal's clock is " in outcome.why
    assert any(line.startswith("CLOCK: ") for line in findings.lines(outcome.manifest))


async def test_a_dump_that_was_stopped_is_not_compared(tmp_path):
    """What it lacks is known; the exit code says that it is not complete."""
    world = Folder(tmp_path / "out", "dump", "deals", rows={"deals": 60_000}, latency=0.8)
    assert 5 == (await world.trial.run("deals", max_seconds=2.0)).exit_code
    outcome = await world.verify().run()
    assert 4 == outcome.exit_code
    assert outcome.why.startswith("deals was not compared: it was not read to its end (INTERRUPTED")
    assert [] == list(findings.each(outcome.manifest))


async def test_a_stop_says_nothing_of_the_folder(folder):
    """Interrupted, it ends with the code of the signal, and names nothing."""
    world = folder("deals", rows={"deals": 8_000})
    await world.make()
    plant(world, 10, 5)
    verify = world.verify()
    asyncio.get_running_loop().call_later(0.25, verify.stop, 130, "interrupted")
    outcome = await verify.run()
    assert (130, False, "partial") == (outcome.exit_code, outcome.manifest["finished"], outcome.manifest["status"])
    assert [] == list(findings.each(outcome.manifest))


async def test_a_portal_that_is_away_is_an_outage(folder, monkeypatch):
    """It had answered when the folder was made, so its address is no slip: the exit code is that of what is to be run again."""
    world = folder("deals", rows={"deals": 60})
    await world.make()

    async def away(*_request):
        raise Unreachable("the portal could not be reached: refused")

    monkeypatch.setattr(world.trial.line, "post", away)
    with pytest.raises(Outage) as raised:
        await world.verify().run()
    assert 5 == raised.value.exit_code


async def test_nothing_of_it_stays_in_the_folder(folder):
    """But the lock, and that was there."""
    world = folder("deals")
    await world.make()
    before = contents(world.trial.folder)
    await world.found()
    assert before == contents(world.trial.folder)


async def test_folders_that_are_none_are_refused(tmp_path, folder):
    """No manifest, another portal's, one still being filled, one that is held, one without the entity."""
    with pytest.raises(UsageError, match="is not there"):
        await Folder(tmp_path / "nothing", "dump").verify().run()
    assert not (tmp_path / "nothing").exists()
    world = folder("deals")
    await world.make()
    with pytest.raises(UsageError, match="the folder holds no 'leads'; it holds deals"):
        await world.verify("leads").run()
    with lock(world.trial.folder), pytest.raises(FolderBusy):
        await world.verify().run()
    path = world.trial.folder / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    for change, error, words in (
        ({"portal": "other.example"}, UsageError, "holds rows of other.example"),
        *([({"finished_at": None}, UsageError, "was killed")] if world.kind == "dump" else []),  # a mirror's state knows better
        ({"entities": []}, UsageError, r"manifest\.json cannot be used"),
        ({"format": 2}, UsageError, "another version"),
    ):
        path.write_bytes(orjson.dumps({**manifest, **change}))
        with pytest.raises(error, match=words):
            await world.verify().run()


@pytest.fixture
def mirror(tmp_path):
    """Make a mirror."""
    return lambda *names, **options: Folder(tmp_path / "out", "mirror", *names, **options)


@pytest.mark.parametrize("seed", [11, *thorough(12)])
async def test_a_repair_mends_what_is_named(mirror, seed):
    """A hundred differences: they are named, and a second look finds none; the mirror is the portal's, and stays so."""
    world = mirror(*NAMES, rows=ROWS)
    await world.make()
    planted = plant(world, 100, seed)
    assert (7, planted) == await world.found(repair=True)
    assert (0, set()) == await world.found()
    assert [] == [name for name in NAMES if await world.differences(name) != SAME]
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:9])
    outcome = await world.night()
    assert 0 == outcome.exit_code
    assert (0, set()) == await world.found()


async def test_a_repair_moves_no_watermark_and_keeps_the_compression(mirror):
    """What has changed since the last night is for the next one to find; files are stored as the others are."""
    world = mirror("deals", rows={"deals": 900})
    world.options["compress"] = "gz"
    await world.make()
    before = orjson.loads((world.trial.folder / "manifest.json").read_bytes())["entities"]["deals"]
    ids = list(world.tables["deals"].ids)
    world.happen("insert", "deals", count=3)
    world.happen("change", "deals", *ids[:4])
    world.happen("delete", "deals", *ids[600:605])
    await asyncio.sleep(3)
    outcome = await world.verify(repair=True).run()
    entry = outcome.manifest["entities"]["deals"]
    assert (7, entry["mended"]) == (outcome.exit_code, len(entry["missing"] + entry["extra"] + entry["stale"]))
    after = orjson.loads((world.trial.folder / "manifest.json").read_bytes())["entities"]["deals"]
    assert before["watermark"] == after["watermark"]
    assert ["part", "changes", "deletes"] == [file["path"].partition("/")[2].partition("-")[0] for file in after["files"]]
    assert all(file["path"].endswith(".gz") for file in after["files"])
    assert after["rows"] == sum(file["rows"] for file in after["files"])
    assert (0, set()) == await world.found()
    assert 0 == (await world.night()).exit_code
    assert (0, set()) == await world.found()


async def test_an_entity_with_a_damaged_file_is_written_anew(mirror):
    """All of it, and the old files go; the others are left as they are."""
    world = mirror("deals", "contacts", "departments", rows={"deals": 900})
    await world.make()
    for name in ("deals", "departments"):
        path = world.trial.folder / name / "part-00000.ndjson"
        path.write_bytes(path.read_bytes()[:-3000] + b"\xff" * 10)
    code, found = await world.found(repair=True)
    assert (7, 2) == (code, len([one for one in found if one[2] == "damaged"]))
    assert (0, set()) == await world.found()
    assert [1, 1, 1] == [len(list((world.trial.folder / name).iterdir())) for name in world.names]
    assert 0 == (await world.night()).exit_code
    assert [SAME] * 3 == [await world.differences(name) for name in world.names]


async def test_a_repair_that_is_stopped_leaves_the_folder_as_it_was(mirror):
    """At whatever moment; the next one mends."""
    world = mirror("deals", "contacts", rows={"deals": 1_500})
    await world.make()
    planted = plant(world, 100, 13)
    before = contents(world.trial.folder)
    stopped = []
    for moment in range(1, 40):
        verify = world.verify(repair=True)
        timer = asyncio.get_running_loop().call_later(moment / 16, verify.stop, 143, "interrupted")
        outcome = await verify.run()
        timer.cancel()
        if outcome.exit_code != 143:
            break
        stopped.append(verify)
        await asyncio.sleep(60)  # or the request bucket is full, and all takes longer
        assert before == contents(world.trial.folder)
    assert len(stopped) > 10
    assert 7 == outcome.exit_code
    assert len(planted) == sum(entry["mended"] for entry in outcome.manifest["entities"].values())
    assert (0, set()) == await world.found()


async def test_a_dump_and_an_unfinished_mirror_are_not_repaired(folder):
    """One sentence each, and nothing is asked."""
    world = folder("deals", rows={"deals": 9_000})
    if world.kind == "dump":
        await world.make()
    else:
        sync = world.sync()
        asyncio.get_running_loop().call_later(0.5, sync.stop, 130, "interrupted")
        assert 130 == (await sync.run()).exit_code
    before = world.trial.line.requests
    with pytest.raises(UsageError, match="holds a dump" if world.kind == "dump" else "run it to its end"):
        await world.verify(repair=True).run()
    assert before == world.trial.line.requests


def poison(world, *ids):
    """Let rows be of a kind that the portal cannot encode."""
    methods = world.trial.portal._desk.methods
    methods["crm.deal.list"] = with_mishaps(METHODS["crm.deal.list"], lambda _number: Poison(ids))


@pytest.mark.parametrize("share", [0.01, 1.0])
async def test_rows_that_the_manifest_names_as_unread_are_not_missing(folder, share):
    """They are said to be unread already; where a whole reading meets them again, it is not complete."""
    world = folder("deals", rows={"deals": 900})
    bad = list(world.tables["deals"].ids)[300:303]
    poison(world, *bad)
    outcome = await (world.night() if world.kind == "mirror" else world.trial.run("deals"))
    assert 4 == outcome.exit_code
    outcome = await world.verify(share=share).run()
    entry = outcome.manifest["entities"]["deals"]
    assert [] == list(findings.each(outcome.manifest))
    assert (4 if share == 1 else 0, 3) == (outcome.exit_code, entry["unread"])


async def test_rows_that_cannot_be_read_now_are_not_extra(folder):
    """They are there, and what could not be compared is said."""
    world = folder("deals", rows={"deals": 900})
    await world.make()
    poison(world, *list(world.tables["deals"].ids)[300:303])
    outcome = await world.verify().run()
    assert [] == list(findings.each(outcome.manifest))
    assert (4, "UNREAD") == (outcome.exit_code, outcome.manifest["entities"]["deals"]["reason"].partition(":")[0])


@pytest.mark.parametrize("seed", [1, *thorough(2)])
async def test_a_portal_that_fails_now_and_then_changes_nothing_of_it(folder, seed):
    """Lost answers, torn bodies, batches without their maps: the same differences are named, and mended."""
    world = folder(*NAMES, rows=ROWS)
    await world.make()
    planted = plant(world, 100, seed)
    mixture = Mixture(seed, every=4)
    world.trial.portal.faults = mixture.requests
    world.trial.portal._desk.methods.update(mixture.over(METHODS))
    code, found = await world.found(repair=world.kind == "mirror")
    assert (7, planted) == (code, found)
    assert mixture.counts.total() >= 4, "so few requests were made that hardly one was struck"
    if world.kind == "mirror":
        assert (0, set()) == await world.found()


async def test_an_entity_that_is_refused_is_not_compared(folder):
    """Rights were taken away: nothing of it is extra, and the others are compared."""
    world = folder("deals", "tasks")
    await world.make()
    world.trial.portal.credentials = Credentials([Webhook(CODE, Session(1, admin=True, scopes=frozenset({"crm"})))])
    code, found = await world.found()
    assert (4, set()) == (code, found)


async def test_all_gone_is_not_believed(folder):
    """A portal that shows nothing any more cannot be told from one that took the rights away: nothing is named as extra."""
    world = folder("deals")
    await world.make()
    world.happen("delete", "deals", *list(world.tables["deals"].ids))
    code, found = await world.found()
    assert (4, set()) == (code, found)


async def test_a_repair_that_fails_leaves_the_folder_as_it_was(mirror):
    """Rights that are taken away in the middle of it: the differences are named, and nothing of them is mended."""
    world = mirror("tasks", "deals")
    await world.make()
    planted = plant(world, 40, 14)
    before = contents(world.trial.folder)

    def taken_away(event):
        if isinstance(event, EntityEnded) and event.entity == "tasks:again":
            world.trial.portal.credentials = Credentials([Webhook(CODE, Session(1, admin=True, scopes=frozenset({"crm"})))])

    outcome = await world.verify(repair=True, observers=[taken_away]).run()
    assert 7 == outcome.exit_code
    assert "; nothing was mended: " in outcome.why
    assert len(planted) == len(list(findings.each(outcome.manifest)))
    assert before == contents(world.trial.folder)


async def test_a_stale_row_that_goes_before_it_is_fetched_is_gone_the_next_night(mirror):
    """It is not on disk as it is, and yet known: nothing else would say that it has gone. Nor does the repair count it as mended."""
    world = mirror("deals", rows={"deals": 900})
    await world.make()
    ids = list(world.tables["deals"].ids)
    world.happen("change", "deals", *ids[:3], stamp=False)

    def goes(event):
        if isinstance(event, EntityEnded) and event.entity == "deals:again":
            world.happen("delete", "deals", ids[1])

    outcome = await world.verify(repair=True, observers=[goes]).run()
    assert (ids[:3], 2) == (outcome.manifest["entities"]["deals"]["stale"], outcome.manifest["entities"]["deals"]["mended"])
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize("luck", range(6))
async def test_a_power_cut_after_a_repair_undoes_nothing_of_it(tmp_path, luck):
    """The old files of a damaged entity are gone by then: what names the new one is past undoing before they go."""
    disk = Disk(tmp_path / "out")
    with disk.watched():
        world = Folder(disk.root, "mirror", "deals", rows={"deals": 900})
        await world.make()
        place = Path("deals/part-00000.ndjson")
        path, node = disk.root / place, disk.names[place][-1]
        path.write_bytes(path.read_bytes()[:-100])
        node.safe = node.last = path.read_bytes()
        assert 7 == (await world.found(repair=True))[0]
        disk.crash(tmp_path / "next", random.Random(luck))
        world.trial.folder = disk.root
        assert 0 == (await world.night()).exit_code
    assert (0, set()) == await world.found()


async def test_a_kill_between_the_record_and_the_manifest_loses_nothing(mirror):
    """The next night names the files that the manifest did not know yet."""
    world = mirror("deals", rows={"deals": 900})
    await world.make()
    plant(world, 30, 15)
    path = world.trial.folder / "manifest.json"
    before = path.read_bytes()
    await world.found(repair=True)
    path.write_bytes(before)
    assert 7 == (await world.found())[0]
    assert 0 == (await world.night()).exit_code
    assert (0, set()) == await world.found()


@pytest.mark.parametrize("kind", ["mirror", "dump"])
async def test_one_blank_answer_to_the_last_ids_hides_nothing(tmp_path, kind, monkeypatch):
    """It would say that whatever is missing was born since."""
    lists, blank = METHODS["crm.deal.list"], []

    def body(portal, params, start, session):
        answer = lists.run(portal, params, start, session)
        return replace(answer, result=[], total=0, next=None) if params.get("order") == {"ID": "DESC"} and blank and blank.pop() else answer
    monkeypatch.setitem(METHODS, "crm.deal.list", Method(lists.scope, body))
    world = Folder(tmp_path / "out", kind, "deals", rows={"deals": 900})
    await world.make()
    await asyncio.sleep(3_600)
    rewrite(world.trial.folder, "deals", lambda lines: lines[:200] + lines[400:])
    blank.append(True)
    code, found = await world.found()
    assert (7, 200, []) == (code, len(found), blank)


async def test_what_was_not_compared_is_said_beside_what_differs(tmp_path):
    """One entity has missing rows, another one shows nothing any more: the sentence names both."""
    world = Folder(tmp_path / "out", "mirror", "deals", "departments", session=Session(1, admin=False, scopes=SCOPES))
    await world.make()
    rewrite(world.trial.folder, "deals", lambda lines: lines[3:])
    world.happen("delete", "departments", *list(world.tables["departments"].ids))
    outcome = await world.verify().run()
    assert 7 == outcome.exit_code
    assert "deals has 3 missing" in outcome.why
    assert "departments was not compared: " in outcome.why
