"""The classic CRM lists: `crm.<entity>.list` of activities, deals, leads, contacts, companies, quotes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from extractor.sandbox.answer import Answer, Method, Params, Refusal, Session
from extractor.sandbox.classic import Moment, plan
from extractor.sandbox.columns import Entity, Kind
from extractor.sandbox.joins import join, owner_join
from extractor.sandbox.lists import classic_cut, distinct, with_twins
from extractor.sandbox.methods.parameters import array_param, select_param
from extractor.sandbox.methods.rights import admit, barred
from extractor.sandbox.ordering import Order, classic_order
from extractor.sandbox.query import Found, Plan, Test, find
from extractor.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Listing:
    """What one classic list has of its own.

    `hidden`: the condition that the server adds, unless one of the `lifts` is
    in the filter. `mapped`: pages are keyed by id where a wide select joins
    (`USE_ENTITY_MAP_APPROACH`). `silent`: no right gives an empty list, not a
    refusal.
    """

    table: str
    order: Order = ()
    hidden: Test | None = None
    lifts: frozenset[str] = frozenset()
    multi: tuple[str, ...] = ()
    mapped: bool = True
    silent: bool = False


def run(listing: Listing, method: str, world: World, params: Params, start: int | None) -> Answer:
    """Answer one call of a classic list."""
    table = world.tables[listing.table]
    given, select = array_param(params, "order"), select_param(params)
    found = found_rows(listing, world, array_param(params, "filter"), frozenset(str(name).upper() for name in (*given, *select)))
    order = _order(table.entity, given) if given else listing.order
    cut = classic_cut(world, table, found, order, start)
    ids = distinct(cut.ids) if _keyed(listing, select) else cut.ids
    if "LIGHT_COUNTER_AT" in select and "IS_INCOMING_CHANNEL" not in select and listing.table == "activities":
        ids = []  # `getNextFetchedRecord` reads places 0.. of an array that is keyed by id
    seconds = world.price(method).page(len(ids), counted=cut.counted, skipped=cut.skipped,
                                       communications="COMMUNICATIONS" in select)
    return Answer(world.write(world.classic(table, select), ids), cut.total, cut.next, seconds)


def found_rows(listing: Listing, world: World, given: dict[Any, Any], named: frozenset[str] = frozenset()) -> Found:
    """Find the rows of a filter, hidden conditions and joins included."""
    table = world.tables[listing.table]
    moment = Moment(world.now, world.server_zone.offset)
    parsed = _hide(listing, plan(table.entity, given, moment, lambda name, value: join(table, name, value)))
    owners = owner_join(table, named)
    if owners:
        parsed = replace(parsed, joins=(*parsed.joins, owners))
    return find(table, with_twins(world, table, parsed))


def listed(world: World, method: str, given: dict[Any, Any] | None = None) -> list[int]:
    """List the ids that a classic list has to give for a filter, each once: the truth to compare with."""
    return distinct(list(found_rows(LISTINGS[method], world, given or {}).all()))


def _order(entity: Entity, given: dict[Any, Any]) -> Order:
    """Read the order; an array as a direction is a PHP TypeError, which nothing catches."""
    if any(isinstance(direction, (list, dict)) for direction in given.values()):
        raise Refusal("INTERNAL_SERVER_ERROR", "Internal server error", status=500)
    return classic_order(entity, given)


def _hide(listing: Listing, parsed: Plan) -> Plan:
    if listing.hidden is None or listing.lifts & parsed.named:
        return parsed
    return replace(parsed, conditions=(listing.hidden, *parsed.conditions))


def _keyed(listing: Listing, select: tuple[str, ...]) -> bool:
    if not listing.mapped:
        return "IS_INCOMING_CHANNEL" in select
    return not select or "*" in select or "COMMENTS" in select or any(name in select for name in listing.multi)


MULTI = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
# `rs:innerGetList` of contacts and companies forces `@CATEGORY_ID = 0`.
_DEFAULT_CATEGORY = Test("CATEGORY_ID", ("hidden", 0), lambda raw: raw == 0)

LISTINGS: dict[str, Listing] = {
    # `rs:innerGetList`: START_TIME ASC, and no second key for ties
    "crm.activity.list": Listing("activities", (("START_TIME", False),), mapped=False, silent=True),
    # `CCrmDeal::GetListEx`: recurring templates are hidden unless the filter names them or an id
    "crm.deal.list": Listing(
        "deals", hidden=Test("IS_RECURRING", ("hidden",), lambda raw: raw == "N"),
        lifts=frozenset({"IS_RECURRING", "=IS_RECURRING", "ID", "=ID", "@ID"})),
    "crm.lead.list": Listing("leads", multi=MULTI),
    "crm.contact.list": Listing("contacts", hidden=_DEFAULT_CATEGORY, multi=MULTI),
    "crm.company.list": Listing("companies", hidden=_DEFAULT_CATEGORY, multi=MULTI),
    "crm.quote.list": Listing("quotes"),
}


def _lister(name: str, listing: Listing) -> Method:
    def body(world: World, params: Params, start: int | None, session: Session) -> Answer:
        if listing.silent and barred(world, session):
            return Answer([], 0)  # `CCrmActivity::BuildPermSql`: no branch, no rows, no error
        admit(world, session)
        return run(listing, name, world, params, start)
    return Method("crm", body)


def _fields(name: str, listing: Listing) -> Method:
    def body(world: World, _params: Params, _start: int | None, session: Session) -> Answer:
        admit(world, session)
        return Answer(described(world.tables[listing.table].entity), seconds=world.price(name).base)
    return Method("crm", body)


def described(entity: Entity) -> dict[str, dict[str, Any]]:
    """Describe an entity's fields as `crm.<entity>.fields` does."""
    fields = {column.name: _field(TYPES.get(column.kind, "string"), column.name) for column in entity.columns
              if not column.hidden}
    fields |= {derived.name: _field(DERIVED_TYPES.get(derived.name, "crm_multifield"), derived.name, multiple=True)
               for derived in entity.derived}
    if entity.name == "activities":
        fields["BINDINGS"] = _field("crm_activity_binding", "BINDINGS", multiple=True)
        fields["WEBDAV_ELEMENTS"] = _field("diskfile", "WEBDAV_ELEMENTS", multiple=True) | {"isDeprecated": True}
    return fields


def _field(kind: str, name: str, *, multiple: bool = False) -> dict[str, Any]:
    return {"type": kind, "isRequired": False, "isReadOnly": name == "ID", "isImmutable": False,
            "isMultiple": multiple, "isDynamic": name.startswith("UF_"), "title": name}


TYPES: dict[Kind, str] = {"int": "integer", "double": "double", "char": "char", "datetime": "datetime", "date": "date",
                          "json": "object"}
DERIVED_TYPES = {"FILES": "diskfile", "COMMUNICATIONS": "crm_activity_communication", "IS_INCOMING_CHANNEL": "char"}

METHODS: dict[str, Method] = {name: _lister(name, listing) for name, listing in LISTINGS.items()} | {
    (name := f"{prefix.removesuffix('.list')}.fields"): _fields(name, listing) for prefix, listing in LISTINGS.items()}
