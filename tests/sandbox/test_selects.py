"""The classic select."""

from __future__ import annotations

import pytest

from extractor.sandbox.rows import ENTITIES
from extractor.sandbox.selects import drifts, shown_names

ACTIVITIES, DEALS, CONTACTS = (ENTITIES[name] for name in ("activities", "deals", "contacts"))


def test_star_is_the_39_columns_of_an_activity_and_its_files():
    """`*` is every column of `CCrmActivity::GetFields` that is shown, in its order, and FILES."""
    names = shown_names(ACTIVITIES, ("*",))
    assert len(names) == 40
    assert (names[:4], names[-2:]) == (["ID", "OWNER_ID", "OWNER_TYPE_ID", "TYPE_ID"], ["AUTOCOMPLETE_RULE", "FILES"])


@pytest.mark.parametrize("select", [(), ("*",)])
def test_user_fields_must_be_asked_for(select):
    """Neither `*` nor an empty select brings UF_* (`CUserTypeSQL::SetSelect([])`, against the documentation)."""
    assert not any(name.startswith("UF_") for name in shown_names(DEALS, select))
    assert sum(name.startswith("UF_") for name in shown_names(DEALS, (*select, "UF_*"))) == 7


def test_columns_in_any_case_and_unknown_ones_skipped():
    """Column names are upper-cased in SQL, unknown ones skipped; `ID` is always added."""
    assert shown_names(DEALS, ("title", "nobody")) == ["ID", "TITLE"]


@pytest.mark.parametrize("name", ["communications", "Files", "is_incoming_channel"])
def test_magic_names_are_exact(name):
    """COMMUNICATIONS and its like are matched by case."""
    assert shown_names(ACTIVITIES, (name,)) == ["ID"]
    assert name.upper() in shown_names(ACTIVITIES, (name.upper(),))


@pytest.mark.parametrize("name", ["FILES", "WEBDAV_ELEMENTS", "STORAGE_ELEMENT_IDS"])
def test_aliases_of_files(name):
    """Three names bring FILES (`rs:innerGetList`)."""
    assert shown_names(ACTIVITIES, (name,)) == ["ID", "FILES"]


def test_communications_are_not_part_of_star():
    """COMMUNICATIONS and IS_INCOMING_CHANNEL must be named."""
    assert not {"COMMUNICATIONS", "IS_INCOMING_CHANNEL"} & set(shown_names(ACTIVITIES, ("*",)))


def test_description_brings_its_provider():
    """A named DESCRIPTION adds PROVIDER_ID and PROVIDER_TYPE_ID."""
    assert shown_names(ACTIVITIES, ("DESCRIPTION",)) == ["ID", "PROVIDER_ID", "PROVIDER_TYPE_ID", "DESCRIPTION"]


@pytest.mark.parametrize("name", ["BINDINGS", "CALENDAR_EVENT_ID", "UF_MAIL_MESSAGE", "URN"])
def test_what_an_activity_never_shows(name):
    """Bindings, hidden columns and user fields are stripped (`externalizeFields`)."""
    assert shown_names(ACTIVITIES, (name, "UF_*")) == ["ID"]


def test_multi_fields_must_be_named():
    """PHONE and EMAIL are not part of `*`."""
    assert "PHONE" not in shown_names(CONTACTS, ("*", "UF_*"))
    assert shown_names(CONTACTS, ("PHONE",)) == ["ID", "PHONE"]


def test_only_named_moments_of_activities_drift():
    """`*` is exact; an empty select and named columns go through the user's zone."""
    assert not drifts(ACTIVITIES, ("*", "CREATED"))
    assert drifts(ACTIVITIES, ())
    assert drifts(ACTIVITIES, ("CREATED",))
    assert not drifts(DEALS, ("DATE_CREATE",))
