"""Values behind filter keys: those that the portal would cast to something else are refused."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog
from extractor.errors import UsageError
from extractor.operands import check_value, guess, is_date, kind_of
from extractor.spelling import CAMEL, CLASSIC, ORM, Key


def refusal(operator: str, value: object, kind="", dialect=CLASSIC) -> str:
    """Say what a value is refused with; "" when it is not."""
    key = Key(f"{operator}F", operator, "F")
    try:
        check_value(key, value, dialect, kind)
    except UsageError as error:
        return str(error).removeprefix(f"filter key {key.typed!r} ")
    return ""


@pytest.mark.parametrize("dialect", [CLASSIC, CAMEL, ORM, None])
@pytest.mark.parametrize("operator", ["", "=", "!", "@", "!@", ">", "%"])
def test_empty_lists_are_refused(operator, dialect):
    """An empty list is no condition at all, or an error, under any key of any list."""
    assert "an empty list" in refusal(operator, [], dialect=dialect)


@pytest.mark.parametrize("dialect", [CLASSIC, CAMEL, ORM])
@pytest.mark.parametrize("operator", [">", ">=", "<", "<="])
def test_ranges_compare_with_one_value(operator, dialect):
    """A list under a range would be cast to 1: the refusal points to `@`."""
    assert "write one value, or '@F'" in refusal(operator, [5], dialect=dialect)


@pytest.mark.parametrize(("dialect", "operator", "passes"), [
    (CLASSIC, "", True), (CLASSIC, "!@", True), (CLASSIC, "%", True), (CAMEL, "=", True), (CAMEL, "!=", True), (CAMEL, "@", True),
    (CAMEL, "!", False), (CAMEL, "%", False), (ORM, "!", True), (ORM, "%", False),
])
def test_lists_stand_where_the_dialect_takes_them(dialect, operator, passes):
    """Controllers take lists under five operators, classic lists under all but ranges."""
    assert passes is (refusal(operator, ["a", "b"], dialect=dialect) == "")


@pytest.mark.parametrize("value", [{"0": 5}, {}, [[5]], [{"ID": 5}]])
def test_values_are_plain(value):
    """Objects and lists within lists are no values."""
    assert refusal("@", value)


def test_null_means_empty_and_nothing_else():
    """Null is IS NULL under an equality; under anything else it would be cast."""
    assert {""} == {refusal(operator, None, "integer") for operator in ("", "=", "!", "!=")}
    assert all("compares with null" in refusal(operator, None) for operator in (">", "<=", "@", "%"))


@pytest.mark.parametrize(("kind", "right"), [("", '"Y" or "N"'), ("integer", "1 or 0")])
@pytest.mark.parametrize("value", [True, False, [True]])
def test_classic_lists_have_no_booleans(value, kind, right):
    """True would be compared as '1' with "Y" and "N", and match nothing."""
    assert refusal("", value, kind).endswith(f"write {right}")


def test_controllers_have_booleans():
    """Where booleans are understood they pass, save as numbers."""
    assert "" == refusal("", True, dialect=CAMEL)
    assert "1 or 0" in refusal("", True, "integer", CAMEL)


@pytest.mark.parametrize("value", [5, "5", "-5", 0, [1, "2"], None])
def test_whole_numbers_pass(value):
    """Numbers pass as numbers and as texts."""
    assert "" == refusal("", value, "integer")


@pytest.mark.parametrize(("value", "right"), [
    ("abc", "a number, such as 5"), ("5abc", "a number, such as 5"), ("$result[p0][49][ID]", "a number, such as 5"),
    (5.5, "a number, such as 5"), ("5\n", "a number, such as 5"), ("", "null for an empty field"), ("1,2, 3", "[1, 2, 3]"),
])
def test_text_in_a_numbers_place_is_refused(value, right):
    """The portal would read 0, or the digits up to the first comma."""
    assert refusal("@", value, "integer").endswith(f"write {right}")


@pytest.mark.parametrize(("value", "passes"), [(5, True), (5.25, True), ("5.25", True), ("5,25", False), ("", False), ("abc", False)])
def test_sums_are_numbers(value, passes):
    """Sums have a point, if anything."""
    assert passes is (refusal(">", value, "number") == "")


@pytest.mark.parametrize("value", [
    "2024-01-31", "2024-01-31T00:00", "2024-01-31T00:00:00", "2024-01-31T00:00:00+03:00", "2024-01-31T00:00:00+0300",
    "2024-01-31T00:00:00.123Z", "@1700000000", "@-1", "9999-12-31T00:00:00+03:00",
])
def test_dates_pass(value):
    """ISO 8601 and unix seconds are read to the second."""
    assert "" == refusal(">=", value, "date")
    assert "" == refusal("@", [value], "date")


@pytest.mark.parametrize(("value", "right"), [
    ("2024-01-31T00:00:00 03:00", "2024-01-31T00:00:00+03:00"), ("2024-01-31 00:00:00", "2024-01-31T00:00:00"),
    ("2024-01-31 00:00:00 03:00", "2024-01-31T00:00:00+03:00"), (1700000000, "@1700000000"),
    *dict.fromkeys(("31.01.2024", "yesterday", "-1 day", "2024-02-31", "2024-13-01", "2024-1-1", "20240131", "2024-01-31T", "@", "@x",
                    "2024-01-31T25:00", "2024-01-31\n", "٢٠٢٤-01-31", 5.5), "2024-01-31T00:00:00+03:00").items(),
])
def test_what_is_no_date_is_refused(value, right):
    """The portal would answer zero rows without an error: the refusal mends what a blank has broken, or shows the form."""
    assert refusal(">=", value, "date").endswith(f"write {right!r}")


def test_an_empty_date_is_null():
    """Who looks for rows without a date writes null."""
    assert refusal("", "", "date").endswith("or null for an empty field")


OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))


@given(st.datetimes(timezones=st.none() | OFFSETS))
def test_every_moment_can_be_said(moment):
    """Whatever isoformat() writes is a date."""
    assert is_date(moment.isoformat())


@pytest.mark.parametrize("kind", ["integer", "number", "date", "directory"])
def test_patterns_are_for_texts(kind):
    """A classic list would compare for equality where a part of a text was asked for; controllers do not."""
    assert "looks for a part of a text" in refusal("%", "2024-01-31", kind)
    assert "looks for" not in refusal("%", "2024-01-31", kind, CAMEL)


def test_texts_are_anything():
    """A field that holds text takes texts and numbers, empty ones too."""
    assert [""] * 4 == [refusal(operator, value) for operator, value in (("", ""), ("%", "a"), (">", "m"), ("@", ["a", 5]))]


def test_what_cannot_be_compared_is_no_condition():
    """A column of serialised text, and files, cannot be asked for."""
    assert "no column that can be compared" in refusal("", None, "opaque")


@pytest.mark.parametrize(("type_name", "expected"), [
    ("integer", "integer"), ("user", "integer"), ("crm_enum_activitytype", "integer"), ("crm_company", "integer"), ("double", "number"),
    ("date", "date"), ("datetime", "date"), ("crm_status", "directory"), ("object", "opaque"), ("diskfile", "opaque"),
    ("string", ""), ("char", ""), ("money", ""), ("crm", ""), ("", ""), ("of tomorrow", ""),
])
def test_types_have_kinds(type_name, expected):
    """Types that the check knows nothing of allow everything."""
    assert expected == kind_of(type_name)


@pytest.mark.parametrize(("entity", "name", "expected"), [
    ("crm_activities", "ID", "integer"), ("crm_activities", "CREATED", "date"), ("crm_activities", "DEADLINE", "date"),
    ("crm_activities", "END_TIME", "date"), ("deals", "DATE_CREATE", "date"), ("tasks", "CREATED_DATE", "date"),
    ("users", "TIMESTAMP_X", "date"), ("crm_items", "id", "integer"), ("crm_items", "updatedTime", "date"),
    ("crm_items", "movedTime", "date"), ("crm_items", "title", ""), ("deals", "UF_CRM_TIME", ""), ("crm_items", "ufCrmTime", ""),
    ("deals", "LAST_COMMUNICATION_TIME", ""), ("crm_statuses", "ID", ""),
])
def test_some_names_say_what_they_hold(entity, name, expected):
    """Without the portal's fields, only names beyond doubt are taken for ids and dates."""
    assert expected == guess(name, catalog()[entity])
