"""How a row is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.dataset import Table
from extractor.sandbox.rows import ENTITIES
from extractor.sandbox.shapes import CLASSIC, Lens, Style, lens, shape
from extractor.sandbox.world import World
from extractor.sandbox.zones import Zone, dial

DEALS = Table(ENTITIES["deals"], 300)
MOSCOW = Lens(dial(10_800))
NATIVE = Style("native", text=False, no_date=None, rename=str.lower)
WINTER, SUMMER = 1_704_067_200, 1_720_000_000
BERLIN = Zone(3_600, summer=3_600)


def write(names, style=CLASSIC, seen=MOSCOW, table=DEALS, ids=None):
    """Write rows."""
    return shape(table, style, names, seen).rows(table.ids if ids is None else ids)


def test_numbers_are_text_in_classic_lists():
    """The old database driver gives text."""
    row = write(["ID", "CONTACT_ID", "PROBABILITY", "OPPORTUNITY"])[0]
    assert row["ID"] == str(DEALS.ids[0])
    assert all(value is None or isinstance(value, str) for value in row.values())


def test_numbers_are_numbers_in_controllers():
    """Controllers give integers, and floats that print without a fraction when they have none."""
    table = Table(ENTITIES["deals"], 0)
    table.insert(0, 1, {"OPPORTUNITY": "10.00"})
    table.insert(0, 2, {"OPPORTUNITY": "10.50"})
    assert [{"id": 1, "opportunity": 10}, {"id": 2, "opportunity": 10.5}] == write(["ID", "OPPORTUNITY"], NATIVE, table=table)


def test_absent_moments():
    """NULL dates are "" in classic lists and null in controllers."""
    table = Table(ENTITIES["deals"], 0)
    table.insert(0, 1, {"CLOSEDATE": None, "DATE_MODIFY": None})
    assert write(["CLOSEDATE", "DATE_MODIFY"], table=table) == [{"CLOSEDATE": "", "DATE_MODIFY": ""}]
    assert write(["CLOSEDATE", "DATE_MODIFY"], NATIVE, table=table) == [{"closedate": None, "date_modify": None}]


def test_dates_are_midnight_utc_in_the_server_zone():
    """A date-only field is midnight UTC in the server's offset (`CRestUtil::ConvertDate`)."""
    table = Table(ENTITIES["deals"], 0)
    table.insert(0, 1, {"BEGINDATE": 1_724_976_000})
    assert write(["BEGINDATE"], table=table) == [{"BEGINDATE": "2024-08-30T03:00:00+03:00"}]


def test_written_moments_are_the_raw_ones():
    """The fast path of stamps writes what filters compare."""
    for name in ("DATE_CREATE", "DATE_MODIFY", "MOVED_TIME"):
        raw = DEALS.raw(name)
        assert [row[name] for row in write([name])] == [dial(10_800).iso(raw(row_id)) for row_id in DEALS.ids]


def test_written_numbers_are_the_raw_ones():
    """The fast path of spreads writes what filters compare."""
    raw = DEALS.raw("CONTACT_ID")
    assert [row["contact_id"] for row in write(["CONTACT_ID"], NATIVE)] == [raw(row_id) for row_id in DEALS.ids]


def test_echo_with_and_without_its_origin():
    """A repeated column is the same whether its origin was selected or not."""
    alone, both = write(["MOVED_TIME"]), write(["DATE_CREATE", "MOVED_TIME"])
    assert [row["MOVED_TIME"] for row in alone] == [row["MOVED_TIME"] for row in both]


def test_changes_show():
    """What happened to a row is written over its prototype."""
    table = Table(ENTITIES["deals"], 10)
    row_id = table.ids[3]
    table.change(row_id, SUMMER, {"TITLE": "новое"})
    row = write(["ID", "TITLE", "DATE_MODIFY"], table=table, ids=[row_id])[0]
    assert row == {"ID": str(row_id), "TITLE": "новое", "DATE_MODIFY": "2024-07-03T12:46:40+03:00"}


def test_a_named_moment_drifts_by_the_hour_of_summer_time():
    """A moment of the other half of the year is an hour off when the user's zone has summer time (`CCrmActivityDbResult`, `CRestUtil::ConvertDateTime`)."""
    seen = lens(dial(10_800), BERLIN, SUMMER, drifting=True)
    table = Table(ENTITIES["activities"], 0)
    table.insert(WINTER, 1)
    table.insert(SUMMER, 2)
    assert [row["CREATED"] for row in write(["CREATED"], seen=seen, table=table)] == [
        "2024-01-01T02:00:00+03:00", "2024-07-03T12:46:40+03:00"]


@pytest.mark.parametrize(("user", "drifting"), [(Zone(3_600), True), (BERLIN, False)])
def test_no_drift(user, drifting):
    """`*` is exact, and so is a user without summer time."""
    assert lens(dial(0), user, SUMMER, drifting=drifting).drift is None


def test_stamps_of_prototypes_drift_too():
    """The fast path and the written prototypes see through the same lens."""
    seen = lens(dial(0), BERLIN, SUMMER, drifting=True)
    raw = DEALS.raw("DATE_CREATE")
    assert [row["DATE_CREATE"] for row in write(["DATE_CREATE"], seen=seen)] == [
        dial(0).iso(raw(row_id) + BERLIN.at(raw(row_id)) - BERLIN.at(SUMMER)) for row_id in DEALS.ids]


def test_sparse_rows():
    """In `user.get` a null is an absent key, after a change too."""
    table = Table(ENTITIES["users"], 30)
    sparse = Style("sparse", sparse=True)
    table.change(table.ids[0], 0, {"LAST_NAME": None})
    rows = write([column.name for column in table.entity.columns], sparse, table=table)
    assert all(None not in row.values() for row in rows)
    assert "LAST_NAME" not in rows[0]


def test_derived_keys_are_absent_when_empty():
    """FILES appears where there are files, and is never `[]`."""
    table = Table(ENTITIES["activities"], 400)
    rows = write(["ID", "FILES"], table=table)
    with_files = [row for row in rows if "FILES" in row]
    assert 0 < len(with_files) < 400
    assert all(row["FILES"] for row in with_files)


def test_derived_keys_follow_changes():
    """Files may come and go with a change."""
    table = Table(ENTITIES["activities"], 0)
    table.insert(0, 1, {"STORAGE_ELEMENT_IDS": 0})
    table.insert(0, 2, {"STORAGE_ELEMENT_IDS": 2})
    assert [len(row.get("FILES", ())) for row in write(["ID", "FILES"], table=table)] == [0, 2]


@settings(deadline=None)
@given(st.lists(st.sampled_from(list(DEALS.ids)), max_size=8))
def test_rows_do_not_depend_on_their_company(ids):
    """A row is the same on any page."""
    names = ["ID", "TITLE", "DATE_MODIFY"]
    assert [write(names, ids=[row_id])[0] for row_id in ids] == write(names, ids=ids)


def test_rows_are_fresh():
    """Whoever changes a row changes his own."""
    world = World.build()
    row_id = world.tables["deals"].ids[0]
    world.row("deals", row_id)["TITLE"] = "spoilt"
    assert world.row("deals", row_id)["TITLE"] != "spoilt"
