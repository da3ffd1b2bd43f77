"""What `believe` promises of emptiness: an empty page is believed only when nothing that was seen speaks against it."""

from dataclasses import replace

import pytest

from extractor.errors import ContractBroken
from extractor.paging.idrange import ascend
from extractor.paging.span import Span
from extractor.question import Question
from tests.paging.table import ASKED, THINGS, Table, walk

COUNTING = Question(replace(THINGS, counts_always=True))


class Moody:
    """A table that answers some calls with nothing."""

    def __init__(self, ids, empty):
        self.table, self.empty, self.calls = Table(ids), empty, 0

    def answer(self, call):
        """Answer, or say that there is nothing."""
        self.calls += 1
        return Table(()).answer(call) if self.empty(self.calls) else self.table.answer(call)


def test_a_page_that_is_empty_once_is_asked_again():
    """Its fifty rows were deleted between the portal's two queries, with more behind them (`Factory::getItems`)."""
    kept, _ = walk(ascend(ASKED, Span(0, 300, 300)), Moody(range(1, 301), {3}.__contains__).answer)
    assert list(range(1, 301)) == sorted(kept)


def test_rights_that_were_taken_away_end_the_entity_loudly():
    """The portal answers with nothing, and HTTP 200 (`CCrmActivity::BuildPermSql`)."""
    with pytest.raises(ContractBroken, match="were rights taken away"):
        walk(ascend(ASKED, Span(0, 300, 300)), Moody(range(1, 301), lambda call: call > 2).answer)


def test_pages_that_stay_empty_below_a_known_id_end_the_entity():
    """A condition that the portal cannot answer is no end of the rows."""
    with pytest.raises(ContractBroken, match="knows the id 300"):
        walk(ascend(ASKED, Span(0, 300, 300)), Moody(range(1, 301), lambda call: call > 2 and call % 2).answer)


def test_the_end_of_a_set_is_believed():
    """The last rows were deleted meanwhile: what is known lies below the cursor."""
    kept, _ = walk(ascend(ASKED, Span(0, 300, 300)), Table(range(1, 201)).answer)
    assert list(range(1, 201)) == sorted(kept)


def test_the_end_of_a_span_whose_last_id_nobody_saw_is_asked_for():
    """Where the probe failed, an open span is all of the table: one empty page is not its end."""
    kept, _ = walk(ascend(ASKED, Span(0, None, 0)), Moody(range(1, 301), {3}.__contains__).answer)
    assert list(range(1, 301)) == kept


def test_an_open_span_behind_a_last_id_ends_on_an_empty_page():
    """What lies there was born meanwhile: no call is spent on it."""
    table = Table(range(1, 301))
    walk(ascend(ASKED, Span(300, None, 300)), table.answer)
    assert 1 == len(table.calls)


def test_rights_that_were_taken_away_before_the_first_page_end_the_entity_loudly():
    """The last id was seen, so there were rows: none at all is no answer to that."""
    with pytest.raises(ContractBroken, match="were rights taken away"):
        walk(ascend(ASKED, Span(0, 300, 300)), Table(()).answer)


def test_a_bounded_page_that_is_empty_once_is_asked_again():
    """The rights were there before and behind it: the portal shows its rows when it is asked once more."""
    kept, _ = walk(ascend(COUNTING, Span(0, 300, 300)), Moody(range(1, 301), {3}.__contains__).answer)
    assert list(range(1, 301)) == sorted(kept)


def test_rows_that_cease_to_fit_a_condition_may_all_go():
    """The portal shows others: so the rights are there, and nothing that fits is left."""
    asked, calls = Question(THINGS, filter={"TITLE": "x"}), []

    def answer(call):
        calls.append(call)
        fits = "TITLE" in call.params.get("filter", {})
        return Table(range(1, 61) if not fits or len(calls) < 2 else ()).answer(call)

    kept, _ = walk(ascend(asked, Span(0, 300, 300)), answer)
    assert list(range(1, 51)) == kept


def test_two_blank_answers_end_no_condition():
    """A blank page, and nothing for the last id: others are shown, and then the last id is asked for once more."""
    question = replace(ASKED, filter={">ID": 100})
    kept, _ = walk(ascend(question, Span(200, 300, 300)), Moody(range(1, 301), {1, 2}.__contains__).answer)
    assert list(range(201, 301)) == sorted(kept)


def test_a_last_id_that_was_not_asked_for_ends_nothing():
    """It is the answer to something else: what lies above the cursor may be there all the same."""
    question, empty = replace(ASKED, filter={">ID": 395}), Table(())
    table = Table(range(1, 801))

    def answer(call):
        if call.params["order"] == {"ID": "DESC"}:
            return table.answer(replace(ASKED, filter={"<=ID": 281}).last_id())
        return empty.answer(call)
    with pytest.raises(ContractBroken, match="above 395"):
        walk(ascend(question, Span(500, 900, 900)), answer)
