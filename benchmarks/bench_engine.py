"""What b24x itself costs, per row and per request, in processor time: no network, no disk, the answers are prepared bytes.

    python benchmarks/bench_engine.py [--rows 100000] [--runs 5]

From the engine down everything is as in a dump: scheduler, pagers, limits, batch, client, decoder. Only the transport
answers from memory, and the sink counts. The transport's own time is measured and taken off. The same ids are read
twice, with fifty rows on a page and with one: the difference of the two is what rows cost, the rest what requests do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from bench_decoder import answers
from figures import machine, told

from extractor.catalog import catalog
from extractor.cli import collect_seldom
from extractor.cli.running import fastest_loop
from extractor.client import Client
from extractor.config import settings
from extractor.engine import Engine
from extractor.entityrun import EntityRun
from extractor.messages import PAGE_SIZE, FileMark, Row
from extractor.question import Question

PAGE = 50
WEBHOOK = "http://127.0.0.1/rest/1/bench/"  # nobody is asked there


@dataclass(frozen=True, slots=True)
class Answer:
    """A response from memory."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = ()  # type: ignore[assignment]


class Prepared:
    """Answers every page from rows that were made before; ids are without holes, and `size` of them are on a page."""

    def __init__(self, rows: int, size: int) -> None:
        rest = [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode().partition(b",")[2]
                for page in json.loads(answers("deals", "*")[1])["result"]["result"].values() for row in page]
        self._texts = [b'{"ID":"%d",%b' % (place + 1, rest[place % len(rest)]) for place in range(rows)]
        self._size = size
        self._before = 0
        self.seconds = 0.0
        self.requests = 0

    async def post(self, _url: str, body: bytes, _headers: Mapping[str, str]) -> Answer:
        """Answer one request, and note how long that took."""
        began = time.process_time()
        asked = json.loads(body)
        if "cmd" in asked:
            self._before = 0
            pages = {key: self._page(parse_qs(command.partition("?")[2])) for key, command in asked["cmd"].items()}
            inside = b",".join(b'"%b":%b' % (key.encode(), page) for key, page in pages.items())
            answer = b'{"result":{"result":{%b},"result_error":[],"result_total":[],"result_next":[],"result_time":[]}}' % inside
        else:
            answer = b'{"result":%b}' % self._page({"order[ID]": [asked["order"]["ID"]],
                                                   "filter[>ID]": [asked.get("filter", {}).get(">ID", 0)]})
        self.requests += 1
        self.seconds += time.process_time() - began
        return Answer(answer)

    def _page(self, query: Mapping[str, Sequence[object]]) -> bytes:
        if query["order[ID]"] == ["DESC"]:
            return b"[%b]" % self._texts[-1]
        asked = str(query.get("filter[>ID]", ["0"])[0])
        first, size = (self._before, self._size if self._before else 1) if "$result" in asked else (int(asked), self._size)
        texts = self._texts[first : first + size]
        self._before = first + size if len(texts) == PAGE_SIZE else 0  # the id of the fiftieth row, for the call behind
        return b"[%b]" % b",".join(texts)


class Counter:
    """A sink that counts."""

    mark = FileMark("-", 0, 0, "")

    def append(self, rows: Sequence[Row]) -> int:
        """Count the bytes."""
        return sum(len(row.text) for row in rows)

    def commit(self) -> FileMark:
        """Do nothing."""
        return self.mark

    def close(self) -> None:
        """Do nothing."""


async def read(transport: Prepared) -> tuple[float, int]:
    """Read all rows; return our own processor seconds, and the rows."""
    given = settings({"webhook": WEBHOOK, "tariff": "unlimited"})
    engine = Engine(Client(transport, given.credentials, given.rate()), given.limits(), save=lambda: lambda: None)
    run = EntityRun(Question(catalog()["deals"]), named=True, open_sink=Counter)
    engine.add(run)
    began, theirs = time.process_time(), transport.seconds
    await engine.run()
    return time.process_time() - began - (transport.seconds - theirs), run.rows


def measure(rows: int, size: int) -> tuple[float, int]:
    """Read so many rows; return our own processor seconds, and the requests."""
    transport = Prepared(rows, size)
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        seconds, found = runner.run(read(transport))
    assert found == rows, "rows are missing"  # noqa: S101
    return seconds, transport.requests


def main() -> None:
    """Measure, and print what a row and a request cost."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    collect_seldom()
    by_row, by_request = [], []
    for _ in range(given.runs):
        full, requests = measure(given.rows, PAGE)
        thin, many = measure(given.rows // PAGE, 1)
        # full = rows x + requests y; thin = (rows / 50) x + many y
        share = given.rows // PAGE
        y = (thin * given.rows - full * share) / (many * given.rows - requests * share)
        by_request.append(1e6 * y)
        by_row.append(1e6 * (full - requests * y) / given.rows)
    print(machine())
    print(f"a row: {told(by_row, '.1f')} microseconds; a request of fifty calls: {told(by_request, ',.0f')} microseconds")
    print(f"together: {told([1e6 / (row + request / 2500) for row, request in zip(by_row, by_request, strict=True)])} rows a second from full batches")


if __name__ == "__main__":
    main()
