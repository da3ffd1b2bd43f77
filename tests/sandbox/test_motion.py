"""What goes on in a portal by itself: so much a minute, equally for equal seeds, and nothing that a real one forbids."""

from __future__ import annotations

from collections import Counter

import pytest

from extractor.sandbox.motion import Motion
from extractor.sandbox.world import NOW, World


def moving(per_minute=60, seed=1, **rows):
    """Build a small world that moves."""
    world = World.build(seed=seed, rows=rows)
    world.motion = Motion(world.tables, seed=seed, per_minute=per_minute, start=NOW).due
    return world


def told(world):
    """Let an hour pass, minute by minute, and return what has happened."""
    happened, whole = [], world.motion

    def heard(now):
        for mutation in whole(now):
            happened.append(mutation)
            yield mutation

    world.motion = heard
    for minute in range(61):
        world.advance(NOW + minute * 60, minute)
    return happened


def everything(world):
    """Return what each table has come to."""
    return {name: ([*table.ids], table.overlay) for name, table in world.tables.items()}


@pytest.mark.parametrize("per_minute", [1, 7, 60])
def test_so_much_a_minute(per_minute):
    """Evenly over time, each at its own moment."""
    happened = told(moving(per_minute))
    assert 60 * per_minute == len(happened)
    assert [pytest.approx(NOW + (number + 1) * 60 / per_minute) for number in range(len(happened))] == [one.at for one in happened]


def test_equal_seeds_move_equally():
    """However often the portal is called; another seed moves otherwise."""
    first, second, other = moving(), moving(), moving(seed=2)
    told(first)
    second.advance(NOW + 3_600, 1)
    assert everything(first) == everything(second)
    assert told(moving()) != told(other)


def test_everything_happens_to_every_table_that_allows_it():
    """Rows are inserted, changed and deleted; history is only added to, users are not deleted, and types and empty tables stay."""
    kinds = Counter((one.table, one.action) for one in told(moving(600, quotes=0)))
    assert {"insert", "change", "delete"} == {action for table, action in kinds if table == "deals"}
    assert {"insert"} == {action for table, action in kinds if table == "stagehistory"}
    assert {"insert", "change"} == {action for table, action in kinds if table == "users"}
    assert not {"types", "quotes"} & {table for table, _ in kinds}


def test_stamps_are_set_as_a_real_portal_sets_them():
    """A new row's are its birth, a change moves that of the change alone, and no stamp lies ahead of the moment."""
    world = moving(deals=200)
    table, born = world.tables["deals"], {}
    for row_id in table.ids:
        born[row_id] = table.raw("DATE_CREATE")(row_id)
    happened = {one.ids[0]: int(one.at) for one in told(world) if one.table == "deals" and one.action == "change" and one.ids[0] in table.ids}
    assert happened
    for row_id, at in happened.items():
        assert at == table.raw("DATE_MODIFY")(row_id)
        assert row_id not in born or born[row_id] == table.raw("DATE_CREATE")(row_id)
    assert all(table.raw("DATE_CREATE")(row_id) == table.raw("DATE_MODIFY")(row_id) > NOW for row_id in table.ids if row_id not in {*born, *happened})


def test_a_world_without_rows_stands_still():
    """There is nothing to choose from."""
    world = moving()
    for table in world.tables.values():
        for row_id in list(table.ids):
            table.delete(row_id)
    assert [] == told(world)
