"""Order, and what happens to ties."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.columns import Column, Entity
from extractor.sandbox.ordering import KEPT, SHUFFLED, arrange, classic_order
from extractor.sandbox.query import Plan, find
from extractor.sandbox.world import World

ROWS = 120


@pytest.fixture
def world():
    """Build a small world."""
    return World.build(rows={"deals": ROWS})


def cut(world, order, first=0, limit=50):
    """Cut a page in an order."""
    table = world.tables["deals"]
    return arrange(world, table, find(table, Plan()), order, first=first, limit=limit)


@pytest.mark.parametrize(("given_order", "expected"), [
    ({"ID": "ASC"}, (("ID", False),)), ({"id": "asc"}, (("ID", False),)), ({"ID": "DESC"}, (("ID", True),)),
    ({"ID": "ascending"}, (("ID", True),)), ({"ID": "ASC "}, (("ID", True),)), ({"ID": 1}, (("ID", True),)),
    ({"NOBODY": "ASC"}, ()), ({"NOBODY": "ASC", "id": "ASC"}, (("ID", False),)), ({}, ()),
    ({"DATE_MODIFY": "ASC", "ID": "DESC"}, (("DATE_MODIFY", False), ("ID", True))),
])
def test_classic_order(world, given_order, expected):
    """Names in any case, unknown ones dropped, whatever is not ASC is DESC (`CSqlUtil::PrepareSql`)."""
    assert expected == classic_order(world.tables["deals"].entity, given_order)


def test_by_id(world):
    """The id is a stable order, both ways."""
    ids = list(world.tables["deals"].ids)
    assert cut(world, (("ID", False),), 10, 5) == ids[10:15]
    assert cut(world, (("ID", True),), 10, 5) == ids[::-1][10:15]


def test_past_the_end(world):
    """There is nothing behind the last row."""
    assert cut(world, (("ID", False),), ROWS) == []
    assert len(cut(world, (("ID", True),), ROWS - 3)) == 3


def test_no_order_is_not_the_order_of_ids(world):
    """Without ORDER BY the rows come in an order of their own, the same each time."""
    page = cut(world, ())
    assert page != sorted(page)
    assert page == cut(world, ())


def test_ties_are_shuffled_for_every_request(world):
    """MySQL gives no order among ties."""
    order = (("CLOSED", False),)
    pages = {tuple(cut(world, order)) for _ in range(5)}
    assert len(pages) > 1


def test_ties_lose_rows_to_offset_paging(world):
    """Rows of a tie at a page's border appear twice or never."""
    pages = [row_id for first in (0, 50, 100) for row_id in cut(world, (("CLOSED", False),), first)]
    assert len(pages) == ROWS
    assert len(set(pages)) < ROWS


def test_ties_are_in_the_right_place(world):
    """Shuffling never crosses a value."""
    raw = world.tables["deals"].raw("CLOSED")
    values = [raw(row_id) for row_id in cut(world, (("CLOSED", False),), 0, ROWS)]
    assert values == sorted(values)


def test_second_key_settles_ties(world):
    """An order that ends in the id is stable."""
    order = (("CLOSED", True), ("ID", False))
    raw = world.tables["deals"].raw("CLOSED")
    expected = sorted(world.tables["deals"].ids, key=lambda row_id: (raw(row_id) != "Y", row_id))
    assert expected[40:90] == cut(world, order, 40) == cut(world, order, 40)


def test_nulls_come_first(world):
    """MySQL sorts NULL before every value."""
    raw = world.tables["deals"].raw("PROBABILITY")
    values = [raw(row_id) for row_id in cut(world, (("PROBABILITY", False), ("ID", False)), 0, ROWS)]
    filled = [value for value in values if value is not None]
    assert values == [None] * (ROWS - len(filled)) + sorted(filled)


def test_large_ties_are_rotated():
    """A tie of thousands is as unstable as a small one, and keeps its rows."""
    world = World.build(rows={"deals": SHUFFLED * 3})
    order = (("TAX_VALUE", False),)
    whole = cut(world, order, 0, SHUFFLED * 3)
    assert sorted(whole) == list(world.tables["deals"].ids)
    assert cut(world, order) != cut(world, order)


def test_sorted_sets_are_forgotten(world):
    """Memory does not grow with the number of orders."""
    for column in world.tables["deals"].entity.columns[:KEPT + 3]:
        cut(world, ((column.name, False), ("ID", False)))
    assert len(world.sorted) <= KEPT


def test_changes_are_seen(world):
    """A sorted set does not outlive a change of its table."""
    order = (("DATE_MODIFY", True), ("ID", True))
    table = world.tables["deals"]
    table.change(table.ids[5], at=2_000_000_000)
    assert cut(world, order)[0] == table.ids[5]


@settings(deadline=None)
@given(st.integers(0, 150), st.integers(0, 50))
def test_pages_are_stretches_of_the_whole(first, limit):
    """A stable order cuts the same whole, wherever it is cut."""
    world = World.build(rows={"deals": 90})
    order = (("STAGE_ID", False), ("ID", True))
    assert cut(world, order, 0, 90)[first:first + limit] == cut(world, order, first, limit)


def test_an_entity_finds_its_columns():
    """Names are exact."""
    entity = Entity("things", (Column("ID"),))
    assert entity.column("ID").name == "ID"
    assert entity.column("id") is None
