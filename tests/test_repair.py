"""What a repair promises: nothing that the portal may still hold is lost by it, and it has a way out of every damage."""

from dataclasses import replace

import orjson
import pytest

from extractor.events import EntityEnded
from extractor.sandbox.answer import Method, Session
from extractor.sandbox.methods import METHODS
from tests.mirrors import SAME, latest, rewrite
from tests.test_verify import Folder, poison
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
