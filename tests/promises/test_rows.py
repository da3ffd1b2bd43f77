"""What comes is what the portal shows: every row, once, as it is."""

import gzip
from collections import Counter

import orjson
import pytest
import zstandard

from extractor import planner
from extractor.catalog import catalog
from extractor.decoder import page_of
from extractor.messages import Reply
from extractor.question import Question
from extractor.sandbox.methods.classic import listed

GIVEN = {
    "crm_items": {"entityTypeId": 128}, "crm_categories": {"entityTypeId": 2}, "stage_history": {"entityTypeId": 2},
    "crm_activity_bindings": {"activityId": 1},
}
BOUND_TO = [{"OWNER_TYPE_ID": 3}, {"OWNER_TYPE_ID": 4}]


def canonical(rows):
    """Return rows as a bag: equal if they hold equal rows equally often."""
    return Counter(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in rows)


async def test_every_activity_once(trial):
    """20,000 activities, with gaps in their ids, are on disk once each, and each line is the portal's own row."""
    world = trial(rows={"activities": 20_000})
    outcome = await world.run("crm_activities")
    assert (0, "complete") == (outcome.exit_code, outcome.manifest["status"])
    assert list(world.world.tables["activities"].ids) == world.ids("crm_activities")
    assert canonical(await world.shown("crm_activities")) == canonical(world.rows("crm_activities"))


@pytest.mark.parametrize("name", catalog())
async def test_every_entity(trial, name):
    """Each entity of the catalog is dumped exactly as the portal shows it."""
    world = trial(rows={"contacts": 400, "tasks": 333, "users": 222, "requisites": 444})
    params = GIVEN.get(name, {})
    if "activityId" in params:
        params = {"activityId": world.world.tables["activities"].ids[0]}
    shown = await world.shown(name, **params)
    outcome = await world.run(name, params=params)
    entry = outcome.manifest["entities"][name]
    assert (0, "complete", len(shown)) == (outcome.exit_code, entry["status"], entry["rows"])
    assert canonical(shown) == canonical(world.rows(name))


CHAINED = [name for name, entity in catalog().items() if entity.paging == "keyset" and not entity.counts_always]


@pytest.mark.parametrize("name", CHAINED)
async def test_every_entity_in_chains(trial, monkeypatch, name):
    """Pages that are asked for behind each other in one batch are the portal's own rows, too, in the dialect of every method."""
    monkeypatch.setattr(planner, "SMALL", 0)
    world = trial(rows={"contacts": 400, "tasks": 333, "users": 222, "requisites": 444})
    params = {"activityId": world.world.tables["activities"].ids[0]} if name == "crm_activity_bindings" else GIVEN.get(name, {})
    shown = await world.shown(name, **params)
    question = Question(catalog()[name], params=params)
    first, *others = [question.window(0, None), *[question.behind()] * 6]
    outcomes = await world.client().send([first, *others])
    assert all(isinstance(outcome, Reply) for outcome in outcomes), "a command that fails lets those behind it be charged too much"
    pages = [page_of(outcome, question.entity).rows for outcome in outcomes]
    last = next((place for place, page in enumerate(pages) if len(page) < 50), len(pages))
    came = [orjson.loads(row.text) for page in pages[: last + 1] for row in page]
    assert min(350, len(shown)) == len(came)
    assert canonical(shown[: len(came)]) == canonical(came)
    assert {1} >= {int(row[catalog()[name].id]) for page in pages[last + 1 :] for row in page}, "behind a page that is not full nothing is read"
    outcome = await world.run(name, params=params)
    assert (0, "complete") == (outcome.exit_code, outcome.manifest["status"])
    assert canonical(shown) == canonical(world.rows(name))


async def test_everything_in_one_run(trial):
    """Named by nobody, all entities come in one run; those that need a parameter are skipped, and the run is complete."""
    world = trial()
    outcome = await world.run(*catalog(), named=False)
    entities = outcome.manifest["entities"]
    skipped = {name for name, entry in entities.items() if entry["status"] == "skipped"}
    assert (0, "complete", set(GIVEN)) == (outcome.exit_code, outcome.manifest["status"], skipped)
    for name in entities.keys() - skipped:
        assert canonical(await world.shown(name)) == canonical(world.rows(name))


async def test_bindings_over_two_types(trial):
    """A BINDINGS filter over two types multiplies rows on the portal; on disk each activity is there once, and all are."""
    world = trial(rows={"activities": 3_000})
    expected = listed(world.world, "crm.activity.list", {"BINDINGS": BOUND_TO})
    outcome = await world.run("crm_activities", filter={"BINDINGS": BOUND_TO})
    assert 0 == outcome.exit_code
    assert 0 < len(expected) < 3_000
    assert sorted(expected) == world.ids("crm_activities")
    assert world.line.rows > len(expected)  # the portal did repeat rows


async def test_twins(trial):
    """Rows that a join of the portal yields twice are on disk once, and none goes missing behind them."""
    twins = {"contacts": frozenset(range(1, 900, 3))}
    world = trial(rows={"contacts": 2_000})
    world.world.turn(twins=twins)
    outcome = await world.run("contacts")
    assert 0 == outcome.exit_code
    assert listed(world.world, "crm.contact.list") == world.ids("contacts")


@pytest.mark.parametrize(("compress", "unpack"), [("gz", gzip.decompress), ("zst", None)])
async def test_compressed(trial, compress, unpack):
    """With --compress the same lines come, in one file that the format's own tools read whole."""
    world = trial(rows={"deals": 4_000})
    await world.run("deals", folder=world.folder / "plain")
    outcome = await world.run("deals", folder=world.folder / "packed", compress=compress)
    data = (world.folder / "packed" / "deals" / f"part-00000.ndjson.{compress}").read_bytes()
    text = unpack(data) if unpack else zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    assert 0 == outcome.exit_code
    assert Counter((world.folder / "plain/deals/part-00000.ndjson").read_bytes().splitlines()) == Counter(text.splitlines())
