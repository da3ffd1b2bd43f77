"""How near b24x comes to the least time that the portal's limits allow: a table in Markdown, on stdout.

    python benchmarks/bench_limits.py [--only a] [--calm] [--share 1.0]

The engine, the client and the limits are the real ones; the portal is the
sandbox in memory, the clock is virtual, so that an hour takes a minute and the
same run comes out the same. Every scenario is run twice: calm, and with a
transient fault on 2 % of the requests.

Rule 1: the floor is computed from the work alone (`extractor.floor.least`): the
pages that hold the rows, their seconds, the tariff, the requests side by side.
Rule 2: a run counts only if the ids that came are the portal's, each once.
Rule 3: every page of a method costs the same, and shows the id alone: what is
measured is when calls are made, and the id is all that paging looks at.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from extractor.catalog import Entity, catalog
from extractor.client import Client
from extractor.config import settings
from extractor.engine import Engine
from extractor.entityrun import EntityRun
from extractor.errors import ConnectionLost
from extractor.events import CallFailed, Event
from extractor.floor import Floor, Work, least, pages_for
from extractor.limits import STANDARD, Tariff
from extractor.messages import FileMark, Row
from extractor.question import Question
from extractor.sandbox import clock
from extractor.sandbox.answer import Answer, Method, Params, Session
from extractor.sandbox.columns import Column
from extractor.sandbox.columns import Entity as Stored
from extractor.sandbox.cost import CostModel
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.dataset import Table
from extractor.sandbox.exchange import Request, Response
from extractor.sandbox.faults import calm, cut, html, refused, sometimes, truncated
from extractor.sandbox.meter import Bucket, Meter, Operating
from extractor.sandbox.methods import classic
from extractor.sandbox.portal import Portal
from extractor.sandbox.rows import ENTITIES
from extractor.sandbox.transport import drive
from extractor.sandbox.world import World

CODE = "bench-limits"  # of a webhook to rows that are made up: no secret
ADDRESS = f"http://127.0.0.1/rest/1/{CODE}/"
HERE = "127.0.0.1"
SESSION = Session(1, admin=True, scopes=frozenset({"crm"}))

IN_FLIGHT = 16  # requests side by side: of the portal's PHP workers in (f), elsewhere the most that b24x allows itself
PORTAL_LIMIT = 480.0  # seconds per method and ten minutes that the portal allows
OUR_LIMIT = 420.0  # and that b24x uses of it, untold

# What strikes 2 % of the requests. Not a 503: that is the portal's word on the rate, and whoever believes it waits (see e).
FAULTS = sometimes(0.02, [html(502), html(504, executed=True), refused(500, "INTERNAL_SERVER_ERROR"), cut(executed=False), cut(),
                          truncated(0.6, broken=True)], seed=7)


@dataclass(frozen=True, slots=True)
class Source:
    """One entity of a scenario: its rows, and the seconds of each of its pages."""

    name: str
    rows: int
    page_seconds: float
    of: str = "deals"

    @property
    def cloned(self) -> bool:
        """Whether its method is one that the portal does not have: a copy of a list method under another name."""
        return self.name not in catalog()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run: what is read, through which limits."""

    name: str
    title: str
    tables: Sequence[Source]
    latency: float = 0.1
    tariff: Tariff | None = STANDARD
    operating: float | None = PORTAL_LIMIT
    workers: int | None = None
    neighbour: float = 0.0  # requests a second of another app on our address
    options: Mapping[str, Any] = field(default_factory=dict)
    target: float = 1.05

    def floor(self, pages: Sequence[int]) -> Floor:
        """Compute the least time, given the pages that each table shows."""
        work = [Work(many, table.page_seconds) for many, table in zip(pages, self.tables, strict=True)]
        left = replace(self.tariff, per_second=self.tariff.per_second - self.neighbour) if self.tariff else None
        limit = OUR_LIMIT if self.operating else None
        return least(work, tariff=left, operating_limit=limit, window=IN_FLIGHT, latency=self.latency)


def tenant(share: float) -> list[Source]:
    """Make forty entities, from 10 to 2 million rows, of 5 to 200 ms a page, cheap and dear ones of every size."""
    rows = [int(10 * (200_000 * share) ** (place / 39)) for place in range(40)]
    costs = [round(0.005 * 40 ** (17 * place % 40 / 39), 4) for place in range(40)]
    return [Source(f"e{place:02}", many, cost) for place, (many, cost) in enumerate(zip(rows, costs, strict=True))]


def scenarios(share: float) -> list[Scenario]:
    """List the scenarios; `share` scales the rows of the tenant."""
    unlimited = {"tariff": "unlimited"}
    return [
        Scenario("a", "1 M deals, 8 ms a page", [Source("deals", 1_000_000, 0.008)]),
        Scenario("b", "1 M activities, 60 ms a page", [Source("crm_activities", 1_000_000, 0.060, "activities")]),
        Scenario("b2", "1 M activities, 200 ms a page", [Source("crm_activities", 1_000_000, 0.200, "activities")]),
        Scenario("c", "200,000 deals, 300 ms latency", [Source("deals", 200_000, 0.008)], latency=0.3),
        Scenario("d", "40 entities, 10 to 2 M rows, 5 to 200 ms", tenant(share)),
        Scenario("e", "as d, another app takes 1 request/s", tenant(share), neighbour=1.0),
        Scenario("f", "self-hosted, 16 workers: 1 M deals, 30 ms", [Source("deals", 1_000_000, 0.030)], latency=0.05,
                 tariff=None, operating=None, workers=IN_FLIGHT, options=unlimited),
    ]


class Ids:
    """A sink that keeps the ids, and nothing else."""

    mark = FileMark("", 0, 0, "")

    def __init__(self) -> None:
        self.ids = array("q")

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows."""
        self.ids.extend(int(row["ID"]) for row in rows)
        return 0

    def commit(self) -> FileMark:
        """Do nothing: what is in memory is as safe as it will be."""
        return self.mark

    def close(self) -> None:
        """Let go of nothing."""


class Site:
    """The portal of one scenario: its tables, its methods, and what was asked of them."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.world = World.build(rows={"deals": 0, "activities": 0})
        self.listings: dict[str, classic.Listing] = {}
        for table in scenario.tables:
            name = table.name if table.cloned else table.of
            self.world.tables[name] = Table(Stored(name, (Column("ID", "int"),)) if table.cloned else ENTITIES[table.of], table.rows)
            method = entity(table).method
            self.world.costs[method] = CostModel.flat(table.page_seconds)
            self.listings[method] = classic.Listing(name) if table.cloned else classic.LISTINGS[method]
        self.expected = [self._shown(entity(table).method) for table in scenario.tables]
        self.floor = scenario.floor([pages_for(len(one)) for one in self.expected])

    def _shown(self, method: str) -> array[int]:
        return array("q", classic.found_rows(self.listings[method], self.world, {}).all())

    def methods(self, empty: Counter[str]) -> dict[str, Method]:
        """Make the methods; they count the pages that hold nothing."""
        return {name: Method("crm", self._body(name, listing, empty)) for name, listing in self.listings.items()}

    @staticmethod
    def _body(name: str, listing: classic.Listing, empty: Counter[str]) -> Callable[..., Answer]:
        def body(world: World, params: Params, start: int | None, _session: Session) -> Answer:
            answer = classic.run(listing, name, world, params, start)
            empty[name] += not answer.result
            return answer
        return body


def entity(table: Source) -> Entity:
    """Make the catalog's entry of a table: its own, or one like that of its original."""
    if not table.cloned:
        return catalog()[table.name]
    original = catalog()["deals"]
    return replace(original, name=table.name, method=f"bench.{table.name}.list", fields="", note="")


class Wire:
    """The network in front of a portal: a round trip, and as many requests at a time as it has workers."""

    def __init__(self, portal: Portal, scenario: Scenario) -> None:
        self._portal = portal
        self._latency = scenario.latency
        self._workers = asyncio.Semaphore(scenario.workers or 10_000)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Carry one request."""
        parts = urlsplit(url)
        names = {name.lower(): value for name, value in headers.items()}
        request = Request("POST", parts.path, parts.query, names, body, HERE, secure=False)
        await asyncio.sleep(self._latency / 2)
        async with self._workers:
            response = await drive(self._portal.handle(request))
        await asyncio.sleep(self._latency / 2)
        if response.sent is not None:
            raise ConnectionLost("the connection broke")
        return response


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    seconds: float
    requests: int
    refused: int
    blocked: int
    calls: int
    empty: int
    exact: bool
    neighbour_refused: int
    wall: float


async def measure(site: Site, *, faulty: bool, sink_of: Callable[[], Ids] = Ids) -> Result:
    """Read a site to its end, every table into a sink of its own."""
    scenario, empty = site.scenario, Counter[str]()
    meter = Meter(Bucket(scenario.tariff.burst, scenario.tariff.per_second) if scenario.tariff else None, Operating(scenario.operating))
    portal = Portal(site.world, site.methods(empty), Credentials([Webhook(CODE, SESSION)]), meter,
                    clock=clock.loop_clock(), faults=FAULTS if faulty else calm)
    told = settings({"webhook": ADDRESS, **scenario.options})
    failed = Counter[str]()

    def observe(event: Event) -> None:
        if isinstance(event, CallFailed):
            failed[event.reason] += 1

    engine = Engine(Client(Wire(portal, scenario), told.credentials, told.rate()), told.limits(), save=lambda: lambda: None, observers=[observe])
    sinks = [sink_of() for _ in scenario.tables]
    for table, sink in zip(scenario.tables, sinks, strict=True):
        engine.add(EntityRun(Question(entity(table), select=("ID",)), named=True, open_sink=lambda sink=sink: sink))
    began = time.perf_counter()
    neighbour = Counter[bool]()
    async with asyncio.TaskGroup() as group:
        other = group.create_task(_neighbour(meter, scenario.neighbour, neighbour))
        await engine.run()
        seconds = asyncio.get_running_loop().time()
        other.cancel()
    seen = portal.statistics()
    exact = all(array("q", sorted(sink.ids)) == ids for sink, ids in zip(sinks, site.expected, strict=True))
    return Result(seconds, seen.requests, seen.refused, failed["OperatingLimited"], seen.calls, empty.total(), exact,
                  neighbour[False], time.perf_counter() - began)


async def _neighbour(meter: Meter, per_second: float, seen: Counter[bool]) -> None:
    """Be another app on the same address: evenly spaced requests, whatever becomes of them."""
    now = clock.loop_clock()
    while per_second:
        seen[meter.admit(HERE, now())] += 1
        await asyncio.sleep(1 / per_second)


HEAD = ("scenario", "rows", "bound by", "floor, s", "time, s", "ratio", "requests", "503", "429", "empty calls", "with 2 % faults, s", "ratio")


def line(site: Site, calm_run: Result, faulty: Result | None) -> str:
    """Write one line of the table."""
    floor = site.floor.seconds
    cells = [
        f"{site.scenario.name}: {site.scenario.title}", f"{sum(map(len, site.expected)):,}", site.floor.bound, f"{floor:,.1f}",
        f"{calm_run.seconds:,.1f}", _ratio(calm_run, floor, 1.05), f"{calm_run.requests:,}", f"{calm_run.refused}", f"{calm_run.blocked}",
        f"{calm_run.empty:,} of {calm_run.calls:,}", *((f"{faulty.seconds:,.1f}", _ratio(faulty, floor, 1.10)) if faulty else ("", "")),
    ]
    return f"| {' | '.join(cells)} |"


def _ratio(result: Result, floor: float, target: float) -> str:
    if not result.exact:
        return "**not exact**"
    ratio = result.seconds / floor
    return f"{ratio:.3f}" if ratio <= target else f"**{ratio:.3f}**"


def main(argv: Iterable[str]) -> None:
    """Run the scenarios, and print the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="names of scenarios, such as a or a,c")
    parser.add_argument("--calm", action="store_true", help="leave the runs with faults out")
    parser.add_argument("--share", type=float, default=1.0, help="of the rows of the largest entity of d and e")
    options = parser.parse_args(list(argv))
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for scenario in scenarios(options.share):
        if options.only and scenario.name not in options.only.split(","):
            continue
        site = Site(scenario)
        calm_run = clock.run(measure(site, faulty=False))
        faulty = None if options.calm else clock.run(measure(site, faulty=True))
        print(line(site, calm_run, faulty), flush=True)
        walls = " and ".join(f"{one.wall:.0f} s" for one in (calm_run, faulty) if one)
        print(f"{scenario.name}: {walls} of wall time; refused of the neighbour's: {calm_run.neighbour_refused}; "
              f"503 and 429 with faults: {(faulty.refused, faulty.blocked) if faulty else '-'}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
