"""What a mirror asks tonight: lanes, which are readings of one entity that together miss nothing.

Rule 1: no stamp is believed alone. Rows come with old stamps (imports, calls),
and change without a new one (merges, conversions, bindings). So what is new is
asked for by id, what has changed by its stamp, and all of it is read again
piece by piece within `full_every`.
Rule 2: a stamp is compared with the server's own clock, read before the first
call of the last run that came to its end; and somewhat before that, for what
was under way then. `crm.item.list` shifts such a moment by the caller's time
zone (`prepareDateTimeFieldsForFilter`), so there it is a day earlier. Rows
that come in vain are known already, and cost nothing but their reading.
Where the server's zone ends its summer time between two runs, an hour of its local times comes twice, and stamps may be kept as such: then an
hour earlier.
Rule 3: ids are not committed in their order: the newest few hundred are read again, counted from the last one that there was when the
reading of what is new began: a run may take days, and other lanes show rows far above.
Rule 4: nothing is ordered by a stamp: every lane goes by ids.
Rule 5: what the portal's events name (`offline`) is one lane more, a page of ids a call. It replaces no other: events can be dropped.
Rule 6: where all ids are read, what they show and nobody knows is fetched behind the other lanes (`late`).
Rule 7: that nothing has changed is believed when it was said twice, and no row that is new tells otherwise (`witness`).
Rule 8: where the portal's clock or ours says that the moment of the last run was none (`clocks`), changes are asked for from earlier on,
or everything is read again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from extractor.catalog import Entity
from extractor.clocks import Clocks, Doubt, doubt
from extractor.errors import UsageError
from extractor.messages import PAGE_SIZE
from extractor.paging.span import Span
from extractor.question import Question

Kind = Literal["all", "new", "changed", "again", "ids", "unread", "late", "gone", "events", "witness"]

OVERLAP = 500  # ids below the last one that may have been committed since
FEW = 500  # rows are read whole in as many calls as the lanes would take
LOOKBACK = dt.timedelta(minutes=15)  # stamps are set when a change begins, and seen when it is committed
SHIFT = dt.timedelta(hours=26)  # the widest that two time zones lie apart: UTC-12 to UTC+14


@dataclass(frozen=True, slots=True)
class Round:
    """How far the reading of an entity piece by piece has come: up to an id, and paid for up to a moment of the server's.

    `read` is up to which id, from the one before it on, rows were read last by a run that began when.
    """

    upto: int
    paid: dt.datetime
    read: tuple[tuple[int, dt.datetime], ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entity stood when a run of it came to its end: what its changes are asked from, and its highest id.

    `reach` is the last id that was seen when the reading of what is new began: above it another lane may have shown some of the rows.
    `ours` is what this machine's clock told when the portal's told the watermark; runs of before have not read it. `swept` is when the
    last run began that has looked through all of its ids, and so for what is gone among them.
    """

    watermark: dt.datetime
    last: int
    round: Round
    reach: int = 0
    ours: dt.datetime | None = None
    swept: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One reading of an entity; `low` and `high` are where a piece begins and ends (`None`: nowhere), `ids` those that it is about."""

    kind: Kind
    question: Question
    low: int = 0
    high: int | None = None
    ids: tuple[int, ...] = ()

    def spans(self) -> list[Span]:
        """Return the spans of its ids: of each what could not be read, a page of what events name."""
        if self.kind == "events":
            pages = [self.ids[first : first + PAGE_SIZE] for first in range(0, len(self.ids), PAGE_SIZE)]
            return [Span(page[0] - 1, page[-1], page[-1], len(page) / (page[-1] - page[0] + 1)) for page in pages]
        return [Span(one - 1, one, one) for one in self.ids]


def lanes(
    question: Question, standing: Standing | None, now: dt.datetime, *, known: int, deletes: bool, full_every: dt.timedelta | None,
    unread: tuple[int, ...] = (), events: tuple[int, ...] = (), ours: dt.datetime | None = None,
) -> tuple[Lane, ...]:
    """Choose the lanes of an entity; `now` is the server's clock, `known` how many rows it had, `unread` what could not be read.

    `events` are the ids, ascending, that the portal's events name: of half the rows that there are, reading all of them is less.
    `ours` is this machine's clock.
    """
    entity, doubted = question.entity, doubt_of(standing, now, ours)
    if standing is None or known <= FEW or 2 * len(events) > known or not goes_by_parts(entity) or (doubted and doubted.back is None):
        return (Lane("all", question),)
    newest = max(0, standing.reach - OVERLAP)
    found = [Lane("new", _bounded(question, "new", {f">{entity.filter_id}": newest}), newest)]
    if entity.modified:
        back = ((doubted and doubted.back) or dt.timedelta()) + _twice(standing.watermark, now)
        since = standing.watermark - back - LOOKBACK - (SHIFT if entity.family == "controller" else dt.timedelta())
        found.append(Lane("changed", _bounded(question, "changed", {f">={entity.modified}": since.isoformat(timespec="seconds")})))
    low, high = _due(standing, now, full_every) if full_every is not None else (0, 0)
    if high:
        bounds = {f">{entity.filter_id}": low, f"<={entity.filter_id}": high}
        found.append(Lane("again", _bounded(question, "again", bounds), low, high))
    if unread:
        found.append(Lane("unread", _bounded(question, "unread", {}), ids=unread))
    if events:
        named = {key.lstrip("<>=!@%") for key in question.filter}
        implied = {key: value for key, value in entity.implied.items() if key.lstrip("=") not in named}
        found.append(Lane("events", replace(_bounded(question, "events", implied), only=events), ids=events))
    if deletes:
        found.append(Lane("ids", replace(_bounded(question, "ids", {}), select=(entity.filter_id,))))
    return tuple(found)


def _twice(then: dt.datetime, now: dt.datetime) -> dt.timedelta:
    """Return how much of the server's local time has come twice since a moment."""
    offsets = then.utcoffset() or dt.timedelta(), now.utcoffset() or dt.timedelta()
    return max(dt.timedelta(), offsets[0] - offsets[1])


def doubt_of(standing: Standing | None, now: dt.datetime, ours: dt.datetime | None) -> Doubt | None:
    """Say what the clocks of tonight tell against a watermark (Rule 8)."""
    return None if standing is None else doubt(Clocks(standing.watermark, standing.ours), Clocks(now, ours))


def goes_by_parts(entity: Entity) -> bool:
    """Tell whether what is new of an entity can be asked for; the others are read whole each time, and are small."""
    return entity.paging == "keyset" and (bool(entity.modified) or entity.appends)


def advanced(
    standing: Standing | None, began: dt.datetime, last: int, found: tuple[Lane, ...], *, reach: int,
    ours: dt.datetime | None = None,
) -> Standing:
    """Return where an entity stands after a run that began at a moment of the server's clock, and read these lanes to their end."""
    kinds = {lane.kind: lane for lane in found}
    if standing is None or "all" in kinds:
        return Standing(began, last, Round(0, began, ((last, began),)), reach, ours, began)
    last = max(last, standing.last)
    read = _marked(standing.round.read, standing.last, last, began)
    swept = began if "ids" in kinds else standing.swept
    again = kinds.get("again")
    if again is None or again.high is None:
        return Standing(began, last, replace(standing.round, read=read), reach, ours, swept)
    upto = 0 if again.high >= standing.last else again.high
    return Standing(began, last, Round(upto, began, _marked(read, again.low, again.high, began)), reach, ours, swept)


def refuse_own_bounds(question: Question) -> None:
    """Refuse conditions that a mirror sets itself.

    Raises:
        UsageError: The filter bounds ids or the moment of change.
    """
    entity = question.entity
    for key in question.filter:
        if key.lstrip("<>=!@%") in {entity.filter_id, entity.modified} - {""}:
            raise UsageError(f"{entity.name}: a sync asks by {key.lstrip('<>=!@%')} itself: leave {key!r} out of the filter")


def unfit(question: Question) -> str | None:
    """Say why an entity cannot be kept in step, if it cannot."""
    if question.lacks:
        return f"NEEDS_PARAMETER: it needs --param {question.lacks}=VALUE, with no other entity named, or params in a --config file"
    if not question.entity.id:
        return f"NO_ID: {question.entity.method} has no id that b24x knows, so what changed cannot be told; dump reads it"
    return None


def _due(standing: Standing, now: dt.datetime, full_every: dt.timedelta) -> tuple[int, int]:
    """Return from and up to which id the next piece goes: a share of all ids, and what would be late; (0, 0) where none is due."""
    low, last = standing.round.upto, standing.last
    late = [upto for upto, when in standing.round.read if now - when >= full_every]
    if late and late[0] <= low:  # those above were read before it
        return 0, last
    share = min(1.0, (now - standing.round.paid) / full_every) if full_every else 1.0
    high = min(last, max([low - (-int(share * last * 1000) // 1000), *late]))
    return (low, high) if high > low else (0, 0)


def _marked(read: tuple[tuple[int, dt.datetime], ...], low: int, high: int, when: dt.datetime) -> tuple[tuple[int, dt.datetime], ...]:
    """Note that the ids in (low, high] were read last by the run that began `when`."""
    if high <= low:
        return read
    below = [(min(upto, low), then) for place, (upto, then) in enumerate(read) if low and (not place or read[place - 1][0] < low)]
    return (*below, (high, when), *((upto, then) for upto, then in read if upto > high))


def _bounded(question: Question, kind: Kind, bounds: Mapping[str, Any]) -> Question:
    """Ask a question of some of its rows."""
    entity = replace(question.entity, name=f"{question.entity.name}:{kind}")
    return replace(question, entity=entity, filter={**question.filter, **bounds})
