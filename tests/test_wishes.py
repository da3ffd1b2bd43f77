"""Columns and parameters: what a method would ignore, or b24x sets itself, is refused."""

from __future__ import annotations

import pytest

from extractor.catalog import catalog, raw_method
from extractor.errors import UsageError
from extractor.wishes import check_params, check_select, check_selected, original_names


def entity_of(name: str):
    """Find an entity of the catalog, or make one of a method."""
    return catalog().get(name) or raw_method(name)


def selected(name: str, *columns: str, **params: str) -> str:
    """Say what a select is refused with; "" when it is not."""
    try:
        check_select(entity_of(name), columns, params)
    except UsageError as error:
        return str(error)
    return ""


def given(name: str, **params: object) -> str:
    """Say what parameters are refused with; "" when they are not."""
    try:
        check_params(entity_of(name), params)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("name", "columns"), [
    ("crm_activities", ("*", "COMMUNICATIONS")), ("crm_activities", ("ID", "FILES", "STORAGE_ELEMENT_IDS")), ("deals", ("*", "UF_*")),
    ("contacts", ("ID", "PHONE")), ("crm_items", ("*",)), ("crm_items", ("id", "ufCrm_9")), ("tasks", ("ID", "TAGS")),
    ("users", ("ID", "NAME")), ("lists.element.get", ("anything",)),
])
def test_selects_that_work_pass(name, columns):
    """Columns as the documentation names them pass."""
    assert "" == selected(name, *columns)


def test_no_select_is_everything():
    """Not to select is to ask for what the catalog knows to ask for."""
    check_select(catalog()["crm_statuses"], None, {})


@pytest.mark.parametrize("name", ["crm_items", "crm_activities", "lists.element.get"])
def test_an_empty_select_is_refused(name):
    """crm.item.list would answer objects with nothing in them."""
    assert "--select is empty" in selected(name)


@pytest.mark.parametrize("name", ["crm_statuses", "currencies", "crm_categories", "crm_types", "crm_activity_bindings", "departments"])
def test_methods_without_select_say_so(name):
    """Where whole rows come whatever is selected, a select would be ignored."""
    assert "leave --select out" in selected(name, "ID")


@pytest.mark.parametrize(("column", "why"), [
    ("LIGHT_COUNTER_AT", "no rows at all"), ("BINDING_OWNER_ID", "repeats rows"), ("BINDING_OWNER_TYPE_ID", "repeats rows"),
    ("UF_*", "rewrite activities"), ("UF_MAIL_MESSAGE", "rewrite activities"), ("IS_INCOMING_CHANNEL", "come out short"),
    ("light_counter_at", "no rows at all"),
])
def test_harmful_columns_are_refused_with_the_harm(column, why):
    """A column that changes which rows come, or the portal itself, is refused in any case, with the reason."""
    said = selected("crm_activities", "ID", column)
    assert f"--select {column!r}" in said
    assert why in said


@pytest.mark.parametrize(("name", "column", "instead"), [
    ("crm_activities", "BINDINGS", "crm_activity_bindings"), ("deals", "CONTACT_IDS", "'contactIds'"),
    ("contacts", "COMPANY_IDS", "'companyIds'"), ("deals", "OBSERVER_IDS", "'observers'"),
])
def test_columns_that_never_come_are_refused_with_where_they_are(name, column, instead):
    """What the fields method reports but no list shows is refused with the method that does."""
    assert instead in selected(name, column)


@pytest.mark.parametrize(("name", "column", "right"), [
    ("crm_activities", "id", "ID"), ("crm_activities", "communications", "COMMUNICATIONS"), ("crm_activities", " ID", "ID"),
    ("crm_items", "ID", "id"), ("crm_items", "CREATED_TIME", "createdTime"), ("tasks", "createdDate", "CREATED_DATE"),
])
def test_columns_have_the_case_of_conditions(name, column, right):
    """A name in the wrong case is refused with the right one."""
    assert f"write {right!r}" in selected(name, column)


def test_what_is_no_name_is_no_column():
    """Names run together are told apart by commas."""
    assert "commas" in selected("crm_activities", "ID SUBJECT")


def test_user_fields_of_items_come_with_the_star():
    """crm.item.list knows no `UF_*`, unless it is asked for original names."""
    assert "'*' has the user fields" in selected("crm_items", "UF_*")
    assert "" == selected("crm_items", "id", "UF_*", "UF_CRM_9", useOriginalUfNames="Y")


@pytest.mark.parametrize(("column", "near"), [("SUBJEKT", "SUBJECT"), ("ZZZ", "nothing comes near")])
def test_unknown_columns_are_refused(column, near):
    """What the portal does not report would be left out in silence."""
    with pytest.raises(UsageError, match=f"'{column}' is no column of crm_activities.*{near}"):
        check_selected(catalog()["crm_activities"], ["ID", column], {"SUBJECT": "string"}, original=False)


def test_known_columns_pass():
    """The portal's fields pass, and those that are no fields but known: stars, communications, files."""
    columns = ["*", "UF_*", "ID", "SUBJECT", "COMMUNICATIONS", "FILES", "STORAGE_ELEMENT_IDS"]
    check_selected(catalog()["crm_activities"], columns, {"SUBJECT": "string"}, original=False)


@pytest.mark.parametrize("key", ["order", "ORDER", "Order", "arOrder", "sort", "SORT"])
def test_the_order_is_not_the_users(key):
    """Only ascending ids make a bulk read exact: any other order is refused, with the reason."""
    assert "only in ascending order of ids is a bulk read exact" in given("crm_activities", **{key: "ID"})


def test_an_unknown_method_may_be_ordered():
    """Where no id is known to order by, an order of the user's is better than none."""
    assert "" == given("lists.element.get", ELEMENT_ORDER={"ID": "ASC"}, order={"ID": "ASC"}, FILTER={"NAME": "a"})


@pytest.mark.parametrize(("key", "option"), [
    ("start", "--paging"), ("START", "--paging"), ("select", "--select"), ("SELECT", "--select"), ("filter", "--filter"),
    ("FILTER", "--filter"), ("arFilter", "--filter"),
])
def test_what_has_an_option_is_not_a_parameter(key, option):
    """Each refusal names the option that serves."""
    assert option in given("deals", **{key: "1"})


@pytest.mark.parametrize("name", ["deals", "lists.element.get"])
@pytest.mark.parametrize("key", ["auth", "access_token", "auth_connector", "ap", "aplogin", "sessid", "state", "token"])
def test_reserved_names_are_refused_without_their_values(name, key):
    """The portal takes these for itself; a secret given there shows in no message."""
    said = given(name, **{key: "canary"})
    assert "reserved" in said
    assert "canary" not in said


@pytest.mark.parametrize(("name", "missing"), [
    ("crm_items", "--param entityTypeId=..."), ("stage_history", "--param entityTypeId=..."),
    ("crm_activity_bindings", "--param activityId=..."),
])
def test_what_a_method_requires_is_asked_for(name, missing):
    """A parameter that only the caller can give is named."""
    assert missing in given(name)


@pytest.mark.parametrize(("name", "key", "hint"), [
    ("crm_items", "entitytypeid", "the nearest is entityTypeId"), ("crm_items", "useOriginalUFNames", "the nearest is useOriginalUfNames"),
    ("deals", "filters", "conditions go into --filter"), ("deals", "params", "conditions go into --filter"),
    ("departments", "PARNT", "the nearest is PARENT"), ("users", "ACTIVE", """--filter '{"ACTIVE": "..."}'"""),
])
def test_parameters_that_a_method_does_not_read_are_refused(name, key, hint):
    """A parameter that the method would ignore in silence is refused with the one that was meant."""
    assert hint in given(name, **{key: 1})


@pytest.mark.parametrize(("name", "params"), [
    ("crm_items", {"entityTypeId": 2, "useOriginalUfNames": "Y"}), ("smart_invoices", {}), ("users", {"ADMIN_MODE": False}),
    ("departments", {"PARENT": 1}), ("tasks", {"params": {"WITH_TIMER_INFO": True}}), ("lists.element.get", {"IBLOCK_ID": 5}),
])
def test_parameters_that_work_pass(name, params):
    """What the method reads passes, and what an unknown method may read."""
    assert "" == given(name, **params)


@pytest.mark.parametrize(("value", "expected"), [("Y", True), ("y", True), (True, True), (1, True), ("N", False), (None, False)])
def test_original_names_are_a_yes_or_no(value, expected):
    """The wish for original names is on for Y, 1 and true."""
    assert expected is original_names({"useOriginalUfNames": value})
    assert False is original_names({})


def test_what_makes_an_entity_is_not_overridden():
    """A fixed parameter may be repeated, and not be given another value: it would be another entity in a folder of this name."""
    check_params(catalog()["smart_invoices"], {"entityTypeId": "31"})
    with pytest.raises(UsageError, match=r"name crm\.item\.list to read another"):
        check_params(catalog()["smart_invoices"], {"entityTypeId": 2})
