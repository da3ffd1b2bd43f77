"""What `floor` promises: a time below which no client can be, and the name of the limit that says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.floor import OPERATING_WINDOW, Floor, floor, requests_for
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
