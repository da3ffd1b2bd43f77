"""What `idrange` promises: every id of a span once, whatever the pages look like and whatever moves meanwhile."""

import random
import weakref
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ContractBroken
from extractor.messages import Page
from extractor.paging.idrange import ascend
from extractor.paging.span import Span
from extractor.question import Question
from tests.paging.table import ASKED, THINGS, Table, ids, walk

IDS = st.one_of(
    st.sets(st.integers(1, 300), max_size=200),  # dense
    st.sets(st.integers(1, 10**12), max_size=120),  # thin, with huge gaps
    st.builds(lambda first, count: set(range(first, first + count)), st.integers(1, 10**9), st.integers(0, 200)),
)
COUNTING = Question(replace(THINGS, counts_always=True))  # requisites


@given(IDS, st.integers(0, 400), st.integers(0, 10**12) | st.none(), st.sampled_from([ASKED, COUNTING]))
def test_every_id_of_a_span_comes_once(some, low, high, question):
    """Dense or thin, closed or open, bounded calls or not: what lies in (low, high] and nothing else, in order."""
    some = {*some, 10**13}  # a table that is empty as a whole is another matter: rights may have been taken away
    kept, parts = walk(ascend(question, Span(low, high, high or low)), Table(some).answer)
    assert sorted(one for one in some if low < one and (high is None or one <= high)) == kept
    assert () == parts


@given(IDS, st.dictionaries(st.integers(1, 300), st.integers(2, 120), max_size=20), st.booleans())
def test_copies_are_kept_once_wherever_the_page_cuts_them(some, copies, folded):
    """Up to a hundred rows of one id (max_bindings_count), shown to us or folded away after the cut: none hides another."""
    table = Table(some, copies=copies, folded=folded)
    kept, _ = walk(ascend(ASKED, Span(0, None, 300)), table.answer)
    assert table.ids == kept


@given(IDS, st.integers(0, 2**32))
def test_whatever_moves_meanwhile_what_stays_comes_once(some, seed):
    """Rows that are deleted, appended or restored between two calls shift nothing under the cursor."""
    chance, table, gone = random.Random(seed), Table(some), set()

    def answer(call):
        for one in chance.sample(table.ids, min(3, len(table.ids))):
            del table.copies[one]
            gone.add(one)
        table.copies |= {chance.randrange(1, 400): 1 for _ in range(2 if len(table.calls) < 9 else 0)}
        return table.answer(call)

    kept, _ = walk(ascend(ASKED, Span(0, None, 300)), answer)
    assert sorted(set(kept)) == kept
    assert some - gone <= set(kept)


@given(st.sets(st.integers(1, 300), min_size=1), st.integers(0, 2**32))
def test_short_pages_in_the_middle_lose_nothing(some, seed):
    """The controllers read ids first and rows after: what was deleted between is missing (Factory::getItems)."""
    chance, table = random.Random(seed), Table(some)

    def answer(call):
        page = table.answer(call)
        return Page(page.rows[: chance.randint(1, 50)], page.total)

    assert (table.ids, ()) == walk(ascend(ASKED, Span(0, 300, 300)), answer)


def test_an_open_span_ends_on_an_empty_page():
    """Nothing but an empty page says that nothing lies above."""
    table = Table(range(1, 51))
    walk(ascend(ASKED, Span(0, None, 50)), table.answer)
    assert [{">ID": 0}, {">ID": 50}] == [call.params["filter"] for call in table.calls]


def test_the_page_that_crosses_the_end_is_the_last():
    """No call is spent on confirming that nothing is left: half full pages of a closed span cost one call."""
    table = Table(range(1, 1000, 4))
    walk(ascend(ASKED, Span(0, 100, 100)), table.answer)
    assert [{">ID": 0}] == [call.params["filter"] for call in table.calls]


def test_nothing_is_counted():
    """On millions of rows COUNT takes longer than a request may live (49.9 s on 2.39 million, huge-data.md)."""
    table = Table(range(1, 200))
    walk(ascend(ASKED, Span(0, None, 199)), table.answer)
    assert {-1} == {call.params["start"] for call in table.calls}


def test_a_method_that_reads_the_whole_set_is_given_the_bound():
    """Requisites read all that the filter lets through for every page (CCrmRequisiteRestProxy::getList)."""
    table = Table(range(1, 1000))
    walk(ascend(COUNTING, Span(0, 60, 60)), table.answer)
    assert [{">ID": 0, "<=ID": 60}, {">ID": 50, "<=ID": 60}] == [call.params["filter"] for call in table.calls]


@pytest.mark.parametrize(("width", "calls"), [(49, 1), (50, 1), (51, 2), (100, 2), (101, 3)])
def test_a_bounded_page_of_at_most_fifty_ids_is_the_whole_answer(width, calls):
    """It cannot have been cut; one id more, and it can."""
    table = Table(range(1, 500))
    assert list(range(101, 101 + width)) == walk(ascend(COUNTING, Span(100, 100 + width, 100 + width)), table.answer)[0]
    assert calls == len(table.calls)


def test_a_call_names_the_end_as_it_was_when_it_was_asked():
    """A span that is split while its bounded page is under way is no breach of contract by the portal."""
    span = Span(0, 200, 200)
    pager = ascend(COUNTING, span)
    next(pager)
    span.split()
    with pytest.raises(StopIteration) as end:
        pager.send([Page([{"ID": str(one)} for one in (90, 120, 150)])])
    assert [90] == ids(end.value.value.rows)


@pytest.mark.parametrize("rows", [[10], [1, 99], [300, 299]])
def test_a_page_that_does_not_answer_ends_the_walk(rows):
    """A dropped condition or order would lose rows in silence, or never end."""
    pager = ascend(ASKED, Span(10, 100, 100))
    next(pager)
    with pytest.raises(ContractBroken):
        pager.send([Page([{"ID": str(one)} for one in rows])])


def test_a_pager_that_waits_holds_no_rows():
    """Hundreds of spans are read side by side: what a pager has handed over is not kept by it."""
    class Watched(list):
        """Rows whose end can be seen."""

    pager = ascend(ASKED, Span(0, 10**6, 10**6))
    next(pager)
    rows = Watched({"ID": number} for number in range(1, 51))
    gone = weakref.ref(rows)
    ask = pager.send([Page(rows)])
    assert rows is ask.rows
    del rows, ask
    assert gone() is None
