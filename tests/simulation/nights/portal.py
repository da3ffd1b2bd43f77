"""The portal of a mirror: it lives on for nights, each with its storm, and can be asked what is true."""

from __future__ import annotations

from contextlib import contextmanager

from extractor.messages import PAGE_SIZE
from extractor.sandbox.answer import Session
from extractor.sandbox.clock import EPOCH, loop_clock
from extractor.sandbox.faults import methods as mishaps
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal as Quiet
from extractor.sandbox.transport import MemoryTransport
from tests.simulation.checks import id_of
from tests.simulation.nights.users import ACTS, Lively, inserts
from tests.simulation.portal import Simulated
from tests.simulation.scenario import TABLES
from tests.trials import SCOPES

ADMIN = Session(1, admin=True, scopes=SCOPES)
MEDDLING = 6  # in a night


class Portal(Simulated):
    """A portal that is asked every night."""

    worlds = Lively
    stormy, storm_began, meddled = False, 0, 0

    def __init__(self, one, loop):
        super().__init__(one, loop)
        self.world.settle_in(one, {name: TABLES[name] for name in one.names})

    @property
    def now(self):
        """The server's clock."""
        return self.portal._desk.clock()

    def night(self, *, stormy):
        """Begin a night."""
        self.stormy, self.storm_began, self.meddled = stormy, self.requests, 0
        self.world.begin(self.now)

    @contextmanager
    def still(self):
        """Let happen what is due, and then nothing; give a network to this portal on which nothing fails, and of which the nights know nothing."""
        self.world.begin(self.now)
        self.world.advance(self.now, 0)
        self.world.still = True
        quiet = Quiet(self.world, METHODS, self.access.credentials, Meter.unlimited(), clock=loop_clock(EPOCH + self.one.ahead))
        try:
            yield MemoryTransport(quiet, latency=0.05)
        finally:
            self.world.still = False

    def _has_calmed(self):
        return not self.stormy or self.requests - self.storm_began > self.one.calm_after

    def _watched(self, method, question):
        """Let users do something just when a lane has come to its end, before others have: that is when it hurts."""
        whole, table = super()._watched(method, question), TABLES[question.entity.name]

        def body(world, params, start, session):
            answer = whole(world, params, start, session)
            ids_alone = list(params.get("select", ())) == [question.entity.filter_id]
            if table and self.meddled < MEDDLING and len(mishaps.rows_of(answer)) < PAGE_SIZE and world.dice.random() < (0.6 if ids_alone else 0.2):
                self.meddled += 1
                world.intend(world.now, inserts if ids_alone else world.dice.choice(ACTS), table)
            return answer
        return body

    def _moved(self, mutation):
        """Nothing is counted here: the ledger tells."""

    def now_visible(self, name):
        """Not needed: what is true is asked for when it is needed."""
        return set()

    def truth(self, name):
        """Read an entity as the portal shows it at this moment: rows by id."""
        question = next(one for one in self.one.questions() if one.entity.name == name)
        steps = question.entity.paging == "keyset"
        call, rows, start = question.window(-1, None) if steps else question.whole(), {}, -1 if steps else 0
        while start is not None:
            answer = METHODS[question.entity.method].run(self.world, {**call.params, "start": start}, start, ADMIN)
            page = {id_of(name, row): row for row in mishaps.rows_of(answer)}
            rows |= page
            if steps:
                call, start = question.window(int([*page][-1]), None) if page else call, start if page else None
            else:
                start = answer.next
        return rows
