"""How a family of methods shows a row: names, types, and the text of moments.

Rule 1: a page of rows is the hot path of the sandbox. A shape is built once
for each (family, select, zone) and holds prototypes that are already written
out; a row is a copy of one of them plus the values that its id decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from extractor.sandbox.columns import Column, Derived, Entity, Kind
from extractor.sandbox.dataset import BIRTH, POOL, Table
from extractor.sandbox.php import floatval
from extractor.sandbox.zones import Dial, Zone

Drift = Callable[[int], int]
Write = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Style:
    """A family's JSON: numbers as text or as numbers, what an absent moment is, what a name becomes."""

    name: str
    text: bool = True
    no_date: str | None = ""
    rename: Callable[[str], str] = str
    sparse: bool = False  # keys with NULL are left out


CLASSIC = Style("classic")


@dataclass(frozen=True, slots=True)
class Lens:
    """Where moments are seen from: the server's dial and the drift of the caller's zone.

    A column that was named passes through the user's zone of that date and
    back by the user's offset of today: an hour off in the other half of the
    year (`CCrmActivityDbResult` + `CRestUtil::ConvertDateTime`).
    """

    dial: Dial
    drift: Drift | None = None


def lens(dial: Dial, user: Zone, now: float, *, drifting: bool) -> Lens:
    """Choose the lens: exact, or drifting where the user's zone has summer time."""
    if not drifting or not user.summer:
        return Lens(dial)
    today = user.at(now)
    return Lens(dial, lambda unix: user.at(unix) - today)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A select, ready to write rows."""

    table: Table
    pool: list[dict[str, Any]]
    writers: dict[str, tuple[str, Write]]
    number: Callable[[int], Any]
    id_key: str | None
    stamps: tuple[tuple[str, int, int, bool, int], ...]
    spreads: tuple[tuple[str, int, int, int], ...]
    echoes: tuple[tuple[str, str], ...]
    derived: tuple[tuple[str, Derived], ...]
    extras: list[bool]  # per prototype: does any derived key have to be computed
    absent: str | None
    seen: Lens
    sparse: bool

    def rows(self, ids: Iterable[int]) -> list[dict[str, Any]]:
        """Write the rows of the ids given, in their order."""
        table, pool, number, extras = self.table, self.pool, self.number, self.extras
        overlay, salt = table.overlay, table.salt
        id_key, stamps, spreads, echoes, absent = self.id_key, self.stamps, self.spreads, self.echoes, self.absent
        hours, seconds = self.seen.dial.hours, self.seen.dial.seconds
        page = []
        for row_id in ids:
            bits = (row_id * 2_654_435_761 + salt) & 0xFFFFFFFF  # `Table.mix`, without the call
            bits ^= bits >> 15
            slot = bits % POOL
            row = pool[slot].copy()
            if id_key is not None:
                row[id_key] = number(row_id)
            for (key, *_), unix in zip(stamps, self.moments(row_id, bits), strict=True):
                row[key] = absent if unix is None else hours[unix // 3_600] + seconds[unix % 3_600]
            for key, low, size, shift in spreads:
                row[key] = number(low + (bits >> shift) % size)
            for key, of in echoes:
                row[key] = row[of]
            if row_id in overlay:
                self._patch(row, overlay[row_id])
            if extras[slot] or row_id in overlay:
                self.derive(row_id, row)
            page.append(row)
        return page

    def moments(self, row_id: int, bits: int) -> list[int | None]:
        """Compute the stamps of a row that nothing happened to, `bits` being its own: seconds on the dial, `None` where absent."""
        table, drift, offset = self.table, self.seen.drift, self.seen.dial.offset
        born = BIRTH + row_id * table.span // table.top  # `Table.created`
        found: list[int | None] = []
        for _, spread, shift, minute, null in self.stamps:
            if null and not (bits >> 8) % null:
                found.append(None)
                continue
            unix = born
            if spread:
                unix += (bits >> shift) % spread
                if unix > table.until:
                    unix = max(table.until, born)
            if minute:
                unix -= unix % 60
            if drift is not None:
                unix += drift(unix)
            found.append(unix + offset)
        return found

    def _patch(self, row: dict[str, Any], changes: dict[str, Any]) -> None:
        for name, raw in changes.items():
            if name in self.writers:
                key, write = self.writers[name]
                row[key] = write(raw)
                if self.sparse and row[key] is None:
                    del row[key]

    def derive(self, row_id: int, row: dict[str, Any]) -> None:
        """Add the keys that are computed when a row leaves."""
        for key, derived in self.derived:
            if not derived.when or self.table.raw(derived.when)(row_id):
                value = derived.make(self.table, row_id)
                if value is not None:
                    row[key] = value


def shape(table: Table, style: Style, names: Sequence[str], seen: Lens) -> Shape:
    """Build the shape that shows the columns and derived keys named, in that order."""
    entity = table.entity
    columns = [column for name in names if (column := entity.column(name)) is not None]
    writers = {column.name: (style.rename(column.name), _writer(column, style, seen)) for column in columns}
    keys = {name: key for name, (key, _) in writers.items()}
    derived = tuple((style.rename(derived.name), derived) for derived in entity.derived if derived.name in names)
    return Shape(
        table=table, pool=_written(table, style, writers), writers=writers, number=str if style.text else int,
        id_key=keys.get("ID"), stamps=tuple(_stamps(entity, keys)),
        spreads=tuple((keys[spread.name], spread.low, spread.size, spread.shift)
                      for spread in entity.spreads if spread.name in keys),
        echoes=tuple((keys[name], keys[of]) for name, of in entity.echoes if name in keys and of in keys),
        derived=derived, extras=_extras(table, [one for _, one in derived]), absent=style.no_date,
        seen=seen, sparse=style.sparse)


def _stamps(entity: Entity, keys: dict[str, str]) -> Iterator[tuple[str, int, int, bool, int]]:
    """List the stamps that are shown, echoes whose origin is not shown among them."""
    shown = [(stamp, stamp.name) for stamp in entity.stamps if stamp.name in keys]
    by_name = {stamp.name: stamp for stamp in entity.stamps}
    shown += [(by_name[of], name) for name, of in entity.echoes if name in keys and of not in keys]
    for stamp, name in shown:
        yield keys[name], stamp.spread, stamp.shift, stamp.minute, stamp.null


def _extras(table: Table, derived: Sequence[Derived]) -> list[bool]:
    return [any(not one.when or bool(prototype[one.when]) for one in derived) for prototype in table.pool]


def _written(table: Table, style: Style, writers: dict[str, tuple[str, Write]]) -> list[dict[str, Any]]:
    """Write the prototypes out; a sparse style leaves NULLs out, except where a row fills them."""
    entity = table.entity
    own = {stamp.name for stamp in entity.stamps} | {spread.name for spread in entity.spreads} | {"ID"}
    pool = []
    shared: dict[str, str] = {}  # equal texts are one object: a copied row touches less memory
    for prototype in table.pool:
        row = {}
        for name, (key, write) in writers.items():
            value = write(prototype[name])
            if isinstance(value, str):
                value = shared.setdefault(value, value)
            if value is not None or not style.sparse or name in own:
                row[key] = value
        pool.append(row)
    return pool


def _writer(column: Column, style: Style, seen: Lens) -> Write:
    absent, drift, iso = style.no_date, seen.drift, seen.dial.iso
    if column.kind == "datetime" and drift is not None:
        return lambda unix: absent if unix is None else iso(unix + drift(unix))
    if column.kind in {"datetime", "date"}:  # a date is midnight UTC (`CRestUtil::ConvertDate`)
        return lambda unix: absent if unix is None else iso(unix)
    return (_TEXT if style.text else _NATIVE).get(column.kind, _same)


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> Any:
    return None if value is None else str(value)


def _number(value: Any) -> Any:
    return None if value is None else int(value)


def _float(value: Any) -> Any:
    """A float without a fraction prints as an integer (PHP's `json_encode`)."""
    if value is None:
        return None
    number = floatval(value)
    return int(number) if number.is_integer() else number


_TEXT: dict[Kind, Write] = {"int": _text, "double": _text}
_NATIVE: dict[Kind, Write] = {"int": _number, "double": _float}
