"""The portal that `sandbox` serves: the same one for the same options, whenever it is started."""

from __future__ import annotations

import time

from extractor.cli.portals import world_of


def rows(world):
    """Return every row of every table."""
    return {name: [world.row(name, row_id) for row_id in table.ids] for name, table in world.tables.items()}


def test_equal_seeds_make_equal_portals_whenever_they_are_started(monkeypatch):
    """A mirror of a sandbox is that of the same one started again; another seed makes another."""
    first, other = world_of({}, seed=1), world_of({}, seed=2)
    later = first.now + 10_000_000
    monkeypatch.setattr(time, "time", lambda: later)
    again = world_of({}, seed=1)
    assert (later, rows(first)) == (again.now, rows(again))
    assert rows(first) != rows(other)


def test_a_portal_that_changes():
    """From its start on, by its own clock; without the option nothing happens."""
    first, still = world_of({}, seed=1, changes=60), world_of({}, seed=1)
    before = rows(first)
    first.advance(first.now + 0.5, 1)
    assert before == rows(first)
    for world in (first, still):
        world.advance(world.now + 3_600, 2)
    assert before != rows(first)
    assert before == rows(still)
