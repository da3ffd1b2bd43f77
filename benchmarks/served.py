"""A simulated portal in a process of its own, as it is measured against: deals, delays, a bucket, a certificate.

As a command it serves until its stdin ends, and answers each line there with what it has seen. Its one argument is
JSON: `rows` of deals, seconds of a `request` and of a `call`, the `bucket` (burst, drain a second), a `certificate`
and its key; all but the rows may be missing. Delays are the server's, in the order of the calls of a batch.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from extractor.cli import collect_seldom
from extractor.sandbox.answer import Session
from extractor.sandbox.cost import CostModel
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.faults import calm, slow
from extractor.sandbox.meter import OPERATING_LIMIT, Bucket, Meter, Operating
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.classic import listed
from extractor.sandbox.portal import Portal
from extractor.sandbox.server import fastest_loop, serve
from extractor.sandbox.world import World

METHOD = "crm.deal.list"
CODE = "bench"  # of a webhook to rows that are made up: no secret
SUBJECT = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
           "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


def world_of(rows: int, call: float = 0.0) -> World:
    """Make the world: equal numbers give equal rows, in whatever process."""
    return World.build(rows={"deals": rows}, cost=CostModel.flat(call))


def shown(rows: int) -> list[int]:
    """List the ids that a portal of so many deals shows: some are gone."""
    return list(listed(world_of(rows), METHOD))


class Served:
    """A portal that is being served."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid
        self.webhook = f"{self._heard()}/rest/1/{CODE}/"

    def seen(self) -> dict[str, int]:
        """Ask what it has seen so far: requests, those refused, calls."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, int] = json.loads(self._heard())
        return found

    def _heard(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        return self._process.stdout.readline().strip()


@contextmanager
def served(rows: int, **wanted: Any) -> Iterator[Served]:
    """Start a portal, and see to it that it ends."""
    words = [sys.executable, __file__, json.dumps({"rows": rows, **wanted})]
    trust = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=trust) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


def certified(folder: str) -> tuple[str, str]:
    """Make a certificate for this run: some clients insist on https."""
    made = (f"{folder}/certificate.pem", f"{folder}/key.pem")
    subprocess.run([*SUBJECT, "-out", made[0], "-keyout", made[1]], check=True, stderr=subprocess.DEVNULL)
    return made


async def _serve(wanted: dict[str, Any]) -> None:
    meter = Meter(Bucket(*wanted["bucket"]), Operating(OPERATING_LIMIT)) if "bucket" in wanted else Meter.unlimited()  # a cloud portal, or one's own
    hook = Webhook(CODE, Session(1, admin=True, scopes=frozenset({"crm"})))
    late = slow(wanted["request"]) if "request" in wanted else None
    faults = (lambda _number, _request: late) if late else calm
    portal = Portal(world_of(wanted["rows"], wanted.get("call", 0.0)), METHODS, Credentials([hook]), meter, clock=time.time, faults=faults)
    context = None
    if "certificate" in wanted:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*wanted["certificate"])
    loop = asyncio.get_running_loop()
    async with serve(portal, ssl_context=context) as address:
        print(address, flush=True)
        while await loop.run_in_executor(None, sys.stdin.readline):
            seen = portal.statistics()
            print(json.dumps({"requests": seen.requests, "refused": seen.refused, "calls": seen.calls}), flush=True)


if __name__ == "__main__":
    collect_seldom()  # as `b24x sandbox` does
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(_serve(json.loads(sys.argv[1])))
