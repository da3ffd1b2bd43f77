"""Types, funnels and the history of stages."""

from __future__ import annotations

import pytest

from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.methods import METHODS
from extractor.sandbox.world import World

ADMIN, GUEST = Session(), Session(user_id=9, admin=False)


@pytest.fixture
def world():
    """Build a small world."""
    return World.build(rows={"stagehistory": 400, "items_1032": 4})


def ask(world, method, start=None, session=ADMIN, **params):
    """Call a method."""
    return METHODS[method].run(world, params, start, session)


def test_types_are_those_of_users(world):
    """Types built on static ids (31) are not listed."""
    answer = ask(world, "crm.type.list", order={"id": "ASC"})
    assert [128, 130, 1032] == [row["entityTypeId"] for row in answer.result["types"]]
    assert answer.total == 3


def test_types_are_for_administrators(world):
    """crm.type.list needs the CRM administrator."""
    with pytest.raises(Refusal) as refusal:
        ask(world, "crm.type.list", session=GUEST)
    assert refusal.value.code == "ACCESS_DENIED"


def test_types_by_keyset(world):
    """`>id` works, `>ID` is refused."""
    answer = ask(world, "crm.type.list", -1, filter={">id": 1}, order={"id": "ASC"})
    assert [row["id"] for row in answer.result["types"]] == list(world.tables["types"].ids)[1:] or answer.result["types"]
    assert answer.total is None
    with pytest.raises(Refusal):
        ask(world, "crm.type.list", filter={">ID": 1})


def test_categories_come_at_once(world):
    """All funnels with their count, the deals' default one (id 0) among them; start is ignored."""
    answer = ask(world, "crm.category.list", 50, entityTypeId=2)
    assert answer.result["categories"][0]["id"] == 0
    assert (answer.total, answer.next) == (len(answer.result["categories"]), None)


def test_categories_filter_by_code_only(world):
    """Only `filter.code` is read."""
    assert ask(world, "crm.category.list", entityTypeId=2, filter={">id": 10**6}).total > 0
    assert ask(world, "crm.category.list", entityTypeId=2, filter={"code": "x"}).total == 0


@pytest.mark.parametrize("method", ["crm.category.list", "crm.stagehistory.list"])
def test_type_is_required(world, method):
    """A missing entityTypeId is code 100."""
    with pytest.raises(Refusal) as refusal:
        ask(world, method)
    assert refusal.value.code == 100


def test_history_has_upper_names_and_numbers(world):
    """Stage history is a controller with UPPER_SNAKE names and integers."""
    row = ask(world, "crm.stagehistory.list", entityTypeId=2).result["items"][0]
    assert list(row) == ["ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID"]
    assert isinstance(row["ID"], int)


def test_history_of_leads_has_statuses(world):
    """Leads have STATUS_ID where the others have STAGE_ID."""
    row = ask(world, "crm.stagehistory.list", entityTypeId=1).result["items"][0]
    assert {"STATUS_ID", "STATUS_SEMANTIC_ID"} < set(row)


def test_history_by_keyset(world):
    """`>ID`, order ID and start=-1 read one type's history, each row once."""
    seen, low = [], 0
    while page := ask(world, "crm.stagehistory.list", -1, entityTypeId=2, filter={">ID": low}, order={"ID": "ASC"}).result["items"]:
        seen += [row["ID"] for row in page]
        low = seen[-1]
    raw = world.tables["stagehistory"].raw("ENTITY_TYPE_ID")
    assert seen == [row_id for row_id in world.tables["stagehistory"].ids if raw(row_id) == 2]


def test_history_refuses_unknown_filters_and_drops_unknown_orders(world):
    """An unknown filter is refused, an unknown order dropped."""
    with pytest.raises(Refusal) as refusal:
        ask(world, "crm.stagehistory.list", entityTypeId=2, filter={">id": 5})
    assert refusal.value.code == "INVALID_ARG_VALUE"
    assert ask(world, "crm.stagehistory.list", entityTypeId=2, order={"nobody": "ASC"}).total


def test_history_select(world):
    """A select names its columns."""
    row = ask(world, "crm.stagehistory.list", entityTypeId=2, select=["ID", "STAGE_ID"]).result["items"][0]
    assert list(row) == ["ID", "STAGE_ID"]


def test_history_past_the_end(world):
    """A controller's page past the end is empty."""
    assert ask(world, "crm.stagehistory.list", 1_000, entityTypeId=2).result == {"items": []}


@pytest.mark.parametrize("method", ["crm.category.list", "crm.stagehistory.list"])
def test_rights(world, method):
    """Without any right to CRM they refuse."""
    world.turn(crm=False)
    with pytest.raises(Refusal):
        ask(world, method, session=GUEST, entityTypeId=2)
