"""The world and what happens to it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import extractor.sandbox
from extractor.sandbox.cost import CostModel
from extractor.sandbox.shapes import Style, shape
from extractor.sandbox.world import DEFAULT_ROWS, NOW, SHAPES, Mutation, World
from extractor.sandbox.zones import Zone


@pytest.fixture
def world():
    """Build a small world."""
    return World.build(rows={"deals": 100})


def test_small_defaults(world):
    """Every table exists; those not asked for are small."""
    assert set(world.tables) == set(DEFAULT_ROWS)
    assert len(world.tables["deals"]) == 100
    assert all(len(table) <= 300 for table in world.tables.values())


def test_unknown_table():
    """A table that no entity describes is a mistake."""
    with pytest.raises(KeyError):
        World.build(rows={"nobody": 1})


def test_types_and_tables_agree():
    """Every smart process's table has its type; static types are not listed."""
    world = World.build(rows={"items_1032": 3})
    raw = world.tables["types"].raw("ENTITY_TYPE_ID")
    assert [128, 130, 1032] == [raw(row_id) for row_id in world.tables["types"].ids]


def test_insertion_at_a_time(world):
    """What is due by time happens when the time comes, and not before."""
    world.schedule.append(Mutation("insert", "deals", at=NOW + 10, count=3))
    world.advance(NOW + 9, 1)
    assert len(world.tables["deals"]) == 100
    world.advance(NOW + 10, 2)
    assert len(world.tables["deals"]) == 103


def test_rows_carry_the_time_of_the_mutation(world):
    """A row was created when the schedule says, however late the next call is."""
    world.schedule.append(Mutation("insert", "deals", at=NOW + 10))
    world.advance(NOW + 500, 1)
    table = world.tables["deals"]
    assert table.raw("DATE_CREATE")(table.ids.last) == NOW + 10


def test_deletion_after_calls(world):
    """What is due by the number of calls served happens before the next one."""
    doomed = tuple(world.tables["deals"].ids)[:2]
    world.schedule.append(Mutation("delete", "deals", doomed, after=5))
    world.advance(NOW, 4)
    assert doomed[0] in world.tables["deals"].ids
    world.advance(NOW, 5)
    assert len(world.tables["deals"]) == 98


def test_change_with_values(world):
    """A change may say what changes."""
    row_id = world.tables["deals"].ids[7]
    world.schedule.append(Mutation("change", "deals", (row_id,), after=1, values={"STAGE_ID": "WON"}))
    world.advance(NOW + 60, 1)
    row = world.row("deals", row_id)
    assert (row["STAGE_ID"], row["DATE_MODIFY"]) == ("WON", "2024-08-26T14:01:00+03:00")


def test_silent_change(world):
    """A merge moves an owner without moving the modified moment."""
    row_id = world.tables["deals"].ids[7]
    before = world.row("deals", row_id)["DATE_MODIFY"]
    world.apply(Mutation("change", "deals", (row_id,), values={"CONTACT_ID": 9}, stamp=False))
    assert (world.row("deals", row_id)["CONTACT_ID"], world.row("deals", row_id)["DATE_MODIFY"]) == ("9", before)


def test_what_is_gone_stays_gone(world):
    """A change of a deleted row does nothing."""
    row_id = world.tables["deals"].ids[7]
    world.apply(Mutation("delete", "deals", (row_id,)))
    world.apply(Mutation("change", "deals", (row_id,)))
    world.apply(Mutation("delete", "deals", (row_id,)))
    assert len(world.tables["deals"]) == 99


def test_insertion_with_ids(world):
    """A row may appear behind the cursor."""
    table = world.tables["deals"]
    hole = next(number for number in range(1, table.ids.last) if number not in table.ids)
    world.apply(Mutation("insert", "deals", (hole,), values={"TITLE": "late"}))
    assert world.row("deals", hole)["TITLE"] == "late"


def test_due_mutations_happen_in_the_order_of_time(world):
    """A row is created before it is changed, however the schedule was written."""
    new = world.tables["deals"].ids.last + 1
    world.schedule += [Mutation("change", "deals", (new,), at=NOW + 2), Mutation("insert", "deals", at=NOW + 1)]
    world.advance(NOW + 5, 1)
    assert world.tables["deals"].raw("DATE_MODIFY")(new) == NOW + 2


def test_each_mutation_happens_once(world):
    """The schedule is used up."""
    world.schedule += [Mutation("insert", "deals", after=1), Mutation("insert", "deals", after=9)]
    for number in range(5):
        world.advance(NOW, number)
    assert (len(world.tables["deals"]), len(world.schedule)) == (101, 1)


def test_time_does_not_go_back(world):
    """Calls may be told in any order; the present only moves on."""
    world.advance(NOW + 5, 1)
    world.advance(NOW + 3, 2)
    assert world.now == NOW + 5


def test_prices(world):
    """A method may have a price of its own."""
    world.costs["crm.deal.list"] = CostModel.flat(0.06)
    assert world.price("crm.deal.list").page(50) == 0.06
    assert world.price("crm.lead.list") == world.cost


def test_knobs_turn(world):
    """Switches are turned while the world runs."""
    world.turn(crm=False, cap=7)
    assert (world.knobs.crm, world.knobs.cap) == (False, 7)


def test_shapes_are_forgotten(world):
    """Memory does not grow with the number of selects."""
    table = world.tables["quotes"]
    built = shape(table, Style("x"), ["ID"], world.classic(table, ()).seen)
    for number in range(SHAPES * 2):
        world.keep(("k", number), built)
    assert len(world.shapes) == SHAPES


def test_settings_of_the_world():
    """Zones and knobs are set when the world is built."""
    world = World.build(server_zone=Zone(0), user_zone=Zone(3_600))
    assert world.row("deals", world.tables["deals"].ids[0])["DATE_CREATE"].endswith("+00:00")


def test_the_model_is_pure_and_knows_nothing_of_the_extractor():
    """The model imports neither I/O nor time nor the extractor, and the world does not know the answers."""
    forbidden = {"asyncio", "aiohttp", "time", "socket", "pathlib"}
    folder = Path(extractor.sandbox.__file__).parent
    names = ("php", "zones", "ids", "columns", "texts", "dataset", "shapes", "cost", "query", "classic", "strict",
             "ordering", "lists", "joins", "selects", "world")
    files = [folder / f"{name}.py" for name in names] + [*folder.glob("rows/*.py"), *folder.glob("methods/*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            for module in _imported(node):
                assert module.split(".")[0] not in forbidden, file
                assert not module.startswith("extractor") or module.startswith("extractor.sandbox"), file
                assert file.name != "world.py" or module != "extractor.sandbox.answer"


def _imported(node):
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
