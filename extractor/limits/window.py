"""Requests in flight: as many as make the portal answer more, and no more.

Little's law: in flight = throughput x latency. While the portal has room, more
requests in flight mean more throughput at the same latency; once it is busy
they only queue, and latency grows instead, towards the 60 seconds at which
requests are cut. Where the knee lies no one tells; so the window tries, round
by round (a round is twice as many answers as the window is wide):

Rule 1: only a round in which the window was in the way teaches anything: it was
full at times, and nearly so on average (by Little's law once more).
Rule 2: a try changes the width by a quarter, which below the knee changes throughput
as much, above it not at all. A wider window must bring much of that; a narrower
one, which also means shorter queues, may cost a little of it. What pays is
kept and tried further; what does not is taken back, and after some rounds
of rest, which also measure, the other direction is tried.
Rule 3: until a try does not pay for the first time, the width doubles, and a round
is as many answers as it is wide (TCP's slow start): a run of a minute must not
spend it on finding out. The knee lies below the double that did not pay: so the
next tries go up from where it set out, without a rest but for the round in
which what has queued up is answered.
Rule 4: a failed request halves the window, once a round; not one among answers, of
which there were a quarter as many as the window is wide since the last: that is a
mishap of the network, and no portal that is overrun. What was halved is tried again soon.

Latency is of the request alone: enter after admission by the rate limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

START = 4  # what 2 requests a second (standard) keep in flight at 2 s each
CEILING = 16  # 5 a second (enterprise) at 3 s each; portals were seen to fall over at 50 at once
SELF_HOSTED = 32  # without a bucket: twice as many workers as are usual, as some requests are always on their way
STEP = 0.25
GAIN, COST = 0.3, 0.25  # of the change of width, that must or may show in throughput
NEARLY = 0.75
MISHAP = 4
REST = 6  # rounds: a narrower try costs a quarter of one round's throughput in fourteen
ROUND = 2  # answers per place: requests that started together are answered together


@dataclass(frozen=True, slots=True)
class WindowStatistics:
    """The window's width, what is in flight and was at most, and the mean latency of the last round (the first: so far)."""

    size: int
    in_flight: int
    most: int
    latency: float | None


@dataclass(frozen=True, slots=True)
class _Width:
    """A width of the window, and the work a second that it brings."""

    size: int
    throughput: float


class Window:
    """Say whether one more request may be in flight."""

    def __init__(self, ceiling: int = CEILING, *, fixed: bool = False) -> None:
        self._ceiling = ceiling
        self._fixed = fixed
        self._size = ceiling if fixed else min(START, ceiling)
        self._in_flight = self._most = self._rest = 0
        self._latency: float | None = None
        self._direction = 1
        self._doubling = True
        self._drains = False
        self._well = 0  # answers since the last failure
        self._seen: list[float] = []  # throughput of the full rounds at this width
        self._origin: _Width | None = None  # where the present try set out
        self._begin(None)

    def _begin(self, now: float | None) -> None:
        self._began_at = now
        self._answers, self._sum, self._work = 0, 0.0, 0.0
        self._was_full = self._failed = False

    def room(self, now: float) -> bool:  # noqa: ARG002 - all limits are asked alike
        """Say whether a request may start."""
        free = self._in_flight < self._size
        self._was_full |= not free
        return free

    def entered(self, now: float) -> None:
        """Count a request that starts."""
        if self._began_at is None:
            self._began_at = now
        self._in_flight += 1
        self._most = max(self._most, self._in_flight)

    def left(self, now: float, latency: float, ok: bool, work: float = 1.0) -> None:
        """Count a request that has ended, `ok` unless it was cut, timed out or failed.

        `work` is what it weighed: requests are not alike, and a round of heavy
        ones is no slower portal.
        """
        self._in_flight -= 1
        if not ok:
            self._fail()
            return
        self._well += 1
        self._answers += 1
        self._sum += latency
        self._work += work
        if self._answers >= (1 if self._doubling else ROUND) * self._size:
            self._end(now)

    def _fail(self) -> None:
        mishap, self._well = self._well >= max(MISHAP, self._size // 4), 0
        if mishap:
            return
        if not self._failed:
            self._doubling = False
            self._resize(self._size // 2)
            self._direction, self._rest = 1, 1
        self._failed = True

    def _end(self, now: float) -> None:
        """End a round, and learn from it if the window was in the way."""
        self._latency = self._sum / self._answers
        if self._was_full and self._began_at is not None and self._sum >= NEARLY * self._size * (now - self._began_at) > 0:
            self._learn(self._work / (now - self._began_at))
        self._begin(now)

    def _learn(self, throughput: float) -> None:
        if self._drains:
            self._drains = False
            return
        self._seen.append(throughput)
        if self._origin and not _pays(self._origin, _Width(self._size, throughput)):
            self._resize(self._origin.size)
            if self._doubling:
                self._doubling, self._drains = False, True  # the knee lies between here and the double
            else:
                self._turn()
        elif self._rest:
            self._rest -= 1
        else:
            self._try()

    def _try(self) -> None:
        here = _Width(self._size, sum(self._seen) / len(self._seen))
        step = here.size if self._doubling else math.ceil(STEP * here.size)
        self._resize(here.size + self._direction * step)
        if self._size == here.size:  # at the ceiling, or at one
            self._turn()
        else:
            self._origin = here

    def _turn(self) -> None:
        self._direction, self._rest = -self._direction, REST

    def _resize(self, size: int) -> None:
        if not self._fixed:
            self._size = min(self._ceiling, max(1, size))
        self._seen, self._origin = [], None

    def statistics(self) -> WindowStatistics:
        """Return the numbers so far."""
        latency = self._latency if self._latency is not None or not self._answers else self._sum / self._answers
        return WindowStatistics(self._size, self._in_flight, self._most, latency)

    def __repr__(self) -> str:
        return f"<Window {self._in_flight} of {self._size} in flight, at most {self._ceiling}>"


def _pays(before: _Width, after: _Width) -> bool:
    """Say whether a try is worth keeping."""
    change = after.size / before.size - 1
    return after.throughput >= before.throughput * (1 + change * (GAIN if change > 0 else COST))
