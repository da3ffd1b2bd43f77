"""What `ndjson` promises: rows come back as they went in, and a commit is a point to go on from."""

import gzip
import hashlib
import io
import os
import resource
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.errors import DiskError, DiskFull, UsageError
from extractor.messages import FileMark
from extractor.sinks import NdjsonSink, discard
from tests.rows import rows_of

# The portal's integers are 64 bits wide; JSON has no NaN.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(["\n", "\r\n", "\u2028", "\0", "\x1b", "😀", "Сделка", '"\\/', "<&>", "1.10"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PAGES = st.lists(st.dictionaries(st.text(), VALUES, max_size=6), max_size=8)
COMPRESSIONS = ("none", "gz", "zst")
# Every example syncs a real disk: no deadline for that.
durably = settings(deadline=None, max_examples=30)

# Incompressible, so that the file grows as fast as the rows do.
LARGE = [{"ID": n, "NOISE": hashlib.sha512(b"%d" % n).hexdigest()} for n in range(40_000)]


def read(path):
    """Read a sink's file as any other tool would: a list of rows."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    assert not data or data.endswith(b"\n")
    return [orjson.loads(line) for line in data.split(b"\n")[:-1]]


def write(folder, compress, *pages, mark=None):
    """Append pages, commit, close; returns the mark and the file."""
    with closing(NdjsonSink.open(folder, "deals", compress=compress, mark=mark)) as sink:
        for page in pages:
            sink.append(rows_of(page))
        mark = sink.commit()
    return mark, folder / mark.path


@contextmanager
def full_beyond(size):
    """Let no file grow beyond `size`: the system takes what fits and refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def synced(monkeypatch):
    """Watch what is really synced, in order, by name."""
    seen, sync = [], os.fsync

    def watch(handle):
        sync(handle)
        seen.append(Path(f"/proc/self/fd/{handle}").readlink().name)

    monkeypatch.setattr(os, "fsync", watch)
    return seen


@pytest.fixture(params=COMPRESSIONS)
def compress(request):
    """Each compression in turn."""
    return request.param


@durably
@given(compress=st.sampled_from(COMPRESSIONS), commits=st.lists(st.lists(PAGES, max_size=3), max_size=4))
def test_rows_come_back(compress, commits):
    """Any rows, cut into any pages and commits, are read back equal; each commit's mark describes the file."""
    with TemporaryDirectory() as folder, closing(NdjsonSink.open(Path(folder), "deals", compress=compress)) as sink:
        written = []
        for pages in commits:
            for page in pages:
                sink.append(rows_of(page))
                written += page
            mark = sink.commit()
            data = (Path(folder) / mark.path).read_bytes()
            assert FileMark(mark.path, len(written), len(data), hashlib.sha256(data).hexdigest()) == mark
            assert written == read(Path(folder) / mark.path)


@durably
@given(compress=st.sampled_from(COMPRESSIONS), before=PAGES, after=PAGES, tail=st.binary(max_size=200))
def test_torn_tail_is_cut(compress, before, after, tail):
    """Whatever lies behind the last commit, going on there gives the committed rows and then the new ones."""
    with TemporaryDirectory() as name:
        mark, path = write(Path(name), compress, before)
        path.write_bytes(path.read_bytes() + tail)
        with closing(NdjsonSink.open(Path(name), "deals", compress=compress, mark=mark)) as sink:
            assert mark == sink.commit()
            assert before == read(path)
            sink.append(rows_of(after))
            assert len(before + after) == sink.commit().rows
            assert before + after == read(path)


@durably
@given(compress=st.sampled_from(COMPRESSIONS), page=PAGES.filter(any), data=st.data())
def test_changed_file_is_refused(compress, page, data):
    """A file that lost its end, or one of whose committed bytes differs, is not gone on with and not touched."""
    with TemporaryDirectory() as name:
        mark, path = write(Path(name), compress, page)
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        for changed in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            path.write_bytes(changed)
            with pytest.raises(DiskError, match="changed by somebody else"):
                NdjsonSink.open(Path(name), "deals", compress=compress, mark=mark)
            assert changed == path.read_bytes()


def test_missing_file_is_refused(tmp_path):
    """A committed file that is gone is said to be, and no empty one takes its place."""
    mark, path = write(tmp_path, "none", [{"ID": 1}])
    path.unlink()
    with pytest.raises(DiskError, match="changed by somebody else"):
        NdjsonSink.open(tmp_path, "deals", mark=mark)
    assert not path.exists()


def test_other_compression_is_refused(tmp_path):
    """A run does not go on in a file of another kind."""
    mark, _ = write(tmp_path, "gz", [{"ID": 1}])
    with pytest.raises(UsageError, match=r"part-00000\.ndjson\.gz"):
        NdjsonSink.open(tmp_path, "deals", compress="zst", mark=mark)


@pytest.mark.parametrize("name", ["", ".", "..", "../deals", "a/b", "crm.deal.list", "Deals", "deals\n", "сделки", "a b"])
def test_name_is_no_path(tmp_path, name):
    """Only catalog names become folders; anything else is refused before the disk is touched."""
    with pytest.raises(UsageError):
        NdjsonSink.open(tmp_path, name)
    assert [] == list(tmp_path.iterdir())


def test_no_mark_begins_anew(tmp_path, compress):
    """Without a mark nothing was committed: what lies there is dropped, whatever its compression; other files stay."""
    for other in COMPRESSIONS:
        write(tmp_path, other, [{"ID": 1}])
    (tmp_path / "deals" / "notes.txt").touch()
    _, path = write(tmp_path, compress, [{"ID": 2}])
    assert [{"ID": 2}] == read(path)
    assert {path, tmp_path / "deals" / "notes.txt"} == set(path.parent.iterdir())


def test_uncommitted_rows_are_dropped_by_close(tmp_path, compress):
    """A sink closed without a commit leaves the file as its mark says, however much was written."""
    sink = NdjsonSink.open(tmp_path, "deals", compress=compress)
    sink.append(rows_of([{"ID": 1}]))
    mark = sink.commit()
    sink.append(rows_of(LARGE))
    sink.close()
    sink.close()
    assert mark == sink.mark
    assert mark.bytes == (tmp_path / mark.path).stat().st_size


def test_commit_of_nothing_adds_nothing(tmp_path, compress):
    """A commit without new rows leaves file and mark alone, also after going on."""
    mark, path = write(tmp_path, compress, [{"ID": 1}])
    size = path.stat().st_size
    with closing(NdjsonSink.open(tmp_path, "deals", compress=compress, mark=mark)) as sink:
        sink.append(rows_of([]))
        assert mark == sink.commit() == sink.commit()
    assert size == path.stat().st_size


def test_append_tells_what_it_holds(tmp_path, compress):
    """The bytes of JSON are counted, whatever the compression."""
    with closing(NdjsonSink.open(tmp_path, "deals", compress=compress)) as sink:
        assert 9 == sink.append(rows_of([{"ID": 1}]))
        assert 18 == sink.append(rows_of([{"ID": 2}, {"ID": 3}]))
        assert 0 == sink.append([])
        sink.commit()
        sink.append(rows_of([{"ID": 4}]))
        assert "rows=3" in repr(sink)
        assert "uncommitted=1" in repr(sink)


def test_only_a_commit_writes(tmp_path, compress):
    """What may wait for the disk is a commit, however many rows there are; afterwards none is held."""
    with closing(NdjsonSink.open(tmp_path, "deals", compress=compress)) as sink:
        for n in range(0, len(LARGE), 50):
            sink.append(rows_of(LARGE[n : n + 50]))
        assert 0 == (tmp_path / sink.mark.path).stat().st_size
        assert sink.commit().bytes == (tmp_path / sink.mark.path).stat().st_size
        assert not sink._held


def test_equal_rows_make_equal_files(tmp_path, compress):
    """Two runs that commit the same rows at the same points write the same bytes."""
    first, _ = write(tmp_path / "a", compress, [{"ID": 1}], [{"ID": 2}])
    second, _ = write(tmp_path / "b", compress, [{"ID": 1}, {"ID": 2}])
    assert first == second


def test_full_disk_keeps_what_was_committed(tmp_path, compress):
    """When the disk fills up, the sink keeps its mark, repeats the error, and a later run goes on without loss."""
    sink = NdjsonSink.open(tmp_path, "deals", compress=compress)
    sink.append(rows_of([{"ID": 0}]))
    mark = sink.commit()
    with full_beyond(mark.bytes + 700_000), pytest.raises(DiskFull):
        sink.append(rows_of(LARGE[1:])) and sink.commit()
    for verb in (sink.commit, lambda: sink.append(rows_of([]))):
        with pytest.raises(DiskFull):
            verb()
    assert mark == sink.mark
    sink.close()
    assert [{"ID": 0}] == read(tmp_path / mark.path)
    write(tmp_path, compress, LARGE[1:], mark=mark)
    assert [{"ID": 0}, *LARGE[1:]] == read(tmp_path / mark.path)


def test_interrupted_write_is_not_gone_on_with(tmp_path):
    """After an exception that is not the disk's, too, nothing follows a write that may be torn."""
    with closing(NdjsonSink.open(tmp_path, "deals")) as sink:
        with pytest.raises(KeyboardInterrupt), sink._writing():
            raise KeyboardInterrupt
        with pytest.raises(DiskError, match="run again"):
            sink.append(rows_of([{"ID": 1}]))


def test_folder_of_an_entity_is_a_file(tmp_path):
    """What stands in the way is named."""
    (tmp_path / "deals").write_bytes(b"")
    with pytest.raises(DiskError, match=r"deals.*: a file stands where a folder is needed"):
        NdjsonSink.open(tmp_path, "deals")


def test_no_rows_are_a_whole_file(tmp_path, compress):
    """An entity without rows has a file too; a compressed one is a stream, for tools refuse a file of no bytes."""
    mark, path = write(tmp_path, compress)
    assert [] == read(path)
    assert (0, compress != "none") == (mark.rows, mark.bytes > 0)


def test_new_file_is_synced_with_its_name(tmp_path, synced):
    """The first commit syncs the file and the folder that names it, a later one the file, one of nothing nothing."""
    with closing(NdjsonSink.open(tmp_path, "deals")) as sink:
        synced.clear()
        for page in ([{"ID": 1}], [{"ID": 2}], []):
            sink.append(rows_of(page))
            sink.commit()
    assert ["part-00000.ndjson", "deals", "part-00000.ndjson"] == synced


@pytest.mark.parametrize(("tail", "expected"), [(b"torn", ["part-00000.ndjson"]), (b"", [])])
def test_cut_is_synced(tmp_path, synced, tail, expected):
    """A tail that was cut off may not come back with the next power cut, even if no row follows."""
    mark, path = write(tmp_path, "none", [{"ID": 1}])
    path.write_bytes(path.read_bytes() + tail)
    synced.clear()
    write(tmp_path, "none", mark=mark)
    assert expected == synced


KILLED = """
import sys
from pathlib import Path
from extractor.messages import Row
from extractor.sinks import NdjsonSink
sink = NdjsonSink.open(Path(sys.argv[1]), "deals", compress=sys.argv[2])
sink.append([Row(b'{"ID":1}', {})])
mark = sink.commit()
print(mark.rows, mark.bytes, mark.sha256, flush=True)
while True:
    sink.append([Row(b'{"ID":2,"PAD":"%b"}' % (b"x" * 5000), {})] * 50)
    sink.commit()
"""


def test_killed_while_writing(tmp_path, compress):
    """A process killed in the middle of a write leaves a file that the next one goes on with."""
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), compress], stdout=subprocess.PIPE)
    rows, size, sha256 = child.stdout.readline().split()
    [path] = (tmp_path / "deals").iterdir()
    while path.stat().st_size < int(size) + 4000:
        assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.communicate()
    mark = FileMark(path.relative_to(tmp_path).as_posix(), int(rows), int(size), sha256.decode())
    write(tmp_path, compress, [{"ID": 3}], mark=mark)
    assert [{"ID": 1}, {"ID": 3}] == read(path)


def test_what_nothing_names_is_removed(tmp_path):
    """A killed run's file that no commit vouches for goes, whatever its compression; other entities' files stay."""
    for name in ("deals/part-00000.ndjson", "deals/part-00000.ndjson.zst", "leads/part-00000.ndjson"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    discard(tmp_path, "deals")
    discard(tmp_path, "contacts")
    assert ["leads/part-00000.ndjson"] == [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
