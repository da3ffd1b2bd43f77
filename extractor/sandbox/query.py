"""Which rows a filter lets through, whoever parsed the filter.

Rule 1: a condition on the id is a bisection, never a scan; all the others
are tests of one column each, and a set of tests is a view that its table
keeps up to date. Rule 2: a join repeats an id; it never adds one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from extractor.sandbox.dataset import Copies, Table

Verdict = Callable[[Any], bool]
LOWEST, HIGHEST = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Test:
    """A condition on one column; `key` says all about it, so that equal tests are equal."""

    __test__ = False  # for pytest: not a test of ours

    column: str
    key: tuple[Any, ...]
    verdict: Verdict = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Either:
    """Several groups of conditions, one of which must hold (controllers' `logic: OR`)."""

    groups: tuple[tuple[Test | Either, ...], ...]


Condition = Test | Either


@dataclass(frozen=True, slots=True)
class Join:
    """An inner join that repeats a row once for each of its matches."""

    key: tuple[Any, ...]
    copies: Copies = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """A parsed filter: ids above `low` and not above `high`, those `only`, and the rest."""

    low: int = LOWEST
    high: int = HIGHEST
    only: frozenset[int] | None = None
    conditions: tuple[Condition, ...] = ()
    joins: tuple[Join, ...] = ()
    named: frozenset[str] = frozenset()  # keys as they were spelled, for hidden filters


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that match: a stretch of a sorted sequence of ids."""

    ids: Sequence[int] = field(repr=False)
    first: int
    last: int  # exclusive
    key: tuple[Any, ...]

    def __len__(self) -> int:
        return self.last - self.first

    def all(self) -> Sequence[int]:
        """List the ids, repetitions included."""
        return self.ids[self.first:self.last]


def each(verdict: Verdict) -> Verdict:
    """Judge a multiple field: one of its values has to satisfy; an empty one is NULL."""
    return lambda raw: any(verdict(str(value)) for value in raw) if raw else verdict(None)


def find(table: Table, plan: Plan) -> Found:
    """Evaluate a plan."""
    key: tuple[Any, ...] = (plan.conditions, plan.joins)
    ids: Sequence[int]
    if plan.only is not None:
        ids = _listed(table, plan, plan.only)
        key += (plan.only,)
    elif plan.conditions or plan.joins:
        ids = table.view(key, lambda: _copies(table, plan))
    else:
        ids = table.ids.array
    first = bisect_right(ids, plan.low) if plan.low > LOWEST else 0
    last = bisect_right(ids, plan.high) if plan.high < HIGHEST else len(ids)
    return Found(ids, first, max(first, last), (*key, plan.low, plan.high))


def _listed(table: Table, plan: Plan, only: Collection[int]) -> Sequence[int]:
    copies = _copies(table, plan)
    return [row_id for row_id in sorted(only) if row_id in table.ids for _ in range(copies(row_id))]


def _copies(table: Table, plan: Plan) -> Copies:
    """Say how often a row comes out: 0 when a condition fails, else what the joins make of it."""
    tests = [_reader(table, condition) for condition in plan.conditions]
    joins = [join.copies for join in plan.joins]
    if len(tests) == 1 and not joins:
        return tests[0]  # true is one copy: the usual filter, without a loop around it

    def copies(row_id: int) -> int:
        if not all(test(row_id) for test in tests):
            return 0
        count = 1
        for join in joins:
            count *= join(row_id)
        return count
    return copies


def _reader(table: Table, condition: Condition) -> Callable[[int], bool]:
    if isinstance(condition, Test):
        return table.tester(condition.column, condition.verdict)
    groups = [[_reader(table, one) for one in group] for group in condition.groups]
    return lambda row_id: any(all(test(row_id) for test in group) for group in groups)

