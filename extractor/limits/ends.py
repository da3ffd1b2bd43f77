"""What lies between the ends of a request's calls: the portal tells when each has finished.

Of the moments in its `time` objects the ends are the ones that are not cut to whole seconds (portal.md, 3.1).

Rule 1: a batch's calls run one after another, so a call has computed no longer than from the end of the one before
it to its own. Of the first one nobody knows when it began: it had at most what the others leave of the request's time.
Rule 2: a call that failed tells no end. What it took is added to the next; and as the portal charges what it does not
mean to then (it pairs beginnings and ends by their order), nothing bounds the calls of such a request.
Rule 3: where ends do not ascend, or lie farther apart than the request lived, a clock was set; where all are one, or whole
seconds, they have been cut. Nothing is told then.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from extractor.batch import Outcome
from extractor.messages import Reply

PRECISION = 0.0001  # seconds: PHP prints fourteen digits, where nobody has told it to print more


@dataclass(frozen=True, slots=True)
class Ends:
    """By method, what has been told: seconds `between` ends, in the order of its calls, and `most` of all its calls.

    `first` and `last` are the ends themselves, in unix seconds by the clock of the server that answered.
    """

    between: Mapping[str, Sequence[float]]
    most: Mapping[str, float]
    first: float = math.inf
    last: float = -math.inf

    def typical(self, method: str) -> float | None:
        """Return what a call of a method adds to a request: the median, as now and then the portal has something else to do."""
        return median(self.between[method]) or None if method in self.between else None

    def at_most(self, method: str) -> float:
        """Return the seconds that all calls of a method can have computed; any number, where nothing is told."""
        return self.most.get(method, math.inf)

    @property
    def computed(self) -> float:
        """The seconds that the calls have computed, at least: all but the first of them."""
        return max(0.0, self.last - self.first)


UNTOLD = Ends({}, {})


def ends_of(methods: Sequence[str], finishes: Sequence[float | None], latency: float) -> Ends:
    """Hold the ends of a request's calls (unix seconds, `None` where none is told) against each other and against its time."""
    told = [(method, finish) for method, finish in zip(methods, finishes, strict=True) if finish is not None]
    steps = [(method, end - before) for (_, before), (method, end) in itertools.pairwise(told)]
    spanned = sum(step for _, step in steps)
    if not 0 < spanned <= latency or min(step for _, step in steps) < 0 or all(finish % 1 == 0 for _, finish in told):
        return UNTOLD
    between: defaultdict[str, list[float]] = defaultdict(list)
    for method, step in steps:
        between[method].append(step)
    most = {}
    if len(told) == len(finishes):
        most = {method: sum(some) + PRECISION for method, some in between.items()}
        most[told[0][0]] = most.get(told[0][0], 0.0) + latency - spanned
    return Ends(between, most, told[0][1], told[-1][1])


def finishes_of(outcomes: Sequence[Outcome]) -> list[float | None]:
    """Read when each call of a request has finished, in unix seconds of the portal's clock; `None` where that is not told."""
    return [one.timing.finish if isinstance(one, Reply) and one.timing else None for one in outcomes]


def computed(outcomes: Sequence[Outcome], latency: float) -> float:
    """Return the seconds that a request of such a latency has computed, at least; 0 where nothing is told."""
    return ends_of([""] * len(outcomes), finishes_of(outcomes), latency).computed
