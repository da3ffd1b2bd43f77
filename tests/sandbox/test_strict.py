"""The controllers' filter: validated, and meaning what it says."""

from __future__ import annotations

import pytest

from extractor.sandbox.answer import Refusal
from extractor.sandbox.columns import Column, Entity
from extractor.sandbox.dataset import Table
from extractor.sandbox.query import find
from extractor.sandbox.strict import Reader, plan, snake, split

ROWS = {
    1: {"COUNT": 0, "TEXT": "Alpha", "SEEN": 1_000, "SUM": "0.00", "FLAG": True},
    2: {"COUNT": 5, "TEXT": "beta", "SEEN": 2_000, "SUM": "10.50", "FLAG": False},
    3: {"COUNT": None, "TEXT": None, "SEEN": None, "SUM": None, "FLAG": False},
}
THINGS = Entity("things", columns=(
    Column("ID", "int"), Column("COUNT", "int"), Column("TEXT"), Column("SEEN", "datetime"), Column("SUM", "double"),
    Column("FLAG", "bool")))
NAMES = {column.name.lower(): column for column in THINGS.columns}


@pytest.fixture
def table():
    """Make a table of a few rows."""
    made = Table(THINGS, 0)
    for row_id, values in ROWS.items():
        made.insert(0, row_id, values)
    return made


@pytest.fixture
def look(table):
    """Give the function that filters the table."""
    def ask(given, **settings):
        return list(find(table, plan(Reader(NAMES, 0, 10_800, **settings), given)).all())
    return ask


@pytest.mark.parametrize(("key", "shown"), [
    (">ID", ">_ID"), (">id", ">ID"), ("foo", "FOO"), ("fooBar", "FOO_BAR"), ("UF_CRM_NOPE", "UF_CRM_NOPE"), ("ID", "ID"),
])
def test_keys_become_upper_case_prefix_and_all(key, shown):
    """`>ID` becomes `>_ID` (`Response.Converter`, TO_SNAKE_DIGIT)."""
    assert shown == snake(key)


@pytest.mark.parametrize("key", [">ID", ">>id", "nobody", "><nobody", ">=ID"])
def test_unknown_fields_are_refused(look, key):
    """An unknown field is INVALID_ARG_VALUE (`Crm.Controller.Validator.Filter`)."""
    with pytest.raises(Refusal) as refusal:
        look({key: 1})
    assert refusal.value.code == "INVALID_ARG_VALUE"
    assert refusal.value.description == f"Invalid filter: field '{snake(key)}' is not allowed in filter"


@pytest.mark.parametrize(("key", "value"), [
    (">id", [1]), ("><id", [1, 2]), ("!><id", 5), ("%text", ["a"]), (">seen", "garbage"), (">id", {"ID": "1"}),
])
def test_bad_values_are_refused(look, key, value):
    """Arrays go with `''`, `=`, `!=`, `@`, `!@` only; so `><` is of no use."""
    with pytest.raises(Refusal, match="has invalid value") as refusal:
        look({key: value})
    assert refusal.value.code == "INVALID_ARG_VALUE"


@pytest.mark.parametrize("key", ["@id", "!@id", "@text"])
def test_empty_in_list_is_a_loud_error(look, key):
    """`IN ()` is an SQL error in the ORM; only the classic lists ignore it."""
    with pytest.raises(Refusal, match="SQL syntax"):
        look({key: []})


@pytest.mark.parametrize(("given", "expected"), [
    ({}, [1, 2, 3]), ({">id": 1}, [2, 3]), ({">=id": 2}, [2, 3]), ({"<id": 2}, [1]), ({"<=id": 2}, [1, 2]),
    ({"id": 2}, [2]), ({"=id": [1, 3]}, [1, 3]), ({"@id": [1, 2], "id": 2}, [2]), ({"!id": 2}, [1, 3]), ({"!@id": [1]}, [2, 3]),
    ({">id": ""}, [1, 2, 3]), ({">id": None}, [1, 2, 3]), ({"=id": []}, []),
])
def test_ids(look, given, expected):
    """Ids are integers; "" and null are 0; `=` with an empty list is `1=0`."""
    assert expected == look(given)


@pytest.mark.parametrize(("given", "expected"), [
    ({"count": 0}, [1]), ({"count": [0, 5]}, [1, 2]), ({"!count": 0}, [2, 3]), ({"!=count": 5}, [1, 3]), ({">count": 0}, [2]),
    ({"text": "ALPHA"}, [1]), ({"%text": "et"}, [2]), ({"!%text": "et"}, [1]), ({"=%text": "a%"}, [1]),
    ({"!=%text": "a%"}, [2]), ({"%=text": "_eta"}, [2]), ({">seen": "@1000"}, [2]), ({"seen": ""}, [3]),
    ({"!seen": ""}, [1, 2]), ({">sum": 1}, [2]), ({"flag": "1"}, [1]), ({"flag": "N"}, [2, 3]), ({">seen": ""}, []),
])
def test_negations_and_nulls(look, given, expected):
    """NOT LIKE works here, and NULL is not 0 (`CSQLWhere`)."""
    assert expected == look(given)


@pytest.mark.parametrize(("given", "expected"), [
    ({"logic": "OR", "0": {"id": 1}, "1": {"text": "beta"}}, [1, 2]),
    ({"0": {"logic": "OR", "0": {"id": 1}, "1": {"id": 3}}, ">id": 1}, [3]),
    ({"logic": "AND", ">id": 1, "0": {"<id": 3}}, [2]),
    ({"0": {"0": {"id": 2}, "text": "beta"}}, [2]),
])
def test_nested_filters(look, given, expected):
    """Arrays nest, and `logic: OR` is understood."""
    assert expected == look(given)


def test_shifted_moments(look):
    """A bound is moved by (server's - user's) offset: west of the server it is later, and rows are lost (`prepareDateTimeFieldsForFilter`)."""
    assert look({">=seen": "@1500"}, shift=0) == [2]
    assert look({">=seen": "@1500"}, shift=10_800) == []
    assert look({">=seen": "@1500"}, shift=-3_600) == [1, 2]


def test_dropping_reader(look):
    """`user.get` and tasks drop what they do not know."""
    assert look({"nobody": 1, ">id": 1, "0": {"nobody": 2}}, drops=True) == [2, 3]


def test_unreadable_date_is_1970_in_tasks(look):
    """A bad date in tasks means a full scan (`tasks` controller, prepareFilter)."""
    assert look({">seen": "garbage"}, epoch=True) == [1, 2]


def test_upper_names_stay(look):
    """Controllers with UPPER names show the key as it was sent."""
    with pytest.raises(Refusal, match="'>ID'"):
        look({">ID": 1}, upper=True)


def test_longest_prefix_wins():
    """`!=%` is one prefix."""
    assert split("!=%title") == ("!=%", "title")
    assert split("title") == ("", "title")
