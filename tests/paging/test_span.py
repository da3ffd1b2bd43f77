"""What `span` promises: whatever is asked of a span, its ids are handed over, inside it, or in what it gave away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ContractBroken
from extractor.paging.span import Span, ids_of

IDS = st.lists(st.integers(1, 400), unique=True, max_size=150).map(sorted)


def rows(ids):
    """Make rows of ids, as text, as old methods send them."""
    return [{"ID": str(one)} for one in ids]


def inside(span, ids):
    """Choose the ids that a span still holds."""
    return [] if span.closed else [one for one in ids if one > span.cursor and (span.high is None or one <= span.high)]


@given(IDS, st.sampled_from([400, None]), st.data())
def test_no_id_is_lost_or_doubled_by_takes_and_splits(ids, high, data):
    """Spans stay disjoint; what was kept and what is left are all ids, after every step (Rules 1 and 2)."""
    spans, kept = [Span(0, high, 400)], []
    while live := [span for span in spans if not span.closed]:
        span = data.draw(st.sampled_from(live))
        low = span.cursor
        page = [one for one in ids if one > low][: data.draw(st.integers(1, 50))]
        if span.until - low > 4 and len(spans) < 9:  # while the page is under way
            spans += [span.split(data.draw(st.integers(0, 60)), data.draw(st.integers(0, 90))) for _ in range(data.draw(st.integers(0, 2)))]
            if span.until - low > 4 and data.draw(st.booleans()):
                spans.append(span.keep(data.draw(st.integers(1, span.until - low - 1))))
        kept += ids_of(span.take(rows(page), "ID", low=low, high=None), "ID")
        assert ids == sorted([*kept, *(one for span in spans for one in inside(span, ids))])


def test_an_upper_half_begins_where_the_lower_ends():
    """A split cuts at the middle of the ids that are left; the open end goes with the upper half."""
    span = Span(100, None, 300)
    upper = span.split()
    assert (100, 200, 200) == (span.cursor, span.high, span.until)
    assert (200, None, 300) == (upper.cursor, upper.high, upper.until)


@pytest.mark.parametrize(("coming", "piece", "middle"), [
    (0, 120, 444), (100, 100, 500), (300, 100, 600), (0, 450, 333), (500, 500, 500), (500, 250, 750), (100, 0, 550),
])
def test_halves_are_of_whole_pieces(coming, piece, middle):
    """What one request reads is not cut in two: of nine such pieces four stay, and one alone is given away."""
    span = Span(0, 1_000, 1_000)
    span.others.add(1_000_000, 1_000_000)  # a row under every id
    assert middle == span.split(coming, piece).cursor == span.high


def test_copies_of_an_id_are_kept_once():
    """A BINDINGS join brings one activity as several adjacent rows (crm_activity.php, no page dedupe)."""
    span = Span(0, 90, 90)
    assert [1, 2, 5] == ids_of(span.take(rows([1, 1, 2, 5, 5, 5]), "ID", low=0, high=None), "ID")
    assert 5 == span.cursor


def test_rows_above_a_lowered_end_are_dropped():
    """The upper half was given away while the page was under way: another pager reads it."""
    span = Span(0, 100, 100)
    span.split()
    assert [10, 50] == ids_of(span.take(rows([10, 50, 51, 99]), "ID", low=0, high=None), "ID")
    assert span.closed


def test_a_page_that_crosses_the_upper_end_closes_the_span():
    """Ids ascend: whatever lies below the last row was in the page."""
    span = Span(0, 100, 100)
    span.take(rows([10, 100]), "ID", low=0, high=None)
    assert span.closed


def test_a_short_page_proves_nothing():
    """Joins, and rows that were deleted between the portal's two queries, make short pages in the middle."""
    span = Span(0, 100, 100)
    span.take(rows([10]), "ID", low=0, high=None)
    assert not span.closed


def test_an_empty_page_closes_the_span():
    """Nothing lies above the cursor."""
    span = Span(0, None, 100)
    assert [] == span.take([], "ID", low=0, high=None)
    assert span.closed


@pytest.mark.parametrize("page", [[5], [4, 11], [11, 31], [31]])
def test_a_page_outside_what_was_asked_is_refused(page):
    """A filter key in the wrong case vanishes without an error (internalizeFilterFields): page 1 of the table again."""
    span = Span(5, 30, 30)
    with pytest.raises(ContractBroken, match=r"above 5 up to 30.*ignored the condition"):
        span.take(rows(page), "ID", low=5, high=30)
    assert 5 == span.cursor


def test_a_page_in_another_order_is_refused():
    """A mistyped order means DESC, or none (CSqlUtil::PrepareSql): the last row is not the highest id then."""
    span = Span(0, None, 100)
    with pytest.raises(ContractBroken, match="ignored the order"):
        span.take(rows([3, 2, 9]), "ID", low=0, high=None)
    assert 0 == span.cursor


def test_rows_from_above_are_kept_once_and_lower_the_end():
    """What a deletion pulled down comes a second time, and lies above what is left by then."""
    span = Span(10, 100, 100)
    assert [60, 70] == sorted(ids_of(span.take_down(rows([5, 60, 70, 60, 101]), "ID"), "ID"))
    assert (10, 59, 59) == (span.cursor, span.high, span.until)
    assert [40] == ids_of(span.take_down(rows([40, 60]), "ID"), "ID")


def test_nothing_from_above_moves_nothing():
    """A page whose rows have all been read is no news of what lies below."""
    span = Span(10, 50, 50)
    assert [] == span.take_down(rows([10, 51]), "ID")
    assert 50 == span.high


@given(st.integers(1, 10**6), st.floats(0.001, 1))
def test_rows_left_are_expected_from_the_density(width, density):
    """Before anything was seen, the prior is all that there is."""
    assert width * density == pytest.approx(Span(0, width, width, density).rows_left())


def test_the_density_follows_what_comes():
    """After many thin pages the prior of one page weighs little."""
    span = Span(0, 100_000, 100_000)
    for page in range(20):
        span.take(rows(range(page * 5000 + 100, page * 5000 + 5001, 100)), "ID", low=span.cursor, high=None)
        span.closed = False
    span.cursor = 0
    assert 1000 == pytest.approx(span.rows_left(), rel=0.06)


@pytest.mark.parametrize(("high", "until"), [(20, 20), (None, 5)])
def test_nothing_is_expected_of_a_span_at_its_end(high, until):
    """An open span may have gone beyond the last id that was known."""
    span = Span(10, high, until)
    span.closed = high is not None
    assert 0 == span.rows_left()


@pytest.mark.parametrize("row", [{}, {"id": 5}, {"ID": None}, {"ID": "x"}, {"ID": ""}, {"ID": []}, {"ID": "9" * 5000}])
def test_a_row_without_a_readable_id_is_refused(row):
    """Without its id nothing is known of where a row stands."""
    with pytest.raises(ContractBroken, match="'ID'"):
        ids_of([{"ID": "1"}, row], "ID")


def test_ids_are_read_from_texts_and_numbers():
    """Old methods send strings, controllers send ints (portal.md, ids)."""
    assert [5, 7] == ids_of([{"ID": "5"}, {"ID": 7}], "ID")
