"""Smart process types, funnels and stage history: controllers beside `crm.item.list`."""

from __future__ import annotations

from dataclasses import replace

from extractor.sandbox.answer import Answer, Method, Params, Refusal, Session
from extractor.sandbox.lists import controller_cut
from extractor.sandbox.methods.items import (
    answer,
    camel,
    columns_by_name,
    item_shape,
    lower_id,
    strict_order,
    typed_table,
)
from extractor.sandbox.methods.parameters import mapping
from extractor.sandbox.methods.rights import admit
from extractor.sandbox.php import intval
from extractor.sandbox.query import Test, find
from extractor.sandbox.rows.fixed import categories
from extractor.sandbox.shapes import Style
from extractor.sandbox.strict import Reader, plan
from extractor.sandbox.world import World

TYPE = Style("type", text=False, no_date=None, rename=camel)
HISTORY = Style("history", text=False)


def _status(name: str) -> str:
    """Leads and old invoices have statuses where the others have stages."""
    return name.replace("STAGE_", "STATUS_")


STATUS_HISTORY = Style("status-history", text=False, rename=_status)


def type_list(world: World, params: Params, start: int | None, session: Session) -> Answer:
    """Answer `crm.type.list`: for CRM administrators, and without the static types."""
    if not session.admin:
        raise Refusal("ACCESS_DENIED", "Access denied.")
    table = world.tables["types"]
    names = columns_by_name(table.entity, TYPE)
    reader = Reader(names, world.now, world.server_zone.offset)
    found = find(table, plan(reader, lower_id(mapping(params, "filter"))))
    cut = controller_cut(world, table, found, strict_order(names, mapping(params, "order")), start)
    return answer(world, "crm.type.list", "types", item_shape(world, table, TYPE, ("*",)).rows(cut.ids), cut)


def category_list(world: World, params: Params, _start: int | None, session: Session) -> Answer:
    """Answer `crm.category.list`: all at once; only `filter.code` is read."""
    typed_table(world, params)
    admit(world, session, "ACCESS_DENIED")
    code = mapping(params, "filter").get("code")
    rows = [row for row in categories(world.seed, intval(params["entityTypeId"])) if not code or row["code"] == code]
    return Answer({"categories": rows}, len(rows), None, world.price("crm.category.list").page(len(rows)))


def history_list(world: World, params: Params, start: int | None, session: Session) -> Answer:
    """Answer `crm.stagehistory.list`: a controller with UPPER_SNAKE names and numbers."""
    if "entityTypeId" not in params:
        raise Refusal(100, "Could not find value for parameter {entityTypeId}")
    admit(world, session, "ACCESS_DENIED")
    number = intval(params["entityTypeId"])
    table, style = world.tables["stagehistory"], STATUS_HISTORY if number in {1, 5} else HISTORY
    names = {style.rename(column.name): column for column in table.entity.columns if column.filter}
    parsed = plan(Reader(names, world.now, world.server_zone.offset, upper=True), mapping(params, "filter"))
    of_type = Test("ENTITY_TYPE_ID", ("type", number), lambda raw: raw == number)
    found = find(table, replace(parsed, conditions=(of_type, *parsed.conditions)))
    cut = controller_cut(world, table, found, strict_order(names, mapping(params, "order"), drops=True), start)
    select = tuple(map(str, mapping(params, "select").values()))
    shown = tuple(name for name in names if not select or "*" in select or name in select)
    return answer(world, "crm.stagehistory.list", "items", item_shape(world, table, style, shown).rows(cut.ids), cut)


METHODS: dict[str, Method] = {name: Method("crm", body) for name, body in {
    "crm.type.list": type_list, "crm.category.list": category_list, "crm.stagehistory.list": history_list,
}.items()}
