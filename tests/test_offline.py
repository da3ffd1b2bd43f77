"""What `offline` decides: which events tell of what, what a row of the queue says, and which rows may go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import offline
from extractor.catalog import catalog, may_send
from extractor.errors import AccessDenied, ConnectionLost, RequestRefused
from extractor.offline import Held
from extractor.question import Question
from extractor.sandbox.queue import NAMES, happenings

DEALS, LEADS = Question(catalog()["deals"]), Question(catalog()["leads"])
HELD = st.lists(st.builds(
    Held, st.sampled_from(["p", "q", "r"]), st.sampled_from([*offline.names(DEALS), *offline.names(LEADS)]),
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 99)), max_size=1_200).map(tuple)), max_size=4)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["ID", "FIELDS", "FIELDS_AFTER", "EVENT_NAME", "EVENT_DATA", "PROCESS_ID", "events", "process_id", "event", "offline"]), inner, max_size=4))


def item(number):
    """Ask for the items of a type."""
    return Question(catalog()["crm_items"], params={"entityTypeId": number})


@pytest.mark.parametrize(("question", "first"), [
    (DEALS, "ONCRMDEALADD"), (item(128), "ONCRMDYNAMICITEMADD_128"), (item("2"), "ONCRMDEALADD"), (item(1), "ONCRMLEADADD"),
    (item(7), "ONCRMQUOTEADD"), (Question(catalog()["smart_invoices"]), "ONCRMDYNAMICITEMADD_31"), (Question(catalog()["tasks"]), "ONTASKADD"),
])
def test_the_events_of_an_entity(question, first):
    """Those of the rows that it shows, whichever method shows them."""
    assert first == offline.names(question)[0]


def test_every_event_of_the_catalog_is_one_of_the_portals():
    """Of all entities that have any; the others have none."""
    mine = {name.rpartition("_")[0] or name for question in catalog().values() for name in offline.names(Question(question, params={"entityTypeId": 128}))}
    assert mine <= NAMES


@pytest.mark.parametrize(("table", "name"), [("deals", "deals"), ("tasks", "tasks"), ("items_31", "smart_invoices")])
@pytest.mark.parametrize("action", ["insert", "change", "delete"])
def test_a_row_of_the_queue_names_an_object(table, name, action):
    """Whatever happened to it, and in whatever form its kind of event says that."""
    event, data = happenings(table, action, 77)[-1]
    question = Question(catalog()[name])
    held = offline.taken({"process_id": "p", "events": [{"ID": "5", "EVENT_NAME": event, "EVENT_DATA": data}]})
    assert Held("p", event, ((5, 77),)) == held
    assert (77,) == offline.ids_for(question, [held])


@given(JSON | st.lists(st.fixed_dictionaries({"event": JSON, "offline": st.just(1)}), max_size=3))
def test_whatever_the_portal_says_is_read_or_passed_over(said):
    """No answer breaks the reading of it."""
    held = [*offline.left(said, offline.names(DEALS)), *filter(None, [offline.taken(said)])]
    assert all(object_id >= 0 < row for one in held for row, object_id in one.events)
    assert isinstance(offline.is_last(said), bool)
    assert set(offline.missing(said, offline.names(DEALS))) <= set(offline.names(DEALS))


def test_an_event_that_says_no_id_is_kept_and_not_cleared():
    """Nobody knows what it is about: it stays in the queue, and is counted."""
    held = offline.taken({"process_id": "p", "events": [
        {"ID": "5", "EVENT_NAME": "ONCRMDEALADD", "EVENT_DATA": data} for data in ([], None, {"FIELDS": {"ID": "x"}}, {"FIELDS": {"ID": -1}})]})
    assert Held("p", "ONCRMDEALADD", ((5, 0),) * 4) == held
    assert [] == list(offline.clearing([held], {"ONCRMDEALADD"}))


@given(HELD, st.sets(st.sampled_from([*offline.names(DEALS), *offline.names(LEADS)])))
def test_what_is_cleared_is_what_was_earned(held, done):
    """Each row of these names, once, under its process; never a process without rows; and every call is one that may leave."""
    held = offline.merged(held)
    calls = list(offline.clearing(held, done))
    assert all(may_send(call.method, call.params) for call in calls)
    cleared = [(call.params["process_id"], row) for call in calls for row in call.params["id"]]
    assert sorted((one.process, row) for one in held if one.name in done for row, object_id in one.events if object_id) == sorted(cleared)


@given(HELD)
def test_what_was_listed_and_taken_counts_once(held):
    """The same rows of the same process, read twice, are the same rows."""
    assert offline.merged(held) == offline.merged([*held, *held])
    rows = [(one.process, one.name, row) for one in offline.merged(held) for row, _ in one.events]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(("moved", "earned"), [
    ((), ()), (("deals",), offline.names(DEALS)), (("deals", "leads"), (*offline.names(DEALS), *offline.names(LEADS))),
])
def test_only_entities_that_moved_on_have_earned(moved, earned):
    """Each for its own events."""
    assert set(earned) == offline.earned({"deals": DEALS, "leads": LEADS}, moved)


def test_an_event_of_two_entities_waits_for_both():
    """Deals are shown by two methods: as long as one of them failed, it is told again."""
    both = {"deals": DEALS, "crm_items": item(2)}
    assert frozenset() == offline.earned(both, ["deals"])
    assert set(offline.names(DEALS)) == offline.earned(both, ["deals", "crm_items"])


@pytest.mark.parametrize(("error", "words"), [
    (AccessDenied("WRONG_LICENSE", "x"), "tariff does not keep events"), (AccessDenied("ACCESS_DENIED", "Access denied!"), "ACCESS_DENIED"),
    (ConnectionLost("no answer"), "come again"),
])
def test_why_a_run_goes_on_without_events(error, words):
    """One sentence, with the portal's code."""
    assert words in offline.without(error)


def test_binding_twice_is_no_trouble():
    """It is what was wanted; anything else is said."""
    assert offline.harmless(RequestRefused("ERROR_CORE", "Unable to set event handler: Handler already binded"))
    assert not offline.harmless(RequestRefused("ERROR_EVENT_NOT_FOUND", "Event not found"))
