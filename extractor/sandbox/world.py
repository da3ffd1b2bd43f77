"""The portal's state: its tables, its zones, its switches, and what will happen to it.

Rule 1: the world moves only in `advance`, which the portal calls before every
call that it serves, those inside a batch included. Rule 2: equal seeds and
equal sequences of calls give equal bytes.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from extractor.sandbox.cost import CostModel
from extractor.sandbox.dataset import BIRTH, Table
from extractor.sandbox.queue import Queue, happenings
from extractor.sandbox.rows import ENTITIES, dynamic
from extractor.sandbox.selects import drifts, shown_names
from extractor.sandbox.shapes import CLASSIC, Shape, lens, shape
from extractor.sandbox.wire import Written
from extractor.sandbox.written import Writer, writer
from extractor.sandbox.zones import Dial, Zone, dial

NOW = 1_724_670_000.0
"""2024-08-26 14:00 in Moscow: when every world begins."""
SHAPES = 64  # selects kept written out at a time
DYNAMIC = 128  # the first entityTypeId of a smart process that users make


@dataclass(frozen=True, slots=True)
class Knobs:
    """Switches of the portal that its owner, or an accident, may have turned.

    `crm`: callers who are no administrators have a right to CRM. `cap`: the option
    `crm_clr_cfg_sql`, rows beyond which are not counted. `twins`: rows that a
    join yields twice, by table (a contact with two default addresses, an item
    with two observers). `extended`: the feature `rest_offline_extended`, without
    which offline events cannot be kept until they are cleared.
    """

    crm: bool = True
    cap: int = 0
    twins: Mapping[str, frozenset[int]] = field(default_factory=dict)
    extended: bool = True


@dataclass(frozen=True, slots=True)
class Mutation:
    """Something that will happen to a table: at a unix time, or after so many calls.

    For an insertion `ids` are optional, `count` rows are added when there
    are none. A change with `stamp=False` leaves the modified moment alone; of
    what is `quiet` (an import on hold, SQL that a module runs) no event tells.
    """

    action: Literal["insert", "change", "delete"]
    table: str
    ids: tuple[int, ...] = ()
    at: float | None = None
    after: int | None = None
    count: int = 1
    values: Mapping[str, Any] = field(default_factory=dict)
    stamp: bool = True
    quiet: bool = False

    def due(self, now: float, call_number: int) -> bool:
        """Say whether the moment has come."""
        by_time = self.at is not None and self.at <= now
        return by_time or (self.after is not None and call_number >= self.after)


def still(_now: float) -> Iterable[Mutation]:
    """Let nothing happen but what is on the schedule."""
    return ()


@dataclass(slots=True)
class World:
    """One portal's data, and the laws that hold in it."""

    tables: dict[str, Table]
    seed: int = 1
    now: float = NOW
    server_zone: Zone = field(default_factory=Zone)
    user_zone: Zone = field(default_factory=Zone)
    knobs: Knobs = field(default_factory=Knobs)
    costs: dict[str, CostModel] = field(default_factory=dict)
    cost: CostModel = field(default_factory=CostModel)
    schedule: list[Mutation] = field(default_factory=list)
    motion: Callable[[float], Iterable[Mutation]] = still
    requests: int = 0
    queue: Queue = field(default_factory=Queue)
    shapes: OrderedDict[tuple[Any, ...], Shape] = field(default_factory=OrderedDict, repr=False)
    writers: dict[Shape, Writer] = field(default_factory=dict, repr=False)
    sorted: OrderedDict[tuple[Any, ...], tuple[list[int], array[int]]] = field(default_factory=OrderedDict, repr=False)

    @classmethod
    def build(cls, *, seed: int = 1, rows: Mapping[str, int] | None = None, now: float = NOW, until: float | None = None,
              schedule: Iterable[Mutation] = (), **settings: Any) -> World:
        """Build a world: so many rows by table name, small defaults for the others.

        `items_<entityTypeId>` makes a smart process. The last row is as old as
        `until`, the present moment by default; with a fixed one the rows are
        the same whenever the world begins. Other settings are the attributes of the class.
        """
        sizes = DEFAULT_ROWS | dict(rows or {})
        tables = {name: Table(ENTITIES.get(name) or dynamic(name), count, seed=seed, until=int(now if until is None else until))
                  for name, count in sizes.items()}
        world = cls(tables, seed=seed, now=now, schedule=list(schedule), **settings)
        world.declare_types()
        return world

    def declare_types(self) -> None:
        """Make the rows of `types` and the smart processes' tables agree."""
        numbers = sorted(int(name[6:]) for name in self.tables if name.startswith("items_"))
        types = self.tables["types"]
        for row_id in list(types.ids):
            types.delete(row_id)
        for number in numbers:
            if number >= DYNAMIC:  # static types (31, 36) are not listed by crm.type.list
                types.insert(BIRTH, values={"ENTITY_TYPE_ID": number})

    @property
    def dial(self) -> Dial:
        """Give the server's dial: every moment leaves in its offset."""
        return dial(self.server_zone.offset)

    def advance(self, now: float, call_number: int) -> None:
        """Move to a moment, and let everything happen that is due by then."""
        self.now = max(self.now, now)
        for mutation in self.motion(now):
            self.apply(mutation)
        if not self.schedule:
            return
        due = [mutation for mutation in self.schedule if mutation.due(now, call_number)]
        if not due:
            return
        self.schedule = [mutation for mutation in self.schedule if not mutation.due(now, call_number)]
        for mutation in sorted(due, key=lambda one: one.at if one.at is not None else now):
            self.apply(mutation)

    def apply(self, mutation: Mutation) -> None:
        """Let one thing happen; rows that are gone already stay gone."""
        table = self.tables[mutation.table]
        at = mutation.at if mutation.at is not None else self.now
        if mutation.action == "insert":
            for row_id in mutation.ids or (None,) * mutation.count:
                self._tell(mutation, table.insert(at, row_id, mutation.values), at)
            return
        for row_id in mutation.ids:
            if row_id not in table.ids:
                continue
            if mutation.action == "delete":
                table.delete(row_id)
            else:
                table.change(row_id, at, mutation.values, stamp=mutation.stamp)
            self._tell(mutation, row_id, at)

    def _tell(self, mutation: Mutation, row_id: int, at: float) -> None:
        """Queue the events of what has happened to a row."""
        for name, data in () if mutation.quiet else happenings(mutation.table, mutation.action, row_id):
            self.queue.fire(name, data, at)

    def keep(self, key: tuple[Any, ...], built: Shape) -> Shape:
        """Keep a shape for the next page of the same select."""
        self.shapes[key] = built
        if len(self.shapes) > SHAPES:
            _, dropped = self.shapes.popitem(last=False)
            self.writers.pop(dropped, None)
        return built

    def write(self, shown: Shape, ids: Iterable[int]) -> Written:
        """Write rows as JSON at once: for shapes that are kept, and rows that nothing is added to."""
        kept = self.writers.get(shown)
        if kept is None:
            kept = self.writers[shown] = writer(shown)
        return kept.page(ids)

    def classic(self, table: Table, select: tuple[str, ...]) -> Shape:
        """Give the classic shape of a select, kept for the next page."""
        drifting = drifts(table.entity, select)
        key = (table.entity.name, CLASSIC.name, select, drifting and self.user_zone.at(self.now))
        kept = self.shapes.get(key)
        if kept is None:
            seen = lens(self.dial, self.user_zone, self.now, drifting=drifting)
            kept = self.keep(key, shape(table, CLASSIC, shown_names(table.entity, select), seen))
        return kept

    def row(self, name: str, row_id: int, select: tuple[str, ...] = ("*",)) -> dict[str, Any]:
        """Give a row as the classic list of its table shows it: the truth to compare with."""
        return self.classic(self.tables[name], select).rows([row_id])[0]

    def price(self, method: str) -> CostModel:
        """Give the cost model of a method."""
        return self.costs.get(method, self.cost)

    def turn(self, **knobs: Any) -> None:
        """Turn some of the knobs."""
        self.knobs = replace(self.knobs, **knobs)


DEFAULT_ROWS: dict[str, int] = {
    "activities": 300, "deals": 200, "leads": 120, "contacts": 150, "companies": 90, "quotes": 20, "requisites": 110,
    "stagehistory": 260, "types": 0, "items_31": 30, "items_128": 70, "items_130": 10, "tasks": 130, "users": 60,
    "departments": 70,
}
