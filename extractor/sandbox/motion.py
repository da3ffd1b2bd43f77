"""What goes on in a portal while nobody looks: rows are inserted, changed and deleted, so many a minute.

Rule 1: what happens, and when, is a matter of the seed and of what was there; what is due happens when the portal is
called next, with the moment at which it was due. So a portal that nobody calls has its night all the same.
Rule 2: nothing happens that a real portal would not let happen: history is not rewritten, users are dismissed and not
deleted, and a table without rows is one that nobody uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Literal

from extractor.sandbox.dataset import Table
from extractor.sandbox.world import Mutation

_Action = Literal["insert", "change", "delete"]
_ACTIONS: tuple[_Action, ...] = (
    "change", "change", "change", "change", "change", "insert", "insert", "insert", "delete", "delete")  # more come than go
_ONLY: Mapping[str, tuple[_Action, ...]] = {"stagehistory": ("insert",), "users": ("insert", "change"), "types": ()}  # of types: they say which tables there are


class Motion:
    """So many things a minute, spread evenly over time, and over the tables by their rows."""

    def __init__(self, tables: Mapping[str, Table], *, seed: int, per_minute: int, start: float) -> None:
        self._tables = {name: table for name, table in tables.items() if _ONLY.get(name, _ACTIONS)}
        self._rng = Random(f"{seed}:motion")
        self._every = 60 / per_minute
        self._start = start
        self._count = 0

    def due(self, now: float) -> Iterator[Mutation]:
        """Give what happens up to a moment; each one is chosen when those before have happened."""
        while (at := self._start + (self._count + 1) * self._every) <= now:
            self._count += 1
            rows = [len(table) for table in self._tables.values()]
            if any(rows):
                yield self._chosen(at, self._rng.choices(list(self._tables), rows)[0])

    def _chosen(self, at: float, name: str) -> Mutation:
        """Choose what happens to a table, and to which of its rows."""
        action = self._rng.choice(_ONLY.get(name, _ACTIONS))
        ids = self._tables[name].ids
        place = self._rng.randrange(len(ids))
        return Mutation(action, name, () if action == "insert" else (ids[place],), at=at)
