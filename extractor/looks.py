"""Sinks for rows that are looked at, not kept: each leaves its id and its mark in the ledger.

Rule 1: a row is touched if its own stamp of change says so, by the portal's
clock. A row that shows no stamp cannot tell; it counts as untouched, but where
it is new at first sight: above the last id of a dump.
Rule 2: that clock is believed where it has passed as ours has, since a mirror's
last run read it (`clocks`). By one that is behind, what is stale looks as if changed just now.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

from extractor.catalog import Entity
from extractor.changes import NO_FILE
from extractor.known import id_of, mark_of
from extractor.ledger import Ledger
from extractor.messages import FileMark, Row

_UNASKED = "updatedTime"  # types show it, and cannot be asked by it


class Look:
    """A sink that has a row noted and writes nothing."""

    mark = NO_FILE

    def __init__(self, note: Callable[[Sequence[Row]], None]) -> None:
        """Have rows noted."""
        self._note = note

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows; nothing of them is written."""
        self._note(rows)
        return 0

    def commit(self) -> FileMark:
        """There is nothing to make durable here."""
        return NO_FILE

    def close(self) -> None:
        """There is nothing to close."""


def at_ids(ledger: Ledger, name: str, key: str) -> Look:
    """Look at ids alone."""
    return Look(lambda rows: ledger.show(name, [(id_of(row, key), None) for row in rows]))


def at_rows(ledger: Ledger, name: str, key: str) -> Look:
    """Look at whole rows."""
    return Look(lambda rows: ledger.show(name, [(id_of(row, key), mark_of(row)) for row in rows]))


@dataclass(frozen=True, slots=True)
class Since:
    """From which moment on a change is one that nobody blames the folder for.

    `began` is when the run began; `None` where nobody can tell. Above the id `last`, where it is given, rows
    may be newer than the folder, whose making began at `made`.
    """

    began: dt.datetime | None
    last: int | None = None
    made: dt.datetime | None = None

    def touched(self, one: int | str, stamp: dt.datetime | None) -> bool:
        """Tell whether a row was touched since."""
        if self.last is not None and self.made is not None and isinstance(one, int) and one > self.last:
            return stamp is None or stamp >= min(self.made, self.began or self.made)
        return stamp is not None and self.began is not None and stamp >= self.began


def again(ledger: Ledger, name: str, entity: Entity, since: Since) -> Look:
    """Look at suspects a second time."""
    def note(rows: Sequence[Row]) -> None:
        shown = [(id_of(row, entity.id), row) for row in rows]
        ledger.show_again(name, [(one, mark_of(row), since.touched(one, stamp_of(row, entity))) for one, row in shown])

    return Look(note)


def stamp_of(row: Row, entity: Entity) -> dt.datetime | None:
    """Read when a row was changed last, if it says so: a moment in a zone."""
    keys = (entity.modified, _camel(entity.modified), _UNASKED)
    try:
        values = _stamps(keys).decode(row.text)
    except msgspec.MsgspecError:  # a number that no float holds
        return None
    for key in keys:
        with suppress(KeyError, TypeError, ValueError):
            moment = dt.datetime.fromisoformat(values[key])
            if moment.tzinfo is not None:
                return moment
    return None


@lru_cache(maxsize=64)
def _stamps(keys: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Make what reads these keys of a row, and passes over all others, whatever numbers they hold."""
    return msgspec.json.Decoder(TypedDict("Stamps", dict.fromkeys(keys, Any), total=False))  # type: ignore[operator]


def _camel(name: str) -> str:
    """Write a name as rows of controllers do: CHANGED_DATE, changedDate."""
    first, *others = name.lower().split("_")
    return first + "".join(map(str.title, others))
