"""As fast as the portal allows, counted in requests: the figures hold on any machine."""

import math

import pytest

from extractor.limits import STANDARD
from extractor.limits.window import CEILING, SELF_HOSTED, START
from extractor.messages import BATCH_SIZE
from extractor.report import floor_of
from extractor.sandbox.cost import CostModel
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods.classic import listed
from tests.thorough import thorough

NARROW = ("ID", "TITLE", "STAGE_ID")


@pytest.mark.thorough
async def test_requests_of_a_large_table(trial):
    """300,000 deals take 1.05 times the least number of requests and 8 more at most, and under 3 % of empty pages."""
    world = trial(rows={"deals": 300_000}, latency=0.4)
    outcome = await world.run("deals", select=NARROW)
    expected = listed(world.world, "crm.deal.list")
    entry = outcome.manifest["entities"]["deals"]
    assert ("complete", "exact", len(expected)) == (entry["status"], entry["assurance"], entry["rows"])
    assert expected == world.ids("deals")
    assert world.line.requests <= 1.05 * math.ceil(len(expected) / 2_500) + 8
    assert world.line.pages.count(0) < 0.03 * len(world.line.pages)
    assert {200: world.line.requests} == world.line.statuses


async def test_requests_of_a_small_table(trial):
    """2,000 rows take two rounds of the window, few requests of the many that the bucket holds; no page is empty."""
    world = trial(rows={"deals": 2_000})
    outcome = await world.run("deals")
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert world.line.requests <= 2 * START * CEILING
    assert outcome.seconds < 0.5
    assert world.line.pages.count(0) <= 1


@pytest.mark.parametrize("rows", [8_000, 12_000, 20_000])
async def test_what_fits_one_round_takes_one(trial, rows):
    """Behind the first look all rows come in requests that leave together, whether ids lie densely or not; nothing is left for another way."""
    world = trial(rows={"deals": rows}, latency=0.4, cost=CostModel.flat(0.002))
    outcome = await world.run("deals", select=NARROW)
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert world.line.requests <= 1 + CEILING
    assert outcome.seconds < 2 * 0.4 + BATCH_SIZE * 0.002 + 0.05


async def test_a_portal_of_ones_own_is_read_without_a_bucket(trial):
    """Nobody has to name its tariff: its calls report no operating seconds, as those of every cloud portal do. The report knows it, too."""
    world = trial(rows={"deals": 150_000}, meter=Meter.unlimited())
    given = world.settings()
    outcome = await world.run("deals", select=NARROW, limits=given)
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert outcome.seconds < (world.line.requests - STANDARD.burst) / STANDARD.per_second
    assert "latency" == floor_of(outcome, given).bound


@pytest.mark.parametrize("latency", [0.3, 3.0, *thorough(0.02, 1.0)])
async def test_a_portal_of_ones_own_that_is_far_away(trial, latency):
    """The longer a request's way, the more calls it carries: what it takes is bounded by some ways, not by a way for each page."""
    world = trial(rows={"activities": 60_000}, meter=Meter.unlimited(), latency=latency)
    outcome = await world.run("crm_activities")
    assert "complete" == outcome.manifest["status"]
    assert world.line.requests < 250
    work = sum(entity["seconds"] for entity in outcome.manifest["entities"].values()) - latency * world.line.requests
    assert outcome.seconds < 1.5 * work / 8 + 16 * latency


@pytest.mark.parametrize(("meter", "options", "most"), [
    (Meter.unlimited(), {}, SELF_HOSTED), (Meter.standard(), {}, CEILING), (Meter.unlimited(), {"concurrency": 5}, 5),
])
async def test_a_portal_without_a_bucket_may_have_more_requests_in_flight(trial, meter, options, most):
    """Up to twice as many as in the cloud, as nothing but its workers is in the way; but never more than somebody has named."""
    world = trial(rows={"deals": 300}, meter=meter)
    dump = world.dump("deals", limits=world.settings(**options))
    assert 0 == (await dump.run()).exit_code
    assert repr(dump._limits.window).endswith(f"at most {most}>")


@pytest.mark.parametrize("seed", [0, *thorough(1, 2, 3)])
async def test_no_place_of_the_window_is_empty(trial, seed):
    """Where latency is the bound, all requests in flight are busy from the first cut to the end, and end together."""
    world = trial(rows={"activities": 20_000}, seed=seed)
    outcome = await world.run("crm_activities", limits=world.settings(concurrency=4))
    assert outcome.seconds <= 1.15 * sum(entity["seconds"] for entity in outcome.manifest["entities"].values()) / 4


async def test_every_small_entity_shares_requests(trial):
    """Entities share requests: nine small ones take hardly more of them than the largest alone."""
    world = trial()
    names = ("crm_activities", "deals", "leads", "contacts", "companies", "requisites", "tasks", "users", "crm_statuses")
    outcome = await world.run(*names)
    assert "complete" == outcome.manifest["status"]
    assert world.line.requests <= 6


async def test_the_manifest_counts_what_it_cost(trial):
    """The requests and calls of a run are what the portal has seen."""
    world = trial(rows={"deals": 5_000}, meter=Meter.unlimited())
    outcome = await world.run("deals")
    seen = world.portal.statistics()
    entry = outcome.manifest["entities"]["deals"]
    assert (seen.requests, seen.requests, seen.calls) == (outcome.requests, entry["requests"], entry["calls"])
