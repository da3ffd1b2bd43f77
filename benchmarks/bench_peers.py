"""How long each client takes for the same deals of the same portal: a table in Markdown, on stdout.

    python benchmarks/bench_peers.py [--only WORD] [--clients WORD] [--limit 200] [--limit-large 100] [--python PATH]

For each cell a fresh simulated portal over https on loopback, in a process of its own, and one client in a process and
an environment of its own; the environments are made at the first use. Which rows there are is asked of the portal's
data, never of a client. Seconds are from the start of the client's process to its end, memory is its peak.

Rule 1: b24x writes every row to disk, synced; of the others nothing is asked but to read, and to keep the ids.
Rule 2: a client that is not done within the limit is cut off, and its requests up to there are told.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from environments import interpreter, newer_interpreter, node, node_folder
from figures import machine
from processes import run
from served import certified, served, shown

HERE = Path(__file__).parent
FEW, MANY = 20_000, 200_000
Words = Callable[[str, str], Sequence[object]]  # of a webhook and a folder


@dataclass(frozen=True, slots=True)
class Scenario:
    """One portal: its rows, and what it is like."""

    name: str
    rows: int
    like: Mapping[str, Any] = field(default_factory=dict)


PORTALS: Mapping[str, Mapping[str, Any]] = {
    "0 ms": {},
    "100 ms + 10 ms a call": {"request": 0.1, "call": 0.01},
    "300 ms, bucket 50 and 2/s": {"request": 0.3, "bucket": [50, 2]},
}
SCENARIOS = [Scenario(f"{rows:,} rows, {name}", rows, like) for rows in (FEW, MANY) for name, like in PORTALS.items()]


def clients(python: str | None) -> dict[str, Words]:
    """Say how each client is called."""
    b24x = Path(sys.executable).with_name("b24x")

    def ours(webhook: str, folder: str) -> Sequence[object]:
        return (b24x, "dump", "deals", "--webhook", webhook, "--to", f"{folder}/out", "-q")

    def theirs(interpreter: Path, way: str) -> Words:
        return lambda webhook, _folder: (interpreter, HERE / "read_rows.py", way, webhook)

    def script(way: str) -> Words:
        return lambda webhook, _folder: (node(), HERE / "read_rows.mjs", way, webhook, node_folder())

    fast, sdk, api = interpreter("fast_bitrix24"), interpreter("b24pysdk"), newer_interpreter("b24api", python)
    node_folder()
    return {
        "b24x": ours,
        "fast_bitrix24 `get_all`": theirs(fast, "fast_bitrix24"),
        "b24pysdk `as_list`": theirs(sdk, "as_list"),
        "b24pysdk `as_list_fast`": theirs(sdk, "as_list_fast"),
        "b24api `iter_list_keyset`": theirs(api, "keyset"),
        "b24api `iter_list_counted`": theirs(api, "counted"),
        "b24jssdk `fetchList`, limiter lifted": script("lifted"),
        "b24jssdk `fetchList`": script("defaults"),
    }


def quiet(said: str) -> str:
    """Take the addresses out of what a client said, and all but its beginning."""
    return re.sub(r"https?://\S+", "", said).replace("|", "/")[:80]


def ids_in(folder: Path, out: Path) -> list[int]:
    """List the ids that a client gave: on disk, or on its stdout."""
    if parts := sorted(folder.glob("out/deals/*.ndjson")):
        lines = [line for part in parts for line in part.read_bytes().splitlines()]
        return [int(json.loads(line)["ID"]) for line in lines]
    return json.loads(out.read_bytes() or b"[]")  # type: ignore[no-any-return]


def cell(scenario: Scenario, words: Words, certificate: tuple[str, str], limit: float) -> str:
    """Measure one client against one portal; return the cells of its row."""
    trust = {**os.environ, "REQUESTS_CA_BUNDLE": certificate[0], "SSL_CERT_FILE": certificate[0], "NODE_EXTRA_CA_CERTS": certificate[0]}
    with served(scenario.rows, certificate=certificate, **scenario.like) as portal, tempfile.TemporaryDirectory() as folder:
        ran = run(words(portal.webhook, folder), Path(folder, "ids"), env=trust, limit=limit)
        seen = portal.seen()
        counts = f"{ran.mebibytes:,.0f} | {seen['requests']:,} | {seen['refused']:,}"
        if ran.code is None:
            return f"not done after {limit:.0f} | | | {counts}"
        if ran.code:
            return f"**error** after {ran.seconds:.1f} (`{quiet(ran.said)}`) | all | | {counts}"
        found = ids_in(Path(folder), Path(folder, "ids"))
    there = set(shown(scenario.rows))
    lost, doubled = len(there - set(found)), len(found) - len(set(found))
    return f"{ran.seconds:.1f} | {lost:,} | {doubled:,} | {counts}"


def main() -> None:
    """Measure every cell, one after another; print a row when it is done."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--only", default="", metavar="WORD", help="scenarios with this word in their name")
    options.add_argument("--clients", default="", metavar="WORD", help="clients with this word in their name")
    options.add_argument("--limit", type=float, default=200.0, metavar="SECONDS", help="of one cell")
    options.add_argument("--limit-large", type=float, default=100.0, metavar="SECONDS", help=f"of one with {MANY:,} rows")
    options.add_argument("--python", metavar="PATH", help="a Python of 3.12 or newer, for b24api")
    given = options.parse_args()
    every = {name: words for name, words in clients(given.python).items() if given.clients in name}
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        certificate = certified(folder)
        for scenario in (one for one in SCENARIOS if given.only in one.name):
            print(f"\n{scenario.name}\n\n| client | seconds | lost | doubled | peak MiB | requests | refused |\n|{'---|' * 7}", flush=True)
            for name, words in every.items():
                limit = given.limit if scenario.rows == FEW else given.limit_large
                print(f"| {name} | {cell(scenario, words, certificate, limit)} |", flush=True)


if __name__ == "__main__":
    main()
