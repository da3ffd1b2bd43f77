"""What is late: each id that was seen and is not known is asked for, in as few calls as there can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import late
from extractor.known import Known
from extractor.late import Late
from tests.paging.table import ASKED
from tests.test_gone import rows

NAME = ASKED.entity.name
IDS = st.sets(st.integers(1, 3_000), max_size=300)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Make what is known, in a file."""
    known = Known.open(tmp_path_factory.mktemp("late") / "known.sqlite")
    yield known
    known.close()


def ranges(known, seen, held, *, unread=()):
    """Tell the ranges that are asked for, a list for each round."""
    known.forget_all(NAME)
    known.see(NAME, seen)
    known.news(NAME, rows(*held), ASKED.entity.id)
    last, rounds = Late(ASKED, named=True, known=known, open_sink=list, unread=frozenset(unread)), []
    while run := last.ask():
        rounds.append([(span.cursor, span.high) for span in run.spans])
    return rounds


@given(IDS, IDS, IDS, st.sampled_from([1, 3, 2_000]))
def test_each_is_asked_for_once(known, seen, held, unread, size):
    """However many are asked for at a time; of what cannot be read, or is known, no range is made."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(late, "ROUND", size)
        rounds = ranges(known, seen, held, unread=unread)
    spans = [span for one in rounds for span in one]
    assert all(1 == sum(low < one <= high for low, high in spans) for one in seen - held - unread)
    assert all({low + 1, high} <= seen - held - unread for low, high in spans)
    assert all(50 >= sum(low < one <= high for one in seen) for low, high in spans), "a page each"
    assert max(map(len, rounds), default=0) <= size


def test_far_apart_and_alone_they_share_a_page(known):
    """What the portal shows between two ids is what fills a page, not how many numbers lie between them."""
    seen = range(100, 100_000, 1_000)
    assert [[(99, 49_100), (50_099, 99_100)]] == ranges(known, seen, ())


def test_nothing_is_asked_where_all_are_known(known):
    """A quiet night costs nothing."""
    assert [] == ranges(known, range(1, 500), range(1, 900))
