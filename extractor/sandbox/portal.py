"""The simulated portal: one HTTP request in, one HTTP response out, no I/O in between.

Rule 1: `handle` is a generator. It yields the seconds of server time that each call takes;
the driver does the waiting, and a driver that stops early leaves a request half done,
with the commands that had run and nothing charged.
Rule 2: checks come in the portal's order: request limit, method, authorisation, scope,
operating limit, the method itself (rest.php processExecution, processCall).
Rule 3: the operating account is settled after the response is made, never before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from extractor.sandbox import batch, wire
from extractor.sandbox.answer import Collapse, Method, Refusal
from extractor.sandbox.authority import PATH, Authority
from extractor.sandbox.calls import Desk, Visit, failure
from extractor.sandbox.credentials import Credentials
from extractor.sandbox.exchange import HTML_HEADERS, JSON_HEADERS, Request, Response, page
from extractor.sandbox.faults import Faults, calm
from extractor.sandbox.meter import Meter
from extractor.sandbox.parameters import Route, find_route, parameters
from extractor.sandbox.system import system_methods

if TYPE_CHECKING:
    from extractor.sandbox.world import World

CORS_HEADERS: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "origin, content-type, accept",
}

Flow = Generator[float, None, Response]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a portal has seen: HTTP requests, those over the request limit, calls that ran."""

    requests: int
    refused: int
    calls: int
    in_flight: int
    most_in_flight: int


class Portal:
    """One portal: a world, its methods, who may call them, and how much."""

    def __init__(
        self, world: World, methods: Mapping[str, Method], credentials: Credentials, meter: Meter | None = None, *,
        clock: Callable[[], float], license_name: str = "ru_std", https_required: bool = False,
        max_input_vars: int = wire.MAX_INPUT_VARS, faults: Faults = calm, authority: Authority | None = None,
    ) -> None:
        self.credentials = credentials
        self.authority = authority
        self.meter = meter or Meter()
        self.faults = faults
        # After a rename: the new address, such as "https://new.example".
        self.moved_to: str | None = None
        system = system_methods(methods, clock=clock, license_name=license_name)
        self._desk = Desk(world, {**methods, **system}, clock)
        self._https_required = https_required
        self._max_input_vars = max_input_vars
        self._requests = self._refused = self._in_flight = self._most_in_flight = 0

    def __repr__(self) -> str:
        return f"Portal({len(self._desk.methods)} methods, {self.meter!r}, {self.statistics()!r})"

    def statistics(self) -> Statistics:
        """Say what has happened so far."""
        return Statistics(self._requests, self._refused, self._desk.calls, self._in_flight, self._most_in_flight)

    def handle(self, request: Request) -> Flow:
        """Answer one request, yielding the seconds of server time that pass."""
        if self.authority is not None and request.path.rstrip("/") == PATH.rstrip("/"):
            return (yield from self.authority.handle(request))
        self._requests += 1
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        try:
            fault = self.faults(self._requests, request)
            flow = self._receive(request)
            return (yield from (fault.strike(flow) if fault else flow))
        finally:
            self._in_flight -= 1

    def _receive(self, request: Request) -> Flow:
        now = self._desk.clock()
        if not self.meter.admit(request.address, now):
            self._refused += 1
            return _json(503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"})
        if self.moved_to:
            return _moved(self.moved_to, request)
        if request.method == "OPTIONS":
            return Response(200, CORS_HEADERS, b"")
        route = find_route(request.path)
        if route is None:
            return page(404)
        if route.version3:
            return _not_in_version3(route)
        try:
            return (yield from self._execute(request, route, now))
        except Refusal as refusal:
            return _json(refusal.status, failure(refusal))
        except Collapse as collapse:  # no exception of PHP: the process is gone, and nothing was charged
            if collapse.seconds:
                yield collapse.seconds
            return page(collapse.status)

    def _execute(self, request: Request, route: Route, now: float) -> Flow:
        name, _ = self._desk.find(route.name)
        query = parameters(request, self._max_input_vars)
        if route.code is not None:
            query |= {"aplogin": route.user, "ap": route.code}
        if query.get("token") is not None:
            raise Refusal("ACCESS_DENIED", "Access denied! Link check failed", status=403)
        insecure = self._https_required and not request.secure
        caller = self.credentials.identify(request.headers, query, now=now, insecure=insecure)
        tally = self.meter.operating.open(now)
        visit = Visit(self._desk, caller, tally, now)
        if name == "batch":
            gathered = yield from batch.run(query, visit.batched, self._max_input_vars)
            response = _encoded(visit.envelope(gathered))
        else:
            response = _encoded((yield from visit.direct(name, query)))
        tally.close()
        return response


def _json(status: int, body: Any) -> Response:
    return Response(status, JSON_HEADERS, wire.encode(body))


def _encoded(body: dict[str, Any]) -> Response:
    """Encode an answer as a whole: one value that cannot be said spoils all the commands of a batch."""
    try:
        return _json(200, body)
    except TypeError:
        return _json(200, {"error": "WRONG_ENCODING", "error_description": "Wrong request encoding"})


def _moved(host: str, request: Request) -> Response:
    """Answer as a renamed portal does: a redirect, which must not be followed blindly."""
    query = f"?{request.query}" if request.query else ""
    target = urlsplit(host)._replace(path="").geturl() + request.path + query
    return Response(302, {**HTML_HEADERS, "Location": target}, b"")


def _not_in_version3(route: Route) -> Response:
    """Refuse a V3 address: no method of this portal is served there."""
    code = "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION"
    return _json(404, {"error": {"code": code, "message": f"Method `{route.name}` not found."}})
