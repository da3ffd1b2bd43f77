"""Evaluating a plan."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.dataset import Table
from extractor.sandbox.query import Either, Join, Plan, Test, each, find
from extractor.sandbox.rows import ENTITIES

DEALS = Table(ENTITIES["deals"], 500)
IDS = list(DEALS.ids)


def of_category(number):
    """Make a condition on the category."""
    return Test("CATEGORY_ID", ("of", number), lambda raw: raw == number)


def test_no_condition_is_the_table():
    """Without conditions nothing is copied: the ids are the table's own."""
    found = find(DEALS, Plan())
    assert found.ids is DEALS.ids.array
    assert len(found) == len(IDS)


@settings(deadline=None)
@given(st.integers(-5, 20_000), st.integers(-5, 20_000))
def test_ranges(low, high):
    """A range is open below and closed above, and may be empty."""
    found = find(DEALS, Plan(low=low, high=high))
    assert list(found.all()) == [row_id for row_id in IDS if low < row_id <= high]


@pytest.mark.parametrize("number", [0, 1, 2, 77])
def test_conditions(number):
    """A test lets through what satisfies it."""
    raw = DEALS.raw("CATEGORY_ID")
    assert list(find(DEALS, Plan(conditions=(of_category(number),))).all()) == [row_id for row_id in IDS if raw(row_id) == number]


def test_equal_conditions_share_a_view():
    """The same filter is not evaluated twice."""
    first, second = (find(DEALS, Plan(conditions=(of_category(1),))) for _ in range(2))
    assert first.ids is second.ids
    assert first.key == second.key


def test_either():
    """One of the groups must hold, all of a group."""
    plan = Plan(conditions=(Either(((of_category(1),), (of_category(0), of_category(2)))),))
    assert find(DEALS, plan).all() == find(DEALS, Plan(conditions=(of_category(1),))).all()


def test_multiple_fields():
    """One of the values of a multiple field has to satisfy; an empty one is NULL."""
    assert each(lambda raw: raw == "45")(["46", "45"])
    assert not each(lambda raw: raw == "45")(["46"])
    assert each(lambda raw: raw is None)(False)


@pytest.mark.parametrize("name", ["CATEGORY_ID", "CONTACT_ID", "DATE_MODIFY", "MOVED_TIME", "ID"])
def test_a_test_sees_what_a_reader_sees(name):
    """Judging prototypes once gives the verdicts of judging every row, changed rows among them."""
    table = Table(ENTITIES["deals"], 200)
    table.change(table.ids[7], 5, {"CATEGORY_ID": 1_000_000_001})
    raw, test = table.raw(name), table.tester(name, lambda value: value % 2 == 1)
    assert [raw(row_id) % 2 == 1 for row_id in table.ids] == [test(row_id) for row_id in table.ids]


def test_listed_ids():
    """Ids that do not exist are not found; those that exist are tested."""
    wanted = frozenset({IDS[3], IDS[9], 10**9})
    assert list(find(DEALS, Plan(only=wanted)).all()) == [IDS[3], IDS[9]]
    assert list(find(DEALS, Plan(only=wanted, low=IDS[3])).all()) == [IDS[9]]
    assert list(find(DEALS, Plan(only=wanted, conditions=(of_category(77),))).all()) == []


def test_joins_repeat():
    """Copies of a row are adjacent, and counted; joins multiply."""
    twice = Join(("twice",), lambda row_id: 2 if row_id == IDS[0] else 1)
    thrice = Join(("thrice",), lambda row_id: 3 if row_id == IDS[0] else 0)
    assert list(find(DEALS, Plan(joins=(twice,))).all())[:3] == [IDS[0], IDS[0], IDS[1]]
    assert len(find(DEALS, Plan(joins=(twice, thrice)))) == 6
