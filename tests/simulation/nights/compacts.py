"""A compact between two nights, killed or not: the latest line of each key is what it was, at every moment."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path

from extractor.compact import compact
from extractor.sinks import Compression
from tests.simulation.checks import holds, rows_on_disk
from tests.simulation.nights.ondisk import latest, marks_of, state_of
from tests.simulation.scenario import Ending
from tests.simulation.story import Failed

OPERATIONS = 40  # of a compact on the disk, about


@dataclass(slots=True)
class Compacting:
    """The command as a run, which can be killed at a step, too: between two entities."""

    folder: Path
    words: tuple[str, ...] = ()
    compress: Compression | None = None

    async def run(self):
        """Fold; return what became of each entity."""
        folded = []
        for one in compact(self.folder, self.words, self.compress):
            folded.append(one)
            await asyncio.sleep(0)
        return folded


class Compacts:
    """Compacts of one story's mirror."""

    def __init__(self, story, dice):
        self.story, self.dice = story, dice

    @property
    def folder(self):
        """Where the mirror lies by now."""
        return self.story.disk.root

    async def fold(self):
        """Fold the mirror, or some of it, to the end; killed, it may be left to the next sync."""
        self.story.counts["chores: compact"] += 1
        state = state_of(self.folder)
        if state.night is not None:
            outcome = await self.story._live(None, Compacting(self.folder))
            holds(isinstance(outcome, Failed) and outcome.exit_code == 2, "a mirror is not compacted while a run of it is under way", outcome)
            return
        self.story.books.counted(self.folder, state)
        words = tuple(self.dice.sample(sorted(state.entities), self.dice.randint(0, len(state.entities))))
        compress, rows = self.dice.choice([None, None, "none", "gz", "zst"]), self._rows()
        for ending in [*self._endings(), None]:
            outcome = await self.story._live(ending, Compacting(self.folder, words, compress))
            self.story.books.held(self.folder)
            holds(rows == self._rows(), "a compact changes no row", ending, outcome)
            if outcome is not None and not isinstance(outcome, Failed):
                for name in [one.name for one in outcome if state.entities[one.name].standing]:
                    self._is_folded(name, rows[name])
                return
            holds(ending, "a mirror on a disk that works is compacted", outcome)
            if self.dice.random() < 0.3:
                self.story.counts["chores: compact, left as it was"] += 1
                return

    def _endings(self):
        """Choose how lives of it end."""
        kinds = [self.dice.choice(["kill", "power cut", "power cut", "disk"]) for _ in range(self.dice.choice([0, 1, 1, 2]))]
        return [Ending(kind, operation=self.dice.randint(1, OPERATIONS)) for kind in kinds]

    def _rows(self):
        """Fold all entities by the record; where the last night has come to its end, the manifest has to name the same, or as good."""
        rows = {name: latest(self.folder, name, entry.files) for name, entry in state_of(self.folder).entities.items()}
        for name, found in rows.items() if self.story.ended is not None else ():
            holds(found == latest(self.folder, name, marks_of(self.folder, name)), f"{name}: the manifest names the rows that the record does")
        return rows

    def _is_folded(self, name, rows):
        """Hold an entity against its rows: each is there once, in one file, and nothing else."""
        files = marks_of(self.folder, name)
        holds(len(files) <= 1, f"{name}: what is compacted lies in one file", len(files))
        lines = rows_on_disk(self.folder, name, {"files": [asdict(mark) for mark in files], "rows": len(rows)})
        holds(len(lines) == len(rows), f"{name}: what is compacted has each row once")
