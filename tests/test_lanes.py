"""Which rows a mirror reads tonight: nothing stays unread for longer than the time that was set."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog
from extractor.lanes import advanced, lanes
from extractor.question import Question

DEALS = Question(catalog()["deals"])
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NIGHTS = st.lists(st.tuples(st.integers(1, 100), st.integers(0, 4_000)), min_size=1, max_size=30)


@given(NIGHTS, st.integers(0, 200))
def test_everything_is_read_again_in_time(nights, hours):
    """However far the nights lie apart and the ids grow: in each night, what was read `full_every` ago is read again."""
    full_every, now, last = dt.timedelta(hours=hours), BEGIN, 5_000
    standing = advanced(None, now, last, lanes(DEALS, None, now, known=0, deletes=False, full_every=full_every), reach=last)
    read = [now] * last
    for wait, born in nights:
        now, last = now + dt.timedelta(hours=wait), last + born
        found = lanes(DEALS, standing, now, known=last, deletes=False, full_every=full_every)
        pieces = [range(one.low, one.high) for one in found if one.kind == "again"]
        assert all(now - when < full_every or any(place in piece for piece in pieces) for place, when in enumerate(read))
        for piece in pieces:
            read[piece.start : piece.stop] = [now] * len(piece)
        read += [now] * born
        standing = advanced(standing, now, last, found, reach=last)


def test_pieces_are_a_share_each():
    """Seven nights of a week read a seventh each, and then it begins anew."""
    now, last = BEGIN, 7_000
    standing, pieces = advanced(None, now, last, lanes(DEALS, None, now, known=0, deletes=False, full_every=None), reach=last), []
    for _ in range(8):
        now += dt.timedelta(days=1)
        found = lanes(DEALS, standing, now, known=last, deletes=False, full_every=dt.timedelta(days=7))
        pieces += [(one.low, one.high) for one in found if one.kind == "again"]
        standing = advanced(standing, now, last, found, reach=last)
    assert [*((one, one + 1_000) for one in range(0, 7_000, 1_000)), (0, 1_000)] == pieces
