"""A mirror's life: night after night the same command, killed and gone on with, and what is on disk held against the portal."""

from __future__ import annotations

import asyncio
import random

import pytest

from extractor import clocks, comparison, lanes, planner, sync
from extractor.order import Mirror
from extractor.sync import Sync
from tests.simulation.checks import Broken, holds
from tests.simulation.disk import Disk
from tests.simulation.nights.calendar import DAY, calendar
from tests.simulation.nights.checks import Books
from tests.simulation.nights.chores import Chores
from tests.simulation.nights.portal import Portal
from tests.simulation.story import LIVES, Ended, Failed, Story, tell


class Nights(Story):
    """Nights of one mirror, one after another."""

    scenario = staticmethod(calendar)

    async def run(self):
        """Live through all nights."""
        self.portal = Portal(self.one, self.loop)
        self.books = Books(self.one, self.portal)
        self.disk = Disk(self.root / "0")
        self.dice = random.Random(f"nights:{self.one.seed}:lives")
        with self.disk.watched(), pytest.MonkeyPatch.context() as patched:
            patched.setattr(clocks, "time", self.portal.access.wall)
            chores = Chores(self)
            for number, night in enumerate(self.one.nights):
                last = number == len(self.one.nights) - 1
                begins = self.loop.time() + night.gap
                self.portal.world.intend_night(self.portal.now + night.gap, max(night.gap, 1.0), night.events)
                if number:
                    await chores.between(self.one.nights[number - 1], night.gap)
                await self._until(begins)
                self.portal.mended = self.portal.mended or (number > 1 and self.dice.random() < 0.3)
                self.ended = await self._night(night, last=last)
            await chores.between(night, DAY)
        self.counts += self.portal.counts + self.portal.world.counts

    async def _until(self, moment):
        """Wait for a moment of the loop's clock."""
        come = self.loop.create_future()
        self.loop.call_at(moment, come.set_result, None)
        await come

    async def _night(self, night, *, last):
        """Run the command until it has come to its end, or is left as it is for this night; return the exit code of its end."""
        endings, self.asked = list(night.endings), night.names
        self.books.asked.update(night.names)
        self.portal.night(stormy=night.stormy)
        self.counts["nights"] += 1
        emptied = False
        for _ in range(LIVES):
            ending = endings.pop(0) if endings else None
            self.portal.access._set_clock()
            began, calm = self.portal.now, self.portal._has_calmed()
            outcome = await self._live(ending)
            self.counts["lives"] += 1
            self.books.held(self.disk.root)
            if outcome is not None and not isinstance(outcome, Failed):
                self.counts[f"ended with {outcome.exit_code}"] += 1
                if self.books.closed(self.disk.root, outcome, began, night.names):
                    return outcome.exit_code
            if not emptied and self.books.emptied(outcome, night.names):
                emptied = True
                self.counts["emptied while they were read"] += 1
                continue  # once: the next life finds the table empty, and is held to that
            holds(not (calm and ending is None), "a portal that works again is read to the end", outcome)
            if not endings and night.left and not last:
                self.counts["nights left as they were"] += 1
                return None
            await asyncio.sleep(self.dice.choice([0.0, 1.0, 400.0]))
        raise Broken("a night has an end")

    def _command(self, max_seconds):
        order = Mirror([one for one in self.one.questions() if one.entity.name in self.asked], self.disk.root, compress=self.one.compress, max_seconds=max_seconds,
                       deletes=self.one.deletes, full_every=self.one.full_every)
        return Sync(order, self._limits(), self.portal)


def nights(seed: int) -> Ended:
    """Tell the nights of a seed; what decides between ways of reading is as small as the tables are."""
    one = calendar(seed)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(planner, "SMALL", one.small)
        patched.setattr(lanes, "FEW", one.few)
        patched.setattr(comparison, "FEW", one.few)
        patched.setattr(lanes, "OVERLAP", min(lanes.OVERLAP, one.overlap))
        patched.setattr(sync, "CHEAP", one.cheap)
        return tell(seed, Nights)
