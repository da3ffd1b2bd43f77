"""What a table is made of: columns, and the few values that differ from row to row.

Rule 1: a row is a prototype from the entity's pool plus values computed from
its id: stamps (moments), spreads (numbers), echoes (copies of another
column). Everything else a row shows comes from its prototype.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Any, Literal, Protocol

Kind = Literal["int", "string", "char", "datetime", "date", "double", "json", "multi", "bool"]


class Source(Protocol):
    """What a derived key may ask of its table."""

    def raw(self, name: str) -> Callable[[int], Any]:
        """Give the reader of one column."""
        ...

    def mix(self, row_id: int) -> int:
        """Give the row's own 32 random-looking bits."""
        ...


def nothing(_rng: Random) -> Any:
    """Leave the prototype's value empty: it is set per row, or NULL."""
    return None


@dataclass(frozen=True, slots=True)
class Column:
    """A database column: its kind, how a prototype's value is made, where it shows.

    `star`: part of `*`. `hidden`: never leaves the server, though it can be
    ordered by. `filter`: known to FIELDS_INFO, so that a filter may name it.
    `ranks`: the order of its values where it is not theirs (stages by SORT).
    """

    name: str
    kind: Kind = "string"
    make: Callable[[Random], Any] = field(default=nothing, repr=False)
    star: bool = True
    hidden: bool = False
    filter: bool = True
    ranks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment per row: creation plus up to `spread` seconds; NULL in one of `null` rows."""

    name: str
    spread: int = 0
    shift: int = 3
    minute: bool = False
    null: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """A number per row: `low` to `low + size - 1`."""

    name: str
    low: int
    size: int
    shift: int = 5


@dataclass(frozen=True, slots=True)
class Derived:
    """A key that is computed when a row leaves; absent when `make` gives `None`.

    `when` names the column that must be set for the key to be worth computing.
    """

    name: str
    make: Callable[[Source, int], Any] = field(repr=False)
    star: bool = False
    when: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Entity:
    """One kind of object as the portal stores it.

    `together` makes values of a prototype that belong together.
    """

    name: str
    columns: tuple[Column, ...]
    created: str = ""
    modified: str = ""
    edited: str = ""
    stamps: tuple[Stamp, ...] = ()
    spreads: tuple[Spread, ...] = ()
    echoes: tuple[tuple[str, str], ...] = ()
    derived: tuple[Derived, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    together: Callable[[Random], dict[str, Any]] | None = field(default=None, repr=False)

    def column(self, name: str) -> Column | None:
        """Look a column up by its exact name."""
        return _by_name(self).get(name)


@lru_cache(maxsize=256)
def _by_name(entity: Entity) -> dict[str, Column]:
    return {column.name: column for column in entity.columns}
