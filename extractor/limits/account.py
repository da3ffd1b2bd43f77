"""What one counter of the portal holds, as far as we can know it from outside.

The portal keeps, per method and per way of calling (direct or batched), ten
one-minute buckets of seconds. A request reads their sum when it starts
(`operating`), and adds its own seconds after its response; a call of 0.1 s
or less shows only then, and only if the request's calls pass 0.1 s together;
otherwise the request is not charged at all.

Rule 1: the latest report is the truth about the moment its request was sent,
about everything answered before. Reports are cumulative: they are never added
up, and one that was sent earlier than another is stale when it comes later.
Rule 2: what was answered since is *open*: an estimate, on top of the report,
until a report settles it. What a settled request turns out to have cost
teaches what a call costs; before that the least counts that one can have cost at the most.
Rule 3: a charge stays for ten minutes from the start of its request, or of the portal's minute in
which that was: the portal drops a whole minute at once. Where its clock is not known it drops it up to
a minute earlier than we do, and the next report says so.
Rule 4: seconds that we cannot have spent are *foreign*: other webhooks share the
batched counter, and an earlier run may have left some. Their age is unknown.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = 600.0
CELL = 1.0  # charges are added up by the second
UNSEEN = 0.1  # a call up to here does not show in its own request (LoadLimiter)

# The store is written in the background after the response: an answer that came this
# shortly before a request was sent may be missing in that request's report. And this long
# after it was sent, a request has begun.
LAG = 1.0
SHOWS = 0.8  # of such a charge on the counter: then it is there

# The portal may have dropped what is older: 600 s less the minute, less the longest request.
OLD = WINDOW - 60 - 60

# Calls differ. What is under way is taken to cost more than the mean by so many standard deviations:
# a limit is met with many mixtures of calls a day, and the cheapest of them come back first.
CARE = 4.0
SPREAD = 0.16  # variance of a call's seconds as a share of their square, until it is measured

DEARER, CHEAPER = 0.5, 0.1  # weight of a new measurement above, below what was known
STEADY = 0.1  # weight of a new measurement of the variance


@dataclass(slots=True)
class Charge:
    """One answered request: what its calls cost, at `least`, at `most`, by our estimate."""

    answered: float
    since: float
    calls: int
    least: float
    most: float
    seconds: float
    lost: bool = False  # its answer never came: charged as if it had run, and it may not have


class Cells:
    """Seconds by the time of their charge, in steps of `CELL`; each leaves when its youngest is too old."""

    def __init__(self) -> None:
        self._cells: deque[list[float]] = deque()
        self.total = 0.0

    def add(self, since: float, seconds: float) -> None:
        """Charge seconds; they stay up to a cell too long, never too short."""
        end = (since // CELL + 1) * CELL
        self.total += seconds
        place = len(self._cells)
        while place and self._cells[place - 1][0] > end:
            place -= 1
        if place and self._cells[place - 1][0] == end:
            self._cells[place - 1][1] += seconds
        else:
            self._cells.insert(place, [end, seconds])

    def take(self, seconds: float, before: float = math.inf) -> float:
        """Remove up to so many seconds charged `before`, the oldest first; return what could not be."""
        while seconds > 0 and self._cells and self._cells[0][0] <= before:
            taken = min(seconds, self._cells[0][1])
            seconds -= taken
            self._cells[0][1] -= taken
            if self._cells[0][1] <= 0:
                self._cells.popleft()
            self._resum(-taken)
        return seconds

    def expire(self, now: float) -> None:
        """Forget what is older than the window."""
        while self._cells and self._cells[0][0] + WINDOW <= now:
            self._resum(-self._cells.popleft()[1])

    def leaving(self) -> list[tuple[float, float]]:
        """Return when how many seconds leave, the next first."""
        return [(end + WINDOW, seconds) for end, seconds in self._cells]

    def _resum(self, change: float) -> None:
        self.total = self.total + change if self._cells else 0.0


class Account:
    """One counter of the portal, and our calls on their way to it."""

    def __init__(self) -> None:
        self.own = Cells()
        self.foreign = Cells()
        self.flying = 0
        self.cost: float | None = None  # seconds per call
        self.measured = False  # whether a report has told; until then that is a bound
        self.spread = SPREAD  # variance of the seconds of a call, as a share of their square
        self.read_at = -math.inf  # when the request of the latest report was sent
        self.reset_at: float | None = None  # unix seconds, as the portal reports it
        self._open: deque[Charge] = deque()

    def used(self, now: float) -> float:
        """Return the seconds on the counter: as reported, and what came since."""
        self.own.expire(now)
        self.foreign.expire(now)
        if any(charge.since + WINDOW <= now for charge in self._open):
            self._open = deque(charge for charge in self._open if charge.since + WINDOW > now)
        return self.own.total + self.foreign.total + sum(charge.seconds for charge in self._open)

    def doubt(self) -> float:
        """Return the variance, in square seconds, of what was charged to answered requests and no report has settled."""
        each = self.spread * (self.cost or 0.0) ** 2
        return sum(min(each * charge.calls, (charge.most - charge.least) ** 2 / 4) for charge in self._open if not charge.lost)

    def charge(self, since: float, answered: float, calls: int, least: float, most: float, *, lost: bool = False) -> None:
        """Open a charge for a request with so many calls, that the portal began no later than `since`."""
        if self.cost is None:
            self.cost = most / calls
        elif least > calls * self.cost:  # seen already; no need to wait for a report
            self.cost += DEARER * (least / calls - self.cost)
        elif not self.measured:
            self.cost = min(self.cost, most / calls)
        guess = max(least, min(most, calls * self.cost))
        self._open.append(Charge(answered, since, calls, least, most, guess, lost))

    def report(self, operating: float, sent: float) -> None:
        """Believe the portal: when a request was sent, the counter stood at `operating`."""
        if sent < self.read_at:
            return
        self.read_at = sent
        self.own.expire(sent)
        self.foreign.expire(sent)
        settled, missing = self._settle(operating - self.own.total - self.foreign.total, sent)
        rest = self._grow(settled, missing) if missing > 0 else -self._drain(settled, -missing, sent - OLD)
        self._learn(settled)
        for charge in settled:
            self.own.add(charge.since, charge.seconds)
        if rest > 0:
            self.foreign.add(sent, rest)
        else:
            self.own.take(-rest)

    def leaving(self) -> list[tuple[float, float]]:
        """Return when how many seconds will have left at the latest, the next first."""
        still = [(charge.since + WINDOW, charge.seconds) for charge in self._open]
        return sorted(self.own.leaving() + self.foreign.leaving() + still)

    def _settle(self, risen: float, sent: float) -> tuple[list[Charge], float]:
        """Close the charges that explain by what the counter has risen; return them, and what they leave unexplained."""
        settled = []
        while self._open and self._open[0].answered <= sent:
            charge = self._open[0]
            if charge.answered > sent - LAG and risen < SHOWS * charge.seconds:
                break  # not in the store yet
            settled.append(self._open.popleft())
            risen -= charge.seconds
        return settled, risen

    @staticmethod
    def _grow(settled: list[Charge], missing: float) -> float:
        """Let the settled requests have cost more, each by its share of what is possible; return the rest."""
        possible = sum(charge.most - charge.seconds for charge in settled)
        share = min(1.0, missing / possible) if possible > 0 else 0.0
        for charge in settled:
            charge.seconds += share * (charge.most - charge.seconds)
        return max(0.0, missing - possible)

    def _drain(self, settled: list[Charge], surplus: float, old: float) -> float:
        """Take away what the counter has lost: old seconds, foreign ones, then our estimates; return the rest."""
        surplus = self.foreign.take(self.own.take(surplus, old))
        possible = sum(charge.seconds - charge.least for charge in settled)
        share = min(1.0, surplus / possible) if possible > 0 else 0.0
        for charge in settled:
            charge.seconds -= share * (charge.seconds - charge.least)
        return max(0.0, surplus - possible)

    def _learn(self, settled: list[Charge]) -> None:
        charged = [charge for charge in settled if charge.seconds > 0]  # what was too little to be charged teaches nothing
        calls = sum(charge.calls for charge in charged)
        if not calls:
            return
        self.measured = True
        measured = sum(charge.seconds for charge in charged) / calls
        known = self.cost or 0.0
        if known > 0:  # the mean of many calls differs from the true one by less than that of a few
            apart = (measured - known) / max(measured, known)
            self.spread += STEADY * (min(1.0, calls * apart**2) - self.spread)
        self.cost = known + (DEARER if measured > known else CHEAPER) * (measured - known)


def bounds(reports: Sequence[float], latency: float) -> tuple[float, float]:
    """Return what a request has cost at least and at most: what rose inside it was spent by it."""
    calls = len(reports)
    seen = min(latency, max(0.0, reports[-1] - reports[0]))
    if calls == 1:
        return 0.0, latency
    # All but the first are seen rising, and hide 0.1 s each at most; the first is like the others.
    return seen, min(latency, (seen + calls * UNSEEN) * calls / (calls - 1))
