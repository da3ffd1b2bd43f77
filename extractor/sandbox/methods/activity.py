"""One activity, and what it hangs on."""

from __future__ import annotations

from extractor.sandbox.answer import Answer, Method, Params, Refusal, Session
from extractor.sandbox.methods.rights import barred
from extractor.sandbox.php import intval
from extractor.sandbox.rows.activity import bindings
from extractor.sandbox.world import World


def get(world: World, params: Params, _start: int | None, session: Session) -> Answer:
    """Answer `crm.activity.get`: the row of an empty select, without communications."""
    row_id = intval(next((params[name] for name in ("id", "ID", "Id") if name in params), 0))
    if row_id <= 0:
        raise Refusal("", "ID is not defined or invalid.")
    table = world.tables["activities"]
    if row_id not in table.ids or barred(world, session):
        raise Refusal("", "")  # neither a code nor a word, whatever the documentation says
    if table.raw("PROVIDER_ID")(row_id) == "CONFIGURABLE":
        raise Refusal("", "Use crm.activity.configurable.get for this activity provider")
    row = world.classic(table, ()).rows([row_id])[0]
    return Answer(row, seconds=world.price("crm.activity.get").page(1))


def binding_list(world: World, params: Params, _start: int | None, session: Session) -> Answer:
    """Answer `crm.activity.binding.list`: the only source of bindings, an activity a call."""
    if "activityId" not in params:
        raise Refusal(100, "Could not find value for parameter {activityId}")
    row_id, table = intval(params["activityId"]), world.tables["activities"]
    if row_id not in table.ids or barred(world, session):
        raise Refusal("NOT_FOUND", "Not found.")
    pairs = [{"entityTypeId": kind, "entityId": owner} for kind, owner in bindings(table, row_id)]
    return Answer(pairs, seconds=world.price("crm.activity.binding.list").page(len(pairs)))


METHODS: dict[str, Method] = {
    "crm.activity.get": Method("crm", get), "crm.activity.binding.list": Method("crm", binding_list)}
