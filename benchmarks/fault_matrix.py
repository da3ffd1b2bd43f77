"""Which fault makes which client lose rows, double them, fail or hang: a table in Markdown, on stdout.

    python benchmarks/fault_matrix.py [--only WORD] [--limit 660]

For each cell a fresh simulated portal with one fault serves the same deals over https on loopback, and one client, in a
process and an environment of its own, reads them with its own defaults. Which rows there are is asked of the portal's data,
before and after, never of a client. The clients are installed at the pins of `tests/end_to_end/peers.txt` at the first use.

Rule 1: a row counts as lost if it existed for the whole run and the client,
having ended, did not give it. Rule 2: what a client says is its exit code and
the last line of its stderr; a loss without either is silent. Rule 3: a client
that is not done within the limit hung, whatever it would have done later.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Literal, NamedTuple

from environments import ROOT, interpreter
from served import certified

from extractor.sandbox.answer import Session
from extractor.sandbox.cost import CostModel
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.exchange import Request
from extractor.sandbox.faults import Fault, Faults, at, calm, cut, html, refused, slow, truncated
from extractor.sandbox.faults.answers import failing, silent
from extractor.sandbox.faults.methods import Mishap, Poison, short, with_mishaps
from extractor.sandbox.meter import OPERATING_LIMIT, Bucket, Meter, Operating
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.classic import listed
from extractor.sandbox.portal import Portal
from extractor.sandbox.server import serve
from extractor.sandbox.world import Mutation, World

READER = ROOT / "tests/end_to_end/read_with.py"
METHOD = "crm.deal.list"
ROWS, MANY = 20_000, 200_000
CODE = "fault-matrix"  # of a webhook to rows that are made up: no secret
PEERS = {"fast get_all": ("fast_bitrix24", "fast_bitrix24"), "pysdk as_list": ("b24pysdk", "as_list"),
         "pysdk as_list_fast": ("b24pysdk", "as_list_fast")}
CLIENTS = ("b24x", *PEERS)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the matrix; all but the numbers is made anew for every portal."""

    name: str
    rows: int = ROWS
    faults: Callable[[], Faults] = lambda: calm
    strikes: Callable[[World], Callable[[int], Mishap | None]] = lambda _world: lambda _call: None
    moves: Callable[[World], Iterable[Mutation]] = lambda _world: ()
    bucket: Callable[[], Bucket | None] = lambda: None


class Cell(NamedTuple):
    """What one client did; its code is `None` if it hung."""

    found: list[int]
    code: int | None
    said: str
    seconds: float


def batches(fault: Fault, *, first: int, last: float) -> Callable[[], Faults]:
    """Strike the batches from the first to the last, counted from 1; other requests go free."""
    def fresh() -> Faults:
        seen = 0

        def choose(_number: int, request: Request) -> Fault | None:
            nonlocal seen
            batch = request.path.endswith(("/batch", "/batch.json"))
            seen += batch
            return fault if batch and first <= seen <= last else None
        return choose
    return fresh


def every(calls: int, times: int, action: Literal["insert", "delete"]) -> Callable[[World], Iterable[Mutation]]:
    """Let something happen to one deal, again and again, so many calls apart; rows go from the front, where they are read already."""
    def moves(world: World) -> Iterable[Mutation]:
        shown = listed(world, METHOD)
        return [Mutation(action, "deals", (shown[turn],) if action == "delete" else (), after=turn * calls)
                for turn in range(1, times + 1)]
    return moves


def distant() -> Faults:
    """Let every request take 300 ms."""
    return lambda _number, _request: slow(0.3)


def poisoned(world: World) -> Callable[[int], Mishap | None]:
    """Let every page die that shows one row in the middle."""
    mishap = Poison({listed(world, METHOD)[10_000]}, way="dies")
    return lambda _call: mishap


SCENARIOS = (
    Scenario("no fault"),
    Scenario("append 1 row / 40 pages", moves=every(40, 10, "insert")),
    Scenario("delete 1 row / 40 pages", moves=every(40, 10, "delete")),
    Scenario("1 sub-command error in batch 4", faults=batches(Fault(spoil=failing("INTERNAL_SERVER_ERROR", share=0.0)), first=4, last=4)),
    Scenario("1 sub-command without an answer in batch 4", faults=batches(Fault(spoil=silent(share=0.0)), first=4, last=4)),
    Scenario("sub-command errors persist from batch 4 on",
             faults=batches(Fault(spoil=failing("INTERNAL_SERVER_ERROR", share=1.0)), first=4, last=inf)),
    Scenario("first 2 requests 503", faults=lambda: at(dict.fromkeys((1, 2), refused(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")))),
    Scenario("5th request 429 OPERATION_TIME_LIMIT",
             faults=lambda: at({5: refused(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")})),
    Scenario("5th request 502", faults=lambda: at({5: html(502)})),
    Scenario("5th request: connection cut", faults=lambda: at({5: cut()})),
    Scenario("5th answer torn, as if whole", faults=lambda: at({5: truncated(0.5)})),
    Scenario("one 49-row page mid-walk", strikes=lambda _world: {200: short(49)}.get),
    Scenario("one row kills its page (500)", strikes=poisoned),
    Scenario("12.5 s batches (2,700 rows)", rows=2_700, faults=batches(Fault(delay=12.5), first=1, last=inf)),
    Scenario("portal 50/2 bucket, 300 ms, 200k rows", MANY, distant, bucket=lambda: Bucket(50, 2)),
    Scenario("portal 10/2 left, 300 ms, 200k rows", MANY, distant, bucket=lambda: Bucket(10, 2)),
)


def portal_of(scenario: Scenario) -> tuple[World, Portal]:
    """Make a fresh portal with one fault: equal worlds for every client."""
    world = World.build(rows={"deals": scenario.rows}, now=time.time(), cost=CostModel.flat(0.0))
    world.schedule = list(scenario.moves(world))
    methods = {**METHODS, METHOD: with_mishaps(METHODS[METHOD], scenario.strikes(world))}
    hook = Webhook(CODE, Session(1, admin=True, scopes=frozenset({"crm"})))
    bucket = scenario.bucket()
    meter = Meter(bucket, Operating(OPERATING_LIMIT)) if bucket else Meter.unlimited()  # a cloud portal, or one's own
    return world, Portal(world, methods, Credentials([hook]), meter, clock=time.time, faults=scenario.faults())


async def spoken(words: list[str], trust: dict[str, str], limit: float) -> tuple[bytes, str, int | None]:
    """Run a process to its end, or to the limit: its stdout, its stderr, its exit code."""
    process = await asyncio.create_subprocess_exec(*words, env=trust, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = await asyncio.wait_for(process.communicate(), limit)
    except TimeoutError:
        process.kill()
        await process.wait()
        return b"", "", None
    return out, err.decode(), process.returncode


async def read(client: str, webhook: str, trust: dict[str, str], limit: float) -> Cell:
    """Let a client read all deals, with its own defaults."""
    began = time.monotonic()
    if client == "b24x":
        with tempfile.TemporaryDirectory() as folder:
            words = [str(Path(sys.executable).with_name("b24x")), "dump", "deals", "--to", folder, "-q"]
            _, err, code = await spoken(words, {**trust, "B24X_WEBHOOK": webhook}, limit)
            found = dumped(Path(folder))
    else:
        package, how = PEERS[client]
        out, err, code = await spoken([str(interpreter(package)), str(READER), how, webhook, METHOD], trust, limit)
        found = json.loads(out) if code == 0 else []
    return Cell(found, code, heard(err), time.monotonic() - began)


def dumped(folder: Path) -> list[int]:
    """List the ids on disk, in their order."""
    lines = (line for part in sorted(folder.glob("deals/*.ndjson")) for line in part.read_bytes().splitlines())
    return [int(json.loads(line)["ID"]) for line in lines]


def heard(err: str) -> str:
    """Take the sentence that says what went wrong: the last line, or the last warning."""
    own = err.partition("Task exception was never retrieved")[0] or err  # what other requests said when they were dropped
    lines = [line.strip() for line in own.splitlines() if line.strip()]
    said = ([line for line in lines if "Warning: " in line] or lines or [""])[-1].replace("|", "/")
    return re.sub(r"^\S+\.py:\d+: |^[\w.]+\.\w+: (?=\w+: )|https?://\S+", "", said)[:90]


def verdict(cell: Cell, before: set[int], after: set[int], limit: float) -> str:
    """Say in a few words what became of the rows."""
    if cell.code is None:
        return f"**hung**, cut off after {limit:.0f} s"
    shown = set(cell.found)
    lost, strange, doubled = len((before & after) - shown), len(shown - before - after), len(cell.found) - len(shown)
    faults = [f"**{word} {number:,}**" for word, number in (("lost", lost), ("doubled", doubled), ("invented", strange)) if number]
    rows = ", ".join(faults) or f"exact, {len(shown):,}"
    if cell.code:
        rows = rows if doubled or strange or cell.code == 4 else f"error, {len(shown):,} rows"  # 4: partial, as b24x says it
        return f"{rows} (exit {cell.code}: `{cell.said}`), {cell.seconds:.1f} s"
    said = f" (`{cell.said}`)" if cell.said else ", **silent**" if faults else ""
    return f"{rows}{said}, {cell.seconds:.1f} s"


async def cell_of(scenario: Scenario, client: str, certificate: tuple[str, str], limit: float) -> str:
    """Measure one cell."""
    world, portal = portal_of(scenario)
    before = set(listed(world, METHOD))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    trust = {**os.environ, "REQUESTS_CA_BUNDLE": certificate[0], "SSL_CERT_FILE": certificate[0]}
    async with serve(portal, ssl_context=context) as address:
        cell = await read(client, f"{address}/rest/1/{CODE}/", trust, limit)
    return verdict(cell, before, set(listed(world, METHOD)), limit)


def main() -> None:
    """Measure every cell, one after another; print a row when it is done."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--only", default="", metavar="WORD", help="scenarios with this word in their name")
    options.add_argument("--limit", type=float, default=660.0, metavar="SECONDS", help="of one cell")
    given = options.parse_args()
    for package, _ in PEERS.values():
        interpreter(package)
    print(f"| scenario | {' | '.join(CLIENTS)} |\n|{'---|' * (len(CLIENTS) + 1)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        certificate = certified(folder)
        for scenario in SCENARIOS:
            if given.only in scenario.name:
                cells = [asyncio.run(cell_of(scenario, client, certificate, given.limit)) for client in CLIENTS]
                print(f"| {scenario.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
