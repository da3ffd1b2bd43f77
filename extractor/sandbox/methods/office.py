"""Tasks, users and departments: three modules, three dialects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from extractor.sandbox.answer import Answer, Method, Params, Session
from extractor.sandbox.dataset import Table
from extractor.sandbox.lists import classic_cut, controller_cut, controller_next, orm_cut
from extractor.sandbox.methods.items import camel
from extractor.sandbox.methods.parameters import mapping
from extractor.sandbox.ordering import Order
from extractor.sandbox.php import strval
from extractor.sandbox.query import Plan, Test, find
from extractor.sandbox.shapes import Lens, Shape, Style, shape
from extractor.sandbox.strict import Reader, plan
from extractor.sandbox.world import World
from extractor.sandbox.zones import dial


def _task_name(name: str) -> str:
    return {"CREATED_BY": "createdBy", "CHANGED_BY": "changedBy"}.get(name) or camel(name)


TASK = Style("task", no_date=None, rename=_task_name)
USER = Style("user", sparse=True)
DEPARTMENT = Style("department", sparse=True)
_USER_CONTROLS = frozenset({"SORT", "ORDER", "ADMIN_MODE", "FILTER", "SELECT", "START"})
_DEPARTMENT_KEYS = ("ID", "NAME", "SORT", "PARENT", "UF_HEAD")


def task_list(world: World, params: Params, start: int | None, _session: Session) -> Answer:
    """Answer `tasks.task.list`: UPPER names in, camelCase out, the caller's zone.

    Unknown names are dropped; a date that cannot be read is 1970.
    """
    table = world.tables["tasks"]
    names = {column.name: column for column in table.entity.columns}
    reader = Reader(names, world.now, world.server_zone.offset, drops=True, upper=True, epoch=True)
    found = find(table, plan(reader, mapping(params, "filter")))
    order = _order(table, mapping(params, "order"))
    cut = controller_cut(world, table, found, order, start)
    shown = _shape(world, table, TASK, _selected(table, mapping(params, "select")))
    rows = shown.rows(cut.ids)
    seconds = world.price("tasks.task.list").page(len(rows), counted=cut.counted, skipped=cut.skipped)
    return Answer({"tasks": rows}, cut.total, controller_next(cut, len(rows)), seconds)


def _order(table: Table, given: Any) -> Order:
    return tuple((column.name, str(direction).upper() == "DESC") for name, direction in given.items()
                 if (column := table.entity.column(str(name).upper())) is not None)


def _selected(table: Table, select: Any) -> tuple[str, ...]:
    wanted = {str(name) for name in select.values()}
    star = not wanted or "*" in wanted
    return tuple(column.name for column in table.entity.columns if column.name in wanted | {"ID"}
                 or (star and column.star) or (star and "UF_*" in wanted and column.name.startswith("UF_")))


def _shape(world: World, table: Table, style: Style, names: tuple[str, ...]) -> Shape:
    """Give the shape of a select; tasks show moments in the caller's zone, the others in the server's."""
    offset = world.user_zone.at(world.now) if style is TASK else world.server_zone.offset
    key = (table.entity.name, style.name, names, offset)
    return world.shapes.get(key) or world.keep(key, shape(table, style, names, Lens(dial(offset))))


def user_get(world: World, params: Params, start: int | None, session: Session) -> Answer:
    """Answer `user.get`: names in any case, `sort` and `order` as scalars, an exact offset.

    Without `FILTER` all parameters are the filter; unknown names are dropped.
    An empty result is a bare `[]` without a total.
    """
    table = world.tables["users"]
    given = {str(name).upper(): value for name, value in params.items()}
    found = find(table, _visible(given, session, _user_plan(world, given)))
    cut = orm_cut(world, table, found, _scalar_order(table, given), start)
    names = tuple(column.name for column in table.entity.columns)
    rows = _shape(world, table, USER, names).rows(cut.ids)
    seconds = world.price("user.get").page(len(rows), counted=cut.counted, skipped=cut.skipped)
    return Answer(rows, cut.total if rows else None, cut.next, seconds)


def _user_plan(world: World, given: dict[str, Any]) -> Plan:
    names = {column.name: column for column in world.tables["users"].entity.columns}
    filters = given.get("FILTER", {name: value for name, value in given.items() if name not in _USER_CONTROLS})
    filters = {str(name).upper(): value for name, value in filters.items()} if isinstance(filters, dict) else {}
    return plan(Reader(names, world.now, world.server_zone.offset, drops=True, upper=True), filters)


def _visible(given: dict[str, Any], session: Session, parsed: Plan) -> Plan:
    """Hide extranet users, unless an administrator asks in ADMIN_MODE."""
    if session.admin and strval(given.get("ADMIN_MODE")) in {"1", "Y", "true"}:
        return parsed
    intranet = Test("USER_TYPE", ("intranet",), lambda raw: raw != "extranet")
    return replace(parsed, conditions=(intranet, *parsed.conditions))


def _scalar_order(table: Table, given: dict[str, Any]) -> Order:
    column = table.entity.column(str(given.get("SORT", "")).upper())
    return ((column.name, str(given.get("ORDER", "ASC")).upper() == "DESC"),) if column else ()


def department_get(world: World, params: Params, start: int | None, _session: Session) -> Answer:
    """Answer `department.get`: five exact filter keys; `>ID` is dropped."""
    table = world.tables["departments"]
    given = {str(name).upper(): value for name, value in params.items()}
    names = {column.name: column for column in table.entity.columns}
    reader = Reader(names, world.now, world.server_zone.offset, drops=True, upper=True)
    keys = _DEPARTMENT_KEYS if "ORDER" not in given else tuple(key for key in _DEPARTMENT_KEYS if key != "SORT")
    parsed = plan(reader, {name: given[name] for name in keys if name in given})
    cut = classic_cut(world, table, find(table, parsed), _scalar_order(table, given), start)
    rows = _shape(world, table, DEPARTMENT, tuple(names)).rows(cut.ids)
    seconds = world.price("department.get").page(len(rows), counted=cut.counted, skipped=cut.skipped)
    return Answer(rows, cut.total, cut.next, seconds)


def task_fields(world: World, _params: Params, _start: int | None, _session: Session) -> Answer:
    """Answer `tasks.task.getFields`: names as the list takes them, whole numbers and texts where the list shows others."""
    columns = world.tables["tasks"].entity.columns
    fields = {column.name: {"title": column.name, "type": _TASK_TYPES.get(column.kind, "string")} for column in columns
              if column.name not in _UNREPORTED}
    return Answer({"fields": fields}, seconds=world.price("tasks.task.getfields").base)


_TASK_TYPES = {"int": "integer", "char": "enum", "datetime": "datetime", "multi": "array"}
_UNREPORTED = frozenset({"ALLOW_CHANGE_DEADLINE"})  # a column of the list that its fields lack

METHODS: dict[str, Method] = {
    "tasks.task.getfields": Method("task", task_fields),
    "tasks.task.list": Method("task", task_list), "user.get": Method("user", user_get),
    "department.get": Method("department", department_get)}
