"""Zones and the text of moments."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.zones import NEVER, Zone, dial

WINTER, SUMMER = 1_704_067_200, 1_720_000_000


def test_server_zone_is_written_out():
    """A moment leaves in the server's offset (PHP `date('c')`)."""
    assert dial(10_800).iso(WINTER) == "2024-01-01T03:00:00+03:00"


def test_western_zone():
    """A negative offset may be the day before."""
    assert dial(-5 * 3600).iso(WINTER) == "2023-12-31T19:00:00-05:00"


def test_half_hour_zone():
    """Minutes of an offset are kept."""
    assert dial(19_800).iso(WINTER) == "2024-01-01T05:30:00+05:30"


def test_no_deadline_is_midnight_of_the_last_day_on_any_server():
    """"No deadline" is 9999-12-31T00:00:00 in the server's offset (`getMaxDatabaseDateObject`)."""
    assert dial(10_800).iso(NEVER) == "9999-12-31T00:00:00+03:00"
    assert dial(-36_000).iso(NEVER) == "9999-12-31T00:00:00-10:00"


def test_zone_without_summer_time():
    """A fixed offset holds all year."""
    assert Zone(10_800).at(WINTER) == Zone(10_800).at(SUMMER) == 10_800


def test_summer_time_moves_the_offset():
    """Europe's summer time is from the last Sunday of March to that of October."""
    berlin = Zone(3_600, summer=3_600)
    assert berlin.at(WINTER) == 3_600
    assert berlin.at(SUMMER) == 7_200


def test_summer_time_begins_at_one_utc():
    """2024-03-31 01:00 UTC is the first moment of summer."""
    berlin = Zone(3_600, summer=3_600)
    assert (berlin.at(1_711_846_799), berlin.at(1_711_846_800)) == (3_600, 7_200)


def test_summer_time_of_the_last_year():
    """A date without meaning has no summer."""
    assert Zone(0, summer=3_600).at(NEVER) == 0


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000), st.sampled_from([-36_000, -18_000, 0, 3_600, 10_800, 20_700, 50_400]))
def test_text_reads_back(unix, offset):
    """What is written is the moment itself, in its offset."""
    moment = datetime.fromisoformat(dial(offset).iso(unix))
    assert moment.timestamp() == unix
    assert moment.tzinfo == timezone(timedelta(seconds=offset))
