"""What goes wrong with a whole request between a portal and its clients.

Rule 1: a fault says whether the portal ran the request before it: after a cut
connection the work is done and charged, and the client knows nothing of it.
Rule 2: which request is struck is a function of its number, so a run can be repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from extractor.sandbox import wire
from extractor.sandbox.exchange import HTML_HEADERS, JSON_HEADERS, Request, Response, page

Spoil = Callable[[bytes], bytes]
"""What happens to a body on its way."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; its defaults do no harm.

    `answer` is sent in place of the portal's own. `executed` is whether the portal
    runs the request all the same. `kept` is the share of the body that is sent, and
    `broken` says that the connection then breaks (otherwise the short body looks whole).
    `spoil` changes the body of an answer that is JSON.
    """

    answer: Response | None = None
    executed: bool = True
    kept: float = 1.0
    broken: bool = False
    delay: float = 0.0
    spoil: Spoil | None = None

    def strike(self, flow: Generator[float, None, Response]) -> Generator[float, None, Response]:
        """Let a request run into the fault."""
        if self.delay:
            yield self.delay
        response = (yield from flow) if self.executed else page(502)
        response = self.answer or response
        if self.spoil and response.status == 200:
            response = replace(response, body=self.spoil(response.body))
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


def refused(status: int, code: str, description: str = "") -> Fault:
    """Refuse in JSON, without having run anything: the request limit (503), an overload (500)."""
    body = wire.encode({"error": code, "error_description": description})
    return Fault(Response(status, JSON_HEADERS, body), executed=False)


def garbage(body: bytes = b"\x00\xff{]", status: int = 200) -> Fault:
    """Answer with bytes that mean nothing."""
    return Fault(Response(status, JSON_HEADERS, body))


def moved(host: str) -> Fault:
    """Answer as a portal does that was renamed: a redirect, and nothing is run."""
    return Fault(Response(302, {**HTML_HEADERS, "Location": f"https://{host}/"}, b""), executed=False)


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
