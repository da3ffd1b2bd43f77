"""One entity's rows into a pipe: `--to -`.

What has left through a pipe cannot be taken back, so there is nothing to go on
from: a mark only counts.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from extractor import durable
from extractor.errors import DiskError
from extractor.messages import FileMark, Row
from extractor.sinks.lines import encode


class StdoutSink:
    """Rows of one entity, written to a binary stream that somebody else owns."""

    def __init__(self, stream: BinaryIO) -> None:
        """Write to `stream`; it is flushed by commits and never closed."""
        self._stream = stream
        self._digest = hashlib.sha256()
        self._rows = 0
        self._bytes = 0
        self._mark = self._here()
        self._failure: DiskError | None = None

    @property
    def mark(self) -> FileMark:
        """Tell what was flushed; its path is `-`."""
        return self._mark

    def append(self, rows: Sequence[Row]) -> int:
        """Write rows; returns their bytes."""
        lines = encode(rows)
        with self._writing():
            self._stream.write(lines)
        self._digest.update(lines)
        self._rows += len(rows)
        self._bytes += len(lines)
        return len(lines)

    def commit(self) -> FileMark:
        """Flush."""
        with self._writing():
            self._stream.flush()
        self._mark = self._here()
        return self._mark

    def close(self) -> None:
        """Leave the stream to its owner."""

    def __repr__(self) -> str:
        return f"<StdoutSink rows={self._rows} bytes={self._bytes}>"

    def _here(self) -> FileMark:
        return FileMark("-", self._rows, self._bytes, self._digest.hexdigest())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._failure:
            raise self._failure
        try:
            with durable.translated(Path("stdout")):
                yield
        except DiskError as exc:
            self._failure = exc
            self._divert()
            raise

    def _divert(self) -> None:
        # The stream still holds what it could not write, and the interpreter
        # flushes it once more on its way out: let that go nowhere, quietly.
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self._stream.fileno())
            finally:
                os.close(nowhere)
