"""That nothing has changed: believed when it was said twice, and no row tells otherwise.

Changes are asked for as of the last run, and then never again: a blank answer to that would pass a night's changes over for good.

Rule 1: where the lane of changes has shown nothing, it is asked once more, behind all others.
Rule 2: a row that another lane has brought as news may belie it, by its own stamp: later than the watermark, earlier than this run. Both
answers had to show it, the second for certain, as the row had been seen by then. So it is asked for by its id; if it is there, and
says the same, what this list leaves out nobody can tell: the entity stands where it stood.
Rule 3: a row without a stamp is no witness, nor is one that was gone when it was asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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

_EVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(slots=True, eq=False)
class Witness:
    """The first row of an entity's news that was changed between two moments of the portal's clock, by its `id`."""

    entity: Entity
    since: dt.datetime
    until: dt.datetime
    id: int | None = None

    def hear(self, rows: Sequence[Row]) -> None:
        """Listen to news."""
        for row in rows:
            if self.id is not None:
                return
            self.id = self._named(row)

    def _named(self, row: Row) -> int | None:
        """Return the row's id, if its stamp lies between the two."""
        stamp, one = stamp_of(row, self.entity), id_of(row, self.entity.id)
        return one if isinstance(one, int) and stamp is not None and self.since <= stamp < self.until else None


@dataclass(slots=True, eq=False)
class Unchanged:
    """The second look at what has changed, where `run`, the first, has ended; `open_sink` is where changes go."""

    lane: Lane
    run: EntityRun
    witness: Witness
    open_sink: Callable[[], Sink]
    again: EntityRun | None = None
    summoned: EntityRun | None = None
    _still: Witness | None = None

    def ask(self) -> EntityRun | None:
        """Ask the next thing; `None` when there is nothing to ask, or no more."""
        if _showed(self.run):
            return None
        if self.again is None:
            self.again = EntityRun(self._question("changed again", self.lane.question), self.run.named, self.open_sink, whole=False)
            return self.again
        if _showed(self.again) or self.witness.id is None:
            return None
        if self.summoned is None:
            return self._summon(self.witness.id)
        if self._still is not None and self._still.id is not None:
            self.again.give_up(ContractBroken(
                f"the list shows no changes since {self.witness.since.isoformat()}, and row {self.witness.id} was changed after it; "
                "the next run asks again"))
        return None

    def _summon(self, one: int) -> EntityRun:
        """Ask for the witness."""
        still = self._still = replace(self.witness, id=None, until=_EVER)  # changed meanwhile, it belies both answers as well
        own = {key: value for key, value in self.lane.question.filter.items() if key != f">={self.witness.entity.modified}"}
        question = self._question("witness", replace(self.lane.question, filter=own))
        self.summoned = EntityRun(question, self.run.named, lambda: Look(still.hear), whole=False)
        self.summoned.spans = [Span(one - 1, one, one)]
        return self.summoned

    def _question(self, name: str, question: Question) -> Question:
        """Ask a question under a name of its own."""
        return replace(question, entity=replace(question.entity, name=f"{self.witness.entity.name}:{name}"))


def _showed(run: EntityRun) -> bool:
    """Tell whether a reading has shown any row."""
    return bool(run.rows or run.unread)
