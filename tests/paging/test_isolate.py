"""What `isolate` promises: everything around rows that the portal cannot give, and those by their ids, nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ContractBroken, ServerFailure, TooLarge, Unreadable
from extractor.paging import Part
from extractor.paging.idrange import ascend
from extractor.paging.span import Span
from extractor.planner import pager, probe
from extractor.question import Question
from tests.paging.table import ASKED, THINGS, Spoilt, Table, survive

WITHOUT_SELECT = Question(replace(THINGS, select=()))
COUNTING = Question(replace(THINGS, counts_always=True))


def read(question, portal):
    """Read an entity from its probe on; gives the ids that were kept, and those that were named."""
    kept, named, parts = survive(probe(question), portal)
    for part in parts:
        more, unread, left = survive(pager(question, part), portal)
        kept, named = kept + more, named + unread
        assert () == left
    return sorted(kept), sorted(int(one.id) for one in named)


@given(st.sets(st.integers(1, 500), min_size=1), st.data(), st.booleans(), st.sampled_from([ASKED, WITHOUT_SELECT, COUNTING]))
def test_the_bad_rows_and_no_others_are_named(some, data, throughout, question):
    """Wherever they lie, whether or not a page of ids shows them, with a select or without: the rest is read."""
    bad = data.draw(st.sets(st.sampled_from(sorted(some)), max_size=4))
    assert (sorted(some - bad), sorted(bad)) == read(question, Spoilt(some, bad, throughout=throughout))


@pytest.mark.parametrize("question", [ASKED, WITHOUT_SELECT, COUNTING])
def test_a_row_that_no_answer_has_room_for_is_named(question):
    """Behind a row of more than an answer may hold, alone as well, there are others: it is named, and they are read."""
    class Heavy(Spoilt):
        def answer(self, call):
            page = self.table.answer(call)
            if call.params.get("select") != ["ID"] and self.bad & {int(row["ID"]) for row in page.rows}:
                raise TooLarge("the portal's answer is larger than 256 MiB, and no honest one is")
            return page

    assert ([one for one in range(1, 301) if one != 25], [25]) == read(question, Heavy(range(1, 301), {25}))


def test_six_cuts_lead_to_it():
    """Ids that are known are halved: fifty rows take few more calls than the logarithm says, the rest of the span none."""
    portal = Spoilt(range(1, 1_000), {25})
    survive(ascend(ASKED, Span(0, 999, 999)), portal)
    assert portal.lone <= 16


def test_a_portal_that_is_down_is_no_bad_row():
    """It cannot answer the question that holds no rows, so no id is named: the error is the entity's end."""
    class Down:
        lone = 0

        def answer(self, _call):
            raise ServerFailure("INTERNAL_SERVER_ERROR")

    with pytest.raises(ServerFailure):
        survive(ascend(ASKED, Span(0, 300, 300)), Down())


def test_a_portal_that_goes_down_meanwhile():
    """It answers at first, then nothing any more: the last question before an id is named tells the two apart."""
    class Going(Spoilt):
        def answer(self, call):
            if self.lone > 6:
                raise ServerFailure("INTERNAL_SERVER_ERROR")
            return super().answer(call)

    with pytest.raises(ServerFailure):
        survive(ascend(ASKED, Span(0, 300, 300)), Going(range(1, 301), {25}))


def test_a_filter_that_is_dropped_shows():
    """Rows where none can be, or below what was asked for, end the entity."""
    pager = ascend(ASKED, Span(100, 300, 300))
    next(pager)
    assert pager.throw(Unreadable("WRONG_ENCODING")).lone
    with pytest.raises(ContractBroken):
        pager.send([Table(range(1, 9)).answer(next(ascend(ASKED, Span(0, 9, 9))).calls[0])])


def test_a_method_that_gives_nothing_is_given_up():
    """Every row is bad: that is a broken method, not a hundred rows."""
    with pytest.raises(Unreadable):
        survive(ascend(ASKED, Span(0, 300, 300)), Spoilt(range(1, 301), range(1, 301)))


def test_offsets_leave_it_to_ids():
    """A bad row among pages by offset lets the span be read by ids."""
    portal = Spoilt(range(1, 301), {120})
    kept, named, _ = survive(pager(ASKED, Part(Span(0, 300, 300), 300)), portal)
    assert ([one for one in range(1, 301) if one != 120], ["120"]) == (kept, [one.id for one in named])


@pytest.mark.parametrize("question", [ASKED, WITHOUT_SELECT, COUNTING])
@pytest.mark.parametrize("gone", range(3, 30))
@pytest.mark.parametrize("back", [1, 2, 10**9])
def test_rights_that_go_meanwhile_are_no_end_of_the_rows(question, gone, back):
    """From some call on the portal shows nothing, for good or for a while: the entity ends with an error, or has every row."""
    class Withdrawn(Spoilt):
        calls = 0

        def answer(self, call):
            self.calls += 1
            return Table(()).answer(call) if gone <= self.calls < gone + back else super().answer(call)

    try:
        kept, named, _ = survive(ascend(question, Span(0, 120, 120)), Withdrawn(range(1, 121), {25}))
    except ContractBroken:
        return
    assert ([one for one in range(1, 121) if one != 25], ["25"]) == (sorted(kept), [one.id for one in named])
