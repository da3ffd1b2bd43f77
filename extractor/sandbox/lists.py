"""One page of a list: `start`, `total` and `next` of each family.

Rule 1: a page has fifty rows at most, whatever is asked for
(`IRestService::LIST_LIMIT`). Rule 2: the families differ in everything else:

    classic     floors `start` to a page; past the end it is PAGE 1 again
                (`CDBResult::calculatePageNumber`); below 0: no COUNT, total 0
    controller  floors `start` too; past the end it is empty; exactly -1: no
                COUNT, neither key (`RestManager::getNavigationData`)
    ORM         takes `start` as it is; past the end it is empty
"""

from __future__ import annotations

from dataclasses import dataclass

from extractor.sandbox.dataset import Table
from extractor.sandbox.ordering import Order, arrange
from extractor.sandbox.query import Found, Join, Plan
from extractor.sandbox.world import World

PAGE = 50


@dataclass(frozen=True, slots=True)
class Cut:
    """The ids of a page and what the envelope says beside them.

    `counted` is the size of the set when a COUNT was run, `skipped` the rows
    that were read only to be passed over.
    """

    ids: list[int]
    total: int | None
    next: int | None
    counted: int | None = None
    skipped: int = 0


def classic_cut(world: World, table: Table, found: Found, order: Order, start: int | None) -> Cut:
    """Cut a page as `CDBResult::NavQuery` does."""
    if start is not None and start < 0:
        return Cut(arrange(world, table, found, order, first=0, limit=PAGE), 0, None)
    total = min(len(found), world.knobs.cap) if world.knobs.cap else len(found)
    pages = -(-total // PAGE)
    number = (start or 0) // PAGE + 1
    if number > pages:
        number = 1  # out of range: the first page again, with its `next`
    first = (number - 1) * PAGE
    ids = arrange(world, table, found, order, first=first, limit=min(PAGE, total - first))
    return Cut(ids, total, number * PAGE if number < pages else None, len(found), first)


def controller_cut(world: World, table: Table, found: Found, order: Order, start: int | None) -> Cut:
    """Cut a page as `RestManager` and `PageNavigation` do.

    The caller drops rows before `next` is known, so `next` is left to
    `controller_next`.
    """
    if start == -1:
        return Cut(arrange(world, table, found, order, first=0, limit=PAGE), None, None)
    first = start // PAGE * PAGE if start is not None and start > 0 else 0
    total = len(found)
    return Cut(arrange(world, table, found, order, first=first, limit=PAGE), total, None, total, first)


def controller_next(cut: Cut, shown: int) -> int | None:
    """Say where the next page begins: offset + rows shown, so 48 rows make `next` 48."""
    following = cut.skipped + shown
    return following if cut.total is not None and following < cut.total else None


def orm_cut(world: World, table: Table, found: Found, order: Order, start: int | None) -> Cut:
    """Cut a page at an exact offset."""
    if start is not None and start < 0:
        return Cut(arrange(world, table, found, order, first=0, limit=PAGE), 0, None)
    first, total = start or 0, len(found)
    ids = arrange(world, table, found, order, first=first, limit=PAGE)
    following = first + len(ids)
    return Cut(ids, total, following if ids and following < total else None, total, first)


def distinct(ids: list[int]) -> list[int]:
    """Key the page by id: a row that a join repeated is shown once."""
    return list(dict.fromkeys(ids))


def with_twins(world: World, table: Table, plan: Plan) -> Plan:
    """Add the LEFT JOIN that yields some rows twice, where the world has one."""
    twins = world.knobs.twins.get(table.entity.name)
    if not twins:
        return plan
    join = Join(("twins", twins), lambda row_id: 2 if row_id in twins else 1)
    return Plan(plan.low, plan.high, plan.only, plan.conditions, (*plan.joins, join), plan.named)
