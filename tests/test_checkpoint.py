"""What `checkpoint` promises: what was saved is loaded, anything else is refused, and one run holds the folder."""

import hashlib
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.checkpoint import CheckpointFile, Saved, SavedEntity, decode, fingerprint, lock
from extractor.errors import DiskError, FolderBusy, UsageError
from extractor.messages import FileMark, Unread

COUNTS = st.integers(0, 2**63 - 1)
UNREAD = st.builds(Unread, id=st.integers(0).map(str), reason=st.text())
MARKS = st.builds(FileMark, path=st.text(), rows=COUNTS, bytes=COUNTS, sha256=st.text())
ENTITIES = st.builds(
    SavedEntity,
    status=st.sampled_from(["running", "complete", "partial", "skipped", "failed"]),
    reason=st.none() | st.text(),
    spans=st.none() | st.lists(st.tuples(COUNTS, st.none() | COUNTS), max_size=3).map(tuple),
    expected_last=st.none() | COUNTS,
    files=st.lists(MARKS, max_size=2).map(tuple),
    unread=st.lists(UNREAD, max_size=2).map(tuple), rows=COUNTS, requests=COUNTS, calls=COUNTS, retries=COUNTS,
    seconds=st.floats(0, 1e9),
)
RUNS = st.builds(
    Saved, run_id=st.text(), portal=st.text(), question=st.text(), started_at=st.text(), finished=st.booleans(),
    entities=st.dictionaries(st.text(), ENTITIES, max_size=3), format=st.just(1),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)

DEALS = SavedEntity(
    spans=((50, 900), (1200, None)), expected_last=1300,
    files=(FileMark("deals/part-00000.ndjson", 100, 4096, "ab" * 32),), rows=100, requests=2, calls=3, seconds=1.5,
)
RUN = Saved(
    run_id="r1", portal="example.bitrix24.com", question="q", started_at="2026-01-01T00:00:00Z", finished=False,
    entities={"deals": DEALS},
)

HOLDER = """
import sys
from pathlib import Path
from extractor.checkpoint import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(folder):
    """Hold the folder in another process for the length of the block."""
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert b"held\n" == child.stdout.readline()
    try:
        yield child
    finally:
        child.communicate()


@pytest.fixture
def forbidden():
    """A folder in which this process may read but not write."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        user = os.geteuid()
        if user == 0:  # root may write everywhere
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(user)
            Path(name).chmod(0o755)


def test_nothing_saved(tmp_path):
    """A folder without a checkpoint, or no folder at all, has nothing to go on from, and nothing is created."""
    assert CheckpointFile(tmp_path / "out").load() is None
    assert [] == list(tmp_path.iterdir())


def test_saved_is_loaded(tmp_path):
    """The last one saved is loaded, whole."""
    with lock(tmp_path):
        CheckpointFile(tmp_path).save(replace(RUN, run_id="r0"))
        CheckpointFile(tmp_path).save(RUN)
    assert RUN == CheckpointFile(tmp_path).load()


@given(run=RUNS)
def test_any_run_survives_the_way_through_json(run):
    """Every record that can be made is read back equal."""
    assert run == decode(orjson.dumps(run))


@given(data=st.binary(max_size=50) | JSON.map(orjson.dumps) | st.just(orjson.dumps({"format": 1})))
def test_foreign_file_is_refused(data):
    """What is no checkpoint is a ValueError, whatever it is."""
    with pytest.raises(ValueError, match="it "):
        decode(data)


def plain():
    """The run above as plain JSON, to be spoilt."""
    return orjson.loads(orjson.dumps(RUN))


def at(value, path):
    """Go down a path of keys."""
    for key in path:
        value = value[key]
    return value


def places(value, path=()):
    """List every place in a JSON value, as a path of keys."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


@settings(max_examples=300)
@given(place=st.sampled_from(places(plain())[1:]), value=JSON)
def test_one_wrong_value_is_refused_or_loaded_as_it_is(place, value):
    """A value exchanged anywhere is either of the right shape, and loaded to the letter, or refused."""
    changed = plain()
    at(changed, place[:-1])[place[-1]] = value
    try:
        loaded = decode(orjson.dumps(changed))
    except ValueError:
        return
    assert changed == orjson.loads(orjson.dumps(loaded))


@pytest.mark.parametrize("place", [(), ("entities", "deals"), ("entities", "deals", "files", 0)])
def test_missing_or_added_keys_are_refused(place):
    """No record may lack a key, or have one more; but for the user, whom earlier versions did not note."""
    for key in [*(set(at(plain(), place)) - {"user"}), "more"]:
        changed = plain()
        record = at(changed, place)
        record.pop(key) if key in record else record.update(more=1)
        with pytest.raises(ValueError, match="it "):
            decode(orjson.dumps(changed))


@pytest.mark.parametrize(("data", "said"), [
    (b'{"format":1,"run', "it is damaged"),
    (b'{"format":2}', "it was written by another version"),
    (orjson.dumps(RUN).replace(b"[50,900]", b"[-50,900]"), "its 'spans' is not a count"),
    (orjson.dumps(RUN).replace(b"running", b"walking"),
     "its 'status' is none of 'running', 'complete', 'partial', 'skipped', 'failed'"),
    (orjson.dumps(RUN).replace(b'"rows":100,"unr', b'"rows":true,"unr'), "its 'rows' is not a count"),
])
def test_damage_is_one_sentence(tmp_path, data, said):
    """The sentence names the file, what is wrong with it, and the two ways out."""
    with lock(tmp_path):
        CheckpointFile(tmp_path).path.write_bytes(data)
        with pytest.raises(UsageError) as caught:
            CheckpointFile(tmp_path).load()
    assert str(caught.value) == (f".b24x/checkpoint.json cannot be used, {said}: "
                                 "choose another folder")


def test_second_run_is_refused(tmp_path):
    """While another process holds the folder there is no second run; when it has ended there is."""
    with held_elsewhere(tmp_path), pytest.raises(FolderBusy, match="held by another run"), lock(tmp_path):
        raise AssertionError
    with lock(tmp_path):
        pass


def test_second_run_in_the_same_process_is_refused(tmp_path):
    """The folder is held against this process too."""
    with lock(tmp_path), pytest.raises(FolderBusy), lock(tmp_path):
        raise AssertionError


def test_failed_run_holds_nothing(tmp_path):
    """An exception releases the folder, and passes as it is."""
    with pytest.raises(ZeroDivisionError), lock(tmp_path):
        raise ZeroDivisionError
    with lock(tmp_path):
        pass


def test_killed_run_holds_nothing(tmp_path):
    """A killed process releases the folder, without anybody's help."""
    with held_elsewhere(tmp_path) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
        with lock(tmp_path):
            pass


def test_folder_that_is_a_file(tmp_path):
    """A file in place of the run's folder is said to be one."""
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(DiskError, match="a file stands where a folder is needed"), lock(tmp_path / "out"):
        raise AssertionError
    with pytest.raises(DiskError, match="a file stands where a folder is needed"):
        CheckpointFile(tmp_path / "out").load()


def test_folder_that_may_not_be_written(forbidden):
    """A folder without permission is refused in one sentence, at once."""
    with pytest.raises(DiskError, match="no permission") as caught, lock(forbidden):
        raise AssertionError
    assert "\n" not in str(caught.value)


def test_fingerprint_knows_questions_apart():
    """Equal questions have one fingerprint, whatever the order of keys; other values, types and orders have others."""
    asked = {"entity": "deals", "params": {"filter": {">ID": 1, "STAGE": "NEW"}, "select": ["ID", "TITLE"]}}
    frozen = MappingProxyType({"STAGE": "NEW", ">ID": 1})
    same = {"params": {"select": ("ID", "TITLE"), "filter": frozen}, "entity": "deals"}
    assert fingerprint(asked) == fingerprint(same)
    others = [{**asked, "entity": "leads"}, {**asked, "params": {}}, {**asked, "params": {"select": ["TITLE", "ID"]}}, "1", 1]
    assert len({fingerprint(other) for other in [asked, *others]}) == len(others) + 1


def test_fingerprint_outlives_versions():
    """It is compared across runs and machines: the hash of sorted, compact, raw UTF-8 JSON, for good."""
    assert fingerprint({"b": [1, None], "a": "ё"}) == hashlib.sha256('{"a":"ё","b":[1,null]}'.encode()).hexdigest()
