"""Mends a mirror: what a verification has named is fetched, or written down as gone.

Rule 1: no entity moves on. What is written is what its next run would have
found on disk; its watermark and its lanes stay where they are.
Rule 2: an entity with a damaged file is written anew, whole, and its old files
go: nobody can say what else of them is wrong.
Rule 3: all of it counts in one commit, or none: files are synced first, then
recorded together with what is known, and then the manifest is replaced. Whoever
stops it before that leaves the folder as it was; whoever kills it leaves files, which are noted (`leftovers`). So does a
commit that fails: it may have been made all the same, and what it names has to be there. The next command reads what is recorded, and clears up.
Rule 4: a row that was to be written and cannot be read is recorded as unread, as a run of a sync would: the next one asks for it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import orjson

from extractor import durable, leftovers, manifest, mirror
from extractor.changes import Changes
from extractor.checkpoint import PRIVATE
from extractor.comparison import Comparison, called, reading, round_of
from extractor.entityrun import EntityRun, around
from extractor.errors import UsageError
from extractor.folder import refuse_lost_record
from extractor.known import NAME, Id, Known
from extractor.manifest import EntityFacts
from extractor.messages import AROUND, DAMAGED, FileMark, Unread
from extractor.mirror import Entry, State
from extractor.reflection import Place, tombstone
from extractor.sinks import Compression, NdjsonSink, part_path

_MANY = 1_000  # lines of deleted rows written at a time


@contextmanager
def mendable(folder: Path) -> Iterator[tuple[Known, State]]:
    """Open what a mirror knows of itself.

    Raises:
        UsageError: The folder is no mirror, or somebody else's files lie among its own.
    """
    path = folder / PRIVATE / NAME
    if not path.exists():
        refuse_lost_record(folder)
        raise UsageError("the folder holds a dump, which nothing can be added to: --repair is for folders of b24x sync")
    known = Known.open(path)
    try:
        recorded = known.state()
        state = mirror.decode(recorded) if recorded else State("")
        leftovers.settle(folder, state)
        yield known, state
        leftovers.clear(folder, state)  # behind an error the next command does: it alone can tell what is recorded
    finally:
        known.close()


@dataclass(slots=True, eq=False)
class Mending:
    """One entity being mended."""

    part: Comparison
    place: Place
    entry: Entry
    changes: Changes = field(init=False)
    deletes: NdjsonSink | None = None
    unread: dict[str, Unread] = field(default_factory=dict)
    _low: int | None = -1
    _doubted: dict[Id, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Forget what is not on disk, and doubt what is there as another text: then it is news; and one that goes now is known to have been."""
        entity, finding = self.part.claim.question.entity, self.part.finding
        if self.anew:
            self.place.known.forget_all(entity.name)
        else:
            self.place.known.forget(entity.name, finding.missing)
            self._doubted = self.place.known.doubt(entity.name, finding.stale)
        if not self.anew and not finding.missing and not finding.stale:
            self._low = None
        self.changes = Changes(entity.name, entity.id, self.place.known, functools.partial(self._open, "changes"))

    @property
    def anew(self) -> bool:
        """Whether the entity is written anew."""
        return bool(self.part.finding.damaged)

    def next(self) -> EntityRun | None:
        """Ask for the next rows that are to be written; `None` when all of them have been."""
        if self._low is None:
            return None
        question = called(self.part.claim.question, "repair")
        if self.anew or not self.part.by_id:
            self._low = None
            return reading(question, self.changes)
        ranges = round_of(self.part.ledger.wanting(self.part.name, self._low))
        self._low = ranges[-1][1] if ranges else None
        return reading(question, self.changes, ranges) if ranges else None

    def failure(self, run: EntityRun) -> str | None:
        """Take note of what a reading could not read; say why nothing can be mended with it: it has no end, or shows nothing any more."""
        self.unread.update((one.id, one) for one in run.unread)
        if not run.ended:
            return run.reason
        emptied = self.anew and self.part.finding.ids and not run.rows and not run.unread
        return f"{self.part.name} shows no row any more" if emptied else None

    def settle(self) -> Entry:
        """Write down what is gone; return the entity's record, and make its files durable."""
        entity, gone = self.part.claim.question.entity, self.part.finding.extra
        if gone and not self.anew:
            self.deletes = self._open("deletes")
            for first in range(0, len(gone), _MANY):
                self.deletes.append([tombstone(entity, one) for one in gone[first : first + _MANY]])
            self.deletes.commit()
            self.place.known.forget(entity.name, gone)
        self.changes.commit()
        files = (*(() if self.anew else self.entry.files), *self._fresh())
        old = (*self.entry.old, *(self.entry.files if self.anew else ()))
        unread = tuple((({} if self.anew else {one.id: one for one in self.entry.unread}) | self.unread).values())
        facts = self.entry.facts and _said(self.entry.facts, files, unread)
        return Entry(self.entry.question, self.entry.standing, files, unread, facts, old, self.entry.witnesses)

    @property
    def left(self) -> int:
        """How many differences are left: rows that cannot be read, and stale ones that the portal did not show any more."""
        marks = self.place.known.marks(self.part.name, list(self._doubted))
        return max(len(self.unread), sum(marks.get(one) == mark for one, mark in self._doubted.items()))

    def close(self, *, recorded: bool) -> None:
        """Let go of the files; where nothing names them, they go."""
        with ExitStack() as last:  # whatever happens to one, the other is closed
            last.callback(_remove, self.place.folder, () if recorded else self._fresh())
            if self.deletes:
                last.callback(self.deletes.close)
            last.callback(self.changes.close)

    def _fresh(self) -> list[FileMark]:
        """Name the files of this repair."""
        return [mark for mark in (self.changes.mark, *([self.deletes.mark] if self.deletes else [])) if mark.path]

    def _open(self, kind: str) -> NdjsonSink:
        """Open a file of this repair, stored as the entity's others are."""
        marks = (*self.entry.old, *self.entry.files)
        compress, stem = _compression(marks), leftovers.free_stem(kind, self.place.moment, marks)
        leftovers.note(self.place.folder, part_path(self.part.name, compress, stem))
        return NdjsonSink.open(self.place.folder, self.part.name, compress=compress, stem=stem)


def settle(state: State, mended: Sequence[Mending]) -> None:
    """Let the state say all of it; nothing counts before that is recorded."""
    for one in mended:
        state.entities[one.part.name] = one.settle()


def record(known: Known, state: State) -> None:
    """Record all of it."""
    known.commit(mirror.encode(state))


def publish(folder: Path, state: State, mended: Sequence[Mending]) -> None:
    """Say in the manifest what has been recorded, and remove the files that no longer count."""
    path = folder / manifest.NAME
    with durable.translated(path):
        said: dict[str, Any] = orjson.loads(path.read_bytes())
    for one in mended:
        one.part.finding.mended = one.part.finding.differs - one.left
    entries = {one.part.name: state.entities[one.part.name] for one in mended}
    manifest.restate(said, {name: replace(entry.facts, files=entry.files) for name, entry in entries.items() if entry.facts})
    said["status"] = manifest.overall(entry.facts for entry in state.entities.values() if entry.facts)
    manifest.write(folder, said)
    for one in mended:
        _remove(folder, one.entry.files if one.anew else ())


def _said(facts: EntityFacts, files: tuple[FileMark, ...], unread: tuple[Unread, ...]) -> EntityFacts:
    """Say what a mended entity holds; one whose last run failed has failed all the same."""
    facts = replace(facts, files=files, unread=unread)
    before = (facts.reason or "").startswith((AROUND, DAMAGED))
    if unread and (before or facts.status == "complete"):
        return replace(facts, status="partial", reason=around(unread), assurance=None)
    return replace(facts, status="complete", reason=None, assurance="exact") if before else facts  # rows beyond pages by id are never unread


def _remove(folder: Path, marks: Sequence[FileMark]) -> None:
    """Remove files that nothing names."""
    for mark in marks:
        with durable.translated(folder / mark.path):
            (folder / mark.path).unlink(missing_ok=True)


def _compression(marks: Sequence[FileMark]) -> Compression:
    """Tell how files are stored, by the last one's ending."""
    ending = marks[-1].path.rpartition(".")[2] if marks else "ndjson"
    return cast("Compression", ending if ending in {"gz", "zst"} else "none")
