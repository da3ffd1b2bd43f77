"""The controllers' filter: validated, then given to the ORM.

Rule 1: what is not understood is refused (`Crm.Controller.Validator.Filter`),
except where a method is told to drop it, as `user.get` and tasks do.
Rule 2: names arrive in camelCase and are turned into UPPER_SNAKE together
with their prefix: `>id` becomes `>ID`, but `>ID` becomes `>_ID`, an unknown
field (`Response.Converter`, TO_SNAKE_DIGIT).
Rule 3: negations mean what they say here, and NULL differs from every value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from extractor.sandbox.answer import Refusal
from extractor.sandbox.columns import Column
from extractor.sandbox.php import floatval, intval, strtotime, strval
from extractor.sandbox.query import Condition, Either, Plan, Test, Verdict, each

PREFIXES = ("!><", "!=%", "!%=", "!=", "!@", "!%", "><", ">=", "<=", "=%", "%=", "=", "%", ">", "<", "@", "!")
_LISTS = frozenset({"", "=", "!=", "@", "!@"})  # prefixes that may carry an array
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
}


@dataclass(frozen=True, slots=True)
class Reader:
    """How a method reads its filter.

    `names` maps a name as the caller spells it to its column. `shift` moves
    every moment: `prepareDateTimeFieldsForFilter` forgets the user's offset,
    so a bound is later by (server's - user's) offset.
    """

    names: Mapping[str, Column]
    now: float
    offset: int
    shift: int = 0
    drops: bool = False  # unknown names vanish instead of being refused
    upper: bool = False  # names are UPPER_SNAKE already
    epoch: bool = False  # an unreadable date is 1970, as in tasks


def snake(key: str) -> str:
    """Turn a key into UPPER_SNAKE the way the converter does, prefix and all."""
    return re.sub(r"(?<![A-Z_])(?<!^)([A-Z]+)", r"_\1", key).upper()


def split(key: str) -> tuple[str, str]:
    """Part a key into prefix and name."""
    for prefix in PREFIXES:
        if key.startswith(prefix):
            return prefix, key[len(prefix):]
    return "", key


def plan(reader: Reader, given: Mapping[Any, Any]) -> Plan:
    """Read a controller's filter; a condition on the id outside OR becomes a range."""
    result = Plan()
    conditions: list[Condition] = []
    if _either(given):
        return replace(result, conditions=(_group(reader, given),))
    for key, value in given.items():
        if _nested(key, value):
            conditions.append(_group(reader, value))
            continue
        if str(key).lower() == "logic":
            continue
        column, prefix = _column(reader, str(key))
        if column is None:
            continue
        _check(prefix, str(key), value, reader)
        narrowed = _bounds(result, prefix, value) if column.name == "ID" else None
        if narrowed is None:
            conditions.append(_test(reader, column, prefix, str(key), value))
        else:
            result = narrowed
    return replace(result, conditions=tuple(conditions), named=frozenset(map(str, given)))


def _nested(key: Any, value: Any) -> bool:
    return isinstance(value, dict) and str(key).isdigit()


def _either(given: Mapping[Any, Any]) -> bool:
    return any(str(key).lower() == "logic" and strval(value).upper() == "OR" for key, value in given.items())


def _group(reader: Reader, given: Mapping[Any, Any]) -> Either:
    """Read a nested filter: all of it, or with `logic: OR` any of it."""
    parts: list[Condition] = []
    for key, value in given.items():
        if _nested(key, value):
            parts.append(_group(reader, value))
        elif str(key).lower() != "logic":
            column, prefix = _column(reader, str(key))
            if column is not None:
                _check(prefix, str(key), value, reader)
                parts.append(_test(reader, column, prefix, str(key), value))
    return Either(tuple((part,) for part in parts) if _either(given) else (tuple(parts),))


def _column(reader: Reader, key: str) -> tuple[Column | None, str]:
    prefix, name = split(key)
    column = reader.names.get(name)
    if column is None and not reader.drops:
        raise Refusal("INVALID_ARG_VALUE", f"Invalid filter: field '{_shown(reader, key)}' is not allowed in filter")
    return column, prefix


def _shown(reader: Reader, key: str) -> str:
    return key if reader.upper else snake(key)


def _invalid(reader: Reader, key: str) -> Refusal:
    return Refusal("INVALID_ARG_VALUE", f"Invalid filter: field '{_shown(reader, key)}' has invalid value")


def _check(prefix: str, key: str, value: Any, reader: Reader) -> None:
    if prefix.endswith("><") or (isinstance(value, (list, dict)) and prefix not in _LISTS):
        raise _invalid(reader, key)
    if prefix in {"@", "!@"} and isinstance(value, (list, dict)) and not value:
        raise Refusal(0, "Mysql query error: (1064) You have an error in your SQL syntax near 'IN ()'")


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _bounds(plan_: Plan, prefix: str, value: Any) -> Plan | None:
    """Narrow the ids; `None` where the condition is not a range or a list."""
    if prefix in _COMPARE:
        bound = intval(value)
        if prefix[0] == ">":
            return replace(plan_, low=max(plan_.low, bound - (prefix == ">=")))
        return replace(plan_, high=min(plan_.high, bound - (prefix == "<")))
    if prefix in {"", "=", "@"}:
        ids = frozenset(intval(one) for one in _values(value))
        return replace(plan_, only=ids if plan_.only is None else plan_.only & ids)
    return None


def _test(reader: Reader, column: Column, prefix: str, key: str, value: Any) -> Test:
    values = [_cast(reader, column, key, one) for one in _values(value)]
    read: Callable[[Any], Any] = floatval if column.kind == "double" else _fold
    verdict = _verdict(prefix, values, read)
    if column.kind == "multi":
        verdict = each(verdict)
    return Test(column.name, ("strict", prefix, tuple(values)), verdict)


def _cast(reader: Reader, column: Column, key: str, value: Any) -> Any:
    if column.kind == "int":
        return intval(value)
    if column.kind == "double":
        return floatval(value)
    if column.kind == "bool":
        return strval(value) in {"1", "Y", "true"}
    if column.kind in {"datetime", "date"}:
        return _moment(reader, key, value)
    return strval(value).casefold()


def _moment(reader: Reader, key: str, value: Any) -> int | None:
    if value is None or value == "":
        return None
    unix = strtotime(value, reader.now, reader.offset)
    if unix is None:
        if reader.epoch:
            return 0
        raise _invalid(reader, key)
    return unix + reader.shift


def _fold(raw: Any) -> Any:
    return raw.casefold() if isinstance(raw, str) else raw


def _verdict(prefix: str, values: list[Any], read: Callable[[Any], Any]) -> Verdict:
    negated = prefix.startswith("!")
    operator = prefix.removeprefix("!")
    if operator in _COMPARE:
        compare, bound = _COMPARE[operator], values[0]
        return lambda raw: raw is not None and bound is not None and compare(read(raw), bound) != negated
    if "%" in operator:
        like = _like(operator, strval(values[0]))
        return lambda raw: raw is not None and like(str(raw)) != negated
    wanted = set(values)
    if negated:
        return lambda raw: None not in wanted if raw is None else read(raw) not in wanted
    return lambda raw: None in wanted if raw is None else read(raw) in wanted


def _like(operator: str, value: str) -> Callable[[str], bool]:
    if operator == "%":
        return lambda raw: value in raw.casefold()
    pattern = re.compile("".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in value),
                         re.IGNORECASE | re.DOTALL)
    return lambda raw: pattern.fullmatch(raw) is not None
