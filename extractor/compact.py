"""A mirror's files of one entity, folded into one that holds each row once, as it is now.

Rule 1: a name is recorded before its file is made, and a file is removed only
when nothing names it any more. So first the mirror's state says that the new
file is to go, as it would after a kill; then it is written and synced; then one
commit swaps it for those it replaces, which are to go from now on; then the
manifest follows; then they are removed. `Entry.old` is the list of what is to
go, and a sync of whatever entity clears it as well as the next compact does (`leftovers`).
Rule 2: what is folded is what the manifest names, proven by its sum. Rows and
marks that are known stay as they are, so the next sync goes on as it would have.
"""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from extractor import leftovers, manifest, mirror
from extractor.catalog import catalog
from extractor.checkpoint import PRIVATE
from extractor.errors import UsageError
from extractor.fold import Fold
from extractor.folder import has, refuse_lost_record, taken
from extractor.known import NAME, Known
from extractor.messages import FileMark, Row
from extractor.mirror import Entry, State
from extractor.sinks import Compression, NdjsonSink, compression_of, part_path, read_lines

_MANY = 1_000  # rows written at a time


@dataclass(frozen=True, slots=True)
class Folded:
    """What became of one entity: its files before and now; `left` says why they are the same, where they are."""

    name: str
    before: tuple[FileMark, ...]
    now: tuple[FileMark, ...]
    left: str | None = None


def compact(folder: Path, words: Sequence[str] = (), compress: Compression | None = None) -> Iterator[Folded]:
    """Fold the entities that the words name (none: all), one after the other; `compress` stores them anew, `None` as they are.

    Raises:
        UsageError: The folder is no mirror, a run of it has not come to its end, somebody else's files lie among its own, or a word names nothing.
        FolderBusy: Another run holds it.
    """
    path = folder / PRIVATE / NAME
    if not has(folder, f"{PRIVATE}/{NAME}"):
        if has(folder, f"{PRIVATE}/checkpoint.json"):
            raise UsageError(f"DIR: {folder} holds a dump, which has each row once: there is nothing to fold")
        refuse_lost_record(folder)
        raise UsageError(f"DIR: {folder} is no mirror: name one that b24x sync has made")
    with taken(folder, "DIR"):
        known = Known.open(path)
        try:
            recorded = known.state()
            if recorded is None:
                raise UsageError("the folder is a mirror without rows yet: sync it first")
            state = mirror.decode(recorded)
            if state.night is not None:
                raise UsageError("a sync of this folder has not come to its end: run it again, and compact afterwards")
            names = _named(state, words)
            leftovers.settle(folder, state)
            compaction = _Compaction(folder, known, state)
            compaction.settle()
            for name in names:
                yield compaction.fold(name, compress)
        finally:
            known.close()


class _Compaction:
    """One run over one mirror."""

    def __init__(self, folder: Path, known: Known, state: State) -> None:
        self._folder, self._known, self._state = folder, known, state

    def fold(self, name: str, compress: Compression | None) -> Folded:
        """Fold one entity, if there is anything to fold."""
        entry = self._state.entities[name]
        if entry.standing is None:
            return Folded(name, entry.files, entry.files, "it has not been read whole yet")
        for mark in entry.files:
            leftovers.hold_against(self._folder, mark)
        kind = compress or (compression_of(entry.files[-1]) if entry.files else "none")
        with Fold(catalog()[name].id) as fold:
            rows = fold.note(self._lines(entry))
            if [(rows, kind)] == [(mark.rows, compression_of(mark)) for mark in entry.files] or not entry.files:
                return Folded(name, entry.files, entry.files, "each row is there once")
            files = self._written(name, kind, fold) if rows else ()
        facts = entry.facts and replace(entry.facts, files=files)
        self._commit(name, msgspec.structs.replace(entry, files=files, facts=facts, old=entry.files))
        self.settle()
        return Folded(name, entry.files, files)

    def settle(self) -> None:
        """Let the manifest say what the state says; then remove what neither of them names."""
        whole = {name: entry for name, entry in self._state.entities.items() if entry.standing}
        manifest.bring_up(self._folder, {name: replace(entry.facts, files=entry.files) for name, entry in whole.items() if entry.facts})
        if leftovers.remove_old(self._folder, self._state):
            self._known.commit(mirror.encode(self._state))

    def _written(self, name: str, kind: Compression, fold: Fold) -> tuple[FileMark]:
        """Write the rows that count into a file of their own (Rule 1)."""
        entry = self._state.entities[name]
        taken = {mark.path.partition("/")[2].partition(".")[0] for mark in entry.files}
        stem = next(stem for stem in (f"part-{number:05}" for number in itertools.count()) if stem not in taken)
        self._commit(name, msgspec.structs.replace(entry, old=(FileMark(part_path(name, kind, stem), 0, 0, ""),)))
        sink = NdjsonSink.open(self._folder, name, compress=kind, stem=stem)
        try:
            rows = (Row(line, {}) for line in fold.latest(self._lines(entry)))
            while some := list(itertools.islice(rows, _MANY)):
                sink.append(some)
            return (sink.commit(),)
        finally:
            sink.close()

    def _lines(self, entry: Entry) -> Iterator[bytes]:
        """Read an entity's files, oldest first."""
        return itertools.chain.from_iterable(read_lines(self._folder, mark) for mark in entry.files)

    def _commit(self, name: str, entry: Entry) -> None:
        """Record where an entity stands."""
        self._state.entities[name] = entry
        self._known.commit(mirror.encode(self._state))


def _named(state: State, words: Sequence[str]) -> list[str]:
    """Return the mirror's entities that words name, by name or by a glob over those."""
    for word in words:
        if not fnmatch.filter(state.entities, word):
            raise UsageError(f"the mirror has no {word!r}; it has {', '.join(sorted(state.entities)) or 'nothing'}")
    return [name for name in state.entities if not words or any(fnmatch.fnmatchcase(name, word) for word in words)]
