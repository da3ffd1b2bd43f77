"""A portal in a process of its own, with a code worth stealing; each line on its stdin is answered by what it has served.

Its one argument is JSON: `rows` by table, the webhook's `code`, `seconds` of a call, a `certificate` and its key.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time

from extractor.sandbox.answer import Method, Session
from extractor.sandbox.cost import CostModel
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal
from extractor.sandbox.server import serve
from extractor.sandbox.wire import Written
from extractor.sandbox.world import World


def counted(method: Method, served: dict[str, int]) -> Method:
    """Count the rows of every page that a method gives."""
    def run(*args):
        answer = method.run(*args)
        served["rows"] += len(answer.result) if isinstance(answer.result, list | Written) else 0
        return answer

    return Method(method.scope, run)


async def main(wanted: dict) -> None:
    """Serve until stdin ends."""
    costs = {"cost": CostModel.flat(wanted["seconds"])} if "seconds" in wanted else {}
    world, served = World.build(rows=wanted["rows"], now=time.time(), **costs), {"rows": 0}
    methods = {name: counted(method, served) for name, method in METHODS.items()}
    hook = Webhook(wanted["code"], Session(1, admin=True, scopes=frozenset({"crm", "task", "user", "department"})))
    portal = Portal(world, methods, Credentials([hook]), clock=time.time)
    context = None
    if "certificate" in wanted:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*wanted["certificate"])
    loop = asyncio.get_running_loop()
    async with serve(portal, ssl_context=context) as address:
        _say(address)
        while await loop.run_in_executor(None, sys.stdin.readline):
            seen = portal.statistics()
            _say(json.dumps({**served, "requests": seen.requests, "calls": seen.calls, "in_flight": seen.in_flight}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
