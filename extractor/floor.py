"""The theoretical floor of a run: the time below which no client can read so much.

It is the largest of three, each of which binds alone:

- *rate*: a full bucket of requests at once, the rest at the rate it drains;
- *operating*: the seconds that a method computes, less the budget that is free
  at the start, at the rate at which the budget comes back;
- *latency*: all seconds spent waiting for answers, spread over the window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from extractor.limits import Tariff
from extractor.messages import BATCH_SIZE, PAGE_SIZE

OPERATING_WINDOW = 600.0  # seconds: LoadLimiter keeps ten buckets of a minute


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
    rate = max(0.0, requests - tariff.burst) / tariff.per_second if tariff else 0.0
    heaviest = max(operating, default=0.0)
    spare = max(0.0, heaviest - operating_limit) * OPERATING_WINDOW / operating_limit
    return Floor(rate, spare, latency / max(1, window))
