"""What `report` promises: a run's result in lines for people, and in one record for schedulers."""

from dataclasses import replace

import pytest

from extractor.auth import webhook
from extractor.config import Settings
from extractor.order import Outcome
from extractor.report import floor_of, lines, summary

SETTINGS = Settings(webhook("https://example.bitrix24.com/rest/1/canary/"))


def entity(**values):
    """Make one entity's entry of a manifest."""
    entry = {"method": "crm.deal.list", "status": "complete", "reason": None, "rows": 0, "assurance": "exact", "calls": 1, "seconds": 0.0}
    return {**entry, **values}


def outcome(exit_code=0, why=None, *, requests=130, seconds=45.0, resumed=False, costs=None, status="complete", **entities):
    """Make the outcome of a run with these entities."""
    manifest = {
        "run_id": "id", "portal": "example.bitrix24.com", "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:01:00Z", "status": status, "entities": entities,
    }
    return Outcome(exit_code, why, manifest, requests, seconds, resumed, costs=costs or {}, operating=dict.fromkeys(costs or {}, 1.0))


def test_the_report_names_every_entity():
    """Those that are complete with their assurance, the others with their reason."""
    said = lines(outcome(deals=entity(rows=1200), leads=entity(status="skipped", reason="ACCESS_DENIED: no", calls=0)), SETTINGS)
    assert ["deals", "1,200", "rows", "complete,", "exact"] == said[0].split()
    assert "skipped: ACCESS_DENIED: no" in said[1]


def test_the_report_says_how_near_the_floor_a_run_came():
    """300,000 rows are 120 full requests: 50 at once, the other 70 at 2 a second."""
    (_, last) = lines(outcome(deals=entity(rows=300_000)), SETTINGS)
    assert "300,000 rows in 45.0 s, 130 requests" in last
    assert last.endswith("the least that the request limit allows: 35.0 s, and it took 1.29 times that")


@pytest.mark.parametrize(("waited", "ran", "end"), [(0.02, 0.3, "2 requests"), (2.4, 0.3, "allows: 0.1 s"), (64.0, 3.0, "allows: 3.0 s")])
def test_a_floor_of_no_time_or_one_that_was_undercut_has_no_multiple(waited, ran, end):
    """Where all that there is fits into a request or two, it says nothing about the run; and costs that were estimated too high make no floor."""
    (_, last) = lines(outcome(requests=2, seconds=ran, deals=entity(rows=300, calls=6, seconds=waited)), SETTINGS)
    assert last.endswith(end)


def test_the_report_says_that_the_portal_has_refused_requests():
    """It took longer than its least for that, and somebody else uses the address, or the tariff is another."""
    (_, last) = lines(replace(outcome(deals=entity(rows=300_000)), refused=6), SETTINGS)
    assert "130 requests, 6 of them refused for their rate (503); the least" in last


def test_the_floor_of_the_operating_limit_is_made_of_what_the_portal_reports():
    """A page of 0.2 s as it says: 6,000 of them are 1,200 s, of which 420 are free; what a client waited for them says nothing of that."""
    (_, last) = lines(outcome(seconds=2_000.0, costs={"crm.deal.list": 0.2}, deals=entity(rows=300_000, seconds=9_999.0, calls=9_999)), SETTINGS)
    assert "the least that the operating limit allows: 1114.3 s" in last
    (_, last) = lines(outcome(deals=entity(rows=300_000, seconds=640.0, calls=6_000)), SETTINGS)
    assert "the least that the portal's latency allows: 40.0 s" in last


def test_a_limit_that_was_only_assumed_is_named_with_the_way_out():
    """On an Enterprise portal it would be another."""
    (_, last) = lines(outcome(costs={"crm.deal.list": 0.001}, deals=entity(rows=300_000)), replace(SETTINGS, assumed=True))
    assert "the least that the request limit of the standard tariff (--tariff names another) allows: 35.0 s" in last


def test_a_run_that_is_not_whole_claims_no_floor():
    """It is that of the rows that came, and nobody knows how long the others would have taken."""
    (_, last) = lines(outcome(status="partial", deals=entity(rows=300_000)), SETTINGS)
    assert "the least" not in last


def test_the_report_of_a_mirror_counts_lines_and_news():
    """What lies on disk are lines, one for each change of a row; of a night, new and changed rows are counted, and gone ones; no floor is that of all lines."""
    said = lines(outcome(requests=4, seconds=2.0, deals=entity(rows=1_200, written=30, gone=2), leads=entity(rows=1, written=0, gone=0)), SETTINGS)
    assert ["deals", "1,200", "lines", "complete,", "exact"] == said[0].split()
    assert "  deals           30 rows new or changed, 2 gone" in said
    assert "complete: 30 rows new or changed, 2 gone, 1,201 lines on disk; 2.0 s, 4 requests" == said[-1]
    first = lines(outcome(deals=entity(rows=300_000, written=300_000, gone=0)), SETTINGS)
    assert "complete: 300,000 rows new or changed, 0 gone, 300,000 lines on disk; 45.0 s, 130 requests; the least that" in first[-1]


def test_a_resumed_run_claims_no_floor():
    """Part of its rows came earlier: the floor of all of them says nothing about it."""
    (_, last) = lines(outcome(resumed=True, deals=entity(rows=300_000)), SETTINGS)
    assert "the least" not in last


def test_a_run_without_requests_has_no_speed():
    """What was complete before is reported as it is."""
    (_, last) = lines(outcome(requests=0, deals=entity(rows=5)), SETTINGS)
    assert "complete: 5 rows" == last


def test_entities_that_were_not_asked_cost_no_request():
    """A skipped entity is no part of the floor."""
    asked = {f"e{place}": entity(rows=50) for place in range(50)}
    skipped = {f"s{place}": entity(calls=0) for place in range(5_000)}
    assert 0.0 == floor_of(outcome(**asked, **skipped), SETTINGS).rate


def test_the_summary_is_one_record():
    """A scheduler reads from it what happened, and why."""
    record = summary(outcome(5, "time is over", deals=entity(rows=7, status="partial", reason="why")))
    assert (5, "time is over", 7, 130) == (record["exit_code"], record["why"], record["rows"], record["requests"])
    assert {"deals": {"status": "partial", "rows": 7, "reason": "why"}} == record["entities"]
    assert "canary" not in str(record)


def test_what_events_came_to_is_said_where_they_were_asked_for():
    """How many, what they cost, and what there is to know; in the record as well."""
    one = outcome(deals=entity(rows=5))
    assert not [line for line in lines(one, SETTINGS) if line.startswith("events")]
    assert "events" not in summary(one)
    facts = {"taken": 1_200, "cleared": 1_100, "requests": 1, "note": None}
    one.manifest["events"] = facts
    assert "events: 1,200 taken, 1,100 cleared, 1 request" in lines(one, SETTINGS)
    assert facts == summary(one)["events"]
    one.manifest["events"] = {**facts, "requests": 3, "note": "WRONG_LICENSE: why"}
    assert "events: 1,200 taken, 1,100 cleared, 3 requests; WRONG_LICENSE: why" in lines(one, SETTINGS)
