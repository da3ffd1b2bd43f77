"""What a page of metrics says, as Prometheus reads it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from extractor.events import CallFailed, Committed, RequestAnswered
from extractor.metrics import FAMILIES, Ended, Tally, page
from extractor.sandbox.faults import at, refused
from tests.trials import Trial

PORTAL, FOLDER = "example.bitrix24.com", "mirror"
ABOUT = {"portal": PORTAL, "folder": FOLDER}
DEALS = {"rows": 70, "written": 4, "gone": 1, "watermark": "2026-11-24T03:00:00+03:00"}
MIDNIGHT = 1795478400  # of that moment, in UTC


def ended(exit_code=0, at=MIDNIGHT + 90.5, **more):
    """End a run."""
    return Ended(**{"portal": PORTAL, "folder": FOLDER, "exit_code": exit_code, "at": at, "seconds": 61.25, **more})


def samples(text):
    """Read a page: values by name and labels, but for the portal's and the folder's, which each of them has."""
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            assert ABOUT.items() <= one.labels.items()
            found[one.name, *(value for key, value in one.labels.items() if key not in ABOUT)] = one.value
    return found


def test_a_page_says_it_all():
    """What lies on disk, what the run cost, how it ended and when."""
    tally = Tally(rate=2, operating=1, retries=5)
    assert {
        ("b24x_rows_total", "deals"): 70,
        ("b24x_written_rows", "deals"): 4,
        ("b24x_gone_rows", "deals"): 1,
        ("b24x_watermark_timestamp_seconds", "deals"): MIDNIGHT,
        ("b24x_watermark_age_seconds", "deals"): 90.5,
        ("b24x_rows_total", "tasks"): 3,
        ("b24x_operating_window_seconds", "crm.deal.list"): 12.346,
        ("b24x_run_requests",): 9,
        ("b24x_run_refusals", "rate"): 2,
        ("b24x_run_refusals", "operating"): 1,
        ("b24x_run_retries",): 5,
        ("b24x_run_duration_seconds",): 61.25,
        ("b24x_run_exit_code",): 0,
        ("b24x_last_run_timestamp_seconds",): MIDNIGHT + 90.5,
        ("b24x_last_success_timestamp_seconds",): MIDNIGHT + 90.5,
    } == samples(page(ended(requests=9, entities={"deals": DEALS, "tasks": {"rows": 3}}, operating={"crm.deal.list": 12.3456}), tally))


def test_a_run_that_failed_forgets_nothing():
    """The last success stays, and what lies on disk, whose age goes on; of what the run did nothing is kept."""
    good = page(ended(requests=9, entities={"deals": DEALS}), Tally())
    bad = page(ended(3, at=MIDNIGHT + 100), Tally(), good)
    assert {
        ("b24x_rows_total", "deals"): 70,
        ("b24x_watermark_timestamp_seconds", "deals"): MIDNIGHT,
        ("b24x_watermark_age_seconds", "deals"): 100,
        ("b24x_run_exit_code",): 3,
        ("b24x_run_requests",): 0,
        ("b24x_run_retries",): 0,
        ("b24x_run_refusals", "rate"): 0,
        ("b24x_run_refusals", "operating"): 0,
        ("b24x_run_duration_seconds",): 61.25,
        ("b24x_last_run_timestamp_seconds",): MIDNIGHT + 100,
        ("b24x_last_success_timestamp_seconds",): MIDNIGHT + 90.5,
    } == samples(bad)
    assert page(ended(3, at=MIDNIGHT + 100), Tally(), bad) == bad


def test_a_first_run_that_failed_has_no_success():
    """Nobody makes one up."""
    assert not [key for key in samples(page(ended(4, entities={"deals": DEALS}), Tally())) if "success" in key[0]]


def test_anothers_page_is_not_kept():
    """Of another folder, or of something else altogether."""
    other = page(ended(folder="mirror2", entities={"deals": DEALS}), Tally())
    for before in (other, "b24x_rows_total{" + '}" x\n', 'b24x_rows_total{portal="example.bitrix24.com",folder="mirror"} many\n', "\0"):
        assert page(ended(3), Tally()) == page(ended(3), Tally(), before)


def test_observed_events_are_counted():
    """Requests that were refused for the rate, calls for their method's seconds, and every call that went again."""
    tally = Tally()
    for event in (RequestAnswered(50, 0, 1.0, "RateLimited"), RequestAnswered(50, 0, 1.0, "NotJson"), RequestAnswered(50, 9, 1.0), Committed(9),
                  CallFailed("deals", "OperatingLimited", 1, 60.0), CallFailed("deals", "RateLimited", 1, 0.0)):
        tally(event)
    assert Tally(rate=1, operating=1, retries=2) == tally


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\0"), max_size=8)


@given(NAMES, st.dictionaries(NAMES, st.integers(0, 2**53), max_size=3), st.dictionaries(NAMES, st.floats(0, 1e6), max_size=3))
def test_every_page_is_in_the_format(folder, rows, operating):
    """Whatever names there are: each family is described once, its samples stand together, none comes twice, and values are what they were."""
    text = page(ended(folder=folder, entities={name: {"rows": count} for name, count in rows.items()}, operating=operating), Tally())
    families = list(text_string_to_metric_families(text))
    assert all(FAMILIES[one.name][1] == one.documentation for one in families)
    assert len({one.name for one in families}) == len(families)
    found = [(one.name, *sorted(one.labels.items())) for family in families for one in family.samples]
    assert {1} == set(Counter(found).values())
    assert {one.labels["folder"] for family in families for one in family.samples} == {folder}
    assert rows == {one.labels["entity"]: one.value for family in families for one in family.samples if one.name == "b24x_rows_total"}
    used = {one.labels["method"]: one.value for family in families for one in family.samples if one.name == "b24x_operating_window_seconds"}
    assert {name: round(value, 3) for name, value in operating.items()} == used
    assert text.endswith("\n")


@pytest.mark.parametrize(("status", "code", "counted"), [
    (503, "QUERY_LIMIT_EXCEEDED", "rate"), (429, "OPERATION_TIME_LIMIT", "operating"), (500, "INTERNAL_SERVER_ERROR", None)])
async def test_refusals_of_a_run_are_counted(tmp_path, status, code, counted):
    """What the engine tells of a request that the portal refuses is what a tally counts."""
    trial, tally = Trial(tmp_path / "out", rows={"deals": 300}, faults=at({2: refused(status, code)})), Tally()
    assert 0 == (await trial.dump("deals", observers=[tally]).run()).exit_code
    assert [counted == "rate", counted == "operating"] == [tally.rate > 0, tally.operating > 0]
    assert tally.retries > 0
