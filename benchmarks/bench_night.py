"""What a quiet night costs: a mirror of two million rows over all entities, brought into step while little has happened.

Virtual clock and the sandbox in memory, under the limits of the standard
tariff: so requests and seconds are exact, and equal in every run. The rows are
read with a narrow select, which changes neither.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from extractor.catalog import catalog
from extractor.config import settings
from extractor.floor import floor, requests_for
from extractor.limits import STANDARD
from extractor.order import Mirror, Outcome
from extractor.question import Question
from extractor.sandbox.answer import Session
from extractor.sandbox.clock import loop_clock, run
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal
from extractor.sandbox.transport import MemoryTransport
from extractor.sandbox.world import Mutation, World
from extractor.sync import Sync

CODE = "bench"
SHARES = {  # of the rows, by table
    "activities": 0.4, "deals": 0.15, "leads": 0.1, "contacts": 0.12, "companies": 0.05, "requisites": 0.01,
    "stagehistory": 0.1, "items_31": 0.02, "items_128": 0.02, "tasks": 0.03,
}
NARROW = {"deals", "leads", "contacts", "companies", "crm_activities", "tasks", "requisites", "smart_invoices", "crm_items"}
PARAMS = {"crm_items": {"entityTypeId": 128}, "stage_history": {"entityTypeId": 2}, "crm_categories": {"entityTypeId": 2}}


def questions() -> list[Question]:
    """Ask for everything that the catalog can keep in step."""
    return [
        Question(entity, (entity.filter_id,) if name in NARROW else None, params=PARAMS.get(name, {}))
        for name, entity in catalog().items() if entity.id
    ]


async def nights(folder: Path, rows: int) -> dict[str, Any]:
    """Dump, let a day pass, and sync without a sweep and with one."""
    world = World.build(rows={table: int(rows * share) for table, share in SHARES.items()})
    hook = Webhook(CODE, Session(1, admin=True, scopes=frozenset({"crm", "task", "user", "department"})))
    portal = Portal(world, METHODS, Credentials([hook]), Meter.standard(), clock=loop_clock())
    line = MemoryTransport(portal, latency=0.1)
    limits = settings({"webhook": f"http://127.0.0.1/rest/1/{CODE}/"})

    async def night(**options: Any) -> Outcome:
        await asyncio.sleep(86_400)
        return await Sync(Mirror(questions(), folder, **options), limits, line).run()

    first = await night(deletes=False, full_every=None)
    for table in ("activities", "deals", "tasks"):
        ids = list(world.tables[table].ids)
        world.apply(Mutation("change", table, tuple(ids[:: len(ids) // 40])))
        world.apply(Mutation("insert", table, count=25))
        world.apply(Mutation("delete", table, tuple(ids[7 :: len(ids) // 10])))
    quiet = await night(deletes=False, full_every=None)
    swept = await night(deletes=True, full_every=None)
    piece = await night(deletes=False, full_every=dt.timedelta(days=7))
    return {"first": first, "quiet": quiet, "swept": swept, "piece": piece}


def main() -> None:
    """Run the nights, and say what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = run(nights(Path(scratch) / "mirror", options.rows))
    for name, outcome in found.items():
        entities = outcome.manifest["entities"].values()
        written, gone = sum(one["written"] for one in entities), sum(one["gone"] for one in entities)
        print(f"{name:6} exit {outcome.exit_code}, {outcome.requests:6,} requests, {outcome.seconds:8.1f} s, {written:9,} written, {gone:4,} gone")
    rows = [one["rows"] for one in found["first"].manifest["entities"].values()]
    least = floor(requests=requests_for(rows), tariff=STANDARD).seconds
    print(f"a sweep of {sum(rows):,} ids takes no less than {least:.1f} s")
    lanes: dict[str, float] = {}
    for entity in found["swept"].manifest["entities"].values():
        for kind, cost in entity["lanes"].items():
            lanes[kind] = lanes.get(kind, 0) + cost["calls"]
    print("calls by lane of that night:", ", ".join(f"{kind} {calls:,}" for kind, calls in lanes.items()))


if __name__ == "__main__":
    main()
