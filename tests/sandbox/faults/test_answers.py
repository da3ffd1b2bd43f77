"""What is lost or twisted inside an answer that comes."""

import pytest

from extractor.sandbox import faults
from extractor.sandbox.faults import answers

COMMANDS = {f"c{place}": "crm.deal.list" for place in range(10)}


def batch(bench, spoil):
    """Send ten commands in one batch whose answer is spoilt."""
    return bench(faults=faults.at({1: faults.Fault(spoil=spoil)})).batch(COMMANDS)


@pytest.mark.parametrize("code", ["", "0", 0, "INTERNAL_SERVER_ERROR"])
def test_failing(bench, code):
    """A command fails with a code that may be empty or 0, and is in no other map; the others are whole (portal.md 5.3)."""
    maps = batch(bench, answers.failing(code, share=0.2))
    assert {(code, "")} == {(one["error"], one["error_description"]) for one in maps["result_error"].values()}
    assert (2, 8, set()) == (len(maps["result_error"]), len(maps["result"]), maps["result_error"].keys() & maps["result_time"].keys())


def test_silent(bench):
    """A command may stand in neither map."""
    maps = batch(bench, answers.silent(share=0.3))
    assert (7, [], 7) == (len(maps["result"]), maps["result_error"], len(maps["result_total"]))


def test_listed(bench):
    """A map may arrive as a list, its keys lost."""
    maps = batch(bench, answers.listed("result", "result_total"))
    assert ([7] * 10, 10) == (maps["result_total"], len(maps["result"]))
    assert isinstance(maps["result_time"], dict)


def test_emptied(bench):
    """A batch may answer an empty list."""
    assert [] == batch(bench, answers.emptied())


def test_doubled_keys(bench):
    """An id that is said twice means what was said last, as every JSON parser has it."""
    struck = bench(faults=faults.at({1: faults.Fault(spoil=answers.doubled_keys())}))
    assert ["1", "2", "3"] == [row["ID"] for row in struck.call("crm.deal.list")["result"]]


@pytest.mark.parametrize("spoil", [answers.failing("x"), answers.silent(), answers.listed("result"), answers.emptied()])
def test_a_direct_call_has_no_maps(bench, spoil):
    """What spoils a batch leaves a direct call alone."""
    assert 3 == len(bench(faults=faults.at({1: faults.Fault(spoil=spoil)})).call("crm.deal.list")["result"])
