"""One run of one order: the folder, the question, the verdict."""

import asyncio
import errno
import io
from dataclasses import replace

import orjson
import pytest

from extractor.catalog import raw_method
from extractor.checkpoint import CheckpointFile
from extractor.config import settings
from extractor.dump import Dump
from extractor.errors import DiskError, Unreachable, UsageError
from extractor.events import ObserverFailed, RowsLanded, RunBegan, RunEnded, Stopping
from extractor.order import Order
from extractor.question import Question
from extractor.report import lines as told
from extractor.sandbox.answer import Session
from extractor.sandbox.faults import at, refused
from extractor.sandbox.methods.classic import listed
from extractor.sinks import NdjsonSink, lines
from extractor.transport import HttpResponse
from tests.trials import CODE, HOST, SCOPES, Trial


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def trial(tmp_path):
    """Make a trial with a folder of its own."""
    return lambda **settings: Trial(tmp_path / "out", **settings)


async def test_a_stream_instead_of_a_folder(trial):
    """With a stream the rows go there, a line each; nothing is written to disk."""
    world, stream = trial(), io.BytesIO()
    order = world.order("deals", stream=stream)
    outcome = await Dump(Order(order.questions, stream=stream), world.settings(), world.line).run()
    ids = sorted(int(orjson.loads(line)["ID"]) for line in stream.getvalue().splitlines())
    assert (0, listed(world.world, "crm.deal.list")) == (outcome.exit_code, ids)
    assert not world.folder.exists()
    assert ["-"] == [file["path"] for file in outcome.manifest["entities"]["deals"]["files"]]


async def test_requests_that_the_portal_refuses_for_their_rate_are_counted(trial):
    """The report says how many, as the run took longer for them."""
    world = trial(rows={"deals": 500}, faults=at(dict.fromkeys((1, 2), refused(503, "QUERY_LIMIT_EXCEEDED"))))
    outcome = await world.run("deals")
    assert (0, 2, 2) == (outcome.exit_code, outcome.refused, world.line.statuses[503])


async def test_a_method_that_the_catalog_does_not_know(trial):
    """A raw method is read by following `next`, lands in a folder of its name, and is best effort, said in a sentence."""
    world = trial(rows={"quotes": 130})
    order = Order([Question(raw_method("crm.quote.list"))], folder=world.folder)
    outcome = await Dump(order, world.settings(), world.line).run()
    entry = outcome.manifest["entities"]["crm_quote_list"]
    assert (0, "complete", "best-effort", 130) == (outcome.exit_code, entry["status"], entry["assurance"], entry["rows"])
    assert "could be missing" in entry["reason"]
    assert (world.folder / "crm_quote_list/part-00000.ndjson").is_file()


async def test_an_entity_that_lacks_a_parameter(trial):
    """An entity that needs a parameter is refused with the option to give it if it was named, and skipped if not."""
    world = trial()
    with pytest.raises(UsageError, match="--param entityTypeId="):
        await world.run("crm_items", "currencies")
    outcome = await world.run("crm_items", "currencies", named=False, folder=world.folder / "unnamed")
    entry = outcome.manifest["entities"]["crm_items"]
    assert (0, "skipped", "complete") == (outcome.exit_code, entry["status"], outcome.manifest["status"])
    assert "--param entityTypeId=" in entry["reason"]


async def test_what_was_given_up_is_tried_again(trial):
    """The same command tries again what an earlier run gave up, and lets alone what is complete."""
    world = trial()
    tasks = world.portal._desk.methods.pop("tasks.task.list")
    first = await world.run("deals", "tasks")
    before = world.rows("deals")
    world.portal._desk.methods["tasks.task.list"] = tasks
    second = await world.run("deals", "tasks")
    assert (4, 0) == (first.exit_code, second.exit_code)
    assert list(world.world.tables["tasks"].ids) == world.ids("tasks")
    assert before == world.rows("deals")


async def test_the_manifest_during_a_run(trial):
    """While a run is under way the folder's manifest says so: partial, with a reason, and no end."""
    world, seen = trial(rows={"deals": 3_000}), []

    def look(event):
        if isinstance(event, RowsLanded):
            seen.append(orjson.loads((world.folder / "manifest.json").read_bytes()))

    await world.run("deals", observers=[look])
    assert ("partial", None) == (seen[0]["status"], seen[0]["finished_at"])
    assert seen[0]["entities"]["deals"]["reason"]
    assert seen[0]["run_id"] == orjson.loads((world.folder / "manifest.json").read_bytes())["run_id"]


async def test_stopped_before_it_began(trial):
    """A stop that comes before the first row ends with its exit code, and the same command goes on."""
    world = trial(rows={"deals": 300})
    dump = world.dump("deals")
    dump.stop(130, "interrupted")
    assert (130, "interrupted; the same command goes on from here") == ((outcome := await dump.run()).exit_code, outcome.why)
    assert 0 == (await world.run("deals")).exit_code


async def test_a_damaged_checkpoint(trial):
    """A checkpoint that cannot be read is refused with what to do; nothing of the folder is changed."""
    world = trial(rows={"deals": 300})
    await world.run("deals")
    (world.folder / ".b24x/checkpoint.json").write_text("{")
    with pytest.raises(UsageError, match="choose another folder"):
        await world.run("deals")
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_a_file_that_somebody_changed(trial):
    """Rows that are not as the last run left them are not gone on with."""
    world = trial(rows={"deals": 20_000}, latency=0.5)
    await world.run("deals", max_seconds=2.5)
    path = world.folder / "deals/part-00000.ndjson"
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(DiskError, match="changed by somebody else"):
        await world.run("deals")


async def test_another_portal(trial):
    """The rows of another portal are not mixed in."""
    world = trial(rows={"deals": 300})
    await world.run("deals")
    other = world.settings(webhook=f"http://127.0.0.1:81/rest/1/{CODE}/")
    with pytest.raises(UsageError, match="another question"):
        await world.dump("deals", limits=other).run()


async def test_a_stream_that_is_stopped(trial):
    """What has left through stdout cannot be gone on from, and nothing says that it can."""
    world, stream = trial(rows={"deals": 60_000}, latency=0.5), io.BytesIO()
    order = Order(world.order("deals").questions, stream=stream, max_seconds=2.0)
    outcome = await Dump(order, world.settings(), world.line).run()
    said = outcome.why + outcome.manifest["entities"]["deals"]["reason"]
    assert 5 == outcome.exit_code
    assert "goes on" not in said
    assert "nothing can go on from it" in said


async def test_refused_credentials_are_the_reason(trial):
    """Of an entity that the credentials ended, the manifest gives the portal's refusal as the reason, not an interruption."""
    world = trial()
    world.portal.credentials.webhooks.clear()
    outcome = await world.run("deals")
    reason = outcome.manifest["entities"]["deals"]["reason"]
    assert reason.startswith("INVALID_CREDENTIALS: ")
    assert "INTERRUPTED" not in reason
    shown = "\n".join([*told(outcome, world.settings()), outcome.why])
    assert 1 == shown.count(reason.partition(": ")[2])


async def test_nothing_is_assured_of_what_was_skipped(trial):
    """An entity of which nothing was read is neither exact nor anything else."""
    world = trial()
    outcome = await world.run("crm_items", "currencies", named=False)
    entities = outcome.manifest["entities"]
    assert (None, "exact") == (entities["crm_items"]["assurance"], entities["currencies"]["assurance"])


async def test_a_run_says_when_it_begins_and_ends(trial):
    """The first event says what is asked of whom, the last one how it ended; a stop is one, too."""
    world, events = trial(rows={"deals": 60_000}, latency=0.5), []
    outcome = await world.run("deals", max_seconds=2.0, observers=[events.append])
    assert RunBegan("127.0.0.1", ("deals",)) == events[0]
    assert isinstance(events[-1], RunEnded)
    assert (5, outcome.why, "partial") == (events[-1].exit_code, events[-1].why, events[-1].status)
    assert [Stopping("--max-minutes are over")] == [event for event in events if isinstance(event, Stopping)]


@pytest.mark.parametrize("place", range(1, 30, 4))
async def test_memory_that_runs_out_between_a_cursor_and_its_rows(trial, monkeypatch, place):
    """The cursor has moved, its rows came to nothing: that is not committed, and the next run has them all."""
    world, calls = trial(rows={"deals": 3_000}, latency=0.5), []

    def encode(rows):
        calls.append(rows)
        if len(calls) == place:
            raise MemoryError
        return lines.encode(rows)

    monkeypatch.setattr("extractor.sinks.ndjson.encode", encode)
    assert 1 == (await world.run("deals", paging="keyset")).exit_code
    assert 0 == (await world.run("deals", paging="keyset")).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_an_observer_that_fails_costs_no_row(trial):
    """It is told nothing more, the others are told so once, and the run ends as without it."""
    world, told = trial(), []
    assert 0 == (await world.run("deals", observers=[lambda _event: 1 / 0, told.append])).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")
    assert 1 == len([event for event in told if isinstance(event, ObserverFailed)])


async def test_a_bug_leaves_a_folder_to_go_on_with(trial):
    """A mistake of ours ends a run with code 1 and one sentence; what had come is committed, and the same command goes on."""
    world = trial(rows={"deals": 60_000}, latency=0.8)
    inner = world.line.post

    async def mistaken(*request):
        return await inner(*request) if world.line.requests < 20 else 1 / 0

    world.line.post = mistaken
    outcome = await world.run("deals")
    world.line.post = inner
    entry = outcome.manifest["entities"]["deals"]
    assert (1, True) == (outcome.exit_code, outcome.why.startswith("this is a bug in b24x: ZeroDivisionError"))
    assert 0 < entry["rows"]
    assert ("ZeroDivisionError", "partial", len(world.ids("deals"))) == (type(outcome.bug.__cause__).__name__, entry["status"], entry["rows"])
    assert 0 == (await world.run("deals")).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_what_seemed_empty_is_asked_again(trial):
    """Rights may have been given since: the same command looks again, however the first run came to its end."""
    world = trial(rows={"activities": 300}, session=Session(1, admin=False, scopes=SCOPES))
    world.world.turn(crm=False)
    inner = world.line.post

    async def ailing(*request):
        answer = await inner(*request)
        return replace(answer, status=502, body=b"<html>") if world.line.requests < 12 else answer

    world.line.post = ailing
    first = await world.run("crm_activities")
    world.line.post = inner
    world.world.turn(crm=True)
    assert ("complete", 0) == (first.manifest["entities"]["crm_activities"]["status"], first.manifest["entities"]["crm_activities"]["rows"]), first.why
    assert 0 == (await world.run("crm_activities")).exit_code
    assert list(world.world.tables["activities"].ids) == world.ids("crm_activities")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_gateway_that_refuses_everything_is_no_complete_dump(trial, status):
    """Nobody named an entity, so each may be skipped; all of them, at the portal's word, are no dump."""
    world = trial()

    async def gateway(_url, _body, _headers):
        return HttpResponse(status, {}, b'{"error":"Forbidden","error_description":"no"}')

    world.line.post = gateway
    outcome = await world.run("deals", "contacts", named=False)
    assert (4, "failed", True) == (outcome.exit_code, outcome.manifest["status"], "nothing could be read" in outcome.why)


async def test_a_folder_of_somebody_else_is_not_ours_after_a_run_that_came_to_nothing(trial):
    """A command that read nothing leaves its question behind, which binds nobody; what others have put beside it stays."""
    world = trial()
    (world.folder / "leads").mkdir(parents=True)
    (world.folder / "leads/part-00000.ndjson").write_text("mine")
    world.portal._desk.methods.pop("tasks.task.list")
    await world.run("tasks")
    with pytest.raises(UsageError, match="the folder holds leads"):
        await world.run("leads")
    assert "mine" == (world.folder / "leads/part-00000.ndjson").read_text()


async def test_a_folder_into_which_nothing_came_is_nobodys(trial):
    """The wrong user's number in the webhook was a slip: the same command with the right one needs no other folder."""
    world = trial(rows={"deals": 300})
    wrong = settings({"webhook": f"{HOST}/rest/7/{CODE}/"})
    assert 3 == (await world.run("deals", limits=wrong)).exit_code
    assert 0 == (await world.run("deals")).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_a_portal_that_goes_away_is_an_outage(trial):
    """It had answered: that is no mistake in the address, and running again goes on."""
    world = trial(rows={"deals": 20_000}, latency=0.5)
    inner = world.line.post

    async def gone(*request):
        if world.line.requests >= 5:
            raise Unreachable("the portal could not be reached: refused")
        return await inner(*request)

    world.line.post = gone
    outcome = await world.run("deals")
    world.line.post = inner
    assert (5, True) == (outcome.exit_code, "cannot be reached any more" in outcome.why)
    assert 0 == (await world.run("deals")).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


@pytest.mark.parametrize("by", ["move", "link"])
async def test_a_folder_that_is_moved_away_is_not_written_to_by_name(trial, by):
    """Another run may have begun in its place: that one is whole, and the first ends with what has happened."""
    world = trial(rows={"deals": 9_000}, latency=0.8)
    base = world.folder.parent
    if by == "link":
        (base / "one").mkdir()
        (base / "two").mkdir()
        world.folder.symlink_to("one")
    first = asyncio.ensure_future(world.run("deals"))
    await asyncio.sleep(2.5)
    if by == "link":
        world.folder.unlink()
        world.folder.symlink_to("two")
    else:
        world.folder.rename(base / "old")
    second = await world.run("deals", filter={"STAGE_ID": "NEW"})
    assert (4, True) == ((await first).exit_code, "moved away" in (await first).why)
    said = orjson.loads((world.folder / "manifest.json").read_bytes())
    assert (0, "complete", second.manifest["run_id"]) == (second.exit_code, said["status"], said["run_id"])
    assert said["entities"]["deals"]["rows"] == len((world.folder / "deals/part-00000.ndjson").read_bytes().splitlines())


async def test_rows_of_two_users_are_not_mixed(trial):
    """What the first may not see no one would ask for again: another user's webhook is refused; another one of the same user is not."""
    world = trial(rows={"deals": 9_000}, latency=0.8)
    assert 5 == (await world.run("deals", max_seconds=1.5)).exit_code
    with pytest.raises(UsageError, match="what user 1 may see, and these credentials are user 7's"):
        await world.run("deals", limits=settings({"webhook": f"{HOST}/rest/7/0th3rc0d3/"}))
    world.portal.credentials.webhooks["n3wc0d3"] = world.portal.credentials.webhooks[CODE]
    assert 0 == (await world.run("deals", limits=settings({"webhook": f"{HOST}/rest/1/n3wc0d3/"}))).exit_code
    assert listed(world.world, "crm.deal.list") == world.ids("deals")


async def test_what_no_disk_took_is_not_complete(trial, monkeypatch):
    """Entities that had come to their end when the disk was full have no rows, and nothing says that they are complete."""
    def full(_sink):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(NdjsonSink, "_sync", full)
    outcome = await trial(rows={"deals": 3_000, "users": 40}, latency=0.3).run("deals", "users")
    assert 5 == outcome.exit_code
    assert {("partial", 0, None)} == {(entry["status"], entry["rows"], entry["assurance"]) for entry in outcome.manifest["entities"].values()}


async def test_a_stop_while_files_are_compared_is_no_comparison(trial):
    """A complete folder whose file is damaged is not said to be complete by a run that was stopped before it looked."""
    world = trial(rows={"deals": 300})
    await world.run("deals")
    path = world.folder / "deals/part-00000.ndjson"
    path.write_bytes(path.read_bytes()[:1_000])
    dump = world.dump("deals")
    dump.stop(143, "terminated")
    assert 143 == (await dump.run()).exit_code


async def test_nothing_is_left_of_a_question_that_came_to_nothing(trial, monkeypatch):
    """A kill before the first commit leaves files that nothing vouches for; another question, which is taken then, removes them."""
    world, saves = trial(rows={"deals": 300, "contacts": 3_000}), []
    whole = CheckpointFile.save

    def dying(file, saved):
        saves.append(saved)
        if len(saves) == 2:
            raise Killed
        whole(file, saved)

    with monkeypatch.context() as patched:
        patched.setattr(CheckpointFile, "save", dying)
        with pytest.raises(Killed):
            await world.run("contacts", "deals")
    torn = world.folder / "contacts/part-00000.ndjson"
    torn.write_bytes(b'{"ID":"1"}\n{"ID"')
    assert 0 == (await world.run("deals")).exit_code
    assert not torn.exists()
