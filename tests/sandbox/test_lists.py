"""`start`, `total` and `next` of each family."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.lists import (
    PAGE,
    classic_cut,
    controller_cut,
    controller_next,
    distinct,
    orm_cut,
    with_twins,
)
from extractor.sandbox.query import Plan, find
from extractor.sandbox.world import World

BY_ID = (("ID", False),)
WORLD = World.build(rows={"deals": 101})
TABLE = WORLD.tables["deals"]
IDS = list(TABLE.ids)


def page(cutter, start, world=WORLD):
    """Cut one page."""
    table = world.tables["deals"]
    return cutter(world, table, find(table, Plan()), BY_ID, start)


@pytest.mark.parametrize(("start", "first", "following"), [
    (None, 0, 50), (0, 0, 50), (50, 50, 100), (60, 50, 100), (99, 50, 100), (100, 100, None),
])
def test_classic_pages(start, first, following):
    """`start` is floored to a page; `next` is the page's end (`rest:getNavData`)."""
    cut = page(classic_cut, start)
    assert cut.ids == IDS[first:first + 50]
    assert (cut.total, cut.next) == (101, following)


@pytest.mark.parametrize("start", [150, 151, 10**9])
def test_classic_past_the_end_is_page_one_again(start):
    """An out-of-range page falls back to the first, with its `next` (`CDBResult::calculatePageNumber`)."""
    assert page(classic_cut, start) == page(classic_cut, 0)


@pytest.mark.parametrize("start", [-1, -50])
def test_classic_without_count(start):
    """Below 0 nothing is counted: `total` 0 and no `next` (`rest:getNavData`, nTopCount)."""
    cut = page(classic_cut, start)
    assert (cut.ids, cut.total, cut.next, cut.counted) == (IDS[:50], 0, None, None)


def test_classic_empty():
    """Nothing is one page of nothing."""
    world = World.build(rows={"deals": 0})
    assert (page(classic_cut, 0, world).ids, page(classic_cut, 0, world).total) == ([], 0)


def test_cap_hides_the_rest_from_offset_paging():
    """With `crm_clr_cfg_sql` set, `total` and pages stop at the cap; keyset does not notice."""
    world = World.build(rows={"deals": 101})
    world.turn(cap=60)
    assert page(classic_cut, 50, world).ids == IDS[50:60]
    assert (page(classic_cut, 50, world).total, page(classic_cut, 50, world).next) == (60, None)
    assert page(classic_cut, 100, world).ids == IDS[:50]
    assert len(page(classic_cut, -1, world).ids) == 50


def test_a_deletion_between_pages_delivers_everything_twice():
    """Total 101, next 100; one row goes; start=100 is page 1 again."""
    world = World.build(rows={"deals": 101})
    assert page(classic_cut, 50, world).next == 100
    world.tables["deals"].delete(IDS[-1])
    assert page(classic_cut, 100, world).ids == IDS[:50]


@pytest.mark.parametrize(("start", "first"), [(None, 0), (0, 0), (60, 50), (100, 100), (-2, 0), (-50, 0)])
def test_controller_pages(start, first):
    """Floored; a negative start other than -1 is page 1, counted (`RestManager::getNavigationData`)."""
    cut = page(controller_cut, start)
    assert (cut.ids, cut.total) == (IDS[first:first + 50], 101)


def test_controller_without_count():
    """-1: neither `total` nor `next`."""
    cut = page(controller_cut, -1)
    assert (cut.ids, cut.total, controller_next(cut, 50)) == (IDS[:50], None, None)


def test_controller_past_the_end():
    """`PageNavigation::getOffset` has no clamp: an empty page, with its total."""
    cut = page(controller_cut, 150)
    assert (cut.ids, cut.total, controller_next(cut, 0)) == ([], 101, None)


def test_controller_next_counts_the_rows_shown():
    """A page of 48 makes `next` 48, which is floored to page 1: an endless loop."""
    assert controller_next(page(controller_cut, 0), 48) == 48
    assert page(controller_cut, 48).ids == IDS[:50]
    assert controller_next(page(controller_cut, 50), 50) == 100
    assert controller_next(page(controller_cut, 100), 1) is None


@pytest.mark.parametrize(("start", "first", "following"), [(None, 0, 50), (60, 60, None), (7, 7, 57), (100, 100, None)])
def test_orm_offset_is_exact(start, first, following):
    """ORM methods take `start` as it is."""
    cut = page(orm_cut, start)
    assert (cut.ids, cut.total, cut.next) == (IDS[first:first + 50], 101, following)


def test_orm_past_the_end():
    """ORM methods end with an empty page."""
    cut = page(orm_cut, 101)
    assert (cut.ids, cut.next) == ([], None)


def test_orm_without_count():
    """Below 0 user.get counts nothing and says `total` 0."""
    assert (page(orm_cut, -1).total, page(orm_cut, -1).ids) == (0, IDS[:50])


def test_twins():
    """A LEFT JOIN that yields two rows repeats one; keyed by id, the page is short."""
    world = World.build(rows={"deals": 101})
    world.turn(twins={"deals": frozenset({IDS[3]})})
    found = find(world.tables["deals"], with_twins(world, world.tables["deals"], Plan()))
    cut = classic_cut(world, world.tables["deals"], found, BY_ID, -1)
    assert len(cut.ids) == 50
    assert len(found) == 102
    assert distinct(cut.ids) == IDS[:49]


def test_without_twins_a_plan_is_itself():
    """No join, no change."""
    plan = Plan()
    assert with_twins(WORLD, TABLE, plan) is plan


@settings(deadline=None)
@given(st.one_of(st.none(), st.integers(-200, 400)), st.sampled_from([classic_cut, controller_cut, orm_cut]))
def test_a_page_is_never_longer_than_fifty(start, cutter):
    """The page size is fixed (`IRestService::LIST_LIMIT`)."""
    assert len(page(cutter, start).ids) <= PAGE
