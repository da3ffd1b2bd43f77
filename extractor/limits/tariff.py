"""How many requests a portal takes: the leaky bucket its tariff buys.

The portal adds one per HTTP request, drains Y a second and refuses above X;
a batch of 50 calls is one request. Enterprise has 250 and 5, every other
cloud tariff 50 and 2; a portal of one's own has no bucket at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from extractor.errors import UsageError
from extractor.wording import quoted

SLOWEST, MOST = 0.001, 1_000_000  # a request in a quarter of an hour, and more than any portal answers: slips of the pen lie beyond
_RATE = re.compile(r"\s*(\d+)\s*/\s*(\d+(?:\.\d+)?)\s*")


@dataclass(frozen=True, slots=True)
class Tariff:
    """A bucket of `burst` requests that drains `per_second`."""

    burst: int
    per_second: float

    def __post_init__(self) -> None:
        if self.burst < 1 or not 0 < self.per_second < math.inf:
            raise UsageError(f"a rate limit needs a burst of 1 or more and a rate above 0, not {self}")

    def __str__(self) -> str:
        return f"{self.burst}/{self.per_second:g}"

    @classmethod
    def parse(cls, text: str) -> Tariff:
        """Read `X/Y`: the burst, and requests per second."""
        if not (match := _RATE.fullmatch(text)):
            raise UsageError(f"a rate limit is written X/Y, burst and requests per second, like 50/2; not {quoted(text)}")
        burst, rate = float(match[1]), float(match[2])  # of thousands of digits, a float is made, and an int is not
        if burst < 1 or not rate:
            raise UsageError(f"a rate limit needs a burst of 1 or more and a rate above 0, not {quoted(text)}")
        if burst > MOST or not SLOWEST <= rate <= MOST:
            raise UsageError(f"a rate limit is from 1/{SLOWEST} to {MOST}/{MOST}, not {quoted(text)}")
        return cls(int(burst), rate)

    def scaled(self, percent: float) -> Tariff:
        """Return the share of this bucket that `--budget PERCENT` leaves to us."""
        if not 0 < percent <= 100:
            raise UsageError(f"a budget is above 0 and at most 100 percent, not {percent:g}")
        return Tariff(max(1, int(self.burst * percent / 100)), self.per_second * percent / 100)


STANDARD = Tariff(50, 2)
ENTERPRISE = Tariff(250, 5)

TARIFFS: dict[str, Tariff | None] = {"standard": STANDARD, "enterprise": ENTERPRISE, "unlimited": None}
"""The presets of `--tariff`; `None` is no bucket."""
