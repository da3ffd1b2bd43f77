"""Lists that only look like lists: everything at once, or everything behind every page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extractor.sandbox.answer import Answer, Method, Params, Refusal, Session
from extractor.sandbox.lists import classic_cut
from extractor.sandbox.methods.parameters import array_param, select_param
from extractor.sandbox.methods.rights import admit
from extractor.sandbox.ordering import classic_order
from extractor.sandbox.php import strval
from extractor.sandbox.query import Test, find
from extractor.sandbox.rows.fixed import currencies, statuses
from extractor.sandbox.shapes import Style, lens, shape
from extractor.sandbox.strict import Reader, plan
from extractor.sandbox.world import World

_STATUS_KEYS = ("ID", "ENTITY_ID", "STATUS_ID", "NAME", "SORT", "SYSTEM", "CATEGORY_ID", "SEMANTICS")
REQUISITE = Style("requisite")


def status_list(world: World, params: Params, _start: int | None, session: Session) -> Answer:
    """Answer `crm.status.list`: everything; `>ID`, `select` and `start` are ignored.

    A keyset walk over it never ends.
    """
    admit(world, session)
    given = array_param(params, "filter")
    rows = statuses()
    for name in _STATUS_KEYS:
        if name in given:
            rows = [row for row in rows if strval(row[name]) == strval(given[name])]
    return Answer(rows, len(rows), None, world.price("crm.status.list").page(len(rows)))


def currency_list(world: World, params: Params, _start: int | None, session: Session) -> Answer:
    """Answer `crm.currency.list`: everything, with `total` 0; the filter is ignored."""
    admit(world, session)
    array_param(params, "filter")
    rows = currencies()
    return Answer(rows, 0, None, world.price("crm.currency.list").page(len(rows)))


def requisite_list(world: World, params: Params, start: int | None, session: Session) -> Answer:
    """Answer `crm.requisite.list`: each page reads the whole set that is left.

    `getList` is called with an offset but without a limit, which the ORM
    ignores; then `NavStart` slices. A negative `start` is page 1, counted.
    """
    given, table = array_param(params, "filter"), world.tables["requisites"]
    admit(world, session)
    names = {column.name: column for column in table.entity.columns}
    parsed = plan(Reader(names, world.now, world.server_zone.offset, drops=True, upper=True), given)
    if not any(str(key).lstrip("=@!") == "ENTITY_TYPE_ID" for key in given):
        clients = Test("ENTITY_TYPE_ID", ("clients",), lambda raw: raw in {3, 4})
        parsed = replace(parsed, conditions=(clients, *parsed.conditions))
    found = find(table, parsed)
    cut = classic_cut(world, table, found, _order(world, params), max(start or 0, 0))
    rows = _rows(world, select_param(params), cut.ids)
    seconds = world.price("crm.requisite.list").page(len(rows), counted=cut.counted, loaded=len(found))
    return Answer(rows, cut.total, cut.next, seconds)


def _order(world: World, params: Params) -> tuple[tuple[str, bool], ...]:
    """Read the order; the ORM refuses a field that it does not know."""
    given, entity = array_param(params, "order"), world.tables["requisites"].entity
    for name in given:
        if entity.column(str(name)) is None:
            raise Refusal("", f"Unknown field definition `{name}` for Requisite Entity.")
    return classic_order(entity, given)


def _rows(world: World, select: tuple[str, ...], ids: list[int]) -> list[dict[str, Any]]:
    table = world.tables["requisites"]
    key = ("requisites", REQUISITE.name, select, world.user_zone.at(world.now))
    kept = world.shapes.get(key)
    if kept is None:
        shown = [column.name for column in table.entity.columns
                 if not select or "*" in select or column.name in select or column.name == "ID"]
        seen = lens(world.dial, world.user_zone, world.now, drifting=True)
        kept = world.keep(key, shape(table, REQUISITE, shown, seen))
    return kept.rows(ids)


METHODS: dict[str, Method] = {name: Method("crm", body) for name, body in {
    "crm.status.list": status_list, "crm.currency.list": currency_list, "crm.requisite.list": requisite_list,
}.items()}
