"""The portal's users do not stop working while we read: rows that live throughout are there once."""

import random

import pytest

from extractor.sandbox.methods.classic import listed
from extractor.sandbox.world import Mutation, World
from tests.simulation.mutants import offsets_lowest_first
from tests.thorough import thorough

NARROW = ("ID", "TITLE", "STAGE_ID")


def churn(ids, calls, *, groups, born=None):
    """Plan 5 % of the rows to be deleted, 5 % changed, and as many (or so many a group) added, spread over a range of calls."""
    touched = random.Random(1).sample(ids, 2 * (len(ids) // 20))
    size = max(1, len(touched) // 2 // groups)
    plan = []
    for group in range(groups):
        moment = {"table": "deals", "after": calls[len(calls) * group // groups]}
        gone, changed = touched[group * size:(group + 1) * size], touched[::-1][group * size:(group + 1) * size]
        plan += [Mutation("delete", ids=tuple(gone), **moment), Mutation("change", ids=tuple(changed), **moment),
                 Mutation("insert", count=born or size, values={"IS_RECURRING": "N"}, **moment)]
    return plan


def lived(plan, ids):
    """Return the ids that nothing deleted."""
    return sorted(set(ids) - {one for mutation in plan if mutation.action == "delete" for one in mutation.ids})


async def offset_run(trial, ids):
    """Read 2,000 rows by offsets while rows go and come between any two calls of the one batch that reads them."""
    plan = churn(ids, range(5, 43), groups=38, born=1)  # two calls probe, the third counts, the fourth is the first of that batch
    world = trial(rows={"deals": 2_000}, schedule=plan)
    outcome = await world.run("deals", paging="offset")
    assert (0, []) == (outcome.exit_code, world.world.schedule)
    return world, lived(plan, ids)


def ids_of_2000():
    """Return the ids that the portal will show at first."""
    return listed(World.build(rows={"deals": 2_000}), "crm.deal.list")


async def test_offsets_while_rows_move(trial):
    """2,000 rows by offsets: four requests at most, exact while rows are deleted and appended between the calls of a batch."""
    world, expected = await offset_run(trial, ids_of_2000())
    found = world.ids("deals")
    assert len(set(found)) == len(found)
    assert [] == sorted(set(expected) - set(found))
    assert world.line.requests <= 4


async def test_offsets_lowest_first_lose_rows(trial, monkeypatch):
    """The same run with the lowest offset first, and its pages believed, loses rows: this harness can fail."""
    offsets_lowest_first(monkeypatch)
    world, expected = await offset_run(trial, ids_of_2000())
    assert len(set(expected) - set(world.ids("deals"))) > 10


async def test_offsets_lowest_first_do_not_pass(trial, monkeypatch):
    """In that order the pages do not fit together, and that is seen: all is read by ids, which takes more than four requests."""
    monkeypatch.setattr("extractor.paging.offset.start_offsets", lambda total: list(range(0, total, 50)))
    world, expected = await offset_run(trial, ids_of_2000())
    assert set(expected) <= set(world.ids("deals"))
    assert world.line.requests > 4


@pytest.mark.parametrize("rows", [60_000, *thorough(300_000)])
async def test_ids_while_rows_move(trial, rows):
    """So many rows while 5 % are deleted, changed and appended: each that lived throughout is there once, no id twice."""
    ids = listed(World.build(rows={"deals": rows}), "crm.deal.list")
    plan = churn(ids, range(3, rows * 5_800 // 300_000), groups=rows // 1_000)
    world = trial(rows={"deals": rows}, schedule=plan, latency=0.4)
    outcome = await world.run("deals", select=NARROW)
    found = world.ids("deals")
    assert ("complete", "exact") == (outcome.manifest["status"], outcome.manifest["entities"]["deals"]["assurance"])
    assert len(set(found)) == len(found)
    assert set(lived(plan, ids)) <= set(found)
    assert [] == world.world.schedule, "the plan was not carried out to its end: the run was shorter than it"


async def test_rows_below_a_filter_while_they_change(trial):
    """A filter on a field that changes while we read: rows that fit it throughout are there once."""
    world = trial(rows={"deals": 6_000})
    seen = listed(world.world, "crm.deal.list", {"STAGE_ID": "NEW"})
    moved = seen[1::3]
    world.world.schedule = [Mutation("change", "deals", tuple(moved[k::20]), after=3 + 2 * k, values={"STAGE_ID": "WON"})
                            for k in range(20)]
    outcome = await world.run("deals", filter={"STAGE_ID": "NEW"})
    found = world.ids("deals")
    assert 0 == outcome.exit_code
    assert len(set(found)) == len(found)
    assert set(seen) - set(moved) <= set(found) <= set(seen)
