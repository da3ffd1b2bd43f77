"""What the portal would drop in silence is refused before the first data call, and the message has the right spelling."""

import pytest

from extractor.errors import UsageError

DROPPED = {
    "pair without a type": ({"BINDINGS": [{"OWNER_ID": 5}]}, "OWNER_TYPE_ID"),
    "small letters": ({">id": 5}, "'>ID'"),
    "a range in one key": ({"><ID": [1, 9]}, '{">=ID": 1, "<=ID": 9}'),
    "a list": ([{">ID": 5}], '{">=ID": 5}'),
    "an empty list": ({"@ID": []}, "'@ID'"),
    "no date": ({">CREATED": "the day before"}, "2024-01-31T00:00:00+03:00"),
    "no such field": ({"OWNERTYPE": 3}, "OWNER_TYPE_ID"),
}


@pytest.mark.parametrize(("given", "spelling"), DROPPED.values(), ids=DROPPED)
async def test_dropped_conditions(trial, given, spelling):
    """A condition that would be dropped ends the run with exit code 2; no list is asked for, and nothing is written."""
    world = trial()
    with pytest.raises(UsageError) as refused:
        await world.run("crm_activities", filter=given)
    assert 2 == refused.value.exit_code
    assert spelling in str(refused.value)
    assert world.portal.statistics().calls <= 1  # the fields, at most
    assert not (world.folder / "manifest.json").exists()


@pytest.mark.parametrize("given", [
    {">ID": 5}, {">=ID": 5, "<ID": 250}, {"@ID": [5, 6, 7]}, {"OWNER_TYPE_ID": 3}, {">CREATED": "2021-01-01T00:00:00+03:00"},
], ids=str)
async def test_honest_conditions(trial, given):
    """A condition that the portal understands brings exactly the rows that the portal shows for it."""
    world = trial()
    outcome = await world.run("crm_activities", filter=given)
    shown = await world.shown("crm_activities", filter=given)
    assert 0 == outcome.exit_code
    assert 0 < len(shown) < 300
    assert sorted(int(row["ID"]) for row in shown) == world.ids("crm_activities")


@pytest.mark.parametrize(("select", "spelling"), [(("id", "SUBJECT"), "'ID'"), (("SUBJET",), "SUBJECT"), (("UF_*",), "UF_*")])
async def test_dropped_columns(trial, select, spelling):
    """A column that would be left out in silence is refused, too."""
    world = trial()
    with pytest.raises(UsageError) as refused:
        await world.run("crm_activities", select=select)
    assert spelling in str(refused.value)
    assert world.portal.statistics().calls <= 1


async def test_another_question_in_the_same_folder(trial):
    """A folder that holds another question's rows is refused, and left as it is."""
    world = trial()
    await world.run("crm_activities", filter={">ID": 5})
    before = (world.folder / "manifest.json").read_bytes()
    with pytest.raises(UsageError, match="another question"):
        await world.run("crm_activities", filter={">ID": 6})
    assert before == (world.folder / "manifest.json").read_bytes()
