"""Methods that answer what their contract excludes, and rows that kill their page."""

import pytest

from extractor.sandbox.answer import Answer
from extractor.sandbox.faults.methods import (
    Poison,
    Stalled,
    deaf,
    failing,
    lying,
    short,
    unordered,
    with_mishaps,
)


def struck(bench, mishap, *numbers):
    """A bench whose list meets a mishap: at some calls, or at all."""
    one = bench()
    methods = one.portal._desk.methods
    one.portal._desk.methods = {**methods, "crm.deal.list": with_mishaps(
        methods["crm.deal.list"], lambda number: mishap if not numbers or number in numbers else None)}
    return one


def ids(bench, **params):
    """List deals, and give their ids."""
    return [row["ID"] for row in bench.call("crm.deal.list", params)["result"]]


def test_only_the_calls_that_are_named(bench):
    """A mishap strikes the calls that it is told to, by number."""
    one = struck(bench, short(1), 2)
    assert [3, 1, 3] == [len(ids(one, start=-1)) for _ in range(3)]


def test_short(bench):
    """A short page in mid-set: the rest comes when it is asked for; counted pages are whole."""
    one = struck(bench, short(2))
    assert (["1", "2"], ["3", "4"], 3) == (ids(one, start=-1), ids(one, start=-1, filter={">ID": 2}), len(ids(one, start=0)))


def test_failing(bench):
    """A call fails as an overloaded portal lets it, and the next one succeeds."""
    one = struck(bench, failing, 1)
    assert "INTERNAL_SERVER_ERROR" == one.call("crm.deal.list", {})["error"]
    assert ["1", "2", "3"] == ids(one)


def test_deaf(bench):
    """A condition is dropped: the page begins at the beginning."""
    assert ["1", "2", "3"] == ids(struck(bench, deaf), start=-1, filter={">ID": 4})


def test_unordered(bench):
    """An order is dropped."""
    assert ["3", "2", "1"] == ids(struck(bench, unordered), start=-1)


def test_lying(bench):
    """A total may be any number."""
    assert 2 == struck(bench, lying(lambda total: total - 5)).call("crm.deal.list", {"start": 0})["total"]


def test_stalled(bench):
    """A call is answered with the page before."""
    stalled = Stalled()
    one = bench()
    whole = one.portal._desk.methods["crm.deal.list"]
    one.portal._desk.methods = {"crm.deal.list": with_mishaps(whole, {1: stalled.watch, 2: stalled.stall}.get)}
    assert ids(one, start=-1, filter={">ID": 0}) == ids(one, start=-1, filter={">ID": 3}) == ["1", "2", "3"]


@pytest.mark.parametrize("low", [["1"], "abc", "3$result[a][49][ID]"])
def test_stalled_behind_a_reference_that_leads_nowhere(bench, low):
    """Its bound is whatever PHP makes a number of."""
    stalled = Stalled()
    one = bench()
    one.portal._desk.methods = {"crm.deal.list": with_mishaps(one.portal._desk.methods["crm.deal.list"], lambda _number: stalled.stall)}
    assert ids(one, start=-1, filter={">ID": low})


def test_a_row_that_cannot_be_encoded(bench):
    """It takes its page with it, and in a batch all the commands: WRONG_ENCODING under HTTP 200 (portal.md 6.2)."""
    one = struck(bench, Poison({5}))
    assert "WRONG_ENCODING" == one.call("crm.deal.list", {"start": -1, "filter": {">ID": 3}})["error"]
    assert ["1", "2", "3"] == ids(one, start=-1)
    body = one.call("batch", {"cmd": {"a": "crm.deal.list?start=-1", "b": "crm.deal.list?start=-1&filter[>ID]=3"}})
    assert "WRONG_ENCODING" == body["error"]


@pytest.mark.parametrize(("way", "status", "seconds"), [("fatal", 500, 0.0), ("endless", 504, 3_600.0)])
def test_a_row_that_kills(bench, way, status, seconds):
    """Others kill the process, or never end; the web server answers with a page."""
    one = struck(bench, Poison({5}, way))
    response = one.send("/rest/1/code/crm.deal.list", body=b'{"start": -1, "filter": {">ID": 3}}')
    assert (status, seconds) == (response.status, sum(one.waits))


def test_ids_alone_are_spared(bench):
    """A page of ids does not touch what is bad about a row, unless all of it is."""
    narrow = Poison({5})
    assert narrow(lambda _params: Answer([{"ID": "5"}]), {}, -1)
    with pytest.raises(Exception, match="500"):
        Poison({5}, "fatal", throughout=True)(lambda _params: Answer([{"ID": "5"}]), {}, -1)


