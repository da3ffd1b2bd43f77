"""A list method that answers what its contract excludes, or has rows that kill their page.

A `Mishap` stands between a call and its method: it may change the parameters,
the answer, or let the call fail. `with_mishaps` says which calls meet one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from extractor.sandbox.answer import Answer, Collapse, Method, Params, Refusal, Session
from extractor.sandbox.php import intval

if TYPE_CHECKING:
    from extractor.sandbox.world import World

Run = Callable[[Params], Answer]
Mishap = Callable[[Run, Params, int | None], Answer]

UNENCODABLE = object()
"""A value that JSON cannot say: NaN, or one too deep (portal.md 10)."""


def with_mishaps(method: Method, strikes: Callable[[int], Mishap | None]) -> Method:
    """Let the n-th call of a method (counted from 1) meet what `strikes` says."""
    calls = 0

    def body(world: World, params: Params, start: int | None, session: Session) -> Answer:
        nonlocal calls
        calls += 1
        mishap = strikes(calls)

        def run(asked: Params) -> Answer:
            return method.run(world, asked, start, session)

        return mishap(run, params, start) if mishap else run(params)
    return Method(method.scope, body)


def short(kept: int) -> Mishap:
    """Show the first rows of an uncounted page only; the others come when they are asked for."""
    def mishap(run: Run, params: Params, start: int | None) -> Answer:
        answer = run(params)
        uncounted = start is not None and start < 0 and not answer.total
        return _with_rows(answer, rows_of(answer)[:kept]) if uncounted and len(rows_of(answer)) > kept else answer
    return mishap


def failing(_run: Run, _params: Params, _start: int | None) -> Answer:
    """Fail for no reason of the call's: the same one may succeed a moment later."""
    raise Refusal("INTERNAL_SERVER_ERROR", "Internal server error", status=500)


def deaf(run: Run, params: Params, _start: int | None) -> Answer:
    """Drop the bounds on the id in silence (portal.md 12, 1)."""
    kept = dict(params)
    for name, given in params.items():
        if name.lower() == "filter" and isinstance(given, dict):
            kept[name] = {key: value for key, value in given.items() if key.lower() not in {">id", "<=id"}}
    return run(kept)


def unordered(run: Run, params: Params, _start: int | None) -> Answer:
    """Drop the order, and show rows as the database has them: here, from behind."""
    answer = run(params)
    return _with_rows(answer, rows_of(answer)[::-1])


def lying(total: Callable[[int], int]) -> Mishap:
    """Name another total: a capped one, the length of the page, that of a join."""
    def mishap(run: Run, params: Params, _start: int | None) -> Answer:
        answer = run(params)
        return replace(answer, total=max(0, total(answer.total))) if answer.total else answer
    return mishap


class Stalled:
    """Answers a call with the page before it, if that is not above what was asked for: the ids stand still."""

    def __init__(self) -> None:
        self._before: Answer | None = None

    def watch(self, run: Run, params: Params, _start: int | None) -> Answer:
        """Answer, and remember."""
        self._before = run(params)
        return self._before

    def stall(self, run: Run, params: Params, _start: int | None) -> Answer:
        """Answer what was answered before, where that is no answer."""
        given = params.get("filter", params.get("FILTER"))
        low = max((intval(value) for name, value in given.items() if name.lower() == ">id"), default=-1) if isinstance(given, dict) else -1
        rows = rows_of(self._before) if self._before else []
        return self._before if self._before and rows and _id(rows[0]) <= low else run(params)


@dataclass(frozen=True, slots=True)
class Poison:
    """Rows that kill every page that shows them.

    `way` is how: the page cannot be encoded, PHP dies (500), or it never ends
    and is cut. A page of ids alone is spared, unless the row is bad `throughout`.
    """

    ids: Collection[int]
    way: str = "encoding"
    throughout: bool = False

    def __call__(self, run: Run, params: Params, _start: int | None) -> Answer:
        """Answer, unless a bad row is on the page."""
        answer = run(params)
        rows = rows_of(answer)
        bad = [place for place, row in enumerate(rows) if _id(row) in self.ids and (self.throughout or len(row) > 1)]
        if not bad:
            return answer
        if self.way == "encoding":
            return _with_rows(answer, [{**row, "BAD": UNENCODABLE} if place in bad else row for place, row in enumerate(rows)])
        raise Collapse(504, seconds=3_600.0) if self.way == "endless" else Collapse(500)


def rows_of(answer: Answer) -> list[Any]:
    """Find the rows of a list's answer, wrapped or not."""
    result = answer.result
    return next(iter(result.values()), []) if isinstance(result, dict) else result


def _with_rows(answer: Answer, rows: list[Any]) -> Answer:
    result = answer.result
    return replace(answer, result=dict.fromkeys(result, rows) if isinstance(result, dict) else rows)


def _id(row: dict[str, Any]) -> int:
    return int(row.get("ID") or row.get("id") or 0)
