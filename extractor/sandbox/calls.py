"""One call inside one HTTP request: the checks in their order, the method, its `time`.

Order (rest.php processCall): the method exists, the scope covers it, the operating
limit has room, the method runs. Direct and batched calls differ in whose seconds
are counted, and in the words of a missing scope.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any

from extractor.sandbox.answer import Answer, Method, Params, Refusal
from extractor.sandbox.credentials import RESERVED, Caller
from extractor.sandbox.meter import Reading, Tally
from extractor.sandbox.php import intval
from extractor.sandbox.timing import timing

if TYPE_CHECKING:
    from extractor.sandbox.world import World

NO_SCOPE = "The request requires higher privileges than provided by the access token"


class Desk:
    """Where calls are answered: the portal's methods, its world and its clock."""

    def __init__(self, world: World, methods: Mapping[str, Method], clock: Callable[[], float]) -> None:
        self.world = world
        self.methods = methods
        self.clock = clock
        self.calls = 0

    def find(self, name: str) -> tuple[str, Method]:
        """Find a method by its lowercase name, then by the name as it came."""
        for each in (name.lower(), name):
            if each in self.methods:
                return each, self.methods[each]
        raise Refusal("ERROR_METHOD_NOT_FOUND", "Method not found!", status=404)


class Visit:
    """One authorised HTTP request: who calls, since when, and on which account."""

    def __init__(self, desk: Desk, caller: Caller, tally: Tally, started: float) -> None:
        self._desk = desk
        self._caller = caller
        self._tally = tally
        self._started = started

    def direct(self, name: str, query: Params) -> Generator[float, None, dict[str, Any]]:
        """Answer the request's own call; a failure is raised."""
        name, method = self._desk.find(name)
        self._check_scope(method, NO_SCOPE)
        key = (self._caller.kind, self._caller.entity, name)
        return (yield from self._run(key, method, query, self._started))

    def batched(self, name: str, query: Params) -> Generator[float, None, dict[str, Any]]:
        """Answer one command of a batch; a failure is an answer with `error` in it."""
        try:
            name, method = self._desk.find(name)
            self._check_scope(method, "")
            key = (self._caller.kind, self._caller.batched_entity, name)
            return (yield from self._run(key, method, query, self._desk.clock()))
        except Refusal as refusal:
            return failure(refusal)

    def envelope(self, result: dict[str, Any]) -> dict[str, Any]:
        """Wrap what a batch gathered."""
        return {"result": result, "time": self._time(self._started, self._started, self._tally.envelope())}

    def _check_scope(self, method: Method, description: str) -> None:
        if method.scope and method.scope not in self._caller.session.scopes:
            raise Refusal("insufficient_scope", description, status=401)

    def _run(self, key: tuple[str, str, str], method: Method, query: Params,
             started: float) -> Generator[float, None, dict[str, Any]]:
        desk, tally = self._desk, self._tally
        if tally.blocked(key):
            raise Refusal("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", status=429)
        begun = desk.clock()
        desk.calls += 1
        desk.world.advance(begun, desk.calls)
        tally.start(key, begun)
        start = _start(query)
        params = {name: value for name, value in query.items() if name not in RESERVED}
        try:
            answer = method.run(desk.world, params, start, self._caller.acting)
        except Refusal as refusal:
            yield from self._spend(refusal.seconds)
            raise
        yield from self._spend(answer.seconds)
        tally.finish(key)
        return success(answer, self._time(started, begun, tally.reading(key)))

    def _spend(self, seconds: float) -> Generator[float, None, None]:
        self._tally.spend(seconds)
        if seconds > 0:
            yield seconds

    def _time(self, started: float, begun: float, reading: Reading | None) -> dict[str, Any]:
        return timing(started, begun, self._desk.clock(), dial=self._desk.world.dial, reading=reading)


def _start(query: Params) -> int | None:
    """Read `start`, in this very spelling; null is as good as none (isset)."""
    value = query.get("start")
    return None if value is None else intval(value)


def success(answer: Answer, time: dict[str, Any]) -> dict[str, Any]:
    """Lay out an answer in the source's order of keys."""
    body: dict[str, Any] = {"result": answer.result}
    if answer.next is not None:
        body["next"] = answer.next
    if answer.total is not None:
        body["total"] = answer.total
    body["time"] = time
    return body


def failure(refusal: Refusal) -> dict[str, Any]:
    """Lay out an error; it has no `time`."""
    return {"error": refusal.code, "error_description": refusal.description, **refusal.extra}
