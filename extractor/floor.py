"""The theoretical floor of a run: the time below which no client can read so much.

`floor` is for a run that has been seen: its requests, its methods' seconds. It
is the largest of three, each of which binds alone:

- *rate*: a full bucket of requests at once, the rest at the rate it drains;
- *operating*: the seconds that a method computes, less the budget that is free
  at the start, at the rate at which the budget comes back;
- *latency*: all seconds spent waiting for answers, spread over the window.

`least` is for work that is known page by page (a simulated portal's), and knows
more of the portal, so that it is as high as can be proven:

Rule 1: the budget comes back in steps. The portal adds up ten one-minute
buckets, so what is charged in the first minute is gone ten minutes later, and not
before: in any time below 600 s a method has one budget, below 1200 s two.
Rule 2: a request that costs a method no more than 0.1 s is not charged to it. So
every request may carry that much of each method past its budget.
Rule 3: what no budget could take before a step is computed after it, side by side
in the window at best.
Rule 4: a request computes its calls one after another (rest/batch runs them in a loop). So what the last ones carry takes its time after they have
left, were it all of the cheapest method.
Rule 5: the client keeps its budget. One that counts on the portal's seeing
charges late could overdraw it, once every ten minutes; that is a race, no speed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extractor.limits import Tariff
from extractor.messages import BATCH_SIZE, PAGE_SIZE

OPERATING_WINDOW = 600.0  # seconds: LoadLimiter keeps ten buckets of a minute
HALVINGS = 30  # of what a full request computes: to the microsecond
UNCHARGED = 0.1  # seconds of a method in one request, up to which it is not charged (LoadLimiter)


@dataclass(frozen=True, slots=True)
class Floor:
    """The floor in seconds, by limit."""

    rate: float
    operating: float
    latency: float

    @property
    def seconds(self) -> float:
        """The largest: the run cannot be shorter."""
        return max(self.rate, self.operating, self.latency)

    @property
    def bound(self) -> str:
        """The name of the limit that binds."""
        return max((self.rate, "rate"), (self.operating, "operating"), (self.latency, "latency"))[1]


@dataclass(frozen=True, slots=True)
class Work:
    """What one method has to give: so many pages, each of so many seconds of the portal."""

    pages: int
    page_seconds: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.pages * self.page_seconds

    @property
    def uncharged(self) -> int:
        """The pages that one request may carry without being charged for them."""
        return min(BATCH_SIZE, int((UNCHARGED + 1e-9) / self.page_seconds)) if self.page_seconds else BATCH_SIZE


def requests_for(rows: Iterable[int]) -> int:
    """Return the least number of requests that so many rows of each entity need: full pages in full batches."""
    return -(-sum(map(pages_for, rows)) // BATCH_SIZE)


def pages_for(rows: int) -> int:
    """Return the least number of pages that so many rows need: one for none."""
    return max(1, -(-rows // PAGE_SIZE))


def floor(
    *, requests: int, tariff: Tariff | None, operating: Iterable[float] = (), operating_limit: float = 420.0,
    latency: float = 0.0, window: int = 1,
) -> Floor:
    """Compute the floor of `requests`, of method seconds (one number a method) and of seconds in flight."""
    heaviest = max(operating, default=0.0)
    spare = max(0.0, heaviest - operating_limit) * OPERATING_WINDOW / operating_limit
    return Floor(_leaves(requests, tariff), spare, latency / max(1, window))


def least(work: Sequence[Work], *, tariff: Tariff | None, operating_limit: float | None, window: int, latency: float = 0.0) -> Floor:
    """Compute the floor of work, of which `window` requests are computed side by side, each `latency` seconds on the wire.

    The run begins with the portal's minute; `operating_limit` is `None` where there is none.
    """
    operating = 0.0
    if operating_limit is not None:
        alone = max((_alone(one, tariff, operating_limit) for one in work), default=0.0)
        operating = max(alone, _after_steps(work, tariff, operating_limit, window)) + latency / 2
    cheapest = min((one.page_seconds for one in work if one.pages), default=0.0)
    return Floor(_answered(sum(one.pages for one in work), cheapest, tariff) + latency, operating, sum(one.seconds for one in work) / window + latency)


def _leaves(requests: float, tariff: Tariff | None) -> float:
    """Return when the last of so many requests can leave."""
    return max(0.0, requests - tariff.burst) / tariff.per_second if tariff else 0.0


def _answered(pages: int, page_seconds: float, tariff: Tariff | None) -> float:
    """Return when so many pages can have been computed, in requests that leave as the bucket allows (Rule 4)."""
    low = _leaves(-(-pages // BATCH_SIZE), tariff)
    if tariff is None or not page_seconds:
        return low
    high = low + BATCH_SIZE * page_seconds
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _computed(middle, page_seconds, tariff) >= pages else (middle, high)
    return low


def _computed(seconds: float, page_seconds: float, tariff: Tariff) -> float:
    """Return how many pages at most have been computed so many seconds after the first request has left."""
    left = int(seconds * tariff.per_second)  # behind the burst, one after another
    whole = max(0, int((seconds - BATCH_SIZE * page_seconds) * tariff.per_second))
    since = (left - whole) * seconds - (left * (left + 1) - whole * (whole + 1)) / 2 / tariff.per_second
    return tariff.burst * min(BATCH_SIZE, seconds / page_seconds) + BATCH_SIZE * whole + since / page_seconds


def _requests(tariff: Tariff | None, seconds: float) -> float:
    """Return how many requests can leave in so many seconds."""
    return tariff.burst + tariff.per_second * seconds if tariff else math.inf


def _most(one: Work, tariff: Tariff | None, limit: float, steps: int, seconds: float) -> float:
    """Return the pages of one method that fit `steps` budgets, and the uncharged ones beside them (Rule 2)."""
    charged = limit * steps / one.page_seconds if one.page_seconds else math.inf
    if not one.uncharged:
        return charged
    return charged + one.uncharged * max(0.0, _requests(tariff, seconds) - charged / BATCH_SIZE)


def _alone(one: Work, tariff: Tariff | None, limit: float) -> float:
    """Return when one method can be done, if it has the portal to itself (Rule 1)."""
    steps = 1
    while _most(one, tariff, limit, steps, OPERATING_WINDOW * steps) < one.pages:
        steps += 1
    earliest = OPERATING_WINDOW * (steps - 1)
    charged = limit * steps / one.page_seconds if one.page_seconds else math.inf
    rest = one.pages - charged
    if rest <= 0:
        return earliest
    return max(earliest, _leaves(rest / one.uncharged + charged / BATCH_SIZE, tariff))


def _after_steps(work: Sequence[Work], tariff: Tariff | None, limit: float, window: int) -> float:
    """Return the end of what is left after the step that leaves most (Rule 3)."""
    end, steps = 0.0, 1
    while True:
        at = OPERATING_WINDOW * steps
        left = sum(max(0.0, one.pages - _most(one, tariff, limit, steps, at)) * one.page_seconds for one in work)
        if left <= 0:
            return end
        end = max(end, at + left / window)
        steps += 1
