"""The queue of offline events: what an application has asked to be told of, kept until it comes and reads.

Rule 1: a row is what happened to what, not how often: the same event of the same object moves the moment of
the row that waits, and its id stays (`EventOfflineTable::callEvent`). A row that somebody has reserved waits
no more: the next event makes another one beside it. So ids are in no order of time.
Rule 2: rows are free, or reserved by a process: 32 letters that the portal has drawn (`markEvents`).
They stay reserved until they are cleared, whatever becomes of who had them.
Rule 3: rows older than 2 952 000 seconds go, free or reserved, read or not.
Rule 4: an event is queued for the applications that have bound its name by then, and for nobody else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

LIFETIME = 2_952_000  # PROCESS_ID_LIFETIME: 34 days and 4 hours

_CRM = {
    "leads": "CRMLEAD", "deals": "CRMDEAL", "contacts": "CRMCONTACT", "companies": "CRMCOMPANY", "quotes": "CRMQUOTE",
    "activities": "CRMACTIVITY", "requisites": "CRMREQUISITE",
}
_KINDS = {"insert": "ADD", "change": "UPDATE", "delete": "DELETE"}

NAMES = frozenset({
    "ONCRMDEALMOVETOCATEGORY", "ONUSERADD",
    *(f"ON{one}{kind}" for one in (*_CRM.values(), "TASK", "CRMDYNAMICITEM") for kind in _KINDS.values())})
"""The events that there are; those of one smart process have its number behind them."""


@dataclass(slots=True)
class Waiting:
    """One row of the queue."""

    id: int
    at: int
    name: str
    data: dict[str, Any]
    message: str
    application: str
    process: str = ""
    error: bool = False


@dataclass(slots=True)
class Queue:
    """All rows of all applications, and what each has bound: names with the address of a handler, none for offline events."""

    rows: list[Waiting] = field(default_factory=list)
    bound: dict[tuple[str, str, str], None] = field(default_factory=dict)
    _made: int = 0
    _drawn: int = 0

    def fire(self, name: str, data: dict[str, Any], at: float) -> None:
        """Queue what has happened, for everybody who wants to know."""
        message = hashlib.md5(f"{name}{json.dumps(data, sort_keys=True)}".encode(), usedforsecurity=False).hexdigest()
        for application in [app for app, bound, handler in self.bound if (bound, handler) == (name, "")]:
            self._made += 1  # an upsert takes a number whether it needs it or not
            waits = next((one for one in self.of(application) if not one.process and one.message == message), None)
            if waits is None:
                self.rows.append(Waiting(self._made, int(at), name, data, message, application))
            else:
                waits.at = int(at)

    def purge(self, now: float) -> None:
        """Drop what is too old."""
        self.rows = [one for one in self.rows if one.at >= now - LIFETIME]

    def of(self, application: str) -> Iterator[Waiting]:
        """Give the rows of an application."""
        return (one for one in self.rows if one.application == application)

    def reserve(self, rows: Sequence[Waiting]) -> str:
        """Mark rows with the name of a new process; say that name, also when there are none."""
        self._drawn += 1
        process = hashlib.sha256(f"process {self._drawn}".encode()).hexdigest()[:32]
        for one in rows:
            one.process = process
        return process

    def clear(self, application: str, process: str, which: Callable[[Waiting], bool]) -> None:
        """Drop rows that a process has reserved."""
        self.rows = [one for one in self.rows if not (one.application == application and one.process == process and which(one))]

    def put_back(self, application: str, process: str, messages: frozenset[str]) -> None:
        """Free rows that a process could not deal with, marked as that."""
        for one in self.of(application):
            if one.process == process and one.message in messages:
                one.process, one.error = "", True


def happenings(table: str, action: str, row_id: int) -> list[tuple[str, dict[str, Any]]]:
    """Name the events of what happens to a row, each with its data: ids, and nothing else of it."""
    kind = _KINDS[action]
    if table in _CRM:
        return [(f"ON{_CRM[table]}{kind}", {"FIELDS": {"ID": row_id}})]
    if table == "tasks":
        before, after = ({"ID": row_id} if there else "undefined" for there in (action != "insert", action != "delete"))
        return [(f"ONTASK{kind}", {
            "FIELDS_BEFORE": before, "FIELDS_AFTER": after, "IS_ACCESSIBLE_BEFORE": "undefined", "IS_ACCESSIBLE_AFTER": "undefined"})]
    if table.startswith("items_"):
        number = int(table.removeprefix("items_"))
        data = {"FIELDS": {"ID": row_id, "ENTITY_TYPE_ID": number}}
        return [(f"ONCRMDYNAMICITEM{kind}", data), (f"ONCRMDYNAMICITEM{kind}_{number}", data)]
    return [("ONUSERADD", {"ID": row_id})] if (table, action) == ("users", "insert") else []
