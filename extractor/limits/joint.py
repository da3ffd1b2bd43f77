"""The limits of one run, asked and taught together.

A request goes out when the window has room and the operating ledger has room
for its methods, with as many calls as end in time; what comes back teaches
all three. The rate is the client's: it counts requests, whatever is in them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from extractor.batch import Outcome
from extractor.errors import (
    B24xError,
    OperatingLimited,
    PortalError,
    RateLimited,
    ServerFailure,
    TooLarge,
    Unreachable,
    Unreadable,
)
from extractor.limits.batchsize import BatchSize
from extractor.limits.ends import Ends, ends_of, finishes_of
from extractor.limits.operating import OperatingLedger
from extractor.limits.window import Window
from extractor.messages import Reply, Timing
from extractor.retry import Again, decide

KILLING = 10.0  # seconds: what fails sooner, and for the first time, is a mishap that size had no part in


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds a run back besides the rate."""

    operating: OperatingLedger = field(default_factory=OperatingLedger)
    window: Window = field(default_factory=Window)
    batch: BatchSize = field(default_factory=BatchSize)

    def weight(self, method: str) -> float:
        """Return the share of a request that one call of a method takes."""
        return 1 / self.batch.size(method)

    def used(self, now: float) -> dict[str, float]:
        """Return the seconds that each method has used of its ten minutes, where the portal reports them."""
        return {name: one.used for name, one in self.operating.statistics(now).items() if one.seconds_per_call is not None}

    def costs(self, now: float) -> dict[str, float]:
        """Return the seconds that a call of each method computes, where the portal reports them."""
        return {name: one.seconds_per_call for name, one in self.operating.statistics(now).items() if one.seconds_per_call is not None}

    def sent(self, methods: Sequence[str], now: float) -> None:
        """Count a request with these calls that leaves now."""
        self.window.entered(now)
        for method, calls in Counter(methods).items():
            self.operating.started(method, len(methods) > 1, calls, now)

    def learn(self, methods: Sequence[str], outcomes: Sequence[Outcome], sent: float, now: float, *, again: bool = True) -> None:
        """Take note of what became of a request that left at `sent`; `again`, if some of its calls had failed before."""
        answered = any(_said(outcome) for outcome in outcomes)
        ends = ends_of(methods, finishes_of(outcomes), now - sent)
        if answered:
            self.batch.answered(methods, now - sent, ends)
        self.window.left(now, now - sent, ok=answered, work=self.batch.work(methods) or 1.0)
        sure = again or now - sent >= KILLING
        if any(_too_much(outcome) for outcome in outcomes if sure or isinstance(outcome, TooLarge | Unreadable)):
            self.batch.shrink(methods)
        by_method: defaultdict[str, list[Outcome]] = defaultdict(list)
        for method, outcome in zip(methods, outcomes, strict=True):
            by_method[method].append(outcome)
        for method, group in by_method.items():
            self._account(method, group, sent, now, batched=len(methods) > 1, answered=answered, ends=ends)

    def _account(
        self, method: str, group: Sequence[Outcome], sent: float, now: float, *, batched: bool, answered: bool, ends: Ends
    ) -> None:
        """Land the calls of one method in the operating ledger."""
        executed = not all(isinstance(one, RateLimited | Unreachable) for one in group)
        timings = [one.timing or Timing(None, None) for one in group if isinstance(one, Reply)]
        if answered or not executed:
            self.operating.answered(method, batched, len(group), timings, now, sent=sent, ends=ends)
        else:
            self.operating.lost(method, batched, len(group), now, sent=sent)
        if any(isinstance(one, OperatingLimited) for one in group):
            self.operating.blocked(method, batched, now)


def _said(outcome: Outcome) -> bool:
    """Tell whether the portal answered a call, with yes or no: then its request was no burden to it."""
    return isinstance(outcome, Reply) or (isinstance(outcome, PortalError) and not isinstance(outcome, ServerFailure | RateLimited))


def _too_much(outcome: Outcome) -> bool:
    """Tell whether a failure says that the request was too large."""
    if not isinstance(outcome, B24xError):
        return False
    decision = decide(outcome, 1, 0.0)
    return isinstance(decision, Again) and decision.shrink
