"""What a portal's users do before, during and between the nights, and what a mirror may be expected to know of it.

Rule 1: whatever happens is written into a ledger: when a row was touched last, and whether its stamp shows it (`quiet` if not).
Rule 2: stamps are set when a change begins, at most `BEHIND` before it is seen; ids are given when a row begins, and seen up to `LATE` later.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from extractor.sandbox.world import Mutation
from tests.simulation.nights.calendar import FILTERS
from tests.simulation.portal import Watched
from tests.simulation.scenario import BORN, far

BEHIND = 840.0
LATE = 600.0
OLD = (86_400.0, 30 * 86_400.0)


@dataclass(slots=True)
class Ledger:
    """Of one table: when each row was touched last and when it went, and which of them no stamp and no new id shows."""

    touched: dict[int, float] = field(default_factory=dict)
    quiet: dict[int, float] = field(default_factory=dict)
    gone: dict[int, float] = field(default_factory=dict)
    top: int = 0


class Lively(Watched):
    """A world in which somebody works."""

    def settle_in(self, one, tables):
        """Let users work on the tables given by entity."""
        self.one, self.dice = one, random.Random(f"nights:{one.seed}:users")
        self.names = {table: name for name, table in tables.items() if table}
        self.ledgers = {table: Ledger(top=self.tables[table].ids.last) for table in self.names}
        self.counts, self.plan, self.order = Counter(), [], 0
        self.began, self.born_meanwhile, self.still = 0.0, defaultdict(int), False

    def begin(self, now):
        """Let a run begin: what has happened until now does not count as what happens meanwhile."""
        self.began = now
        self.born_meanwhile.clear()

    def intend(self, at, act, table, *more):
        """Plan something."""
        self.order += 1
        heapq.heappush(self.plan, (at, self.order, act, table, more))

    def intend_night(self, begin, gap, events):
        """Plan what happens around a night that is to begin at a moment, after a gap."""
        dice = self.dice
        for _ in range(events if self.names else 0):
            at = dice.choice([begin + far(dice, 0.05, 300), begin + far(dice, 0.05, 300), begin - far(dice, 1, 1_800), begin - dice.random() * gap])
            if at > begin - gap:
                self.intend(at, dice.choice(ACTS), dice.choice(sorted(self.names)))

    def advance(self, now, call_number):
        """Move to a moment, and let everything happen that is due by then, unless the world stands still."""
        super().advance(now, call_number)
        while not self.still and self.plan and self.plan[0][0] <= now:
            at, _, act, table, more = heapq.heappop(self.plan)
            act(self, table, at, *more)

    def pick(self, table, most=6):
        """Choose some rows of a table, recent ones as likely as others."""
        ids = list(self.tables[table].ids)
        ids = ids[-40:] if self.dice.random() < 0.3 else ids
        return self.dice.sample(ids, min(len(ids), self.dice.randint(1, most)))

    def note(self, table, ids, at, *, quiet=False, kind):
        """Write into the ledger."""
        ledger = self.ledgers[table]
        self.counts[f"users: {kind}"] += len(ids)
        for one in ids:
            ledger.touched[one] = at
            if quiet:
                ledger.quiet[one] = at
            else:
                ledger.quiet.pop(one, None)
            if one not in self.tables[table].ids:
                ledger.gone[one] = at
        ledger.top = max(ledger.top, self.tables[table].ids.last)

    def alter(self, table, ids, at, *, stamp=True, values=None):
        """Change rows."""
        for one in ids:
            self.apply(Mutation("change", table, (one,), at=at, stamp=stamp, values=values or self._moving(table)))

    def bear(self, table, ids, at, values=None):
        """Add rows with these ids."""
        if ids:  # an insertion without ids makes its own
            self.apply(Mutation("insert", table, tuple(ids), at=at, values={**BORN.get(self.names[table], {}), **(values or {})}))

    def next_ids(self, table, count, at, *, left=0):
        """Give the next ids, leaving some out: many between two nights, and in one run few enough for those that come late."""
        if at < self.began:
            count *= self.dice.choice([1, 1, 8])
        else:
            self.born_meanwhile[table] += count + left
        if self.born_meanwhile[table] > self.one.overlap // 2:
            return []
        first = self.ledgers[table].top + left + 1
        return list(range(first, first + count))

    def old_stamps(self, table, at):
        """Make the stamps of a row that was born elsewhere, some time ago."""
        entity, before = self.tables[table].entity, int(at - far(self.dice, *OLD))
        return {name: before for name in (entity.created, entity.modified) if name}

    def _moving(self, table):
        """Move a row into the filter of a mirror, or out of it, now and then."""
        name = self.names[table]
        if "filter" not in self.one.wishes.get(name, {}) or self.dice.random() < 0.4:
            return {}
        column, values = FILTERS[name]
        return {column: self.dice.choice(values)}


def inserts(world, table, at):
    """Rows are added."""
    ids = world.next_ids(table, world.dice.randint(1, 12), at)
    world.bear(table, ids, at)
    world.note(table, ids, at, kind="new")


def changes(world, table, at):
    """Rows are changed, and their stamps show it."""
    ids = world.pick(table)
    world.alter(table, ids, at)
    world.note(table, ids, at, quiet=not world.tables[table].entity.modified, kind="changed")


def changes_slowly(world, table, at):
    """Rows are changed by something that began some time before it is seen."""
    if not (modified := world.tables[table].entity.modified):
        return
    ids = world.pick(table)
    world.alter(table, ids, at, values={modified: int(at - far(world.dice, 1, BEHIND))})
    world.note(table, ids, at, kind="changed slowly")


def merges(world, table, at):
    """Rows are changed, and no stamp shows it."""
    ids = world.pick(table)
    world.alter(table, ids, at, stamp=False)
    world.note(table, ids, at, quiet=True, kind="changed without a stamp")


def children_change(world, table, at):
    """What is said to hang on rows changes (bindings, communications), and nothing else of them."""
    if table != "activities":
        return
    ids = world.pick(table)
    for one in ids:
        world.alter(table, [one], at, stamp=False, values={
            "SUBJECT": world.tables[table].raw("SUBJECT")(one), "BINDINGS": ((3, world.dice.randint(1, 900)),)})
    world.note(table, ids, at, quiet=True, kind="children changed")


def stamps_go_back(world, table, at):
    """Calls are saved with the moment of their start: the stamp of the last change is an old one."""
    if not world.tables[table].entity.modified:
        return
    ids = world.pick(table)
    world.alter(table, ids, at, values=world.old_stamps(table, at))
    world.note(table, ids, at, quiet=True, kind="changed to an old stamp")


def deletes(world, table, at):
    """Rows are deleted."""
    ids = world.pick(table)
    world.apply(Mutation("delete", table, tuple(ids), at=at))
    world.note(table, ids, at, kind="deleted")


def imports(world, table, at):
    """Rows are imported, or restored from the bin: new ids, old stamps."""
    ids = world.next_ids(table, world.dice.randint(1, 12), at)
    world.bear(table, ids, at, world.old_stamps(table, at))
    world.note(table, ids, at, kind="new with an old stamp")


def comes_late(world, table, at):
    """Rows get their ids, others get higher ones, and the first are committed some minutes later."""
    late = world.dice.randint(1, 4)
    ids = world.next_ids(table, world.dice.randint(1, 3), at, left=late)
    if not ids:
        return
    reserved = list(range(ids[0] - late, ids[0]))
    world.bear(table, ids, at)
    world.note(table, ids, at, kind="new")
    entity = world.tables[table].entity
    own = {name: int(at) for name in (entity.created, entity.modified) if name}
    world.intend(at + far(world.dice, 5, LATE), lands, table, reserved, world.dice.choice([own, world.old_stamps(table, at)]))


def lands(world, table, at, reserved, stamps):
    """Rows that got their ids before are committed."""
    world.bear(table, reserved, at, stamps)
    far_behind = world.ledgers[table].top - reserved[0] > world.one.overlap // 2  # nobody looks that far back
    world.note(table, reserved, at, quiet=far_behind, kind="new with an id from before")


ACTS = (inserts, inserts, changes, changes, changes_slowly, merges, children_change, stamps_go_back, deletes, deletes, imports,
        comes_late, comes_late)
