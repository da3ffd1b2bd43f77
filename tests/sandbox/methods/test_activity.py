"""One activity, and what it hangs on."""

from __future__ import annotations

import pytest

from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.methods import METHODS
from extractor.sandbox.rows.activity import bindings
from extractor.sandbox.world import World

ADMIN, GUEST = Session(), Session(user_id=9, admin=False)
WORLD = World.build()
TABLE = WORLD.tables["activities"]


def ask(method, session=ADMIN, world=WORLD, **params):
    """Call a method."""
    return METHODS[method].run(world, params, None, session)


def of_provider(*, configurable):
    """Find an activity of a configurable provider, or of another."""
    raw = TABLE.raw("PROVIDER_ID")
    return next(row_id for row_id in TABLE.ids if (raw(row_id) == "CONFIGURABLE") == configurable)


@pytest.mark.parametrize("name", ["id", "ID"])
def test_get_is_a_row_of_an_empty_select(name):
    """The same row as in a list with an empty select, without communications."""
    row_id = of_provider(configurable=False)
    assert ask("crm.activity.get", **{name: str(row_id)}).result == WORLD.row("activities", row_id, ())


def test_get_of_a_missing_activity():
    """HTTP 400 with an empty error and an empty description (against the documentation)."""
    with pytest.raises(Refusal) as refusal:
        ask("crm.activity.get", id=10**9)
    assert (refusal.value.code, refusal.value.description, refusal.value.status) == ("", "", 400)


@pytest.mark.parametrize("params", [{}, {"id": 0}, {"id": "x"}])
def test_get_needs_an_id(params):
    """An id that is none is told."""
    with pytest.raises(Refusal, match="ID is not defined or invalid"):
        ask("crm.activity.get", **params)


def test_get_of_a_configurable_activity():
    """The list has configurable activities, get refuses them."""
    with pytest.raises(Refusal, match=r"Use crm\.activity\.configurable\.get"):
        ask("crm.activity.get", id=of_provider(configurable=True))


def test_bindings():
    """All bindings of one activity, as numbers, without a total."""
    row_id = next(row_id for row_id in TABLE.ids if len(bindings(TABLE, row_id)) == 3)
    answer = ask("crm.activity.binding.list", activityId=str(row_id))
    assert answer.result == [{"entityTypeId": kind, "entityId": owner} for kind, owner in bindings(TABLE, row_id)]
    assert answer.total is None


def test_bindings_of_a_missing_activity():
    """A missing activity is NOT_FOUND."""
    with pytest.raises(Refusal) as refusal:
        ask("crm.activity.binding.list", activityId=10**9)
    assert refusal.value.code == "NOT_FOUND"


def test_bindings_need_their_parameter():
    """Controllers bind by the exact name."""
    with pytest.raises(Refusal) as refusal:
        ask("crm.activity.binding.list", ACTIVITYID=1)
    assert refusal.value.code == 100


@pytest.mark.parametrize(("method", "name"), [("crm.activity.get", "id"), ("crm.activity.binding.list", "activityId")])
def test_rights(method, name):
    """Without rights an activity is as if it were not there."""
    world = World.build()
    world.turn(crm=False)
    with pytest.raises(Refusal):
        ask(method, GUEST, world, **{name: world.tables["activities"].ids[0]})
