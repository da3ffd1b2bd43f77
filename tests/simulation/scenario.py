"""One seed makes one story: a portal and its rows, who reads them, what goes wrong, and when the run is killed."""

from __future__ import annotations

import errno
import random
from dataclasses import dataclass, field

from extractor.catalog import catalog
from extractor.planner import SMALL
from extractor.question import Question
from extractor.sandbox.cost import CostModel
from extractor.sandbox.meter import Bucket, Meter, Operating
from extractor.sandbox.world import Mutation
from extractor.sandbox.zones import Zone

TABLES = {
    "deals": "deals", "contacts": "contacts", "leads": "leads", "companies": "companies", "crm_activities": "activities",
    "requisites": "requisites", "tasks": "tasks", "users": "users", "smart_invoices": "items_31",
    "departments": "departments", "crm_statuses": "",
}
NARROW = {"deals": ("ID", "TITLE", "STAGE_ID"), "contacts": ("ID", "NAME"), "tasks": ("ID", "TITLE")}
FILTERS = {
    "deals": ({"STAGE_ID": "NEW"}, {">ID": 100}, {"STAGE_ID": ["NEW", "WON"]}),
    "crm_activities": ({"BINDINGS": [{"OWNER_TYPE_ID": 3}, {"OWNER_TYPE_ID": 4}]}, {"COMPLETED": "Y"}),
}
MOVING = {"deals": {"STAGE_ID": "WON"}}
BORN = {"deals": {"IS_RECURRING": "N"}, "contacts": {"CATEGORY_ID": 0}, "companies": {"CATEGORY_ID": 0}}


@dataclass(frozen=True, slots=True)
class Ending:
    """How one life ends before its time: at a step of the loop, an operation of the disk, or a moment in seconds."""

    kind: str  # kill, power cut, stop, minutes, disk
    step: int | None = None
    operation: int | None = None
    seconds: float | None = None
    number: int = errno.ENOSPC


@dataclass(slots=True)
class Scenario:
    """What a seed says; `dice` goes on to be thrown for what happens on the way."""

    seed: int
    dice: random.Random = field(repr=False)
    names: tuple[str, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    wishes: dict[str, dict] = field(default_factory=dict)
    compress: str = "none"
    latency: float = 0.1
    meter: Meter | None = None
    costs: dict[str, CostModel] = field(default_factory=dict)
    twins: dict[str, frozenset[int]] = field(default_factory=dict)
    neighbours: float = 0.0
    settings: dict = field(default_factory=dict)
    changes: float = 0.0
    request_faults: float = 0.0
    method_faults: float = 0.0
    broken_methods: float = 0.0
    poisoned: int = 0
    calm_after: int = 200
    endings: list[Ending] = field(default_factory=list)
    lifetime: float | None = None
    jumps: float = 0.0
    mishaps: tuple[str, ...] = ("short page", "blank page")
    server_zone: Zone = field(default_factory=Zone)
    user_zone: Zone = field(default_factory=Zone)
    small: int = SMALL  # ids, which are cut into pages beforehand; larger sets are read in chains, and the tables are small here
    ahead: float = 0.0  # seconds by which the server's clock is ahead of ours

    def questions(self):
        """Ask what the scenario asks."""
        return [Question(catalog()[name], **self.wishes.get(name, {})) for name in self.names]


def scenario(seed: int) -> Scenario:
    """Make the story of a seed."""
    dice = random.Random(f"simulation:{seed}")
    names = tuple(sorted(dice.sample(list(TABLES), dice.choice([1, 1, 2, 2, 3]))))
    one = Scenario(seed, dice, names)
    one.rows = {table: _size(dice) for name in names if (table := TABLES[name])}
    one.wishes = {name: wish for name in names if (wish := _wish(name, dice))}
    one.compress = dice.choice(["none", "none", "gz", "zst"])
    one.latency = dice.choice([0.0, 0.05, 0.3, 2.0])
    one.settings, one.meter = _limits(dice)
    if dice.random() < 0.2:
        one.costs = {catalog()[name].method: CostModel.flat(dice.choice([0.2, 1.0, 3.0])) for name in names}
    if dice.random() < 0.15:
        one.twins = {table: frozenset(range(1, 900, dice.choice([2, 3, 7]))) for table in one.rows}
    one.neighbours = dice.choice([0.0, 0.0, 0.3])
    one.changes = dice.choice([0.0, 0.0, 0.05, 0.3])
    one.request_faults = dice.choice([0.0, 0.05, 0.15, 0.4])
    one.method_faults = dice.choice([0.0, 0.0, 0.02, 0.1])
    one.broken_methods = dice.choice([0.0, 0.0, 0.0, 0.02])
    one.poisoned = dice.choice([0, 0, 0, 0, 1, 2])
    one.calm_after = dice.choice([30, 100, 200])
    one.endings = [_ending(dice) for _ in range(dice.choice([0, 1, 2, 3, 5]))]
    who = random.Random(f"access:{seed}")  # of its own: a story that a webhook reads is what it was before there were applications
    one.lifetime = who.choice([None, None, None, 30.0, 120.0])
    one.jumps = who.choice([0.0, 0.3, 1.0])
    one.small = smallness(seed)
    return one


def smallness(seed):
    """Choose up to how many ids a set is cut into pages beforehand."""
    return random.Random(f"paging:{seed}").choice([SMALL, 200, 0, 0])


def _size(dice):
    return dice.choice([0, 1, dice.randint(2, 60), dice.randint(60, 600), dice.randint(60, 600), dice.randint(600, 3_000)])


def _wish(name, dice):
    wish = {}
    if name in NARROW and dice.random() < 0.4:
        wish["select"] = NARROW[name]
    if name in FILTERS and dice.random() < 0.4:
        wish["filter"] = dice.choice(FILTERS[name])
    if dice.random() < 0.4 and catalog()[name].paging == "keyset":
        wish["paging"] = dice.choice(["offset", "keyset"])
    return wish


def _limits(dice):
    """Choose what the portal allows, and what the extractor believes."""
    settings = {"tariff": dice.choice(["standard", "enterprise"])}
    if dice.random() < 0.3:
        settings["concurrency"] = dice.choice([1, 2, 8])
    burst, drain = dice.choice([(50, 2), (50, 2), (250, 5), (8, 1)])
    limit = dice.choice([420.0, 420.0, 60.0])
    return settings, Meter(Bucket(burst, drain), Operating(limit)) if dice.random() < 0.9 else Meter.unlimited()


def _ending(dice):
    kind = dice.choice(["kill", "kill", "power cut", "power cut", "power cut", "stop", "minutes", "disk"])
    if kind in {"stop", "minutes"}:
        return Ending(kind, seconds=far(dice, 0.05, 120))
    if kind == "disk":
        return Ending(kind, operation=int(far(dice, 1, 80)), number=dice.choice([errno.ENOSPC, errno.EIO]))
    if dice.random() < 0.5:
        return Ending(kind, operation=int(far(dice, 1, 120)))
    return Ending(kind, step=int(far(dice, 1, 3_000)))


def far(dice, low, high):
    """Choose a number, small ones as likely as large ones."""
    return low * (high / low) ** dice.random()


def mutations(one: Scenario, tables) -> list[Mutation]:
    """Plan what the portal's users do while we read."""
    dice, plan = one.dice, []
    for name in one.names if one.changes else ():
        if not (table := TABLES[name]):
            continue
        ids = list(tables[table].ids)
        touched = dice.sample(ids, int(one.changes * len(ids)))
        for group in [touched[place : place + 4] for place in range(0, len(touched), 4)] or [[]]:
            moment = {"table": table, "after": dice.choice([dice.randint(1, 60), int(far(dice, 1, 150))])}
            action = dice.choice(["delete", "delete", "change", "insert"])
            if action == "insert" or not group:
                plan.append(Mutation("insert", count=dice.randint(1, 60), values=BORN.get(name, {}), **moment))
            else:
                values = MOVING.get(name, {}) if action == "change" and dice.random() < 0.5 else {}
                plan.append(Mutation(action, ids=tuple(group), values=values, **moment))
    return plan
