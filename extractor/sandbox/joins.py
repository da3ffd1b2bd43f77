"""Filter keys that are no columns: they join another table, with all that a join does to a list."""

from __future__ import annotations

from typing import Any

from extractor.sandbox.dataset import Table
from extractor.sandbox.php import intval, strval
from extractor.sandbox.query import Join
from extractor.sandbox.rows.activity import bindings

_MULTI = frozenset({"PHONE", "EMAIL", "WEB", "IM"})
_OWNERS = frozenset({"BINDING_OWNER_ID", "BINDING_OWNER_TYPE_ID"})


def join(table: Table, name: Any, value: Any) -> Join | None:
    """Read one filter key, spelled exactly; prefixed forms are not known."""
    if name == "BINDINGS":
        return binding_join(table, value)
    return multi_join(table, name, value) if name in _MULTI else None


def multi_join(table: Table, name: str, value: Any) -> Join | None:
    """Read PHONE, EMAIL, WEB or IM: the first value only, and it is a prefix, not the whole."""
    derived = next((one for one in table.entity.derived if one.name == name), None)
    values = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
    if derived is None or not values:
        return None
    make, prefix = derived.make, strval(values[0]).casefold()

    def copies(row_id: int) -> int:
        return int(any(str(one["VALUE"]).casefold().startswith(prefix) for one in make(table, row_id) or ()))
    return Join((name, prefix), copies)


def owner_join(table: Table, names: frozenset[str]) -> Join | None:
    """Join the bindings because a select or an order named their columns: rows multiply, the columns are stripped."""
    if table.entity.name != "activities" or not names & _OWNERS:
        return None
    return Join(("owners",), lambda row_id: len(bindings(table, row_id)))


def binding_join(table: Table, given: Any) -> Join | None:
    """Read `BINDINGS` (`CCrmActivity::PrepareBindingsFilterSql`): any of the pairs matches.

    A pair without an owner type is skipped; when none is left, or when the
    pairs are not a list, the join is left out and every activity matches.
    """
    if table.entity.name != "activities" or not isinstance(given, list):
        return None
    pairs = {(intval(pair["OWNER_TYPE_ID"]), intval(pair.get("OWNER_ID")))
             for pair in given if isinstance(pair, dict) and intval(pair.get("OWNER_TYPE_ID")) > 0}
    if not pairs:
        return None
    kinds = {kind for kind, owner in pairs if owner <= 0}

    def copies(row_id: int) -> int:
        return sum(bound[0] in kinds or bound in pairs for bound in bindings(table, row_id))
    return Join(("bindings", frozenset(pairs)), copies)
