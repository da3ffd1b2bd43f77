"""A disk that fills up under a real process: here a limit on the size of files, which the kernel keeps in the same way."""

import pytest

from extractor.sandbox.methods.classic import listed
from extractor.sandbox.world import World
from tests.end_to_end.processes import dump, ids, manifest, run, served
from tests.end_to_end.test_kill import committed
from tests.thorough import thorough

pytestmark = pytest.mark.end_to_end

# Bytes by which the rows may grow: too few for the first commit, which comes after a second, and enough for one.
ROOMS = [20_000, 100_000, 1_300_000, 10, 50_000]
WORDS = ("deals", "--select", "ID,TITLE,STAGE_ID", "--concurrency", "2", "-q")


def filled(folder, rooms):
    """Let disk after disk be full, then give room: the runs, what was committed after each, and what the last one fetched."""
    part, runs, came = folder / "deals/part-00000.ndjson", [], [0]
    with served(deals=20_000, seconds=0.01) as portal:
        for room in rooms:
            size = part.stat().st_size if part.exists() else 100_000  # the checkpoint needs some, too
            runs.append(run("dump", *WORDS, "--to", folder, "--tariff", "unlimited", webhook=portal.webhook, room=size + room))
            came.append(committed(folder)[0])
        before = portal.seen()["rows"]
        runs.append(dump(portal, folder, *WORDS))
        return runs, came, portal.seen()["rows"] - before


@pytest.mark.parametrize("rooms", [ROOMS, *thorough([50_000, 1_000, 1_200_000, 0, 150_000])], ids=["five", "five_more"])
def test_full_disks(tmp_path, rooms):
    """Full disks end runs with code 5 and what to do; once there is room, the same command goes on, and all is exact."""
    expected = listed(World.build(rows={"deals": 20_000}), "crm.deal.list")
    runs, came, fetched = filled(tmp_path, rooms)
    assert [*[5] * len(rooms), 0] == [ran.code for ran in runs]
    for ran in runs[:-1]:
        assert "Traceback" not in ran.err
        assert "then run the same command again" in ran.last_words
    assert sorted(came) == came
    assert 0 < came[-1] < len(expected)
    assert fetched < len(expected)
    assert expected == ids(tmp_path / "deals/part-00000.ndjson")
    assert "complete" == manifest(tmp_path)["status"]
