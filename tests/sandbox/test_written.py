"""Pages written from templates: the very bytes that the encoder makes of the rows."""

from __future__ import annotations

import pytest

from extractor.sandbox import wire
from extractor.sandbox.methods.items import ITEM, item_shape
from extractor.sandbox.methods.office import DEPARTMENT, USER
from extractor.sandbox.shapes import Lens, shape
from extractor.sandbox.world import World
from extractor.sandbox.zones import Zone

SELECTS = {"everything": ("*",), "the id alone": ("ID",), "one moment": ("DATE_CREATE", "CREATED"), "nothing": ("NO_SUCH",),
           "computed keys": ("*", "COMMUNICATIONS", "FILES", "PHONE", "EMAIL"), "computed keys alone": ("COMMUNICATIONS",),
           "an echo without its origin": ("ID", "END_TIME", "MOVED_TIME")}
CLASSIC = ("activities", "deals", "leads", "contacts", "companies")


def checked(world, built, table):
    """Write all rows of a table both ways."""
    ids = list(table.ids)
    assert wire.encode(world.write(built, ids)) == wire.encode(built.rows(ids))


@pytest.mark.parametrize("select", SELECTS.values(), ids=SELECTS.keys())
@pytest.mark.parametrize("name", CLASSIC)
def test_classic_rows(name, select):
    """Written rows are those of the encoder, whatever was selected, byte for byte."""
    world = World.build(rows={name: 1_200})
    checked(world, world.classic(world.tables[name], select), world.tables[name])


@pytest.mark.parametrize("name", CLASSIC)
def test_changed_rows(name):
    """Rows that were inserted or changed are written as they are now."""
    world = World.build(rows={name: 300})
    table = world.tables[name]
    for row_id in list(table.ids)[::3]:
        table.change(row_id, world.now, {table.entity.edited: '50 % of "all" </b>'})
    table.insert(world.now)
    checked(world, world.classic(table, ("*", "COMMUNICATIONS")), table)


def test_summer_time():
    """Moments that drift with the user's zone drift in written rows, too."""
    world = World.build(rows={"activities": 1_200}, user_zone=Zone(3_600, summer=3_600))
    checked(world, world.classic(world.tables["activities"], ("ID", "CREATED", "START_TIME")), world.tables["activities"])


def test_numbers():
    """A style that shows numbers as numbers has them written as numbers, absent moments as null."""
    world = World.build(rows={"deals": 1_200})
    checked(world, item_shape(world, world.tables["deals"], ITEM, ("*",)), world.tables["deals"])


@pytest.mark.parametrize(("name", "style"), [("users", USER), ("departments", DEPARTMENT)])
def test_sparse_rows(name, style):
    """A style that leaves empty keys out has them left out in written rows."""
    world = World.build(rows={name: 600})
    table = world.tables[name]
    names = [column.name for column in table.entity.columns]
    checked(world, shape(table, style, names, Lens(world.dial)), table)


def test_a_page_stays_as_it_was_written():
    """What a call has answered does not change with its rows: a batch goes on while the world moves."""
    world = World.build(rows={"deals": 100})
    table = world.tables["deals"]
    shown, ids = world.classic(table, ("*",)), list(table.ids)
    written, before = world.write(shown, ids), shown.rows(ids)
    table.change(ids[0], world.now, {"TITLE": "another"})
    assert list(written) == before


def test_only_written_parts_are_left_out():
    """A value that is no JSON is an error, not a gap in the answer."""
    with pytest.raises(TypeError):
        wire.encode({"result": object()})
