"""What is known of one method of the portal: its two counters, and its limit.

A limit that a block has taught is believed, and forgotten by the time: a tenth
of it comes back with every window, as it may have been somebody else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from extractor.limits.account import CARE, UNSEEN, WINDOW, Account

RELIEF = 0.1
MINUTE = 60.0


@dataclass(slots=True)
class Method:
    """Both accounts of a method, its limit as far as it was learnt, and when it may be asked."""

    direct: Account = field(default_factory=Account)
    batched: Account = field(default_factory=Account)
    learnt: float = math.inf
    learnt_at: float = 0.0
    asks_at: float = math.inf  # from then on one call may ask how things stand
    blocked_at: float | None = None
    blocks: int = 0

    def account(self, batched: bool) -> Account:
        """Return the counter of one way of calling."""
        return self.batched if batched else self.direct

    @property
    def reported(self) -> bool:
        """Whether the portal has told anything yet."""
        return max(self.direct.read_at, self.batched.read_at) > -math.inf

    @property
    def flying(self) -> int:
        """The calls in flight."""
        return self.direct.flying + self.batched.flying

    @property
    def foreign(self) -> float:
        """The seconds that we cannot have spent."""
        return self.direct.foreign.total + self.batched.foreign.total

    @property
    def known_cost(self) -> float | None:
        """Return the seconds of the dearer way to call, once one is measured."""
        return max((account.cost for account in (self.direct, self.batched) if account.cost is not None), default=None)

    @property
    def cost(self) -> float:
        """Return the seconds of a call; 0.1 s until they are measured."""
        known = self.known_cost
        return UNSEEN if known is None else max(known, 0.001)

    def used(self, now: float) -> float:
        """Return the seconds on both counters."""
        return self.direct.used(now) + self.batched.used(now)

    def coming(self, more: float = 0.0) -> float:
        """Return the seconds that calls in flight, and some more, will cost if they are like those before."""
        return (self.flying + more) * self.cost

    def doubt(self, more: float = 0.0) -> float:
        """Return the seconds by which these, and what no report has settled, may be dearer than that."""
        spread = max(self.direct.spread, self.batched.spread)
        settled = self.direct.doubt() + self.batched.doubt()
        return CARE * math.sqrt(settled + (self.flying + more) * spread * self.cost**2)

    def limit(self, configured: float, now: float) -> float:
        """Return the limit: the configured one, or what a block taught, with relief by the time."""
        return min(configured, self.learnt * (1 + RELIEF * (now - self.learnt_at) / WINDOW))

    def asked(self, now: float) -> None:
        """Take note that calls have landed: if one was to ask, and whatever it has brought, the next one asks in a minute."""
        if self.blocked_at is None and self.asks_at <= now:
            self.asks_at = now + MINUTE

    def unblocked(self, sent: float) -> None:
        """Take note of a call that was let in; one that left before the block says nothing about it."""
        if self.blocked_at is not None and sent >= self.blocked_at:
            self.blocked_at, self.asks_at = None, math.inf

    def leaving(self) -> list[tuple[float, float]]:
        """Return when how many seconds will have left, the next first."""
        return sorted(self.direct.leaving() + self.batched.leaving())
