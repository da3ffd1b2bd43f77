"""What `catalog` promises: entities as rows of a table that is sound, and every word that a user types resolved or refused."""

import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import Entity, catalog, globbed, may_send, raw_method, resolve, writes
from extractor.errors import UsageError

ENTITIES = pytest.mark.parametrize("entity", catalog().values(), ids=lambda entity: entity.name)
WORDS = st.sampled_from([*catalog(), "crm_*", "*s", "crm.deal.list", "some.raw.list", "user.get", "?sers"])


def names(*words, exclude=()):
    """Resolve words to names."""
    return [entity.name for entity in resolve(words, exclude)]


@ENTITIES
def test_a_name_is_a_folder_and_a_method_is_lower_case(entity):
    """Names become folders on every system; the portal registers its methods in lower case (portal.md, 1)."""
    assert re.fullmatch(r"[a-z][a-z_]*", entity.name)
    assert re.fullmatch(r"[a-z]+(\.[a-z]+)+", entity.method)
    assert entity.title
    assert entity.scope


@ENTITIES
def test_what_is_read_by_ids_has_them(entity):
    """A keyset needs the key in the rows, and the name that conditions and order use."""
    if entity.paging == "keyset":
        assert entity.id
        assert entity.filter_id.upper() == entity.id.upper()
    assert entity.family in {"classic", "controller", "orm"}
    assert entity.paging in {"keyset", "next", "single"}
    assert entity.order in {"map", "scalar"}


@ENTITIES
def test_the_names_follow_the_dialect_of_the_family(entity):
    """Old methods write UPPER_SNAKE, crm.item.list camelCase, and both drop or refuse the other (crm-lists.md, 0)."""
    spelled = str.islower if entity.method in {"crm.item.list", "crm.type.list", "crm.category.list"} else str.isupper
    assert not entity.filter_id or spelled(entity.filter_id)
    assert not entity.rows or entity.family == "controller"
    assert entity.filter_key == ("FILTER" if entity.method == "user.get" else "filter")


@ENTITIES
def test_nothing_harmful_is_asked_for_by_itself(entity):
    """What a user may not select, the catalog does not select either."""
    assert {*entity.select}.isdisjoint(entity.unselectable)
    assert not entity.select or "*" in entity.select
    assert {*entity.requires}.isdisjoint(entity.params)


def test_entities_of_one_method_differ_in_their_parameters():
    """Otherwise they would be the same rows twice."""
    asked = [(entity.method, str(entity.params), entity.requires) for entity in catalog().values()]
    assert len(asked) == len(set(asked))


def test_entities_are_frozen():
    """The table is shared by all who read it."""
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        catalog()["deals"].id = "x"
    assert catalog() is catalog()


def test_a_filter_name_is_the_key_unless_said_otherwise():
    """tasks.task.list shows `id` and filters by `ID`."""
    assert ("id", "ID") == (catalog()["tasks"].id, catalog()["tasks"].filter_id)
    assert ("ID", "ID") == (catalog()["deals"].id, catalog()["deals"].filter_id)


def test_no_words_are_everything():
    """`b24x dump --to DIR`: all that the credentials may read."""
    assert list(catalog()) == names()


@pytest.mark.parametrize(("words", "expected"), [
    (["deals"], ["deals"]), (["deal?"], ["deals"]), (["[dl]ea[dl]s"], ["deals", "leads"]), (["companies", "deals"], ["deals", "companies"]),
    (["crm.deal.list"], ["deals"]), (["Crm.Deal.List"], ["deals"]), (["user.get"], ["users"]), (["crm.item.list"], ["crm_items"]),
    (["some.Raw.list"], ["some_raw_list"]), (["z.list", "deals", "a.list"], ["deals", "z_list", "a_list"]),
    (["deals", "crm.deal.list", "d*s"], ["deals", "departments"]),
])
def test_a_word_is_a_name_a_glob_or_a_method(words, expected):
    """In the catalog's order, each once; what the catalog does not know comes last, as it was typed."""
    assert expected == names(*words)


@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(st.sampled_from(["deals", "crm_*"]), max_size=2))
def test_each_entity_comes_once_whatever_is_typed(words, exclude):
    """One folder each: twice the same entity would be twice the same rows in it."""
    found = names(*words, exclude=exclude)
    assert len(found) == len(set(found))
    assert set(found) <= set(names(*words))
    assert set(names(*words)) == set(names(*reversed(words)))


@pytest.mark.parametrize(("exclude", "left"), [(["crm_*"], ["deals"]), (["deals", "crm_*"], [])])
def test_globs_exclude_names(exclude, left):
    """Exclusion wins over being named."""
    assert left == names("deals", "crm_activities", exclude=exclude)


@pytest.mark.parametrize("glob", ["DEALS", "nosuch", "[z"])
def test_a_glob_that_leaves_nothing_out_is_refused(glob):
    """A slip in it would dump what was to be left out."""
    with pytest.raises(UsageError, match="leaves out nothing"):
        names("deals", exclude=[glob])


def test_whoever_writes_a_glob_names_nothing():
    """What needs a parameter is skipped then, as if nobody had named it; a name beside the glob is one."""
    assert {"crm_items", "crm_types"} <= globbed(["crm_*"])
    assert "crm_items" not in globbed(["crm_*", "crm_items"])
    assert not globbed(["deals"])


@pytest.mark.parametrize(("word", "hint"), [
    ("deal", "deals"), ("DEALS", "deals"), ("contakts", "contacts"), ("qqqq", "nothing comes near"), ("crm_x*", "nearest"), ("crm.*", "no entity"),
    ("crm..list", "no entity"), (".", "no entity"), ("a.b/../c", "no entity"), ("сделки.list", "no entity"), ("DEALS", "no entity"),
])
def test_a_word_that_fits_nothing_is_refused_with_the_nearest(word, hint):
    """And with the command that lists all."""
    with pytest.raises(UsageError, match=hint) as error:
        resolve([word])
    assert "b24x entities" in str(error.value)


def test_an_unknown_method_is_read_by_following_next():
    """Nothing is known of its ids: no keyset, no order; the folder is its name with dots as underscores."""
    entity = raw_method("some.Raw.list")
    assert isinstance(entity, Entity)
    assert ("some_raw_list", "some.Raw.list", "next", "", "") == (entity.name, entity.method, entity.paging, entity.id, entity.filter_id)


@pytest.mark.parametrize("words", [["sonet_group.get", "sonet.group.get"], ["crm_activities", "crm.activities"]])
def test_two_methods_of_one_folder_are_refused(words):
    """The rows of one would take the place of the other's."""
    with pytest.raises(UsageError, match="would share the folder"):
        resolve(words)


@ENTITIES
def test_what_is_read_changes_nothing(entity):
    """No method of the catalog writes, and all of them may be sent."""
    assert not writes(entity.method)
    assert may_send(entity.method, {})


@pytest.mark.parametrize(("method", "params", "sent"), [
    ("event.bind", {"event": "ONCRMDEALADD"}, True), ("event.unbind", {}, False), ("event.get", {}, True), ("event.offline.list", {}, True),
    ("event.offline.get", {"clear": 0}, True), ("event.offline.get", {"clear": 1}, False), ("event.offline.get", {}, False),
    ("event.offline.clear", {"process_id": "x", "id": [5]}, True), ("event.offline.clear", {"process_id": "x", "id": []}, False),
    ("event.offline.clear", {"process_id": "x"}, False), ("event.offline.clear", {"id": [5]}, False),
    ("event.offline.clear", {"process_id": "x", "id": [5], "message_id": ["y"]}, False),
    ("event.offline.error", {}, False), ("crm.deal.update", {}, False), ("CRM.Deal.Delete", {}, False), ("crm.deal.list", {}, True),
])
def test_what_leaves_changes_no_row(method, params, sent):
    """Of all that writes, only the binding of events and the clearing of those that are named; they are taken so that they stay."""
    assert sent == may_send(method, params)
    if method in {"event.bind", "event.offline.get", "event.offline.clear"}:
        with pytest.raises(UsageError, match="only reads"):
            resolve([method])
