"""The classic filter: keys, casts and NULLs of `CSqlUtil`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox.classic import EMPTY, FILLED, Key, Moment, parse_key, plan
from extractor.sandbox.columns import Column, Entity
from extractor.sandbox.dataset import Table
from extractor.sandbox.query import find

NOW = 1_724_670_000
ROWS = {
    1: {"COUNT": 0, "TEXT": "Alpha", "SEEN": 1_000, "SUM": "0.00"},
    2: {"COUNT": 5, "TEXT": "beta 100%", "SEEN": 2_000, "SUM": "10.50"},
    3: {"COUNT": None, "TEXT": None, "SEEN": None, "SUM": None},
    4: {"COUNT": 7, "TEXT": "", "SEEN": 1_704_056_400, "SUM": "9.00"},
}
THINGS = Entity("things", columns=(
    Column("ID", "int"), Column("COUNT", "int"), Column("TEXT"), Column("SEEN", "datetime"), Column("SUM", "double"),
    Column("SECRET", filter=False)))


@pytest.fixture
def table():
    """Make a table of a few rows."""
    made = Table(THINGS, 0)
    for row_id, values in ROWS.items():
        made.insert(0, row_id, values)
    return made


def ask(table, **_nothing):
    """Call a method."""
    def look(given_filter):
        return list(find(table, plan(THINGS, given_filter, Moment(NOW, 10_800))).all())
    return look


@pytest.fixture
def look(table):
    """Give the function that filters the table."""
    return ask(table)


ALL = [1, 2, 3, 4]


@pytest.mark.parametrize(("key", "expected"), [
    ("ID", Key(False, "=", "ID")), ("=ID", Key(False, "=", "ID")), (">ID", Key(False, ">", "ID")),
    (">=ID", Key(False, ">=", "ID")), ("<=ID", Key(False, "<=", "ID")), ("!ID", Key(True, "=", "ID")),
    ("!=ID", Key(True, "=", "ID")), ("@ID", Key(False, "@", "ID")), ("!@ID", Key(True, "@", "ID")),
    ("=%ID", Key(False, "=%", "ID")), ("%=ID", Key(False, "%=", "ID")), ("!+>ID", Key(True, ">", "ID")),
    ("?ID", Key(False, "?", "ID")), ("*%ID", Key(False, "*%", "ID")),
    ("><ID", Key(False, ">", "<ID")), ("=>ID", Key(False, "=", ">ID")), ("", Key(False, "=", "")),
])
def test_keys_are_taken_apart(key, expected):
    """Optional `!`, optional `+`, one operator, and the rest is the name (`CSqlUtil::GetFilterOperation`)."""
    assert expected == parse_key(key)


@pytest.mark.parametrize("key", [
    ">id", "> ID", " >ID", "=>ID", "><ID", "!><ID", "<>ID", ">=>ID", "=@ID", "!!ID", ">A.ID", "LOGIC",
    "__INNER_FILTER_1", "CHECK_PERMISSIONS", "SEARCH_CONTENT", "SECRET", ">SECRET", "", 0, "NOBODY",
])
def test_unknown_keys_vanish(look, key):
    """A key that is not understood takes its condition with it, without a word (`rs:internalizeFilterFields`)."""
    assert look({key: 3}) == ALL


@pytest.mark.parametrize(("given_filter", "expected"), [
    ({">ID": 2}, [3, 4]), ({">=ID": 2}, [2, 3, 4]), ({"<ID": 2}, [1]), ({"<=ID": 2}, [1, 2]),
    ({">ID": 1, "<=ID": 3}, [2, 3]), ({">ID": "2"}, [3, 4]), ({"ID": 3}, [3]), ({"=ID": "3"}, [3]),
    ({"ID": [1, 3]}, [1, 3]), ({"@ID": [1, 3, 3]}, [1, 3]), ({"@ID": "1,2,3"}, [1]), ({"@ID": 2}, [2]),
    ({"!ID": 2}, [1, 3, 4]), ({"!@ID": [1, 2]}, [3, 4]), ({"ID": [1, 2], ">ID": 1}, [2]), ({"%ID": 2}, [2]),
    ({"@ID": [1, 2], "=ID": 2}, [2]), ({"@ID": {"a": 4}}, [4]),
])
def test_ids(look, given_filter, expected):
    """Ids are compared as integers; two keys make a range."""
    assert expected == look(given_filter)


@pytest.mark.parametrize(("value", "expected"), [
    ("", ALL), (None, ALL), ("abc", ALL), ("$result[p0][49][ID]", ALL), ([], ALL),
    ([{"ID": "3"}], [2, 3, 4]), ({"ID": "3"}, [2, 3, 4]),
])
def test_range_values_degenerate(look, value, expected):
    """`(int)` makes a text 0 and an array 1: the walk starts again at the beginning (`CSqlUtil::PrepareWhere`)."""
    assert expected == look({">ID": value})


@pytest.mark.parametrize("key", ["@ID", "!@ID", "@TEXT", "@COUNT", "ID"])
def test_empty_list_is_no_condition(look, key):
    """An empty IN list is left out: the whole table comes back (`CSqlUtil::PrepareWhere`)."""
    assert look({key: []}) == ALL


@pytest.mark.parametrize(("given_filter", "expected"), [
    ({"COUNT": 5}, [2]), ({"COUNT": 0}, [1, 3]), ({"COUNT": "abc"}, [1, 3]), ({"COUNT": None}, [1, 3]),
    ({"COUNT": [0, 5]}, [1, 2, 3]), ({"!COUNT": 5}, [1, 3, 4]), ({"!COUNT": 0}, [2, 4]), ({"!=COUNT": [5, 7]}, [1, 3]),
    ({">COUNT": 0}, [2, 4]), ({">=COUNT": 0}, [1, 2, 3, 4]), ({"<COUNT": 7}, [1, 2]), ({"!>COUNT": 5}, [1, 2, 3]),
    ({"@COUNT": [5, "7x"]}, [2, 4]), ({"!@COUNT": [5]}, [1, 4]), ({"%COUNT": 5}, [2]), ({"?COUNT": 5}, [2]),
])
def test_integers(look, given_filter, expected):
    """0 and NULL are alike to `=` and `>=`; NOT lets NULL pass, NOT IN does not (`CSqlUtil::PrepareWhere`)."""
    assert expected == look(given_filter)


@pytest.mark.parametrize(("given_filter", "expected"), [
    ({"TEXT": "alpha"}, [1]), ({"TEXT": ""}, [3, 4]), ({"TEXT": None}, [3, 4]), ({"TEXT": ["alpha", ""]}, [1, 3, 4]),
    ({"!TEXT": "alpha"}, [2, 3, 4]), ({"!TEXT": ""}, [1, 2]), ({"@TEXT": ["Alpha", "x"]}, [1]),
    ({"!@TEXT": ["Alpha"]}, [2, 4]), ({"%TEXT": "100%"}, [2]), ({"%TEXT": ""}, [3, 4]), ({"=%TEXT": "b%"}, [2]),
    ({"%=TEXT": "%a"}, [1]), ({"=%TEXT": "_lpha"}, [1]), ({"?TEXT": "eta"}, [2]), ({">TEXT": "alpha"}, [2]),
    ({"<=TEXT": "alpha"}, [1, 4]), ({"!>TEXT": "alpha"}, [1, 3, 4]), ({"TEXT": True}, []),
])
def test_texts(look, given_filter, expected):
    """Texts compare case-blind; "" finds NULL too; `true` is "1"."""
    assert expected == look(given_filter)


@pytest.mark.parametrize("operator", ["%", "=%", "%="])
def test_not_like_is_like(look, operator):
    """NOT is never written before LIKE: the rows that match come back (`CSqlUtil::PrepareWhere`, against the documentation)."""
    assert look({f"!{operator}TEXT": "%alpha%" if "=" in operator else "alpha"}) == [1]


@pytest.mark.parametrize(("given_filter", "expected"), [
    ({">SEEN": "@1000"}, [2, 4]), ({">=SEEN": "@1000"}, [1, 2, 4]), ({"<SEEN": "@2000"}, [1]), ({"SEEN": "@2000"}, [2]),
    ({"SEEN": "2024-01-01T00:00:00+03:00"}, [4]), ({"SEEN": "2024-01-01"}, [4]), ({"@SEEN": ["@1000", "@2000"]}, [1, 2]),
    ({"!SEEN": "@1000"}, [2, 3, 4]), ({"!@SEEN": ["@1000"]}, [2, 4]), ({"!>SEEN": "@1000"}, [1, 3]),
    ({">SEEN": "-300 days"}, [4]), ({"%SEEN": "@1000"}, [1]),
])
def test_moments(look, given_filter, expected):
    """Moments compare exactly; no zone means the server's (`CRestUtil::unConvertDateTime`)."""
    assert expected == look(given_filter)


@pytest.mark.parametrize("value", ["", None, "garbage", "2024-01-01T00:00:00 03:00"])
@pytest.mark.parametrize("key", [">SEEN", ">=SEEN", "<SEEN", "SEEN"])
def test_unreadable_moments(look, key, value):
    """A bad date makes the condition `IS NULL`: no error, nearly no rows."""
    assert look({key: value}) == [3]


def test_negated_unreadable_moment(look):
    """NOT (F IS NULL) is everything that has a date."""
    assert look({"!>SEEN": "garbage"}) == [1, 2, 4]


@pytest.mark.parametrize(("given_filter", "expected"), [
    ({">SUM": 9.5}, [2]), ({"SUM": "10.5"}, [2]), ({"SUM": 0}, [1, 3]), ({">=SUM": 0}, ALL), ({"!@SUM": [9]}, [1, 2]),
])
def test_decimals(look, given_filter, expected):
    """Decimals are text in the answer but numbers to the filter."""
    assert expected == look(given_filter)


def test_filled_and_empty(look):
    """`^%^` is "not empty", `^&^` is "empty" (`CCrmEntityListBuilder::Prepare`)."""
    assert look({"TEXT": FILLED}) == [1, 2]
    assert look({"TEXT": EMPTY}) == [3, 4]
    assert look({"!TEXT": FILLED}) == [3, 4]


def test_all_keys_must_hold(look):
    """There is no OR between keys."""
    assert look({"COUNT": 5, "TEXT": "alpha"}) == []


def test_named_keys_are_remembered():
    """Hidden filters look at how keys were spelled."""
    assert plan(THINGS, {"=ID": 1, 5: 2}, Moment(NOW, 0)).named == {"=ID", "5"}


@settings(deadline=None)
@given(st.integers(-5, 10), st.integers(-5, 10))
def test_a_range_is_exact(low, high):
    """`>ID` and `<=ID` cut exactly what lies between."""
    table = Table(THINGS, 0)
    for row_id, values in ROWS.items():
        table.insert(0, row_id, values)
    assert ask(table)({">ID": low, "<=ID": high}) == [row_id for row_id in ALL if low < row_id <= high]
