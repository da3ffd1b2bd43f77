"""What `planner` promises: two uncounted calls tell how far an entity reaches, and how it is best cut."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ContractBroken
from extractor.messages import Page
from extractor.paging.span import Span
from extractor.planner import ONE_BATCH, opening, probe
from extractor.question import Question
from tests.paging.table import ASKED, THINGS, Table, ids, read, walk

THIN = range(1, 600_000, 300)  # 2000 rows
DENSE = range(1, 50_000)
IDS = st.one_of(
    st.sets(st.integers(1, 5000), max_size=300), st.sets(st.integers(1, 10**12), max_size=300),
    st.builds(lambda first, count: range(first, first + count), st.integers(1, 10**9), st.integers(0, 300)),
)


UNCHAINED = Question(replace(THINGS, counts_always=True))


def plan(question, some):
    """Probe a table; gives its parts and the `start` of every call that it took."""
    table = Table(some)
    kept, parts = walk(probe(question), table.answer)
    assert table.ids[:50] == kept
    return parts, [call.params["start"] for call in table.calls]


@given(IDS, st.sampled_from(["auto", "offset", "keyset"]), st.booleans())
def test_every_id_comes_once_whichever_way_it_is_read(some, paging, counts):
    """Dense, thin, single or empty: what the parts bring beside the first page is everything, once."""
    question = Question(replace(THINGS, counts_always=counts), paging=paging)
    assert sorted(some) == sorted(read(question, Table(some).answer))


@given(IDS)
def test_parts_are_disjoint_and_reach_without_end(some):
    """From the first page's end to infinity, each id in one part (Rule 1 of `span`)."""
    parts, _ = plan(ASKED, some)
    if parts:
        assert sorted(some)[49] == parts[0].span.cursor
        assert [part.span.high for part in parts[:-1]] == [part.span.cursor for part in parts[1:]]
        assert parts[-1].span.high is None


def test_the_probe_asks_for_the_last_id_first():
    """Whatever existed when the last id was read lies at or below it; the open part catches what is appended later."""
    last, first = next(probe(ASKED)).calls
    assert ({"ID": "DESC"}, -1, ["ID"]) == (last.params["order"], last.params["start"], last.params["select"])
    assert ({"ID": "ASC"}, -1, ["*"]) == (first.params["order"], first.params["start"], first.params["select"])


def test_what_is_appended_behind_the_probe_is_caught():
    """The open part begins at the last id that was known."""
    table = Table(range(1, 101))

    def answer(call):
        page = table.answer(call)
        table.copies |= {100 + len(table.calls): 1} if len(table.calls) <= 2 else {}
        return page

    assert [*range(1, 103)] == sorted(read(ASKED, answer))


@pytest.mark.parametrize("count", [0, 1, 49, 50])
def test_a_set_of_one_page_is_done_with_the_probe(count):
    """The first page reaches the last id: nothing to cut, nothing to confirm."""
    assert ((), [-1, -1]) == plan(ASKED, range(1, count + 1))


def test_a_short_first_page_does_not_end_a_set():
    """Only the last id says how far it reaches."""
    pager = probe(ASKED)
    next(pager)
    with pytest.raises(StopIteration) as end:
        pager.send([Page([{"ID": "90"}]), Page([{"ID": "3"}, {"ID": "5"}])])
    assert [3, 5] == ids(end.value.value.rows)
    assert (5, None) == (end.value.value.parts[0].span.cursor, end.value.value.parts[-1].span.high)


@pytest.mark.parametrize("some", [range(1, 2000), range(1, 2500, 5), DENSE, range(1, 600_000, 30)])
def test_nothing_is_counted_unless_offsets_are_in_question(some):
    """COUNT alone takes longer than a request may live on millions of rows (huge-data.md)."""
    parts, starts = plan(ASKED, some)
    assert [-1, -1] == starts
    assert {None} == {part.total for part in parts}


def test_a_thin_set_of_one_batch_is_read_by_offsets():
    """2,000 rows over 600,000 ids: 40 pages, where spans would need a call for every empty stretch."""
    parts, starts = plan(ASKED, THIN)
    assert [-1, -1, 0] == starts
    assert [2000, None] == [part.total for part in parts]


def test_a_set_that_is_counted_larger_than_a_batch_goes_by_ids():
    """Only one batch is read in one go; the first page had promised fewer."""
    parts, _ = plan(ASKED, [*range(1, 15_000, 300), *range(15_000, 600_000, 100)])
    assert {None} == {part.total for part in parts}


@pytest.mark.parametrize("question", [
    Question(THINGS, filter={">=DATE_MODIFY": "2024-01-01"}), Question(THINGS, filter={"BINDINGS": [{"OWNER_TYPE_ID": 2}]}),
    Question(THINGS, filter={">=DATE_MODIFY": "2024-01-01"}, paging="offset"), Question(THINGS, paging="keyset"),
    Question(replace(THINGS, counts_always=True)),
], ids=["moving", "bindings", "moving, by wish", "by wish", "counts always"])
def test_offsets_are_not_for_every_set(question):
    """A row that enters from the side shifts others into a page that was read already, whatever the user wishes."""
    parts, starts = plan(question, THIN)
    assert [-1, -1] == starts
    assert {None} == {part.total for part in parts}


def test_offsets_are_used_where_they_are_wished_for():
    """`--paging offset`: one part with the total, however large, and the open end by ids."""
    parts, _ = plan(Question(THINGS, paging="offset"), range(1, 5001))
    assert [(50, 5000, 5000), (5000, None, None)] == [(part.span.cursor, part.span.high, part.total) for part in parts]


def test_offsets_without_a_total_are_given_up():
    """A method that counts nothing goes by ids."""
    table = Table(range(1, 5001))
    _, parts = walk(probe(Question(THINGS, paging="offset")), lambda call: replace(table.answer(call), total=None))
    assert {None} == {part.total for part in parts}


@given(st.integers(51, ONE_BATCH + 50))
def test_a_small_span_of_ids_is_cut_into_single_pages(count):
    """At most fifty ids each: all pages of a small set go side by side, none waits for another."""
    parts, _ = plan(ASKED, range(1, count + 1))
    assert all(part.span.high - part.span.cursor <= 50 for part in parts[:-1])
    assert -(-(count - 50) // 50) == len(parts) - 1


@given(st.integers(ONE_BATCH + 51, 20_000))
def test_a_large_set_is_cut_evenly(count):
    """As many spans as a batch carries where pages cannot be chained, if each has two: the call that confirms its end is a third at most."""
    parts, _ = plan(UNCHAINED, range(1, count + 1))
    widths = [high.span.cursor - low.span.cursor for low, high in pairwise(parts)]
    assert max(widths) - min(widths) <= 1
    assert min(50, (count - 50) // 100) == len(widths)


@given(st.integers(ONE_BATCH + 51, 20_000))
def test_a_set_whose_pages_can_be_chained_is_not_cut_beforehand(count):
    """One span up to the last id, and one without end: where a request lacks calls, there is still time to split."""
    parts, _ = plan(ASKED, range(1, count + 1))
    assert [(50, count), (count, None)] == [(part.span.cursor, part.span.high) for part in parts]


@pytest.mark.parametrize(("paging", "calls"), [("keyset", 2), ("next", 1), ("single", 1)])
def test_every_entity_has_an_opening(paging, calls):
    """What the catalog says of a method's paging decides."""
    assert calls == len(next(opening(Question(replace(THINGS, paging=paging)))).calls)


def test_the_density_of_the_first_page_is_the_estimate():
    """One row in 300 ids: that is what is expected of the rest."""
    parts, _ = plan(Question(THINGS, paging="keyset"), THIN)
    assert 1950 == pytest.approx(sum(part.span.rows_left() for part in parts), rel=0.02)
    assert isinstance(parts[0].span, Span)


@pytest.mark.parametrize("blank", [0, 1])
def test_a_probe_whose_halves_contradict_each_other_is_asked_again(blank):
    """A last id without rows, or rows without a last id: one of the two pages is a lie, and none is believed."""
    table, asks = Table(range(1, 200)), probe(ASKED)
    ask = next(asks)
    pages = [table.answer(call) for call in ask.calls]
    pages[blank] = Page(())
    assert ask.calls == asks.send(pages).calls


NEWEST = replace(ASKED, filter={">ID": 395})


def test_a_last_id_that_was_not_asked_for_is_refused():
    """The answer to something else may be below what was asked for: believed, it would end an entity with its first page."""
    table, asks = Table(range(1, 900)), probe(NEWEST)
    ask = next(asks)
    answer = table.answer(replace(ASKED, filter={"<=ID": 281}).last_id())
    with pytest.raises(ContractBroken, match=r"above 395, the portal sent 232 to 281"):
        asks.send([answer, table.answer(ask.calls[1])])


def test_a_last_id_below_the_first_one_is_asked_for_again():
    """Between the two calls all may go, and others come; a portal that goes on to say so is not believed."""
    table, asks = Table(range(1, 900)), probe(ASKED)
    ask = next(asks)
    first = Page([{"ID": "500"}])
    for _ in range(4):
        assert ask.calls == (ASKED.last_id(), ASKED.window(None, None))
        pages = [table.answer(replace(ASKED, filter={"<=ID": 281}).last_id()), first]
        try:
            ask = asks.send(pages)
        except ContractBroken as error:
            assert "knows the id 281, and answers with 500 and above" in str(error)  # noqa: PT017 - which of the asks it is, is of no matter
            break
    else:
        pytest.fail("it was believed")
