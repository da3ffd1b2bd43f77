"""What `isolate` promises: everything around rows that the portal cannot give, and those by their ids, nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ContractBroken, ServerFailure, Unreadable
from extractor.paging import Part
from extractor.paging.idrange import ascend
from extractor.paging.span import Span
from extractor.planner import pager, probe
from extractor.question import Question
from tests.paging.table import ASKED, THINGS, Table, ids

WITHOUT_SELECT = Question(replace(THINGS, select=()))
COUNTING = Question(replace(THINGS, counts_always=True))


class Spoilt:
    """A table with bad rows: a page that shows one fails; one of ids alone does not, unless they are bad `throughout`."""

    def __init__(self, some, bad, *, throughout=False):
        self.table, self.bad, self.throughout, self.lone = Table(some), set(bad), throughout, 0

    def answer(self, call):
        """Answer, or fail as the portal does."""
        page = self.table.answer(call)
        wide = self.throughout or call.params.get("select") != ["ID"]
        if wide and self.bad & set(ids(page.rows)):
            raise Unreadable("WRONG_ENCODING", "no")
        return page


def walk(pager, portal):
    """Drive a pager as the scheduler does, errors and all; gives the ids that it kept, those it named, and the parts it left."""
    kept, named, step = [], [], lambda: next(pager)
    while True:
        try:
            ask = step()
        except StopIteration as end:
            return [*kept, *ids(end.value.rows)], [*named, *end.value.unread], end.value.parts
        kept, named = kept + ids(ask.rows), [*named, *ask.unread]
        portal.lone += ask.lone
        assert not ask.lone or 1 == len(ask.calls)
        try:
            pages = [portal.answer(call) for call in ask.calls]
        except (Unreadable, ServerFailure) as error:
            step = lambda failed=error: pager.throw(failed)  # noqa: E731
        else:
            step = lambda came=pages: pager.send(came)  # noqa: E731


def read(question, portal):
    """Read an entity from its probe on; gives the ids that were kept, and those that were named."""
    kept, named, parts = walk(probe(question), portal)
    for part in parts:
        more, unread, left = walk(pager(question, part), portal)
        kept, named = kept + more, named + unread
        assert () == left
    return sorted(kept), sorted(int(one.id) for one in named)


@given(st.sets(st.integers(1, 500), min_size=1), st.data(), st.booleans(), st.sampled_from([ASKED, WITHOUT_SELECT, COUNTING]))
def test_the_bad_rows_and_no_others_are_named(some, data, throughout, question):
    """Wherever they lie, whether or not a page of ids shows them, with a select or without: the rest is read."""
    bad = data.draw(st.sets(st.sampled_from(sorted(some)), max_size=4))
    assert (sorted(some - bad), sorted(bad)) == read(question, Spoilt(some, bad, throughout=throughout))


def test_six_cuts_lead_to_it():
    """Ids that are known are halved: fifty rows take few more calls than the logarithm says, the rest of the span none."""
    portal = Spoilt(range(1, 1_000), {25})
    walk(ascend(ASKED, Span(0, 999, 999)), portal)
    assert portal.lone <= 16


def test_a_portal_that_is_down_is_no_bad_row():
    """It cannot answer the question that holds no rows, so no id is named: the error is the entity's end."""
    class Down:
        lone = 0

        def answer(self, _call):
            raise ServerFailure("INTERNAL_SERVER_ERROR")

    with pytest.raises(ServerFailure):
        walk(ascend(ASKED, Span(0, 300, 300)), Down())


def test_a_portal_that_goes_down_meanwhile():
    """It answers at first, then nothing any more: the last question before an id is named tells the two apart."""
    class Going(Spoilt):
        def answer(self, call):
            if self.lone > 6:
                raise ServerFailure("INTERNAL_SERVER_ERROR")
            return super().answer(call)

    with pytest.raises(ServerFailure):
        walk(ascend(ASKED, Span(0, 300, 300)), Going(range(1, 301), {25}))


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
        walk(ascend(ASKED, Span(0, 300, 300)), Spoilt(range(1, 301), range(1, 301)))


def test_offsets_leave_it_to_ids():
    """A bad row among pages by offset lets the span be read by ids."""
    portal = Spoilt(range(1, 301), {120})
    kept, named, _ = walk(pager(ASKED, Part(Span(0, 300, 300), 300)), portal)
    assert ([one for one in range(1, 301) if one != 120], ["120"]) == (kept, [one.id for one in named])
