"""Time zones: the server's fixed offset, the user's with its summer time, and ISO text.

Rule 1: a moment is unix seconds everywhere inside; text is made only when a
row leaves. Rule 2: text is put together from two tables (hour, second of
the hour), because a page of fifty rows carries two hundred moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache

EPOCH = 719_163  # date(1970, 1, 1).toordinal()
NEVER = 253_402_214_400
"""9999-12-31 00:00 in UTC seconds, before the server's offset: Bitrix24's "no deadline"."""
LAST_HOUR = NEVER // 3_600


@dataclass(frozen=True, slots=True)
class Zone:
    """An offset from UTC in seconds, and what Europe's summer time adds to it."""

    offset: int = 10_800
    summer: int = 0

    def at(self, unix: float) -> int:
        """Give the offset that holds at a moment."""
        if not self.summer or unix >= NEVER:
            return self.offset
        starts, ends = _summer(datetime.fromtimestamp(unix, UTC).year)
        return self.offset + (self.summer if starts <= unix < ends else 0)


@lru_cache(maxsize=64)
def _summer(year: int) -> tuple[int, int]:
    return _last_sunday(year, 3), _last_sunday(year, 10)


def _last_sunday(year: int, month: int) -> int:
    day = date(year, month, 31)
    ordinal = day.toordinal() - (day.weekday() + 1) % 7
    return (ordinal - EPOCH) * 86_400 + 3_600


class _Hours(dict[int, str]):
    """Hours since 1970 -> "2024-08-26T16:", filled as hours are asked for."""

    def __missing__(self, hour: int) -> str:
        text = f"{date.fromordinal(EPOCH + hour // 24).isoformat()}T{hour % 24:02}:"
        self[hour] = text
        return text


class _QuotedHours(dict[int, bytes]):
    """The same, where a JSON string begins."""

    def __init__(self, hours: _Hours) -> None:
        super().__init__()
        self._hours = hours

    def __missing__(self, hour: int) -> bytes:
        text = self[hour] = b'"' + self._hours[hour].encode()
        return text


@dataclass(frozen=True, slots=True)
class Dial:
    """Writes moments in one offset: `hours[h] + seconds[s]`, two look-ups and one addition.

    The quoted tables give the same as JSON.
    """

    offset: int
    hours: dict[int, str]
    seconds: list[str]
    quoted_hours: dict[int, bytes]
    quoted_seconds: list[bytes]

    def iso(self, unix: int) -> str:
        """Write a moment as PHP's `date('c')` does."""
        if unix >= NEVER:  # `CCrmDateTimeHelper::getMaxDatabaseDateObject`: midnight on the server
            return self.hours[LAST_HOUR] + self.seconds[0]
        return self.hours[(unix + self.offset) // 3_600] + self.seconds[(unix + self.offset) % 3_600]


@lru_cache(maxsize=16)
def dial(offset: int) -> Dial:
    """Build the tables of one offset, once."""
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset) // 60
    zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    hours, seconds = _Hours(), [f"{second // 60:02}:{second % 60:02}{zone}" for second in range(3_600)]
    return Dial(offset, hours, seconds, _QuotedHours(hours), [f'{second}"'.encode() for second in seconds])
