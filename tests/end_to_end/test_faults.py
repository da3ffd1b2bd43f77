"""A portal that fails now and then, in a process of its own: the dump of it is exact all the same."""

import re
import subprocess

import pytest

from extractor.sandbox.faults.mixture import EVERY
from extractor.sandbox.methods.classic import listed
from extractor.sandbox.world import World
from tests.end_to_end.processes import B24X, ids, run, started

pytestmark = pytest.mark.end_to_end

ROWS = {"deals": 20_000, "contacts": 3_000}


def test_one_request_in_twenty_fails(tmp_path):
    """5 % of the requests meet a fault, and 2.5 % of the calls in the others: exit code 0, and every id is there once."""
    words = ("sandbox", "--port", 0, "--faults", 7, "--tariff", "unlimited", *(f"--rows={table}={count}" for table, count in ROWS.items()))
    told = tmp_path / "told"
    with told.open("w") as stderr, started(B24X, *words, stdout=subprocess.PIPE, stderr=stderr, text=True) as sandbox:
        webhook = sandbox.stdout.readline().split()[-1]
        ran = run("dump", *ROWS, "--to", tmp_path / "out", "--tariff", "unlimited", webhook=webhook)
    assert 0 == ran.code, ran.err
    world = World.build(rows=ROWS)
    for name, method in (("deals", "crm.deal.list"), ("contacts", "crm.contact.list")):
        assert listed(world, method) == ids(tmp_path / "out" / name / "part-00000.ndjson")
    struck = [int(number) for number in re.findall(r"^request (\d+): ", told.read_text(), re.MULTILINE)]
    assert list(range(len(struck))) == [(number - 1) // EVERY for number in struck]
    assert len(struck) >= 1
    assert "a call that fails" in told.read_text()
