"""That nothing has changed: believed when it was said twice, and no row tells otherwise.

Changes are asked for as of the last run, and then never again: a blank answer to that would pass a night's changes over for good.

Rule 1: where the lane of changes has shown nothing, it is asked once more, behind all others.
Rule 2: rows that another lane has brought as news may belie it, by their own stamps: later than the watermark, earlier than this run. Both
answers had to show them, the second for certain, as they had been seen by then. So some are asked for by their ids; if one is there, and
says the same, what this list leaves out nobody can tell: the entity stands where it stood.
Rule 3: a row without a stamp is no witness, nor is one that was gone when it was asked for. Stamps are exact in classic lists that are asked for
`*`; in others they may be shown an hour or two off, where the user's zone has changed between summer time and winter time (crm-lists.md
§1.7): there, those of the first two hours do not count.
Rule 4: witnesses are news once, and their word holds as long as the watermark stands: they are kept with the entity till then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from extractor.catalog import Entity
from extractor.entityrun import EntityRun
from extractor.errors import ContractBroken
from extractor.known import id_of
from extractor.lanes import Lane
from extractor.looks import Look, stamp_of
from extractor.messages import Row
from extractor.paging.span import Span
from extractor.question import Question
from extractor.sinks import Sink

ZONE = dt.timedelta(hours=2)  # the most by which summer time moves a clock
MANY = 500  # witnesses that are kept, the newest ones: ten requests, where all of them are asked for
_EVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(slots=True, eq=False)
class Witnesses:
    """Rows of an entity's news that were changed between two moments of the portal's clock, by their `ids`; its stamps may be off by `drift`."""

    entity: Entity
    since: dt.datetime
    until: dt.datetime
    drift: dt.timedelta = ZONE
    ids: list[int] = field(default_factory=list)

    def hear(self, rows: Sequence[Row]) -> None:
        """Listen to news."""
        heard = (id_of(row, self.entity.id) for row in rows if self._testifies(row))
        self.ids += [one for one in heard if isinstance(one, int)]
        del self.ids[:-MANY]

    def _testifies(self, row: Row) -> bool:
        """Tell whether the row's stamp lies between the two."""
        stamp = stamp_of(row, self.entity)
        return stamp is not None and self.since + self.drift <= stamp < self.until


@dataclass(slots=True, eq=False)
class Unchanged:
    """The second look at what has changed, where `run`, the first, has ended; `open_sink` is where changes go."""

    lane: Lane
    run: EntityRun
    witnesses: Witnesses
    open_sink: Callable[[], Sink]
    again: EntityRun | None = None
    summoned: EntityRun | None = None
    _still: Witnesses | None = None

    def ask(self) -> EntityRun | None:
        """Ask the next thing; `None` when there is nothing to ask, or no more."""
        if _showed(self.run):
            return None
        if self.again is None:
            self.again = EntityRun(self._question("changed again", self.lane.question), self.run.named, self.open_sink, whole=False)
            return self.again
        if _showed(self.again) or not self.witnesses.ids:
            return None
        if self.summoned is None:
            return self._summon()
        if self._still is not None and self._still.ids:
            self.again.give_up(ContractBroken(
                f"the list shows no changes since {self.witnesses.since.isoformat()}, and row {self._still.ids[0]} was changed after it; "
                "the next run asks again"))
        else:
            self.witnesses.ids.clear()
        return None

    def _summon(self) -> EntityRun:
        """Ask for the witnesses."""
        still = self._still = replace(self.witnesses, ids=[], until=_EVER)  # changed meanwhile, it belies both answers as well
        own = {key: value for key, value in self.lane.question.filter.items() if key != f">={self.witnesses.entity.modified}"}
        question = self._question("witness", replace(self.lane.question, filter=own))
        self.summoned = EntityRun(question, self.run.named, lambda: Look(still.hear), whole=False)
        self.summoned.spans = [Span(one - 1, one, one) for one in sorted(set(self.witnesses.ids))]
        return self.summoned

    def _question(self, name: str, question: Question) -> Question:
        """Ask a question under a name of its own."""
        return replace(question, entity=replace(question.entity, name=f"{self.witnesses.entity.name}:{name}"))


def drift_of(question: Question) -> dt.timedelta:
    """Say by how much the stamps of a question's rows may be shown off (Rule 3)."""
    entity = question.entity
    exact = entity.family == "classic" and not entity.counts_always and "*" in question.asked().get("select", ())
    return dt.timedelta() if exact else ZONE


def _showed(run: EntityRun) -> bool:
    """Tell whether a reading has shown any row."""
    return bool(run.rows or run.unread)
