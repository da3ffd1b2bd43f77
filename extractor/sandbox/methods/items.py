"""The universal CRM list `crm.item.list` and its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from extractor.sandbox.answer import Answer, Method, Params, Refusal, Session
from extractor.sandbox.columns import Column, Entity
from extractor.sandbox.dataset import Table
from extractor.sandbox.lists import Cut, controller_cut, controller_next, distinct, with_twins
from extractor.sandbox.methods.parameters import mapping
from extractor.sandbox.methods.rights import admit
from extractor.sandbox.ordering import Order
from extractor.sandbox.php import intval
from extractor.sandbox.query import find
from extractor.sandbox.shapes import Shape, Style, lens, shape
from extractor.sandbox.strict import Reader, plan, snake
from extractor.sandbox.world import DYNAMIC, World

_STATIC = {1: "leads", 2: "deals", 3: "contacts", 4: "companies", 7: "quotes"}
_RENAMED = {"DATE_CREATE": "createdTime", "DATE_MODIFY": "updatedTime", "CREATED_BY_ID": "createdBy",
            "MODIFY_BY_ID": "updatedBy", "MOVED_BY_ID": "movedBy", "STATUS_ID": "stageId",
            "STATUS_SEMANTIC_ID": "stageSemanticId"}
_MULTI = ("PHONE", "EMAIL", "WEB", "IM")


@lru_cache(maxsize=1024)
def camel(name: str) -> str:
    """Name a column as controllers do: `DATE_CREATE` is `createdTime`, a UF keeps its number apart."""
    if name in _RENAMED:
        return _RENAMED[name]
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name.lower())


def original(name: str) -> str:
    """Name a column in camelCase, but user fields as they are (`useOriginalUfNames`)."""
    return name if name.startswith("UF_") else camel(name)


ITEM = Style("item", text=False, no_date=None, rename=camel)
ITEM_UF = Style("item-uf", text=False, no_date=None, rename=original)


def typed_table(world: World, params: Params) -> Table:
    """Find the table of an entityTypeId, or refuse as the factory's absence does."""
    if "entityTypeId" not in params:
        raise Refusal(100, "Could not find value for parameter {entityTypeId}")
    number = intval(params["entityTypeId"])
    table = world.tables.get(_STATIC.get(number, f"items_{number}"))
    if table is None:
        if number >= DYNAMIC:
            raise Refusal("NOT_FOUND", "Smart process not found")
        raise Refusal("ENTITY_TYPE_NOT_SUPPORTED", f"Entity type `{number}` is not supported")
    return table


@lru_cache(maxsize=128)
def columns_by_name(entity: Entity, style: Style) -> dict[str, Column]:
    """Map the names that a filter may use to their columns."""
    return {style.rename(column.name): column for column in entity.columns}


def lower_id(given: Mapping[Any, Any]) -> dict[Any, Any]:
    """Let a bare `ID` pass: it survives the converter thanks to its cache, `>ID` does not."""
    return {("id" if key == "ID" else key): value for key, value in given.items()}


def strict_order(names: Mapping[str, Column], given: Mapping[Any, Any], *, drops: bool = False) -> Order:
    """Read a controller's order: unknown fields and directions are refused, or dropped."""
    order = []
    for name, direction in given.items():
        column = names.get(str(name)) or (names.get("id") if name == "ID" else None)
        ways = direction.upper() if isinstance(direction, str) else ""
        if column is None or ways not in {"ASC", "DESC"}:
            if drops:
                continue
            what = f"field '{snake(str(name))}' is not allowed in order" if column is None else (
                f"direction '{direction}' is not allowed")
            raise Refusal("INVALID_ARG_VALUE", f"Invalid order: {what}")
        order.append((column.name, ways == "DESC"))
    return tuple(order)


def item_list(world: World, params: Params, start: int | None, session: Session) -> Answer:
    """Answer `crm.item.list`."""
    table = typed_table(world, params)
    admit(world, session, "ACCESS_DENIED")
    style = ITEM_UF if str(params.get("useOriginalUfNames", "N")).upper() in {"Y", "1", "TRUE"} else ITEM
    names = columns_by_name(table.entity, style)
    zone = world.server_zone.offset
    reader = Reader(names, world.now, zone, shift=zone - world.user_zone.at(world.now))
    found = find(table, with_twins(world, table, plan(reader, lower_id(mapping(params, "filter")))))
    cut = controller_cut(world, table, found, strict_order(names, mapping(params, "order")), start)
    ids = distinct(cut.ids)  # the second query is `@ID IN (...)`: repetitions are gone
    select = tuple(map(str, mapping(params, "select").values())) if "select" in params else ("*",)
    rows = item_shape(world, table, style, select).rows(ids)
    if "*" in select:
        _multifields(table, ids, rows)
    return answer(world, "crm.item.list", "items", rows, cut)


def answer(world: World, method: str, name: str, rows: list[Any], cut: Cut) -> Answer:
    """Wrap a controller's page under its name."""
    seconds = world.price(method).page(len(rows), counted=cut.counted, skipped=cut.skipped)
    return Answer({name: rows}, cut.total, controller_next(cut, len(rows)), seconds)


def item_shape(world: World, table: Table, style: Style, select: tuple[str, ...]) -> Shape:
    """Give the shape of a select; an empty one shows empty objects, `id` is not added."""
    key = (table.entity.name, style.name, select, world.user_zone.at(world.now))
    kept = world.shapes.get(key)
    if kept is None:
        known = {style.rename(column.name): column.name for column in table.entity.columns}
        shown = [column for name, column in known.items() if "*" in select or name in select or column in select]
        seen = lens(world.dial, world.user_zone, world.now, drifting=True)
        kept = world.keep(key, shape(table, style, shown, seen))
    return kept


def _multifields(table: Table, ids: list[int], rows: list[dict[str, Any]]) -> None:
    """Add `fm` to leads, contacts and companies: always an array (`Item::getData`, `getFm`)."""
    fields = [derived for derived in table.entity.derived if derived.name in _MULTI]
    if not fields:
        return
    for row_id, row in zip(ids, rows, strict=True):
        row["fm"] = [{"id": int(one["ID"]), "valueType": one["VALUE_TYPE"], "value": one["VALUE"], "typeId": one["TYPE_ID"]}
                     for derived in fields for one in derived.make(table, row_id) or ()]


def item_fields(world: World, params: Params, _start: int | None, _session: Session) -> Answer:
    """Answer `crm.item.fields`."""
    entity = typed_table(world, params).entity
    fields = {camel(column.name): {
        "type": _TYPES.get(column.kind, "string"), "isRequired": False, "isReadOnly": column.name == "ID",
        "isImmutable": False, "isMultiple": column.kind == "multi", "isDynamic": column.name.startswith("UF_"),
        "title": column.name, "upperName": column.name} for column in entity.columns}
    return Answer({"fields": fields}, seconds=world.price("crm.item.fields").base)


_TYPES = {"int": "integer", "double": "double", "char": "boolean", "datetime": "datetime", "date": "date"}

METHODS: dict[str, Method] = {name: Method("crm", body) for name, body in {
    "crm.item.list": item_list, "crm.item.fields": item_fields,
}.items()}
