"""The portal of one story: what it shows, what its users do, how it and the network fail, and what was seen of it all."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict

from extractor.errors import ConnectionLost, RequestTimeout, Unreachable
from extractor.sandbox.answer import Method
from extractor.sandbox.clock import EPOCH, loop_clock
from extractor.sandbox.faults import Fault, answers, cut, garbage, html, moved, refused, slow, truncated
from extractor.sandbox.faults import methods as mishaps
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.classic import LISTINGS, listed
from extractor.sandbox.portal import Portal
from extractor.sandbox.transport import MemoryTransport
from extractor.sandbox.world import NOW, World
from tests.simulation.access import Access
from tests.simulation.budget import Budget
from tests.simulation.scenario import TABLES, mutations
from tests.trials import HOST

TIMEOUT = 75.0
SELDOM = 30  # calls of a method between two pages that are blank: two in a row are what an empty table looks like

REQUEST_FAULTS = {
    "503 in JSON": lambda _seed: refused(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
    "503 as a page": lambda _seed: html(503),
    "429 in JSON": lambda _seed: refused(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
    "500 in JSON": lambda _seed: refused(500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    "500 as a page": lambda _seed: html(500),
    "502": lambda _seed: html(502),
    "504 after the work": lambda _seed: html(504, executed=True),
    "a page with 200": lambda _seed: html(200),
    "cut before the work": lambda _seed: cut(executed=False),
    "cut after the work": lambda _seed: cut(),
    "torn body": lambda seed: truncated(random.Random(seed).random()),
    "broken body": lambda seed: truncated(random.Random(seed).random(), broken=True),
    "garbage": lambda _seed: garbage(),
    "slow": lambda seed: slow(random.Random(seed).uniform(5, 50)),
    "killed at 60 s": lambda _seed: slow(61),
    "no answer": lambda _seed: slow(61),
    "commands fail, with 500": lambda seed: Fault(spoil=answers.failing("INTERNAL_SERVER_ERROR", seed=seed)),
    "commands are blocked": lambda seed: Fault(spoil=answers.failing("OPERATION_TIME_LIMIT", seed=seed)),
    "commands in neither map": lambda seed: Fault(spoil=answers.silent(share=0.3, seed=seed)),
    "maps as lists": lambda _seed: Fault(spoil=answers.listed("result", "result_total", "result_time")),
    "result: []": lambda _seed: Fault(spoil=answers.emptied()),
    "doubled keys": lambda _seed: Fault(spoil=answers.doubled_keys()),
}
BLOCKS = {"429 in JSON", "commands are blocked"}
RARE_FAULTS = {  # they end an entity, or the run
    "302": lambda _seed: moved("new.example"),
    'commands fail, with ""': lambda seed: Fault(spoil=answers.failing("", seed=seed)),
    "commands fail, with 0": lambda seed: Fault(spoil=answers.failing(0, seed=seed)),
}
NETWORK_FAULTS = {"no name, no TLS": Unreachable, "no answer in time": RequestTimeout}
MISHAPS = {"short page": mishaps.short(31), "blank page": None}
BREACHES = {"dropped filter": mishaps.deaf, "dropped order": mishaps.unordered}
LIES = {"total too low": lambda total: total - 60, "total of the page": lambda total: min(50, total), "total too high": lambda total: total + 130}


class Watched(World):
    """A world that says when it has moved."""

    def apply(self, mutation):
        """Let one thing happen."""
        super().apply(mutation)
        self.moved(mutation)


class Simulated:
    """The portal and the network of a scenario; also the transport."""

    worlds = Watched

    def __init__(self, one, loop):
        self.one, self.counts, self.calm = one, Counter(), False
        self.requests, self.mended = 0, False
        self.shown = defaultdict(lambda: defaultdict(list))  # entity -> id -> versions of the row
        self.world = self.worlds.build(
            seed=one.seed % 5, rows=one.rows, costs=one.costs, now=NOW + one.ahead, server_zone=one.server_zone, user_zone=one.user_zone)
        self.world.turn(twins=one.twins)
        self.methods = {question.entity.method: question for question in one.questions()}
        self.poison = {question.entity.name: self._poison(question) for question in one.questions()}
        self.visible = {name: self.now_visible(name) for name in one.names}
        self.lived = {name: set(ids) for name, ids in self.visible.items()}
        self.world.moved = self._moved
        self.world.schedule = mutations(one, self.world.tables)
        self.touched = {mutation.table for mutation in self.world.schedule}
        self.budget = Budget(one.meter)
        self.access = Access(one, loop, self.counts, lambda: self.calm)
        methods = {name: self._method(name, method) for name, method in METHODS.items()}
        self.portal = Portal(self.world, methods, self.access.credentials, one.meter, clock=loop_clock(EPOCH + one.ahead), faults=self._fault,
                             authority=self.access.authority)

    def now_visible(self, name):
        """Say which ids a question's answer holds at this moment."""
        question = next(each for each in self.one.questions() if each.entity.name == name)
        if question.entity.method in LISTINGS:
            return set(listed(self.world, question.entity.method, dict(question.filter)))
        if not TABLES[name]:
            return set()
        table = self.world.tables[TABLES[name]]
        clients = table.raw("ENTITY_TYPE_ID") if name == "requisites" else None  # those of others are not shown
        return {one for one in table.ids if clients is None or clients(one) in {3, 4}}

    def _moved(self, mutation):
        self.counts[f"rows: {mutation.action}"] += len(mutation.ids) or mutation.count
        for name in self.one.names:
            if TABLES[name] == mutation.table:
                now = self.now_visible(name)
                self.visible[name] |= now
                self.lived[name] &= now

    def _poison(self, question):
        name = question.entity.name
        table = self.world.tables.get(TABLES[name])
        ids = list(table.ids) if table and question.entity.paging == "keyset" else []
        bad = frozenset(self.one.dice.sample(ids, min(len(ids), self.one.poisoned)))
        way = self.one.dice.choice(["encoding", "encoding", "fatal", "endless"])
        return mishaps.Poison(bad, way, throughout=way != "encoding" and self.one.dice.random() < 0.3)

    def _method(self, name, method):
        """Put between a method and its callers: what watches it, its bad rows, and its mishaps."""
        if name not in self.methods:
            return method
        question = self.methods[name]
        entity, poison = question.entity.name, self.poison[question.entity.name]
        watched = Method(method.scope, self._watched(method, question))
        bad = mishaps.with_mishaps(watched, lambda _number: None if self.mended else poison) if poison.ids else watched
        dice, stalled = random.Random(f"{self.one.seed}:{entity}"), mishaps.Stalled()
        blank_at, blanked = -SELDOM, False

        def blank(run, params, start):
            """Show nothing, but of the two pages of a probe only one, and once: two of them are what an empty table looks like."""
            nonlocal blanked
            asked = params.get("filter", params.get("FILTER", ()))
            inside = any(str(key).lower() == ">id" for key in asked)
            if blanked and not inside:
                return run(params)
            blanked = blanked or not inside
            self.counts["method: blank page"] += 1
            return mishaps.short(0)(run, params, start)

        lie = dice.choice([None] * 5 + list(LIES)) if self.one.method_faults else None

        def strikes(number):
            nonlocal blank_at
            chance = dice.random()
            if self.calm or question.entity.paging == "single":
                return None
            if chance < self.one.method_faults and not question.entity.counts_always:  # no join, no cut: its pages are whole
                kind = dice.choice(self.one.mishaps)
                if kind == "blank page":
                    if number - blank_at < SELDOM or entity == "departments":
                        return None
                    blank_at = number
                    return blank
                self.counts[f"method: {kind}"] += 1
                return MISHAPS[kind]
            if chance > 1 - self.one.broken_methods:
                kind = dice.choice([*BREACHES, "page before, again"])
                self.counts[f"method: {kind}"] += 1
                return BREACHES.get(kind, stalled.stall)
            if lie and question.entity.paging == "keyset":
                self.counts[f"method: {lie}"] += 1
                return mishaps.lying(LIES[lie])
            return stalled.watch

        return mishaps.with_mishaps(bad, strikes)

    def _watched(self, method, question):
        """Remember every version of every row that the method shows with the select that was asked."""
        entity, select = question.entity, question.asked().get("select")
        versions = self.shown[entity.name]

        def body(world, params, start, session):
            answer = method.run(world, params, start, session)
            self.budget.ran(question.entity.method, answer.seconds)
            if select is None or params.get("select") == select:
                for row in mishaps.rows_of(answer):
                    known = versions[str(row[entity.id])]
                    if row not in known:
                        known.append(row)
            return answer
        return body

    def _fault(self, number, _request):
        dice = random.Random(f"{self.one.seed}:{number}")
        if self.calm or dice.random() >= self.one.request_faults:
            return None
        kinds = RARE_FAULTS if dice.random() < 0.05 else REQUEST_FAULTS
        kind = dice.choice(list(kinds))
        self.counts[f"request: {kind}"] += 1
        self.budget.blocks += kind in BLOCKS
        return kinds[kind](number)

    async def post(self, url, body, headers):
        """Carry one request, and keep account of it."""
        with self.budget.request() as answers:
            answers.append(await self._post(url, body, headers))
        return answers[0]

    async def _post(self, url, body, headers):
        """Carry one request over a network that fails now and then."""
        assert url.startswith(HOST)
        self.requests += 1
        self.calm = self._has_calmed()
        dice = random.Random(f"{self.one.seed}:net:{self.requests}")
        if not self.calm:
            for _ in range(dice.randint(1, 4) if dice.random() < self.one.neighbours else 0):
                self.counts["a neighbour's requests"] += 1
                self.portal.meter.admit("127.0.0.1", self.portal._desk.clock())
            if dice.random() < self.one.request_faults / 8:
                kind = dice.choice(list(NETWORK_FAULTS))
                self.counts[f"network: {kind}"] += 1
                await asyncio.sleep(0.01 if kind.startswith("no name") else TIMEOUT)
                raise NETWORK_FAULTS[kind](kind)
        latency = self.one.latency * dice.uniform(0.5, 2.0)
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await MemoryTransport(self.portal, latency=latency).post(url, body, headers)
        except ConnectionResetError as error:
            raise ConnectionLost(str(error)) from None
        except TimeoutError:
            raise RequestTimeout("no whole answer came in the time allowed") from None
        self.counts[f"HTTP {answer.status}"] += 1
        return answer

    def _has_calmed(self):
        """Tell whether nothing goes wrong any more."""
        return self.requests > self.one.calm_after
