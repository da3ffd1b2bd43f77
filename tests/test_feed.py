"""What a sync with events promises: what the portal tells of is in the mirror after the night, and no event is lost by whatever ends one."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace

import orjson
import pytest

from extractor import offline
from extractor.errors import ConnectionLost, PortalMoved, UsageError
from extractor.known import Known
from extractor.sandbox.answer import Method, Session
from extractor.sandbox.methods import events
from extractor.sandbox.queue import LIFETIME
from tests.mirrors import SAME, Nights
from tests.thorough import thorough
from tests.trials import CLIENT, SCOPES

DEALS = {"ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMDEALMOVETOCATEGORY"}
EVENTS_OF = Session(1, admin=True, application=CLIENT)


class Killed(BaseException):
    """The process is gone."""


async def killed(night):
    """Let a night be killed: alone, or in a group of the engine's."""
    with pytest.raises(BaseException, match=r"cut|unhandled") as ended:
        await night
    assert ended.type is Killed or ended.value.subgroup(Killed)


class Wire:
    """The network between, which may be cut: `before` or after the n-th request that names a method, by whatever is raised."""

    def __init__(self, line):
        self.line, self.method, self.nth, self.before, self.fault, self.bodies = line, "", 0, True, None, []

    def cut(self, method, nth=1, *, before, fault=Killed):
        """Cut it."""
        self.method, self.nth, self.before, self.fault = method, nth, before, fault

    async def post(self, url, body, headers):
        """Carry one request."""
        self.bodies.append(text := url + " " + body.decode())
        self.nth -= strikes if (strikes := self.method in text) else 0
        strikes = strikes and self.nth == 0 and self.fault is not None
        if strikes and self.before:
            raise self.fault("cut")
        answer = await self.line.post(url, body, headers)
        if strikes:
            raise self.fault("cut")
        return answer


class Fed(Nights):
    """A mirror that is fed by events, without any sweep."""

    def __init__(self, tmp_path, *names, **trial):
        """Authorise an application."""
        super().__init__(tmp_path / "out", *names, deletes=False, **trial)
        self.options["events"] = True
        self.settings = self.trial.application(tmp_path / "tokens.json")
        self.trial.line = self.wire = Wire(self.trial.line)

    @property
    def queue(self):
        """Name the events that wait, free or reserved."""
        return [(one.name, one.data["FIELDS"]["ID"]) for one in self.trial.world.queue.rows]

    def events(self, method, **params):
        """Call a method of events as the application does."""
        return events.METHODS[method].run(self.trial.world, params, None, EVENTS_OF).result

    def tombstones(self, name):
        """List the ids that the mirror says are gone."""
        lines = [line for path in sorted((self.trial.folder / name).glob("deletes-*")) for line in path.read_bytes().splitlines()]
        return [int(orjson.loads(line)["ID"]) for line in lines]

    def live(self):
        """Let a day happen: rows are added, changed with a stamp and without, deleted, and one that was deleted is restored."""
        ids = list(self.tables["deals"].ids)
        self.happen("insert", "deals", count=3)
        self.happen("change", "deals", *ids[5:8])
        self.happen("change", "deals", *ids[20:24], stamp=False)
        self.happen("delete", "deals", *ids[40:43], ids[100])
        self.happen("insert", "deals", ids[100])
        return ids


@pytest.fixture
def fed(tmp_path):
    """Make a mirror of deals in which an application has its events, and that has been read once."""
    async def make(**trial):
        world = Fed(tmp_path, "deals", **{"rows": {"deals": 700}, **trial})
        await world.night()
        return world

    return make


async def test_a_webhook_is_refused(tmp_path):
    """In one sentence, before anything is asked."""
    world = Nights(tmp_path / "out", "deals")
    with pytest.raises(UsageError, match="--events needs an application"):
        world.sync(events=True)
    assert (0, False) == (world.trial.line.requests, (tmp_path / "out").exists())


async def test_the_first_night_binds(fed):
    """The events of what is asked for, once; what is lost of them, as after an update of the application, is bound again."""
    world = await fed()
    assert {(CLIENT, name, "") for name in DEALS} == set(world.trial.world.queue.bound)
    world.events("event.unbind", event="ONCRMDEALDELETE", event_type="offline")
    outcome = await world.night()
    assert {(CLIENT, name, "") for name in DEALS} == set(world.trial.world.queue.bound)
    assert (0, None) == (outcome.exit_code, outcome.manifest["events"]["note"])


async def test_what_events_tell_needs_no_sweep(fed):
    """Changes without a stamp and deletions are in the mirror after the night; the queue is empty, and what it cost is said."""
    world = await fed()
    ids = world.live()
    count = len(world.queue)
    outcome = await world.night()
    assert SAME == await world.differences("deals")
    assert ids[40:43] == world.tombstones("deals")
    assert [] == world.queue
    said = outcome.manifest["events"]
    assert {"taken": count, "cleared": count, "note": None} == {key: said[key] for key in ("taken", "cleared", "note")}
    assert said["requests"] <= 5
    assert 11 == outcome.manifest["entities"]["deals"]["lanes"]["events"]["rows"]
    assert 11 == outcome.manifest["entities"]["deals"]["written"]


async def test_without_events_it_would_have_been_missed(fed):
    """The same day, and nobody told: so it is the events that the test above holds for."""
    world = await fed()
    ids = world.live()
    await world.night(events=False)
    assert ([], [str(one) for one in ids[40:43]], sorted(str(one) for one in ids[20:24])) == await world.differences("deals")


async def test_a_night_without_events_writes_nothing_and_costs_little(fed):
    """No line, and three requests more than without them."""
    world = await fed()
    outcome = await world.night()
    assert (0, 0, 0) == (outcome.manifest["entities"]["deals"]["written"], *(outcome.manifest["events"][key] for key in ("taken", "cleared")))
    assert 3 == outcome.manifest["events"]["requests"]


async def test_events_of_what_has_not_changed_write_nothing(fed):
    """A row that is on disk as it is, is not written again, however often events name it."""
    world = await fed()
    deal = world.tables["deals"].ids.last
    for name in DEALS:
        world.trial.world.queue.fire(name, {"FIELDS": {"ID": deal}}, world.trial.world.now)
    outcome = await world.night()
    assert (4, 4, 0, 0) == (*(outcome.manifest["events"][key] for key in ("taken", "cleared")),
                            *(outcome.manifest["entities"]["deals"][key] for key in ("written", "gone")))


async def test_a_restored_row_leaves_no_tombstone(fed):
    """Its deletion is still queued, and nothing else: the word of an event is not taken, the portal is asked."""
    world = await fed()
    deal = list(world.tables["deals"].ids)[50]
    world.trial.world.queue.fire("ONCRMDEALDELETE", {"FIELDS": {"ID": deal}}, world.trial.world.now)
    assert 0 == (await world.night()).exit_code
    assert [] == world.tombstones("deals") == world.queue
    assert SAME == await world.differences("deals")


async def test_what_the_portal_hides_stays_hidden(fed):
    """To ask for a deal by a list of ids lifts a condition that the portal adds to all other lists: templates do not come in that way."""
    world = await fed(rows={"deals": 3_000})
    template = next(one for one in world.tables["deals"].ids if world.tables["deals"].raw("IS_RECURRING")(one) == "Y")
    world.happen("change", "deals", template)
    await world.night()
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize(("method", "nth", "before"), [
    ("server.time", 1, True), ("event.offline.get", 1, True), ("event.offline.get", 1, False), ("event.get", 1, False),
    ("crm.deal.list", 1, True), ("crm.deal.list", 1, False), ("crm.deal.list", 2, False),
    ("event.offline.clear", 1, True), ("event.offline.clear", 1, False),
])
async def test_a_night_that_is_killed_loses_no_event(fed, method, nth, before):
    """Before or after any of its requests: the next one brings the mirror into step, and the queue is empty behind it."""
    world = await fed()
    ids = world.live()
    world.wire.cut(method, nth, before=before)
    await killed(world.night())
    outcome = await world.night()
    assert (0, None) == (outcome.exit_code, outcome.manifest["events"]["note"])
    assert SAME == await world.differences("deals")
    assert [] == world.queue
    assert ids[40:43] == world.tombstones("deals")


@pytest.mark.parametrize("saved", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_night_that_is_killed_at_a_commit_loses_no_event(fed, monkeypatch, nth, saved):
    """Before it stands, and as soon as it does."""
    world = await fed()
    ids = world.live()
    whole, count = Known.commit, 0

    def commit(self, state):
        nonlocal count
        count += 1
        if saved or count < nth:
            whole(self, state)
        if count == nth:
            raise Killed("cut")

    with monkeypatch.context() as patched:
        patched.setattr(Known, "commit", commit)
        await killed(world.night())
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")
    assert [] == world.queue
    assert ids[40:43] == world.tombstones("deals")


async def test_a_lost_answer_is_found_the_same_night(fed):
    """What was reserved by a request whose answer never came is listed, and taken over."""
    world = await fed()
    world.live()
    world.wire.cut("event.offline.get", before=False, fault=ConnectionLost)
    outcome = await world.night()
    assert (0, None) == (outcome.exit_code, outcome.manifest["events"]["note"])
    assert SAME == await world.differences("deals")
    assert [] == world.queue


async def test_what_could_not_be_cleared_comes_again(fed):
    """The night is none the worse for it, says it, and the next one does nothing with it but clear it."""
    world = await fed()
    world.live()
    world.trial.portal._desk.methods["event.offline.clear"], whole = (
        world.trial.portal._desk.methods["method.get"].__class__("none", lambda *_: None), world.trial.portal._desk.methods["event.offline.clear"])
    outcome = await world.night()
    assert (0, 0, True) == (outcome.exit_code, outcome.manifest["events"]["cleared"], "come again" in outcome.manifest["events"]["note"])
    assert SAME == await world.differences("deals")
    world.trial.portal._desk.methods["event.offline.clear"] = whole
    outcome = await world.night()
    assert (0, 0) == tuple(outcome.manifest["entities"]["deals"][key] for key in ("written", "gone"))
    assert [] == world.queue


async def test_a_portal_that_goes_away_at_the_end(fed):
    """What was committed stands, though it cannot be cleared any more, and that is said."""
    world = await fed()
    world.live()
    world.wire.cut("event.offline.clear", before=True, fault=PortalMoved)
    outcome = await world.night()
    assert (0, 0, True) == (outcome.exit_code, outcome.manifest["events"]["cleared"], "come again" in outcome.manifest["events"]["note"])
    assert 0 == (await world.night()).exit_code
    assert [] == world.queue


async def test_an_application_that_nobody_lets_in(fed):
    """Its tokens are dead when the night has been committed: that is the night's note, not its end."""
    world = await fed(oauth={"lifetime": 60})
    world.live()
    whole = Known.commit

    def commit(self, state):
        whole(self, state)
        if b'"night":null' in state:
            world.trial.authority.revoke(CLIENT)
            world.trial.portal.credentials.tokens.clear()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Known, "commit", commit)
        outcome = await world.night()
    assert (0, 0, True) == (outcome.exit_code, outcome.manifest["events"]["cleared"], "come again" in outcome.manifest["events"]["note"])
    assert SAME == await world.differences("deals")


async def test_an_event_that_there_is_not(tmp_path, monkeypatch):
    """An older portal may lack one: it is named, and the others are bound."""
    monkeypatch.setattr(events, "NAMES", events.NAMES - {"ONCRMDEALMOVETOCATEGORY"})
    world = Fed(tmp_path, "deals", rows={"deals": 20})
    outcome = await world.night()
    note = outcome.manifest["events"]["note"]
    assert (0, True) == (outcome.exit_code, note.startswith("ERROR_EVENT_NOT_FOUND") and note.endswith("the first is ONCRMDEALMOVETOCATEGORY"))
    assert DEALS - {"ONCRMDEALMOVETOCATEGORY"} == {name for _, name, _ in world.trial.world.queue.bound}


async def test_events_that_say_no_id_stay_and_are_said(fed):
    """Nobody can tell what they are about."""
    world = await fed()
    world.trial.world.queue.fire("ONCRMDEALUPDATE", {"FIELDS": {"ID": "?"}}, world.trial.world.now)
    outcome = await world.night()
    assert outcome.manifest["events"]["note"].startswith("UNREADABLE: 1 ")
    assert 1 == len(world.queue)


async def test_a_tariff_that_keeps_no_events(fed):
    """It is said in one sentence, the night goes on without them, and nothing is taken out of the queue."""
    world = await fed()
    world.trial.world.turn(extended=False)
    world.live()
    before = world.queue
    outcome = await world.night()
    assert (0, "complete") == (outcome.exit_code, outcome.manifest["entities"]["deals"]["status"])
    assert outcome.manifest["events"]["note"].startswith("WRONG_LICENSE: ")
    assert before == world.queue
    assert {""} == {one.process for one in world.trial.world.queue.rows}


async def test_without_the_feature_nothing_is_bound(tmp_path):
    """A queue that nobody will read is not begun."""
    world = Fed(tmp_path, "deals", rows={"deals": 20})
    world.trial.world.turn(extended=False)
    assert 0 == (await world.night()).exit_code
    assert {} == world.trial.world.queue.bound


async def test_somebody_who_is_no_administrator(tmp_path):
    """The queue is not theirs: said, and the night goes on."""
    world = Fed(tmp_path, "deals", rows={"deals": 20}, session=Session(1, admin=False, scopes=SCOPES))
    outcome = await world.night()
    assert 0 == outcome.exit_code
    assert "ACCESS_DENIED" in outcome.manifest["events"]["note"]


async def test_events_of_what_is_not_asked_for_tonight_stay(fed):
    """A night of contacts alone leaves those of deals to the next one of deals; what an entity that failed was told stays, too."""
    world = await fed(rows={"deals": 700, "contacts": 600})
    await world.night("contacts")
    world.live()
    world.happen("delete", "contacts", *list(world.tables["contacts"].ids)[7:9])
    await world.night("contacts")
    assert SAME == await world.differences("contacts")
    assert DEALS >= {name for name, _ in world.queue}
    await world.night("deals", "contacts")
    assert SAME == await world.differences("deals")
    assert [] == world.queue


async def test_an_entity_that_fails_keeps_its_events(fed):
    """It stands where it stood, and is told again when it can be read."""
    world = await fed()
    world.live()
    waiting = sorted(world.queue)
    methods = world.trial.portal._desk.methods
    whole = methods["crm.deal.list"]
    methods["crm.deal.list"] = type(whole)("none", whole.run)
    assert 4 == (await world.night()).exit_code
    assert waiting == sorted(world.queue)
    methods["crm.deal.list"] = whole
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")
    assert [] == world.queue


@pytest.mark.parametrize("method", ["event.get", *thorough("crm.deal.list")])
async def test_many_events_are_taken_in_portions(fed, method):
    """Thousands of rows in the queue, left reserved by a night that was killed before or after it noted them: all are taken in few requests."""
    world = await fed(rows={"deals": 5_000})
    ids = list(world.tables["deals"].ids)
    world.happen("change", "deals", *ids[:3_000], stamp=False)
    world.happen("delete", "deals", *ids[3_000:3_200])
    world.wire.cut(method, before=True)
    await killed(world.night())
    requests = world.trial.line.line.requests
    outcome = await world.night()
    assert SAME == await world.differences("deals")
    assert [] == world.queue
    assert 3_200 == outcome.manifest["events"]["cleared"]
    assert world.trial.line.line.requests - requests < 60


async def test_a_night_that_is_stopped_clears_nothing(fed):
    """It is under way; the next run finishes it as it began, asks for no row that no event names, and clears behind it."""
    world = await fed(rows={"deals": 40_000, "leads": 600})
    await world.night("deals", "leads")
    ids = list(world.tables["deals"].ids)
    world.happen("delete", "deals", *ids[40:43])
    world.happen("delete", "leads", *list(world.tables["leads"].ids)[3:5])
    outcome = await world.night("deals", "leads", max_seconds=3, full_every=dt.timedelta())
    assert (5, 5, 0) == (outcome.exit_code, *(outcome.manifest["events"][key] for key in ("taken", "cleared")))
    statuses = {name: entry["status"] for name, entry in outcome.manifest["entities"].items()}
    assert {"deals": "partial", "leads": "partial"} == statuses  # what seems gone of leads has not been asked for again
    outcome = await world.night("deals", "leads", full_every=None)
    assert (0, 5) == (outcome.exit_code, outcome.manifest["events"]["cleared"])
    assert SAME == await world.differences("deals") == await world.differences("leads")
    assert [] == world.queue


async def test_a_night_that_is_left_for_another_question_loses_no_event(fed):
    """It ended in the middle, with one entity through: that had not been committed as such, so its events are told again."""
    world = await fed(rows={"deals": 60_000, "leads": 600})
    await world.night("deals", "leads")
    world.happen("delete", "leads", *list(world.tables["leads"].ids)[3:5])
    world.wire.cut("crm.deal.list", 26, before=True, fault=PortalMoved)
    outcome = await world.night("deals", "leads", full_every=dt.timedelta())
    assert (3, "complete", 0) == (outcome.exit_code, outcome.manifest["entities"]["leads"]["status"], outcome.manifest["events"]["cleared"])
    outcome = await world.night("leads")
    assert (0, 2) == (outcome.exit_code, outcome.manifest["events"]["cleared"])
    assert SAME == await world.differences("leads")
    assert [] == world.queue


async def test_smart_processes_and_tasks_are_told_of(tmp_path):
    """Their events have payloads of their own, and their lists another dialect."""
    world = Fed(tmp_path, "tasks", "smart_invoices", rows={"tasks": 700, "items_31": 700})
    await world.night()
    for table in ("tasks", "items_31"):
        ids = list(world.tables[table].ids)
        world.happen("change", table, *ids[20:24], stamp=False)
        world.happen("delete", table, *ids[40:43])
    outcome = await world.night()
    assert SAME == await world.differences("smart_invoices")
    assert SAME == await world.differences("tasks")
    assert (14, 14, None) == tuple(outcome.manifest["events"][key] for key in ("taken", "cleared", "note"))


async def test_entities_without_events_are_said(tmp_path):
    """Nothing is bound or read for them."""
    world = Fed(tmp_path, "departments")
    outcome = await world.night()
    assert (0, 0, True) == (outcome.exit_code, outcome.manifest["events"]["requests"], outcome.manifest["events"]["note"].startswith("NO_EVENTS"))


async def test_events_are_read_with_clear_0_and_cleared_by_name(fed):
    """No request would let the portal drop what has not been committed, and none names a process without its rows."""
    world = await fed()
    world.live()
    await world.night()
    texts = [text for text in world.wire.bodies if "event.offline" in text]
    gets = [part for text in texts for part in text.split("event.offline.get")[1:]]
    assert gets
    assert [] == [part for part in gets if not part.startswith("?clear=0&")]
    clears = [text for text in texts if "event.offline.clear" in text]
    assert clears
    assert [] == [text for text in clears if '"id":[' not in text and "&id%5B" not in text and "&id[" not in text]


async def test_what_the_queue_has_dropped_is_found_by_the_sweep(fed):
    """After 34 days its rows go: nobody is told, and a sweep says it, as without events."""
    world = await fed()
    world.live()
    await asyncio.sleep(LIFETIME + 1)
    await world.night(deletes=True)
    assert [] == (await world.differences("deals"))[1]


def lying(world, method, result):
    """Let the portal answer a method with the same result whatever is asked, and return how often it was asked."""
    methods, asked = world.trial.portal._desk.methods, []
    whole = methods[method]

    def run(world, params, start, session):
        asked.append(params)
        assert len(asked) < 1_000, "it is asked for ever"
        return replace(whole.run(world, params, start, session), result=result)

    methods[method] = Method(whole.scope, run)
    return asked


@pytest.mark.parametrize("process", ["p", "q"])
@pytest.mark.parametrize("name", ["ONCRMDEALUPDATE", "ONCRMLEADADD"])
async def test_a_queue_that_shows_the_same_page_again_holds_nobody_up(fed, process, name):
    """Whatever `start` is, and whose events they are: the night ends, says so, and is what it is without what could not be read."""
    world = await fed()
    ids = world.live()
    rows = [{"ID": str(row), "PROCESS_ID": process, "EVENT_NAME": name, "EVENT_DATA": {"FIELDS": {"ID": str(ids[20])}}} for row in range(1, 51)]
    asked = lying(world, "event.offline.list", rows)
    outcome = await world.night()
    assert (0, True) == (outcome.exit_code, "REPEATED: " in outcome.manifest["events"]["note"])
    assert len(asked) <= 51
    assert SAME == await world.differences("deals")


async def test_a_queue_that_gives_the_same_events_again_holds_nobody_up(fed):
    """Each name is asked for more once."""
    world = await fed()
    world.live()
    row = {"EVENT_NAME": "ONCRMDEALUPDATE", "EVENT_DATA": {"FIELDS": {"ID": "5"}}}
    asked = lying(world, "event.offline.get", {"process_id": "p", "events": [{"ID": str(one), **row} for one in range(1, 1_001)]})
    outcome = await world.night(deletes=True, full_every=dt.timedelta())
    assert (0, True) == (outcome.exit_code, "REPEATED: " in outcome.manifest["events"]["note"])
    assert len(asked) <= 2 * len(DEALS)
    assert SAME == await world.differences("deals")


@pytest.mark.parametrize("left", [True, *thorough(False)], ids=["reserved", "free"])
async def test_what_is_held_of_a_queue_is_bounded(fed, monkeypatch, left):
    """A run takes so many rows of it, and says that there are more; the next ones go on with those."""
    monkeypatch.setattr(offline, "MOST", 1_000)
    world = await fed(rows={"deals": 5_000})
    world.happen("change", "deals", *list(world.tables["deals"].ids)[:4_500], stamp=False)
    if left:
        for _ in range(9):
            world.events("event.offline.get", clear=0, limit=500)
    outcome = await world.night()
    assert (0, True) == (outcome.exit_code, "MANY: " in outcome.manifest["events"]["note"])
    assert 1_000 <= outcome.manifest["events"]["taken"] < 3_600
    for _ in range(5):
        outcome = await world.night()
    assert (0, None) == (outcome.exit_code, outcome.manifest["events"]["note"])
    assert [] == world.queue
    assert SAME == await world.differences("deals")
