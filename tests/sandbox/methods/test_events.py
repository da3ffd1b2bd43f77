"""Offline events: bound by applications, queued, read, reserved, cleared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.methods import METHODS
from extractor.sandbox.queue import LIFETIME
from extractor.sandbox.world import Mutation, World

APP = Session(application="app.1")
OTHER = Session(application="app.2")
DEALS = ("ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE")


def ask(world, method, session=APP, start=None, **params):
    """Call a method; gives its result."""
    return METHODS[method].run(world, params, start, session).result


def made(*names, session=APP):
    """Build a small world in which an application has bound events."""
    world = World.build(rows={"deals": 20, "tasks": 5, "items_128": 5})
    for name in names or DEALS:
        ask(world, "event.bind", session, event=name, event_type="offline")
    return world


def happen(world, action, *ids, table="deals", **more):
    """Let something happen to rows."""
    world.apply(Mutation(action, table, ids, **more))


def names_and_ids(events):
    """Tell events by their names and objects."""
    return [(one["EVENT_NAME"], one["EVENT_DATA"]["FIELDS"]["ID"]) for one in events]


def refused(world, method, session=APP, **params):
    """Call a method that refuses; gives code and status."""
    with pytest.raises(Refusal) as refusal:
        ask(world, method, session, **params)
    return refusal.value.code, refusal.value.status


@pytest.mark.parametrize("method", [name for name in METHODS if name.startswith("event.")])
def test_a_webhook_has_no_events(method):
    """Every method of events is for applications (portal.md 9)."""
    assert ("WRONG_AUTH_TYPE", 403) == refused(made(), method, Session())


@pytest.mark.parametrize("method", [name for name in METHODS if name.startswith("event.offline")])
def test_the_queue_is_an_administrators(method):
    """Anybody else is refused, and may not bind for the queue either."""
    guest = Session(admin=False, application="app.1")
    assert ("ACCESS_DENIED", 403) == refused(made(), method, guest)
    assert ("ACCESS_DENIED", 403) == refused(made(), "event.bind", guest, event="ONCRMLEADADD", event_type="offline")


def test_binding():
    """Once, and by a name that there is, in any case; what is bound is listed, and let go once."""
    world = made("onCrmDealAdd", "ONCRMDYNAMICITEMADD_128")
    assert ("ERROR_CORE", 400) == refused(world, "event.bind", EVENT="ONCRMDEALADD", EVENT_TYPE="OFFLINE")
    assert ("ERROR_EVENT_NOT_FOUND", 400) == refused(world, "event.bind", event="ONNOTHING", event_type="offline")
    assert ("ERROR_ARGUMENT", 400) == refused(world, "event.bind", event="ONCRMDEALADD")
    assert ask(world, "event.bind", event="ONCRMDEALADD", handler="https://handler.example/")
    assert [("ONCRMDEALADD", 1), ("ONCRMDYNAMICITEMADD_128", 1), ("ONCRMDEALADD", 0)] == [
        (one["event"], one["offline"]) for one in ask(world, "event.get")]
    assert [] == ask(world, "event.get", OTHER)
    assert [{"count": 1}, {"count": 0}] == [ask(world, "event.unbind", event="ONCRMDEALADD", event_type="offline") for _ in "ab"]


def test_what_happens_is_queued_for_who_has_bound_it():
    """Adding, changing, deleting: an event each, of ids alone; of what is quiet, and before anybody binds, there is none."""
    world = made()
    first, second, third = list(world.tables["deals"].ids)[:3]
    happen(world, "change", first, quiet=True)
    happen(world, "change", first)
    happen(world, "delete", second)
    happen(world, "insert", 7_000)
    assert [] == ask(world, "event.offline.list", OTHER)
    for name in DEALS:
        ask(world, "event.bind", OTHER, event=name, event_type="offline")
    happen(world, "change", third)
    wanted = [("ONCRMDEALUPDATE", first), ("ONCRMDEALDELETE", second), ("ONCRMDEALADD", 7_000), ("ONCRMDEALUPDATE", third)]
    assert wanted == names_and_ids(ask(world, "event.offline.list"))
    assert wanted[3:] == names_and_ids(ask(world, "event.offline.list", OTHER))


def test_payloads_of_other_kinds():
    """A task says what it was and is, an item of a process of which type; both names of the latter are queued."""
    world = made("ONTASKADD", "ONTASKDELETE", "ONCRMDYNAMICITEMUPDATE", "ONCRMDYNAMICITEMUPDATE_128")
    task, item = world.tables["tasks"].ids.last, world.tables["items_128"].ids.last
    happen(world, "insert", task + 1, table="tasks")
    happen(world, "delete", task, table="tasks")
    happen(world, "change", item, table="items_128")
    data = [one["EVENT_DATA"] for one in ask(world, "event.offline.list")]
    assert [("undefined", {"ID": task + 1}), ({"ID": task}, "undefined")] == [(one["FIELDS_BEFORE"], one["FIELDS_AFTER"]) for one in data[:2]]
    assert [{"FIELDS": {"ID": item, "ENTITY_TYPE_ID": 128}}] * 2 == data[2:]


def test_the_same_event_of_the_same_object_waits_once():
    """Its moment moves, its id stays, so ids are in no order of time; one that is reserved stays as it is, beside a fresh one."""
    world = made()
    first, second = list(world.tables["deals"].ids)[:2]
    happen(world, "change", first, at=world.now)
    happen(world, "change", second, at=world.now + 1)
    happen(world, "change", first, at=world.now + 2)
    listed = ask(world, "event.offline.list")
    assert [first, second] == [one["EVENT_DATA"]["FIELDS"]["ID"] for one in listed]
    assert listed[0]["TIMESTAMP_X"] > listed[1]["TIMESTAMP_X"]
    got = ask(world, "event.offline.get", clear=0)["events"]
    assert [second, first] == [one["EVENT_DATA"]["FIELDS"]["ID"] for one in got], "by their moments, unless another order is asked for"
    happen(world, "change", first, at=world.now + 3)
    assert 3 == len(ask(world, "event.offline.list"))


def test_what_is_read_is_gone_unless_it_is_to_be_kept():
    """`clear` is 1 where nothing is said; such an answer names no process."""
    world = made()
    happen(world, "delete", world.tables["deals"].ids.last)
    got = ask(world, "event.offline.get")
    assert (None, 1) == (got["process_id"], len(got["events"]))
    assert [] == ask(world, "event.offline.list")


def test_to_keep_what_is_read_takes_a_feature():
    """Without it `clear=0` is refused, and nothing is reserved or lost."""
    world = made()
    happen(world, "delete", world.tables["deals"].ids.last)
    world.turn(extended=False)
    assert ("WRONG_LICENSE", 403) == refused(world, "event.offline.get", clear=0)
    assert [""] == [one["PROCESS_ID"] for one in ask(world, "event.offline.list")]


def test_a_process_has_what_it_has_reserved():
    """Named, it gets that again and nothing else; without `clear=0` that drops all of it, whatever the limit."""
    world = made()
    happen(world, "delete", *list(world.tables["deals"].ids)[:7])
    one, two = (ask(world, "event.offline.get", clear=0, limit=5) for _ in "ab")
    assert [5, 2] == [len(one["events"]), len(two["events"])]
    assert one == ask(world, "event.offline.get", clear="0", process_id=one["process_id"])
    assert 2 == len(ask(world, "event.offline.get", process_id=one["process_id"], limit=2)["events"])
    assert {two["process_id"]} == {each["PROCESS_ID"] for each in ask(world, "event.offline.list")}
    assert [] == ask(world, "event.offline.get", clear=0)["events"]


def test_clearing():
    """By ids, or by messages, which go first; an empty list of ids is all that the process has."""
    world = made()
    happen(world, "delete", *list(world.tables["deals"].ids)[:6])
    got = ask(world, "event.offline.get", clear=0, limit=5)
    process, events = got["process_id"], got["events"]
    assert ("ERROR_ARGUMENT", 400) == refused(world, "event.offline.clear")
    assert ("ERROR_ARGUMENT", 400) == refused(world, "event.offline.clear", process_id=process, id=["x"])
    ask(world, "event.offline.clear", process_id=process, id=[events[0]["ID"], "999"])
    ask(world, "event.offline.clear", process_id=process, id=[events[1]["ID"]], message_id=[events[2]["MESSAGE_ID"]])
    assert [1, 3, 4] == [int(one["ID"]) - int(events[0]["ID"]) for one in ask(world, "event.offline.list") if one["PROCESS_ID"]]
    ask(world, "event.offline.clear", process_id=process, id=[])
    assert [""] == [one["PROCESS_ID"] for one in ask(world, "event.offline.list")]


def test_what_could_not_be_dealt_with_goes_back_marked():
    """It is free, and given to whoever asks for what is marked."""
    world = made()
    happen(world, "delete", *list(world.tables["deals"].ids)[:2])
    got = ask(world, "event.offline.get", clear=0)
    ask(world, "event.offline.error", process_id=got["process_id"], message_id=[got["events"][0]["MESSAGE_ID"]])
    assert [] == ask(world, "event.offline.get", clear=0)["events"]
    assert got["events"][:1] == ask(world, "event.offline.get", clear=0, error=1)["events"]


def test_filter_and_order():
    """Four fields, six with the list; unknown ones and lists where rows are marked are refused."""
    world = made()
    ids = list(world.tables["deals"].ids)
    happen(world, "change", ids[0])
    happen(world, "delete", *ids[1:4])
    assert 1 == len(ask(world, "event.offline.get", clear=0, filter={"EVENT_NAME": "ONCRMDEALUPDATE"})["events"])
    assert ("ERROR_ARGUMENT", 400) == refused(world, "event.offline.get", clear=0, filter={"EVENT_NAME": list(DEALS)})
    assert ("ERROR_ARGUMENT", 400) == refused(world, "event.offline.get", clear=0, filter={"PROCESS_ID": ""})
    assert ("ERROR_ARGUMENT", 400) == refused(world, "event.offline.get", clear=0, limit=0)
    listed = ask(world, "event.offline.list", order={"PROCESS_ID": "DESC", "ID": "DESC"})
    assert [ids[0], *ids[3:0:-1]] == [one["EVENT_DATA"]["FIELDS"]["ID"] for one in listed]


def test_the_list_has_pages_of_fifty():
    """From an exact offset, counted."""
    world = made()
    happen(world, "insert", count=70)
    answer = METHODS["event.offline.list"].run(world, {}, 13, APP)
    assert (50, 70, 63) == (len(answer.result), answer.total, answer.next)
    assert (7, None) == (len(ask(world, "event.offline.list", start=63)), METHODS["event.offline.list"].run(world, {}, 63, APP).next)


def test_old_rows_go():
    """After 34 days, reserved or not."""
    world = made()
    ids = list(world.tables["deals"].ids)
    happen(world, "delete", ids[0])
    ask(world, "event.offline.get", clear=0)
    happen(world, "delete", ids[1])
    world.now += LIFETIME
    assert 2 == len(ask(world, "event.offline.list"))
    world.now += 1
    assert [] == ask(world, "event.offline.list")


@given(st.lists(st.one_of(
    st.tuples(st.sampled_from(["change", "delete", "insert"]), st.integers(1, 6)), st.tuples(st.just("get"), st.integers(1, 3)),
    st.tuples(st.just("clear"), st.integers(0, 5))), max_size=40))
def test_no_event_is_lost_that_is_kept_until_it_is_cleared(steps):
    """Whatever happens and whoever takes what: each event since its last clearing waits, free once at the most, and never by two processes."""
    world, due, taken = made(), {}, []
    for step, number in steps:
        if step == "get":
            got = ask(world, "event.offline.get", clear=0, limit=number)
            taken += [(got["process_id"], one) for one in got["events"]]
        elif step == "clear" and taken:
            process, event = taken.pop(number % len(taken))
            ask(world, "event.offline.clear", process_id=process, id=[event["ID"]])
            due[names_and_ids([event])[0]] -= 1
        elif step in {"change", "delete", "insert"}:
            if (number in world.tables["deals"].ids) == (step == "insert"):
                continue
            event = (DEALS[["insert", "change", "delete"].index(step)], number)
            free = [one for one in ask(world, "event.offline.list") if not one["PROCESS_ID"]]
            due[event] = due.get(event, 0) + (event not in names_and_ids(free))
            happen(world, step, number)
    listed = ask(world, "event.offline.list")
    assert {event: count for event, count in due.items() if count} == {
        event: names_and_ids(listed).count(event) for event in set(names_and_ids(listed))}
    free = names_and_ids([one for one in listed if not one["PROCESS_ID"]])
    assert len(set(free)) == len(free)
    assert {one["ID"] for _, one in taken} == {one["ID"] for one in listed if one["PROCESS_ID"]}
