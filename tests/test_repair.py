"""What a repair promises: nothing that the portal may still hold is lost by it, and it has a way out of every damage."""

import asyncio
import errno
import itertools
from contextlib import suppress
from dataclasses import replace

import orjson
import pytest

from extractor import mirror
from extractor.compact import compact
from extractor.errors import DiskFull, UsageError
from extractor.events import EntityEnded
from extractor.known import NAME, Known
from extractor.order import Audit
from extractor.sandbox.answer import Method, Session
from extractor.sandbox.methods import METHODS
from extractor.verify import Verify
from tests.mirrors import SAME, latest, rewrite
from tests.test_compact import Fragile, state_of
from tests.test_verify import Folder, contents, plant, poison
from tests.thorough import thorough
from tests.trials import SCOPES


def hide(world, method):
    """Let a list show nothing any more, as it does to those whose rights were taken away."""
    lists = METHODS[method]
    world.trial.portal._desk.methods[method] = Method(
        lists.scope, lambda *asked: replace(lists.run(*asked), result=[], total=0, next=None))


def entry_of(world, name):
    """Read what the manifest says of an entity."""
    return orjson.loads((world.trial.folder / "manifest.json").read_bytes())["entities"][name]


@pytest.mark.parametrize("admin", [False, True])
@pytest.mark.parametrize(("name", "method"), [("departments", "department.get"), ("currencies", "crm.currency.list")])
async def test_what_is_read_whole_and_shows_nothing_is_gone_to_an_administrator_alone(tmp_path, name, method, admin):
    """To nobody else: nothing is named, nothing is mended, and one sentence says why."""
    world = Folder(tmp_path / "out", "mirror", name, session=Session(1, admin=admin, scopes=SCOPES))
    await world.make()
    before = latest(world.trial.folder, name)
    hide(world, method)
    outcome = await world.verify(repair=True).run()
    entry = outcome.manifest["entities"][name]
    if admin:
        assert (7, len(before), {}) == (outcome.exit_code, len(entry["extra"]), latest(world.trial.folder, name))
    else:
        assert (4, "not compared", []) == (outcome.exit_code, entry["status"], entry["extra"])
        assert "none is shown any more: were rights taken away?" in outcome.why
        assert before == latest(world.trial.folder, name)


@pytest.mark.parametrize("name", ["departments", "deals"])
async def test_an_entity_with_a_destroyed_file_is_not_written_anew_from_nothing(tmp_path, name):
    """That the portal shows none of its rows may be for want of rights: the files stay, and the next look mends them."""
    world = Folder(tmp_path / "out", "mirror", name, session=Session(1, admin=False, scopes=SCOPES))
    await world.make()
    (world.trial.folder / name / "part-00000.ndjson").write_bytes(b"")
    methods = dict(world.trial.portal._desk.methods)
    hide(world, {"departments": "department.get", "deals": "crm.deal.list"}[name])
    code, found = await world.found(repair=True)
    assert (7, {(name, f"{name}/part-00000.ndjson", "damaged")}) == (code, found)
    assert [f"{name}/part-00000.ndjson"] == [file["path"] for file in entry_of(world, name)["files"]]
    world.trial.portal._desk.methods.update(methods)
    assert 7 == (await world.found(repair=True))[0]
    assert SAME == await world.differences(name)


async def test_an_entity_that_shows_nothing_while_it_is_written_anew_is_not_mended(tmp_path):
    """It showed rows a moment ago: rights were taken away meanwhile, and what is known stays known."""
    world = Folder(tmp_path / "out", "mirror", "departments")
    await world.make()
    (world.trial.folder / "departments" / "part-00000.ndjson").write_bytes(b"")

    def hides(event):
        if isinstance(event, EntityEnded) and event.entity == "departments:again":
            hide(world, "department.get")

    outcome = await world.verify(repair=True, observers=[hides]).run()
    assert 7 == outcome.exit_code
    assert "; nothing was mended: departments shows no row any more" in outcome.why
    assert ["departments/part-00000.ndjson"] == [file["path"] for file in entry_of(world, "departments")["files"]]


@pytest.mark.parametrize("harm", ["damaged", "missing", "stale"])
async def test_a_row_that_cannot_be_read_when_it_is_to_be_mended_is_asked_for_again(tmp_path, harm):
    """The manifest names it, and the next sync fetches it as soon as it can be read."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 900})
    await world.make()
    bad = list(world.tables["deals"].ids)[300]
    if harm == "damaged":
        path = world.trial.folder / "deals" / "part-00000.ndjson"
        path.write_bytes(path.read_bytes()[:-5])
    else:
        edit = {"missing": lambda _line: [], "stale": lambda line: [line.replace(b'":', b'": ', 1)]}[harm]
        rewrite(world.trial.folder, "deals", lambda lines: [
            new for line in lines for new in (edit(line) if int(orjson.loads(line)["ID"]) == bad else [line])])

    def breaks(event):
        if isinstance(event, EntityEnded) and event.entity == "deals:again":
            poison(world, bad)

    outcome = await world.verify(repair=True, observers=[breaks]).run()
    found = outcome.manifest["entities"]["deals"]
    assert (7, len(found["damaged"]) + len(found["missing"]) - (harm != "stale")) == (outcome.exit_code, found["mended"])
    entry = entry_of(world, "deals")
    assert ("partial", "UNREAD", None, [str(bad)]) == (
        entry["status"], entry["reason"].partition(":")[0], entry["assurance"], [one["id"] for one in entry["unread"]])
    assert "partial" == orjson.loads((world.trial.folder / "manifest.json").read_bytes())["status"]
    assert 4 == (await world.night()).exit_code
    world.trial.portal._desk.methods.update(METHODS)
    outcome = await world.night()
    assert (0, "complete") == (outcome.exit_code, outcome.manifest["entities"]["deals"]["status"])
    assert SAME == await world.differences("deals")


async def test_a_row_that_can_be_read_again_is_no_more_unread_once_its_entity_is_written_anew(tmp_path):
    """It is on disk then, and the manifest says so; nor does it claim more than that of an entity that has failed since."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 900})
    poison(world, list(world.tables["deals"].ids)[300])
    assert 4 == (await world.night()).exit_code
    world.trial.portal._desk.methods.update(METHODS)
    path = world.trial.folder / "deals" / "part-00000.ndjson"
    path.write_bytes(path.read_bytes()[:-5])
    await world.found(repair=True)
    entry = entry_of(world, "deals")
    assert ("complete", None, "exact", []) == tuple(entry[key] for key in ("status", "reason", "assurance", "unread"))
    assert "complete" == orjson.loads((world.trial.folder / "manifest.json").read_bytes())["status"]
    assert SAME == await world.differences("deals")


async def refused(world):
    """Let a sync meet a damaged file: it names the repair."""
    outcome = await world.night()
    assert (4, True) == (outcome.exit_code, f"`b24x verify {world.trial.folder} --repair`" in outcome.why)


async def interrupted(world):
    """Stop a night in the middle of its changes; return the file that it has written to, and what is in step."""
    await world.make()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    await asyncio.sleep(3_600)
    outcome = await world.night(max_seconds=25)
    assert 5 == outcome.exit_code
    return world.trial.folder / outcome.manifest["entities"]["deals"]["files"][-1]["path"]


def unfinish(world, manifest):
    """Let the folder's manifest be that of a run that was killed."""
    (world.trial.folder / "manifest.json").write_bytes(orjson.dumps({**orjson.loads(manifest), "finished_at": None}))


@pytest.mark.parametrize("killed", [False, *thorough(True)])
@pytest.mark.parametrize("which", ["old", "new"])
@pytest.mark.parametrize("met", [False, True])
async def test_a_damaged_file_and_an_interrupted_night_have_a_way_out(tmp_path, met, which, killed):
    """A sync ends the night around it and names the repair, which mends; where none has met it, the repair leaves the night."""
    world = Folder(tmp_path / "out", "mirror", "deals", "contacts", rows={"deals": 3_000}, latency=10.0)
    fresh = await interrupted(world)
    assert fresh.name.startswith("changes-")
    if killed:
        unfinish(world, (world.trial.folder / "manifest.json").read_bytes())
        fresh.write_bytes(fresh.read_bytes() + b"torn")
        (fresh.parent / fresh.name.replace("changes", "deletes")).write_bytes(b"torn")
    path = fresh if which == "new" else world.trial.folder / "deals" / "part-00000.ndjson"
    path.write_bytes(path.read_bytes()[:-1_000])
    if met:
        await refused(world)
    outcome = await world.verify(repair=True).run()
    assert 7 == outcome.exit_code
    assert outcome.why.endswith("all of them mended")
    assert (0, set()) == await world.found()
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")
    assert (0, set()) == await world.found()


@pytest.mark.parametrize("damage", ["cut", "lost"])
@pytest.mark.parametrize("met", [False, True])
async def test_an_interrupted_night_does_not_bar_the_way_out_of_damage_to_another_entity(tmp_path, met, damage):
    """The repair leaves the night, although that could be gone on with, and what it has landed counts; so does a sync that meets the damage."""
    world = Folder(tmp_path / "out", "mirror", "deals", "contacts", rows={"deals": 3_000, "contacts": 60}, latency=10.0)
    await world.make()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:2_000])
    await asyncio.sleep(3_600)
    stopped = await world.night("deals", max_seconds=25)
    assert (5, True) == (stopped.exit_code, 0 < stopped.manifest["entities"]["deals"]["written"] < 2_000)
    path = world.trial.folder / "contacts" / "part-00000.ndjson"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        path.unlink()
    if met:
        await refused(world)
    landed = entry_of(world, "deals")["files"]
    assert 7 == (await world.verify("contacts", repair=True).run()).exit_code
    assert landed == entry_of(world, "deals")["files"]
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals") == await world.differences("contacts")


async def test_an_interrupted_night_without_damage_is_not_left(tmp_path):
    """What it has read would be asked for again: it is run to its end first."""
    world = Folder(tmp_path / "out", "mirror", "deals", "contacts", rows={"deals": 3_000}, latency=10.0)
    await interrupted(world)
    before = contents(world.trial.folder)
    with pytest.raises(UsageError, match="run it to its end, then repair"):
        await world.verify(repair=True).run()
    assert before == contents(world.trial.folder)


async def test_an_interrupted_night_is_not_left_for_somebody_else(tmp_path):
    """Another portal's credentials are refused, and change nothing."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 3_000}, latency=10.0)
    fresh = await interrupted(world)
    fresh.write_bytes(b"")
    before = contents(world.trial.folder)
    credentials = replace(world.trial.settings().credentials, host="other.example")
    with pytest.raises(UsageError, match="and the credentials are for other"):
        await Verify(Audit(world.trial.folder, (), share=1.0, repair=True), replace(world.trial.settings(), credentials=credentials), world.trial.line).run()
    assert before == contents(world.trial.folder)


async def test_a_night_that_was_killed_in_the_middle_is_refused_in_one_sentence(tmp_path):
    """Its files may be longer than the manifest knows, and it is gone on with as well as ever."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 3_000}, latency=10.0)
    await interrupted(world)
    unfinish(world, (world.trial.folder / "manifest.json").read_bytes())
    with pytest.raises(UsageError, match="was killed: run its command again, then verify"):
        await world.verify().run()
    with pytest.raises(UsageError, match="run it to its end, then repair"):
        await world.verify(repair=True).run()


async def test_a_first_night_with_a_damaged_file_starts_over(tmp_path):
    """Nothing of it can be held against the portal yet, and that is said; the next sync reads it."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 9_000})
    outcome = await world.night(max_seconds=0.5)
    (file,) = outcome.manifest["entities"]["deals"]["files"]
    path = world.trial.folder / file["path"]
    path.write_bytes(path.read_bytes()[:-1_000])
    outcome = await world.verify(repair=True).run()
    assert (4, True) == (outcome.exit_code, outcome.why.startswith("deals was not compared: it was not read to its end (INTERRUPTED"))
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")
    assert [path.name for path in (world.trial.folder / "deals").iterdir()] == [
        file["path"].partition("/")[2] for file in entry_of(world, "deals")["files"]]


@pytest.mark.parametrize("repair", [False, True])
async def test_a_night_that_was_killed_after_its_last_commit_has_come_to_its_end(tmp_path, repair):
    """What it has recorded counts, whatever the manifest says: it is compared, and mended."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 900})
    await world.make()
    before = (world.trial.folder / "manifest.json").read_bytes()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:30])
    await asyncio.sleep(3_600)
    await world.night()
    unfinish(world, before)
    assert (0, set()) == await world.found(repair=repair)
    path = world.trial.folder / "deals" / "part-00000.ndjson"
    path.write_bytes(path.read_bytes()[:-9])
    assert 7 == (await world.found(repair=repair))[0]
    if repair:
        assert (0, set()) == await world.found()
        assert SAME == await world.differences("deals")


async def test_a_repair_that_was_killed_before_its_manifest_is_not_made_twice(tmp_path):
    """What it has recorded counts: nothing differs from that any more, and no line is written again."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 900})
    await world.make()
    plant(world, 30, 15)
    path = world.trial.folder / "manifest.json"
    before = path.read_bytes()
    assert 7 == (await world.found(repair=True))[0]
    files = entry_of(world, "deals")["files"]
    path.write_bytes(before)
    assert (0, set()) == await world.found(repair=True)
    assert files == entry_of(world, "deals")["files"]
    assert SAME == await world.differences("deals")


async def test_a_damaged_file_of_a_compact_that_was_killed_has_a_way_out(tmp_path):
    """The manifest does not name that file yet, and a sync refuses it: the repair holds what is recorded against the portal."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 900})
    await world.make()
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:30])
    await asyncio.sleep(3_600)
    await world.night()
    folder, kept = world.trial.folder, {}
    for path in (folder / "manifest.json", *(folder / "deals").iterdir()):
        kept[path] = path.read_bytes()
    (folded,) = compact(folder)
    for path, data in kept.items():
        path.write_bytes(data)
    known = Known.open(folder / ".b24x" / NAME)
    state = mirror.decode(known.state())
    state.entities["deals"].old = folded.before
    known.commit(mirror.encode(state))
    known.close()
    path = folder / folded.now[0].path
    path.write_bytes(path.read_bytes()[:-100])
    await refused(world)
    assert 7 == (await world.found(repair=True))[0]
    assert 0 == (await world.night()).exit_code
    assert (0, set()) == await world.found()
    assert SAME == await world.differences("deals")


async def test_a_repair_on_a_disk_without_room_counts_or_does_not(tmp_path):
    """Whatever is refused, the last step of its commit included: the files that are recorded are there, and the next repair comes to its end."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 60})
    await world.make()
    plant(world, 9, 15)
    folder = world.trial.folder
    for number in itertools.count(1):
        disk = Fragile(tmp_path / f"{number}", folder)
        disk.refusals, world.trial.folder = {number: errno.ENOSPC}, disk.root
        with disk.watched(), suppress(DiskFull):
            await world.found(repair=True)
        if disk.refusals:
            break
        files = state_of(disk.root).entities["deals"].files
        assert [] == [mark.path for mark in files if not (disk.root / mark.path).exists()]
        assert (await world.found(repair=True))[0] in {0, 7}
        assert SAME == await world.differences("deals")
        assert 0 == (await world.night()).exit_code
    assert number > 15


async def test_the_manifest_says_what_a_killed_repair_has_recorded(tmp_path):
    """A damaged file was mended, and the manifest is still of before: the next repair says that it is whole, and asks for nothing."""
    world = Folder(tmp_path / "out", "mirror", "deals", rows={"deals": 300})
    await world.make()
    path = world.trial.folder / "deals/part-00000.ndjson"
    path.write_bytes(path.read_bytes()[:-9])
    assert 4 == (await world.night()).exit_code
    before = (world.trial.folder / "manifest.json").read_bytes()
    assert 7 == (await world.found(repair=True))[0]
    (world.trial.folder / "manifest.json").write_bytes(before)
    assert 0 == (await world.found(repair=True))[0]
    assert ("complete", None) == (entry_of(world, "deals")["status"], entry_of(world, "deals")["reason"])
