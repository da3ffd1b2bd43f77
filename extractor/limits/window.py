"""Requests in flight: as many as make the portal answer more, and no more.

Little's law: in flight = throughput x latency. While the portal has room, more
requests in flight mean more throughput at the same latency; once it is busy
they only queue, and latency grows instead, towards the 60 seconds at which
requests are cut. Where the knee lies no one tells; so the window tries, round
by round (a round is twice as many answers as the window is wide):

Rule 1: only a round in which the window was in the way teaches anything: it was
full at times, and nearly so on average.
Rule 2: a try changes the width by a quarter, which below the knee changes throughput
as much, above it not at all. A wider window must bring much of that; a narrower
one, which also means shorter queues, may cost a little of it. What pays is
kept and tried further; what does not is taken back, and the other direction
is tried: at once when nothing is known yet, later after some rounds
of rest, which also measure.
Rule 3: a round counts the requests that left since the window has its width, for the
others queued with as many as before; and its throughput is width x work / latency, not
work / time: requests that leave together come back together, and where a
round ends amid such a troop its time is a quarter too long or too short.
Rule 4: until a try does not pay for the first time, the width doubles, and a round
is as many answers as it is wide, whenever they left (TCP's slow start): a run of a minute
must not spend it on finding out. Here work / time is the measure, for
those that join find no queue yet. The knee lies below
the double that did not pay: so the next tries go up from where it set out, without a rest.
A run whose rest is no more than twice the first width doubles it at once: it has no second round to learn for.
Rule 5: a failed request halves the window, but those that had left by then halve it
no more, and one among answers is a mishap of the network, and no portal that is overrun:
a quarter as many answers as the window is wide allow for one, up to two, as at
2 % they come in pairs now and then. What was halved is tried again at once.

Latency is of the request alone: enter after admission by the rate limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CEILING = 16  # 5 a second (enterprise) at 3 s each; portals were seen to fall over at 50 at once
SELF_HOSTED = 32  # without a bucket: twice as many workers as are usual, as some requests are always on their way
START = 0.5  # of the ceiling: budgets that are spent in the first seconds come back first
STEP = 0.25
GAIN, COST = 0.3, 0.25  # of the change of width, that must or may show in throughput
NEARLY = 0.75
MISHAP, MISHAPS = 4, 2  # answers that a mishap needs, at least; mishaps that may come at once
REST = 12  # rounds: a narrower try costs a quarter of one round's throughput in twenty-six
ROUND = 2  # answers per place: requests that started together are answered together


@dataclass(frozen=True, slots=True)
class WindowStatistics:
    """The window's width, what is in flight and was at most, the mean latency of the last round (the first: so far), when the latest request left."""

    size: int
    in_flight: int
    most: int
    latency: float | None
    sent: float = -math.inf


@dataclass(frozen=True, slots=True)
class _Width:
    """A width of the window, and the work a second that it brings."""

    size: int
    throughput: float


class Window:
    """Say whether one more request may be in flight."""

    def __init__(self, ceiling: int = CEILING, *, fixed: bool = False) -> None:
        self._ceiling = self._given = ceiling
        self._fixed = fixed
        self._size = ceiling if fixed else max(1, int(START * ceiling))
        self._in_flight = self._most = self._rest = 0
        self._latency: float | None = None
        self._direction = 1
        self._patience = 0  # rounds of rest before the next turn
        self._doubling = True
        self._hurried = fixed
        self._mishaps = 0.0  # that the answers so far allow
        self._since = self._halved_at = 0.0  # the width is as it is
        self._at = 0.0
        self._sent = -math.inf
        self._seen: list[float] = []  # throughput of the full rounds at this width
        self._origin: _Width | None = None  # where the present try set out
        self._begin(None)

    def _begin(self, now: float | None) -> None:
        self._began_at = now
        self._answers, self._sum, self._work, self._area = 0, 0.0, 0.0, 0.0
        self._was_full = False

    def room(self, now: float) -> bool:  # noqa: ARG002 - all limits are asked alike
        """Say whether a request may start."""
        free = self._in_flight < self._size
        self._was_full |= not free
        return free

    def fit(self, unlimited: bool) -> None:
        """Allow as many as a portal without a bucket may have, while it is one, if nobody has said how many there may be."""
        if not self._fixed:
            self._ceiling = max(self._given, SELF_HOSTED) if unlimited else self._given
            self._size = min(self._size, self._ceiling)

    def hurry(self, now: float) -> None:
        """Be as wide as the first try would be, without waiting for a round (Rule 4)."""
        if self._doubling and not self._hurried:
            self._hurried = True
            self._resize(2 * self._size, now)

    def entered(self, now: float) -> None:
        """Count a request that starts."""
        if self._began_at is None:
            self._began_at = now
        self._flew(now)
        self._sent = now
        self._in_flight += 1
        self._most = max(self._most, self._in_flight)

    def left(self, now: float, latency: float, ok: bool, work: float = 1.0) -> None:
        """Count a request that has ended, `ok` unless it was cut, timed out or failed.

        `work` is what it weighed: requests are not alike, and a round of heavy
        ones is no slower portal.
        """
        self._flew(now)
        self._in_flight -= 1
        if not ok:
            self._fail(now, now - latency)
            return
        self._mishaps = min(MISHAPS, self._mishaps + 1 / max(MISHAP, self._size // 4))
        if not self._doubling and now - latency < self._since:
            return
        self._answers += 1
        self._sum += latency
        self._work += work
        if self._answers >= (1 if self._doubling else ROUND) * self._size:
            self._end(now)

    def _flew(self, now: float) -> None:
        self._area += self._in_flight * (now - self._at)
        self._at = now

    def _fail(self, now: float, sent: float) -> None:
        if sent < self._halved_at:
            return
        if self._mishaps >= 1:
            self._mishaps -= 1
            return
        self._doubling = False
        self._resize(self._size // 2, now)
        self._direction, self._rest, self._halved_at = 1, 0, now
        self._begin(now)

    def _end(self, now: float) -> None:
        """End a round, and learn from it if the window was in the way."""
        self._latency = self._sum / self._answers
        seconds = now - self._began_at if self._began_at is not None else 0.0
        if self._was_full and self._sum > 0 and self._area >= NEARLY * self._size * seconds > 0:
            self._learn(self._work / seconds if self._doubling else self._size * self._work / self._sum, now)
        self._begin(now)

    def _learn(self, throughput: float, now: float) -> None:
        self._seen.append(throughput)
        if self._origin and not _pays(self._origin, _Width(self._size, throughput)):
            self._resize(self._origin.size, now)
            if self._doubling:
                self._doubling = False  # the knee lies between here and the double
            else:
                self._turn()
        elif self._rest:
            self._rest -= 1
        else:
            self._try(now)

    def _try(self, now: float) -> None:
        here = _Width(self._size, sum(self._seen) / len(self._seen))
        step = here.size if self._doubling else math.ceil(STEP * here.size)
        self._resize(here.size + self._direction * step, now)
        if self._size == here.size:  # at the ceiling, or at one
            self._doubling, self._patience = False, REST
            self._turn()
        else:
            self._origin = here

    def _turn(self) -> None:
        self._direction, self._rest, self._patience = -self._direction, self._patience, REST

    def _resize(self, size: int, now: float) -> None:
        if not self._fixed:
            self._size = min(self._ceiling, max(1, size))
        self._seen, self._origin = [], None
        self._since = now

    def statistics(self) -> WindowStatistics:
        """Return the numbers so far."""
        latency = self._latency if self._latency is not None or not self._answers else self._sum / self._answers
        return WindowStatistics(self._size, self._in_flight, self._most, latency, self._sent)

    def __repr__(self) -> str:
        return f"<Window {self._in_flight} of {self._size} in flight, at most {self._ceiling}>"


def _pays(before: _Width, after: _Width) -> bool:
    """Say whether a try is worth keeping."""
    change = after.size / before.size - 1
    return after.throughput >= before.throughput * (1 + change * (GAIN if change > 0 else COST))
