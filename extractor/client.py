"""One request: admit, authorise, send, decode; and an outcome for every call in it.

Rule 1: `send` raises nothing of the portal's or the network's. Whatever went
wrong with the request went wrong with each of its calls, and what that means
is decided call by call, by whoever asked.

Rule 2: one call goes directly, several as a batch. The portal counts either
as one request.

Rule 3: a token that has aged is noted, not renewed here: the next request is
admitted when there is a new one, and carries the calls again.

Rule 4: whatever is asked here, nothing leaves that changes a row of the portal (`catalog.may_send`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import orjson

from extractor import batch
from extractor.auth import Credentials
from extractor.batch import Outcome
from extractor.catalog import may_send
from extractor.decoder import reply_of
from extractor.envelopes import envelope_of, maps_of
from extractor.errors import B24xError, PortalMoved, RateLimited, TokenExpired, Unreachable
from extractor.limits import RateLimit
from extractor.limits.ends import computed
from extractor.messages import Call, Reply
from extractor.session import Pass, Session
from extractor.transport import Response, Transport

_JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class Client:
    """Sends calls to one portal with the same credentials, at the rate that the portal allows."""

    def __init__(self, transport: Transport, credentials: Credentials, rate: RateLimit) -> None:
        """Put a request's parts together; the caller opens and closes the transport.

        `reached` tells whether anything has come from the portal: now, or in a run before this one, as who goes on with that says.
        """
        self._transport = transport
        self._session = Session(credentials, transport)
        self._rate = rate
        self.reached = False

    async def admit(self) -> None:
        """Wait until the portal will take one more request.

        Raises:
            B24xError: The access token has aged, and cannot be renewed.
        """
        await self._session.ready()
        await self._rate.admit()

    @property
    def renewing(self) -> bool:
        """Whether new tokens are on their way, which would be lost with this process."""
        return self._session.renewing

    @property
    def unlimited(self) -> bool:
        """Whether the portal has no request limit, as far as is known."""
        return self._rate.unlimited

    @property
    def refused(self) -> int:
        """How many requests the portal has refused for their rate (503)."""
        return self._rate.statistics().refused

    @property
    def per_second(self) -> float:
        """How many requests a second leave for long; 0 where nobody knows, as there is no request limit."""
        return self._rate.per_second

    def pause(self) -> float:
        """Return the seconds for which a refusal holds all requests back; 0 when none does."""
        return self._rate.pause()

    def interval(self) -> float:
        """Return the seconds between two requests while the bucket is full; 0 while there is room in it."""
        return self._rate.interval()

    def affords(self, requests: float, within: float = 0.0) -> bool:
        """Tell whether so many requests could leave at once, or in so many seconds."""
        return self._rate.affords(requests, within)

    def idle(self) -> bool:
        """Tell whether the portal takes requests that are not needed, most of its bucket being free."""
        return self._rate.idle()

    def sustained(self, latency: float, requests: float) -> int:
        """Return how many requests of that latency are in flight when the rate is the bound of so many."""
        return self._rate.sustained(latency, requests)

    def spacing(self, requests: float) -> float:
        """Return the seconds between two of so many requests, if they leave evenly until the bucket lets the last one leave."""
        return self._rate.spacing(requests)

    async def send(self, calls: Sequence[Call]) -> list[Outcome]:
        """Send an admitted request of one to fifty calls; return their outcomes in order."""
        shown, sent = self._session.shown(), asyncio.get_running_loop().time()
        took = None
        try:
            outcomes = await self._exchange(calls, shown)
            took = computed(outcomes, asyncio.get_running_loop().time() - sent)
        except RateLimited as error:
            self._rate.refused()
            self.reached = True
            return [self._session.hidden(error)] * len(calls)
        except B24xError as error:
            self.reached |= not isinstance(error, Unreachable)
            if isinstance(error, TokenExpired):
                self._session.refused(shown)
            return [self._session.hidden(error)] * len(calls)
        finally:
            await self._rate.ended(sent, took)
        self._rate.succeeded()
        if timings := [one.timing for one in outcomes if isinstance(one, Reply) and one.timing is not None]:
            self._rate.reports(any(timing.operating is not None for timing in timings))
        self.reached = True
        if any(isinstance(outcome, TokenExpired) for outcome in outcomes):
            self._session.refused(shown)
        return [self._session.hidden(outcome) for outcome in outcomes]

    async def _exchange(self, calls: Sequence[Call], shown: Pass) -> list[Outcome]:
        """Post the calls and take the answer apart."""
        if not all(may_send(call.method, call.params) for call in calls):
            raise ValueError("b24x only reads")  # a bug of ours
        if len(calls) == 1:
            answer = await self._post(calls[0].method, orjson.dumps(dict(calls[0].params)), shown)
            found = envelope_of(answer.status, answer.body)
            return [reply_of(found.result, found.total, found.next, found.time)]
        answer = await self._post(batch.METHOD, batch.encode(calls), shown)
        await asyncio.sleep(0)  # a body of 4 MB was put together in this turn of the loop: it is taken apart in the next
        return batch.decode(maps_of(answer.status, answer.body), len(calls))

    async def _post(self, method: str, body: bytes, shown: Pass) -> Response:
        """Post one body; return the answer, unless it says that the portal is somewhere else."""
        response = await self._transport.post(self._session.url(method), body, {**_JSON, **shown.headers})
        if 300 <= response.status < 400:
            place = _place(response)
            raise PortalMoved(f"the portal has moved{f' to {self._session.hide(place)}' if place else ''}: give its new address")
        return response


def _place(response: Response) -> str | None:
    """Read where the portal is now: the host, and nothing else of the address."""
    try:
        return urlsplit(response.headers.get("Location", "")).hostname
    except ValueError:  # it is no address at all
        return None
