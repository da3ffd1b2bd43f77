"""What `question` promises: every call in the dialect of its method, with an explicit order, and nothing of the user's lost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog, raw_method
from extractor.messages import Behind, Call
from extractor.question import Question

DEALS = Question(catalog()["deals"])
KEYSET = [entity for entity in catalog().values() if entity.paging == "keyset"]
ENTITIES = pytest.mark.parametrize("entity", KEYSET, ids=lambda entity: entity.name)


def direction(call, entity):
    """Read which way a call is ordered by the id, or fail."""
    if entity.order == "scalar":
        assert entity.filter_id == call.params["sort"]
        return call.params["order"]
    return call.params["order"][entity.filter_id]


@ENTITIES
def test_every_call_that_reads_by_id_sends_an_order(entity):
    """Without one the portal sorts by something else, or not at all (Rule 1)."""
    asked = Question(entity)
    calls = [asked.window(None, None), asked.window(5, 9), asked.offset(0, 99), asked.offset(50, 99), asked.follow(0)]
    assert {"ASC"} == {direction(call, entity) for call in calls}
    assert "DESC" == direction(asked.last_id(), entity)


@ENTITIES
def test_bounds_are_written_as_the_method_reads_them(entity):
    """`>ID`, `>id`, or in FILTER; a key in the wrong case vanishes without an error (crm-lists.md, 1.4)."""
    assert {f">{entity.filter_id}": 5, f"<={entity.filter_id}": 9} == Question(entity).window(5, 9).params[entity.filter_key]
    assert entity.filter_key not in Question(entity).window(None, None).params


@ENTITIES
def test_a_page_behind_another_hangs_on_its_fiftieth_row(entity):
    """Where the method's rows lie, by the key that they have; where that row is not there, no id fits both bounds."""
    last = (*entity.rows, "49", entity.id)
    call = Question(entity).behind()
    assert {f">{entity.filter_id}": Behind(last, "0"), f"<={entity.filter_id}": Behind(last, "1")} == call.params[entity.filter_key]
    assert ("ASC", -1) == (direction(call, entity), call.params["start"])


def test_a_page_behind_another_keeps_the_users_bounds():
    """The rows before it lie above his lower one already; the upper one is his, and so the portal may begin anew there: it shows."""
    asked = replace(DEALS, filter={">ID": 7, "<=ID": 900, "STAGE_ID": "NEW"})
    assert {">ID": Behind(("49", "ID"), "0"), "<=ID": 900, "STAGE_ID": "NEW"} == asked.behind().params["filter"]


@ENTITIES
def test_nothing_is_counted_where_ids_bound_the_page(entity):
    """`start=-1`, in lower case: no other spelling is read (rest.php, processCall)."""
    asked = Question(entity)
    assert [-1, -1, -1] == [call.params["start"] for call in (asked.window(None, None), asked.window(5, 9), asked.last_id())]
    assert [0, 50] == [asked.offset(start, 99).params["start"] for start in (0, 50)]


@ENTITIES
def test_the_last_id_asks_for_nothing_else_of_a_row(entity):
    """Fifty whole rows for one number would be the dearest page of all; methods that select nothing are left as they are."""
    expected = [entity.filter_id] if entity.select else None
    assert expected == Question(entity).last_id().params.get("select")


@pytest.mark.parametrize(("entity", "params"), [
    ("deals", {"select": ["*", "UF_*"], "filter": {">ID": 5, "<=ID": 9}, "order": {"ID": "ASC"}, "start": -1}),
    ("users", {"ADMIN_MODE": True, "FILTER": {">ID": 5, "<=ID": 9}, "sort": "ID", "order": "ASC", "start": -1}),
    ("smart_invoices", {"entityTypeId": 31, "select": ["*"], "filter": {">id": 5, "<=id": 9}, "order": {"id": "ASC"}, "start": -1}),
])
def test_a_call_reads_like_the_documentation(entity, params):
    """Three dialects, whole."""
    assert Call(catalog()[entity].method, params) == Question(catalog()[entity]).window(5, 9)


@given(st.dictionaries(st.sampled_from(["STAGE_ID", ">=ID", "@ID", "<ID", ">DATE_MODIFY"]), st.integers(), max_size=4), st.integers(), st.integers())
def test_the_users_filter_is_kept_beside_the_bounds(conditions, low, high):
    """In every call: one without it would read another set."""
    asked = replace(DEALS, filter=conditions)
    assert {**conditions, ">ID": low, "<=ID": high} == asked.window(low, high).params["filter"]
    assert {**conditions, "<=ID": 99} == asked.offset(50, 99).params["filter"]
    for call in (asked.window(None, None), asked.last_id(), asked.follow(0), asked.whole()):
        assert conditions == call.params.get("filter", {})
    assert conditions == asked.filter, "what was given is not written to"


@pytest.mark.parametrize(("entity", "select", "sent"), [
    ("deals", None, ["*", "UF_*"]), ("deals", ("TITLE",), ["TITLE", "ID"]), ("deals", ("ID", "TITLE"), ["ID", "TITLE"]),
    ("deals", ("*",), ["*"]), ("smart_invoices", ("title",), ["title", "id"]), ("tasks", ("TITLE",), ["TITLE", "ID"]),
])
def test_the_id_is_always_selected(entity, select, sent):
    """crm.item.list does not add it by itself (crm-lists.md, 5.1), and without it nothing can be paged."""
    assert sent == Question(catalog()[entity], select=select).asked()["select"]


def test_parameters_of_the_user_come_on_top_of_the_catalogs():
    """`--param` may say otherwise than the catalog."""
    asked = Question(catalog()["users"], params={"ADMIN_MODE": False, "x": 1})
    assert {"ADMIN_MODE": False, "x": 1} == asked.asked()


def test_what_is_asked_has_no_paging_in_it():
    """It is the fingerprint of the question: the same whatever page is asked for."""
    asked = replace(DEALS, filter={"STAGE_ID": "NEW"})
    assert {"select": ["*", "UF_*"], "filter": {"STAGE_ID": "NEW"}} == asked.asked()


def test_a_method_that_answers_at_once_is_asked_once():
    """No order, no start: they mean nothing there."""
    assert Call("crm.category.list", {"entityTypeId": 2}) == Question(catalog()["crm_categories"], params={"entityTypeId": 2}).whole()


def test_an_unknown_method_is_followed_without_an_order():
    """Its ids are not known; a wrong order is an error for some methods."""
    assert Call("some.list", {"x": 1, "start": 50}) == Question(raw_method("some.list"), params={"x": 1}).follow(50)
    assert {"sort": "ID", "order": "ASC", "start": 50} == Question(catalog()["departments"]).follow(50).params


@pytest.mark.parametrize(("conditions", "moving"), [
    ({}, False), ({">ID": 5}, False), ({"ID": 5}, False), ({"!@ID": [5]}, False), ({">=ID": 1, "<ID": 9}, False),
    ({"STAGE_ID": "NEW"}, True), ({">ID": 5, ">=DATE_MODIFY": "x"}, True), ({"BINDINGS": [{}]}, True), ({"0": {"ID": 5}}, True),
    ({">id": 5}, True),
])
def test_a_set_moves_unless_it_is_bounded_by_ids_alone(conditions, moving):
    """Ids never change; any other field may, and brings a row in from the side."""
    assert moving == replace(DEALS, filter=conditions).moving


@pytest.mark.parametrize(("asked", "low", "high", "bounds"), [
    ({">ID": 100}, 0, None, {">ID": 100}), ({">ID": "100"}, 200, 300, {">ID": 200, "<=ID": 300}),
    ({"<=ID": 100}, 50, 300, {">ID": 50, "<=ID": 100}), ({">=ID": 100, "TITLE": "x"}, 50, None, {">=ID": 100, "TITLE": "x", ">ID": 50}),
])
def test_a_bound_of_the_callers_is_never_widened(asked, low, high, bounds):
    """A page asks for ids that both the caller and the span allow: rows that nobody asked for are none of ours."""
    assert bounds == Question(catalog()["deals"], filter=asked).window(low, high).params["filter"]
