"""How many rows a second the decoder takes out of an answer, beside the plain way: `orjson.loads`, and `orjson.dumps` for each row.

    python benchmarks/bench_decoder.py [--runs 11] [--seconds 0.5]

The bytes are the simulated portal's own. Both ways end with the same thing, the text of every row, and it is checked
that they agree. The two take turns, and seconds are those of this process's processor.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Callable

import orjson
from figures import machine, ratio, told

from extractor import batch
from extractor.catalog import catalog
from extractor.decoder import page_of, reply_of
from extractor.envelopes import envelope_of, maps_of
from extractor.messages import Reply
from extractor.sandbox.answer import Session
from extractor.sandbox.cost import CostModel
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.exchange import Request
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal
from extractor.sandbox.transport import drive
from extractor.sandbox.world import World

PAGE, BATCH = 50, 50
ENTITIES = {"deals": "*", "crm_activities": "*"}
Way = Callable[[], list[bytes]]


def answers(entity: str, select: str) -> tuple[bytes, bytes]:
    """Let a portal answer one call, and one batch of fifty."""
    method = catalog()[entity].method
    world = World.build(rows={"deals": 5_000, "activities": 5_000}, cost=CostModel.flat(0.0))
    hook = Webhook("bench", Session(1, admin=True, scopes=frozenset({"crm"})))
    portal = Portal(world, METHODS, Credentials([hook]), clock=time.time)

    def asked(name: str, params: object) -> bytes:
        request = Request("POST", f"/rest/1/bench/{name}", "", {"content-type": "application/json"}, json.dumps(params).encode(), "", secure=False)
        return asyncio.run(drive(portal.handle(request), None)).body

    commands = {f"c{place}": f"{method}?order[ID]=ASC&start=-1&select[0]={select}&filter[%3EID]={place * PAGE}" for place in range(BATCH)}
    page = asked(method, {"order": {"ID": "ASC"}, "start": -1, "select": [select]})
    return page, asked("batch", {"halt": 0, "cmd": commands})


def ways(entity: str, page: bytes, many: bytes) -> dict[str, tuple[Way, Way, int]]:
    """Give our way and the plain one, for a page and for a batch, with the rows that each brings."""
    listed = catalog()[entity]

    def our_page() -> list[bytes]:
        found = envelope_of(200, page)
        return [row.text for row in page_of(reply_of(found.result, found.total, found.next, found.time), listed).rows]

    def our_batch() -> list[bytes]:
        replies = batch.decode(maps_of(200, many), BATCH)
        return [row.text for reply in replies if isinstance(reply, Reply) for row in page_of(reply, listed).rows]

    def plain_page() -> list[bytes]:
        return [orjson.dumps(row) for row in orjson.loads(page)["result"]]

    def plain_batch() -> list[bytes]:
        pages = orjson.loads(many)["result"]["result"].values()
        return [orjson.dumps(row) for rows in pages for row in rows]

    return {"a page of 50": (our_page, plain_page, PAGE), "a batch of 2,500": (our_batch, plain_batch, PAGE * BATCH)}


def rows_a_second(way: Way, rows: int, seconds: float) -> float:
    """Go a way again and again for so many seconds."""
    turns, began = 0, time.process_time()
    while (took := time.process_time() - began) < seconds:
        way()
        turns += 1
    return turns * rows / took


def main() -> None:
    """Measure, and print a table in Markdown."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--runs", type=int, default=11)
    options.add_argument("--seconds", type=float, default=0.5, help="of each way in each run")
    given = options.parse_args()
    gc.freeze()
    print(machine())
    print("| rows | from | decoder, rows/s | plain, rows/s | ratio |\n|---|---|---|---|---|")
    for entity, select in ENTITIES.items():
        page, many = answers(entity, select)
        for name, (ours, plain, rows) in ways(entity, page, many).items():
            texts = ours()
            assert [orjson.loads(text) for text in texts] == [orjson.loads(text) for text in plain()]  # noqa: S101
            assert len(texts) == rows  # noqa: S101
            size = sum(map(len, texts)) / rows
            pairs = [(rows_a_second(ours, rows, given.seconds), rows_a_second(plain, rows, given.seconds)) for _ in range(given.runs)]
            our, their = zip(*pairs, strict=True)
            print(f"| {entity}, {size:,.0f} bytes | {name} | {told(our)} | {told(their)} | {ratio(our, their)} |", flush=True)


if __name__ == "__main__":
    main()
