"""Who has touched a row, and since when."""

import datetime as dt

import orjson
import pytest

from extractor.catalog import catalog
from extractor.looks import Since, stamp_of
from extractor.messages import Row

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.mark.parametrize(("name", "key"), [
    ("deals", "DATE_MODIFY"), ("tasks", "changedDate"), ("crm_items", "updatedTime"), ("crm_types", "updatedTime"), ("users", "TIMESTAMP_X")])
def test_a_row_says_when_it_was_changed(name, key):
    """Under the name that its method writes."""
    row = Row(orjson.dumps({"ID": "1", key: "2026-01-01T15:00:00+03:00"}), {})
    assert NOON == stamp_of(row, catalog()[name])


@pytest.mark.parametrize("value", [None, "", "yesterday", 5, "2026-01-01T15:00:00", []])
def test_a_moment_without_a_zone_says_nothing(value):
    """Nor does anything else."""
    assert stamp_of(Row(orjson.dumps({"DATE_MODIFY": value}), {}), catalog()["deals"]) is None
    assert stamp_of(Row(b"{}", {}), catalog()["deals"]) is None


@pytest.mark.parametrize(("stamp", "touched"), [(NOON - HOUR, False), (NOON, True), (NOON + HOUR, True), (None, False)])
def test_a_row_is_touched_if_it_says_so(stamp, touched):
    """Not before the run began; silence is no."""
    assert touched == Since(NOON).touched(5, stamp)


@pytest.mark.parametrize(("one", "stamp", "touched"), [
    (11, NOON - 3 * HOUR, False), (11, NOON - HOUR, True), (11, None, True), (10, NOON - HOUR, False), ("EUR", NOON - HOUR, False)])
def test_above_the_last_row_of_a_dump_all_are_new_that_are_not_older(one, stamp, touched):
    """There, silence is yes."""
    assert touched == Since(NOON, last=10, made=NOON - 2 * HOUR).touched(one, stamp)


def test_a_clock_that_is_ahead_makes_no_new_row_an_old_one():
    """Of the two moments, the earlier one counts."""
    assert Since(NOON, last=10, made=NOON + HOUR).touched(11, NOON)


def test_without_a_clock_to_go_by_nothing_is_touched():
    """No stamp is held against a clock that is behind."""
    assert not Since(None).touched(5, NOON)
