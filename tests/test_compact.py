"""What a compact promises: each row once, as the mirror's files told it together, and whatever kills it, nothing is lost."""

import datetime as dt
import errno
import itertools
import random
import shutil
from pathlib import Path

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor import manifest, mirror
from extractor.catalog import catalog
from extractor.checkpoint import lock
from extractor.compact import compact
from extractor.errors import DiskError, DiskFull, FolderBusy, UsageError
from extractor.known import NAME, Known
from extractor.lanes import Round, Standing
from extractor.manifest import EntityFacts
from extractor.messages import FileMark, Row
from extractor.mirror import Entry, Night, State
from extractor.sinks import NdjsonSink, read_lines
from tests.mirrors import SAME, Nights, latest
from tests.simulation.disk import Disk, Node
from tests.thorough import thorough

NUMBERS = itertools.count()
BEGAN = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
WHOLE = Standing(BEGAN, 9, Round(0, BEGAN))
HISTORY = st.lists(st.tuples(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["old", "new", None])), min_size=1, max_size=8), st.sampled_from(["none", "gz", "zst"]),
), max_size=5)


def made(folder, **histories):
    """Make a mirror whose files tell histories: of each entity a list of files, each of them (id, title or `None`) pairs and a compression."""
    known, state = Known.open(folder / ".b24x" / NAME), State("example.bitrix24.com")
    for name, history in histories.items():
        marks = []
        for number, (pairs, compress) in enumerate(history):
            sink = NdjsonSink.open(folder, name, compress=compress, stem=f"changes-{number}" if number else "part-00000")
            sink.append([Row(text(*pair, catalog()[name].id), {}) for pair in pairs])
            marks.append(sink.commit())
            sink.close()
        facts = EntityFacts(catalog()[name].method, {}, "complete", catalog()[name].id, files=tuple(marks), calls=7, more={"gone": 3})
        state.entities[name] = Entry("question", WHOLE, tuple(marks), (), facts)
    written(folder, known, state)
    return known


def written(folder, known, state):
    """Record a state, and what the manifest says of it."""
    known.commit(mirror.encode(state))
    facts = {name: entry.facts for name, entry in state.entities.items()}
    manifest.write(folder, manifest.build(
        run_id="1", portal=state.portal, started_at="2026-11-24T00:00:00Z", finished_at="2026-11-24T00:01:00Z", entities=facts))


def text(one, title, key="ID"):
    """Write a line."""
    return orjson.dumps({key: str(one), "_deleted": True} if title is None else {key: str(one), "TITLE": title})


def folded(history, key="ID"):
    """Fold a history: the lines that count, in their order."""
    last = {one: (number, title) for number, (one, title) in enumerate(pair for pairs, _ in history for pair in pairs)}
    return [text(one, title, key) for one, (_, title) in sorted(last.items(), key=lambda item: item[1][0]) if title is not None]


def state_of(folder):
    """Read what the mirror's state says."""
    known = Known.open(folder / ".b24x" / NAME)
    found = mirror.decode(known.state())
    known.close()
    return found


def whole(folder, name="deals"):
    """Read an entity's lines; hold manifest, state and folder against each other."""
    said, state = orjson.loads((folder / "manifest.json").read_bytes())["entities"][name], state_of(folder)
    entry = state.entities[name]
    assert [msgspec.to_builtins(mark) for mark in entry.files] == said["files"] == [msgspec.to_builtins(mark) for mark in entry.facts.files]
    there = {f"{name}/{path.name}" for path in (folder / name).iterdir()} if (folder / name).exists() else set()
    assert {mark.path for mark in entry.files} == there
    found = [line for mark in entry.files for line in read_lines(folder, mark)]
    assert len(found) == said["rows"]
    return found


@pytest.fixture
def fresh(tmp_path_factory):
    """Give a new folder each time."""
    return lambda: tmp_path_factory.getbasetemp() / f"compact-{next(NUMBERS)}"


@settings(max_examples=50)
@given(HISTORY, st.sampled_from([None, "none", "gz", "zst"]))
def test_any_history_is_folded(tmp_path_factory, history, compress):
    """Into one file that holds exactly what its files told together; and once folded, it is left as it is."""
    folder = tmp_path_factory.getbasetemp() / f"compact-{next(NUMBERS)}"
    made(folder, deals=history).close()
    list(compact(folder, compress=compress))
    assert folded(history) == whole(folder)
    files = state_of(folder).entities["deals"].files
    assert len(files) <= 1
    kind = compress or (history[-1][1] if history else "none")
    assert all(mark.path.endswith({"none": ".ndjson"}.get(kind, f".{kind}")) for mark in files)
    assert ["each row is there once"] == [one.left for one in compact(folder, compress=compress)]
    assert files == state_of(folder).entities["deals"].files


def test_only_what_is_named(fresh):
    """Names and globs choose, and another word is refused with what there is; all else in the manifest stays."""
    folder, history = fresh(), [([(1, "old")], "none"), ([(1, "new")], "none")]
    made(folder, deals=history, contacts=history, tasks=history).close()
    assert ["contacts", "deals"] == sorted(one.name for one in compact(folder, ["deals", "cont*"]))
    said = orjson.loads((folder / "manifest.json").read_bytes())
    assert [1, 1, 2] == [len(said["entities"][name]["files"]) for name in ("deals", "contacts", "tasks")]
    assert ("1", 7, 3) == (said["run_id"], said["entities"]["deals"]["calls"], said["entities"]["deals"]["gone"])
    with pytest.raises(UsageError, match="no 'leads'; it has contacts, deals, tasks"):
        list(compact(folder, ["leads"]))


def test_an_entity_that_was_never_read_whole_is_left(fresh):
    """Its files, and those of the question before, stay until it has been."""
    folder, history = fresh(), [([(1, "old")], "none"), ([(1, "new")], "none")]
    known = made(folder, deals=history)
    state = mirror.decode(known.state())
    files = state.entities["deals"].files
    state.entities["deals"] = msgspec.structs.replace(state.entities["deals"], standing=None, files=files[1:], old=files[:1])
    written(folder, known, state)
    known.close()
    assert ["it has not been read whole yet"] == [one.left for one in compact(folder)]
    assert 2 == len(list((folder / "deals").iterdir()))


def test_what_is_no_mirror_is_refused(fresh):
    """In one sentence: nothing, somebody else's folder, a dump's, a mirror without rows; and none of them is touched."""
    folder = fresh()
    with pytest.raises(UsageError, match="is not there"):
        list(compact(folder))
    assert not folder.exists()
    (folder / ".b24x").mkdir(parents=True)
    (folder / ".b24x" / "checkpoint.json").touch()
    with pytest.raises(UsageError, match="holds a dump"):
        list(compact(folder))
    Known.open(folder / ".b24x" / NAME).close()
    with pytest.raises(UsageError, match="without rows"):
        list(compact(folder))


def test_a_run_under_way_goes_first(fresh):
    """Its file may still grow: it is said what to do."""
    folder = fresh()
    known = made(folder, deals=[([(1, "old")], "none")])
    state = mirror.decode(known.state())
    state.night = Night("1", BEGAN, "2026-11-24T00:00:00Z", {})
    written(folder, known, state)
    known.close()
    with pytest.raises(UsageError, match="run it again"):
        list(compact(folder))


def test_a_folder_that_is_held(fresh):
    """A sync and a compact never meet."""
    folder = fresh()
    made(folder, deals=[]).close()
    with lock(folder), pytest.raises(FolderBusy):
        list(compact(folder))


def test_what_somebody_changed_is_not_folded(fresh):
    """A file that is not as it was written, or a manifest that is none, stays, and is named."""
    folder, history = fresh(), [([(1, "old")], "none"), ([(1, "new")], "none")]
    made(folder, deals=history).close()
    with (folder / "deals/part-00000.ndjson").open("ab") as file:
        file.write(b"more\n")
    with pytest.raises(DiskError, match=r"part-00000.ndjson is not there, or not as the last run left it.*`b24x verify \S+ --repair`"):
        list(compact(folder))
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(UsageError, match="the next sync writes it anew"):
        list(compact(folder))


class Fragile(Disk):
    """A disk with a mirror on it, whose last commit a power cut may undo as long as its folder is not synced."""

    def __init__(self, root, mirrored):
        super().__init__(root)
        shutil.copytree(mirrored, root, dirs_exist_ok=True)
        for path in sorted(root.rglob("*")):
            data = b"" if path.is_dir() else path.read_bytes()
            self.names[path.relative_to(root)] = [Node(path.is_dir(), data, data)]
        self.names.pop(Path(".b24x") / NAME)
        self.kept = (root / ".b24x" / NAME).read_bytes()

    def life(self, ends, root, dice):
        """Compact until operation `ends`, and leave in a new folder what is left then; tell whether it came to that."""
        ending = [ends]

        def watch():
            if ending and self.operations >= ending[0]:
                ending.clear()
                database = self.root / ".b24x" / NAME
                now = database.read_bytes()
                self.crash(root, dice)
                (root / ".b24x" / NAME).write_bytes(dice.choice([self.kept, now]) if dice else now)

        self.operations, self.on_operation = 0, watch
        with self.watched():
            list(compact(self.root))
        self.on_operation = lambda: None
        return not ending

    def _sync(self, place):
        super()._sync(place)
        if place == Path(".b24x"):
            self.kept = (self.root / ".b24x" / NAME).read_bytes()


async def mirrored(nights, *names):
    """Make a mirror of some nights, in which things happened."""
    await nights.night()
    for number in range(3):
        for table in names:
            ids = list(nights.tables[table].ids)
            nights.happen("change", table, *ids[number : number + 9])
            nights.happen("delete", table, *ids[number * 5 + 20 : number * 5 + 22])
            nights.happen("insert", table, count=2)
        await nights.night()


@pytest.mark.parametrize("cut", [True, *thorough(False)], ids=["power cut", "kill"])
async def test_killed_anywhere_nothing_is_lost(fresh, cut):
    """Before and after each operation on the disk, once and again: the next compact or sync goes on, and leaves no file that nothing names."""
    nights = Nights(fresh(), "deals", rows={"deals": 40})
    await mirrored(nights, "deals")
    folder, ends = nights.trial.folder, 0
    for ends in itertools.count(1):
        dice = random.Random(ends)
        disk = Fragile(fresh(), folder)
        if not disk.life(ends, fresh(), dice if cut else None):
            break
        disk.life(dice.randint(1, ends), fresh(), dice if cut else None)
        nights.trial.folder = disk.root
        if ends % 2:
            assert 0 == (await nights.night()).exit_code
        else:
            list(compact(disk.root))
        for name in nights.names:
            assert SAME == await nights.differences(name)
            assert ends % 2 or len(whole(disk.root, name)) == len(latest(disk.root, name))
            whole(disk.root, name)
    assert ends > 20


@pytest.mark.parametrize("cut", [True, *thorough(False)], ids=["power cut", "kill"])
async def test_a_sync_of_another_entity_clears_up(fresh, cut):
    """Whoever reads a folder by its names gets no row back that is gone, because a compact was killed behind its swap."""
    nights = Nights(fresh(), "deals", "contacts", rows={"deals": 40, "contacts": 20})
    await mirrored(nights, "deals")
    folder = nights.trial.folder
    for ends in itertools.count(1):
        disk, dice = Fragile(fresh(), folder), random.Random(ends) if cut else None
        if not disk.life(ends, fresh(), dice):
            break
        nights.trial.folder = disk.root
        assert 0 == (await nights.night("contacts")).exit_code
        whole(disk.root)
        assert SAME == await nights.differences("deals")
    assert ends > 20


async def test_names_that_a_power_cut_brings_back_go_again(fresh):
    """What a sync removes is on record until its folder has been synced."""
    nights = Nights(fresh(), "deals", rows={"deals": 40})
    await mirrored(nights, "deals")
    folder = nights.trial.folder
    (folder / "deals" / "part-00009.ndjson").write_text("{}")
    known, state = Known.open(folder / ".b24x" / NAME), state_of(folder)
    state.entities["deals"].old = (FileMark("deals/part-00009.ndjson", 1, 2, ""),)
    known.commit(mirror.encode(state))
    known.close()
    for luck in range(9):
        disk = Fragile(fresh(), folder)
        nights.trial.folder = disk.root
        with disk.watched():
            assert 0 == (await nights.night()).exit_code
        assert () == state_of(disk.root).entities["deals"].old
        disk.crash(fresh(), random.Random(luck))
        assert not (disk.root / "deals" / "part-00009.ndjson").exists()


async def test_a_disk_without_room(fresh):
    """Whatever it refuses first: one sentence, no new file but one that is known to be removed, and a mirror that folds once there is room."""
    nights = Nights(fresh(), "deals", rows={"deals": 40})
    await mirrored(nights, "deals")
    folder, said = nights.trial.folder, set()
    for number in itertools.count(1):
        disk = Fragile(fresh(), folder)
        disk.refusals = {number: errno.ENOSPC}
        try:
            with disk.watched():
                list(compact(disk.root))
        except DiskFull as error:
            said.add(str(error).partition(": ")[2])
        if disk.refusals:
            break
        assert latest(folder, "deals") == latest(disk.root, "deals")
        entry = state_of(disk.root).entities["deals"]
        named = {mark.path for mark in (*entry.files, *entry.old)}  # those of the record itself may be refused, too
        left = [path for path in (disk.root / "deals").iterdir() if f"deals/{path.name}" not in named]
        assert not any(path.name.startswith("part") and path.stat().st_size for path in left if path.name != "part-00000.ndjson")
        list(compact(disk.root))
        assert len(latest(folder, "deals")) == len(whole(disk.root))
    assert {"there is no room left: free some, then run the same command again"} == said


@settings(max_examples=6)
@given(st.lists(st.lists(st.tuples(st.sampled_from(["change", "delete", "insert"]), st.integers(0, 600), st.booleans()), max_size=6),
                min_size=1, max_size=3), st.lists(st.booleans(), min_size=3, max_size=3))
async def test_a_sync_goes_on_as_without_it(tmp_path_factory, happened, compacts):
    """Whatever happens in whichever nights: what a folder that was compacted gets is what one that was not gets, line by line."""
    folders = [tmp_path_factory.getbasetemp() / f"compact-{next(NUMBERS)}" for _ in range(2)]
    nights = Nights(folders[0], "deals", rows={"deals": 620})
    await nights.night()
    shutil.copytree(*folders)
    for events, folds in zip(happened, compacts, strict=False):
        for action, at, stamp in events:
            ids = list(nights.tables["deals"].ids)
            more = {"count": 3} if action == "insert" else {"stamp": stamp} if action == "change" else {}
            nights.happen(action, "deals", *([] if action == "insert" else ids[at % len(ids) :][:4]), **more)
        told = []
        for folder in folders:
            nights.trial.folder = folder
            entry = (await nights.night()).manifest["entities"]["deals"]
            told.append({key: entry[key] for key in ("status", "assurance", "written", "gone")})
        assert told[0] == told[1]
        assert latest(folders[0], "deals") == latest(folders[1], "deals")
        if folds:
            list(compact(folders[1]))
            assert latest(folders[0], "deals") == latest(folders[1], "deals")
    whole(folders[1])
