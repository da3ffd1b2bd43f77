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

Rule 4: what has been asked for again, round by round, is recorded with the run (`Looked`), or a run that has
less time than all of it takes would never come to its end. It holds for the very suspects that it was about.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from extractor.changes import NO_FILE
from extractor.entityrun import EntityRun
from extractor.errors import ContractBroken
from extractor.known import Id, id_of
from extractor.messages import FileMark, Row
from extractor.paging.span import Span
from extractor.question import Question
from extractor.samples import windows

ROUND = 500  # spans asked for at a time, ten requests: what is planned lies in memory, and a run that is stopped begins its round anew


class Looked(msgspec.Struct, frozen=True):
    """How far a second look has come: all suspects up to an id have been asked for, and those `found` are there; `about` says of which ones."""

    about: str
    upto: int
    found: tuple[Id, ...] = ()


@dataclass(slots=True, eq=False)
class Gone:
    """The second look at one entity, for the `suspects`: known, and shown by no lane; `shown` if any row was."""

    question: Question
    named: bool
    suspects: Sequence[Id]
    shown: bool
    found: set[Id] = field(default_factory=set)
    runs: list[EntityRun] = field(default_factory=list)
    _asked: int = -1
    _place: int | None = -1
    _name: str = ""

    def go_on(self, looked: Looked | None) -> None:
        """Go on behind what a run before this one has asked for, if it suspected the same rows."""
        if looked is not None and looked.about == self._about():
            self._asked = self._place = looked.upto
            self.found |= set(looked.found)

    @property
    def looked(self) -> Looked | None:
        """What is to be recorded: how far the rounds that are through have come; `None` before the first one is."""
        there = self.found | self._unread
        return Looked(self._about(), self._asked, tuple(one for one in self.suspects if one in there)) if self._asked >= 0 else None

    @property
    def ids(self) -> list[Id]:
        """What is gone."""
        assert self._settled, "all are asked for again first"  # noqa: S101 - a bug of ours
        there = self.found | self._unread
        return [one for one in self.suspects if one not in there]

    @property
    def emptied(self) -> bool:
        """Whether neither look has shown anything, though rows are known."""
        return self._settled and bool(self.runs) and not any(run.rows or run.unread for run in self.runs) and not self.shown

    def ask(self) -> EntityRun | None:
        """Ask for the next ones; `None` when all have been asked for."""
        place, self._place = self._place, None
        self._asked = self._asked if place is None else place
        if place is None or not self.suspects:
            self._judge()
            return None
        run = EntityRun(self._again(), self.named, lambda: _Finder(self.question.entity.id, frozenset(self.suspects), self.found),
                        whole=False)
        if self._by_ids:
            run.spans = self._spans(place)
        self.runs.append(run)
        return run

    def believe(self, *, trusted: bool | None) -> None:
        """Take note whether an answer without rows is the truth; `None`: nobody was asked."""
        if trusted is None:
            self.runs[-1].reopen()
        elif not trusted:
            self.runs[-1].give_up(ContractBroken(
                f"{len(self.suspects)} rows were known, and none is shown any more: were rights taken away? "
                "Only an administrator's credentials could tell; nothing is marked as gone"))

    @property
    def _by_ids(self) -> bool:
        """Whether there are ids to ask by, and rows around them."""
        return self.question.entity.paging == "keyset" and self.shown

    @property
    def _unread(self) -> set[int]:
        """The rows that cannot be read: they are there."""
        return {int(one.id) for run in self.runs for one in run.unread}

    @property
    def _settled(self) -> bool:
        """Whether all have been asked for again, and answered."""
        return self._place is None and all(run.ended for run in self.runs)

    def _spans(self, place: int) -> list[Span]:
        """Make the spans of the next round, for the suspects above a place."""
        later = sorted(one for one in self.suspects if isinstance(one, int) and one > place)
        ranges = list(itertools.islice(windows(later), ROUND))
        if later[-1] > ranges[-1][1]:
            self._place = ranges[-1][1]
        return [Span(low, high, high) for low, high in ranges]

    def _about(self) -> str:
        """Name the suspects, all of them, in a few letters."""
        self._name = self._name or hashlib.blake2b("\n".join(map(str, self.suspects)).encode(), digest_size=16).hexdigest()
        return self._name

    def _again(self) -> Question:
        """Ask for ids alone, if that can be asked."""
        entity = self.question.entity
        select = (entity.filter_id,) if entity.paging == "keyset" and entity.select else self.question.select
        return replace(self.question, entity=replace(entity, name=f"{entity.name}:gone"), select=select)

    def _judge(self) -> None:
        """Hold the two looks against each other (Rule 3)."""
        found = len(self.suspects) - len(self.ids)
        if found and self.question.entity.paging == "keyset" and not self.question.filter:
            self.runs[-1].give_up(ContractBroken(f"a list left out {found} rows that are there when they are asked for once more"))


class _Finder:
    """A sink that notes which suspects are there."""

    mark = NO_FILE

    def __init__(self, key: str, suspects: frozenset[Id], found: set[Id]) -> None:
        self._key, self._suspects, self._found = key, suspects, found

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows; nothing of them is written."""
        self._found |= self._suspects.intersection(id_of(row, self._key) for row in rows)
        return 0

    def commit(self) -> FileMark:
        """There is nothing to make durable here."""
        return NO_FILE

    def close(self) -> None:
        """There is nothing to close."""
