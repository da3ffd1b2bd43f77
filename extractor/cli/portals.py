"""The simulated portal that `sandbox` and `demo` serve."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from extractor.errors import UsageError
from extractor.sandbox.answer import Session
from extractor.sandbox.authority import Application, Authority
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.faults import calm
from extractor.sandbox.faults.mixture import Mixture
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods import METHODS
from extractor.sandbox.motion import Motion
from extractor.sandbox.portal import Portal
from extractor.sandbox.world import DEFAULT_ROWS, NOW, World
from extractor.wording import quoted

APPLICATION = Application("local.sandbox", "sandbox-secret", Session(1, True, frozenset({"crm", "task", "user", "department"})))
CODE = "sandbox"  # of a webhook to a portal that holds nothing but made-up rows: no secret
MOST_ROWS = 10_000_000  # of a table: they live in memory
_METERS = {"standard": Meter.standard, "enterprise": Meter.enterprise, "unlimited": Meter.unlimited}


def world_of(rows: Mapping[str, int], *, seed: int, changes: int = 0) -> World:
    """Make the data of a portal with so many rows by table, the same ones whenever it is made; from now on, so many `changes` a minute."""
    world = World.build(seed=seed, rows=rows, now=time.time(), until=NOW)
    if changes:
        world.motion = Motion(world.tables, seed=seed, per_minute=changes, start=world.now).due
    return world


def build(world: World, *, tariff: str, mixture: Mixture | None = None) -> Portal:
    """Make a portal around its data, with its faults, if it is to have any; its clock is the machine's."""
    credentials = Credentials([Webhook(CODE, APPLICATION.session)])
    authority = Authority([APPLICATION], credentials, clock=time.time)
    methods, faults = (mixture.over(METHODS), mixture.requests) if mixture else (METHODS, calm)
    return Portal(world, methods, credentials, _METERS[tariff](), clock=time.time, authority=authority, faults=faults)


def authorised(portal: Portal, address: str) -> list[str]:
    """Authorise the portal's application; return its credentials as lines for a shell."""
    if portal.authority is None:
        return []
    grant = portal.authority.grant(APPLICATION.client_id)
    given = {
        "DOMAIN": address, "OAUTH_SERVER": address, "CLIENT_ID": APPLICATION.client_id, "CLIENT_SECRET": APPLICATION.client_secret,
        "ACCESS_TOKEN": grant.access_token, "REFRESH_TOKEN": grant.refresh_token, "TOKEN_FILE": "b24x-tokens.json",
    }
    return [f"export B24X_{name}='{value}'" for name, value in given.items()]


def row_counts(pairs: Sequence[str]) -> dict[str, int]:
    """Read `TABLE=N` pairs.

    Raises:
        UsageError: A pair has another form, or names a table that is not there.
    """
    counts = {}
    for pair in pairs:
        table, _, count = pair.partition("=")
        if table not in DEFAULT_ROWS or not re.fullmatch("[0-9]{1,9}", count) or int(count) > MOST_ROWS:
            raise UsageError(f"--rows is TABLE=N with one of {', '.join(DEFAULT_ROWS)}, and N up to {MOST_ROWS:,}; not {quoted(pair)}")
        counts[table] = int(count)
    return counts
