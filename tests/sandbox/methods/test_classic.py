"""The classic CRM lists, end to end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox import wire
from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.cost import CostModel
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.classic import LISTINGS, listed
from extractor.sandbox.rows.activity import bindings
from extractor.sandbox.world import NOW, Mutation, World
from extractor.sandbox.zones import Zone

ADMIN, GUEST = Session(), Session(user_id=9, admin=False)
BY_ID = {"ID": "ASC"}


@pytest.fixture
def world():
    """Build a small world."""
    return World.build(rows={"activities": 230, "deals": 130, "contacts": 160})


def ask(world, method, start=None, session=ADMIN, **params):
    """Call a method."""
    return METHODS[method].run(world, params, start, session)


def ids(answer):
    """List a page's ids."""
    return [int(row["ID"]) for row in answer.result]


def walk(world, method, low=0, high=10**12, **params):
    """Walk a range by keyset, to an empty page."""
    seen = []
    while True:
        page = ids(ask(world, method, -1, filter={">ID": low, "<=ID": high} | params.get("filter", {}), order=BY_ID))
        if not page:
            return seen
        seen += page
        low = page[-1]


@pytest.mark.parametrize("method", LISTINGS)
def test_keyset_gives_every_row_once(world, method):
    """`>ID`, `order ID ASC` and start=-1 read the whole table, each row once."""
    assert walk(world, method) == listed(world, method)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 400), max_size=6))
def test_any_split_of_the_id_range_gives_every_id_once(cuts):
    """Ranges `(low, high]` that touch neither lose nor repeat a row."""
    world = World.build(rows={"activities": 230})
    edges = [0, *sorted(cuts), 10**12]
    seen = [row_id for low, high in pairwise(edges) for row_id in walk(world, "crm.activity.list", low, high)]
    assert seen == list(world.tables["activities"].ids)


@pytest.mark.parametrize("method", LISTINGS)
def test_offset_reads_everything_of_a_quiet_table(world, method):
    """Following `next` in id order gives every row once while nothing moves."""
    seen, start = [], 0
    while start is not None:
        answer = ask(world, method, start, order=BY_ID, select=["ID"])
        seen += ids(answer)
        start = answer.next
    assert seen == listed(world, method)
    assert answer.total == len(seen)


def test_rows_are_the_truth(world):
    """A page carries the rows of the world, key by key."""
    for row in ask(world, "crm.activity.list", -1, order=BY_ID, select=["*"]).result:
        assert row == world.row("activities", int(row["ID"]))


def test_answers_are_the_same_bytes_every_time():
    """Equal seeds and equal calls give equal bytes, shuffles included."""
    def bytes_of(seed):
        world = World.build(seed=seed, rows={"activities": 130})
        return [wire.encode(ask(world, "crm.activity.list", start).result) for start in (0, 50, 100)]
    assert bytes_of(1) == bytes_of(1)
    assert bytes_of(1) != bytes_of(2)


@pytest.mark.parametrize("name", ["filter", "FILTER", "Filter", "arFilter"])
def test_spellings_of_parameters(world, name):
    """Classic lists accept a parameter in five spellings (`CCrmRestHelper::resolveArrayParam`)."""
    wanted = world.tables["deals"].ids[3]
    assert ids(ask(world, "crm.deal.list", **{name: {"ID": wanted}})) == [wanted]


@pytest.mark.parametrize("name", ["filter", "order"])
@pytest.mark.parametrize("value", ["ID", 5, None, True])
def test_parameters_that_are_no_arrays(world, name, value):
    """A filter or an order must be an array (`CCrmRestHelper::resolveArrayParam`)."""
    with pytest.raises(Refusal) as refusal:
        ask(world, "crm.activity.list", **{name: value})
    assert (refusal.value.code, refusal.value.description) == ("", f"Parameter '{name}' must be array.")


@pytest.mark.parametrize("select", ["ID", 5, None])
def test_select_that_is_no_array_is_all_fields(world, select):
    """`select: "ID"` counts as an empty select."""
    assert len(ask(world, "crm.activity.list", select=select).result[0]) >= 39


def test_filters_that_vanish_give_page_one_again(world):
    """`>id` is no filter: a keyset walk never gets on (`rs:internalizeFilterFields`)."""
    first = ids(ask(world, "crm.activity.list", -1, order=BY_ID))
    for given_filter in ({">id": first[-1]}, {"><ID": [5, 9]}, [{">ID": first[-1]}], {">ID": "x"}):
        assert ids(ask(world, "crm.activity.list", -1, filter=given_filter, order=BY_ID)) == first


def test_negative_start_counts_nothing(world):
    """start=-1: `total` 0, no `next`, and none of the price of a COUNT."""
    counted, free = (ask(world, "crm.deal.list", start, order=BY_ID) for start in (0, -1))
    assert (free.total, free.next) == (0, None)
    assert free.result == counted.result
    assert free.seconds < counted.seconds


def test_activities_come_by_start_time(world):
    """Without an order activities come by START_TIME ASC (`rs:innerGetList`)."""
    raw = world.tables["activities"].raw("START_TIME")
    times = [raw(row_id) or 0 for row_id in ids(ask(world, "crm.activity.list"))]
    assert times == sorted(times)


def test_default_order_shuffles_ties():
    """Ties of START_TIME come in another order for every request."""
    world = World.build(rows={"activities": 3_000})
    pages = [ids(ask(world, "crm.activity.list", start, select=["ID"])) for start in (0, 0, 0)]
    assert len({tuple(page) for page in pages}) > 1


def test_default_order_is_not_restored(world):
    """An unknown key alone means no ORDER BY at all, not START_TIME."""
    raw = world.tables["activities"].raw("START_TIME")
    times = [raw(row_id) or 0 for row_id in ids(ask(world, "crm.activity.list", order={"NOBODY": "ASC"}))]
    assert times != sorted(times)


def test_forgotten_order_loses_rows():
    """`>ID` without an order: the last row is not the highest id (`rs:innerGetList`)."""
    world = World.build(rows={"deals": 500})
    page = ids(ask(world, "crm.deal.list", -1, filter={">ID": 0}))
    assert page[-1] != max(page)


def test_direction_other_than_asc_is_desc(world):
    """`"ascending"` reads backwards."""
    page = ids(ask(world, "crm.deal.list", order={"ID": "ascending"}))
    assert page == sorted(page, reverse=True)


def test_array_as_direction_is_fatal(world):
    """An array as a direction is a PHP TypeError."""
    with pytest.raises(Refusal) as refusal:
        ask(world, "crm.deal.list", order={"ID": ["ASC"]})
    assert refusal.value.status == 500


def test_stages_are_ordered_by_sort(world):
    """`order STAGE_ID` is rewritten to STAGE_SORT."""
    stages = [row["STAGE_ID"] for row in ask(world, "crm.deal.list", order={"STAGE_ID": "ASC"}).result]
    ranks = {"NEW": 0, "PREPARATION": 1, "C1:NEW": 2, "WON": 3, "LOSE": 4}
    assert stages == sorted(stages, key=ranks.__getitem__)


def test_recurring_deals_are_hidden():
    """Templates are hidden unless the filter names IS_RECURRING or an id; `>ID` does not lift it (`CCrmDeal::GetListEx`)."""
    world = World.build(rows={"deals": 2_000})
    table = world.tables["deals"]
    template = next(row_id for row_id in table.ids if table.raw("IS_RECURRING")(row_id) == "Y")
    assert template not in listed(world, "crm.deal.list")
    assert ids(ask(world, "crm.deal.list", filter={">ID": template - 1, "<=ID": template})) == []
    for lifted in ({"ID": template}, {"=ID": template}, {"@ID": [template]}, {"IS_RECURRING": "Y", ">=ID": template, "<=ID": template}):
        assert ids(ask(world, "crm.deal.list", filter=lifted)) == [template]


@pytest.mark.parametrize(("method", "table"), [("crm.contact.list", "contacts"), ("crm.company.list", "companies")])
def test_other_categories_are_hidden(method, table):
    """Contacts and companies of other categories are out of reach: `@CATEGORY_ID = 0` is forced."""
    world = World.build(rows={table: 1_000})
    raw = world.tables[table].raw("CATEGORY_ID")
    other = next(row_id for row_id in world.tables[table].ids if raw(row_id))
    assert ids(ask(world, method, filter={"ID": other})) == []


def test_bindings_repeat_rows_and_inflate_total(world):
    """One row per matching binding; `total` counts them (`CCrmActivity::PrepareBindingsFilterSql`)."""
    pairs = {"BINDINGS": [{"OWNER_TYPE_ID": kind} for kind in (1, 2, 3, 4)]}
    answer = ask(world, "crm.activity.list", 0, filter=pairs, order=BY_ID)
    page = ids(answer)
    assert page == sorted(page)
    assert len(set(page)) < len(page) == 50
    table = world.tables["activities"]
    assert answer.total == sum(len(bindings(table, row_id)) for row_id in table.ids)


def test_keyset_over_bindings_loses_no_activity(world):
    """LIMIT may cut between the copies of a row; `>ID` skips the rest of them, and no activity."""
    pairs = {"BINDINGS": [{"OWNER_TYPE_ID": 1}, {"OWNER_TYPE_ID": 2}]}
    assert list(dict.fromkeys(walk(world, "crm.activity.list", filter=pairs))) == listed(world, "crm.activity.list", pairs)


def test_incoming_channel_collapses_copies(world):
    """IS_INCOMING_CHANNEL keys the page by id: a short page that is not the last (`actres:getAllRecords`)."""
    params = {"filter": {"BINDINGS": [{"OWNER_TYPE_ID": kind} for kind in (1, 2, 3, 4)]}, "order": BY_ID}
    plain = ids(ask(world, "crm.activity.list", 0, **params))
    short = ids(ask(world, "crm.activity.list", 0, select=["ID", "IS_INCOMING_CHANNEL"], **params))
    assert list(dict.fromkeys(plain)) == short
    assert len(short) < 50


@pytest.mark.parametrize("pairs", [[{"OWNER_ID": 5}], {"OWNER_TYPE_ID": 2, "OWNER_ID": 5}, {"1": {"OWNER_TYPE_ID": 2}}])
def test_pairs_that_vanish_give_the_whole_table(world, pairs):
    """BINDINGS without a type, or as an object, is no filter."""
    assert ask(world, "crm.activity.list", 0, filter={"BINDINGS": pairs}).total == 230


def test_named_binding_column_multiplies_rows(world):
    """BINDING_OWNER_ID in select joins the bindings, and is stripped."""
    answer = ask(world, "crm.activity.list", 0, select=["ID", "BINDING_OWNER_ID"], order=BY_ID)
    assert answer.total > 230
    assert set(answer.result[0]) == {"ID"}


def test_light_counter_empties_the_page(world):
    """LIGHT_COUNTER_AT gives no rows and a `total` (`actres:getNextFetchedRecord`)."""
    answer = ask(world, "crm.activity.list", 0, select=["ID", "LIGHT_COUNTER_AT"])
    assert (answer.result, answer.total) == ([], 230)


@pytest.mark.parametrize(("select", "shown"), [([], 49), (["*"], 49), (["ID", "COMMENTS"], 49), (["ID", "TITLE"], 50)])
def test_entity_map_shortens_pages(world, select, shown):
    """A row that a join yields twice is shown once where pages are keyed by id (`USE_ENTITY_MAP_APPROACH`)."""
    world.turn(twins={"deals": frozenset({listed(world, "crm.deal.list")[4]})})
    assert len(ask(world, "crm.deal.list", -1, select=select, order=BY_ID).result) == shown


def test_short_pages_lose_nothing(world):
    """Keyset to an empty page survives short pages."""
    truth = listed(world, "crm.deal.list")
    world.turn(twins={"deals": frozenset(truth[::7])})
    assert walk(world, "crm.deal.list") == truth


def test_multi_fields_key_the_page(world):
    """PHONE in select keys the page by id too, and is absent where there is none."""
    world.turn(twins={"contacts": frozenset({listed(world, "crm.contact.list")[0]})})
    answer = ask(world, "crm.contact.list", -1, select=["PHONE"], order=BY_ID)
    assert len(answer.result) == 49
    assert {"PHONE" in row for row in answer.result} == {True, False}


def test_phone_filter_is_a_prefix(world):
    """`PHONE` matches the beginning (against the documentation's "exact match")."""
    answer = ask(world, "crm.contact.list", 0, filter={"PHONE": "+7"}, select=["PHONE"])
    assert 0 < answer.total < len(listed(world, "crm.contact.list"))
    assert all(row["PHONE"] for row in answer.result)


def test_total_cap(world):
    """With `crm_clr_cfg_sql` offset paging ends at the cap; keyset reads on."""
    world.turn(cap=70)
    second = ask(world, "crm.activity.list", 50, order=BY_ID)
    assert (len(second.result), second.total, second.next) == (20, 70, None)
    assert len(walk(world, "crm.activity.list")) == 230


def test_guest_without_rights(world):
    """No right to CRM: activities are an empty list without an error, the others refuse (`CCrmActivity::BuildPermSql`)."""
    world.turn(crm=False)
    answer = ask(world, "crm.activity.list", 0, GUEST)
    assert (answer.result, answer.total) == ([], 0)
    with pytest.raises(Refusal) as refusal:
        ask(world, "crm.deal.list", 0, GUEST)
    assert (refusal.value.code, refusal.value.description, refusal.value.status) == ("", "Access denied.", 400)


@pytest.mark.parametrize("session", [ADMIN, GUEST])
def test_rights_by_default(world, session):
    """Administrators always see CRM, the others unless the world says no."""
    assert ask(world, "crm.deal.list", 0, session).total
    world.turn(crm=session is GUEST)
    assert ask(world, "crm.deal.list", 0, session).total


def test_unreadable_date_gives_no_rows(world):
    """A `+` that became a space: nothing, with HTTP 200."""
    answer = ask(world, "crm.activity.list", 0, filter={">LAST_UPDATED": "2020-01-01T00:00:00 03:00"})
    assert (answer.result, answer.total) == ([], 0)


def test_date_filter_is_exact(world):
    """A bound with an offset is the exact instant, whatever the user's zone is."""
    world.user_zone = Zone(-18_000)
    table = world.tables["deals"]
    table.change(table.ids[5], at=NOW + 100)
    assert ids(ask(world, "crm.deal.list", filter={">=DATE_MODIFY": "2024-08-26T14:01:40+03:00"})) == [table.ids[5]]
    assert ids(ask(world, "crm.deal.list", filter={">DATE_MODIFY": "2024-08-26T14:01:40+03:00"})) == []


def test_star_and_named_columns_disagree_by_an_hour():
    """A named moment drifts with the user's summer time, `*` does not."""
    world = World.build(rows={"activities": 0}, user_zone=Zone(3_600, summer=3_600))
    world.tables["activities"].insert(1_704_067_200)
    exact, empty, named = (ask(world, "crm.activity.list", select=select).result[0]["CREATED"] for select in (["*"], [], ["CREATED"]))
    assert exact == "2024-01-01T03:00:00+03:00"
    assert empty == named == "2024-01-01T02:00:00+03:00"


def test_concurrent_deletion_restarts_offset_paging(world):
    """Rows that go meanwhile make the last offset page 1 again."""
    first, second = (ask(world, "crm.deal.list", start, order=BY_ID) for start in (0, 50))
    assert second.next == 100
    world.apply(Mutation("delete", "deals", tuple(listed(world, "crm.deal.list")[100:])))
    assert ids(ask(world, "crm.deal.list", 100, order=BY_ID)) == ids(first)


def test_changed_rows_match_new_filters(world):
    """A view that was made before sees the change."""
    by_stage = {"STAGE_ID": "WON"}
    before = listed(world, "crm.deal.list", by_stage)
    table = world.tables["deals"]
    other = next(row_id for row_id in listed(world, "crm.deal.list") if row_id not in before)
    table.change(other, NOW, {"STAGE_ID": "WON"})
    assert listed(world, "crm.deal.list", by_stage) == sorted([*before, other])


def test_prices(world):
    """A method's price may be set; COMMUNICATIONS cost a query per row."""
    plain = ask(world, "crm.activity.list", -1, select=["ID"])
    assert plain.seconds == pytest.approx(0.008)
    assert ask(world, "crm.activity.list", -1, select=["COMMUNICATIONS"]).seconds > plain.seconds
    world.costs["crm.activity.list"] = CostModel.flat(0.06)
    assert ask(world, "crm.activity.list", -1).seconds == 0.06


@pytest.mark.parametrize("method", [method.replace(".list", ".fields") for method in LISTINGS])
def test_fields(world, method):
    """`*.fields` is an object of descriptions; there is always an ID."""
    fields = ask(world, method).result
    assert fields["ID"]["type"] == "integer"
    assert all({"type", "isRequired", "isReadOnly", "isImmutable", "isMultiple", "isDynamic", "title"} <= set(field) for field in fields.values())


def test_fields_of_an_activity(world):
    """BINDINGS, COMMUNICATIONS, FILES are described though they are no columns; hidden columns are not."""
    fields = ask(world, "crm.activity.fields").result
    assert fields["BINDINGS"]["type"] == "crm_activity_binding"
    assert fields["FILES"]["type"] == "diskfile"
    assert fields["WEBDAV_ELEMENTS"]["isDeprecated"]
    assert "CALENDAR_EVENT_ID" not in fields


def test_fields_need_rights(world):
    """Descriptions are CRM too."""
    world.turn(crm=False)
    with pytest.raises(Refusal, match="Access denied"):
        ask(world, "crm.deal.fields", session=GUEST)
