"""What stands behind a filter key: values that the portal reads as they are meant.

Nothing is refused there: a value of the wrong kind is cast. A list under `>`
becomes 1, text in a number's place 0, an empty list no condition at all, an
unreadable date `IS NULL`. Hence each rule below is an answer with other rows
than those asked for, and no error (`CSqlUtil::PrepareWhere`,
`CRestUtil::unConvertDateTime`).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

from extractor.catalog import Entity
from extractor.errors import UsageError
from extractor.spelling import CLASSIC, EQUALITIES, PATTERNS, RANGES, Dialect, Key

Kind = Literal["", "integer", "number", "date", "directory", "opaque"]

# Types of crm.*.fields whose columns hold whole numbers; the enumerations are CCrmOwnerType and its like.
_INTEGERS = frozenset({
    "integer", "int", "user", "employee", "crm_company", "crm_contact", "crm_lead", "crm_deal", "crm_quote", "crm_category",
})
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(_INTEGERS, "integer"), "double": "number", "float": "number", "date": "date", "datetime": "date",
    "crm_status": "directory",
    # No column, or one with PHP's serialised text in it.
    **dict.fromkeys(("object", "diskfile", "crm_activity_communication", "crm_activity_binding"), "opaque"),
}

_FORM = "2024-01-31T00:00:00+03:00"
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_UNIX = re.compile(r"@-?[0-9]+")
_INTEGER = re.compile(r"-?[0-9]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
# A text in spite of its name, in the format of the portal's language (crm.item.fields).
_NO_DATES = frozenset({"LAST_COMMUNICATION_TIME", "lastCommunicationTime"})


def kind_of(type_name: str) -> Kind:
    """Return the kind of a type that a fields method reports."""
    return "integer" if type_name.startswith("crm_enum_") else _KINDS.get(type_name, "")


def guess(name: str, entity: Entity) -> Kind:
    """Return the kind of a field from its name alone, where that is beyond doubt."""
    if name == entity.filter_id and entity.paging == "keyset":
        return "integer"
    if name in _NO_DATES or name.startswith(("UF_", "uf")):
        return ""
    dated = name == entity.modified or name in {"CREATED", "DEADLINE", "LAST_UPDATED"}
    return "date" if dated or name.startswith("DATE_") or name.endswith(("_TIME", "_DATE", "Time")) else ""


def check_value(key: Key, value: object, known: Dialect | None, kind: Kind) -> None:
    """Refuse a value that the portal would read as another, or as none.

    Raises:
        UsageError: With the spelling that works.
    """
    if kind == "opaque":
        raise _bad(key, f"cannot be a condition: {key.name} is no column that can be compared; leave it out")
    if known is CLASSIC and key.operator in PATTERNS and kind:  # sqlu:PrepareWhere: `=` for everything but text
        right = f"'>={key.name}' and '<{key.name}'" if kind == "date" else repr(key.name)
        raise _bad(key, f"looks for a part of a text, which {key.name} is not, and would be compared as a whole: write {right}")
    if isinstance(value, dict):
        raise _bad(key, "holds an object; write one value, or a list of values")
    if isinstance(value, list | tuple):
        _check_list(key, value, known)
    for one in value if isinstance(value, list | tuple) else (value,):
        if one is None:
            _check_null(key)
        elif isinstance(one, bool):
            _check_flag(key, kind, known, flag=one)
        else:
            _check_kind(key, one, kind)


def _check_list(key: Key, values: list[object] | tuple[object, ...], known: Dialect | None) -> None:
    """Refuse lists that are no condition, or not the one they look like."""
    if not values:
        raise _bad(key, "holds an empty list, which is no condition at all: leave the key out, or name values")
    if key.operator in RANGES:
        raise _bad(key, "compares with one value, and a list would be read as 1: "
                        f"write one value, or {'@' + key.name!r} for one of several")
    if known is not None and key.operator not in known.lists:
        raise _bad(key, f"takes one value: write {'@' + key.name!r} for one of several")
    if any(isinstance(one, list | tuple | dict) for one in values):
        raise _bad(key, "holds a list within a list: write plain values")


def _check_null(key: Key) -> None:
    """Let null mean `IS NULL`, and nothing else."""
    if key.operator not in EQUALITIES:
        raise _bad(key, f"compares with null, which would be read as 0 or as an empty text: "
                        f"write {key.name!r} or {'!' + key.name!r} for empty and filled")


def _check_flag(key: Key, kind: Kind, known: Dialect | None, *, flag: bool) -> None:
    """Refuse JSON's true and false where the portal casts them to '1' and ''."""
    if known is CLASSIC or kind in {"integer", "number", "date"}:
        right = "1 or 0" if kind in {"integer", "number"} else '"Y" or "N"'
        raise _bad(key, f"holds {str(flag).lower()}, which matches nothing here: write {right}")


def _check_kind(key: Key, value: object, kind: Kind) -> None:
    """Refuse a value that does not have the form of its field's type."""
    if kind in {"integer", "number"} and isinstance(value, int | str) and _fits(_INTEGER, str(value)) and not -2**63 <= int(value) < 2**63:
        raise _bad(key, f"holds {_shown(value)}, which is beyond what the portal can count to: write a number of at most 18 digits")
    if kind == "integer" and not (isinstance(value, int) or _fits(_INTEGER, value)):
        raise _bad(key, f"wants a whole number, and {_shown(value)} would be read as 0 or cut short: write {_whole(value)}")
    if kind == "number" and not (isinstance(value, int | float) or _fits(_NUMBER, value)):
        raise _bad(key, f"wants a number, and {_shown(value)} would be read as 0 or cut short: write one such as 5 or 5.25")
    if kind == "date" and not is_date(value):
        raise _bad(key, f"holds {_shown(value)}, which is no date to the portal and would match nothing or too much: "
                        f"write {_mended(value)!r}" + (", or null for an empty field" if value == "" else ""))


def _whole(value: object) -> str:
    """Return the numbers that were meant, where commas in a text are all that is wrong with them."""
    if value == "":
        return "null for an empty field"
    parts = value.split(",") if isinstance(value, str) else []
    numbers = [part.strip() for part in parts if _fits(_INTEGER, part.strip())]
    return f"[{', '.join(numbers)}]" if 1 < len(numbers) == len(parts) else "a number, such as 5"


def is_date(value: object) -> bool:
    """Tell whether a value is an ISO 8601 date or date-time, or `@` and a unix second."""
    if not isinstance(value, str) or not (_fits(_DATE, value) or _fits(_UNIX, value)):
        return False
    try:
        return value.startswith("@") or dt.datetime.fromisoformat(value) is not None
    except ValueError:  # the 31st of February
        return False


def _mended(value: object) -> str:
    """Return the date that was meant, where a blank is all that is wrong with it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"@{value}"
    tries = [value.replace(" ", "T", 1), value.replace(" ", "+"), value.replace(" ", "T", 1).replace(" ", "+")] if (
        isinstance(value, str)) else []
    return next((one for one in tries if is_date(one)), _FORM)


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _shown(value: object) -> str:
    """Show a value, shortened."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:36]}..."


def _bad(key: Key, why: str) -> UsageError:
    return UsageError(f"filter key {key.typed!r} {why}")
