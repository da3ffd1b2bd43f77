"""One entity's rows in a file that can be cut back to any commit.

Rule 1: a commit is a length. Bytes before it are synced, end on a whole line
and a whole compressed stream, and never change again; bytes after it are
nobody's, and whoever opens the file next cuts them off.

Rule 2: going on needs proof. The committed bytes are hashed again on opening;
a file that is shorter or different is refused, never mended.

Rule 3: after a failed write or sync nothing follows. Which bytes reached the
disk is unknown then (a second fsync may well succeed without them), so the
sink stays at its last mark and repeats the error.

Rule 4: nothing but `commit` writes. Rows are held in memory until then, so whoever
appends says how many that may be, and in which thread the disk may block.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from extractor import durable
from extractor.errors import DiskError, UsageError
from extractor.messages import FileMark, Row
from extractor.sinks.compression import FORMATS, Compression, Encoder
from extractor.sinks.lines import encode

# What goes to the system at a time: large enough that calls cost nothing, and a
# small part of what is held.
WRITE_SIZE = 1 << 16
READ_SIZE = 1 << 20

FIRST = "part-00000"

_NAME = re.compile(r"[a-z0-9_]+")


class NdjsonSink:
    """Rows of one entity, appended to `NAME/part-00000.ndjson[.gz|.zst]`, or to a file of another stem."""

    def __init__(self, path: Path, file: io.FileIO, mark: FileMark, compress: Compression) -> None:
        """Take over a file that is open at its end; `open` is the way in."""
        self._path = path
        self._file = file
        self._mark = mark
        self._start = FORMATS[compress].start
        self._encoder: Encoder | None = None
        self._digest = hashlib.sha256()
        self._rows = mark.rows
        self._held: list[bytes] = []  # lines since the last commit, a piece for each page
        self._synced = False  # the file's length, and its name, as they are now
        self._failure: DiskError | None = None

    @classmethod
    def open(
        cls, folder: Path, name: str, *, compress: Compression = "none", mark: FileMark | None = None, stem: str = FIRST,
        digest: hashlib._Hash | None = None,
    ) -> Self:
        """Begin an entity's file, or go on at `mark`; whatever lies behind that is cut off.

        `digest` is what `hashing` made of it, if that was done. Raises DiskError
        when the file is not as the mark says.
        """
        relative = part_path(name, compress, stem)
        path = folder / relative
        if mark is None:
            durable.make_folder(path.parent)
            discard(folder, name, stem)
            with durable.translated(path):
                file = io.FileIO(path, "w+")
            return cls(path, file, FileMark(relative, 0, 0, hashlib.sha256().hexdigest()), compress)
        if mark.path != relative:
            raise UsageError(f"the folder holds {mark.path}: go on with the same --compress, or choose another folder")
        digest = check(folder, mark, whole=False) if digest is None else digest
        with durable.translated(path):
            sink = cls(path, io.FileIO(path, "r+"), mark, compress)
        sink._cut_to_mark(digest)
        return sink

    @property
    def mark(self) -> FileMark:
        """Tell the last commit; valid whatever fails later."""
        return self._mark

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows; returns their bytes as JSON."""
        if self._failure:
            raise self._failure
        lines = encode(rows)
        self._held.append(lines)
        self._rows += len(rows)
        return len(lines)

    def commit(self) -> FileMark:
        """Make everything taken so far durable, as a file that any tool reads whole."""
        with self._writing():
            if self._rows > self._mark.rows or not self._synced:
                self._drain()
                self._end_stream()
                self._sync()
                self._mark = FileMark(self._mark.path, self._rows, self._file.tell(), self._digest.hexdigest())
        return self._mark

    def close(self) -> None:
        """Cut the file back to its mark and close it; closing twice does no harm."""
        if self._file.closed:
            return
        try:
            with suppress(OSError):  # then the next start cuts it
                if os.fstat(self._file.fileno()).st_size > self._mark.bytes:
                    self._file.truncate(self._mark.bytes)
        finally:  # also where that is interrupted
            with suppress(OSError):  # what was committed is synced
                self._file.close()

    def __repr__(self) -> str:
        mark = self._mark
        return f"<NdjsonSink {mark.path} rows={mark.rows} bytes={mark.bytes} uncommitted={self._rows - mark.rows}>"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._failure:
            raise self._failure
        try:
            with durable.translated(self._path):
                yield
        except BaseException as exc:
            interrupted = DiskError(f"{durable.shown(self._path)}: a write was interrupted, run again to go on")
            self._failure = exc if isinstance(exc, DiskError) else interrupted
            raise

    def _drain(self) -> None:
        held, self._held = self._held, []
        for data in _joined(held):
            self._encoder = self._encoder or self._start()
            self._write(self._encoder.compress(data))

    def _end_stream(self) -> None:
        # `zcat` and `zstd -d` refuse a file of no bytes: without rows, too, it
        # gets one stream.
        if self._encoder is None and not self._mark.bytes:
            self._encoder = self._start()
        if self._encoder is not None:
            self._write(self._encoder.flush())
            self._encoder = None

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        left = memoryview(data)
        while left:  # a full disk takes a part first, and complains at the rest
            left = left[self._file.write(left) :]

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        if not self._mark.bytes:
            durable.sync_folder(self._path.parent)
        self._synced = True

    def _cut_to_mark(self, digest: hashlib._Hash) -> None:
        self._digest = digest
        try:
            with durable.translated(self._path):
                self._synced = os.fstat(self._file.fileno()).st_size == self._mark.bytes
                self._file.truncate(self._mark.bytes)
                self._file.seek(self._mark.bytes)
        except BaseException:
            self._file.close()
            raise


def hashing(folder: Path, mark: FileMark, *, whole: bool) -> Generator[None, None, hashlib._Hash]:
    """Hash what was committed, a piece at a time; returns the hash, for whoever goes on with the file.

    Raises DiskError where it is not there, or is something else; with `whole`, where more is.
    """
    path = folder / mark.path
    digest = hashlib.sha256()
    with durable.translated(path), io.FileIO(path, "r") as file:
        left = mark.bytes
        while left and (piece := file.read(min(left, READ_SIZE))):
            digest.update(piece)
            left -= len(piece)
            yield
        more = whole and file.read(1)
    if left or more or digest.hexdigest() != mark.sha256:
        raise _changed(mark)
    return digest


def check(folder: Path, mark: FileMark, *, whole: bool = True) -> hashlib._Hash:
    """Hash a file at once, as `hashing` does."""
    pieces = hashing(folder, mark, whole=whole)
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            found: hashlib._Hash = end.value
            return found


def cut(folder: Path, mark: FileMark) -> None:
    """Cut off what lies behind a commit; raises DiskError where what was committed is not there."""
    check(folder, mark, whole=False)
    path = folder / mark.path
    with durable.translated(path), io.FileIO(path, "r+") as file:
        file.truncate(mark.bytes)
        os.fsync(file.fileno())


def _changed(mark: FileMark) -> DiskError:
    return DiskError(f"{mark.path} is not as the last run left it: the folder was changed by somebody else; "
                     "put the file back, or choose another folder")


def _joined(pieces: list[bytes]) -> Iterator[bytes]:
    """Join pieces to what is written at a time."""
    ready: list[bytes] = []
    size = 0
    for piece in pieces:
        ready.append(piece)
        size += len(piece)
        if size >= WRITE_SIZE:
            yield b"".join(ready)
            ready, size = [], 0
    if size:
        yield b"".join(ready)


def discard(folder: Path, name: str, stem: str = FIRST) -> None:
    """Remove the files of a run that never came to a commit: nothing names them, and their rows would be there twice."""
    for compress in FORMATS:
        path = folder / part_path(name, compress, stem)
        with durable.translated(path):
            path.unlink(missing_ok=True)


def part_path(name: str, compress: Compression, stem: str = FIRST) -> str:
    """Say where an entity's rows lie, relative to the run's folder.

    Raises UsageError for a name that is no catalog name: it would be a path.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a folder: small letters, digits and underscores only")
    return f"{name}/{stem}.ndjson{FORMATS[compress].suffix}"
