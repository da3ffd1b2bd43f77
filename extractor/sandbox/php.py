"""PHP's casts and `strtotime`, as far as a filter or a `start` can feel them.

Rule 1: nothing here raises. PHP casts never fail, and that is the danger:
an array becomes 1, a text becomes 0, a bad date becomes "no date".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)")
_LONGEST = 100
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{1,2}(?::?\d{2})?)?\Z", re.IGNORECASE)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?\Z")
_RELATIVE = re.compile(r"([+-]?)\s*(\d+)\s*(sec|second|min|minute|hour|day|week|fortnight)s?(\s+ago)?\Z",
                       re.IGNORECASE)
_UNITS = {"sec": 1, "second": 1, "min": 60, "minute": 60, "hour": 3600,
          "day": 86400, "week": 604800, "fortnight": 1209600}
_WORDS = {"now": None, "today": 0, "midnight": 0, "yesterday": -1, "tomorrow": 1}


def intval(value: Any) -> int:
    """Cast as `(int)$value` does: array to 0 or 1, text to its leading number or 0."""
    if isinstance(value, (list, dict)):
        return 1 if value else 0
    if isinstance(value, str):
        found = _NUMBER.match(value)
        digits = found[1] if found else "0"
        return _whole(digits) if _is_plain(digits) else _finite(float(digits))
    if value is None:
        return 0
    return value if type(value) is int else _finite(float(value))


def _whole(digits: str) -> int:
    """Read digits up to PHP_INT_MAX; Python itself refuses to read thousands of them."""
    return max(-2**63, min(int(digits[:_LONGEST]), 2**63 - 1))


def _is_plain(digits: str) -> bool:
    return digits.lstrip("+-").isdigit()


def _finite(value: float) -> int:
    return int(value) if abs(value) < 2**63 else 0


def strval(value: Any) -> str:
    """Cast as `(string)$value` does: true to "1", false and null to "", array to "Array"."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    return "Array" if isinstance(value, (list, dict)) else str(value)


def floatval(value: Any) -> float:
    """Cast as `(float)$value` does."""
    if isinstance(value, str):
        found = _NUMBER.match(value)
        return float(found[1]) if found else 0.0
    return float(intval(value)) if isinstance(value, (list, dict)) or value is None else float(value)


def strtotime(value: Any, now: float, offset: int) -> int | None:
    """Read a moment as `strtotime` does; `None` where PHP says `false`.

    `offset` is the server's, for values without a zone of their own. A `+`
    that became a space ("...00:00 03:00") is not a moment.
    """
    text = strval(value).strip()
    if text.startswith("@") and _is_plain(text[1:]):
        return _whole(text[1:])
    for read in (_iso, _dotted, _word, _relative):
        moment = read(text, now, offset)
        if moment is not None:
            return moment
    return None


def _iso(text: str, _now: float, offset: int) -> int | None:
    found = _ISO.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    return _unix((year, month, day), (hour, minute, second), offset if zone is None else _zone(zone))


def _dotted(text: str, _now: float, offset: int) -> int | None:
    found = _DOTTED.match(text)
    if not found:
        return None
    day, month, year, hour, minute, second = found.groups()
    return _unix((year, month, day), (hour, minute, second), offset)


def _word(text: str, now: float, offset: int) -> int | None:
    if text.lower() not in _WORDS:
        return None
    days = _WORDS[text.lower()]
    if days is None:
        return int(now)
    local = int(now) + offset
    return local - local % 86400 + days * 86400 - offset


def _relative(text: str, now: float, _offset: int) -> int | None:
    found = _RELATIVE.match(text)
    if not found:
        return None
    sign, count, unit, ago = found.groups()
    seconds = _whole(count) * _UNITS[unit.lower()]
    return int(now) + (-seconds if (sign == "-") != bool(ago) else seconds)


def _zone(text: str) -> int:
    if text[0] not in "+-":
        return 0
    digits = text[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    seconds = int(hours) * 3600 + int(minutes) * 60
    return -seconds if text[0] == "-" else seconds


def _unix(date: tuple[str, str, str], time: tuple[str | None, ...], offset: int) -> int | None:
    try:
        year, month, day = map(int, date)
        hour, minute, second = (int(part or 0) for part in time)
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) - offset

