"""What `durable` promises: whole content or none, synced names, and one sentence per failure."""

import errno
import os
import resource
import stat
from pathlib import Path

import pytest

from extractor import durable
from extractor.errors import DiskError, DiskFull


@pytest.fixture
def synced(monkeypatch):
    """Watch what is really synced, in order: each entry is a folder or the content of a file."""
    seen, sync = [], os.fsync

    def watch(handle):
        sync(handle)
        what = Path(f"/proc/self/fd/{handle}").readlink()
        seen.append(what if what.is_dir() else what.read_bytes())

    monkeypatch.setattr(os, "fsync", watch)
    return seen


def test_replace_gives_new_content(tmp_path):
    """A file that exists is replaced, one that does not is created; nothing else is left in the folder."""
    path = tmp_path / "facts.json"
    for data in (b"old and long", b"new"):
        durable.replace(path, data)
        assert data == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_replace_syncs_content_before_name(tmp_path, synced):
    """The whole content is synced first, then the folder that holds the name."""
    durable.replace(tmp_path / "facts.json", b"whole")
    assert [b"whole", tmp_path] == synced


def test_replace_sets_mode(tmp_path):
    """A private file is private, even where a killed run left a public one aside."""
    (tmp_path / ".token.new").write_bytes(b"torn")
    durable.replace(tmp_path / "token", b"secret", mode=0o600)
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o600


def test_replace_does_not_follow_what_lies_aside(tmp_path):
    """A link under the name used aside is not written through."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    (tmp_path / ".facts.new").symlink_to(victim)
    durable.replace(tmp_path / "facts", b"new")
    assert b"untouched" == victim.read_bytes()


def test_replace_without_room_keeps_old_content(tmp_path):
    """When the new content does not fit, the old stays whole and nothing is left aside."""
    path = tmp_path / "facts.json"
    durable.replace(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DiskFull):
            durable.replace(path, bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_make_folder_syncs_every_new_name(tmp_path, synced):
    """Each folder created on the way is synced into the one above it; an existing one is left alone."""
    durable.make_folder(tmp_path / "a" / "b")
    durable.make_folder(tmp_path / "a" / "b")
    assert [tmp_path, tmp_path / "a"] == synced


@pytest.mark.parametrize("inside", [".", "deeper", "deeper/still"])
def test_make_folder_in_place_of_a_file(tmp_path, inside):
    """A file where a folder is needed is said to be one, at any depth."""
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(DiskError, match="a file stands where a folder is needed"):
        durable.make_folder(tmp_path / "out" / inside)


@pytest.mark.parametrize(("number", "kind"), [
    (errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EFBIG, DiskFull),
    (errno.EACCES, DiskError), (errno.EROFS, DiskError), (errno.EIO, DiskError), (errno.ENXIO, DiskError),
])
def test_every_failure_is_one_sentence(number, kind):
    """An OSError becomes ours, names the file inside the run's folder, and shows nothing of the machine."""
    path = Path("/srv/secret/out/deals/part-00000.ndjson")
    with pytest.raises(kind) as caught, durable.translated(path):
        raise OSError(number, os.strerror(number), str(path))
    assert kind is type(caught.value)
    assert str(caught.value).startswith("deals/part-00000.ndjson: ")
    assert "secret" not in str(caught.value)


def test_other_errors_pass():
    """What is not the disk's fault is not blamed on it."""
    with pytest.raises(ZeroDivisionError), durable.translated(Path("out")):
        raise ZeroDivisionError


@pytest.mark.parametrize(("path", "name"), [
    ("/out", "out"), ("out", "out"), (".", "."), ("manifest.json", "manifest.json"), ("/a/b/c", "b/c"),
])
def test_shown(path, name):
    """A path is shown by its last two parts, as far as it has them."""
    assert name == durable.shown(Path(path))


def test_file_system_that_cannot_sync_folders(tmp_path):
    """Where folders cannot be synced, that is no failure; where they are gone, it is."""
    durable.sync_folder(Path("/proc/self"))
    with pytest.raises(DiskError, match="it is not there"):
        durable.sync_folder(tmp_path / "gone")
