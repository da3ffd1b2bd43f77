"""What `cli.questions` promises: words and options become questions, or one clear sentence."""

import re

import pytest

from extractor.cli.questions import questions
from extractor.config import File, Wishes
from extractor.errors import ConfigError, UsageError
from extractor.lanes import refuse_own_bounds


def test_options_go_to_the_one_entity_that_is_named():
    """Select, filter, parameters and paging are taken as they were given."""
    options = {"select": "ID, TITLE", "conditions": '{">ID": 5}', "params": ("a=1", "b=x", 'c={"d": true}'), "paging": "keyset"}
    (question,) = questions(["deals"], options, File())
    assert ("ID", "TITLE") == question.select
    assert {">ID": 5} == question.filter
    assert {"a": 1, "b": "x", "c": {"d": True}} == question.params
    assert "keyset" == question.paging


def test_a_select_may_be_json():
    """Names with commas cannot be, but a list that a script made is welcome."""
    assert ("ID", "UF_*") == questions(["deals"], {"select": '["ID", "UF_*"]'}, File())[0].select


@pytest.mark.parametrize(("option", "value", "says"), [
    ("select", "[1]", "--select is a list of names"),
    ("select", '["ID"', "--select is no JSON"),
    ("conditions", "{ID: 5}", "--filter is no JSON"),
    ("params", ("nonsense",), "--param is KEY=VALUE"),
    ("params", ("=1",), "--param is KEY=VALUE"),
])
def test_what_cannot_be_read_is_said(option, value, says):
    """One sentence names the option and its form."""
    with pytest.raises(UsageError, match=says):
        questions(["deals"], {option: value}, File())


def test_the_form_that_is_shown_is_one_for_every_command():
    """A sync takes no condition on ids, so the example has none."""
    with pytest.raises(UsageError) as caught:
        questions(["deals"], {"conditions": "nonsense"}, File())
    (question,) = questions(["deals"], {"conditions": re.search("'({.*})'", str(caught.value))[1]}, File())
    refuse_own_bounds(question)


def test_options_for_one_entity_need_one_entity():
    """A filter on several would fit one of them at best."""
    with pytest.raises(UsageError, match="--filter is for one named entity; here are 2"):
        questions(["deals", "leads"], {"conditions": "{}"}, File())


def test_the_file_speaks_for_several():
    """A table per entity in the configuration; options go before it."""
    file = File(entities={"deals": Wishes(select=("ID",)), "leads": Wishes(paging="offset")})
    deals, leads = questions(["deals", "leads"], {}, file)
    assert (("ID",), "offset") == (deals.select, leads.paging)
    assert ("TITLE",) == questions(["deals"], {"select": "TITLE"}, file)[0].select


@pytest.mark.parametrize(("file", "says"), [
    (File(entities={"dealz": Wishes()}), "no entity is called 'dealz'"),
])
def test_slips_of_the_pen_in_the_file_are_said(file, says):
    """A table for nothing would be obeyed by nobody; the file is blamed for it."""
    with pytest.raises(ConfigError, match=says):
        questions(["deals"], {}, file)


def test_excluding_everything_is_a_mistake():
    """A run of nothing would be complete, and useless."""
    with pytest.raises(UsageError, match="nothing is left to read"):
        questions(["deals"], {"exclude": ("*",)}, File())


def test_an_option_goes_before_the_same_key_of_the_file_and_no_other():
    """The file's filter stays when the command line chooses columns: without it the whole table would come back."""
    file = File(entities={"deals": Wishes(select=("ID", "TITLE"), filter={">ID": 5}, params={"a": 1}, paging="keyset")})
    (question,) = questions(["deals"], {"select": "ID", "params": ("b=2",)}, file)
    assert (("ID",), {">ID": 5}, {"a": 1, "b": 2}, "keyset") == (question.select, question.filter, question.params, question.paging)


@pytest.mark.parametrize(("name", "paging"), [("departments", "keyset"), ("departments", "offset"), ("currencies", "offset")])
def test_a_way_of_paging_that_an_entity_has_not_is_refused(name, paging):
    """Nothing that is asked for is left out in silence, in whichever place it was written."""
    with pytest.raises(UsageError, match=f"--paging: {name} is read "):
        questions([name], {"paging": paging}, File())
    with pytest.raises(UsageError, match=f"entities.{name}].*paging: {name} is read "):
        questions([], {}, File(entities={name: Wishes(paging=paging)}))
