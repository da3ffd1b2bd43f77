"""The other entities."""

from __future__ import annotations

import orjson
import pytest

from extractor.sandbox.rows import ENTITIES, dynamic
from extractor.sandbox.rows.fixed import categories, currencies, statuses
from extractor.sandbox.world import World

WORLD = World.build(rows={"deals": 2_000, "contacts": 1_000})


def rows(name, *select):
    """Show a whole table."""
    table = WORLD.tables[name]
    return WORLD.classic(table, select).rows(table.ids)


@pytest.mark.parametrize("entity", [*ENTITIES.values(), dynamic("items_128")], ids=lambda entity: entity.name)
def test_entities_are_consistent(entity):
    """Stamps, spreads, echoes and derived keys name columns that exist; no column comes twice."""
    names = [column.name for column in entity.columns]
    assert len(names) == len(set(names))
    used = {stamp.name for stamp in entity.stamps} | {spread.name for spread in entity.spreads}
    used |= {name for echo in entity.echoes for name in echo} | {derived.when for derived in entity.derived if derived.when}
    used |= {name for name in (entity.created, entity.modified, entity.edited) if name}
    assert used <= set(names)


def test_size_of_a_deal():
    """A deal is of the real size: 32 fields and more, about 1.2 KB."""
    deals = rows("deals", "*")
    assert len(deals[0]) >= 32
    assert 1_000 < len(orjson.dumps(deals)) / len(deals) < 1_600


def test_money_of_a_deal():
    """OPPORTUNITY and TAX_VALUE are "0.00" text."""
    assert {deal["TAX_VALUE"] for deal in rows("deals", "*")} == {"0.00"}
    assert "3607999.00" in {deal["OPPORTUNITY"] for deal in rows("deals", "*")}


def test_multiple_user_fields():
    """A multiple user field is a list, or false when it is empty (`CAllDBResult::AfterFetch`)."""
    kinds = {type(deal["UF_CRM_1600000003"]) for deal in rows("deals", "UF_*")}
    assert kinds == {list, bool}


def test_some_deals_are_recurring_templates():
    """There is something for the hidden filter to hide."""
    assert {deal["IS_RECURRING"] for deal in rows("deals", "*")} == {"Y", "N"}


@pytest.mark.parametrize(("key", "flag"), [("PHONE", "HAS_PHONE"), ("EMAIL", "HAS_EMAIL")])
def test_multi_fields_are_absent_when_there_are_none(key, flag):
    """The key PHONE is there exactly when HAS_PHONE is "Y", and is never []."""
    contacts = rows("contacts", key, flag)
    assert all((key in contact) == (contact[flag] == "Y") for contact in contacts)
    assert {"ID", "VALUE_TYPE", "VALUE", "TYPE_ID"} == set(next(row for row in contacts if key in row)[key][0])


def test_rare_multi_fields():
    """Most entities have no messenger and no site."""
    contacts = rows("contacts", "WEB", "IM")
    assert 0 < sum("WEB" in contact for contact in contacts) < len(contacts) / 2


@pytest.mark.parametrize("name", ["contacts", "companies"])
def test_other_categories_exist(name):
    """Some contacts belong to another category, which the classic list hides."""
    table = World.build(rows={name: 2_000}).tables[name]
    assert {table.raw("CATEGORY_ID")(row_id) == 0 for row_id in table.ids} == {True, False}


@pytest.mark.parametrize("name", ["items", "items_", "items_x", "nobody_1"])
def test_names_that_are_no_smart_process(name):
    """A smart process's table is `items_<entityTypeId>`."""
    with pytest.raises(KeyError):
        dynamic(name)


def test_fixed_lists():
    """Statuses come by SORT; deals have the default funnel, id 0; a portal has a base currency."""
    sorts = [int(row["SORT"]) for row in statuses()]
    assert sorts == sorted(sorts)
    assert categories(1, 2)[0]["id"] == 0
    assert categories(1, 128)[0]["id"] > 0
    assert [row["CURRENCY"] for row in currencies() if row["BASE"] == "Y"] == ["RUB"]
