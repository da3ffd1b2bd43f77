"""Who a story's runs are: a webhook, or an application whose tokens age, by the wall clock of a machine that is set now and then."""

from __future__ import annotations

import random
from types import SimpleNamespace

import orjson

from extractor.sandbox.answer import Session
from extractor.sandbox.authority import Application, Authority
from extractor.sandbox.clock import EPOCH, loop_clock
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.faults import cut, html
from tests.simulation.checks import holds
from tests.trials import ADDRESS, CLIENT, CODE, HOST, SCOPES, SECRET

TROUBLE = {"502": html(502), "503": html(503), "500": html(500), "cut before": cut(executed=False), "answer lost": cut()}


class Access:
    """One portal's credentials, and what the user of this story gives of them."""

    def __init__(self, one, loop, counts, calm):
        session = Session(1, admin=True, scopes=SCOPES)
        self.one, self._loop, self._counts, self._calm = one, loop, counts, calm
        self.credentials = Credentials([Webhook(CODE, session)])
        self.authority = Authority([Application(CLIENT, SECRET, session)], self.credentials, clock=loop_clock(),
                                   lifetime=one.lifetime or 3_600, seconds=one.latency, faults=self._fault)
        self._dice = random.Random(f"{one.seed}:wall")
        self._offset = 0.0
        self.wall = SimpleNamespace(time=lambda: EPOCH + self._loop.time() + self._offset)
        self.authorise()

    def authorise(self):
        """Let the owner authorise the application with a browser."""
        self._grant = self.authority.grant(CLIENT)
        self.risked = False  # whether an answer with tokens may have been lost since

    def options(self, folder):
        """Say who the next run is; somebody may set the machine's clock before it, and while it runs."""
        if self.one.lifetime is None:
            return {"webhook": ADDRESS}
        self._set_clock()
        self._loop.call_later(self._dice.uniform(1, 300), self._set_clock)
        return {"domain": HOST, "oauth_server": HOST, "client_id": CLIENT, "client_secret": SECRET,
                "access_token": self._grant.access_token, "refresh_token": self._grant.refresh_token,
                "token_file": str(folder / "tokens.json")}

    def locked_out(self, folder, outcome):
        """Tell whether a run ended because its refresh token was spent: that happens only when an answer was lost, by a death or on the way."""
        if self.one.lifetime is None or outcome.exit_code != 3 or "anew" not in (outcome.why or ""):
            return False
        kept = self._kept(folder)
        holds(kept not in self.authority._refresh, "a run whose refresh token is good is not refused", outcome.why)
        holds(self.risked, "no refresh token is spent twice", outcome.why)
        return True

    def _kept(self, folder):
        """Read which refresh token the next run would use."""
        try:
            record = orjson.loads((folder / "tokens.json").read_bytes())
        except FileNotFoundError:
            return self._grant.refresh_token
        return record["refresh_token"]

    def _set_clock(self):
        if self._dice.random() < self.one.jumps:
            self._counts["the wall clock jumped"] += 1
            self._offset = self._dice.uniform(-12, 12) * 3_600

    def _fault(self, number, _request):
        dice = random.Random(f"{self.one.seed}:authority:{number}")
        if self._calm() or dice.random() >= self.one.request_faults:
            return None
        kind = dice.choice(list(TROUBLE))
        self._counts[f"authority: {kind}"] += 1
        self.risked |= kind == "answer lost"
        return TROUBLE[kind]
