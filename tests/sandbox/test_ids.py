"""The ids of a table."""

from __future__ import annotations

from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.ids import IdSpace, scatter


def space(*ids):
    """Make a space of ids."""
    return IdSpace(array("q", ids))


def test_equal_seeds_give_equal_ids():
    """The same world is built from the same seed."""
    assert scatter(5_000, "a") == scatter(5_000, "a")
    assert scatter(5_000, "a") != scatter(5_000, "b")


@settings(deadline=None)
@given(st.integers(0, 3_000), st.text(max_size=5))
def test_ids_rise_and_are_as_many_as_asked_for(count, seed):
    """Ids are positive, unique and sorted."""
    ids = scatter(count, seed)
    assert len(ids) == count
    assert all(left < right for left, right in pairwise([0, *ids]))


def test_gaps_of_every_kind():
    """There are dense runs, single missing ids and long holes."""
    gaps = {right - left for left, right in pairwise(scatter(100_000, "1"))}
    assert {1, 2} <= gaps
    assert max(gaps) > 1_000


def test_a_million_ids_take_eight_megabytes():
    """A million rows fit easily: eight bytes for each."""
    ids = scatter(1_000_000, "1")
    assert len(ids) * ids.itemsize == 8_000_000


def test_between_is_open_below_and_closed_above():
    """`>ID` and `<=ID` bound a partition."""
    assert space(1, 2, 3, 5).between(1, 3) == 2


def test_new_ids_are_above_all_that_ever_were():
    """Auto-increment never gives an id again."""
    ids = space(1, 2, 9)
    ids.remove(9)
    assert ids.add() == 10


def test_explicit_id():
    """A row can appear behind everybody's cursor."""
    ids = space(1, 9)
    assert ids.add(4) == 4
    assert list(ids) == [1, 4, 9]


def test_taken_id():
    """An id belongs to one row."""
    with pytest.raises(ValueError, match="taken"):
        space(1).add(1)


def test_removing_twice():
    """A row goes once."""
    ids = space(1)
    ids.remove(1)
    with pytest.raises(KeyError):
        ids.remove(1)


def test_membership():
    """Only ids are members."""
    assert 2 in space(1, 2)
    assert 3 not in space(1, 2)
    assert "2" not in space(1, 2)


def test_what_it_says_of_itself():
    """A space tells its size and its last id; an empty one has none."""
    assert repr(space(1, 7)) == "IdSpace(count=2, last=7)"
    assert (space().last, len(space()), space(5)[0]) == (0, 0, 5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50)), max_size=60))
def test_it_is_a_sorted_set(steps):
    """Whatever joins and leaves, the ids are a sorted set."""
    ids, model = space(), set()
    for joins, row_id in steps:
        if joins and row_id not in model:
            ids.add(row_id)
            model.add(row_id)
        elif not joins and row_id in model:
            ids.remove(row_id)
            model.remove(row_id)
    assert sorted(model) == list(ids)
