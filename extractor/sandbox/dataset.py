"""A table of the portal: rows computed from their id and a seed, never stored.

Rule 1: what a row shows is a function of (seed, id, what happened to it).
Only the ids and the changes are kept. Rule 2: a change costs the change, not
the table: views that a filter made are mended row by row. Rule 3: raw values
(int, text, unix seconds, `None`) are what filters see; a `Shape` turns them
into what a family of methods shows.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from random import Random
from typing import Any

from extractor.sandbox.columns import Column, Entity
from extractor.sandbox.ids import IdSpace, scatter

POOL = 512  # prototypes of an entity: they fit a processor's cache, and odd values still come often
VIEWS = 32  # filters whose answers are kept at a time
BIRTH = 1_600_000_000
"""2020-09-13: the first row of every table."""

Copies = Callable[[int], int]


@dataclass(slots=True)
class View:
    """The ids that a filter lets through, as often as a join repeats them."""

    copies: Copies
    ids: array[int] = field(default_factory=lambda: array("q"))

    def mend(self, row_id: int, *, alive: bool) -> None:
        """Look again at one row that changed."""
        left, right = bisect_left(self.ids, row_id), bisect_right(self.ids, row_id)
        self.ids[left:right] = array("q", [row_id] * (self.copies(row_id) if alive else 0))


class Table:
    """One entity's rows."""

    def __init__(self, entity: Entity, count: int, *, seed: int = 1, until: int = 1_724_670_000) -> None:
        self.entity = entity
        self.seed = seed
        self.until = until
        self.ids = IdSpace(scatter(count, f"{seed}:{entity.name}:ids"))
        self.version = 0
        self.overlay: dict[int, dict[str, Any]] = {}
        self._views: dict[Hashable, View] = {}
        self._readers: dict[str, Callable[[int], Any]] = {}
        self._edits: dict[int, int] = {}
        self.salt = Random(f"{seed}:{entity.name}:salt").getrandbits(32)
        self.span = max(until - BIRTH, 1)
        self.top = max(self.ids.last, 1)

    def __repr__(self) -> str:
        return f"Table({self.entity.name}, rows={len(self.ids)}, version={self.version})"

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def pool(self) -> list[dict[str, Any]]:
        """The prototypes, as raw values; not to be changed by the reader."""
        return _pool(self.entity, self.seed)

    def mix(self, row_id: int) -> int:
        """Give the row's own 32 random-looking bits."""
        bits = (row_id * 2_654_435_761 + self.salt) & 0xFFFFFFFF
        return bits ^ (bits >> 15)

    def created(self, row_id: int) -> int:
        """Say when a row was created: later ids, later moments."""
        return BIRTH + row_id * self.span // self.top

    def insert(self, at: float, row_id: int | None = None, values: Mapping[str, Any] | None = None) -> int:
        """Add a row, created at a moment; say its id."""
        taken = self.ids.add(row_id)
        moment = int(at)
        born = {stamp.name: moment - moment % 60 if stamp.minute else moment for stamp in self.entity.stamps}
        born |= {name: born[of] for name, of in self.entity.echoes if of in born}
        self._edits.pop(taken, None)
        self.overlay[taken] = born | dict(values or {})
        self._moved(taken, alive=True)
        return taken

    def change(self, row_id: int, at: float, values: Mapping[str, Any] | None = None, *,
               stamp: bool = True) -> None:
        """Change a row: its modified moment, its edited text, and the values given.

        `stamp=False` leaves the modified moment alone, as merges and
        conversions do on the real portal.
        """
        if row_id not in self.ids:
            raise KeyError(row_id)
        fresh = dict(values or {})
        if stamp and self.entity.modified:
            fresh.setdefault(self.entity.modified, int(at))
        if self.entity.edited and self.entity.edited not in fresh:
            fresh[self.entity.edited] = self._edit(row_id)
        self.overlay[row_id] = self.overlay.get(row_id, {}) | fresh
        self._moved(row_id, alive=True)

    def _edit(self, row_id: int) -> str:
        edits = self._edits[row_id] = self._edits.get(row_id, 0) + 1
        text = str(self.raw(self.entity.edited)(row_id) or "")
        return f"{text.removesuffix(f' (v{edits})')} (v{edits + 1})"

    def delete(self, row_id: int) -> None:
        """Remove a row; its id is never given again."""
        self.ids.remove(row_id)
        self.overlay.pop(row_id, None)
        self._moved(row_id, alive=False)

    def _moved(self, row_id: int, *, alive: bool) -> None:
        self.version += 1
        for view in self._views.values():
            view.mend(row_id, alive=alive)

    def view(self, key: Hashable, make: Callable[[], Copies]) -> array[int]:
        """Give the ids that a filter lets through, kept under `key` and kept up to date; `make` builds its test."""
        view = self._views.pop(key, None)
        if view is None:
            copies = make()
            view = View(copies)
            for row_id in self.ids:
                count = copies(row_id)
                if count == 1:
                    view.ids.append(row_id)
                elif count:
                    view.ids.extend([row_id] * count)
            if len(self._views) >= VIEWS:
                del self._views[next(iter(self._views))]
        self._views[key] = view
        return view.ids

    def raw(self, name: str) -> Callable[[int], Any]:
        """Give the reader of one column: id to raw value."""
        reader = self._readers.get(name)
        if reader is None:
            reader = self._readers[name] = self._reader(name)
        return reader

    def _reader(self, name: str) -> Callable[[int], Any]:
        plain = self._plain(name)
        overlay = self.overlay

        def read(row_id: int) -> Any:
            if row_id in overlay and name in overlay[row_id]:
                return overlay[row_id][name]
            return plain(row_id)
        return read

    def tester(self, name: str, verdict: Callable[[Any], bool]) -> Callable[[int], bool]:
        """Give the test of one column; a prototype's value is judged once, not for every row."""
        entity = self.entity
        own = {stamp.name for stamp in entity.stamps} | {spread.name for spread in entity.spreads}
        if name == "ID" or name in own or name in dict(entity.echoes):
            raw = self.raw(name)
            return lambda row_id: verdict(raw(row_id))
        verdicts = [verdict(prototype.get(name)) for prototype in self.pool]
        overlay, salt = self.overlay, self.salt

        def test(row_id: int) -> bool:
            if row_id in overlay and name in overlay[row_id]:
                return verdict(overlay[row_id][name])
            bits = (row_id * 2_654_435_761 + salt) & 0xFFFFFFFF  # `mix`, without the call
            return verdicts[(bits ^ bits >> 15) % POOL]
        return test

    def _plain(self, name: str) -> Callable[[int], Any]:
        if name == "ID":
            return lambda row_id: row_id
        of = dict(self.entity.echoes).get(name, name)
        for stamp in self.entity.stamps:
            if stamp.name == of:
                return lambda row_id: self.moment(row_id, stamp.spread, stamp.shift, stamp.null,
                                                  minute=stamp.minute)
        mix = self.mix
        for spread in self.entity.spreads:
            if spread.name == name:
                low, size, shift = spread.low, spread.size, spread.shift
                return lambda row_id: low + (mix(row_id) >> shift) % size
        values = [prototype.get(name) for prototype in self.pool]
        return lambda row_id: values[mix(row_id) % POOL]

    def moment(self, row_id: int, spread: int, shift: int, null: int, *, minute: bool) -> int | None:
        """Compute a stamp of a row that nothing happened to."""
        bits = self.mix(row_id)
        if null and not (bits >> 8) % null:
            return None
        unix = self.created(row_id)
        if spread:
            unix = min(unix + (bits >> shift) % spread, max(self.until, unix))
        return unix - unix % 60 if minute else unix

    def column(self, name: str) -> Column | None:
        """Look a column up by its exact name."""
        return self.entity.column(name)


@lru_cache(maxsize=64)
def _pool(entity: Entity, seed: int) -> list[dict[str, Any]]:
    """Make an entity's prototypes; worlds of the same seed share them."""
    rng = Random(f"{seed}:{entity.name}:pool")
    together = entity.together or (lambda _rng: {})
    return [{column.name: column.make(rng) for column in entity.columns} | together(rng) for _ in range(POOL)]
