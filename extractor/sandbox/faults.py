"""What goes wrong between a portal and its clients, one fault a request.

Rule 1: a fault says whether the portal ran the request before it: after a cut
connection the work is done and charged, and the client knows nothing of it.
Rule 2: which request is struck is a function of its number, so a run can be repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from extractor.sandbox.exchange import Request, Response, page


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; its defaults do no harm.

    `answer` is sent in place of the portal's own. `executed` is whether the portal
    runs the request all the same. `kept` is the share of the body that is sent, and
    `broken` says that the connection then breaks (otherwise the short body looks whole).
    """

    answer: Response | None = None
    executed: bool = True
    kept: float = 1.0
    broken: bool = False
    delay: float = 0.0

    def strike(self, flow: Generator[float, None, Response]) -> Generator[float, None, Response]:
        """Let a request run into the fault."""
        if self.delay:
            yield self.delay
        response = (yield from flow) if self.executed else page(502)
        response = self.answer or response
        kept = int(len(response.body) * self.kept)
        if self.broken:
            return replace(response, sent=kept)
        return replace(response, body=response.body[:kept])


Faults = Callable[[int, Request], Fault | None]
"""Which fault, if any, strikes the n-th request (counted from 1)."""


def calm(_number: int, _request: Request) -> Fault | None:
    """Strike nothing."""
    return None


def html(status: int = 502, *, executed: bool = False) -> Fault:
    """Make the web server in front answer with a page."""
    return Fault(page(status), executed=executed)


def cut(*, executed: bool = True) -> Fault:
    """Close the connection without an answer."""
    return Fault(executed=executed, kept=0.0, broken=True)


def truncated(kept: float = 0.5, *, broken: bool = False) -> Fault:
    """Send a part of the body; unless `broken`, it arrives as if it were all."""
    return Fault(kept=kept, broken=broken)


def slow(seconds: float) -> Fault:
    """Let the request wait before it runs."""
    return Fault(delay=seconds)


def at(schedule: Mapping[int, Fault]) -> Faults:
    """Strike the requests of a schedule, by their numbers."""
    return lambda number, _request: schedule.get(number)


def sometimes(share: float, faults: Sequence[Fault], seed: int = 0) -> Faults:
    """Strike a share of the requests at random, the same ones for the same seed."""
    def choose(number: int, _request: Request) -> Fault | None:
        dice = random.Random(f"{seed}:{number}")
        return dice.choice(faults) if dice.random() < share else None

    return choose
