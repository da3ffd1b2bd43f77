"""The compressions of a file that grows by commits.

Both formats allow a file of many whole streams, one after the other: gzip
calls them members, zstd frames. A commit ends one, so that what lies before it
can always be read by any tool, and going on means to begin another.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import zstandard

Compression = Literal["none", "gz", "zst"]


class Encoder(Protocol):
    """One stream: fed in pieces, ended by `flush`."""

    def compress(self, data: bytes, /) -> bytes:
        """Take data; returns what is ready to be written."""
        ...

    def flush(self) -> bytes:
        """End the stream; returns what is left to be written."""
        ...


class Plain:
    """No compression."""

    def compress(self, data: bytes, /) -> bytes:
        """Hand the data through."""
        return data

    def flush(self) -> bytes:
        """Nothing is ever held back."""
        return b""


def _gzip() -> Encoder:
    # 31: a gzip wrapper with the largest window. zlib leaves the header's time
    # at 0, so that equal rows make equal files; level 6 is gzip's own default.
    return zlib.compressobj(6, zlib.DEFLATED, 31)


def _zstd() -> Encoder:
    # Level 3 is zstd's own default: several times faster than gzip, and smaller.
    # The checksum lets `zstd -t` find a flipped bit.
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()


@dataclass(frozen=True, slots=True)
class Format:
    """How one compression is written: the file's ending, and a new stream."""

    suffix: str
    start: Callable[[], Encoder]


FORMATS: Mapping[Compression, Format] = {
    "none": Format("", Plain),
    "gz": Format(".gz", _gzip),
    "zst": Format(".zst", _zstd),
}
