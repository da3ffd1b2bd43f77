"""Tables whose rows are computed from their id."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.dataset import POOL, VIEWS, Table
from extractor.sandbox.rows import ENTITIES

DEALS = ENTITIES["deals"]


def deals(count=200, seed=1):
    """Make a table of deals."""
    return Table(DEALS, count, seed=seed)


def newest(table):
    """Give the last id."""
    return table.ids.last


def test_equal_seeds_give_equal_rows():
    """A row is a function of the seed and its id."""
    one, other, third = deals(), deals(), deals(seed=2)
    row_id = newest(one)
    for name in ("TITLE", "DATE_MODIFY", "CONTACT_ID"):
        assert one.raw(name)(row_id) == other.raw(name)(row_id)
    assert one.pool != third.pool


def test_a_million_rows_fit_easily():
    """A million rows take less than 100 MB."""
    tracemalloc.start()
    table = deals(1_000_000)
    assert len(table) == 1_000_000
    assert tracemalloc.get_traced_memory()[0] < 100_000_000
    tracemalloc.stop()


def test_later_ids_were_created_later():
    """Ids and creation rise together."""
    table = deals(2_000)
    moments = [table.raw("DATE_CREATE")(row_id) for row_id in table.ids]
    assert moments == sorted(moments)


def test_nothing_is_modified_in_the_future():
    """A row's modified moment is between its creation and the beginning of the world."""
    table = deals(2_000)
    created, modified = table.raw("DATE_CREATE"), table.raw("DATE_MODIFY")
    assert all(created(row_id) <= modified(row_id) <= table.until for row_id in table.ids)


def test_inserted_row_is_the_newest():
    """A row that is added gets a higher id, and was created at the moment given."""
    table = deals()
    before = newest(table)
    row_id = table.insert(at=1_724_670_100)
    assert row_id > before
    assert table.raw("DATE_CREATE")(row_id) == 1_724_670_100


def test_inserted_behind_a_cursor():
    """A row may appear with an id of its own, as a late transaction's does."""
    table = deals()
    hole = next(number for number in range(1, newest(table)) if number not in table.ids)
    assert table.insert(at=1, row_id=hole) == hole


def test_change_moves_the_modified_moment():
    """An update sets DATE_MODIFY and some of the values."""
    table, at = deals(), 1_724_670_500
    row_id = newest(table)
    title = table.raw("TITLE")(row_id)
    table.change(row_id, at, {"OPPORTUNITY": "7.00"})
    assert table.raw("DATE_MODIFY")(row_id) == at
    assert table.raw("OPPORTUNITY")(row_id) == "7.00"
    assert table.raw("TITLE")(row_id) == f"{title} (v2)"


def test_second_change_counts_on():
    """The edited text tells how often a row changed."""
    table = deals()
    row_id = newest(table)
    title = table.raw("TITLE")(row_id)
    table.change(row_id, 1)
    table.change(row_id, 2)
    assert table.raw("TITLE")(row_id) == f"{title} (v3)"


def test_silent_change():
    """Merges and conversions change a row without moving its modified moment (`CCrmActivity::Rebind`)."""
    table = deals()
    row_id = newest(table)
    modified = table.raw("DATE_MODIFY")(row_id)
    table.change(row_id, 1_724_670_500, {"CONTACT_ID": 5}, stamp=False)
    assert table.raw("DATE_MODIFY")(row_id) == modified
    assert table.raw("CONTACT_ID")(row_id) == 5


def test_deleted_row_is_gone():
    """There are no tombstones."""
    table = deals()
    row_id = newest(table)
    table.delete(row_id)
    assert row_id not in table.ids
    with pytest.raises(KeyError):
        table.change(row_id, 1)


def test_echo_and_null():
    """An echo repeats its stamp; a stamp may be NULL."""
    table = Table(ENTITIES["activities"], 1_000)
    start, end = table.raw("START_TIME"), table.raw("END_TIME")
    assert all(start(row_id) == end(row_id) for row_id in table.ids)
    assert None in {start(row_id) for row_id in table.ids}


def test_start_times_are_whole_minutes():
    """START_TIME is set to the minute, so ties are common."""
    table = Table(ENTITIES["activities"], 500)
    start = table.raw("START_TIME")
    assert all(start(row_id) % 60 == 0 for row_id in table.ids if start(row_id) is not None)


def test_pool_is_used_evenly():
    """Prototypes are shared out among the rows."""
    table = deals(20_000)
    assert len({table.mix(row_id) % POOL for row_id in table.ids}) == POOL


def test_what_it_says_of_itself():
    """A table tells its rows and its version."""
    table = deals(3)
    table.delete(newest(table))
    assert repr(table) == "Table(deals, rows=2, version=1)"
    assert table.column("TITLE").name == "TITLE"


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("icd"), st.integers(0, 400)), max_size=30))
def test_a_view_is_what_a_fresh_look_would_find(steps):
    """A view is mended row by row, and never goes stale."""
    table = deals(60)
    def copies(row_id):
        return table.raw("CATEGORY_ID")(row_id)
    table.view("key", lambda: copies)
    for step, number in steps:
        if step == "i":
            table.insert(at=number, values={"CATEGORY_ID": number % 3})
        elif table.ids.last:
            row_id = table.ids[number % len(table.ids)]
            table.delete(row_id) if step == "d" else table.change(row_id, number, {"CATEGORY_ID": number % 3})
        if not len(table.ids):
            break
    fresh = [row_id for row_id in table.ids for _ in range(copies(row_id))]
    assert list(table.view("key", lambda: copies)) == fresh


def test_old_views_are_forgotten():
    """Filters come and go; memory does not grow with them."""
    table = deals(10)
    for number in range(VIEWS + 5):
        table.view(number, lambda: lambda _row_id: 1)
    assert len(table._views) == VIEWS
