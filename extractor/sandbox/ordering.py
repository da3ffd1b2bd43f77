"""In which order the rows that match come out, and what happens to ties.

Rule 1: only an order that ends in the id is stable. Other ties are shuffled
anew for every request: MySQL promises nothing about them and changes its
mind as the offset grows. Rule 2: without ORDER BY the order is fixed but is
not the id's: whoever relied on it must notice.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from extractor.sandbox.columns import Column, Entity
from extractor.sandbox.dataset import Table
from extractor.sandbox.query import Found
from extractor.sandbox.world import World

Order = tuple[tuple[str, bool], ...]
"""Columns, and whether each is descending."""

KEPT = 16  # sorted sets kept at a time
SHUFFLED = 2_000  # larger groups of ties are rotated: as unstable, and cheap


def classic_order(entity: Entity, given: dict[Any, Any]) -> Order:
    """Read a classic order: names in any case, unknown ones dropped, not `ASC` is `DESC`.

    Source: `CSqlUtil::PrepareSql`.
    """
    return tuple((column.name, not _ascending(direction)) for name, direction in given.items()
                 if (column := entity.column(str(name).upper())) is not None)


def _ascending(direction: Any) -> bool:
    return isinstance(direction, str) and direction.upper() == "ASC"


def arrange(world: World, table: Table, found: Found, order: Order, *, first: int, limit: int) -> list[int]:
    """Cut the ids `first` to `first + limit` out of the rows found, in an order."""
    size = len(found)
    last = min(first + limit, size)
    if first >= last:
        return []
    if order and order[0][0] == "ID":
        if not order[0][1]:
            return list(found.ids[found.first + first:found.first + last])
        return list(found.ids[found.last - last:found.last - first])[::-1]
    world.requests += 1
    ids, groups = _sorted(world, table, found, order)
    if not order or any(name == "ID" for name, _ in order):
        return list(ids[first:last])
    return _shuffled(ids, groups, first, last, f"{world.seed}:{world.requests}")


def _sorted(world: World, table: Table, found: Found, order: Order) -> tuple[list[int], array[int]]:
    key = (table.entity.name, table.version, found.key, order)
    kept = world.sorted.pop(key, None)
    if kept is None:
        kept = _sort(table, found.all(), order)
        while len(world.sorted) >= KEPT:
            world.sorted.popitem(last=False)
    world.sorted[key] = kept
    return kept


def _sort(table: Table, found: Sequence[int], order: Order) -> tuple[list[int], array[int]]:
    """Sort, and note for every place where its group of ties begins."""
    ids = sorted(found, key=table.mix)
    readers = [_comparable(table.raw(name), table.entity.column(name)) for name, _ in order]
    for (_, descending), reader in reversed(list(zip(order, readers, strict=True))):
        ids.sort(key=reader, reverse=descending)
    groups = array("q", [0] if ids else [])
    values = [tuple(reader(row_id) for reader in readers) for row_id in ids]
    for place, (before, here) in enumerate(pairwise(values), 1):
        groups.append(groups[-1] if before == here else place)
    return ids, groups


def _comparable(reader: Callable[[int], Any], column: Column | None) -> Callable[[int], Any]:
    """Sort NULLs first, and stages by their SORT (`order STAGE_ID` is rewritten to STAGE_SORT)."""
    ranks = {value: place for place, value in enumerate(column.ranks)} if column else {}

    def key(row_id: int) -> Any:
        value = reader(row_id)
        if value is None:
            return (0, 0)
        if isinstance(value, (bool, list, dict)):
            return (1, str(value))
        if ranks:
            return (1, ranks.get(value, len(ranks)))
        return (1, value.casefold() if isinstance(value, str) else value)
    return key


def _shuffled(ids: list[int], groups: array[int], first: int, last: int, seed: str) -> list[int]:
    page: list[int] = []
    start = groups[first]
    while start < last:
        end = bisect_right(groups, start)
        group = ids[start:end]
        rng = Random(f"{seed}:{start}")
        if len(group) > SHUFFLED:
            turn = rng.randrange(len(group))
            group = group[turn:] + group[:turn]
        else:
            rng.shuffle(group)
        page += group[max(first - start, 0):last - start]
        start = end
    return page
