"""The classic filter: how `CCrmRestProxyBase` and `CSqlUtil` read keys and values.

Rule 1: nothing is refused. A key that is not understood disappears, and its
condition with it (`CCrmRestProxyBase::internalizeFilterFields`).
Rule 2: a value is cast, never checked: array to 1, text to 0, a bad date to
`IS NULL` (`CSqlUtil::PrepareWhere`).
Rule 3: all keys are ANDed; arrays within one key are the only OR.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from extractor.sandbox.columns import Column, Entity
from extractor.sandbox.php import floatval, intval, strtotime, strval
from extractor.sandbox.query import HIGHEST, LOWEST, Join, Plan, Test, Verdict, each

# `CSqlUtil::GetFilterOperation` tries them in this order.
OPERATORS = (">=", ">", "<=", "<", "@", "=%", "%=", "%", "?", "*=", "*%", "*", "=")
_LIKE = frozenset({"%", "=%", "%=", "?", "*=", "*%", "*"})
_RANGES: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
}
FILLED, EMPTY = "^%^", "^&^"  # `CCrmEntityListBuilder::Prepare`


@dataclass(frozen=True, slots=True)
class Moment:
    """The present and the server's offset: what `strtotime` needs."""

    now: float
    offset: int


@dataclass(frozen=True, slots=True)
class Key:
    """A filter key taken apart."""

    negated: bool
    operator: str
    column: str


def parse_key(key: str) -> Key:
    """Take a key apart: optional `!`, optional `+`, one operator; the rest is the name."""
    negated = key.startswith("!")
    rest = key[negated:].removeprefix("+")
    for operator in OPERATORS:
        if rest.startswith(operator):
            return Key(negated, operator, rest[len(operator):])
    return Key(negated, "=", rest)


def plan(entity: Entity, given: dict[Any, Any], moment: Moment,
         joins: Callable[[Any, Any], Join | None] = lambda _name, _value: None) -> Plan:
    """Read a classic filter; `joins` reads the keys that are no columns: BINDINGS, PHONE ..."""
    low, high, only = LOWEST, HIGHEST, None
    tests: list[Test] = []
    joined: list[Join] = []
    for name, value in given.items():
        join = joins(name, value)
        joined += [join] if join else []
        key = parse_key(name) if isinstance(name, str) else Key(False, "=", "")
        column = entity.column(key.column)
        if column is None or not column.filter:
            continue
        if column.name == "ID" and not key.negated and not _magic(value):
            low, high, only = _bounds(key.operator, value, low, high, only)
            continue
        verdict = _verdict(key, column, value, moment)
        if verdict is not None:
            tests.append(Test(column.name, (key.negated, key.operator, _frozen(value, column, moment)), verdict))
    return Plan(low, high, only, tuple(tests), tuple(joined), frozenset(map(str, given)))


def _bounds(operator: str, value: Any, low: int, high: int,
            only: frozenset[int] | None) -> tuple[int, int, frozenset[int] | None]:
    """Narrow the range of ids; `PrepareWhere` casts a range's value with `(int)`."""
    if operator in _RANGES:
        bound = intval(value)
        if operator[0] == ">":
            return max(low, bound - (operator == ">=")), high, only
        return low, min(high, bound - (operator == "<")), only
    values = _values(value)
    if not values:
        return low, high, only  # an empty list is left out: no condition at all
    ids = frozenset(intval(one) for one in values)
    return low, high, ids if only is None else only & ids


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _frozen(value: Any, column: Column, moment: Moment) -> Any:
    """Make a value fit for a cache's key; moments by what they mean now."""
    if isinstance(value, (list, dict)):
        return tuple(_frozen(one, column, moment) for one in _values(value))
    if column.kind in {"datetime", "date"}:
        return strtotime(value, moment.now, moment.offset)
    return type(value).__name__, value


def _magic(value: Any) -> bool:
    return isinstance(value, str) and value in {FILLED, EMPTY}


def _verdict(key: Key, column: Column, value: Any, moment: Moment) -> Verdict | None:
    """Build the test of one key; `None` where the condition is left out."""
    if _magic(value):
        return _filled if (value == FILLED) != key.negated else _blank
    values = _values(value)
    if not values and not (column.kind == "int" and key.operator in _RANGES):
        return None
    if column.kind in {"int", "double"}:
        return _numbers(key, column, value, values)
    if column.kind in {"datetime", "date"}:
        return _moments(key, [strtotime(one, moment.now, moment.offset) for one in values])
    verdict = _texts(key, [strval(one) for one in values])
    return each(verdict) if column.kind == "multi" else verdict


def _filled(raw: Any) -> bool:
    return raw is not None and raw != ""


def _blank(raw: Any) -> bool:
    return raw is None or raw == ""


def _numbers(key: Key, column: Column, value: Any, values: list[Any]) -> Verdict:
    cast: Callable[[Any], float] = floatval if column.kind == "double" else intval
    read: Callable[[Any], Any] = (lambda raw: raw) if column.kind == "int" else (
        lambda raw: None if raw is None else floatval(raw))
    if key.operator in _RANGES:
        return _range(key, cast(value), read)
    wanted = {cast(one) for one in values}
    if key.operator == "@":
        if key.negated:
            return lambda raw: raw is not None and read(raw) not in wanted
        return lambda raw: raw is not None and read(raw) in wanted
    if key.negated:  # F IS NULL OR NOT (F = n); for 0: NOT NULL and <> 0
        return lambda raw: (0 not in wanted) if raw is None else read(raw) not in wanted
    return lambda raw: (0 in wanted) if raw is None else read(raw) in wanted


def _range(key: Key, bound: float, read: Callable[[Any], Any]) -> Verdict:
    compare = _RANGES[key.operator]
    nulls = bound == 0 and key.operator == ">="  # `F IS NULL OR F >= 0`
    if key.negated:
        return lambda raw: raw is None or not compare(read(raw), bound)
    return lambda raw: nulls if raw is None else compare(read(raw), bound)


def _moments(key: Key, moments: list[int | None]) -> Verdict:
    """Compare moments; one that could not be read makes the condition `F IS NULL`."""
    if key.operator in _RANGES:
        compare, bound = _RANGES[key.operator], moments[0] if moments else None
        if bound is None:
            return lambda raw: (raw is None) != key.negated
        if key.negated:
            return lambda raw: raw is None or not compare(raw, bound)
        return lambda raw: raw is not None and compare(raw, bound)
    wanted = set(moments)
    if key.negated:
        return lambda raw: raw not in wanted and (raw is not None or key.operator != "@")
    return lambda raw: raw in wanted


def _texts(key: Key, values: list[str]) -> Verdict:
    """Compare texts, case-blind as the collation is."""
    if key.operator in _LIKE:
        return _like(key.operator, values)  # NOT is never written here, whatever the `!` says
    folded = [value.casefold() for value in values]
    if key.operator in _RANGES:
        compare, bound = _RANGES[key.operator], folded[0] if folded else ""
        if key.negated:
            return lambda raw: raw is None or not compare(_fold(raw), bound)
        return lambda raw: raw is not None and compare(_fold(raw), bound)
    wanted = set(folded)
    if key.operator == "@":
        return lambda raw: raw is not None and (_fold(raw) in wanted) != key.negated
    empty = "" in wanted
    if key.negated:
        return lambda raw: not empty if raw is None else _fold(raw) not in wanted
    return lambda raw: empty if raw is None else _fold(raw) in wanted


def _fold(raw: Any) -> str:
    return str(raw).casefold()


def _like(operator: str, values: Iterable[str]) -> Verdict:
    tests = [_pattern(operator, value) for value in values]
    return lambda raw: any(test(raw) for test in tests)


def _pattern(operator: str, value: str) -> Verdict:
    if not value:
        return _blank
    if operator in {"=%", "%="}:  # LIKE with the caller's own wildcards, no ESCAPE
        pattern = re.compile("".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in value),
                             re.IGNORECASE | re.DOTALL)
        return lambda raw: raw is not None and pattern.fullmatch(str(raw)) is not None
    wanted = value.casefold()
    return lambda raw: raw is not None and wanted in _fold(raw)
