"""The simulated portal that `sandbox` and `demo` serve."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from extractor.errors import UsageError
from extractor.sandbox.answer import Session
from extractor.sandbox.credentials import Credentials, Webhook
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods import METHODS
from extractor.sandbox.portal import Portal
from extractor.sandbox.world import DEFAULT_ROWS, World

CODE = "sandbox"  # of a webhook to a portal that holds nothing but made-up rows: no secret
_METERS = {"standard": Meter.standard, "enterprise": Meter.enterprise, "unlimited": Meter.unlimited}
_SCOPES = frozenset({"crm", "task", "user", "department"})


def world_of(rows: Mapping[str, int], *, seed: int) -> World:
    """Make the data of a portal with so many rows by table."""
    return World.build(seed=seed, rows=rows, now=time.time())


def build(world: World, *, tariff: str) -> Portal:
    """Make a portal around its data; its clock is the machine's."""
    webhook = Webhook(CODE, Session(1, True, _SCOPES))
    return Portal(world, METHODS, Credentials([webhook]), _METERS[tariff](), clock=time.time)


def row_counts(pairs: Sequence[str]) -> dict[str, int]:
    """Read `TABLE=N` pairs.

    Raises:
        UsageError: A pair has another form, or names a table that is not there.
    """
    counts = {}
    for pair in pairs:
        table, _, count = pair.partition("=")
        if table not in DEFAULT_ROWS or not count.isdecimal():
            raise UsageError(f"--rows is TABLE=N with one of {', '.join(DEFAULT_ROWS)}; not {pair!r}")
        counts[table] = int(count)
    return counts
