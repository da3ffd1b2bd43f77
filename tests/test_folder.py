"""The folder that a user named: refused where it cannot be used, or holds something else, before anything is asked."""

import pytest

from extractor.errors import CredentialsRefused, DiskError, Unreachable, UsageError
from tests.mirrors import Nights
from tests.trials import ADDRESS, CODE, Trial


@pytest.fixture
def world(tmp_path):
    """Make a trial with a folder of its own."""
    return Trial(tmp_path / "out", rows={"deals": 60, "contacts": 60})


async def refused(world, *names, error=UsageError, **asked):
    """Return what a run is refused with; the fields aside, nothing is asked of the portal for it."""
    before = world.line.requests
    with pytest.raises(error) as caught:
        await world.run(*names, **asked)
    assert world.line.requests - before <= bool(asked.get("filter"))
    return str(caught.value)


@pytest.mark.parametrize("inside", ["", "out", "a/b"])
async def test_a_file_where_a_folder_is_needed(world, tmp_path, inside):
    """It is a mistake in the question, and the file stays."""
    (tmp_path / "file").write_text("mine")
    assert "a file stands where a folder is needed" in await refused(world, "deals", folder=tmp_path / "file" / inside)
    assert "mine" == (tmp_path / "file").read_text()


@pytest.mark.parametrize("name", ["deals/mine.txt", "manifest.json"])
async def test_foreign_files(world, name):
    """A folder with a file of ours by name, that no checkpoint vouches for, is refused and left as it is."""
    path = world.folder / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert "nothing says that b24x made it" in await refused(world, "deals")
    assert "mine" == path.read_text()


async def test_files_of_others_beside_ours(world):
    """What has other names is nobody's business."""
    world.folder.mkdir()
    (world.folder / "notes.txt").write_text("mine")
    assert 0 == (await world.run("deals")).exit_code


@pytest.mark.parametrize("mishap", ["gone", "shorter", "longer", "other"])
async def test_a_finished_file_that_is_not_what_it_was(world, mishap):
    """A finished file that somebody changed is not called complete."""
    await world.run("deals")
    path = world.folder / "deals/part-00000.ndjson"
    whole = path.read_bytes()
    path.unlink()
    if mishap != "gone":
        path.write_bytes({"shorter": whole[:-1], "longer": whole + b"{}\n", "other": whole.replace(b'"ID"', b'"iD"', 1)}[mishap])
    assert "changed by somebody else" in await refused(world, "deals", error=DiskError)


@pytest.mark.parametrize(("names", "asked", "said"), [
    (("contacts",), {}, ["it holds deals as well", "it does not hold contacts"]),
    (("deals", "contacts"), {}, ["it does not hold contacts"]),
    (("deals",), {"filter": {">ID": 6}}, ["deals was asked for with another filter"]),
    (("deals",), {"compress": "gz"}, ["--compress gz"]),
], ids=["entity", "more", "filter", "compress"])
async def test_another_question(world, names, asked, said):
    """What the folder's question has that this one has not is said."""
    await world.run("deals", filter={">ID": 5})
    asked = {"filter": {">ID": 5}, **asked} if names == ("deals",) else asked
    words = await refused(world, *names, **asked)
    assert all(one in words for one in said)


async def test_another_portal(world):
    """Both are named."""
    await world.run("deals")
    with pytest.raises(UsageError, match=r"the portal is 127\.0\.0\.1, not 127\.0\.0\.1:81"):
        await world.dump("deals", limits=world.settings(webhook=f"http://127.0.0.1:81/rest/1/{CODE}/")).run()


async def test_a_manifest_that_cannot_be_read(world):
    """Then the difference is not known, and what it can be is said."""
    await world.run("deals")
    (world.folder / "manifest.json").write_text("{")
    assert "another --select, --filter or --param" in await refused(world, "deals", filter={">ID": 5})


async def test_a_second_run_gives_the_first_ones_verdict(world):
    """A folder that is finished gives the verdict that it was finished with: what was given up is tried again and still not there."""
    world.portal._desk.methods.pop("tasks.task.list")
    first, second = [await world.run("deals", "tasks") for _ in range(2)]
    assert (4, first.why) == (second.exit_code, second.why) == (first.exit_code, first.why)
    unnamed = [await world.run("deals", "crm_items", named=False, folder=world.folder / "unnamed") for _ in range(2)]
    assert [(0, None)] * 2 == [(one.exit_code, one.why) for one in unnamed]
    assert [one["status"] for one in unnamed[0].manifest["entities"].values()] == [
        one["status"] for one in unnamed[1].manifest["entities"].values()]


@pytest.mark.parametrize("before", [False, True], ids=["no folder", "an empty folder"])
@pytest.mark.parametrize("command", ["dump", "sync"])
async def test_a_run_that_is_refused_leaves_no_trace(tmp_path, command, before):
    """A column that does not exist, a method that cannot be kept in step: the folders that were made for the run go, and no other."""
    world = Nights(tmp_path / "a/out", "deals", rows={"deals": 60})
    if before:
        (tmp_path / "a/out").mkdir(parents=True)
    run = world.sync(select=("NAME",)) if command == "sync" else world.trial.dump("deals", select=("NAME",))
    with pytest.raises(UsageError):
        await run.run()
    assert (["a", "a/out"] if before else []) == sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert 0 == (await (world.night() if command == "sync" else world.trial.run("deals"))).exit_code


class Nowhere:
    """A network that leads nowhere."""

    async def post(self, url, body, headers):
        """Fail."""
        raise Unreachable("Connection refused")


@pytest.mark.parametrize("trouble", ["credentials", "connection"])
async def test_a_sync_that_nobody_lets_in_leaves_no_trace(tmp_path, trouble):
    """A slip in the webhook, or a portal that is not there: the folder is not made for that."""
    world = Nights(tmp_path / "a/out", "deals", rows={"deals": 60})
    whole = world.settings, world.trial.line
    if trouble == "credentials":
        world.settings = world.trial.settings(webhook=ADDRESS.replace(CODE, "another"))
    else:
        world.trial.line = Nowhere()
    with pytest.raises((CredentialsRefused, Unreachable)):
        await world.night()
    assert [] == list(tmp_path.iterdir())
    world.settings, world.trial.line = whole
    assert 0 == (await world.night()).exit_code
