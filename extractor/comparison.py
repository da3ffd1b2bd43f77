"""One entity being compared: what is read of its files, what is asked of the portal, and what comes of it.

Rule 1: ids are compared all, rows by a sample, but where reading whole rows
costs no more than reading ids: small entities, and those without a filter.
Rule 2: suspects are asked for by their ids, some thousand spans at a time, as
what is planned lies in memory; where ids cannot be asked for, by reading all again.
Rule 3: an entity that one of its readings could not bring to an end is not
judged: what was not shown may still be there. Neither is one of which nothing
at all was shown, unless that is believed, as a sync does (`gone`).
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from extractor.claims import Claim
from extractor.entityrun import EntityRun
from extractor.errors import ContractBroken, reason_of
from extractor.findings import Finding
from extractor.known import Id
from extractor.lanes import FEW, LOOKBACK
from extractor.ledger import KINDS, Ledger
from extractor.looks import Since, again, at_ids, at_rows
from extractor.ondisk import Reading
from extractor.paging.span import Span
from extractor.question import Question
from extractor.samples import Range, drawn, windows
from extractor.sinks import Sink
from extractor.wording import counted

_ROUND = 2_000  # spans of one entity


@dataclass(slots=True, eq=False)
class Comparison:
    """One entity, from its files to its finding."""

    claim: Claim
    ledger: Ledger
    finding: Finding = field(default_factory=Finding)
    since: Since | None = None
    failed: bool = False
    _place: int | None = -1
    _doubted: bool = False

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.claim.question.entity.name

    @property
    def by_id(self) -> bool:
        """Whether its rows can be asked for by their ids."""
        return self.claim.question.entity.paging == "keyset"

    def read(self, folder: Path) -> Iterator[None]:
        """Note what lies on disk, and hold the files against the manifest, a piece at each step."""
        for mark in self.claim.files:
            file = Reading(folder, mark, self.claim.question.entity.id)
            for rows in file.rows():
                self.ledger.hold(self.name, rows)
                yield
            if file.fault:
                self.finding.damaged[mark.path] = file.fault
        self.finding.held = self.ledger.held_all(self.name)

    def first_look(self, share: float) -> list[EntityRun]:
        """Ask for all ids, and for the rows of the sample."""
        question, held = self.claim.question, self.finding.held
        key = question.entity.id
        rows = at_rows(self.ledger, self.name, key)
        if share >= 1 or not self.by_id or not question.entity.select or held <= FEW:
            return [reading(question, rows)]
        sample = drawn(self.ledger.held(self.name), held, share)
        ids = replace(called(question, "ids"), select=(question.entity.filter_id,))
        return [reading(ids, at_ids(self.ledger, self.name, key)), reading(called(question, "rows"), rows, sample)]

    def looked(self, runs: Sequence[EntityRun]) -> None:
        """Take note of how the first look went."""
        self.finding.read = sum(run.rows for run in runs if not run.name.endswith(":ids"))
        self.ledger.show(self.name, ((one, None) for one in self._unread(runs)))

    def suspect(self, began: dt.datetime | None, top: int | None, *, made: dt.datetime | None) -> None:
        """Find who is suspect; `made` is when a dump began, `None` of a mirror."""
        said = [_id(one) for one in self.claim.unread]
        self.finding.ids, self.finding.unread = self.ledger.shown(self.name), len(said)
        self.ledger.suspect(self.name, top=top, unread=said)
        self.since = Since(began) if made is None else Since(began, self.ledger.last(self.name) or 0, made - LOOKBACK)
        if not self.ledger.suspects(self.name):
            self._place = None

    def look_again(self) -> EntityRun | None:
        """Ask for the next suspects again; `None` when all of them have been, and those in doubt once more."""
        if self.failed:
            return None
        if (run := self._next_look()) or self._doubted:
            return run
        self._doubted = True
        self._place = -1 if self.ledger.doubt(self.name) else None
        return self._next_look()

    def _next_look(self) -> EntityRun | None:
        """Ask for the next suspects of this look."""
        if self._place is None:
            return None
        assert self.since is not None, "suspects are known"  # noqa: S101 - a bug of ours
        question = self.claim.question
        look = again(self.ledger, self.name, question.entity, self.since)
        if not self.by_id:
            self._place = None
            return reading(called(question, "again"), look)
        ranges = round_of(self.ledger.suspected(self.name, self._place))
        self._place = ranges[-1][1] if ranges else None
        return reading(called(question, "again"), look, ranges) if ranges else None

    def looked_again(self, run: EntityRun) -> None:
        """Take note of how the second look went."""
        self.ledger.show_again(self.name, ((one, None, False) for one in self._unread([run])))

    @property
    def emptied(self) -> bool:
        """Whether neither look has shown anything, though rows are on disk, or were."""
        there = self.finding.held or self.finding.damaged
        return bool(there) and not self.failed and not self.finding.ids and not self.ledger.shown_again(self.name)

    def disbelieve(self) -> None:
        """Note that the portal may hide what it did not show."""
        self.failed = True
        self.finding.status, self.finding.reason = "not compared", reason_of(ContractBroken(
            f"{counted(self.finding.held, 'row')} can be read on disk, and none is shown any more: were rights taken away? "
            "Only an administrator's credentials could tell"))

    def judge(self) -> None:
        """Name what differs."""
        finding = self.finding
        finding.moved = self.ledger.judge(self.name)
        for kind in KINDS:
            finding.of(kind).extend(self.ledger.found(self.name, kind))
        if not finding.reason:
            finding.status = "differs" if finding.differs else "same"

    def _unread(self, runs: Sequence[EntityRun]) -> list[Id]:
        """Return the rows that could not be read; note why a reading did not come to its end."""
        for run in runs:
            if run.status != "complete":
                self.finding.status, self.finding.reason = "not compared", run.reason
                self.failed |= not run.ended
        return [_id(one.id) for run in runs for one in run.unread]


def reading(question: Question, sink: Sink, ranges: Sequence[Range] | None = None) -> EntityRun:
    """Read an entity, or some ranges of its ids, into a sink."""
    run = EntityRun(question, named=True, open_sink=lambda: sink)
    if ranges is not None:
        run.spans = [Span(low, high, high) for low, high in ranges]
    return run


def round_of(ids: Iterable[int]) -> list[Range]:
    """Return the next ranges that hold ascending ids, as many as are asked for at a time."""
    return list(itertools.islice(windows(ids), _ROUND))


def called(question: Question, kind: str) -> Question:
    """Give a reading a name of its own."""
    return replace(question, entity=replace(question.entity, name=f"{question.entity.name}:{kind}"))


def _id(text: str) -> Id:
    """Read an id as it is known."""
    return int(text) if text.isascii() and text.isdigit() else text
