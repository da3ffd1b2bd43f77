"""Calls per request: as many as end well inside the portal's 60 seconds.

Rule 1: a call costs its request wall time, and the portal runs a batch one call
after another, so costs add up. They are learnt per method, quickly upward and
slowly downward: a batch too large is lost whole.
Rule 2: a killed batch says more than any average: a request may carry half of
what it carried, and wins the other half back success by success.
Rule 3: one call always fits; if it alone takes too long, smaller batches cannot
help.
Rule 4: what a call adds to a request is what lies between its end and that of the call before it, by the portal's
clock; the portal's other moments are cut to whole seconds. Where it tells none, it is told from requests of more and of fewer calls.
Rule 5: a size that was won back and killed again is tried more seldom each time:
where no batch comes back, every other request would be lost on trying.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from extractor.limits.ends import UNTOLD, Ends
from extractor.messages import BATCH_SIZE

AIM = 30.0  # half of the 60 s after which the cloud cuts a request, whatever it has done
GROWTH = 1.25  # per full request that came back: from 1 to 50 in eighteen
LONGEST_REST = 64  # full requests before the next growth: what is lost on trying is under two percent then
FULL = 0.8  # of a request; a smaller one proves little about larger ones
SLOWER, FASTER = 0.5, 0.2  # weight of a new measurement above, below what was known
LESS, MORE = 0.5, 0.1  # the same of what a call adds, where those above it are of others who queue
UNTRIED = 3  # calls of a request that is to show what they add to its way: more than the first one has, and not so many that dear ones take long


@dataclass(slots=True)
class _Method:
    cap: float  # what killed batches allow
    seconds: float = 0.0  # wall time of one call
    best: float = 0.0  # the shortest seen: what a call takes when nothing queues
    more: float = inf  # what one more call adds to a request, when nothing queues
    told: bool = False  # that is by the portal's clock
    killed: float = inf  # the size that was killed last, unless one as large has come back since
    rest: int = 0  # full requests to come back before that is tried again
    next_rest: int = 1  # after it is killed once more

    @property
    def least(self) -> float:
        """What a call takes when nothing queues: without its share of the way, where the portal tells when calls end."""
        return self.more if self.told else self.best

    def adds(self, more: float) -> None:
        """Take note of what a call has added to its request."""
        weight = 1.0 if self.more == inf else LESS if more < self.more else MORE
        self.more = more if weight == 1.0 else self.more + weight * (more - self.more)

    def won(self, size: int, most: int) -> None:
        """Take note of a full request that came back."""
        if size >= self.killed:
            self.killed, self.next_rest = inf, max(1, self.next_rest // 2)
        cap = min(most, max(self.cap * GROWTH, self.cap + 1))
        if self.rest and int(cap) >= self.killed:
            self.rest -= 1
        else:
            self.cap = cap

    def lost(self, size: int, cap: float) -> None:
        """Take note of a kill at this size, which allows no more than `cap`."""
        if size >= self.killed:
            self.rest = self.next_rest
            self.next_rest = min(LONGEST_REST, 2 * self.next_rest)
        self.killed, self.cap = min(size, self.killed), cap


@dataclass(frozen=True, slots=True)
class BatchStatistics:
    """Calls per request and seconds per call, by method."""

    sizes: Mapping[str, int]
    seconds: Mapping[str, float]


class BatchSize:
    """Say how many calls one request may carry."""

    def __init__(self, most: int = BATCH_SIZE, *, aim: float = AIM) -> None:
        self._most = most
        self._aim = aim
        self._methods: dict[str, _Method] = {}
        self._way = inf  # the shortest request, and its calls
        self._fewest = 0

    def size(self, method: str) -> int:
        """Return how many calls of `method` alone fill a request."""
        known = self._known(method)
        fitting = self._aim / known.seconds if known.seconds else self._most
        return max(1, int(min(self._most, known.cap, fitting)))

    def take(self, methods: Iterable[str]) -> int:
        """Return how many of these calls, in order, fill one request: at least one, if there is one."""
        taken, filled = 0, 0.0
        for method in methods:
            filled += 1 / self.size(method)
            # fifty fiftieths are 1, but for rounding
            if taken and (filled > 1 + 1e-9 or taken >= self._most):
                break
            taken += 1
        return taken

    def work(self, methods: Iterable[str]) -> float:
        """Return the seconds that these calls take at their best: what a request weighs, whatever is in it."""
        return sum(self._known(method).least * calls for method, calls in Counter(methods).items())

    def worth(self, method: str) -> float:
        """Return how many calls take as long as a request does without them: any number, until it is known, and where they take no time."""
        more = self._known(method).more
        return self._way / more if 0 < more < inf else inf

    def fitting(self, method: str, seconds: float) -> float:
        """Return how many calls take so many seconds, beside the way of their request; until that is known, as many as show it."""
        known = self._known(method)
        if 0 < known.more < inf:
            return seconds / known.more
        return max(UNTRIED, seconds / known.best if known.best else 0.0)

    def answered(self, methods: Iterable[str], latency: float, ends: Ends = UNTOLD) -> None:
        """Learn from a request with these calls that came back after `latency` seconds."""
        calls = Counter(methods)
        full = self._filled(calls) >= FULL
        mean = latency / calls.total()
        expected = sum(many * (self._known(method).seconds or mean) for method, many in calls.items())
        differs = calls.total() > self._fewest and self._way < inf
        for method, known in ((method, self._known(method)) for method in calls):
            told = ends.typical(method)
            if told is not None or differs:
                more = (latency - self._way) / (calls.total() - self._fewest) if told is None else told
                known.adds(max(more, mean / self._most))
                known.told |= told is not None
        self._way, self._fewest = min((self._way, self._fewest), (latency, calls.total()))
        sizes = [self.size(method) for method in calls]
        for known, size in zip(map(self._known, calls), sizes, strict=True):
            self._measure(known, (known.seconds or mean) * latency / expected if expected else 0.0)
            if full:
                known.won(size, self._most)

    def shrink(self, methods: Iterable[str]) -> None:
        """Let requests carry half of what this one did, which was killed.

        Half of what it carried, not of what is allowed now: of several that are
        killed together, the first halves.
        """
        calls = Counter(methods)
        filled = self._filled(calls)
        for method in calls:
            size = self.size(method)
            cap = max(1.0, size * min(1.0, filled / 2))
            if filled > 1 + 1e-9:  # it left before another kill was known
                self._known(method).cap = cap
            else:
                self._known(method).lost(max(1, round(size * filled)), cap)

    def _filled(self, calls: Mapping[str, int]) -> float:
        return sum(many / self.size(method) for method, many in calls.items())

    @staticmethod
    def _measure(known: _Method, seconds: float) -> None:
        weight = 1.0 if not known.seconds else SLOWER if seconds > known.seconds else FASTER
        known.seconds += weight * (seconds - known.seconds)
        known.best = min(known.best or seconds, seconds)

    def _known(self, method: str) -> _Method:
        return self._methods.setdefault(method, _Method(self._most))

    def statistics(self) -> BatchStatistics:
        """Return what is known of each method."""
        return BatchStatistics(
            {method: self.size(method) for method in self._methods},
            {method: known.seconds for method, known in self._methods.items()},
        )

    def __repr__(self) -> str:
        return f"<BatchSize at most {self._most} calls, {self._aim:g} s; {len(self._methods)} methods known>"

