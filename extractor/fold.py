"""Which lines of a mirror count: of each key the last one, unless it says that the row is gone.

Rule 1: two readings, each from the first line to the last one. The first notes
for every id the number of its latest line; the second lets those lines pass.
So compressed files, which can only be read forwards, fold as plain ones do.
Rule 2: what is noted lies in a temporary database of SQLite's, not in Python's
memory: about 20 bytes a row, of which 16 MiB at most are kept in memory. SQLite removes
its file as soon as it has opened it, so that none is left whatever happens.
Rule 3: lines leave in the order in which they were written. The order of ids
would cost another copy of all rows on disk, or a jump in the file for each of
them, and promise nothing to readers, for the next change would break it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import msgspec

from extractor.errors import DiskError, DiskFull
from extractor.known import id_of
from extractor.messages import Row

_SETTINGS = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -16384")
_TABLE = "CREATE TABLE latest (id PRIMARY KEY, line INTEGER NOT NULL, gone INTEGER NOT NULL) WITHOUT ROWID"


class Fold:
    """The latest lines of one entity, whose rows have their id under `key`."""

    def __init__(self, key: str) -> None:
        """Begin with no lines."""
        self._key = key
        self._shape = msgspec.defstruct("Shape", [("id", Any), ("gone", Any, False)], rename={"id": key, "gone": "_deleted"})
        self._latest = sqlite3.connect("", isolation_level=None)
        for statement in (*_SETTINGS, _TABLE, "BEGIN"):
            self._latest.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._latest.close()

    def note(self, lines: Iterable[bytes]) -> int:
        """Note which lines count, of all that there are; return how many do."""
        with _translated():
            self._latest.executemany("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", self._read(lines))
            found: int = self._latest.execute("SELECT COUNT(*) FROM latest WHERE NOT gone").fetchone()[0]
        return found

    def latest(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Let those of the same lines pass that count."""
        with _translated():
            numbers = self._latest.execute("SELECT line FROM latest WHERE NOT gone ORDER BY line")
            wanted = next(numbers, (None,))[0]
            for number, line in enumerate(lines):
                if number == wanted:
                    yield line
                    wanted = next(numbers, (None,))[0]

    def _read(self, lines: Iterable[bytes]) -> Iterator[tuple[int | str, int, bool]]:
        """Read of each line what the fold needs of it."""
        decoder = msgspec.json.Decoder(self._shape)
        for number, line in enumerate(lines):
            shape: Any = decoder.decode(line)
            yield id_of(Row(line, {self._key: shape.id}), self._key), number, shape.gone is True


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what SQLite raises into our own errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull("there is no room left for temporary files (SQLITE_TMPDIR, TMPDIR): free some, then run the same command again"
                           ) from None
        raise DiskError(f"temporary files cannot be written ({error})") from None
