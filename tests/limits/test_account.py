"""What `account` promises: the latest report is the truth, and estimates stand in for what it does not show yet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.limits.account import CELL, LAG, WINDOW, Account, Cells

SECONDS = st.floats(0, 100)
REPORTS = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 900)), min_size=1, max_size=20)


def charged(*requests: tuple[float, int, float]) -> Account:
    """Make an account with charges, each: answered when, how many calls, how many seconds exactly."""
    account = Account()
    account.report(0.0, 0.0)
    for answered, calls, seconds in requests:
        account.charge(answered, answered, calls, seconds, seconds)
    return account


@given(st.lists(SECONDS, max_size=30))
def test_cells_keep_a_charge_for_ten_minutes_and_hardly_longer(charges):
    """What came at the same moment leaves together: not before 600 s, at the latest a cell later."""
    cells = Cells()
    for seconds in charges:
        cells.add(7.0, seconds)
    cells.expire(7.0 + WINDOW)
    assert pytest.approx(sum(charges)) == cells.total
    cells.expire(7.0 + WINDOW + CELL)
    assert 0.0 == cells.total


@given(st.lists(st.tuples(st.floats(0, 700), SECONDS), max_size=30).map(sorted), SECONDS, st.floats(0, 700))
def test_cells_give_the_oldest_first(charges, wanted, before):
    """What is taken and what could not be are what was wanted; nothing younger is touched."""
    cells = Cells()
    for since, seconds in charges:
        cells.add(since, seconds)
    total = cells.total
    young = sum(seconds for leaves, seconds in cells.leaving() if leaves - WINDOW > before)
    lacking = cells.take(wanted, before)
    assert pytest.approx(wanted - lacking, abs=1e-6) == total - cells.total
    assert cells.total >= young - 1e-6


@given(REPORTS)
def test_whatever_the_order_of_reports_the_latest_wins(reports):
    """The counter stands at what the request that was sent last has read; no report is added to another."""
    account = Account()
    for sent, operating in reports:
        account.report(operating, sent)
    latest = max(sent for sent, _ in reports)
    expected = [operating for sent, operating in reports if sent == latest][-1]
    assert pytest.approx(expected, abs=1e-6) == account.used(latest)


def test_what_a_report_cannot_show_yet_is_added_to_it():
    """Five seconds were answered after the request that reports was sent."""
    account = charged((100.0, 50, 3.0), (110.0, 50, 5.0))
    account.report(3.0, 105.0)
    assert 8.0 == account.used(111.0)


def test_what_was_answered_just_before_may_be_missing_in_a_report():
    """The portal writes its store after the response."""
    account = charged((100.0, 50, 3.0))
    account.report(0.0, 100.0 + LAG / 2)
    assert 3.0 == account.used(101.0)


def test_what_was_answered_just_before_is_not_counted_twice():
    """A counter that has risen by as much says that it is there."""
    account = charged((100.0, 50, 3.0))
    account.report(3.0, 100.0 + LAG / 2)
    assert (3.0, 0.0) == (account.used(101.0), account.foreign.total)


def test_before_a_report_teaches_the_least_bound_counts():
    """Two calls took 0.3 s with their way, and fifty took 0.7 s: none of those takes 0.15 s. What is measured is no bound any more."""
    account = Account()
    account.charge(0.3, 0.0, 2, 0.0, 0.3)
    account.charge(1.0, 0.3, 50, 0.0, 0.7)
    account.charge(2.0, 1.0, 2, 0.0, 0.4)
    assert 0.014 == pytest.approx(account.cost)
    account.report(0.6, 9.0)
    measured = account.cost
    account.charge(10.0, 9.0, 50, 0.0, 0.1)
    assert measured == account.cost


def test_reports_teach_what_a_call_costs():
    """Fifty calls that show no cost of their own have raised the counter by 3 s."""
    account = Account()
    account.charge(1.0, 4.0, 50, 0.0, 5.0)
    assert 0.1 == account.cost
    for round_ in range(1, 30):
        account.report(3.0 * round_, 10.0 * round_)
        account.charge(10.0 * round_ + 1, 10.0 * round_ + 4, 50, 0.0, 5.0)
    assert account.cost == pytest.approx(0.06, abs=0.003)


def test_dear_calls_are_learnt_before_any_report():
    """Calls above 0.1 s show inside their own request: twenty of 2 s each."""
    account = charged((10.0, 50, 1.0))
    account.charge(20.0, 60.0, 20, 38.0, 40.0)
    assert account.cost is not None
    assert account.cost >= 0.9


def test_what_we_cannot_have_spent_is_foreign():
    """Another webhook shares the counter: believed at once, not laid to our calls."""
    account = charged((100.0, 50, 3.0))
    cost = account.cost
    account.report(203.0, 200.0)
    assert pytest.approx(203.0) == account.used(200.0)
    assert pytest.approx(200.0) == account.foreign.total
    assert cost == account.cost


def test_a_minute_that_the_portal_dropped_is_believed_before_it_is_due():
    """The portal forgets whole minutes, up to sixty seconds before we would."""
    account = charged((10.0, 50, 30.0), (300.0, 50, 20.0))
    account.report(50.0, 400.0)
    account.report(20.0, 562.0)
    assert 20.0 == account.used(562.0)
    assert 20.0 == account.used(890.0)
    assert 0.0 == account.used(906.0)


def test_what_is_old_enough_to_be_dropped_is_dropped_first():
    """Ours of eight minutes ago have left, not the foreign ones of which we heard a minute ago."""
    account = charged((10.0, 50, 30.0))
    account.report(130.0, 500.0)
    account.report(100.0, 562.0)
    assert (0.0, 100.0) == (account.own.total, pytest.approx(account.foreign.total))


def test_a_stale_report_changes_nothing():
    """An answer that took long reports what was, not what is."""
    account = charged((100.0, 50, 30.0))
    account.report(30.0, 200.0)
    account.report(0.0, 50.0)
    assert 30.0 == account.used(201.0)


@given(st.lists(st.tuples(st.floats(0, 60), st.integers(1, 50), SECONDS, st.none() | st.floats(0, 900)), max_size=40))
def test_an_account_never_owes(events):
    """Whatever is charged and reported, seconds are not negative, and after the window they are gone."""
    account, now = Account(), 0.0
    for pause, calls, seconds, operating in events:
        now += pause
        account.charge(now, now, calls, 0.0, seconds)
        if operating is not None:
            account.report(operating, now)
        assert account.used(now) >= -1e-6
        assert account.cost is not None
        assert account.cost >= 0
    assert account.used(now + 2 * WINDOW) == pytest.approx(0, abs=1e-6)
