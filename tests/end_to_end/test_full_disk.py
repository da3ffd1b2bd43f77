"""A disk that fills up under a real process: here a limit on the size of files, which the kernel keeps in the same way."""

import pytest

from extractor.sandbox.methods.classic import listed
from tests.end_to_end.processes import dump, ids, manifest, run, served
from tests.end_to_end.test_kill import committed

pytestmark = pytest.mark.end_to_end

# Bytes by which the rows may grow: too few for the first commit, which comes after a second, and enough for some.
ROOMS = [400_000, 2_000_000, 14_000_000, 10, 1_000_000, 3_000_000, 14_000_000, 5_000, 500_000, 2_500_000]
WORDS = ("deals", "--concurrency", "2", "-q")


def test_full_disks(tmp_path):
    """Ten full disks end ten runs with code 5 and what to do; once there is room, the same command goes on, and all is exact."""
    part, came = tmp_path / "deals/part-00000.ndjson", [0]
    with served(deals=30_000) as portal:
        expected = listed(portal.world, "crm.deal.list")
        for room in ROOMS:
            size = part.stat().st_size if part.exists() else 100_000  # the checkpoint needs some, too
            ran = run("dump", *WORDS, "--to", tmp_path, "--tariff", "unlimited", webhook=portal.webhook, room=size + room)
            assert 5 == ran.code, ran.err
            assert "Traceback" not in ran.err
            assert "then run the same command again" in ran.last_words
            came.append(committed(tmp_path)[0])
        before = portal.seen()["rows"]
        ran = dump(portal, tmp_path, *WORDS)
        assert 0 == ran.code, ran.err
        assert portal.seen()["rows"] - before < len(expected)
    assert sorted(came) == came
    assert 0 < came[-1] < len(expected)
    assert expected == ids(part)
    assert "complete" == manifest(tmp_path)["status"]
