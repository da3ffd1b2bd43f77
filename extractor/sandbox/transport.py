"""Drives a portal on the loop's clock, and speaks to it in memory: bytes in, bytes out.

Rule 1: a request goes on when its client goes away: what was asked for is run and
charged, as on a real server. So it is driven by the loop's timers, by no task.
Rule 2: a request that outlives its time is cut. It has run the commands that it
had run; it is not charged, and its answer is a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from urllib.parse import urlsplit

from extractor.sandbox.exchange import Request, Response, page
from extractor.sandbox.portal import Portal, Statistics

# The cloud cuts a request after this many seconds, batch or not.
REQUEST_LIFETIME = 60.0

Flow = Generator[float, None, Response]


class _Run:
    """One request on the server: a generator, stepped by timers; `response` is its future."""

    def __init__(self, flow: Flow, lifetime: float | None) -> None:
        self._flow = flow
        self._left = float("inf") if lifetime is None else lifetime
        self._loop = asyncio.get_running_loop()
        self.response: asyncio.Future[Response] = self._loop.create_future()

    def step(self) -> None:
        """Run up to the next wait, or to the end."""
        if self._left < 0:
            self._flow.close()
            self._settle(page(504))
            return
        try:
            seconds = next(self._flow)
        except StopIteration as done:
            self._settle(done.value)
        except Exception as error:  # noqa: BLE001 - a bug in a method is the waiting client's to see
            self._settle(error)
        else:
            self._loop.call_later(min(seconds, self._left), self.step)
            self._left -= seconds

    def _settle(self, outcome: Response | Exception) -> None:
        if self.response.done():  # the client has gone away
            return
        if isinstance(outcome, Exception):
            self.response.set_exception(outcome)
        else:
            self.response.set_result(outcome)


async def drive(flow: Flow, lifetime: float | None = REQUEST_LIFETIME, *, travel: float = 0.0) -> Response:
    """Run a request to its response; it reaches the portal after `travel` seconds."""
    run = _Run(flow, lifetime)
    if travel:
        asyncio.get_running_loop().call_later(travel, run.step)
    else:
        run.step()
    return await run.response


class MemoryTransport:
    """A network of one portal; `latency` is the round trip, half of it each way."""

    def __init__(self, portal: Portal, *, latency: float = 0.0, address: str = "127.0.0.1",
                 lifetime: float | None = REQUEST_LIFETIME) -> None:
        self._portal = portal
        self._latency = latency
        self._address = address
        self._lifetime = lifetime

    def __repr__(self) -> str:
        return f"MemoryTransport(latency={self._latency:g}, {self.statistics()!r})"

    def statistics(self) -> Statistics:
        """Say what the portal has seen."""
        return self._portal.statistics()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Post a body, and wait for the response; a broken connection is a `ConnectionResetError`."""
        return await self.request("POST", url, body, headers)

    async def request(self, method: str, url: str, body: bytes = b"",
                      headers: Mapping[str, str] | None = None) -> Response:
        """Send a request of any HTTP method; a redirect is an answer like any other."""
        parts = urlsplit(url)
        names = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(method, parts.path, parts.query, names, body, self._address, parts.scheme == "https")
        response = await drive(self._portal.handle(request), self._lifetime, travel=self._latency / 2)
        await asyncio.sleep(self._latency / 2)
        if response.sent is not None:
            raise ConnectionResetError(f"the connection broke after {response.sent} bytes of the body")
        return response
