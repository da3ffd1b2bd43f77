"""Filter keys that join another table."""

from __future__ import annotations

import pytest

from extractor.sandbox.joins import binding_join, join, multi_join, owner_join
from extractor.sandbox.rows.activity import bindings
from extractor.sandbox.world import World

WORLD = World.build(rows={"activities": 400})
TABLE = WORLD.tables["activities"]


@pytest.mark.parametrize("given", [
    [], "2", None, {"OWNER_TYPE_ID": 2, "OWNER_ID": 5}, [{"OWNER_ID": 5}], [{}], [7], [{"OWNER_TYPE_ID": "x"}],
    {1: {"OWNER_TYPE_ID": 2}},
])
def test_pairs_that_are_not_understood_vanish(given):
    """Without an owner type, as one object, with an index that is not 0: the whole table (`CCrmActivity::PrepareBindingsFilterSql`)."""
    assert binding_join(TABLE, given) is None


def test_other_entities_have_no_bindings():
    """BINDINGS is a key of activities alone."""
    assert binding_join(WORLD.tables["deals"], [{"OWNER_TYPE_ID": 2}]) is None


def test_any_pair_matches():
    """The pairs are ORed: a row comes once for each binding that matches one."""
    join = binding_join(TABLE, [{"OWNER_TYPE_ID": 2}, {"OWNER_TYPE_ID": "3"}])
    for row_id in TABLE.ids:
        assert join.copies(row_id) == sum(kind in {2, 3} for kind, _ in bindings(TABLE, row_id))


def test_exact_pair():
    """With an id the pair matches that owner only."""
    row_id = TABLE.ids[0]
    kind, owner = bindings(TABLE, row_id)[0]
    join = binding_join(TABLE, [{"OWNER_TYPE_ID": kind, "OWNER_ID": str(owner)}])
    assert join.copies(row_id) == 1
    assert sum(join.copies(other) for other in TABLE.ids) < 10


def test_pair_with_a_skipped_one():
    """A pair without a type is skipped, the others hold."""
    join = binding_join(TABLE, [{"OWNER_ID": 1}, {"OWNER_TYPE_ID": 1}])
    assert join.key == ("bindings", frozenset({(1, 0)}))


def test_a_type_alone_repeats_a_row():
    """Two contacts of one activity are two rows."""
    join = binding_join(TABLE, [{"OWNER_TYPE_ID": kind} for kind in (1, 2, 3, 4)])
    assert {join.copies(row_id) for row_id in TABLE.ids} == {1, 2, 3}


@pytest.mark.parametrize("key", ["!BINDINGS", "=BINDINGS", "bindings", "LINK", "!PHONE", "=EMAIL", 0])
def test_only_exact_keys_join(key):
    """Prefixed forms of BINDINGS and of multi-fields, and LINK, are not known."""
    assert join(WORLD.tables["contacts"], key, [{"OWNER_TYPE_ID": 2}]) is None
    assert join(TABLE, key, [{"OWNER_TYPE_ID": 2}]) is None


def test_multi_fields_match_by_prefix():
    """PHONE is a prefix LIKE on the first value given (against the documentation's "exact match")."""
    contacts = WORLD.tables["contacts"]
    prefix = multi_join(contacts, "PHONE", ["+7 (900) 1", "+7"])
    raw = contacts.raw("HAS_PHONE")
    assert join(contacts, "PHONE", "+7").key == ("PHONE", "+7")
    assert {raw(row_id) for row_id in contacts.ids if prefix.copies(row_id)} == {"Y"}
    every = multi_join(contacts, "PHONE", {"a": "+7"})
    assert sum(map(prefix.copies, contacts.ids)) < sum(map(every.copies, contacts.ids))


def test_entities_without_multi_fields():
    """A deal has no PHONE: the key vanishes; so does an empty list."""
    assert multi_join(WORLD.tables["deals"], "PHONE", "+7") is None
    assert multi_join(WORLD.tables["contacts"], "PHONE", []) is None


def test_naming_a_binding_column_joins():
    """BINDING_OWNER_ID in select or order multiplies the rows."""
    join_ = owner_join(TABLE, frozenset({"BINDING_OWNER_ID"}))
    assert [join_.copies(row_id) for row_id in TABLE.ids] == [len(bindings(TABLE, row_id)) for row_id in TABLE.ids]
    assert owner_join(TABLE, frozenset({"OWNER_ID"})) is None
    assert owner_join(WORLD.tables["deals"], frozenset({"BINDING_OWNER_ID"})) is None
