"""Which rows a verification reads again."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from extractor.messages import PAGE_SIZE
from extractor.samples import drawn, pages, windows

IDS = st.sets(st.integers(1, 3_000), max_size=400).map(sorted)


@given(IDS)
def test_pages_hold_every_id_once(ids):
    """Fifty rows each, but for the last."""
    cut = list(pages(ids))
    assert [[one for one in ids if low < one <= high] for low, high in cut] == [
        ids[place : place + PAGE_SIZE] for place in range(0, len(ids), PAGE_SIZE)]


@given(IDS, st.floats(0.001, 1))
def test_the_share_is_drawn_in_whole_pages(ids, share):
    """As many pages as the share is of all, rounded up, each once, ascending; the same ones again."""
    found = drawn(ids, len(ids), share)
    assert found == sorted(set(found)) == drawn(iter(ids), len(ids), share)
    assert set(found) <= set(pages(ids))
    assert share * len(ids) / PAGE_SIZE <= len(found) + 1e-9 < share * len(ids) / PAGE_SIZE + 1 + 1e-6


@given(IDS)
def test_windows_hold_every_id_and_begin_and_end_with_one(ids):
    """None is wider than a page of ids, and they do not overlap."""
    cut = list(windows(ids))
    assert ids == [one for low, high in cut for one in ids if low < one <= high]
    assert all(low + 1 in ids and high in ids and high - low <= PAGE_SIZE for low, high in cut)


@given(IDS)
def test_there_are_no_more_windows_than_needed(ids):
    """No two that follow each other would fit one."""
    cut = list(windows(ids))
    assert all(second[1] - first[0] > PAGE_SIZE for first, second in pairwise(cut))
