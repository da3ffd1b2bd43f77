"""A verification between two nights, of a mirror as it is or with harm done to it: it names what differs and nothing else, and mends it."""

from __future__ import annotations

from extractor import findings
from extractor.order import Audit
from extractor.verify import DIFFERS, Verify
from tests.simulation.checks import holds
from tests.simulation.nights.harm import Harm
from tests.simulation.nights.ondisk import differences, latest, marks_of, state_of
from tests.simulation.scenario import Ending, far
from tests.simulation.story import Failed

OPERATIONS = 50  # of a repair on the disk, about


class Audits:
    """Verifications of what last night has brought into step, by a network on which nothing fails, to a world that stands still."""

    def __init__(self, story, dice, line, names):
        self.story, self.dice, self.line, self.names = story, dice, line, names
        self.truth = {name: story.portal.truth(name) for name in names}

    @property
    def folder(self):
        """Where the mirror lies by now."""
        return self.story.disk.root

    async def verify(self):
        """Name what has happened since, and nothing else; of a part of the rows, no other than that."""
        self.story.counts["chores: verify"] += 1
        await self._run(self._told(), share=self.dice.choice([1.0, 1.0, 0.2]))

    async def repair(self):
        """Do harm, and have it mended, with what has happened since: all of it is named, and it counts at once or not at all."""
        self.story.counts["chores: verify --repair"] += 1
        harm = {name: Harm(self.folder, name, self.truth[name]) for name in self.names}
        for one in harm.values():
            one.plant(self.dice, int(far(self.dice, 1, 40)), damages=self.dice.random() < 0.15)
        planted = set().union(*(one.planted for one in harm.values()))
        self.story.counts.update(f"chores: planted {what}" for _, _, what in planted)
        damaged = {one for one in planted if one[2] == "damaged"}
        differ = self._differ() | damaged
        holds(planted <= differ, "what is planted differs", planted - differ)
        await self._run(differ, share=1.0, repair=True)
        holds(not self._told(), "what is mended is as the portal has it", self._told())
        if self.dice.random() < 0.5:
            await self._run(set(), share=1.0)
        for name in self.names:
            self.story.books.mended(self.folder, name, self.truth[name], harm[name].lines)

    async def _run(self, differ, *, share, repair=False):
        """Run the command until it has come to its end; what differs stays so until a life has mended it, whether that tells of it or not."""
        before, told, endings = self._differ(), self._told(), self._endings()
        for ending in [*endings, None]:
            audit = Audit(self.folder, self.names, share=share, repair=repair)
            outcome = await self.story._live(ending, Verify(audit, self.story._limits(), self.line))
            self.story.books.held(self.folder)
            if outcome is not None and not isinstance(outcome, Failed) and outcome.exit_code in {0, DIFFERS}:
                self._says(outcome, differ, share=share, repair=repair)
                return
            holds(ending, "a folder on a disk that works is verified", outcome)
            left = self._differ()
            stopped = outcome is not None and outcome.exit_code == 143
            holds(left == before or (repair and not left and not stopped), "a repair counts at once or not at all", len(left), len(before))
            holds(self._told() in (told, before, left), "the manifest says what it said, or what is recorded", len(left))
            if not left:
                before, differ = left, left

    def _says(self, outcome, differ, *, share, repair):
        """Hold what is said against what differs; a sample may leave out what is stale."""
        found = {(one["entity"], one.get("id") or one["file"], one["what"]) for one in findings.each(outcome.manifest)}
        holds(found <= differ, "what does not differ is not named", found - differ)
        left_out = {one for one in differ - found if share == 1 or one[2] != "stale"}
        holds(not left_out, "what differs is named", left_out)
        holds((outcome.exit_code == DIFFERS) == bool(found), "the exit code says whether something differs", outcome.exit_code, len(found))
        mended = sum(entry["mended"] for entry in outcome.manifest["entities"].values())
        holds(mended == (len(found) if repair else 0), "all that differs is mended, and no more is told", mended, len(found))

    def _endings(self):
        """Choose how lives of it end."""
        kinds = [self.dice.choice(["kill", "kill", "power cut", "power cut", "stop", "disk"]) for _ in range(self.dice.choice([0, 0, 1, 1, 2]))]
        return [self._ending(kind) for kind in kinds]

    def _ending(self, kind):
        if kind == "stop":
            return Ending(kind, seconds=far(self.dice, 0.05, 5))
        if kind == "disk" or self.dice.random() < 0.8:
            return Ending(kind, operation=self.dice.randint(1, OPERATIONS))
        return Ending(kind, step=int(far(self.dice, 1, 200)))

    def _differ(self):
        """Hold the files that the record names against the portal."""
        state = state_of(self.folder)
        return self._against({name: state.entities[name].files for name in self.names})

    def _told(self):
        """Hold the files that the manifest names against the portal."""
        return self._against({name: marks_of(self.folder, name) for name in self.names})

    def _against(self, files):
        return set().union(*(differences(name, latest(self.folder, name, marks), self.truth[name]) for name, marks in files.items()))
