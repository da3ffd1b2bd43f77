"""What `waits` promises: whoever sees a run stand still is told what for."""

import pytest

from extractor.catalog import catalog
from extractor.errors import ConnectionLost
from extractor.question import Question
from extractor.scheduler import Scheduler
from extractor.waits import cause


@pytest.fixture
def paused():
    """Make listings of deals and contacts whose calls have failed; those of deals may go again at 30, of contacts at 50."""
    scheduler = Scheduler()
    listings = [scheduler.add(Question(catalog()[name]))[0] for name in ("deals", "contacts")]
    for ticket in scheduler.take(0.0, 10, room=lambda _: 9, weight=lambda _: 0.02):
        scheduler.failed(ticket, ConnectionLost("cut"), 30.0 if ticket.job.listing is listings[0] else 50.0)
    return listings


@pytest.mark.parametrize(("free", "words"), [
    ({}, "before another attempt at deals"),
    ({"crm.deal.list": 40.0}, "for the operating limit of crm.deal.list"),
    ({"crm.deal.list": 90.0}, "before another attempt at contacts"),
    ({"crm.deal.list": 90.0, "crm.contact.list": 80.0}, "for the operating limit of crm.contact.list"),
], ids=str)
def test_the_next_call_is_what_counts(paused, free, words):
    """The call that may go first says what it waits for: the limit of its method, or its own pause."""
    assert words == cause(paused, 10.0, lambda method: free.get(method, 10.0))


def test_nothing_but_answers(paused):
    """With no call left to wait there is nothing else to wait for."""
    assert "for answers" == cause([], 10.0, lambda _: 10.0)
