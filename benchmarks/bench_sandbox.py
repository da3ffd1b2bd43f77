"""How many rows a second the simulated portal serves by batch: the ceiling of whatever is measured against it.

    python benchmarks/bench_sandbox.py [--method crm.deal.list] [--select '*'] [--runs 5] [--requests 40]

The server runs in a process of its own, the load in this one: keep-alive
sockets, each with one batch of 50 full pages at a time. Rows a second are told
by the server's processor time (which is what one core could do, were it alone)
and by the wall (both share this machine).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROWS = 300_000
PAGE, BATCH = 50, 50
TABLES = {"crm.deal.list": "deals", "crm.activity.list": "activities", "crm.contact.list": "contacts"}
SERVER = """
import asyncio, sys
from extractor.cli import collect_seldom
from extractor.sandbox.answer import Session
from extractor.sandbox.cost import CostModel
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal
from extractor.sandbox.server import fastest_loop, serve
from extractor.sandbox.world import World
import time

async def main():
    world = World.build(rows={sys.argv[1]: int(sys.argv[2])}, cost=CostModel.flat(0.0))
    portal = Portal(world, METHODS, Credentials([Webhook("bench", Session(1, True, frozenset({"crm"})))]), clock=time.time)
    async with serve(portal) as address:
        print(address, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

collect_seldom()  # as `b24x sandbox` does
with asyncio.Runner(loop_factory=fastest_loop()) as runner:
    runner.run(main())
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: rows a second of the server's processor, and of the wall."""

    by_processor: float
    by_wall: float


def body(method: str, number: int, select: str) -> bytes:
    """Write the number-th batch: fifty full pages, by id, uncounted."""
    first = number * PAGE * BATCH % (ROWS * 3 // 4)
    chosen = "&".join(f"select[{place}]={quote(name)}" for place, name in enumerate(select.split(",")))
    commands = {
        f"c{place}": f"{method}?order[ID]=ASC&start=-1&{chosen}"
                     f"&filter[{quote('>ID')}]={first + place * PAGE}"
        for place in range(BATCH)
    }
    return json.dumps({"halt": 0, "cmd": commands}).encode()


def load(host: str, method: str, select: str, numbers: range) -> None:
    """Send batches over one kept connection; take the bytes, and check the first answer's pages."""
    connection = http.client.HTTPConnection(host, timeout=60)
    for place, number in enumerate(numbers):
        connection.request("POST", "/rest/1/bench/batch", body(method, number, select), {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        if not place:
            pages = json.loads(answer)["result"]["result"].values()
            assert [len(page) for page in pages] == [PAGE] * BATCH, "a page that is not full"  # noqa: S101
    connection.close()


def processor_seconds(pid: int) -> float:
    """Read what a process has computed so far."""
    fields = re.sub(r"^.*\) ", "", Path(f"/proc/{pid}/stat").read_text()).split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(server: subprocess.Popen[str], host: str, given: argparse.Namespace, requests: int) -> Run:
    """Send so many batches over so many sockets."""
    shares = [range(first, requests, given.sockets) for first in range(given.sockets)]
    threads = [threading.Thread(target=load, args=(host, given.method, given.select, share)) for share in shares]
    computed, began = processor_seconds(server.pid), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = requests * PAGE * BATCH
    return Run(rows / (processor_seconds(server.pid) - computed), rows / (time.monotonic() - began))


def main() -> None:
    """Measure, and print medians with the smallest and the largest."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--method", choices=TABLES, default="crm.deal.list")
    options.add_argument("--select", default="*")
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--requests", type=int, default=40)
    options.add_argument("--sockets", type=int, default=2)
    given = options.parse_args()
    words = [sys.executable, "-c", SERVER, TABLES[given.method], str(ROWS)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            host = server.stdout.readline().strip().removeprefix("http://") if server.stdout else ""
            measure(server, host, given, given.requests // 4)  # warm up
            runs = [measure(server, host, given, given.requests) for _ in range(given.runs)]
        finally:
            server.kill()
    for name, figures in (("processor second", [run.by_processor for run in runs]), ("second", [run.by_wall for run in runs])):
        print(f"{given.method}: {statistics.median(figures):,.0f} rows a {name}"
              f" (median of {len(figures)}; {min(figures):,.0f} to {max(figures):,.0f})")


if __name__ == "__main__":
    main()
