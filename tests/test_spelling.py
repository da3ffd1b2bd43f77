"""Filter keys: which spellings a list method understands, and what the others should have been."""

from __future__ import annotations

import pytest

from extractor.catalog import catalog, raw_method
from extractor.errors import UsageError
from extractor.spelling import CAMEL, CLASSIC, ORM, UPPER, Key, cased, dialect, key_of, nearest


def read(name: str, typed: str, value: object = 5) -> Key:
    """Take a key apart as an entity's list method would."""
    entity = catalog()[name]
    return key_of(typed, value, entity, dialect(entity))


def refused(name: str, typed: str, value: object = 5) -> str:
    """Say what a key is refused with."""
    with pytest.raises(UsageError) as error:
        read(name, typed, value)
    assert repr(typed) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("name", "expected"), [
    ("crm_activities", CLASSIC), ("deals", CLASSIC), ("requisites", CLASSIC), ("crm_items", CAMEL), ("crm_types", CAMEL),
    ("tasks", UPPER), ("stage_history", UPPER), ("users", ORM), ("crm_activity_bindings", None),
])
def test_every_entity_has_its_dialect(name, expected):
    """Family and case of the id's name in conditions decide how a filter is read."""
    assert expected is dialect(catalog()[name])


def test_proxies_outside_the_catalog_are_known():
    """A few more classic lists are known by their method; of all others nothing is."""
    assert CLASSIC is dialect(raw_method("CRM.Quote.List"))
    assert None is dialect(raw_method("lists.element.get"))


@pytest.mark.parametrize("operator", ["", "=", "!", "!=", ">", ">=", "<", "<=", "@", "!@", "%", "=%", "%=", "?"])
def test_classic_operators_pass(operator):
    """The fourteen operators of the classic lists pass, before a name in capitals."""
    assert Key(f"{operator}ID", operator, "ID") == read("crm_activities", f"{operator}ID")


@pytest.mark.parametrize("operator", [
    "", "=", "!", "!=", ">", ">=", "<", "<=", "@", "!@", "%", "=%", "%=", "!%", "!=%", "!%=",
])
def test_controller_operators_pass(operator):
    """Controllers can negate a pattern; their names are in camelCase."""
    assert Key(f"{operator}createdTime", operator, "createdTime") == read("crm_items", f"{operator}createdTime")


@pytest.mark.parametrize(("typed", "right"), [
    (">id", ">ID"), ("> ID", ">ID"), (" >ID", ">ID"), (">ID ", ">ID"), ("=>ID", ">=ID"), ("=<ID", "<=ID"), ("<>ID", "!ID"),
    (">=>ID", ">=ID"), ("==ID", "=ID"), ("=@ID", "@ID"), ("@=ID", "@ID"), ("!=@ID", "!@ID"), ("!!ID", "ID"), (">A.ID", ">ID"),
    ("+ID", "ID"), ("!>ID", "<=ID"), ("*SUBJECT", "%SUBJECT"), ("createdBy", "CREATED_BY"), ("Id", "ID"), ("> = ID", ">=ID"),
])
def test_classic_misspellings_are_mended(typed, right):
    """What the classic parser takes for a part of the name is refused with the spelling that works."""
    assert refused("crm_activities", typed).endswith(f"write {right!r}")


@pytest.mark.parametrize(("name", "typed", "right"), [
    ("crm_items", ">ID", ">id"), ("crm_items", ">Id", ">id"), ("crm_items", ">=CREATED_TIME", ">=createdTime"),
    ("crm_items", "created_time", "createdTime"), ("crm_items", "PARENT_ID_128", "parentId128"), ("crm_items", "UF_CRM_9", "ufCrm_9"),
    ("crm_items", "UF_CRM_7_9", "ufCrm7_9"), ("crm_items", "?title", "%title"), ("crm_types", ">ID", ">id"),
    ("tasks", ">id", ">ID"), ("tasks", ">=changedDate", ">=CHANGED_DATE"), ("stage_history", ">id", ">ID"),
    ("stage_history", "ownerId", "OWNER_ID"), ("users", ">id", ">ID"), ("users", "?NAME", "%NAME"),
])
def test_names_take_the_case_of_the_entitys_id(name, typed, right):
    """Controllers want camelCase, save for those that filter by `ID`; these, and all others, want capitals."""
    assert refused(name, typed).endswith(f"write {right!r}")


def test_original_names_of_user_fields_pass():
    """With useOriginalUfNames, user fields keep their names, and only they."""
    entity = catalog()["crm_items"]
    assert "UF_CRM_7_9" == key_of(">UF_CRM_7_9", 1, entity, CAMEL, original_names=True).name
    with pytest.raises(UsageError, match="'>id'"):
        key_of(">ID", 1, entity, CAMEL, original_names=True)


@pytest.mark.parametrize("typed", ["!%SUBJECT", "!=%SUBJECT", "!%=SUBJECT"])
def test_negated_patterns_are_refused_with_the_reason(typed):
    """A classic list forgets the `!` before a pattern and returns the rows that match."""
    said = refused("crm_activities", typed)
    assert "returns the rows that match" in said
    assert "'!SUBJECT'" in said


@pytest.mark.parametrize(("name", "typed", "value", "right"), [
    ("crm_activities", "><ID", [1, 9], 'write {">=ID": 1, "<=ID": 9}'),
    ("crm_activities", "><created", ["2024-01-01", "2024-02-01"], 'write {">=CREATED": "2024-01-01", "<=CREATED": "2024-02-01"}'),
    ("crm_activities", "><ID", 5, 'write {">=ID": "LOW", "<=ID": "HIGH"}'),
    ("crm_activities", "!><ID", [1, 9], "ask twice, with '<ID' and with '>ID'"),
    ("crm_items", "><id", [1, 9], 'write {">=id": 1, "<=id": 9}'),
    ("crm_items", "!><id", [1, 9], 'write {"0": {"logic": "OR", "0": {"<id": 1}, "1": {">id": 9}}}'),
    ("tasks", "><ID", [1, 9], 'write {">=ID": 1, "<=ID": 9}'),
])
def test_between_is_two_keys(name, typed, value, right):
    """`><` works nowhere: the refusal spells the two conditions out, with the user's own values."""
    assert refused(name, typed, value).endswith(right)


@pytest.mark.parametrize("typed", ["", ">", "0", "5", ">=1", "@", "ТИП", "ID;", "ID TITLE", "$ID$"])
def test_what_names_no_field_is_refused(typed):
    """A key without a name, or with one that no field can have, is told what a key is."""
    assert "names no field" in refused("crm_activities", typed)


@pytest.mark.parametrize("typed", ["LOGIC", "logic", "__INNER_FILTER", "__INNER_FILTER_1", "CHECK_PERMISSIONS", "SEARCH_CONTENT"])
def test_inner_words_are_refused_with_what_to_do_instead(typed):
    """Words of the portal's inner language never arrive: each refusal says what serves in their place."""
    assert "would be dropped by the portal: " in refused("crm_activities", typed)


def test_unheard_of_operators_are_answered_with_the_list():
    """Where nothing tells what was meant, the refusal lists what the method knows."""
    assert refused("crm_activities", "~>ID").endswith("which knows ! % < = > ? @ != !@ %= <= =% >=, or none at all")


@pytest.mark.parametrize(("name", "case", "expected"), [
    ("ID", "upper", "ID"), ("id", "upper", "ID"), ("dateModify", "upper", "DATE_MODIFY"), ("UF_CRM_1", "upper", "UF_CRM_1"),
    ("id", "camel", "id"), ("ufCrm7_9", "camel", "ufCrm7_9"), ("lastActivityTime", "camel", "lastActivityTime"),
    ("IS_MANUAL_OPPORTUNITY", "camel", "isManualOpportunity"), ("parentId128", "camel", "parentId128"),
])
def test_cases_are_translated(name, case, expected):
    """A name that is right stays; one in another case is translated word by word."""
    assert expected == cased(name, case)


@pytest.mark.parametrize(("name", "expected"), [
    ("LASTUPDATED", "the nearest is LAST_UPDATED"), ("zzz", "nothing comes near"),
    ("CREATE", "the nearest is CREATED"), ("created", "the nearest is CREATED"),
])
def test_the_nearest_names_are_found(name, expected):
    """Case and underscores do not stand between a name and the one that was meant."""
    assert expected == nearest(name, ["ID", "CREATED", "LAST_UPDATED", "SUBJECT"])
