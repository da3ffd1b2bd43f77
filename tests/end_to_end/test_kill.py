"""Real kills of a real process: the same command goes on from the last commit."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from extractor.checkpoint import CheckpointFile
from extractor.messages import PAGE_SIZE
from extractor.sandbox.methods.classic import listed
from tests.end_to_end.processes import SIGINT, SIGKILL, SIGTERM, b24x, dump, ids, manifest, served, told
from tests.thorough import thorough

pytestmark = pytest.mark.end_to_end

KILLS = 10
SIDES = 5  # portals side by side, each with a dump of its own that is killed so often: most of the time goes by in waiting
QUICK = 2
SECONDS = 0.01  # of a call: a full request takes half a second, as on a real portal
LANES = 2
# What a second brings since the last commit, and what is under way.
AT_STAKE = LANES * 50 * PAGE_SIZE * (2 + 1)
WORDS = ("deals", "--select", "ID,TITLE,STAGE_ID", "--concurrency", str(LANES), "-q")  # narrow rows: the processor is for the kills


def command(portal, folder):
    """Start the dump that is killed."""
    return b24x("dump", *WORDS, "--to", folder, "--tariff", "unlimited", webhook=portal.webhook)


def committed(folder):
    """Return the rows that the folder's checkpoint vouches for, and how many spans it left."""
    saved = CheckpointFile(folder).load()
    deals = saved.entities["deals"] if saved else None
    return (deals.rows, len(deals.spans)) if deals and deals.spans is not None else (0, 0)


def settled(portal):
    """Wait until the portal has no request under way (it finishes those of a client that is gone), and ask what it served."""
    deadline = time.monotonic() + 30
    while (seen := portal.seen())["in_flight"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return seen["rows"]


def killed(portal, folder, dice):
    """Kill a dump at a random moment; return whether it ran at that moment, and how many rows have to be fetched again."""
    (before, _), seen = committed(folder), portal.seen()
    with command(portal, folder) as process:
        while portal.seen()["requests"] == seen["requests"] and process.poll() is None:
            time.sleep(0.05)
        time.sleep(dice.uniform(0.0, 1.6))
        running = process.poll() is None
        told(process, SIGKILL)
    after, spans = committed(folder)
    return running, settled(portal) - seen["rows"] - (after - before) - PAGE_SIZE * spans


def side(folder, seed):
    """Kill dumps of a portal, one after another, each going on where the last one was; return what each kill cost."""
    dice, costs, folders = random.Random(seed), [], [folder / "0"]
    with served(deals=30_000, seconds=SECONDS) as portal:
        expected = listed(portal.world, "crm.deal.list")
        while len(costs) < KILLS:
            running, lost = killed(portal, folders[-1], dice)
            if running:
                costs.append(lost)
            else:  # it had come to its end: the next one begins anew
                folders.append(folder / str(len(folders)))
        for each in folders:
            ran = dump(portal, each, *WORDS)
            assert 0 == ran.code, ran.err
            assert expected == ids(each / "deals/part-00000.ndjson")
            entry = manifest(each)["entities"]["deals"]
            assert ("complete", len(expected)) == (manifest(each)["status"], entry["rows"])
    return costs


@pytest.mark.parametrize("seeds", [range(QUICK), *thorough(range(QUICK, SIDES))], ids=["twenty", "thirty"])
def test_sigkill(tmp_path, seeds):
    """Killed at random moments of its run and run again each time, every row is there once; a kill costs what was at stake."""
    with ThreadPoolExecutor(SIDES) as sides:
        costs = list(sides.map(side, [tmp_path / f"side-{seed}" for seed in seeds], seeds))
    assert [KILLS] * len(seeds) == [len(each) for each in costs]
    assert max(max(each) for each in costs) <= AT_STAKE


@pytest.mark.parametrize(("number", "code"), [(SIGTERM, 143), (SIGINT, 130)])
def test_asked_to_stop(tmp_path, number, code):
    """SIGTERM and SIGINT end a run with 143 and 130: committed, said so in one sentence, and the same command goes on."""
    with served(deals=20_000, seconds=SECONDS) as portal:
        with command(portal, tmp_path) as process:
            while not committed(tmp_path)[0]:
                assert process.poll() is None
                time.sleep(0.05)
            ran = told(process, number)
        entry = manifest(tmp_path)["entities"]["deals"]
        assert (code, "partial") == (ran.code, entry["status"])
        assert "Traceback" not in ran.err
        assert "the same command goes on" in ran.last_words
        assert 0 < entry["rows"] == len(ids(tmp_path / "deals/part-00000.ndjson")) == committed(tmp_path)[0]
        assert 0 == dump(portal, tmp_path, *WORDS).code
        assert listed(portal.world, "crm.deal.list") == ids(tmp_path / "deals/part-00000.ndjson")
