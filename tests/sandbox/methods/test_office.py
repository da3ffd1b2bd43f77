"""Tasks, users and departments."""

from __future__ import annotations

import pytest

from extractor.sandbox.answer import Session
from extractor.sandbox.methods import METHODS
from extractor.sandbox.world import NOW, World
from extractor.sandbox.zones import Zone

ADMIN, GUEST = Session(), Session(user_id=9, admin=False)


@pytest.fixture
def world():
    """Build a small world."""
    return World.build(rows={"tasks": 130, "users": 120, "departments": 70})


def ask(world, method, start=None, session=ADMIN, **params):
    """Call a method."""
    return METHODS[method].run(world, params, start, session)


def tasks(world, start=None, **params):
    """List tasks."""
    return ask(world, "tasks.task.list", start, **params)


def users(world, start=None, session=ADMIN, **params):
    """List users."""
    return ask(world, "user.get", start, session, **params)


def test_scopes():
    """Each module has its own scope."""
    assert [METHODS[name].scope for name in ("tasks.task.list", "user.get", "department.get", "crm.deal.list")] == [ "task", "user", "department", "crm"]


def test_task_names(world):
    """UPPER names in, camelCase out."""
    task = tasks(world, filter={"ID": world.tables["tasks"].ids[0]}).result["tasks"][0]
    assert {"id", "title", "createdDate", "changedDate", "responsibleId", "createdBy"} < set(task)
    assert isinstance(task["id"], str)


def test_tasks_by_keyset(world):
    """`>ID`, order ID and start=-1 read every task once, without total and next."""
    seen, low = [], 0
    while (answer := tasks(world, -1, filter={">ID": low}, order={"ID": "ASC"})).result["tasks"]:
        assert (answer.total, answer.next) == (None, None)
        seen += [int(task["id"]) for task in answer.result["tasks"]]
        low = seen[-1]
    assert seen == list(world.tables["tasks"].ids)


def test_tasks_drop_what_they_do_not_know(world):
    """An unknown filter key or order is dropped; FILTER is no parameter of a controller."""
    assert tasks(world, filter={">id": 10**9}).total == 130
    assert tasks(world, order={"NOBODY": "ASC"}).total == 130
    assert tasks(world, FILTER={"ID": 1}).total == 130


def test_unreadable_date_scans_all_tasks(world):
    """A bad date is 1970 (`tasks` controller, prepareFilter)."""
    assert tasks(world, filter={">CHANGED_DATE": "2024-01-01T00:00:00 03:00"}).total == 130


def test_tasks_show_the_caller_zone(world):
    """Moments have the calling user's offset; absent ones are null."""
    world.user_zone = Zone(18_000)
    page = tasks(world, order={"ID": "ASC"}).result["tasks"]
    assert all(task["createdDate"].endswith("+05:00") for task in page)
    assert None in {task["deadline"] for task in page}


def test_task_user_fields_come_with_star(world):
    """"UF_*" works together with "*" only."""
    assert "ufCrmTask" not in tasks(world, select=["*"]).result["tasks"][0]
    assert "ufCrmTask" in tasks(world, select=["*", "UF_*"]).result["tasks"][0]
    assert list(tasks(world, select=["TITLE"]).result["tasks"][0]) == ["id", "title"]


def test_tasks_past_the_end(world):
    """A controller's page past the end is empty, with its total."""
    answer = tasks(world, 150)
    assert (answer.result, answer.total, answer.next) == ({"tasks": []}, 130, None)


def test_users_by_keyset(world):
    """Scalar `sort` and `order`, FILTER[>ID], start=-1: every user once."""
    seen, low = [], 0
    while page := users(world, -1, sort="ID", order="ASC", FILTER={">ID": low}, ADMIN_MODE=True).result:
        seen += [int(row["ID"]) for row in page]
        low = seen[-1]
    assert seen == list(world.tables["users"].ids)


def test_users_have_an_exact_offset(world):
    """`start` is not floored."""
    answer = users(world, 7, sort="ID", order="ASC", ADMIN_MODE="Y")
    assert int(answer.result[0]["ID"]) == world.tables["users"].ids[7]
    assert (answer.total, answer.next) == (120, 57)


def test_users_past_the_end(world):
    """An empty result is a bare `[]` without a total."""
    answer = users(world, 10**6)
    assert (answer.result, answer.total, answer.next) == ([], None, None)


def test_users_without_count(world):
    """start=-1 says `total` 0."""
    assert users(world, -1).total == 0


def test_filter_without_its_container(world):
    """Without FILTER all parameters are the filter, in any case; unknown ones are dropped."""
    wanted = world.tables["users"].ids[4]
    assert [row["ID"] for row in users(world, id=wanted, nobody=1, ADMIN_MODE=1).result] == [str(wanted)]
    assert users(world, filter=5, ADMIN_MODE=1).total == 120


def test_nulls_of_users_are_absent(world):
    """A null is no key; ACTIVE is a boolean; departments are numbers."""
    rows = users(world).result
    assert {"LAST_NAME" in row for row in rows} == {True, False}
    assert all(isinstance(row["ACTIVE"], bool) and isinstance(row["UF_DEPARTMENT"], list) for row in rows)


def test_extranet_users_are_hidden(world):
    """ADMIN_MODE of an administrator lifts the extranet rules."""
    everybody = users(world, ADMIN_MODE=True).total
    assert everybody == 120 > users(world).total == users(world, session=GUEST, ADMIN_MODE=True).total


def test_users_filter_by_flag(world):
    """ACTIVE takes 1, true or Y."""
    active = users(world, FILTER={"ACTIVE": True}).total
    assert active == users(world, FILTER={"ACTIVE": "1"}).total == users(world, FILTER={"ACTIVE": "Y"}).total
    assert 0 < active < users(world).total


def test_users_without_order_are_not_in_order(world):
    """There is no ORDER BY unless `sort` names a column."""
    ids = [int(row["ID"]) for row in users(world).result]
    assert ids != sorted(ids)


def test_departments_drop_prefixed_keys(world):
    """Only five exact keys filter; `>ID` is dropped."""
    answer = ask(world, "department.get", **{">ID": 10**9, "sort": "ID", "order": "ASC"})
    assert (answer.total, answer.next) == (70, 50)
    wanted = world.tables["departments"].ids[3]
    assert [row["ID"] for row in ask(world, "department.get", ID=wanted).result] == [str(wanted)]


def test_departments_filter_by_sort_without_order(world):
    """SORT is a filter where it is not the order's column."""
    rows = ask(world, "department.get", SORT=100).result
    assert {row["SORT"] for row in rows} == {"100"}


def test_departments_past_the_end(world):
    """An old list: page 1 again."""
    first, past = (ask(world, "department.get", start, sort="ID", order="ASC") for start in (0, 500))
    assert first == past


def test_root_department_has_no_parent(world):
    """An absent PARENT is an absent key."""
    assert {"PARENT" in row for row in ask(world, "department.get").result} == {True, False}


def test_edited_tasks_move(world):
    """CHANGED_DATE follows an edit."""
    row_id = world.tables["tasks"].ids[3]
    world.tables["tasks"].change(row_id, at=NOW + 60)
    answer = tasks(world, filter={">CHANGED_DATE": "2024-08-26T14:00:30+03:00"})
    assert [task["id"] for task in answer.result["tasks"]] == [str(row_id)]
