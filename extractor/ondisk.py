"""A file of a folder, read back: its rows, and whether it is what the manifest says.

Rule 1: one reading serves both. The bytes are hashed on their way to whoever
wants the rows, so that the rows are of the file that was hashed.
Rule 2: what is wrong with a file is a finding, not an error: as much of it as
can be read is, and `fault` says the rest in words.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, cast

import msgspec
import zstandard

from extractor import durable
from extractor.known import Id, id_of, mark_of
from extractor.messages import FileMark, Row

_MANY = 1_000  # lines handed over at a time
_BUFFER = 1 << 20
_BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)


class _Line(msgspec.Struct):
    """What is read of a line: its id, and whether it says that the row is gone."""

    id: int | str
    deleted: bool = False


class _Hashed(io.RawIOBase):
    """A file whose bytes are hashed and counted as they are read."""

    def __init__(self, file: io.FileIO) -> None:
        """Read a file from its start."""
        self._file = file
        self.digest = hashlib.sha256()
        self.bytes = 0

    def readable(self) -> bool:
        """It is read, and nothing else."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read the next bytes."""
        count = self._file.readinto(buffer) or 0
        self.digest.update(memoryview(buffer)[:count])
        self.bytes += count
        return count


class Reading:
    """One file of the manifest; once its rows have been read, `fault` says what is wrong with it."""

    def __init__(self, folder: Path, mark: FileMark, key: str) -> None:
        """Name the file, and the key of its rows' ids; nothing is opened yet."""
        self._path = folder / mark.path
        self._mark = mark
        self._key = key
        self._decoder = _decoder(key)
        self.fault: str | None = None

    def rows(self) -> Iterator[list[tuple[Id, int | None]]]:
        """Return its rows by id and mark, some at a time; without a mark, the row is gone.

        Raises:
            DiskError: It is there, and may not be read.
        """
        with durable.translated(self._path):
            try:
                file = io.FileIO(self._path)
            except FileNotFoundError:
                self.fault = "it is not there"
                return
            with file:
                for lines in self._read(_Hashed(file)):
                    yield [row for line in lines if (row := self._row(line))]

    def _row(self, line: bytes) -> tuple[Id, int | None] | None:
        """Read one line."""
        try:
            known = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.fault = f"a line is no row with {self._key!r}"
            return None
        row = Row(line, {self._key: known.id})
        return id_of(row, self._key), None if known.deleted else mark_of(row)

    def _read(self, raw: _Hashed) -> Iterator[Sequence[bytes]]:
        """Read all of it, and hold it against its mark."""
        buffered = io.BufferedReader(raw, _BUFFER)
        lines = (line.rstrip(b"\n") for line in _opened(buffered, self._mark.path))
        try:
            while some := list(itertools.islice(lines, _MANY)):
                yield some
        except _BROKEN as error:
            self.fault = f"it cannot be unpacked ({type(error).__name__})"
        while buffered.read(_BUFFER):
            pass  # to its end, for the hash: it was not unpacked to there
        if raw.bytes != self._mark.bytes:
            self.fault = f"it has {raw.bytes:,} bytes, and the manifest says {self._mark.bytes:,}"
        elif raw.digest.hexdigest() != self._mark.sha256:
            self.fault = "its SHA-256 is not the one in the manifest"


@lru_cache
def _decoder(key: str) -> msgspec.json.Decoder[_Line]:
    """Make what reads lines whose id stands under a key."""
    fields: list[Any] = [("id", int | str), ("deleted", bool, False)]  # again: what is inherited keeps its name
    return msgspec.json.Decoder(cast("type[_Line]", msgspec.defstruct("Line", fields, bases=(_Line,), rename={"id": key, "deleted": "_deleted"})))


def _opened(file: io.BufferedReader[_Hashed], path: str) -> IO[bytes]:
    """Unpack a file by its ending."""
    if path.endswith(".gz"):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if path.endswith(".zst"):
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False))
    return file
