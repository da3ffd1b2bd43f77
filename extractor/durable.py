"""File operations that survive a power cut, and words for those that fail.

Rule 1: a name points to whole content, the old or the new, never to a part.
So new content is written aside, synced, and only then takes the name.

Rule 2: a name is data too, and its folder holds it. Whoever creates or
replaces one syncs the folder, or the power cut takes the name back.

Rule 3: an OSError ends here, as one sentence: which file, what is wrong, what
to do about it. Paths are shown by their last two parts, which is what lies
inside the run's folder.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from extractor.errors import DiskError, DiskFull

_NO_ROOM = "there is no room left: free some, then run the same command again"
_TOO_LARGE = "the file may not grow further (ulimit -f, or the file system): lift that, then run the same command again"
_FULL = {errno.ENOSPC: _NO_ROOM, errno.EDQUOT: _NO_ROOM, errno.EFBIG: _TOO_LARGE}

_NO_RIGHT = "no permission: let this user read and write there, or choose another folder"
_NO_FOLDER = "a file stands where a folder is needed: move it away, or choose another folder"
_NO_HANDLE = "too many open files: raise the limit (ulimit -n), or name fewer entities"
_OTHER = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENOENT: "it is not there: the folder was changed by somebody else",
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: "a folder stands where a file is needed: move it away, or choose another folder",
    errno.EMFILE: _NO_HANDLE,
    errno.ENFILE: _NO_HANDLE,
    errno.EPIPE: "the program that was reading has gone, so the rest was not written",
    errno.EIO: "the disk reports a fault: see to it, then run the same command again",
}

# Windows does not open folders (EACCES), and some network and FUSE file systems
# do not sync them: nothing a user could mend.
_UNSYNCABLE = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES})


def shown(path: Path) -> str:
    """Name a file by its last two parts: enough to find it, and no machine's layout."""
    return path.relative_to(path.parent.parent).as_posix()


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a DiskError about `path`."""
    try:
        yield
    except OSError as exc:
        number = exc.errno or 0
        if number in _FULL:
            raise DiskFull(f"{shown(path)}: {_FULL[number]}") from exc
        raise DiskError(f"{shown(path)}: {_OTHER.get(number, exc.strerror or type(exc).__name__)}") from exc


def replace(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Give `path` new content, all of it or none; when this returns, it is durable."""
    aside = path.with_name(f".{path.name}.new")
    with translated(path):
        try:
            _write_synced(aside, data, mode)
            aside.replace(path)
        except BaseException:
            with suppress(OSError):
                aside.unlink()
            raise
    sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Create a folder and those above it, durably; one that exists is left alone."""
    with translated(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system has a way to."""
    with translated(folder):
        try:
            _sync_names(folder)
        except OSError as exc:
            if exc.errno not in _UNSYNCABLE:
                raise


def _sync_names(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    # A leftover of a killed run goes first: its mode, or the place a link sends
    # us to, must not be inherited.
    path.unlink(missing_ok=True)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
