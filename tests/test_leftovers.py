"""What lies among a mirror's files: ours go, somebody else's are refused before anything is asked, and left as they are."""

import random

import pytest

from extractor import durable, leftovers, mirror
from extractor.compact import compact
from extractor.errors import UsageError
from extractor.known import Known
from extractor.leftovers import moment_of
from extractor.mirror import State
from extractor.order import Audit
from extractor.sinks import NdjsonSink
from extractor.verify import Verify
from tests.mirrors import SAME, Nights
from tests.simulation.disk import Disk
from tests.thorough import thorough

FOREIGN = ["part-00000.ndjson.gz", "part-00001.ndjson", "changes-20240101t000000z.ndjson", "deletes-20240101t000000z-2.ndjson.zst"]


@pytest.fixture
def nights(tmp_path):
    """Make nights with a folder of their own."""
    return lambda *names, **options: Nights(tmp_path / "out", *names, **{"rows": {"deals": 300, "contacts": 80}, **options})


def repair(world):
    """Prepare a repair."""
    return Verify(Audit(world.trial.folder, (), share=1.0, repair=True), world.trial.settings(), world.trial.line, [])


async def refused(world, act):
    """Return what a command is refused with; nothing is asked of the portal for it."""
    before = world.trial.line.requests
    with pytest.raises(UsageError, match="nothing says that b24x made it") as caught:
        await act()
    assert before == world.trial.line.requests
    return str(caught.value)


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_file_that_the_mirror_does_not_name_is_refused(nights, name):
    """A sync, a repair and a compact would write over it, or remove it as their own."""
    world = nights("deals", "contacts")
    await world.night()
    path = world.trial.folder / "contacts" / name
    path.write_text("mine")

    async def folded():
        list(compact(world.trial.folder))

    for act in (world.night, lambda: world.night("deals"), repair(world).run, folded):
        assert f"holds contacts/{name}," in await refused(world, act)
    assert "mine" == path.read_text()
    path.unlink()
    assert 0 == (await world.night()).exit_code


@pytest.mark.parametrize("name", ["part-00000.ndjson", "mine.txt"])
async def test_a_folder_where_a_new_entity_would_go_is_refused(nights, name):
    """As a dump refuses it: nobody knows what else of it is not ours."""
    world = nights("deals")
    await world.night()
    path = world.trial.folder / "contacts" / name
    path.parent.mkdir()
    path.write_text("mine")
    assert "holds contacts," in await refused(world, lambda: world.night("deals", "contacts"))
    assert "mine" == path.read_text()
    assert 0 == (await world.night()).exit_code


async def test_what_has_a_name_that_no_file_of_ours_has_stays(nights):
    """Nobody writes over it, and nobody removes it."""
    world = nights("deals")
    await world.night()
    path = world.trial.folder / "deals" / "notes.txt"
    path.write_text("mine")
    assert 0 == (await world.night()).exit_code
    assert "mine" == path.read_text()


@pytest.mark.parametrize("name", ["manifest.json", "deals/part-00000.ndjson"])
async def test_a_first_run_that_came_to_nothing_vouches_for_nothing(nights, name):
    """One that was refused leaves nothing; one that was killed before it asked for a row leaves what it knows, which is nothing."""
    world = nights("deals")
    with pytest.raises(UsageError, match="UTTER"):
        await world.night(filter={"NO_SUCH_UTTERANCE": 5})
    assert not world.trial.folder.exists()
    Known.open(world.trial.folder / ".b24x" / "known.sqlite").close()
    path = world.trial.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    await refused(world, world.night)
    assert "mine" == path.read_text()


@pytest.mark.parametrize("again", [("contacts",), *thorough(("deals", "contacts"), ("deals",))])
@pytest.mark.parametrize("written", [0, 1])
async def test_what_a_killed_night_left_goes(nights, again, written):
    """Between a file's birth and the first commit of its rows nothing but the night's moment names it; others' are refused as ever."""
    world = nights("deals", "contacts", rows={"deals": 3_000, "contacts": 80})
    await world.night("deals")
    world.happen("change", "deals", *list(world.tables["deals"].ids)[: 2_000 * written])
    assert 5 == (await world.night("deals", max_seconds=0.15)).exit_code
    known = Known.open(world.trial.folder / ".b24x" / "known.sqlite")
    moment = moment_of(mirror.decode(known.state()).night.began)
    known.close()
    paths = [world.trial.folder / "deals" / f"{kind}-{moment}.ndjson" for kind in ("changes", "deletes")]
    left = [path for path in paths if not path.exists()]
    assert written == 2 - len(left)
    for path in left:
        path.write_bytes(b'{"ID"')
    foreign = paths[0].with_name(FOREIGN[2])
    foreign.write_text("mine")
    assert f"holds deals/{FOREIGN[2]}," in await refused(world, lambda: world.night(*again))
    foreign.unlink()
    assert 0 == (await world.night(*again)).exit_code
    assert not any(path.exists() and b'{"ID"' == path.read_bytes() for path in left)
    assert 0 == (await world.night("deals")).exit_code
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize("cut", [None, 1, 2, 3], ids=["kill", *["power cut"] * 3])
@pytest.mark.parametrize("after", [0, 2, *thorough(1, 3)])
async def test_what_a_killed_repair_left_goes(tmp_path, cut, after):
    """At whatever operation on the disk after its first file was born: each of the commands that come next clears it."""
    disk = Disk(tmp_path / "out")
    with disk.watched():
        world = Nights(disk.root, "deals", rows={"deals": 300})
        await world.night()
        ids = list(world.tables["deals"].ids)
        world.happen("change", "deals", *ids[:9], stamp=False)
        world.happen("delete", "deals", *ids[50:55])
        left = [after + 1]

        def watch():
            if left[0] and list((disk.root / "deals").glob("changes-*")):
                left[0] -= 1
                if not left[0]:
                    disk.crash(tmp_path / "next", None if cut is None else random.Random(cut))

        disk.on_operation = watch
        await repair(world).run()
        assert not left[0]
        disk.on_operation = lambda: None
        world.trial.folder = disk.root
        if after % 3 == 1:
            list(compact(disk.root))
        if after % 3 == 2:
            await repair(world).run()
        assert 0 == (await world.night(full_every=None, deletes=True)).exit_code
    assert not (disk.root / ".b24x" / "repairing").exists()
    named = {one["path"] for one in (await world.night()).manifest["entities"]["deals"]["files"]}
    assert named == {f"deals/{path.name}" for path in (disk.root / "deals").iterdir()}


@pytest.mark.parametrize("seed", range(8))
def test_a_file_whose_removal_nobody_has_synced_stays_noted(tmp_path, seed):
    """A repair on a full disk removes its file and cannot sync that; the note goes when the name is gone for good, or a power cut brings it back."""
    disk = Disk(tmp_path / "out")
    with disk.watched():
        durable.make_folder(disk.root / "deals")
        durable.make_folder(disk.root / ".b24x")
        leftovers.note(disk.root, "deals/changes-20240901t172307z.ndjson")
        sink = NdjsonSink.open(disk.root, "deals", stem="changes-20240901t172307z")
        sink.commit()
        sink.close()
        (disk.root / "deals/changes-20240901t172307z.ndjson").unlink()
        leftovers.clear(disk.root, State("example.bitrix24.com"))
        disk.crash(tmp_path / "next", random.Random(seed))
    noted = (disk.root / ".b24x/repairing").exists()
    assert noted or not list((disk.root / "deals").iterdir())
