"""A portal in memory and dumps of it: the whole path but for the sockets, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import Counter

import orjson

from extractor.catalog import catalog
from extractor.client import Client
from extractor.config import Settings, settings
from extractor.dump import Dump
from extractor.errors import ConnectionLost
from extractor.order import Order
from extractor.question import Question
from extractor.sandbox.answer import Session
from extractor.sandbox.authority import Application, Authority
from extractor.sandbox.clock import loop_clock
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.faults import calm
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal
from extractor.sandbox.transport import MemoryTransport
from extractor.sandbox.world import World

CODE = "k4n4ri3nv0g3l"
HOST = "http://127.0.0.1"
ADDRESS = f"{HOST}/rest/1/{CODE}/"
CLIENT, SECRET = "local.k4n4ri3", "s3cr3tk4n4ri3nv0g3l"
SCOPES = frozenset({"crm", "task", "user", "department"})


def pages_in(body: bytes) -> list[int]:
    """Count the rows of every page in the body of an answer; a torn one has none."""
    try:
        result = orjson.loads(body).get("result")
    except orjson.JSONDecodeError:
        return []
    pages = result["result"] if isinstance(result, dict) and "result_error" in result else {"": result}
    return [_rows(page) for page in (pages.values() if isinstance(pages, dict) else pages)]


def _rows(page: object) -> int:
    while isinstance(page, dict) and len(page) == 1:  # {"items": [...]}, {"tasks": [...]}
        page = next(iter(page.values()))
    return len(page) if isinstance(page, list) else 1


class Line:
    """The network: counts what it carries, and breaks as a real one does."""

    def __init__(self, portal: Portal, latency: float) -> None:
        self._transport = MemoryTransport(portal, latency=latency)
        self.requests = 0
        self.urls: list[str] = []
        self.pages: list[int] = []
        self.statuses: Counter[int] = Counter()

    @property
    def rows(self) -> int:
        """All rows that came over, as often as they came."""
        return sum(self.pages)

    async def post(self, url, body, headers):
        """Carry one request."""
        self.requests += 1
        self.urls.append(url)
        try:
            answer = await self._transport.post(url, body, headers)
        except ConnectionResetError as error:
            raise ConnectionLost(str(error)) from None
        self.statuses[answer.status] += 1
        if answer.status == 200:
            self.pages += pages_in(answer.body)
        return answer


class Trial:
    """One portal, and a folder to dump it into."""

    def __init__(self, folder, *, rows=None, meter=None, latency=0.1, faults=calm, session=None, oauth=None, **world) -> None:
        self.folder = folder
        session = session or Session(1, admin=True, scopes=SCOPES)
        self.world = World.build(rows=rows, **world)
        credentials = Credentials([Webhook(CODE, session)])
        self.authority = Authority([Application(CLIENT, SECRET, session)], credentials, clock=loop_clock(), **(oauth or {}))
        self.portal = Portal(
            self.world, METHODS, credentials, meter or Meter.standard(), clock=loop_clock(), faults=faults, authority=self.authority)
        self.latency = latency
        self.line = Line(self.portal, latency)

    def order(self, *names, folder=None, **asked) -> Order:
        """Order entities by name, or one with wishes; further words go into the order."""
        wishes = {key: asked.pop(key) for key in ("select", "filter", "params", "paging") if key in asked}
        questions = [Question(catalog()[name], **wishes) for name in names]
        return Order(questions, folder=folder or self.folder, **asked)

    def dump(self, *names, observers=(), limits=None, **asked) -> Dump:
        """Prepare a run; a new one each time, as a new process would be."""
        return Dump(self.order(*names, **asked), limits or self.settings(), self.line, observers)

    def client(self, **options) -> Client:
        """Make a client that sends over the line."""
        given = self.settings(**options)
        return Client(self.line, given.credentials, given.rate())

    def settings(self, **options) -> Settings:
        """Say how to talk to this portal."""
        return settings({"webhook": ADDRESS, **options})

    def application(self, token_file, **options) -> Settings:
        """Say how to talk to this portal as an application; its owner authorises it now."""
        grant = self.authority.grant(CLIENT)
        given = {"access_token": grant.access_token, "refresh_token": grant.refresh_token, "token_file": str(token_file)}
        return settings({"domain": HOST, "oauth_server": HOST, "client_id": CLIENT, "client_secret": SECRET, **given, **options})

    async def run(self, *names, **asked):
        """Dump to the end."""
        return await self.dump(*names, **asked).run()

    def rows(self, name, folder=None):
        """Read what lies on disk; a torn line is no JSON."""
        path = (folder or self.folder) / name / "part-00000.ndjson"
        lines = path.read_bytes().splitlines(keepends=True)
        assert all(line.endswith(b"}\n") for line in lines)
        return [orjson.loads(line) for line in lines]

    def ids(self, name, folder=None):
        """List the ids on disk, ascending, as often as they are there."""
        return sorted(int(row[catalog()[name].id]) for row in self.rows(name, folder))

    async def ask(self, method, params=None):
        """Call one method as anybody would, past what the trial counts."""
        answer = await MemoryTransport(self.portal).post(ADDRESS + method, orjson.dumps(params or {}), {"Content-Type": "application/json"})
        return orjson.loads(answer.body)

    async def shown(self, name, **params):
        """Read an entity as the portal shows it, page after page, while nothing moves."""
        entity = catalog()[name]
        order = {"sort": entity.id, "order": "ASC"} if entity.order == "scalar" else {"order": {entity.filter_id: "ASC"}}
        asked = {**entity.params, **({"select": list(entity.select)} if entity.select else {}), **params}
        asked |= order if entity.paging != "single" else {}
        rows, start = [], 0
        while start is not None:
            await asyncio.sleep(0.5)  # as the bucket drains: a run may have left it full
            body = await self.ask(entity.method, {**asked, "start": start})
            page = body["result"]
            for key in entity.rows:
                page = page[key]
            rows += page
            start = body.get("next")
        return rows
