"""All methods: what holds for every one of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox import wire
from extractor.sandbox.answer import Answer, Refusal, Session
from extractor.sandbox.methods import METHODS
from extractor.sandbox.methods.parameters import array_param, mapping, select_param
from extractor.sandbox.world import World

ADMIN = Session()
WORLD = World.build()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 400) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6)
NAMES = st.sampled_from(["ID", ">ID", "<=ID", ">id", "@ID", "!@id", "%TITLE", "=SUBJECT", ">=DATE_MODIFY", "BINDINGS", "id",
                         ">LAST_UPDATED", "logic", "0", "PHONE", "updatedTime", "STAGE_ID", "UF_CRM_1600000003", "ufCrm_1600000003", "OPPORTUNITY", "ACTIVE", "sort"])
FILTERS = st.dictionaries(NAMES, JSON, max_size=3) | JSON


@pytest.mark.parametrize("name", METHODS)
def test_names_are_lower_case(name):
    """Names are registered in lower case."""
    assert name == name.lower()


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(METHODS)), FILTERS, FILTERS, JSON, st.none() | st.integers(-60, 400))
def test_whatever_is_sent_there_is_an_answer_or_a_refusal(name, given_filter, order, select, start):
    """No parameters crash a method; a page is never longer than fifty; the answer is JSON."""
    params = {"filter": given_filter, "order": order, "select": select, "entityTypeId": 2, "id": 5, "activityId": 6}
    try:
        answer = METHODS[name].run(WORLD, params, start, ADMIN)
    except Refusal:
        return
    assert isinstance(answer, Answer)
    wire.encode(answer.result)
    rows = answer.result if isinstance(answer.result, list | wire.Written) else next(iter(answer.result.values()), [])
    assert not isinstance(rows, list | wire.Written) or len(rows) <= 50
    assert answer.seconds >= 0


@pytest.mark.parametrize(("value", "expected"), [([], {}), ([7], {0: 7}), ({"a": 1}, {"a": 1})])
def test_arrays(value, expected):
    """To PHP a list and an object are both arrays."""
    assert expected == array_param({"filter": value}, "filter") == mapping({"filter": value}, "filter")


def test_first_spelling_wins():
    """`filter` comes before `FILTER`."""
    assert array_param({"FILTER": {"a": 1}, "filter": {"b": 2}}, "filter") == {"b": 2}


@pytest.mark.parametrize(("params", "expected"), [
    ({}, ()), ({"select": ["ID", 5]}, ("ID", "5")), ({"SELECT": {"0": "ID"}}, ("ID",)), ({"select": "ID"}, ()),
])
def test_select(params, expected):
    """A select is a list or an object; anything else is none."""
    assert expected == select_param(params)
