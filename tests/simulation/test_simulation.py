"""Whole runs from one seed each, deaths and all: every promise is kept, and equal seeds tell equal stories."""

import io
import os
import random

import pytest

from tests.simulation.disk import Disk, torn
from tests.simulation.story import tell
from tests.thorough import thorough

SEEDS = 40  # CI tells some hundred more
AT_ONCE = 10


@pytest.mark.parametrize("first", [0, *thorough(*range(AT_ONCE, SEEDS, AT_ONCE))])
def test_every_promise_is_kept(first):
    """Whatever the seed: each row once, no torn line, a manifest that tells the truth, an exit code that fits."""
    broken = [f"{ended.broken}\n    python -m tests.simulation {ended.seed}"
              for ended in map(tell, range(first, first + AT_ONCE)) if ended.broken]
    assert not broken, "\n".join(broken)


def test_equal_seeds_tell_equal_stories():
    """A seed that fails once fails again: nothing in a story depends on the machine."""
    for seed in (5, 17, 23):
        first, second = tell(seed), tell(seed)
        assert (first.counts, first.seconds) == (second.counts, second.seconds)


def test_what_is_synced_survives(tmp_path):
    """After a power cut the synced bytes of a synced name are there; an unsynced tail and an unsynced name may not be."""
    ends = set()
    for luck in range(60):
        disk = Disk(tmp_path / f"{luck}")
        with disk.watched():
            file = io.FileIO(disk.root / "rows", "w+")
            file.write(b"safe")
            os.fsync(file.fileno())
            folder = os.open(disk.root, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            file.write(b"tail")
            other = io.FileIO(disk.root / "other", "w+")
            disk.crash(tmp_path / f"{luck}-after", random.Random(luck))
            file.close()
            other.close()
        data = (disk.root / "rows").read_bytes()
        assert data.startswith(b"safe")
        ends.add((data[4:], (disk.root / "other").exists()))
    assert {end for end, _ in ends} == {b"tail"[:length] for length in range(5)}
    assert {True, False} == {there for _, there in ends}


def test_the_dead_write_nothing(tmp_path):
    """After a kill what was written is there, synced or not, and what the old process writes later is not."""
    disk = Disk(tmp_path / "0")
    with disk.watched():
        file = io.FileIO(disk.root / "rows", "w+")
        file.write(b"written")
        disk.crash(tmp_path / "1")
        file.write(b" by the dead")
        file.close()
    assert b"written" == (disk.root / "rows").read_bytes()


def test_torn():
    """Between what is safe and what is there now lies everything, and nothing else."""
    found = {torn(b"ab", b"abcd", random.Random(luck)) for luck in range(100)}
    assert {b"ab", b"abc", b"abcd"} == found
