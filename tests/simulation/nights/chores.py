"""What is done with a mirror's folder between two nights: it is compacted, verified, harmed and repaired, and each of it may be killed.

Rule 1: meanwhile the world stands still, and nothing of the portal fails: what differs can be said exactly.
Rule 2: chores throw dice of their own, ask a portal of their own, and end before the next night begins. So the nights of a seed
are what they would be without them, but for what they find on disk.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import contextmanager

from tests.simulation.nights.audits import Audits
from tests.simulation.nights.compacts import Compacts
from tests.simulation.nights.ondisk import state_of

ROOM = 1_800.0  # seconds between two nights in which there is time for chores
KINDS = (*[()] * 13, ("compact",), ("compact",), ("verify",), ("verify",), ("repair",), ("compact", "repair"), ("repair", "compact"))


class Chores:
    """What is done between the nights of one story."""

    def __init__(self, story):
        self.story = story
        self.dice = random.Random(f"nights:{story.one.seed}:chores")

    async def between(self, night, gap):
        """Do what the seed says behind a night, in the time until the next one."""
        kinds, wait = self.dice.choice(KINDS), self.dice.choice([5.0, self.dice.uniform(5, ROOM / 2), self.dice.random() * gap / 2])
        if not kinds or gap < ROOM or state_of(self.story.disk.root) is None:
            return
        with self._apart():
            await asyncio.sleep(wait)
            with self.story.portal.still() as line:
                await asyncio.sleep(5)  # what has changed by now was not changed just now
                for kind in kinds:
                    if kind == "compact":
                        await Compacts(self.story, self.dice).fold()
                    elif self.story.ended == 0:
                        audits = Audits(self.story, self.dice, line, night.names)
                        await (audits.repair() if kind == "repair" else audits.verify())

    @contextmanager
    def _apart(self):
        """Throw no dice of the story's."""
        luck, before = self.story.dice, random.getstate()
        self.story.dice = self.dice
        try:
            yield
        finally:
            self.story.dice = luck
            random.setstate(before)
