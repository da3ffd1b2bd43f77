"""The lines of a file that a sink has written, whatever its compression: one stream, or one after the other."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import zstandard

from extractor import durable
from extractor.messages import FileMark
from extractor.sinks.compression import FORMATS, Compression

READ_SIZE = 1 << 18


def compression_of(mark: FileMark) -> Compression:
    """Tell how a file is stored, by its name's ending."""
    return next(kind for kind, found in FORMATS.items() if mark.path.endswith(f".ndjson{found.suffix}"))


def read_lines(folder: Path, mark: FileMark) -> Iterator[bytes]:
    """Return the lines of a file, without their ends."""
    path = folder / mark.path
    with durable.translated(path), ExitStack() as stack:
        file = stack.enter_context(path.open("rb", buffering=READ_SIZE))
        kind = compression_of(mark)
        if kind == "gz":
            file = stack.enter_context(cast("io.BufferedReader", gzip.GzipFile(fileobj=file)))
        if kind == "zst":
            frames = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            file = stack.enter_context(io.BufferedReader(cast("io.RawIOBase", frames), READ_SIZE))
        for line in file:
            yield line.removesuffix(b"\n")
