"""What is gone of an entity: what was known, was not shown, and is not shown to who asks for it once more either.

To say of a row that is there that it is gone is the worst that a mirror can do. So:

Rule 1: no row is called gone that was not asked for twice. The lanes of the run
have read the ids around it to their end and have not shown it; then it is asked
for again by its id, or where there is nothing to ask by, with all of the others.
Rule 2: the second answer is believed if it shows that rows can be seen: the page
that reaches over an id shows one above it, and an empty page is held against
the last id (`paging.believe`). An entity of which nothing at all is shown may
be empty, or hidden: the credentials must be an administrator's, or show rows
that do not fit the question's condition. Else nobody can tell, and it says so.
Rule 3: a row that is there when it is asked for by its id was left out by a lane,
whose other answers cannot be believed then: the entity stands where it stood.
But where a row may have slipped by for a moment (a condition that it did not
fit, a method that pages without ids), it is simply there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from extractor.changes import Seen
from extractor.entityrun import EntityRun
from extractor.errors import ContractBroken
from extractor.known import Id, Known
from extractor.paging.span import Span
from extractor.question import Question
from extractor.samples import windows

ROUND = 2_000  # spans asked for at a time, as what is planned lies in memory


@dataclass(slots=True, eq=False)
class Gone:
    """The second look at one entity, for the rows that `unseen` names: known, and shown by no lane; `shown` if any row was."""

    question: Question
    named: bool
    known: Known
    unseen: Callable[[], Sequence[Id]]
    shown: bool
    runs: list[EntityRun] = field(default_factory=list)
    _suspects: int | None = None
    _place: int | None = -1

    @property
    def settled(self) -> bool:
        """Whether all have been asked for again."""
        return self._place is None and all(run.status != "running" for run in self.runs)

    @property
    def emptied(self) -> bool:
        """Whether neither look has shown anything, though rows are known."""
        return self.settled and bool(self.runs) and not any(run.rows or run.unread for run in self.runs) and not self.shown

    def ask(self) -> EntityRun | None:
        """Ask for the next ones; `None` when all have been asked for."""
        if self._place is None:
            return None
        suspects = self.unseen()
        if self._suspects is None:
            self._suspects = len(suspects)
        spans = self._next(suspects)
        if not suspects or spans == []:
            self._judge(len(suspects))
            return None
        run = EntityRun(self._again(), self.named, lambda: Seen(self.question.entity.name, self.question.entity.id, self.known))
        run.spans = spans
        self.runs.append(run)
        return run

    def believe(self, *, trusted: bool | None) -> None:
        """Take note whether an answer without rows is the truth; `None`: nobody was asked."""
        if trusted is None:
            self.runs[-1].status = "running"
        elif not trusted:
            self.runs[-1].give_up(ContractBroken(
                f"{self._suspects} rows were known, and none is shown any more: were rights taken away? "
                "Only an administrator's credentials could tell; nothing is marked as gone"))

    @property
    def _by_id(self) -> bool:
        """Whether there are ids to ask by, and rows around them."""
        return self.question.entity.paging == "keyset" and self.shown

    def _next(self, suspects: Sequence[Id]) -> list[Span] | None:
        """Make the spans of the next round, none where all have been asked for; `None` where all is read again."""
        place, self._place = self._place, None
        if not self._by_id:
            return None
        later = sorted(one for one in suspects if isinstance(one, int) and place is not None and one > place)
        ranges = list(itertools.islice(windows(later), ROUND))
        if ranges:
            self._place = ranges[-1][1]
        return [Span(low, high, high) for low, high in ranges]

    def _again(self) -> Question:
        """Ask for ids alone, if that can be asked."""
        entity = self.question.entity
        select = (entity.filter_id,) if entity.paging == "keyset" and entity.select else self.question.select
        return replace(self.question, entity=replace(entity, name=f"{entity.name}:gone"), select=select)

    def _judge(self, left: int) -> None:
        """Hold the two looks against each other (Rule 3)."""
        found = (self._suspects or 0) - left
        if found and self._by_id and not self.question.filter:
            self.runs[-1].give_up(ContractBroken(f"a list left out {found} rows that are there when they are asked for by their ids"))
