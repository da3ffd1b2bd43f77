"""SQLite on the simulated disk: a transaction is there as a whole or not at all; which is the last one is what a power cut decides.

Rule 1: SQLite's own promise is taken for granted: no transaction is torn.
Rule 2: with `synchronous=EXTRA` a transaction that was committed is there after a power cut. With less the removal of its journal is not
synced, and what comes up may be the transaction before it, until the folder is synced or the next one begins.
"""

from __future__ import annotations

import errno
import functools
import sqlite3
from pathlib import Path

EXTRA = 3


class Database(sqlite3.Connection):
    """A connection whose commits are changes of the disk."""

    def __init__(self, disk, place, path, **options):
        super().__init__(path, **options)
        self._disk, self._place, self._path, self._root = disk, place, Path(path), disk.root

    def execute(self, sql, *parameters):
        """Execute one statement."""
        act = functools.partial(super().execute, sql, *parameters)
        return self._committing(act) if sql == "COMMIT" else act()

    def executescript(self, script):
        """Execute statements, each a transaction of its own."""
        return self._committing(functools.partial(super().executescript, script))

    def _committing(self, act):
        if self._root != self._disk.root:
            return act()
        (safety,) = super().execute("PRAGMA synchronous").fetchone()
        try:
            return self._disk.change(act, lambda: self._disk.keep(self._place, self._path.read_bytes(), safe=safety >= EXTRA))
        except OSError as refused:
            if self.in_transaction:
                super().execute("ROLLBACK")
            error = sqlite3.OperationalError(refused.strerror)
            error.sqlite_errorcode = sqlite3.SQLITE_FULL if refused.errno == errno.ENOSPC else sqlite3.SQLITE_IOERR
            raise error from None


def connecting(disk, plain):
    """Make a `sqlite3.connect` that knows the disk."""
    def connect(path, **options):
        place = disk.inside(path)
        if place is None:
            return plain(path, **options)
        disk.found(place)
        return plain(path, **options, factory=functools.partial(Database, disk, place))
    return connect
