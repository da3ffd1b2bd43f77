"""The ids of a table: sorted, with the gaps and clusters that a portal's history leaves.

Rule 1: ids are the only thing that is stored for every row; eight bytes each.
Rule 2: equal seeds give equal ids.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from random import Random


def scatter(count: int, seed: str) -> array[int]:
    """Make `count` ids: dense runs, single missing ids, sparse stretches, long holes."""
    rng = Random(seed)
    ids = array("q")
    following = rng.randint(1, 5)
    while len(ids) < count:
        step = rng.choices((1, 2, 7, 40), weights=(80, 12, 6, 2))[0]
        length = min(rng.randint(20, 2_000) // step + 1, count - len(ids))
        ids.extend(range(following, following + length * step, step))
        following = ids[-1] + rng.choices((2, 3, 60, 5_000), weights=(70, 20, 8, 2))[0]
    return ids


class IdSpace:
    """A sorted array of ids that rows can join and leave."""

    __slots__ = ("_ids", "_next")

    def __init__(self, ids: array[int]) -> None:
        self._ids = ids
        self._next = (ids[-1] if ids else 0) + 1

    def __repr__(self) -> str:
        return f"IdSpace(count={len(self._ids)}, last={self.last})"

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __contains__(self, row_id: object) -> bool:
        if not isinstance(row_id, int):
            return False
        place = bisect_left(self._ids, row_id)
        return place < len(self._ids) and self._ids[place] == row_id

    def __getitem__(self, place: int) -> int:
        return self._ids[place]

    @property
    def array(self) -> array[int]:
        """The ids themselves; not to be changed by the reader."""
        return self._ids

    @property
    def last(self) -> int:
        """The highest id, 0 when there is none."""
        return self._ids[-1] if self._ids else 0

    def between(self, low: int, high: int) -> int:
        """Count the ids above `low` and not above `high`."""
        return bisect_right(self._ids, high) - bisect_right(self._ids, low)

    def add(self, row_id: int | None = None) -> int:
        """Take an id: the given one if it is free, else one above every id ever used."""
        taken = self._next if row_id is None else row_id
        if taken in self:
            raise ValueError(f"id {taken} is taken")
        self._ids.insert(bisect_left(self._ids, taken), taken)
        self._next = max(self._next, taken + 1)
        return taken

    def remove(self, row_id: int) -> None:
        """Let an id go; ids are never used again."""
        if row_id not in self:
            raise KeyError(row_id)
        self._ids.pop(bisect_left(self._ids, row_id))
