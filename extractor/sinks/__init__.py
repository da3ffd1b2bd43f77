"""Where rows end up: a sink takes rows, and every commit is a point to go on from.

`NdjsonSink` is a file in the run's folder, plain or compressed; `StdoutSink`
is a pipe. Both keep rows as they came and tell where they are by a `FileMark`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from extractor.messages import FileMark, Row
from extractor.sinks.compression import Compression
from extractor.sinks.ndjson import FIRST, NdjsonSink, check, cut, discard, hashing, part_path
from extractor.sinks.reading import compression_of, read_lines
from extractor.sinks.stdout import StdoutSink

__all__ = [
    "FIRST", "Compression", "NdjsonSink", "Sink", "StdoutSink", "check", "compression_of", "cut", "discard", "hashing", "part_path", "read_lines",
]


class Sink(Protocol):
    """One entity's way out. A commit may run in a thread: nothing is appended while it does."""

    @property
    def mark(self) -> FileMark:
        """Tell the last commit; valid whatever fails later."""
        ...

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows; returns their bytes as JSON."""
        ...

    def commit(self) -> FileMark:
        """Make everything taken so far durable."""
        ...

    def close(self) -> None:
        """Let go of the resource; what was not committed is dropped."""
        ...
