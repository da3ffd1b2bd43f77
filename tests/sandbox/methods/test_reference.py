"""Lists that only look like lists."""

from __future__ import annotations

import pytest

from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.methods import METHODS
from extractor.sandbox.world import World
from extractor.sandbox.zones import Zone

ADMIN, GUEST = Session(), Session(user_id=9, admin=False)


@pytest.fixture
def world():
    """Build a small world."""
    return World.build(rows={"requisites": 240})


def ask(world, method, start=None, session=ADMIN, **params):
    """Call a method."""
    return METHODS[method].run(world, params, start, session)


def test_statuses_ignore_keyset(world):
    """`>ID`, select and start are ignored: a keyset walk never ends (`CCrmStatus`)."""
    whole = ask(world, "crm.status.list")
    again = ask(world, "crm.status.list", -1, filter={">ID": 10**6}, select=["ID"], order={"ID": "ASC"})
    assert again.result == whole.result
    assert (again.total, again.next) == (len(whole.result), None)


def test_statuses_filter_by_exact_keys(world):
    """ENTITY_ID and its like are compared as they are."""
    answer = ask(world, "crm.status.list", FILTER={"ENTITY_ID": "SOURCE", "SYSTEM": "Y"})
    assert [(row["ENTITY_ID"], row["SYSTEM"]) for row in answer.result] == [("SOURCE", "Y")]


def test_currencies_have_total_zero(world):
    """Rows come with `total` 0, and the filter is ignored."""
    answer = ask(world, "crm.currency.list", filter={"CURRENCY": "USD"})
    assert (len(answer.result), answer.total, answer.next) == (4, 0, None)


@pytest.mark.parametrize("method", ["crm.status.list", "crm.currency.list", "crm.requisite.list"])
def test_rights(world, method):
    """Without any right to CRM they refuse."""
    world.turn(crm=False)
    with pytest.raises(Refusal, match="Access denied"):
        ask(world, method, session=GUEST)


def test_requisites_ignore_negative_start(world):
    """start=-1 is page 1 with its real total and `next`."""
    assert ask(world, "crm.requisite.list", -1, order={"ID": "ASC"}) == ask(world, "crm.requisite.list", 0, order={"ID": "ASC"})
    assert ask(world, "crm.requisite.list", -1).next == 50


def test_requisites_of_other_owners_are_hidden(world):
    """Without ENTITY_TYPE_ID only those of companies and contacts are listed."""
    raw = world.tables["requisites"].raw("ENTITY_TYPE_ID")
    clients = [row_id for row_id in world.tables["requisites"].ids if raw(row_id) in {3, 4}]
    assert ask(world, "crm.requisite.list").total == len(clients) < 240
    others = ask(world, "crm.requisite.list", filter={"=ENTITY_TYPE_ID": 8})
    assert others.total == 240 - len(clients)


def test_requisites_by_keyset(world):
    """`>ID` and order ID read every row once; `total` is what remains."""
    seen, low, totals = [], 0, []
    while (answer := ask(world, "crm.requisite.list", -1, filter={">ID": low}, order={"ID": "ASC"})).result:
        seen += [int(row["ID"]) for row in answer.result]
        totals.append(answer.total)
        low = seen[-1]
    assert seen == sorted(set(seen))
    assert totals[0] == len(seen)
    assert totals == sorted(totals, reverse=True)


def test_requisites_cost_the_whole_set():
    """Every page reads all that is left; `<=ID` is what saves it."""
    world = World.build(rows={"requisites": 5_000})
    middle = world.tables["requisites"].ids[100]
    whole, part = (ask(world, "crm.requisite.list", -1, filter=given) for given in ({}, {"<=ID": middle}))
    assert whole.seconds > part.seconds * 5


def test_requisites_past_the_end(world):
    """Past the end it is page 1 again (`NavStart`)."""
    order = {"ID": "ASC"}
    assert ask(world, "crm.requisite.list", 10**6, order=order) == ask(world, "crm.requisite.list", 0, order=order)


def test_requisites_refuse_unknown_orders_and_empty_lists(world):
    """The ORM is loud where the classic lists are silent; unknown filter keys are dropped all the same."""
    with pytest.raises(Refusal, match="Unknown field definition"):
        ask(world, "crm.requisite.list", order={"NOBODY": "ASC"})
    with pytest.raises(Refusal, match="SQL syntax"):
        ask(world, "crm.requisite.list", filter={"@ID": []})
    assert ask(world, "crm.requisite.list", filter={">id": 10**9}).total > 0


def test_requisite_select_and_drift():
    """`ID` is always there; moments go through the user's zone."""
    world = World.build(rows={"requisites": 0}, user_zone=Zone(3_600, summer=3_600))
    world.tables["requisites"].insert(1_704_067_200, values={"ENTITY_TYPE_ID": 3})
    row = ask(world, "crm.requisite.list", select=["DATE_CREATE"]).result[0]
    assert row == {"ID": "1", "DATE_CREATE": "2024-01-01T02:00:00+03:00"}
