"""Nights of a mirror from one seed each: after every run that ends, the latest line of each key is the portal's row."""

import random
import sqlite3

import pytest

from tests.simulation.disk import Disk
from tests.simulation.nights.story import nights

SEEDS = 4  # CI tells more
AT_ONCE = 2


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_every_promise_is_kept(first):
    """Whatever the seed: what is new, changed and gone is on disk in time, and nothing that never was."""
    broken = [f"{ended.broken}\n    python -m tests.simulation --nights {ended.seed}"
              for ended in map(nights, range(first, first + AT_ONCE)) if ended.broken]
    assert not broken, "\n".join(broken)


def test_equal_seeds_tell_equal_nights():
    """A seed that fails once fails again: nothing in a story depends on the machine."""
    for seed in (2, 14):
        first, second = nights(seed), nights(seed)
        assert (first.counts, first.seconds) == (second.counts, second.seconds)


@pytest.mark.parametrize(("safety", "ends"), [("FULL", {1, 2}), ("EXTRA", {2})])
def test_a_transaction_survives_as_a_whole(tmp_path, safety, ends):
    """After a power cut a database holds its last transaction, or the one before where the end of the last was not synced."""
    found = set()
    for luck in range(30):
        disk = Disk(tmp_path / f"{safety}-{luck}")
        with disk.watched():
            connection = sqlite3.connect(disk.root / "rows", isolation_level=None)
            connection.execute(f"PRAGMA synchronous = {safety}")
            connection.executescript("CREATE TABLE rows (id INTEGER)")
            for one in (1, 2):
                connection.execute("BEGIN")
                connection.execute("INSERT INTO rows VALUES (?)", (one,))
                connection.execute("COMMIT")
            connection.execute("BEGIN")
            connection.execute("INSERT INTO rows VALUES (3)")
            disk.names = {path: nodes[-1:] for path, nodes in disk.names.items()}
            disk.crash(tmp_path / f"{safety}-{luck}-after", random.Random(luck))
            connection.close()
        after = sqlite3.connect(disk.root / "rows")
        found.add(after.execute("SELECT COUNT(*) FROM rows").fetchone()[0])
        after.close()
    assert ends == found
