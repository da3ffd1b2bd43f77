"""A span: the ids (cursor, high] of one entity that are still to be read.

Rule 1: the spans of an entity are disjoint, and every id that is in none of
them is on disk or not in the portal. So the list of spans is the whole state
of an entity: it is what the checkpoint holds and what a resumed run reads.

Rule 2: a span shrinks only when rows are handed over, from below (`take`) or
from above (`take_down`), or when it gives its upper part away (`split`).

Rule 3: every page is held against what was asked: ids above the cursor, not
above the bound, never descending. A portal that dropped the condition (wrong
case, bad JSON, a lost reference) shows itself here and stops the entity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from extractor.errors import ContractBroken
from extractor.messages import PAGE_SIZE, Row

ROUNDING = 1e-6  # of a piece: three of them are three
HIGHEST_ID = 2**63 - 1  # of a signed BIGINT, and of PHP's integers


@dataclass(slots=True)
class Tally:
    """What has come so far: so many rows, over so many ids."""

    rows: int = 0
    ids: int = 0

    def add(self, rows: int, ids: int) -> None:
        """Count a page."""
        self.rows += rows
        self.ids += ids

    def density(self, expected: float) -> float:
        """Return the rows per id; what was expected weighs one page."""
        return (self.rows + PAGE_SIZE) / (self.ids + PAGE_SIZE / expected)


@dataclass(slots=True, eq=False)
class Span:
    """Ids above `cursor` up to `high` (`None`: no upper end) of one entity.

    `until` is where the rows are expected to end: `high`, or the last id that
    was seen when the span was cut. `density` is the rows per id expected,
    `others` what has come of all spans of the entity, where they may share it.
    """

    cursor: int
    high: int | None
    until: int
    density: float = 1.0
    closed: bool = False
    others: Tally = field(default_factory=Tally, repr=False)
    _own: Tally = field(default_factory=Tally, repr=False)

    def rows_left(self) -> float:
        """Estimate the rows still to come, from the density seen so far: here, and before that elsewhere."""
        if self.closed:
            return 0.0
        return max(0, self.until - self.cursor) * self._density()

    def split(self, coming: int = 0, piece: int = 0) -> Span:
        """Give the upper half of the ids away, past the rows that are `coming`; what comes of its rows all the same, `take` drops.

        Where a `piece` of so many rows is what one request reads, both halves are of whole ones, and where there
        is but one it is given away.
        """
        density = self._density()
        low = self.cursor + int(min(self.until - self.cursor, coming / density))
        pieces = max(1 if coming else 2, math.ceil((self.until - low) * density / piece - ROUNDING)) if piece else 2
        middle = max(self.cursor + 1, low + (self.until - low) * (pieces // 2) // pieces)
        return self.keep(middle - self.cursor)

    def keep(self, ids: int) -> Span:
        """Give all away but so many of the lowest ids."""
        middle = self.cursor + ids
        upper = Span(middle, self.high, self.until, self._density(), others=self.others)
        self.high = self.until = middle
        return upper

    def advance(self, to: int) -> None:
        """Move the cursor past ids that hold no rows, or none that can be read."""
        self.cursor = to
        self.closed = self.high is not None and to >= self.high

    def take(self, rows: Sequence[Row], key: str, *, low: int, high: int | None) -> Sequence[Row]:
        """Accept the page that answered (low, high] and move the cursor; return the rows to keep.

        Copies of one id (a BINDINGS join) are adjacent and are kept once. An
        empty page closes the span, as nothing can be left; a short one proves nothing.
        """
        ids = ids_of(rows, key)
        self._check(ids, low, high)
        if not ids:
            self.closed = True
            return rows
        self._own.add(len(ids), ids[-1] - self.cursor)
        self.others.add(len(ids), ids[-1] - self.cursor)
        kept = self._within(rows, ids)
        self.cursor = ids[-1]
        self.closed = self.high is not None and self.cursor >= self.high
        return kept

    def take_down(self, rows: Sequence[Row], key: str) -> Sequence[Row]:
        """Accept rows read from above, ascending: keep those still inside, each id once, and lower the upper end."""
        kept: dict[int, Row] = {}
        for identifier, row in zip(ids_of(rows, key), rows, strict=True):
            if identifier > self.cursor and (self.high is None or identifier <= self.high):
                kept.setdefault(identifier, row)
        if kept:
            self.high = self.until = min(kept) - 1
        return list(kept.values())

    def _within(self, rows: Sequence[Row], ids: Sequence[int]) -> Sequence[Row]:
        """Drop copies, and rows above an upper end that was lowered while the page was under way."""
        top = ids[-1] if self.high is None else self.high
        if ids[-1] <= top and len(set(ids)) == len(ids):
            return rows
        kept = {identifier: row for identifier, row in zip(ids, rows, strict=True) if identifier <= top}
        return list(kept.values())

    def _check(self, ids: Sequence[int], low: int, high: int | None) -> None:
        """Refuse a page that does not answer what was asked (Rule 3)."""
        check_bounds(ids, low, high)
        check_order(ids)

    def _density(self) -> float:
        """Return the rows per id that are expected of what is left."""
        return self._own.density(self.others.density(self.density))


def check_bounds(ids: Sequence[int], low: int | None, high: int | None) -> None:
    """Refuse ids that were not asked for: the portal dropped the condition, or this is the answer to something else."""
    if ids and ((low is not None and min(ids) <= low) or (high is not None and max(ids) > high)):
        asked = " ".join(f"{word} {bound}" for word, bound in (("above", low), ("up to", high)) if bound is not None)
        raise ContractBroken(f"asked for ids {asked}, the portal sent {min(ids)} to {max(ids)}: it ignored the condition")


def check_order(ids: Sequence[int]) -> None:
    """Refuse ids that do not ascend: the portal dropped the order."""
    if list(ids) != sorted(ids):
        raise ContractBroken("asked for rows in ascending order of ids, the portal sent another: it ignored the order")


def ids_of(rows: Sequence[Row], key: str) -> list[int]:
    """Read the ids of rows; they come as strings or numbers.

    Raises:
        ContractBroken: A row has no such key, or something in it that is no id: ids are the database's, 0 to 2^63 - 1.
    """
    try:
        values = [row[key] for row in rows]
        ids = list(map(int, values)) if _digits(values) else [value if type(value) is int else _number(value) for value in values]
    except (KeyError, TypeError, ValueError) as error:
        raise ContractBroken(f"a row came without a readable {key!r}: {type(error).__name__}") from None
    if ids and not 0 <= min(ids) <= max(ids) <= HIGHEST_ID:
        raise ContractBroken(f"a row came with {min(ids) if min(ids) < 0 else max(ids)} in {key!r}, which no id can be")
    return ids


def _digits(values: Sequence[Any]) -> bool:
    """Tell whether all are texts of digits, as in most lists: of fifty that is seen sooner at once than one by one."""
    try:
        text = "".join(values)
    except TypeError:
        return False
    return text.isascii() and text.isdigit() and "" not in values


def _number(value: object) -> int:
    """Read an id that came as a text: digits, and nothing else that Python would take for a number; 1e3 is one, 1.9 is not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str):
        raise TypeError
    if not (value.isascii() and value.removeprefix("-").isdigit()):
        raise ValueError
    return int(value)
