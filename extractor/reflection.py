"""One entity of a mirror during a run: its lanes, the file of its news, and at the end what is gone and where it stands.

Rule 1: an entity moves on as a whole. Its standing, what is gone of it and its
new files count when every lane has come to its end, and not before.
Rule 2: ids that were shown, and are not known when the lanes are through, are
asked for (`late`): then what was seen and what is known agree. That nothing has changed is asked for twice (`witness`).
Rule 3: what is gone is what was known, lies in ids that were read to their end,
was shown by no lane of the run, nor to the second look (`gone`).
Rule 4: nothing is asked of an entity with a damaged file: it stands where it stood, and the others move on.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import itertools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import orjson

from extractor.catalog import Entity
from extractor.changes import NO_FILE, Changes, Seen
from extractor.checkpoint import SavedEntity, fingerprint
from extractor.entityrun import EntityRun
from extractor.gone import Gone, Looked
from extractor.known import Id, Known
from extractor.lanes import Kind, Lane, advanced, doubt_of
from extractor.late import Late
from extractor.leftovers import damage, free_stem, moment_of, remove_unnamed
from extractor.manifest import EntityFacts
from extractor.messages import DAMAGED, FileMark, Row, Status, Unread
from extractor.mirror import Entry
from extractor.paging.span import HIGHEST_ID
from extractor.question import Question
from extractor.sinks import Compression, NdjsonSink, Sink, cut
from extractor.witness import Unchanged, Witnesses, drift_of

_MANY = 1_000  # lines of deleted rows written at a time


@dataclass(slots=True, eq=False)
class Place:
    """Where the rows of a run go: the folder, how they are stored, what is known, and the moment that names the files; `ours` by our own clock."""

    folder: Path
    compress: Compression
    known: Known
    began: dt.datetime
    ours: dt.datetime | None = None

    @property
    def moment(self) -> str:
        """The moment as it stands in the names of files."""
        return moment_of(self.began)


@dataclass(slots=True, eq=False)
class Reflection:
    """One entity being brought into step."""

    question: Question
    named: bool
    place: Place
    entry: Entry
    lanes: tuple[Lane, ...] = ()
    looks: bool = False
    runs: list[EntityRun] = field(default_factory=list)
    changes: Changes | None = None
    skipped: str | None = None
    noted: str | None = None
    damaged: str | None = None
    unchanged: Unchanged | None = None
    late: Late | None = None
    absent: Gone | None = None
    gone: int = 0
    reach: int | None = None
    looked: Looked | None = None
    deletes: FileMark = NO_FILE
    earlier: tuple[int, int] = (0, 0)  # rows written and gone in the run that the same command has finished before
    landed: int = 0  # rows of this run's file that commands before this one have written

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.question.entity.name

    def prepare(self, file: FileMark | None, saved: dict[str, SavedEntity], begun: dict[str, str]) -> None:
        """Make a run of each lane, unless a file is damaged; one that was under way goes on with its spans, if it asks what it has begun to ask, and with its file."""
        remove_unnamed(self.place.folder, self.name, (*self.entry.old, *self.entry.files, *((file,) if file else ())))
        found, digest = damage(self.place.folder, self.entry.files, file)
        if found:
            self.damaged, self.lanes, self.reach, self.looked = f"{DAMAGED}{found}", (), None, None
            if file and digest:
                cut(self.place.folder, file)  # a killed run may have written more than it had committed
            self.entry.files = (*self.entry.files, *((file,) if file else ()))  # what a run under way has landed counts
            return
        self.landed = file.rows if file else 0
        if doubted := doubt_of(self.entry.standing, self.place.began, self.place.ours):
            self.noted = doubted.words
        make = functools.partial(self._open, self._stem("changes"))
        self.changes = Changes(self.name, self.question.entity.id, self.place.known, make, make(mark=file, digest=digest) if file else None)
        self.changes.sees = self.looks
        for lane in self.lanes:
            run = EntityRun(lane.question, self.named, functools.partial(self._sink, lane), whole=lane.kind == "all")
            if run.name in saved and begun.get(run.name) == asked(run):
                run.adopt(saved[run.name])
            if lane.ids and run.spans is None and run.status == "running":  # of nothing else it asks, also where it starts over
                run.spans = lane.spans()
            self.runs.append(run)
        if (place := next((place for place, lane in enumerate(self.lanes) if lane.kind == "changed"), None)) is not None:
            self._listen(self.lanes[place], self.runs[place], self.changes)

    @property
    def file(self) -> FileMark:
        """The file of this run's news; without a path while there are none."""
        return self.changes.mark if self.changes else NO_FILE

    @property
    def news(self) -> tuple[int, int]:
        """How many rows this command has written, and how many it has found gone."""
        return self.earlier[0] + self.file.rows - self.landed, self.earlier[1] + self.gone

    @property
    def unread(self) -> tuple[Unread, ...]:
        """The rows that cannot be read, each once, by however many lanes it was asked for."""
        return tuple({one.id: one for run in self.runs for one in run.unread}.values())

    @property
    def done(self) -> bool:
        """Whether every lane has been read to its end, around what cannot be read."""
        return bool(self.runs) and all(run.ended for run in self.runs)

    def look(self) -> None:
        """Note at each commit what a kill must not forget: the last id that there is, as soon as the reading of what is new has seen it; witnesses; how far the second look has come."""
        run = next((run for lane, run in zip(self.lanes, self.runs, strict=True) if lane.kind in {"all", "new"}), None)
        self.entry.witnesses = tuple(self.unchanged.witnesses.ids) if self.unchanged else self.entry.witnesses
        self.looked = (self.absent.looked if self.absent else None) or self.looked
        if self.reach is None and run is not None and run.sink is not None:
            spans = run.listing.spans if run.listing else None
            self.reach = max((span.until for span in spans or ()), default=self.place.known.last(self.name))

    def ask_again(self) -> EntityRun | None:
        """When all are through, ask again for changes where there were none, for what is late, then once more for what no lane has shown; `None` when that has been done."""
        if not self.looks or not self.done:
            return None
        if self.absent is None and self.unchanged and (run := self.unchanged.ask()):
            return self._append("witness" if run is self.unchanged.summoned else "changed", run)
        if not self.done:
            return None
        if self.absent is None and (run := self._ask_late()):
            return self._append("late", run)
        if self.absent is None:
            self.place.known.see(self.name, [int(one.id) for one in self.unread])
            shown = any(run.rows or run.unread for run in self.runs)
            self.absent = Gone(self.question, self.named, self._unseen(), shown)
            self.absent.go_on(self.looked)
        return self._append("gone", self.absent.ask())

    def settle(self) -> None:
        """Move on: write down what is gone, and where the entity stands now."""
        known = self.place.known
        gone = self.absent.ids if self.absent else []
        self.gone = len(gone)
        if gone:
            with closing(self._open(self._stem("deletes"))) as sink:
                for first in range(0, len(gone), _MANY):
                    sink.append([tombstone(self.question.entity, one) for one in gone[first : first + _MANY]])
                self.deletes = sink.commit()
            known.forget(self.name, gone)
        last = known.last(self.name)
        reach = last if self.reach is None else self.reach
        standing = advanced(self.entry.standing, self.place.began, last, self.lanes, reach=reach, ours=self.place.ours)
        self.entry = Entry(self.entry.question, standing, self.files(), self.unread, old=self.entry.old)
        self.entry.facts = self.facts()  # as of the new standing

    def stand(self) -> None:
        """Stay where it stood: what it has landed counts, and what it had left to ask is asked anew."""
        self.look()
        self.entry = msgspec.structs.replace(self.entry, files=self.files(), facts=self.facts())

    def files(self) -> tuple[FileMark, ...]:
        """List the entity's files, oldest first."""
        fresh = (self.file, self.deletes)
        paths = {mark.path for mark in fresh}
        return (*(mark for mark in self.entry.files if mark.path not in paths), *(mark for mark in fresh if mark.path))

    def facts(self) -> EntityFacts:
        """Return the entity's entry for the manifest."""
        facts = [run.facts() for run in self.runs]
        worst = next((one for one in facts if one.status not in {"complete", "partial"}), None) or next(
            (one for one in facts if one.status == "partial"), None)
        status: Status = "skipped" if self.skipped else "failed" if self.damaged else worst.status if worst else "complete"
        reason = self.skipped or self.damaged or (worst.reason if worst else None)
        said = next((one.reason for lane, one in zip(self.lanes, facts, strict=True) if lane.kind == "all"), None)
        best_effort = any(one.assurance == "best-effort" for one in facts)
        standing, (written, gone) = self.entry.standing, self.news
        return EntityFacts(
            method=self.question.entity.method,
            params=self.question.asked(),
            status=status,
            key=self.question.entity.id or None,
            reason=reason or self.noted or said,
            assurance=None if status != "complete" else "best-effort" if best_effort else "exact",
            files=self.files(),
            unread=self.entry.unread if self.damaged else self.unread,
            requests=sum(one.requests for one in facts),
            calls=sum(one.calls for one in facts),
            retries=sum(one.retries for one in facts),
            seconds=sum(one.seconds for one in facts),
            named=self.named,
            more={
                "watermark": standing.watermark.isoformat() if standing else None,
                "swept": standing.swept.isoformat() if standing and standing.swept else None,
                "written": written,
                "gone": gone,
                "lanes": _costs(self.lanes, self.runs),
            },
        )

    def close(self) -> None:
        """Let go of the file."""
        if self.changes:
            self.changes.close()

    def _listen(self, lane: Lane, run: EntityRun, changes: Changes) -> None:
        """Keep what may belie a lane of changes that shows nothing; once heard of, it is not forgotten."""
        assert self.entry.standing is not None, "changes are asked for since something"  # noqa: S101 - a bug of ours
        witnesses = Witnesses(self.question.entity, self.entry.standing.watermark, self.place.began, drift_of(self.question), list(self.entry.witnesses))
        self.unchanged = Unchanged(lane, run, witnesses, lambda: changes)
        changes.hears = witnesses.hear

    def _ask_late(self) -> EntityRun | None:
        """Ask for the rows of ids that were shown alone, and are not known."""
        if self.changes is None or not any(lane.kind == "ids" for lane in self.lanes):
            return None
        if self.late is None:
            changes = self.changes
            self.late = Late(self.question, self.named, self.place.known, lambda: changes, frozenset(int(one.id) for one in self.unread))
        return self.late.ask()

    def _append(self, kind: Kind, run: EntityRun | None) -> EntityRun | None:
        """Add a lane that the others have led to."""
        if run is not None:
            self.lanes = (*self.lanes, Lane(kind, run.question))
            self.runs.append(run)
        return run

    def _unseen(self) -> Sequence[Id]:
        """Return what was known and was not shown, in what this run has read to its end."""
        known = self.place.known
        if any(lane.kind in {"all", "ids"} for lane in self.lanes):
            return list(known.unseen(self.name))
        found = [known.unseen(self.name, lane.low, lane.high or HIGHEST_ID) for lane in self.lanes if lane.kind in {"new", "again"}]
        found += [known.unseen_among(self.name, lane.ids) for lane in self.lanes if lane.kind == "events"]
        return list(dict.fromkeys(itertools.chain.from_iterable(found)))

    def _sink(self, lane: Lane) -> Sink:
        """Give a lane its way out."""
        assert self.changes is not None, "prepared before"  # noqa: S101 - a bug of ours
        return Seen(self.name, self.question.entity.id, self.place.known) if lane.kind == "ids" else self.changes

    def _stem(self, kind: str) -> str:
        """Choose the name of a file of this run."""
        return free_stem(kind, self.place.moment, (*self.entry.old, *self.entry.files))

    def _open(self, stem: str, *, mark: FileMark | None = None, digest: hashlib._Hash | None = None) -> NdjsonSink:
        """Open a file of this run."""
        return NdjsonSink.open(self.place.folder, self.name, compress=self.place.compress, mark=mark, stem=stem, digest=digest)


def tombstone(entity: Entity, identifier: Id) -> Row:
    """Write that a row is gone, its id as the portal writes it."""
    value = identifier if entity.family == "controller" and isinstance(identifier, int) and entity.id == "id" else str(identifier)
    return Row(orjson.dumps({entity.id: value, "_deleted": True}), {entity.id: value})


def asked(run: EntityRun) -> str:
    """Return the fingerprint of what a lane asks: spans are good for its bounds alone."""
    return fingerprint([run.question.entity.method, run.question.asked()])


def saved(run: EntityRun) -> SavedEntity:
    """Return a lane's record; its rows are in the entity's file."""
    return replace(run.saved(), files=())


def _costs(lanes: Sequence[Lane], runs: Sequence[EntityRun]) -> dict[str, dict[str, float]]:
    """Say what each kind of lane has read, and what that cost."""
    costs: dict[str, dict[str, float]] = {}
    for lane, run in zip(lanes, runs, strict=True):
        cost = costs.setdefault(lane.kind, {"rows": 0, "calls": 0, "retries": 0, "seconds": 0.0})
        cost |= {
            "rows": cost["rows"] + run.rows, "calls": cost["calls"] + run.calls, "retries": cost["retries"] + run.retries,
            "seconds": round(cost["seconds"] + run.seconds, 3)}
    return costs
