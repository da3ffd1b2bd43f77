"""What the portal's methods have really computed, and whether a run that waits for their budget has a reason to.

A ledger that believes too much loses no row, and is never refused: all that can be seen of it is that it waits. So each wait
that a run announces for the operating limit is held against the seconds that the portal spent, while nothing else can explain it:
no request is under way, and this life has met no block that was a fault's invention.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from contextlib import contextmanager

from extractor.events import Waiting
from tests.simulation.checks import holds

WINDOW = 720.0  # the ten minutes of the limit, and the longest request at each end
SHARE = 0.5  # of the limit: below it nobody is near. Of 700 stories' waits the nearest was for 1.05 of it
GLANCE = 2.0  # a shorter wait is a look again, when answers are just in


class Budget:
    """The seconds of one portal, by method."""

    def __init__(self, meter):
        limit = meter.operating.limit if meter else None
        self._limit = 420.0 if limit is None else limit
        self._spent = defaultdict(deque)
        self._lost = deque()
        self._waits = []
        self._flying = self.blocks = 0

    def ran(self, method, seconds):
        """Note that a method has computed."""
        self._spent[method].append((_now(), seconds))

    @contextmanager
    def request(self):
        """Note what a request without an answer may have cost, as far as a client can tell: all of its time."""
        began, answers = _now(), []
        self._flying += 1
        try:
            yield answers
        finally:
            self._flying -= 1
            if not answers or answers[0].status != 200:
                self._lost.append((_now(), _now() - began))

    def watch(self):
        """Watch one life."""
        blocks = self.blocks

        def observer(event):
            if isinstance(event, Waiting) and "operating limit" in event.why and not self._flying and blocks == self.blocks:
                method = event.why.split()[-1]
                self._waits.append((event.seconds, method, self._recent(method)))
        return observer

    def check(self):
        """Hold the waits of the last life against what was spent."""
        for seconds, method, spent in self._waits:
            holds(seconds < GLANCE or spent >= SHARE * self._limit, "a wait for the operating limit has a reason",
                  f"{seconds:.0f} s, when {method} had spent {spent:.1f} of {self._limit:.0f} s")
        self._waits.clear()

    def _recent(self, method):
        since = _now() - WINDOW
        return sum(seconds for then, seconds in (*self._spent[method], *self._lost) if then >= since)


def _now():
    return asyncio.get_running_loop().time()
