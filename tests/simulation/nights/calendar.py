"""One seed makes a mirror's life: a portal, its clocks and zones, its users, and the nights with what goes wrong in each."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field

from extractor.catalog import catalog
from extractor.sandbox.meter import Bucket, Meter, Operating
from extractor.sandbox.zones import Zone
from tests.simulation.scenario import TABLES, Ending, Scenario, far, smallness

HOUR, DAY = 3_600.0, 86_400.0
FILTERS = {"deals": ("STAGE_ID", ("NEW", "WON")), "crm_activities": ("COMPLETED", ("Y", "N")), "tasks": ("STATUS", (2, 5))}
"""Columns that a filter may name, with its value and another one."""
NARROW = {"deals": ("ID", "TITLE", "STAGE_ID"), "contacts": ("ID", "NAME"), "tasks": ("ID", "TITLE")}
ZONES = (0, 10_800, 19_800, -28_800, 50_400, -39_600)


@dataclass(slots=True)
class Night:
    """What becomes of one night: what is asked for, the wait before it, its faults, how its lives end, whether it is left as it is then."""

    names: tuple[str, ...]
    gap: float
    stormy: bool
    endings: list[Ending]
    left: bool
    events: int


@dataclass(slots=True)
class Calendar(Scenario):
    """What a seed says; the sizes that decide between ways of reading are small here, as the tables are."""

    nights: list[Night] = field(default_factory=list)
    deletes: bool | None = None
    full_every: dt.timedelta | None = None
    few: int = 60
    overlap: int = 120
    cheap: int = 50_000


def calendar(seed: int) -> Calendar:
    """Make the nights of a seed."""
    dice = random.Random(f"nights:{seed}")
    stepwise = ["deals", "contacts", "leads", "companies", "crm_activities", "requisites", "tasks", "users", "smart_invoices"]
    names = {dice.choice(stepwise), *dice.sample(list(TABLES), dice.choice([0, 0, 1, 2]))}
    one = Calendar(seed, dice, tuple(sorted(names)))
    one.rows = {table: dice.choice([dice.randint(0, 80), dice.randint(60, 400), dice.randint(60, 400), dice.randint(200, 900)])
                for name in one.names if (table := TABLES[name])}
    one.wishes = {name: wish for name in one.names if (wish := _wish(name, dice))}
    one.compress = dice.choice(["none", "none", "gz", "zst"])
    one.latency = dice.choice([0.0, 0.05, 0.3, 2.0])
    one.settings = {"tariff": dice.choice(["standard", "enterprise"])}
    if dice.random() < 0.3:
        one.settings["concurrency"] = dice.choice([1, 2, 8])
    burst, drain = dice.choice([(50, 2), (250, 5), (8, 1)])
    one.meter = Meter(Bucket(burst, drain), Operating(dice.choice([420.0, 60.0]))) if dice.random() < 0.9 else Meter.unlimited()
    one.server_zone = Zone(dice.choice(ZONES))
    one.user_zone = Zone(dice.choice(ZONES), dice.choice([0, 3_600]))
    one.ahead = dice.choice([0.0, 1.0, -1.0]) * far(dice, 1, 4 * HOUR)
    if dice.random() < 0.15:
        one.twins = {table: frozenset(range(1, 900, dice.choice([2, 3, 7]))) for table in one.rows}
    one.request_faults = dice.choice([0.05, 0.15, 0.4])
    one.method_faults = dice.choice([0.0, 0.02, 0.1])
    one.broken_methods = dice.choice([0.0, 0.0, 0.0, 0.02])
    one.mishaps = ("short page", "short page")  # of a lane that is empty on most nights nothing tells a blank page
    one.poisoned = dice.choice([0, 0, 0, 0, 0, 1, 2])
    one.calm_after = dice.choice([10, 30, 100])
    one.deletes = dice.choice([None, None, True, False])
    one.full_every = dice.choice([None, *(dt.timedelta(days=days) for days in (0, 1, 2, 3, 7))])
    one.few = dice.choice([0, 60, 60])
    one.cheap = dice.choice([50_000, 0, 200])
    one.small = smallness(seed)
    one.jumps = random.Random(f"nights:{seed}:clock").choice([0.0, 0.0, 0.3, 1.0])
    one.nights = [_night(dice, one.names, first=not number) for number in range(dice.randint(2, 8))]
    return one


def _wish(name, dice):
    wish = {}
    if name in NARROW and dice.random() < 0.2:
        wish["select"] = NARROW[name]
    if name in FILTERS and dice.random() < 0.3:
        column, (value, _) = FILTERS[name]
        wish["filter"] = {column: value}
    if dice.random() < 0.2 and catalog()[name].paging == "keyset":
        wish["paging"] = dice.choice(["offset", "keyset"])
    return wish


def _night(dice, names, *, first):
    asked = names if dice.random() < 0.5 else tuple(sorted(dice.sample(names, dice.randint(1, len(names)))))
    gap = dice.choice([dice.uniform(0.8, 1.2) * DAY] * 3 + [far(dice, 30, HOUR), dice.uniform(1, 4) * DAY])
    endings = [_ending(dice) for _ in range(dice.choice([0, 0, 0, 1, 1, 2, 3]))]
    return Night(asked, 0.0 if first else gap, dice.random() < 0.4, endings, bool(endings) and dice.random() < 0.6, dice.randint(0, 24))


def _ending(dice):
    kind = dice.choice(["kill", "kill", "power cut", "power cut", "stop", "minutes", "disk"])
    if kind in {"stop", "minutes"}:
        return Ending(kind, seconds=far(dice, 0.05, 60))
    if kind == "disk" or dice.random() < 0.6:
        return Ending(kind, operation=int(far(dice, 1, 60)))
    return Ending(kind, step=int(far(dice, 1, 600)))

