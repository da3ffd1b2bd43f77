"""PHP's casts, as a filter feels them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.php import floatval, intval, strtotime, strval

NOW = 1_724_670_000
MOSCOW = 10_800


@pytest.mark.parametrize(("value", "expected"), [
    ("50abc", 50), (" 7", 7), ("x", 0), ("", 0), ("-3", -3), ("1e3", 1000), ("2.9", 2), ("1,2,3", 1),
    ([], 0), ([5], 1), ({}, 0), ({"a": 9}, 1), (None, 0), (True, 1), (False, 0), (2.9, 2), (12, 12),
    ("$result[p0][49][ID]", 0),
])
def test_intval(value, expected):
    """An array is 0 or 1, a text its leading number or 0 (PHP `intval`; `CSqlUtil::PrepareWhere`)."""
    assert expected == intval(value)


@pytest.mark.parametrize("value", ["9e99", "-9e99", float("inf")])
def test_intval_of_what_no_integer_holds(value):
    """A number that 64 bits cannot hold does not raise."""
    assert intval(value) == 0


@pytest.mark.parametrize(("value", "expected"), [
    (True, "1"), (False, ""), (None, ""), (7, "7"), ("a", "a"), ([1], "Array"), ({"a": 1}, "Array"),
])
def test_strval(value, expected):
    """`true` is "1", so a JSON boolean never equals "Y" (PHP `strval`)."""
    assert expected == strval(value)


@pytest.mark.parametrize(("value", "expected"), [("1.5x", 1.5), ("x", 0.0), (None, 0.0), ([3], 1.0), (2, 2.0), (True, 1.0)])
def test_floatval(value, expected):
    """A text is its leading number or 0 (PHP `floatval`)."""
    assert expected == floatval(value)


@pytest.mark.parametrize(("value", "expected"), [
    ("2024-01-01T00:00:00+03:00", 1_704_056_400),
    ("2024-01-01 00:00:00", 1_704_056_400),
    ("2024-01-01", 1_704_056_400),
    ("01.01.2024", 1_704_056_400),
    ("01.01.2024 00:00:30", 1_704_056_430),
    ("2024-01-01T00:00:00Z", 1_704_067_200),
    ("2024-01-01T00:00:00.999Z", 1_704_067_200),
    ("2024-01-01T00:00:00-0130", 1_704_072_600),
    ("2024-01-01T00:00+05", 1_704_049_200),
    ("@1700000000", 1_700_000_000),
    ("@-5", -5),
    ("now", NOW),
    ("-1 day", NOW - 86_400),
    ("+2 hours", NOW + 7_200),
    ("3 days ago", NOW - 259_200),
    ("today", 1_724_619_600),
    ("yesterday", 1_724_533_200),
])
def test_strtotime_reads(value, expected):
    """Moments without a zone are the server's; fractions are dropped (`CRestUtil::unConvertDateTime`)."""
    assert expected == strtotime(value, NOW, MOSCOW)


@pytest.mark.parametrize("value", [
    "", None, "garbage", "2024-01-01T00:00:00 03:00", "2024-13-01", "2024-02-30", "@x", [], "Array", "2024-01-01T25:00:00",
])
def test_strtotime_fails(value):
    """A moment that cannot be read is PHP's `false`: a `+` that became a space among them."""
    assert strtotime(value, NOW, MOSCOW) is None


@settings(deadline=None)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=5))
def test_casts_never_raise(value):
    """PHP's casts do not fail, whatever JSON brings."""
    intval(value)
    floatval(value)
    strval(value)
    strtotime(value, NOW, MOSCOW)


@settings(deadline=None)
@given(st.integers(min_value=-2**62, max_value=2**62))
def test_integers_survive_as_text(number):
    """An id sent as text is the id."""
    assert number == intval(str(number))
