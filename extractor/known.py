"""What a mirror knows of the portal: of every row its id and a mark of its text, and where each entity stands.

Rule 1: one transaction is one commit. The files are synced first; then the rows
in them, their lengths, and the spans that are still to be read are recorded
together. A kill in between costs reading a page again. A commit cannot be undone:
SQLite ends one by removing its journal, and a power cut may bring that back as long
as the folder is not synced. What was removed since would then be named again.
Rule 2: a mark is 64 bits of a hash. A row whose mark is the one that is known is
on disk as it is, and is not written again.
Rule 3: what is *seen* is what the portal has shown since a run began. Known
ids that an entity's end finds unseen are gone.

Rule 4: one thread at a time, whichever: rows are noted on the loop, and commits
made beside it while nothing is noted (`engine`).

SQLite does the writing: a mirror of two million rows takes about 40 MB of disk,
and next to nothing of memory.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from extractor import durable
from extractor.errors import DiskError, DiskFull, UsageError
from extractor.messages import Row

NAME = "known.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS names (number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS rows (entity INTEGER, id, mark INTEGER NOT NULL, PRIMARY KEY (entity, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (entity INTEGER, id, PRIMARY KEY (entity, id)) WITHOUT ROWID;
"""
_BEYOND = 2**63
_DIGITS = len(str(_BEYOND)) + 1
_MANY = 500  # values in one statement: SQLite takes 999 at the least

Id = int | str
"""An id as it is known: a number, wherever the portal's text is one, and SQLite's integers hold it."""


def id_of(row: Row, key: str) -> Id:
    """Read the id of a row."""
    value = row[key]
    number = value if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(digits := value.lstrip("0")) < _DIGITS:
        number = int(digits or "0")
    return str(value) if number is None or not -_BEYOND <= number < _BEYOND else number


def mark_of(row: Row) -> int:
    """Reduce a row's text to 64 bits, as SQLite's integers are."""
    return int.from_bytes(hashlib.blake2b(row.text, digest_size=8).digest(), "big", signed=True)


class Known:
    """The rows and the state of one folder; whoever opens it holds the folder's lock."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Take over a connection; `open` is the way in."""
        self._connection = connection
        self._path = path
        self._numbers: dict[str, int] = {}

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it; what an earlier process had not committed is not there.

        Raises:
            UsageError: It is no file of ours.
            DiskError: It cannot be read or written.
        """
        durable.make_folder(path.parent)
        with translated(path), ExitStack() as undo:
            known = cls(sqlite3.connect(path, isolation_level=None, check_same_thread=False), path)
            undo.callback(known.close)
            known._connection.execute("PRAGMA synchronous = FULL")
            known._connection.executescript(_SCHEMA)
            known._numbers = {name: number for number, name in known._connection.execute("SELECT number, name FROM names")}
            durable.sync_folder(path.parent)
            undo.pop_all()
        return known

    def close(self) -> None:
        """Let go of the file; what was not committed is dropped."""
        self._connection.close()

    def state(self) -> bytes | None:
        """Return what was recorded with the last commit."""
        with translated(self._path):
            found = self._connection.execute("SELECT value FROM state").fetchone()
        return found[0] if found else None

    def commit(self, state: bytes) -> None:
        """Record where everything stands, and make it durable together with the rows."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (state,))
            connection.execute("COMMIT")
        durable.sync_folder(self._path.parent)

    def news(self, entity: str, rows: Sequence[Row], key: str) -> list[Row]:
        """Note rows, and return those that are not known as they are."""
        shown = [(id_of(row, key), mark_of(row), row) for row in rows]
        number = self._number(entity)
        with self._writing() as connection:
            known = dict(self._pairs(number, [one for one, _, _ in shown]))
            fresh = {one: (mark, row) for one, mark, row in shown if known.get(one) != mark}
            connection.executemany(
                "INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", ((number, one, mark) for one, (mark, _) in fresh.items()))
        return [row for _, row in fresh.values()]

    def see(self, entity: str, ids: Iterable[Id]) -> None:
        """Note that the portal shows these."""
        number = self._number(entity)
        with self._writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", ((number, one) for one in ids))

    def unseen(self, entity: str, low: int | None = None, high: int | None = None) -> Iterator[Id]:
        """Return the known ids that were not seen, ascending; with bounds, those in (low, high]."""
        within = "" if low is None else "AND id > ? AND id <= ? "
        with translated(self._path):
            yield from (one for (one,) in self._connection.execute(
                f"SELECT id FROM rows WHERE entity = ? {within}"  # noqa: S608 - one of two fixed words
                "AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.entity = rows.entity AND seen.id = rows.id) ORDER BY id",
                (self._number(entity),) if low is None else (self._number(entity), low, high)))

    def unseen_among(self, entity: str, ids: Sequence[Id]) -> Iterator[Id]:
        """Return those of some ids that are known, and were not seen."""
        number = self._number(entity)
        with translated(self._path):
            for first in range(0, len(ids), _MANY):
                some = ids[first : first + _MANY]
                yield from (one for (one,) in self._connection.execute(
                    f"SELECT id FROM rows WHERE entity = ? AND id IN ({', '.join('?' * len(some))}) "  # noqa: S608 - marks
                    "AND NOT EXISTS (SELECT 1 FROM seen WHERE seen.entity = rows.entity AND seen.id = rows.id) ORDER BY id",
                    (number, *some)))

    def unknown(self, entity: str, above: int, count: int) -> list[int]:
        """Return the ids above one that were seen and are not known, among the `count` seen ones that begin with the first of them; ascending."""
        number = self._number(entity)
        with translated(self._path):
            found = self._connection.execute(
                "SELECT id FROM seen WHERE entity = ? AND id > ? AND typeof(id) = 'integer' "
                "AND NOT EXISTS (SELECT 1 FROM rows WHERE rows.entity = seen.entity AND rows.id = seen.id) ORDER BY id LIMIT 1",
                (number, above)).fetchone()
            return [] if found is None else [one for one, known in self._connection.execute(
                "SELECT id, EXISTS (SELECT 1 FROM rows WHERE rows.entity = seen.entity AND rows.id = seen.id) FROM seen "
                "WHERE entity = ? AND id >= ? AND typeof(id) = 'integer' ORDER BY id LIMIT ?", (number, *found, count)) if not known]

    def forget(self, entity: str, ids: Iterable[Id]) -> None:
        """Drop rows that are gone."""
        number = self._number(entity)
        with self._writing() as connection:
            connection.executemany("DELETE FROM rows WHERE entity = ? AND id = ?", ((number, one) for one in ids))

    def doubt(self, entity: str, ids: Sequence[Id]) -> dict[Id, int]:
        """Give rows marks that no text of theirs has, and return those: whatever comes is news, and what does not is known all the same."""
        number = self._number(entity)
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO rows VALUES (?, ?, -1) ON CONFLICT (entity, id) DO UPDATE SET mark = ~mark", ((number, one) for one in ids))
            return self.marks(entity, ids)

    def marks(self, entity: str, ids: Sequence[Id]) -> dict[Id, int]:
        """Return the marks of those of these rows that are known."""
        with translated(self._path):
            return dict(self._pairs(self._number(entity), ids))

    def forget_all(self, entity: str) -> None:
        """Drop all rows of an entity: another question is asked of it now."""
        with self._writing() as connection:
            connection.execute("DELETE FROM rows WHERE entity = ?", (self._number(entity),))
            connection.execute("DELETE FROM seen WHERE entity = ?", (self._number(entity),))

    def look_anew(self, entity: str) -> None:
        """Begin to see an entity anew."""
        with self._writing() as connection:
            connection.execute("DELETE FROM seen WHERE entity = ?", (self._number(entity),))

    def count(self, entity: str) -> int:
        """Return how many rows of an entity are known."""
        with translated(self._path):
            found: int = self._connection.execute("SELECT COUNT(*) FROM rows WHERE entity = ?", (self._number(entity),)).fetchone()[0]
        return found

    def last(self, entity: str) -> int:
        """Return the highest id of an entity; 0 where there is none."""
        with translated(self._path):
            found = self._connection.execute(
                "SELECT MAX(id) FROM rows WHERE entity = ? AND typeof(id) = 'integer'", (self._number(entity),)).fetchone()[0]
        return int(found or 0)

    def _pairs(self, number: int, ids: Sequence[Id]) -> Iterator[tuple[Id, int]]:
        """Look ids up."""
        for first in range(0, len(ids), _MANY):
            some = ids[first : first + _MANY]
            yield from self._connection.execute(
                f"SELECT id, mark FROM rows WHERE entity = ? AND id IN ({', '.join('?' * len(some))})", (number, *some))  # noqa: S608 - marks

    def _number(self, entity: str) -> int:
        """Return the number that stands for an entity's name."""
        if entity not in self._numbers:
            with self._writing() as connection:
                made = connection.execute("INSERT INTO names (name) VALUES (?) RETURNING number", (entity,)).fetchone()[0]
            self._numbers[entity] = made
        return self._numbers[entity]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write inside the transaction that the next commit ends."""
        with translated(self._path):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite raises about a file into our own errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull(f"{durable.shown(path)}: there is no room left: free some, then run the same command again") from None
        raise DiskError(f"{durable.shown(path)} cannot be written ({error})") from None
    except sqlite3.DatabaseError as error:
        raise UsageError(f"{durable.shown(path)} is none of b24x's, or is damaged ({error}): choose another folder, "
                         "and let b24x sync read everything anew into that") from None
