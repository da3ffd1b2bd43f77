"""Pages of rows that are JSON from the start: templates with holes for what differs from row to row.

Rule 1: a template is what the encoder makes of a shape's prototype, once, so
text and rows cannot differ: only ids, moments and numbers are filled in, and
none of those has a letter to escape.
Rule 2: a row that something happened to goes through the encoder as any other
value, and so do the keys that are computed.
Rule 3: a page is written when its call runs, not when the answer leaves: in a
batch the world moves on between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson

from extractor.sandbox import wire
from extractor.sandbox.dataset import POOL
from extractor.sandbox.shapes import Shape

_HOLE = "a hole for value %d of a row"


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the rows of one shape; `order` brings a row's values to the places of its holes."""

    shape: Shape
    templates: list[bytes] = field(repr=False)
    order: Callable[[list[Any]], tuple[Any, ...]] = field(repr=False)
    absent: bytes

    def page(self, ids: Iterable[int]) -> wire.Written:
        """Write the rows of the ids given, in their order."""
        shape, templates, order, absent, table = self.shape, self.templates, self.order, self.absent, self.shape.table
        overlay, salt, spreads, extras, moments = table.overlay, table.salt, shape.spreads, shape.extras, shape.moments
        hours, seconds = shape.seen.dial.quoted_hours, shape.seen.dial.quoted_seconds
        page = []
        for row_id in ids:
            bits = (row_id * 2_654_435_761 + salt) & 0xFFFFFFFF  # `Table.mix`, without the call
            bits ^= bits >> 15
            slot = bits % POOL
            if row_id in overlay:
                page.append(wire.encode(shape.rows((row_id,))[0]))
                continue
            values: list[Any] = [row_id]
            values += [absent if unix is None else hours[unix // 3_600] + seconds[unix % 3_600] for unix in moments(row_id, bits)]
            values += [low + (bits >> shift) % size for _, low, size, shift in spreads]
            row = templates[slot] % order(values)
            page.append(self._extended(row, row_id) if extras[slot] else row)
        return wire.Written(b"[%b]" % b",".join(page))

    def _extended(self, row: bytes, row_id: int) -> bytes:
        """Add the keys that are computed; they come last."""
        computed: dict[str, Any] = {}
        self.shape.derive(row_id, computed)
        if not computed:
            return row
        return b"%b%b%b" % (row[:-1], b"," if len(row) > len(b"{}") else b"", wire.encode(computed)[1:])


def writer(shape: Shape) -> Writer:
    """Make the templates of a shape."""
    stamps, spreads = [one[0] for one in shape.stamps], [one[0] for one in shape.spreads]
    places = {key: place for place, key in enumerate([*stamps, *spreads], 1)}
    places |= {shape.id_key: 0} if shape.id_key is not None else {}
    places |= {key: places[of] for key, of in shape.echoes}
    number = b'"%d"' if isinstance(shape.number(0), str) else b"%d"
    marks = {place: b"%b" if 1 <= place <= len(stamps) else number for place in places.values()}
    holes = {key: _HOLE % place for key, place in places.items()}
    templates = [_template(prototype | holes, marks) for prototype in shape.pool]
    # Prototypes that lack some keys have the others in the same order: one order of the holes serves them all.
    order = [places[key] for key in shape.pool[0] | holes if key in places]
    return Writer(shape, templates, _getter(order), orjson.dumps(shape.absent))


def _template(row: dict[str, Any], marks: dict[int, bytes]) -> bytes:
    """Encode a row with holes, and put the marks of formatting in their place."""
    text = wire.encode(row).replace(b"%", b"%%")
    for place, mark in marks.items():
        text = text.replace(wire.encode(_HOLE % place).replace(b"%", b"%%"), mark)
    return text


def _getter(order: Sequence[int]) -> Callable[[list[Any]], tuple[Any, ...]]:
    """Return what brings values into an order; `itemgetter` gives no tuple for fewer than two."""
    return itemgetter(*order) if len(order) > 1 else lambda values: tuple(values[place] for place in order)
