"""`crm.item.list`: the universal list."""

from __future__ import annotations

import pytest

from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.classic import listed
from extractor.sandbox.methods.items import camel, original
from extractor.sandbox.world import NOW, World
from extractor.sandbox.zones import Zone

ADMIN, GUEST = Session(), Session(user_id=9, admin=False)
BY_ID = {"id": "ASC"}


@pytest.fixture
def world():
    """Build a small world."""
    return World.build(rows={"deals": 130, "contacts": 60, "items_128": 70})


def ask(world, start=None, session=ADMIN, entityTypeId=2, method="crm.item.list", **params):  # noqa: N803
    """Call a method."""
    return METHODS[method].run(world, {"entityTypeId": entityTypeId, **params}, start, session)


def ids(answer):
    """List a page's ids."""
    return [item["id"] for item in answer.result["items"]]


@pytest.mark.parametrize(("column", "name"), [
    ("ID", "id"), ("DATE_CREATE", "createdTime"), ("DATE_MODIFY", "updatedTime"), ("ASSIGNED_BY_ID", "assignedById"),
    ("CREATED_BY_ID", "createdBy"), ("UF_CRM_1600000001", "ufCrm_1600000001"), ("IS_NEW", "isNew"),
])
def test_names(column, name):
    """Columns are shown in camelCase, some under other names."""
    assert name == camel(column)


def test_original_names_of_user_fields(world):
    """`useOriginalUfNames` leaves UF_* as they are."""
    assert original("UF_CRM_1") == "UF_CRM_1"
    item = ask(world, useOriginalUfNames="Y").result["items"][0]
    assert {"UF_CRM_1600000001", "createdTime"} < set(item)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7, 31, "128"])
def test_entity_types(world, number):
    """Leads, deals, contacts, companies, quotes, smart invoices and smart processes."""
    assert ask(world, -1, entityTypeId=number).result["items"]


@pytest.mark.parametrize(("number", "code"), [(5, "ENTITY_TYPE_NOT_SUPPORTED"), (14, "ENTITY_TYPE_NOT_SUPPORTED"), (999, "NOT_FOUND")])
def test_unsupported_types(world, number, code):
    """Old invoices and orders are refused, an unknown smart process is not found."""
    with pytest.raises(Refusal) as refusal:
        ask(world, entityTypeId=number)
    assert refusal.value.code == code


def test_type_is_required(world):
    """A missing parameter is code 100."""
    with pytest.raises(Refusal, match="Could not find value for parameter") as refusal:
        METHODS["crm.item.list"].run(world, {}, None, ADMIN)
    assert refusal.value.code == 100


def test_keyset_gives_every_item_once(world):
    """`>id`, `order id ASC` and start=-1 read the whole table, recurring templates included."""
    seen, low = [], 0
    while page := ids(ask(world, -1, filter={">id": low}, order=BY_ID)):
        seen += page
        low = page[-1]
    assert seen == list(world.tables["deals"].ids)


def test_without_count_there_is_neither_total_nor_next(world):
    """start=-1: neither key (`RestManager`), where classic lists say `total` 0."""
    answer = ask(world, -1)
    assert (answer.total, answer.next) == (None, None)


def test_pages(world):
    """`total`, `next = offset + rows`, and an empty page past the end."""
    first, last, past = (ask(world, start, order=BY_ID) for start in (0, 100, 150))
    assert (first.total, first.next) == (130, 50)
    assert (len(last.result["items"]), last.next) == (30, None)
    assert (past.result, past.total, past.next) == ({"items": []}, 130, None)


def test_short_page_makes_an_endless_loop(world):
    """A row that a to-many relation repeats shortens page 1 to 48; `next` 48 is page 1 again."""
    world.turn(twins={"deals": frozenset(list(world.tables["deals"].ids)[:2])})
    first = ask(world, 0, order=BY_ID)
    assert (len(first.result["items"]), first.next) == (48, 48)
    assert ask(world, 48, order=BY_ID).result == first.result


def test_other_spellings_are_ignored(world):
    """Controllers bind parameters by their exact name: FILTER is no filter (`Binder`)."""
    assert ask(world, 0, FILTER={"id": 1}, Order={"id": "ASC"}).total == 130


def test_lower_and_upper_id(world):
    """A bare `ID` works, `>ID` becomes `>_ID` and is refused."""
    wanted = world.tables["deals"].ids[2]
    assert ids(ask(world, filter={"ID": wanted})) == [wanted]
    with pytest.raises(Refusal) as refusal:
        ask(world, filter={">ID": wanted})
    assert refusal.value.description == "Invalid filter: field '>_ID' is not allowed in filter"


def test_failed_reference_is_loud(world):
    """An array in place of an id is refused, where classic lists start again."""
    with pytest.raises(Refusal) as refusal:
        ask(world, filter={">id": [{"id": 1}]})
    assert refusal.value.code == "INVALID_ARG_VALUE"


@pytest.mark.parametrize("order", [{"nobody": "ASC"}, {"id": "ascending"}, {"id": 1}])
def test_order_is_validated(world, order):
    """Unknown fields and directions are refused."""
    with pytest.raises(Refusal, match="Invalid order"):
        ask(world, order=order)


def test_filter_that_is_no_array(world):
    """A scalar does not match a parameter of type array."""
    with pytest.raises(Refusal) as refusal:
        ask(world, filter="id")
    assert refusal.value.code == 100


def test_no_order_is_not_the_order_of_ids(world):
    """There is no ORDER BY by default."""
    page = ids(ask(world, -1))
    assert page != sorted(page)


def test_empty_select_gives_empty_objects(world):
    """`select: []` shows nothing at all."""
    assert ask(world, -1, select=[]).result["items"] == [{}] * 50


def test_id_is_not_added(world):
    """`id` must be selected; unknown names are dropped; UPPER names are understood."""
    assert ask(world, -1, select=["title", "nobody"]).result["items"][0].keys() == {"title"}
    assert ask(world, -1, select=["ID"]).result["items"][0].keys() == {"id"}


def test_types_of_values(world):
    """Numbers are numbers, absent dates null, flags "Y"/"N"."""
    items = [item for start in (0, 50, 100) for item in ask(world, start, order=BY_ID).result["items"]]
    assert all(isinstance(item["id"], int) and isinstance(item["opportunity"], (int, float)) for item in items)
    assert None in {item["closedate"] for item in items}
    assert {item["isNew"] for item in items} == {"Y", "N"}


def test_multi_fields_come_with_star_only(world):
    """`fm` is an array for leads, contacts and companies, and there with `*` only."""
    items = ask(world, -1, entityTypeId=3, select=["*"]).result["items"]
    assert all(isinstance(item["fm"], list) for item in items)
    assert {"id", "valueType", "value", "typeId"} == set(next(item["fm"][0] for item in items if item["fm"]))
    assert "fm" not in ask(world, -1, entityTypeId=3, select=["id", "fm"]).result["items"][0]
    assert "fm" not in ask(world, -1, entityTypeId=2, select=["*"]).result["items"][0]


def test_other_categories_are_shown():
    """Contacts of other categories are visible here, and only here."""
    world = World.build(rows={"contacts": 500})
    assert ask(world, 0, entityTypeId=3).total == 500 > len(listed(world, "crm.contact.list"))


def test_date_bounds_are_shifted(world):
    """A bound moves by (server's - user's) offset: with a user in UTC on a server at +03:00, three hours of changes are lost; the classic list is exact (`prepareDateTimeFieldsForFilter`)."""
    world.user_zone = Zone(0)
    table = world.tables["deals"]
    table.change(listed(world, "crm.deal.list")[5], at=NOW + 3_600)
    bound = "2024-08-26T14:30:00+03:00"
    classic = METHODS["crm.deal.list"].run(world, {"filter": {">=DATE_MODIFY": bound}}, 0, ADMIN)
    assert (classic.total, ask(world, 0, filter={">=updatedTime": bound}).total) == (1, 0)


def test_date_bounds_of_a_user_in_the_server_zone(world):
    """A user without a zone of his own is exact."""
    world.tables["deals"].change(world.tables["deals"].ids[5], at=NOW + 3_600)
    assert ask(world, 0, filter={">=updatedTime": "2024-08-26T15:00:00+03:00"}).total == 1


def test_rights(world):
    """Without any right to CRM the list refuses."""
    world.turn(crm=False)
    with pytest.raises(Refusal) as refusal:
        ask(world, session=GUEST)
    assert refusal.value.code == "ACCESS_DENIED"


def test_fields(world):
    """Fields are described under their camelCase names."""
    fields = ask(world, method="crm.item.fields").result["fields"]
    assert fields["createdTime"]["type"] == "datetime"
    assert fields["ufCrm_1600000001"]["isDynamic"]
