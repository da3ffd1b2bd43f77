"""The user's question: what would be lost or misread is refused, and told how to be said."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog, raw_method
from extractor.conditions import check, check_fields, fields_from, normal
from extractor.errors import UsageError
from extractor.question import Question
from extractor.sandbox.classic import Moment, plan
from extractor.sandbox.joins import join
from extractor.sandbox.methods.classic import described
from extractor.sandbox.query import HIGHEST, LOWEST, find
from extractor.sandbox.strict import Reader
from extractor.sandbox.strict import plan as strict_plan
from extractor.sandbox.world import World
from extractor.spelling import CLASSIC

FIELDS = {
    "ID": "integer", "OWNER_TYPE_ID": "crm_enum_ownertype", "SUBJECT": "string", "CREATED": "datetime", "COMPLETED": "char",
    "RESULT_SUM": "double", "RESPONSIBLE_ID": "user", "SETTINGS": "object", "LAST_UPDATED": "datetime", "STATUS": "crm_status",
}
ITEM_FIELDS = {"id": "integer", "title": "string", "createdTime": "datetime", "stageId": "crm_status", "contactIds": "crm_contact"}


def ask(name: str, wanted=None, *, select=None, **params) -> Question:
    """Ask an entity of the catalog, or a method that is not in it."""
    entity = catalog().get(name) or raw_method(name)
    params = dict.fromkeys(entity.requires, 2) | params
    return Question(entity, select=select, filter={} if wanted is None else wanted, params=params)


def refusal(question: Question, fields=None) -> str:
    """Say what a question is refused with; "" when it is not."""
    try:
        check(question)
        check_fields(question, fields or {})
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("given", [[{">ID": 5}], [], "ID", 5, None, True])
def test_a_filter_is_an_object(given):
    """Anything but an object would be ignored, and the whole table come: it is refused with an example."""
    question = Question(catalog()["crm_activities"], filter=given)
    assert 'the whole table: write it as {">=ID": 5}' in refusal(question)


@pytest.mark.parametrize("wanted", [
    {"OWNER_TYPE_ID": 3, "OWNER_ID": 102}, {">=ID": 1, "<=ID": 9}, {"@ID": [1, 2]}, {"!@ID": ["1"]}, {"%SUBJECT": "call"},
    {"COMPLETED": "Y"}, {">LAST_UPDATED": "2024-01-31T00:00:00+03:00"}, {"!DEADLINE": None}, {"BINDINGS": [{"OWNER_TYPE_ID": 2}]}, {},
])
def test_what_works_passes(wanted):
    """Filters as the documentation writes them pass."""
    assert "" == refusal(ask("crm_activities", wanted))


@pytest.mark.parametrize("name", sorted(catalog()))
def test_the_catalog_passes(name):
    """Every entity can be asked without wishes, given the parameters it requires."""
    assert "" == refusal(ask(name))


@pytest.mark.parametrize(("name", "key"), [
    ("crm_activities", "COMMUNICATIONS"), ("crm_activities", "!FILES"), ("deals", "@CONTACT_IDS"), ("leads", "LINK"),
])
def test_fields_that_are_no_columns_are_refused(name, key):
    """What the fields method reports but no filter knows is refused under any operator."""
    assert f"filter key {key!r} would be dropped" in refusal(ask(name, {key: 1}))


@pytest.mark.parametrize(("pairs", "why"), [
    ({"OWNER_TYPE_ID": 2, "OWNER_ID": 5}, "no list of pairs"), ([], "no list of pairs"), (2, "no list of pairs"),
    ([{"OWNER_ID": 5}], "without a type of owner"), ([{"OWNER_TYPE_ID": 0}], "without a type of owner"),
    ([{"OWNER_TYPE_ID": "deal"}], "without a type of owner"), ([{"OWNER_TYPE_ID": 2, "OWNER_ID": True}], "without a type of owner"),
    ([{"OWNER_TYPE_ID": 2}, {"OWNER_ID": 5}], "without a type of owner"), ([2], "which is no pair"),
    ([{"OWNER_TYPE_ID": 2, "ID": 5}], "which is no pair"), ([{}], "without a type of owner"),
])
def test_bindings_that_the_portal_would_ignore_are_refused(pairs, why):
    """Bindings are a list of pairs, each with the type of its owner: all else is the whole table."""
    said = refusal(ask("crm_activities", {"BINDINGS": pairs}))
    assert why in said
    assert '"BINDINGS": [{"OWNER_TYPE_ID": 2, "OWNER_ID": 5}]' in said


@pytest.mark.parametrize(("name", "key"), [
    ("crm_activities", "=BINDINGS"), ("crm_activities", "!BINDINGS"), ("crm_activities", "bindings"), ("deals", "BINDINGS"),
])
def test_bindings_have_one_spelling_and_one_list(name, key):
    """A prefix makes BINDINGS vanish, and only activities have them."""
    assert "would be dropped" in refusal(ask(name, {key: [{"OWNER_TYPE_ID": 2}]}))


@pytest.mark.parametrize(("name", "wanted"), [
    ("crm_statuses", {">ID": 5}), ("crm_statuses", {"ENTITY_ID": ["SOURCE"]}), ("crm_statuses", {"SYSTEM": True}),
    ("currencies", {"CURRENCY": "RUB"}), ("crm_categories", {"id": 5}), ("departments", {"PARENT": 1}),
    ("crm_activity_bindings", {"entityTypeId": 2}), ("crm.timeline.comment.list", {">ID": 5}),
])
def test_lists_that_hardly_read_a_filter_say_so(name, wanted):
    """A method that reads a few exact keys, or none, is not given others."""
    assert refusal(ask(name, wanted))


@pytest.mark.parametrize(("name", "wanted"), [
    ("crm_statuses", {"ENTITY_ID": "SOURCE"}), ("crm_categories", {"code": "main"}),
    ("crm.timeline.comment.list", {"ENTITY_ID": 5, "ENTITY_TYPE": "deal"}),
])
def test_the_exact_keys_pass(name, wanted):
    """The few keys that such a method reads pass."""
    assert "" == refusal(ask(name, wanted), {"ID": "integer"})


@pytest.mark.parametrize(("key", "value"), [("=PHONE", "7"), ("!EMAIL", "a@b.c"), ("%WEB", "x"), ("IM", ["a", "b"])])
def test_multifields_have_one_spelling(key, value):
    """Telephones and their like are compared under the bare name, with one value."""
    assert "with one value" in refusal(ask("contacts", {key: value}))
    assert "" == refusal(ask("contacts", {"PHONE": "+7900"}))


def test_products_have_no_in():
    """crm.product.list drops `@ID`: the list goes under the bare name."""
    assert "write 'ID'" in refusal(ask("crm.product.list", {"@ID": [1]}))


@pytest.mark.parametrize("wanted", [
    {"0": {"logic": "OR", "0": {">=id": 5}, "1": {"%title": "a"}}}, {"logic": "OR", "title": "a", ">id": 5}, {"logic": "AND", "id": 1},
])
def test_groups_pass_where_they_work(wanted):
    """crm.item.list joins conditions with OR when they are grouped."""
    assert "" == refusal(ask("crm_items", wanted), ITEM_FIELDS)


@pytest.mark.parametrize("wanted", [
    {"LOGIC": "OR", "id": 1}, {"logic": "or", "id": 1}, {"logic": ["OR"], "id": 1}, {"logic": "OR"}, {"0": {}}, {"0": {"logic": "OR"}},
    {"0": [{"id": 1}]}, {"0": {">ID": 1}}, {"0": {"1": {"@id": []}}},
])
def test_groups_are_checked_to_the_bottom(wanted):
    """A group is an object with conditions in it, all of them spelled right."""
    assert refusal(ask("crm_items", wanted))


@pytest.mark.parametrize("name", ["crm_activities", "tasks", "users", "stage_history"])
def test_groups_are_refused_elsewhere(name):
    """Where all conditions are joined with AND, a group would vanish."""
    assert "'0'" in refusal(ask(name, {"0": {"ID": 5}}))
    assert "ask twice" in refusal(ask(name, {"LOGIC": "OR", "ID": 5}))


def test_of_unknown_methods_only_the_certain_is_said():
    """How an unknown method reads keys is unknown; an empty list is no condition anywhere."""
    assert "" == refusal(ask("lists.element.get", {"><DATE_CREATE": ["a", "b"], "0": {"logic": "OR"}}), {"NAME": "string"})
    assert "empty list" in refusal(ask("lists.element.get", {"=ID": []}))


@pytest.mark.parametrize(("name", "wanted", "near"), [
    ("crm_activities", {">CREATED_AT": "2024-01-01"}, "CREATED"), ("crm_activities", {"RESPONSIBLEID": 1}, "RESPONSIBLE_ID"),
    ("crm_activities", {"ZZZ": 1}, "nothing comes near"), ("crm_items", {"titel": "a"}, "title"),
    ("crm_items", {"createdtime": "2024-01-01"}, "createdTime"), ("crm_items", {"0": {"contactid": 1}}, "contactIds"),
])
def test_unknown_fields_are_refused(name, wanted, near):
    """A name that the portal does not report is refused with the nearest that it does."""
    assert near in refusal(ask(name, wanted), FIELDS if name == "crm_activities" else ITEM_FIELDS)


@pytest.mark.parametrize(("key", "value"), [
    ("OWNER_TYPE_ID", "deal"), (">RESPONSIBLE_ID", ""), ("RESULT_SUM", "1,5"), ("CREATED", "yesterday"), ("SETTINGS", None),
    ("%STATUS", "NEW"), ("%RESPONSIBLE_ID", 5), ("@RESPONSIBLE_ID", ["1,2"]),
])
def test_values_fit_the_types_that_the_portal_reports(key, value):
    """With the portal's own types at hand, values that it would cast are refused."""
    assert f"filter key {key!r}" in refusal(ask("crm_activities", {key: value}), FIELDS)


def test_original_names_of_user_fields_are_trusted():
    """With useOriginalUfNames the UF_ names stand; they can be checked only where the fields were asked with it too."""
    question = ask("crm_items", {"UF_CRM_5_1": 1}, select=("id", "UF_CRM_5_1"), useOriginalUfNames="Y")
    assert "" == refusal(question, ITEM_FIELDS)
    assert "UF_CRM_5_2" in refusal(question, ITEM_FIELDS | {"UF_CRM_5_2": "string"})


@pytest.mark.parametrize(("result", "expected"), [
    ({"ID": {"type": "integer", "title": "ID"}, "CREATED": {"type": "datetime"}}, {"ID": "integer", "CREATED": "datetime"}),
    ({"fields": {"id": {"type": "integer"}}}, {"id": "integer"}), ({"fields": []}, {}), ([], {}), (None, {}),
    ({"ID": "ID", "NAME": "Name"}, {"ID": "", "NAME": ""}),
])
def test_fields_are_read_in_every_shape(result, expected):
    """Fields come bare, under `fields`, with titles in the place of types, or as PHP's empty list."""
    assert expected == fields_from(result)


@pytest.mark.parametrize(("wanted", "expected"), [
    ({">ID": 5}, {">=ID": 6}), ({"<=ID": "9"}, {"<ID": 10}), ({">ID": 5, "<=ID": 9}, {">=ID": 6, "<ID": 10}),
    ({">ID": 5, ">=ID": 3}, {">=ID": 6}), ({">ID": 5, ">=ID": 9}, {">=ID": 9}), ({"<=ID": 9, "<ID": 4}, {"<ID": 4}),
    ({">=ID": 5, "<ID": 9, "@ID": [6]}, {">=ID": 5, "<ID": 9, "@ID": [6]}), ({"STATUS": 1}, {"STATUS": 1}), ({}, {}),
])
def test_bounds_of_the_user_survive_paging(wanted, expected):
    """`>ID` and `<=ID` are what paging writes: the user's own become `>=ID` and `<ID`, one further."""
    assert expected == dict(normal(ask("crm_activities", wanted)).filter)


def test_an_or_stays_an_or():
    """Bounds beside an OR would be one more alternative: the OR goes into a group of its own."""
    asked = normal(ask("crm_items", {"logic": "OR", "title": "a", ">id": 5}))
    assert {"0": {"logic": "OR", "title": "a", ">id": 5}} == asked.filter
    assert asked == normal(asked)


def test_lists_without_keyset_are_left_as_they_are():
    """Where paging writes no conditions, there is nothing to make room for."""
    question = ask("lists.element.get", {">ID": 5})
    assert question is normal(question)


# Against the portal's own parser, which the sandbox models independently of this check.

WORLD = World.build(seed=7, rows={"activities": 200, "tasks": 50})
TABLE = WORLD.tables["activities"]
MOMENT = Moment(WORLD.now, 10_800)
REPORTED = fields_from(described(TABLE.entity))
NAMES = [
    *REPORTED, "A.ID", "id", "Id", "ID ", " ID", "created", "LOGIC", "__INNER_FILTER_1", "CHECK_PERMISSIONS", "SEARCH_CONTENT",
    "CALENDAR_EVENT_ID", "PARENT_ID", "THREAD_ID", "URN", "STORAGE_TYPE_ID", "STORAGE_ELEMENT_IDS", "RESPONSIBLE_LOGIN", "0", "",
]
SIGNS = "!<>=@%?*+ "
SPELLINGS = ["".join(signs) for size in range(4) for signs in itertools.product(SIGNS, repeat=size)]
PREFIXES = st.sampled_from(sorted(CLASSIC.operators)) | st.sampled_from(SPELLINGS)
COLUMNS = [name for name, kind in REPORTED.items() if kind not in {"object", "diskfile"}]
MISSPELT = [twist(name) for name in COLUMNS for twist in (str.lower, str.title, " {}".format, "A.{}".format)]
SCALARS = st.integers(1, 9) | st.sampled_from(["Y", "7", "a", "", "2024-01-31T00:00:00+03:00", "@1700000000", "soon", None, True, 1.5])
PAIRS = st.lists(st.dictionaries(st.sampled_from(["OWNER_TYPE_ID", "OWNER_ID"]), st.integers(0, 3)), max_size=2)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | PAIRS | st.dictionaries(st.just("0"), SCALARS, max_size=1)


def dropped(wanted) -> bool:
    """Tell whether the simulated portal makes no condition at all of a filter."""
    parsed = plan(TABLE.entity, wanted, MOMENT, lambda name, value: join(TABLE, name, value))
    bounded = parsed.low > LOWEST or parsed.high < HIGHEST or parsed.only is not None
    return not (bounded or parsed.conditions or parsed.joins)


@pytest.mark.parametrize("name", sorted({*COLUMNS} - {"BINDINGS"}))
def test_every_spelling_of_an_operator(name):
    """Of all spellings up to three signs, those pass that are operators and suit the column; none of them is dropped."""
    value = "2024-01-31" if REPORTED[name] == "datetime" else 5
    passed = [sign for sign in SPELLINGS if not refusal(ask("crm_activities", {sign + name: value}), REPORTED)]
    assert CLASSIC.operators >= {*passed}
    assert [] == [sign for sign in passed if dropped({sign + name: value})]


@given(PREFIXES, st.sampled_from(NAMES), VALUES)
def test_no_accepted_condition_is_dropped(prefix, name, value):
    """Whatever passes, the portal's parser makes a condition of it."""
    wanted = {prefix + name: value}
    assert refusal(ask("crm_activities", wanted), REPORTED) or not dropped(wanted)


@given(PREFIXES, st.sampled_from(COLUMNS) | st.sampled_from(MISSPELT), SCALARS)
def test_no_spelling_needs_the_fields_to_be_seen_through(prefix, name, value):
    """Operators, case and blanks are judged without asking the portal: what passes is no less a condition."""
    wanted = {prefix + name: value}
    assert refusal(ask("crm_activities", wanted)) or not dropped(wanted)


@given(PREFIXES, st.sampled_from([column.name for column in WORLD.tables["tasks"].entity.columns]), VALUES)
def test_no_accepted_condition_on_tasks_is_dropped(prefix, name, value):
    """Tasks drop what they do not know, controller or not."""
    columns = {column.name: column for column in WORLD.tables["tasks"].entity.columns}
    reader = Reader(columns, WORLD.now, 10_800, drops=True, upper=True, epoch=True)
    wanted = {prefix + name: value}
    if not refusal(ask("tasks", wanted)):
        parsed = strict_plan(reader, wanted)
        assert parsed.conditions or parsed.only is not None or (parsed.low, parsed.high) != (LOWEST, HIGHEST)


@given(PREFIXES, st.sampled_from(NAMES), VALUES)
def test_refusals_are_one_or_two_short_sentences(prefix, name, value):
    """A refusal names the key as it was typed, in one line."""
    said = refusal(ask("crm_activities", {prefix + name: value}), REPORTED)
    assert not said or (("BINDINGS" in said or repr(prefix + name) in said) and "\n" not in said and len(said) < 330)


@given(PREFIXES, st.sampled_from(sorted(REPORTED)), st.integers(1, 9))
def test_the_spelling_that_a_refusal_names_passes(prefix, name, value):
    """Whoever writes what the refusal says is understood, by the check and by the portal."""
    said = refusal(ask("crm_activities", {prefix + name: value}))
    if advised := re.search(r"write '([^']*)'$", said):
        spelled = {advised[1]: value}
        again = refusal(ask("crm_activities", spelled))
        assert "spelling" not in again
        assert again or REPORTED[name] == "object" or not dropped(spelled)


@pytest.mark.parametrize("key", [
    ">id", "> ID", " >ID", "=>ID", "><ID", "!><ID", "<>ID", ">=>ID", "=@ID", "!!ID", ">A.ID", "LOGIC", "__INNER_FILTER", "0",
    "CHECK_PERMISSIONS", "SEARCH_CONTENT", "CALENDAR_EVENT_ID", "THREAD_ID", "URN", "STORAGE_ELEMENT_IDS", "COMMUNICATIONS",
    "FILES", "WEBDAV_ELEMENTS", "IS_INCOMING_CHANNEL", "!BINDINGS", "=BINDINGS",
])
def test_what_is_known_to_vanish_is_refused(key):
    """Every key that the portal is known to drop is dropped by its model too, and refused here."""
    assert dropped({key: 5})
    assert refusal(ask("crm_activities", {key: 5}), REPORTED)


@given(st.integers(-3, 210), st.integers(-3, 210), st.integers(0, 210), st.integers(0, 210), st.data())
def test_paging_and_the_users_bounds_meet(low, high, cursor, end, data):
    """With paging's bounds merged in, exactly the rows come that satisfy both, whatever bounds the user gave."""
    given_filter = data.draw(st.fixed_dictionaries({}, optional={
        ">ID": st.just(low), "<=ID": st.just(high), ">=ID": st.just(low + 1), "<ID": st.just(high), "!ID": st.just(7)}))
    asked = normal(ask("crm_activities", given_filter)).window(cursor, end).params["filter"]
    rows = set(find(TABLE, plan(TABLE.entity, asked, MOMENT)).all())
    both = [find(TABLE, plan(TABLE.entity, one, MOMENT)).all() for one in (given_filter, {">ID": cursor, "<=ID": end})]
    assert set(both[0]) & set(both[1]) == rows


@pytest.mark.parametrize("wish", [
    {"filter": {"TITLE": "$result[c0][0][ID]"}}, {"filter": {"@ID": [1, "$result[c0]"]}}, {"filter": {"$result[c0]": 1}},
    {"select": ("ID", "$result[c0]")}, {"params": {"x": {"y": "$result[c0]"}}},
], ids=str)
def test_references_into_a_batch_are_refused(wish):
    """The portal would put the answer of another call in their place."""
    with pytest.raises(UsageError, match="would replace by the answer of another call"):
        check(Question(catalog()["deals"], **wish))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "9" * 30])
def test_numbers_that_no_portal_can_count_to(value):
    """They would be cut to something else, or not fit into our own records."""
    with pytest.raises(UsageError, match="beyond what the portal can count to"):
        check(Question(catalog()["deals"], filter={">ID": value}))


def test_names_that_tasks_know_beside_their_fields():
    """A condition on a tag, a member or a user field works, though tasks.task.getFields does not report them."""
    fields = {"ID": "integer", "TITLE": "string"}
    check_fields(Question(catalog()["tasks"], ("ID", "TAGS", "UF_CRM_TASK"), {"TAG": "x", "MEMBER": 1, "UF_CRM_TASK": "D_1"}), fields)
    with pytest.raises(UsageError, match="'TITEL'"):
        check_fields(Question(catalog()["tasks"], filter={"TITEL": "x"}), fields)
