"""What one would write in an evening: a keyset walk with aiohttp, `orjson.loads`, `orjson.dumps` for each row, and a file.

It is called with a way (`pages` or `batches`), the webhook and the file. It fails at the first thing that is not as it
should be, keeps nothing to go on from, and asks one request at a time. A batch is 50 calls that refer to each other, as
the portal's documentation shows. It gets the loop that b24x runs on (uvloop), and Python's collector at its default.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import uvloop

METHOD = "crm.deal.list"
PAGE, BATCH = 50, 50


async def post(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Any:
    """Ask once."""
    async with session.post(url, data=orjson.dumps(body), headers={"Content-Type": "application/json"}) as answer:
        answer.raise_for_status()
        return orjson.loads(await answer.read())["result"]


async def pages(session: aiohttp.ClientSession, webhook: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Ask for a page at a time."""
    last = 0
    while True:
        rows = await post(session, webhook + METHOD, {"order": {"ID": "ASC"}, "filter": {">ID": last}, "select": ["*", "UF_*"], "start": -1})
        if not rows:
            return
        yield rows
        last = int(rows[-1]["ID"])


async def batches(session: aiohttp.ClientSession, webhook: str) -> AsyncIterator[list[dict[str, Any]]]:
    """Ask for fifty pages at a time, each from the last id of the one before."""
    last = 0
    while True:
        above = [str(last), *(f"$result[c{place}][{PAGE - 1}][ID]" for place in range(BATCH - 1))]
        commands = {
            f"c{place}": f"{METHOD}?order[ID]=ASC&start=-1&select[0]=*&select[1]=UF_*&filter[{quote('>ID')}]={quote(low)}"
            for place, low in enumerate(above)
        }
        found = await post(session, webhook + "batch", {"halt": 1, "cmd": commands})
        for rows in found["result"].values():
            if not rows:
                return
            yield rows
            last = int(rows[-1]["ID"])
            if len(rows) < PAGE:  # what refers to a row that is not there begins from the start again
                return


async def main(way: str, webhook: str, path: str) -> None:
    """Read all rows into a file."""
    with Path(path).open("wb") as file:  # noqa: ASYNC230 - plain
        async with aiohttp.ClientSession() as session:
            async for rows in {"pages": pages, "batches": batches}[way](session, webhook):
                for row in rows:
                    file.write(orjson.dumps(row))
                    file.write(b"\n")


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
