"""What `floor` promises: a time below which no client can be, and the name of the limit that says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.floor import OPERATING_WINDOW, Floor, Work, floor, least, requests_for
from extractor.limits import STANDARD, Tariff

COUNTS = st.lists(st.integers(0, 10**7), max_size=20)
SECONDS = st.floats(0, 10**6)


@pytest.mark.parametrize(("rows", "requests"), [
    ([], 0), ([0], 1), ([2500], 1), ([2501], 2), ([1] * 50, 1), ([1] * 51, 2), ([100_000, 20_000, 20_000], 56),
])
def test_full_pages_in_full_batches(rows, requests):
    """An empty entity takes a page as well: somebody has to ask."""
    assert requests == requests_for(rows)


@given(COUNTS)
def test_the_entities_of_a_run_share_their_batches(counts):
    """So together they need no more requests than each for itself."""
    assert requests_for(counts) <= sum(requests_for([count]) for count in counts)
    assert 2500 * requests_for(counts) >= sum(counts)


@given(st.integers(0, 10**6), st.integers(1, 300), st.floats(0.01, 100))
def test_a_full_bucket_is_free_and_the_rest_drains(requests, burst, rate):
    """The portal's bucket takes the burst at once (portal.md, 4)."""
    assert max(0, requests - burst) / rate == floor(requests=requests, tariff=Tariff(burst, rate)).rate


def test_a_portal_without_a_bucket_has_no_rate():
    """Self-hosted: `unlimited`."""
    assert 0 == floor(requests=10**6, tariff=None).seconds


@pytest.mark.parametrize(("seconds", "limit", "expected"), [
    ([], 420, 0), ([419, 420], 420, 0), ([840], 420, 600), ([840, 840], 420, 600), ([1050, 5], 420, 900), ([420], 210, 600),
])
def test_the_heaviest_method_binds_and_its_first_budget_is_free(seconds, limit, expected):
    """Each method has a budget of its own, which comes back over ten minutes (LoadLimiter)."""
    assert expected == floor(requests=1, tariff=None, operating=seconds, operating_limit=limit).operating
    assert 600 == OPERATING_WINDOW


def test_waiting_is_spread_over_the_window():
    """Seconds in flight, side by side; at least one at a time."""
    assert 25 == floor(requests=1, tariff=None, latency=100, window=4).latency
    assert 100 == floor(requests=1, tariff=None, latency=100, window=0).latency


@given(SECONDS, SECONDS, SECONDS)
def test_the_largest_binds(rate, operating, latency):
    """Each limit binds alone; the name is that of the largest."""
    bounds = Floor(rate, operating, latency)
    assert max(rate, operating, latency) == bounds.seconds == getattr(bounds, bounds.bound)


@given(st.integers(0, 10**5), st.integers(0, 10**5))
def test_more_requests_take_no_less(requests, more):
    """A floor grows with the work."""
    assert floor(requests=requests, tariff=STANDARD).seconds <= floor(requests=requests + more, tariff=STANDARD).seconds


WORK = st.lists(st.builds(Work, st.integers(1, 50_000), st.sampled_from([0.0, 0.005, 0.04, 0.06, 0.1, 0.11, 0.3])), min_size=1, max_size=6)


@pytest.mark.parametrize(("pages", "seconds", "expected"), [
    (2_000, 0.2, 0), (2_100, 0.2, 0), (2_101, 0.2, 600), (4_200, 0.2, 600), (4_201, 0.2, 1200),
])
def test_the_budget_comes_back_in_steps_of_ten_minutes(pages, seconds, expected):
    """What is charged in the first minute is gone ten minutes later, and not before."""
    assert expected == int(least([Work(pages, seconds)], tariff=None, operating_limit=420, window=10**6).operating)


def test_a_page_that_is_not_charged_goes_past_the_budget():
    """A request of one page of 60 ms is not charged: 7,000 pages fit the budget, 1,110 of the requests of ten minutes take one more each."""
    (fits, more) = (least([Work(pages, 0.06)], tariff=STANDARD, operating_limit=420, window=10**6).operating for pages in (8_110, 8_111))
    assert fits <= 600 <= more
    assert 0 < fits


@pytest.mark.parametrize(("seconds", "pages"), [(0.0, 50), (0.005, 20), (0.05, 2), (0.06, 1), (0.1, 1), (0.101, 0)])
def test_how_many_pages_one_request_is_not_charged_for(seconds, pages):
    """As many as stay within 0.1 s together (LoadLimiter)."""
    assert pages == Work(1, seconds).uncharged


def test_what_is_left_after_a_step_is_computed_side_by_side():
    """Two methods with 100 s left after ten minutes take 200 s of the portal, in a window of four 50 s."""
    work = [Work(2_600, 0.2), Work(2_600, 0.2)]
    assert 650 == pytest.approx(least(work, tariff=None, operating_limit=420, window=4).operating)


@pytest.mark.parametrize(("pages", "seconds", "expected"), [
    (4_000, 0.0, 15.0), (4_000, 0.008, 15.4), (3_969, 0.008, 15.152), (4_001, 0.008, 15.508), (2_500, 0.02, 50.5 / 51),
])
def test_what_the_last_requests_carry_is_computed_after_they_have_left(pages, seconds, expected):
    """A batch's calls run one after another; a full one of 8 ms a page takes 0.4 s. In a second one may take a part of the work of the burst's fifty."""
    assert expected == pytest.approx(least([Work(pages, seconds)], tariff=STANDARD, operating_limit=None, window=10**6).rate, abs=1e-5)


@given(st.builds(Work, st.integers(1, 6_000), st.floats(0.001, 0.5)), st.builds(Tariff, st.integers(1, 60), st.floats(0.5, 5)), st.data())
def test_no_schedule_ends_before_the_rate_allows(work, tariff, data):
    """However pages are shared out among the requests that the bucket lets leave."""
    left, end, sent = work.pages, 0.0, 0
    while left:
        carried = min(left, data.draw(st.integers(1, 50)) if sent < 20 else 50)
        end = max(end, max(0, sent + 1 - tariff.burst) / tariff.per_second + carried * work.page_seconds)
        left, sent = left - carried, sent + 1
    assert least([work], tariff=tariff, operating_limit=None, window=10**6).rate <= end + 1e-6


@given(WORK, st.integers(1, 3_000), st.sampled_from([STANDARD, None]), st.sampled_from([420.0, None]))
def test_more_pages_take_no_less(work, more, tariff, limit):
    """The floor grows with the work, whatever binds."""
    def floor_of(some):
        return least(some, tariff=tariff, operating_limit=limit, window=16, latency=0.1).seconds

    assert floor_of(work) <= floor_of([*work[1:], Work(work[0].pages + more, work[0].page_seconds)]) + 1e-6


@given(WORK)
def test_without_a_limit_nothing_is_above_the_work_itself(work):
    """All seconds spread over the window, and a round trip."""
    bounds = least(work, tariff=None, operating_limit=None, window=16, latency=0.3)
    assert sum(one.seconds for one in work) / 16 + 0.3 == pytest.approx(bounds.seconds)
    assert 0 == bounds.operating
