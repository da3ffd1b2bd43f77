"""A bad day from a seed: what it strikes, and that whoever asks again gets through it."""

from collections import Counter

import pytest

from extractor.catalog import catalog
from extractor.sandbox.exchange import Request
from extractor.sandbox.faults.mixture import EVERY, EVERY_CALL, OF_A_BATCH, REQUESTS, Mixture
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.classic import listed
from tests.thorough import thorough
from tests.trials import Trial

BATCH, DIRECT = Request("POST", "/rest/1/code/batch"), Request("POST", "/rest/1/code/crm.deal.list")
ROWS = {"deals": 9_000, "contacts": 300, "activities": 2_000, "requisites": 300, "tasks": 300, "users": 120}


def struck(seed, request=BATCH):
    """Name the faults of so many requests that each kind has its turn, by their numbers."""
    heard = []
    mixture = Mixture(seed, heard=heard.append)
    found = [number for number in range(1, EVERY * len(REQUESTS) + 1) if mixture.requests(number, request)]
    assert len(found) == mixture.counts.total() == len(heard)
    return dict(zip(found, heard, strict=True)), mixture.counts


def test_equal_seeds():
    """Equal seeds strike the same requests in the same way; other seeds others."""
    assert struck(5) == struck(5)
    assert struck(5) != struck(6)


def test_a_few_percent_in_every_way():
    """Of twenty requests one is struck; before a kind comes again, all have come."""
    found, counts = struck(3)
    assert Counter(REQUESTS.keys()) == counts
    assert list(range(len(REQUESTS))) == [(number - 1) // EVERY for number in found]


def test_no_batch():
    """What would spoil a batch's maps does not count as a fault of another call, which it would leave whole."""
    _, counts = struck(3, DIRECT)
    assert not OF_A_BATCH.keys() & counts.keys()
    assert len(REQUESTS) == counts.total()


def test_calls_that_are_struck(bench):
    """Of forty calls of a method one fails or shows a short page; a page that is shorter anyway is not counted."""
    counts = []
    for methods in (METHODS, bench().portal._desk.methods):  # pages of fifty, and of three
        one, mixture = bench(), Mixture(1)
        one.portal._desk.methods = {**methods, **mixture.over({"crm.deal.list": methods["crm.deal.list"]})}
        answers = [one.call("crm.deal.list", {"start": -1}) for _ in range(10 * EVERY_CALL)]
        assert 5 == sum("error" in answer for answer in answers)
        counts.append(mixture.counts)
    assert [{"a call that fails": 5, "a short page": 5}, {"a call that fails": 5}] == counts


def survived(folder, seed):
    """Make a portal of many tables that has a bad day."""
    mixture = Mixture(seed, every=8)
    trial = Trial(folder, rows=ROWS, faults=mixture.requests)
    trial.portal._desk.methods = {**trial.portal._desk.methods, **mixture.over(METHODS)}
    return trial, mixture


@pytest.mark.parametrize("seed", [0, *thorough(1, 2)])
async def test_survived(tmp_path, seed):
    """Everything that the portal shows arrives, each row once, through a day on which every eighth request fails."""
    trial, mixture = survived(tmp_path, seed)
    names = [name for name, one in catalog().items() if not one.requires]
    outcome = await trial.run(*names)
    assert (0, None) == (outcome.exit_code, outcome.why)
    for name, method in [("deals", "crm.deal.list"), ("contacts", "crm.contact.list"), ("crm_activities", "crm.activity.list")]:
        assert listed(trial.world, method) == sorted(int(row["ID"]) for row in trial.rows(name))
    assert {"a call that fails", "a short page"} <= mixture.counts.keys()
