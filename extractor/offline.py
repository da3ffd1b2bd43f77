"""The portal's queue of offline events, read as a feed of changes: which are bound, what a row of it says, and which rows may go.

Rule 1: an event is a hint where to look, and no news by itself, whatever it is called. What it names is asked for by its id: a row that
is shown is written where it differs from what is known, and a known one that is not shown is gone. So a row that was restored before its
deletion was read of leaves nothing behind, and an event that comes twice does nothing the second time.
Rule 2: at least once. Rows of the queue are taken with `clear=0`, which reserves them, and are cleared when the commit stands that they
led to. Of what was lost on the way, or with a process, the queue says what is reserved; that is taken over first.
Rule 3: what is cleared is named, row by row. A process is never cleared as a whole, and an empty list of ids would do just that.
Rule 4: what was not earned stays: the events of an entity that failed, of one that is not asked for now, and those that say no id.
Rule 5: there is one consumer. Two mirrors that share an application would take each other's events: each has one of its own.
Rule 6: the feed is believed in what it says, never in what it does not: an application that was unpaid, an import on hold, 34 days, and
events are gone. The lanes and the sweeps of a mirror are the same with it and without.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extractor.catalog import catalog
from extractor.errors import B24xError, PortalError, reason_of
from extractor.messages import PAGE_SIZE, Call
from extractor.paging.span import HIGHEST_ID
from extractor.question import Question

TAKE = 1_000  # rows at a time: some 250 KB of answer, and the method sets no bound
MOST = 100_000  # rows in one run: some 10 MB of memory, and 2 MB in every commit, as a night records what it holds
CLEAR = 500  # ids in one call: an eighth of the variables that PHP reads of a form at the least

# What `crm.item.list` shows of these types are the rows of older methods, and so are their events.
_STATIC = {"1": "leads", "2": "deals", "3": "contacts", "4": "companies"}
_QUOTES = ("7", ("ONCRMQUOTEADD", "ONCRMQUOTEUPDATE", "ONCRMQUOTEDELETE"))


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of the queue that a process has reserved: the event's name, and of each row its id and that of its object (0: it says none)."""

    process: str
    name: str
    events: tuple[tuple[int, int], ...]


def names(question: Question) -> tuple[str, ...]:
    """Name the events that tell of an entity's rows."""
    entity, given = question.entity, {**question.entity.params, **question.params}
    number = str(given.get("entityTypeId", ""))
    if "entityTypeId" in entity.requires and number in _STATIC:
        return catalog()[_STATIC[number]].events
    if "entityTypeId" in entity.requires and number == _QUOTES[0]:
        return _QUOTES[1]
    return tuple(one.format(entityTypeId=number) for one in entity.events)


def all_names(questions: Iterable[Question]) -> tuple[str, ...]:
    """Name the events of several entities, each once."""
    return tuple(dict.fromkeys(one for question in questions for one in names(question)))


def take(name: str) -> Call:
    """Reserve the oldest events of a name, and keep them in the queue."""
    return Call("event.offline.get", {"clear": 0, "filter": {"EVENT_NAME": name}, "order": {"ID": "ASC"}, "limit": TAKE})


def reserved(start: int) -> Call:
    """List the queue, what is reserved first."""
    return Call("event.offline.list", {"order": {"PROCESS_ID": "DESC", "ID": "ASC"}, "start": start})


def bound() -> Call:
    """Ask what is bound."""
    return Call("event.get", {})


def bind(name: str) -> Call:
    """Have an event queued from now on."""
    return Call("event.bind", {"event": name, "event_type": "offline"})


def clearing(held: Iterable[Held], done: Collection[str]) -> Iterator[Call]:
    """Clear the events of these names, row by row (Rules 3 and 4)."""
    for one in held:
        rows = [row for row, object_id in one.events if object_id and one.name in done]
        for first in range(0, len(rows), CLEAR):
            yield Call("event.offline.clear", {"process_id": one.process, "id": rows[first : first + CLEAR]})


def earned(questions: Mapping[str, Question], moved: Collection[str]) -> frozenset[str]:
    """Name the events that may go: those of entities that have moved on, and of no other that was asked for."""
    of = {name: set(names(question)) for name, question in questions.items()}
    waiting = set().union(*(events for name, events in of.items() if name not in moved))
    return frozenset(set().union(*(events for name, events in of.items() if name in moved)) - waiting)


def taken(answer: Any) -> Held | None:
    """Read what was reserved just now, all of one name; `None` where there was nothing."""
    rows = answer.get("events") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not rows:
        return None
    process = answer.get("process_id")
    found = list(_held([{**row, "PROCESS_ID": process} for row in rows if isinstance(row, dict)]))
    return found[0] if found else None


def left(rows: Any, wanted: Collection[str]) -> list[Held]:
    """Read what is reserved of these names, in a page of the queue."""
    mine = [row for row in rows if isinstance(row, dict) and row.get("EVENT_NAME") in wanted] if isinstance(rows, list) else []
    return list(_held(mine))


def is_last(rows: Any) -> bool:
    """Tell whether a page of the queue is its last, or reaches what nobody has reserved: behind it nothing is."""
    return not isinstance(rows, list) or len(rows) < PAGE_SIZE or any(isinstance(row, dict) and not row.get("PROCESS_ID") for row in rows)


def rows_of(rows: Any) -> frozenset[int]:
    """Name the rows of a page of the queue, whoever has reserved them."""
    return frozenset(_number(row.get("ID")) for row in rows if isinstance(row, dict)) - {0} if isinstance(rows, list) else frozenset()


def count(held: Iterable[Held]) -> int:
    """Count the rows of the queue that are held."""
    return sum(len(one.events) for one in held)


def merged(held: Iterable[Held]) -> tuple[Held, ...]:
    """Put together what was read of each process and name, each row once: it may have been listed, and taken as well."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for one in held:
        found.setdefault((one.process, one.name), {}).update(one.events)
    return tuple(Held(process, name, tuple(rows.items())) for (process, name), rows in found.items())


def ids_for(question: Question, held: Iterable[Held]) -> tuple[int, ...]:
    """List the ids to be asked for of an entity, ascending."""
    wanted = set(names(question))
    return tuple(sorted({object_id for one in held if one.name in wanted for _, object_id in one.events if object_id}))


def missing(answer: Any, wanted: Sequence[str]) -> list[str]:
    """Name the events that are not bound yet: applications lose theirs when they are updated."""
    rows = [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
    there = {event for row in rows if row.get("offline") and isinstance(event := row.get("event"), str)}
    return [name for name in wanted if name not in there]


def harmless(error: B24xError) -> bool:
    """Tell whether an event could not be bound because it is."""
    return isinstance(error, PortalError) and "already bind" in error.description.lower()


def without(error: B24xError) -> str:
    """Say why a run goes on without events."""
    if isinstance(error, PortalError) and error.code.upper() == "WRONG_LICENSE":
        return ("WRONG_LICENSE: the portal's tariff does not keep events until they are cleared (rest_offline_extended), and read otherwise "
                "they could be lost: this run went on without them")
    return f"{reason_of(error)}; this run went on without what events it has not read, and they come again"


def _held(rows: Iterable[Mapping[str, Any]]) -> Iterator[Held]:
    """Group rows of the queue that somebody has reserved."""
    readable = [row for row in rows if row.get("PROCESS_ID") and _number(row.get("ID")) and isinstance(row.get("EVENT_NAME"), str)]
    for (process, name), group in itertools.groupby(readable, key=lambda row: (str(row["PROCESS_ID"]), row["EVENT_NAME"])):
        yield Held(process, name, tuple((_number(row["ID"]), _object(row.get("EVENT_DATA"))) for row in group))


def _object(data: Any) -> int:
    """Read whose event it is: `FIELDS` of the CRM, before or after of a task, `undefined` where it was not, or is no more."""
    for key in ("FIELDS", "FIELDS_AFTER", "FIELDS_BEFORE"):
        fields = data.get(key) if isinstance(data, dict) else None
        if isinstance(fields, dict) and (found := _number(fields.get("ID"))):
            return found
    return 0


def _number(value: Any) -> int:
    """Read an id, as a number or a text of one; 0 where it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if type(value) is int and 0 < value <= HIGHEST_ID else 0
