"""Two accounts of an entity's rows, what is on disk and what the portal shows, and what they differ in.

Rule 1: of a row only its id and the mark of its text are kept, in SQLite in a
file of its own that goes with the run: millions of rows take no memory.
Rule 2: nothing is a difference at first sight. What the first look finds is a
*suspect*; it is asked for again, and named only if it differs twice in the
same way, and nobody has touched the row since the run began. Of a row that
showed two texts, none of them the disk's, a third look says which one is meant.

    missing  the portal shows it, twice, and it is not on disk
    extra    it is on disk, and the portal shows it neither time
    stale    the portal shows another text than the disk's, the same one twice

A row that cannot be read is there all the same: it is noted without a mark.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Literal, Self

from extractor import durable
from extractor.known import Id, translated

NAME = "verify.sqlite"
What = Literal["missing", "extra", "stale"]
KINDS: tuple[What, ...] = ("missing", "extra", "stale")

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE held (entity TEXT, id, mark INTEGER, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE TABLE shown (entity TEXT, id, mark INTEGER, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE TABLE suspects (entity TEXT, id, what TEXT NOT NULL, mark INTEGER, other INTEGER, open INTEGER NOT NULL, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE TABLE again (entity TEXT, id, mark INTEGER, touched INTEGER NOT NULL, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE TABLE found (entity TEXT, id, what TEXT NOT NULL, PRIMARY KEY (entity, id)) WITHOUT ROWID;
BEGIN;
"""
_SUSPECT = """
INSERT INTO suspects
SELECT entity, id, 'missing', mark, NULL, 1 FROM shown WHERE entity = :entity
    AND NOT EXISTS (SELECT 1 FROM held WHERE held.entity = :entity AND held.id = shown.id)
UNION ALL
SELECT entity, id, 'extra', mark, NULL, 1 FROM held WHERE entity = :entity
    AND NOT EXISTS (SELECT 1 FROM shown WHERE shown.entity = :entity AND shown.id = held.id)
UNION ALL
SELECT shown.entity, shown.id, 'stale', shown.mark, NULL, 1 FROM shown JOIN held ON held.entity = :entity AND held.id = shown.id
    WHERE shown.entity = :entity AND shown.mark <> held.mark
"""
_DOUBT = """
UPDATE suspects SET open = 1, other = again.mark FROM again
    WHERE suspects.entity = :entity AND what = 'stale' AND again.entity = :entity AND again.id = suspects.id
    AND again.mark <> suspects.mark AND NOT touched
    AND again.mark <> (SELECT held.mark FROM held WHERE held.entity = :entity AND held.id = suspects.id)
"""
_JUDGE = """
INSERT INTO found
SELECT suspects.entity, suspects.id, what FROM suspects LEFT JOIN again ON again.entity = :entity AND again.id = suspects.id
    WHERE suspects.entity = :entity AND CASE what
        WHEN 'missing' THEN again.id IS NOT NULL AND NOT touched
        WHEN 'extra' THEN again.id IS NULL
        ELSE again.mark IN (suspects.mark, other) AND NOT touched END
"""


class Ledger:
    """The accounts of all entities of one run."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Take over a connection; `open` is the way in."""
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Begin with empty accounts, in a file in a folder; one that a killed run left is dropped."""
        path = folder / NAME
        with durable.translated(path):
            path.unlink(missing_ok=True)
        with translated(path), ExitStack() as undo:
            ledger = cls(sqlite3.connect(path, isolation_level=None, check_same_thread=False), path)
            undo.callback(ledger.close)
            ledger._connection.executescript(_SCHEMA)
            undo.pop_all()
        return ledger

    def close(self) -> None:
        """Let go of the file, and remove it."""
        self._connection.close()
        with suppress(OSError):  # the next run drops it
            self._path.unlink(missing_ok=True)

    def hold(self, entity: str, lines: Iterable[tuple[Id, int | None]]) -> None:
        """Note lines on disk, oldest first; without a mark, the row is gone."""
        self._many("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", ((entity, one, mark) for one, mark in lines))

    def held_all(self, entity: str) -> int:
        """Drop what is gone, now that all lines are noted; return how many rows are held."""
        self._do("DELETE FROM held WHERE entity = ? AND mark IS NULL", entity)
        return self._count("held", entity)

    def held(self, entity: str) -> Iterator[int]:
        """Return the ids that are numbers, ascending, of what is held."""
        return self._numbers("SELECT id FROM held WHERE entity = ? AND typeof(id) = 'integer' ORDER BY id", entity)

    def last(self, entity: str) -> int | None:
        """Return the highest id that is held, if there is one and it is a number."""
        return next(self._numbers(
            "SELECT id FROM held WHERE entity = ? AND typeof(id) = 'integer' ORDER BY id DESC LIMIT 1", entity), None)

    def show(self, entity: str, rows: Iterable[tuple[Id, int | None]]) -> None:
        """Note what the portal shows at the first look; a mark that is known stays."""
        self._many("INSERT INTO shown VALUES (?, ?, ?) ON CONFLICT (entity, id) DO UPDATE SET mark = coalesce(excluded.mark, mark)",
                   ((entity, one, mark) for one, mark in rows))

    def shown(self, entity: str) -> int:
        """Count what the portal shows."""
        return self._count("shown", entity)

    def suspect(self, entity: str, *, top: int | None, unread: Iterable[Id]) -> None:
        """Find what differs at first sight, but for ids above one, which are born since, and those said to be unread."""
        self._do(_SUSPECT, entity=entity)
        self._many("DELETE FROM suspects WHERE entity = ? AND id = ? AND what = 'missing'", ((entity, one) for one in unread))
        if top is not None:
            self._do("DELETE FROM suspects WHERE entity = ? AND what = 'missing' AND typeof(id) = 'integer' AND id > ?", entity, top)

    def suspects(self, entity: str) -> int:
        """Count the suspects."""
        return self._count("suspects", entity)

    def suspected(self, entity: str, low: int) -> Iterator[int]:
        """Return the suspects above an id whose ids are numbers, ascending: all, or once doubted those."""
        return self._numbers(
            "SELECT id FROM suspects WHERE entity = ? AND open AND typeof(id) = 'integer' AND id > ? ORDER BY id", entity, low)

    def show_again(self, entity: str, rows: Iterable[tuple[Id, int | None, bool]]) -> None:
        """Note what the second look shows of the suspects, and whether it was touched."""
        self._many("INSERT OR REPLACE INTO again SELECT entity, id, ?, ? FROM suspects WHERE entity = ? AND id = ? AND open",
                   ((mark, touched, entity, one) for one, mark, touched in rows))

    def shown_again(self, entity: str) -> int:
        """Count what the second look has shown of the suspects."""
        return self._count("again", entity)

    def doubt(self, entity: str) -> int:
        """Let what showed two texts be asked for once more, and nothing else; return how many that are."""
        self._do("UPDATE suspects SET open = 0 WHERE entity = ?", entity)
        count = self._do(_DOUBT, entity=entity)
        self._do("DELETE FROM again WHERE entity = :entity AND id IN (SELECT id FROM suspects WHERE entity = :entity AND open)", entity=entity)
        return count

    def judge(self, entity: str) -> int:
        """Find what differs twice; return how many suspects do not, or were touched."""
        return self.suspects(entity) - self._do(_JUDGE, entity=entity)

    def found(self, entity: str, what: What) -> Iterator[Id]:
        """Return what differs, ascending."""
        with translated(self._path):
            yield from (one for (one,) in self._connection.execute(
                "SELECT id FROM found WHERE entity = ? AND what = ? ORDER BY id", (entity, what)))

    def wanting(self, entity: str, low: int) -> Iterator[int]:
        """Return the ids above one that are numbers, ascending, of rows that are missing or stale."""
        return self._numbers(
            "SELECT id FROM found WHERE entity = ? AND what <> 'extra' AND typeof(id) = 'integer' AND id > ? ORDER BY id", entity, low)

    def _count(self, table: str, entity: str) -> int:
        """Count an entity's rows in one of our tables."""
        with translated(self._path):
            found: int = self._connection.execute(f"SELECT COUNT(*) FROM {table} WHERE entity = ?", (entity,)).fetchone()[0]  # noqa: S608
        return found

    def _numbers(self, statement: str, *values: str | int) -> Iterator[int]:
        """Return the ids that a statement selects."""
        with translated(self._path):
            yield from (one for (one,) in self._connection.execute(statement, values))

    def _do(self, statement: str, *values: str | int, **named: str) -> int:
        """Carry out one statement; return how many rows it concerned."""
        with translated(self._path):
            return self._connection.execute(statement, values or named).rowcount

    def _many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Carry out one statement many times."""
        with translated(self._path):
            self._connection.executemany(statement, rows)
