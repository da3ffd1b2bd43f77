"""What `audience` promises: an observer that raises is no longer one, and nothing else changes."""

import asyncio
import logging

import pytest

from extractor.audience import Audience
from extractor.errors import DiskFull
from extractor.events import Committed, ObserverFailed

SECRETIVE = ValueError("https://example.invalid/rest/1/k4n4ri3/")


def failing(at, error=SECRETIVE):
    """Make an observer that fails at its n-th event; `seen` is what it was told."""
    def observer(event):
        observer.seen.append(event)
        if len(observer.seen) == at:
            raise error
    observer.seen = []
    return observer


@pytest.mark.parametrize("error", [ValueError("no"), BrokenPipeError(), DiskFull("no room")], ids=lambda error: type(error).__name__)
def test_an_observer_that_raises_is_told_nothing_more(error):
    """The others are told everything, in order, and once that one of them is gone."""
    whole, broken, other = failing(0), failing(2, error), failing(0)
    audience = Audience([whole, broken, other])
    for rows in range(5):
        audience(Committed(rows))
    assert [Committed(0), Committed(1)] == broken.seen
    for one in (whole, other):
        assert [Committed(rows) for rows in range(5)] == [event for event in one.seen if isinstance(event, Committed)]
        (said,) = (event for event in one.seen if isinstance(event, ObserverFailed))
        assert type(error).__name__ in said.why


def test_all_of_them_may_fail(caplog):
    """Each at its first event, or at the news of another: it ends, and the last failure is in the log, without the error's words."""
    audience = Audience([failing(1), failing(1), failing(2)])
    with caplog.at_level(logging.ERROR):
        for rows in range(3):
            audience(Committed(rows))
    assert "<Audience of 0>" == repr(audience)
    assert "ValueError" in caplog.text
    assert "k4n4ri3" not in caplog.text


@pytest.mark.parametrize("end", [asyncio.CancelledError(), KeyboardInterrupt()], ids=lambda end: type(end).__name__)
def test_what_is_no_error_passes(end):
    """A cancellation that strikes while an observer is told is the run's, not the observer's."""
    audience = Audience([failing(1, end)])
    with pytest.raises(type(end)):
        audience(Committed(0))
    assert "<Audience of 1>" == repr(audience)
