"""The engine over a portal in memory: what it asks, when it commits, how it ends."""

import asyncio
import re
from collections import Counter
from dataclasses import replace

import pytest

from extractor.catalog import catalog
from extractor.client import Client
from extractor.committer import COMMIT_BYTES, COMMIT_SECONDS
from extractor.engine import LANDING_SECONDS, Engine
from extractor.entityrun import EntityRun
from extractor.errors import Bug, ConnectionLost, CredentialsRefused, DiskFull, Unreachable
from extractor.events import CallFailed, Committed, EntityEnded, RequestAnswered, RowsLanded, Waiting
from extractor.limits.memory import ANSWERS_BYTES
from extractor.limits.window import CEILING
from extractor.messages import FileMark
from extractor.paging.span import Span
from extractor.question import Question
from extractor.sandbox.answer import Answer, Method, Refusal
from extractor.sandbox.cost import CostModel
from extractor.sandbox.meter import Meter
from extractor.sandbox.methods.classic import listed
from tests.thorough import thorough
from tests.trials import Trial


class Shelf:
    """A sink in memory that can be full; `log` is what happened to all shelves and to the checkpoint, in order."""

    def __init__(self, log, room=10**9):
        self.log, self.room, self.rows, self.mark = log, room, [], FileMark("-", 0, 0, "")

    def append(self, rows):
        """Take rows while there is room."""
        if len(self.rows) + len(rows) > self.room:
            raise DiskFull("no room")
        self.rows += rows
        return 1_000 * len(rows)

    def commit(self):
        """Remember how many there are."""
        self.mark = FileMark("-", len(self.rows), 0, "")
        self.log.append("commit")

    def close(self):
        """Do nothing."""


class Bench:
    """An engine over a trial's portal, with shelves instead of files."""

    def __init__(self, folder, *names, room=10**9, spans=None, observers=(), limits=None, **portal):
        self.trial, self.log, self.events = Trial(folder, **portal), [], []
        settings = self.trial.settings(**(limits or {}))
        self.client = Client(self.trial.line, settings.credentials, settings.rate())
        self.engine = Engine(self.client, settings.limits(), save=self.save, observers=[self.events.append, *observers])
        self.runs = {name: EntityRun(Question(catalog()[name]), named=True, open_sink=lambda: Shelf(self.log, room)) for name in names}
        for run in self.runs.values():
            self.engine.add(run, spans)

    def save(self):
        """Note when the checkpoint is saved, and what it vouches for."""
        rows = sum(run.saved().rows for run in self.runs.values())
        return lambda: self.log.append(rows)

    def ids(self, name):
        """List the ids that came, ascending."""
        return sorted(int(row["ID"]) for row in self.runs[name].sink.rows)

    def seen(self, kind):
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def bench(tmp_path):
    """Make benches: `bench("deals", rows={...})`."""
    return lambda *names, **settings: Bench(tmp_path, *names, **settings)


async def test_it_reads_to_the_end(bench):
    """It ends when nothing is left and nothing is under way; every entity has all its rows, and is complete."""
    one = bench("deals", "contacts", rows={"deals": 3_000, "contacts": 700})
    await one.engine.run()
    assert {"complete"} == {run.status for run in one.runs.values()}
    assert listed(one.trial.world, "crm.deal.list") == one.ids("deals")
    assert listed(one.trial.world, "crm.contact.list") == one.ids("contacts")


async def test_no_span_is_split_while_an_answer_waits_to_be_taken_in(bench):
    """Answers that come together make their spans ready one after another: the next request waits for that, and needs no new span."""
    most = []
    one = bench("deals", rows={"deals": 80_000}, latency=0.3, observers=[
        lambda event: most.append(len(one.runs["deals"].listing.jobs)) if isinstance(event, RequestAnswered) else None])
    await one.engine.run()
    assert listed(one.trial.world, "crm.deal.list") == one.ids("deals")
    assert max(most) <= 2 * CEILING


async def test_files_are_committed_before_the_checkpoint(bench):
    """Whatever the checkpoint vouches for was committed before, and the last commit vouches for all."""
    one = bench("deals", rows={"deals": 3_000})
    await one.engine.run()
    assert all("commit" == one.log[place - 1] for place, entry in enumerate(one.log) if entry != "commit" and entry)
    assert len(one.ids("deals")) == one.log[-1]


async def test_it_commits_every_second(bench):
    """While rows come, no more than a second passes between the first uncommitted one and the commit."""
    moments, loop = [], asyncio.get_running_loop()
    one = bench("deals", rows={"deals": 20_000}, cost=CostModel.flat(0.01), latency=0.2,
                observers=[lambda event: moments.append((loop.time(), type(event)))])
    await one.engine.run()
    waiting = None
    for moment, kind in moments:
        waiting = None if kind is Committed else moment if waiting is None and kind is RowsLanded else waiting
        assert waiting is None or moment - waiting <= COMMIT_SECONDS + 1e-9
    assert len(one.seen(Committed)) > 2


async def test_it_commits_what_is_much(bench):
    """Eight mebibytes are committed at once, whatever the clock says."""
    one = bench("deals", rows={"deals": 30_000}, latency=0.01, cost=CostModel.flat(0.0))
    await one.engine.run()
    assert asyncio.get_running_loop().time() < COMMIT_SECONDS
    assert len(one.seen(Committed)) >= 3  # a kibibyte a row


async def test_memory_is_bounded(bench):
    """All entities together hold little more than eight mebibytes that are not committed: at most what the answers under way bring."""
    held, one = [], bench("deals", "contacts", "leads", rows={"deals": 9_000, "contacts": 9_000, "leads": 9_000}, latency=0.01,
                          cost=CostModel.flat(0.0))
    one.engine._observers = [lambda event: held.append(
        sum(1_000 * (len(run.sink.rows) - run.sink.mark.rows) for run in one.runs.values() if run.sink))]
    await one.engine.run()
    assert COMMIT_BYTES < max(held) < COMMIT_BYTES + 2_500_000


@pytest.mark.parametrize("times", [10, 100])
async def test_large_answers_are_few(bench, times):
    """When pages are large, no more of them are under way than memory has room for, whatever window and batch allow; the first page shows it."""
    class Large(Shelf):
        def append(self, rows):
            return times * super().append(rows)

    one, calls, most = bench("deals", rows={"deals": 20_000}, latency=0.5), Counter(), []
    page, inner = times * 1_000 * 50, one.trial.line.post  # a kibibyte a row

    async def post(url, body, headers):
        number = len(calls)
        calls[number] = body.count(b"crm.deal.list")
        most.append(calls.total() * page)
        try:
            return await inner(url, body, headers)
        finally:
            calls[number] = 0

    one.trial.line.post = post
    one.runs["deals"].open_sink = lambda: Large(one.log)
    await one.engine.run()
    assert listed(one.trial.world, "crm.deal.list") == one.ids("deals")
    assert ANSWERS_BYTES / 2 < max(most) < ANSWERS_BYTES + 2 * page


async def test_the_loop_has_its_turn_between_pages(bench):
    """While a batch is absorbed others run; what stands then is whole: every id is on its shelf, or in a span still to be read."""
    one = bench("deals", rows={"deals": 2_500}, latency=0.5)
    ids, loop, seen = set(listed(one.trial.world, "crm.deal.list")), asyncio.get_running_loop(), Counter()

    class Watched(Shelf):
        def append(self, rows):
            loop.call_soon(look)
            return super().append(rows)

    def look():
        there = set(one.ids("deals"))
        left = {number for number in ids for low, high in one.runs["deals"].saved().spans if low < number <= (high or number)}
        seen[loop.time(), (ids, set()) == (there | left, there & left)] += 1

    one.runs["deals"].open_sink = lambda: Watched(one.log)
    await one.engine.run()
    assert max(seen.values()) > 10
    assert all(whole for _, whole in seen)


async def test_told_to_stop(bench):
    """Told to stop, it takes nothing new, lets what is under way land, and commits: no row that came over is lost."""
    one = bench("deals", rows={"deals": 60_000}, latency=0.5)
    loop, asked = asyncio.get_running_loop(), []
    loop.call_later(1.2, lambda: asked.append(one.trial.line.requests) or one.engine.stop())
    await one.engine.run()
    assert 1.2 < loop.time() < 1.2 + LANDING_SECONDS
    assert asked == [one.engine.requests] == [len(one.seen(RequestAnswered))]
    assert "running" == one.runs["deals"].status
    assert 0 < len(one.ids("deals")) == one.log[-1]
    assert one.runs["deals"].saved().spans


async def test_told_to_stop_while_answers_do_not_come(bench):
    """Answers under way are not waited for longer than whoever asks to stop would wait."""
    one = bench("deals", rows={"deals": 20_000}, latency=50.0)
    asyncio.get_running_loop().call_later(60, one.engine.stop)
    await one.engine.run()
    assert 60 + LANDING_SECONDS == pytest.approx(asyncio.get_running_loop().time())
    assert 0 < len(one.ids("deals")) == one.log[-1]


async def test_a_bug_of_ours(bench):
    """A mistake of ours ends the run in one sentence without its words, and the last commit stands: nothing is added to it."""
    one = bench("deals", rows={"deals": 60_000}, latency=0.5)
    asyncio.get_running_loop().call_later(2.2, one.engine._observers.append, _mistaken)
    with pytest.raises(Bug, match=r"ZeroDivisionError in .*test_engine") as bug:
        await one.engine.run()
    assert (1, ZeroDivisionError) == (bug.value.exit_code, type(bug.value.__cause__))
    assert 0 < one.log[-1] <= len(one.ids("deals"))


async def test_a_bug_in_the_way_of_the_commit(bench):
    """A mistake that keeps the commit from succeeding is reported all the same, and vouches for nothing."""
    one = bench("deals", rows={"deals": 3_000})
    one.engine._committer._save = _mistaken
    with pytest.raises(Bug, match="ZeroDivisionError"):
        await one.engine.run()


def _mistaken(*_):
    return 1 / 0


@pytest.mark.parametrize("answer", [None, "<br />Warning: in_array() expects", {"items": 5}], ids=str)
@pytest.mark.parametrize("times", [1, 2])
async def test_an_answer_without_rows(bench, answer, times):
    """An answer of a wrong shape is asked for once more, after a pause; the second one in a row is meant."""
    one, asked = bench("deals", "contacts", rows={"deals": 600, "contacts": 90}), []
    whole = one.trial.portal._desk.methods["crm.deal.list"]

    def ill(world, params, start, session):
        asked.append(str(params).replace("'", ""))  # a batch says numbers as texts
        if asked[-1:] == asked[2:3] and 0 < asked.count(asked[2]) <= times:
            return Answer(answer)
        return whole.run(world, params, start, session)

    one.trial.portal._desk.methods["crm.deal.list"] = Method("crm", ill)
    await one.engine.run()
    assert ["WrongShape"] == [event.reason for event in one.seen(CallFailed)]
    assert ("complete" if times == 1 else "partial", "complete") == (one.runs["deals"].status, one.runs["contacts"].status)
    assert times == 2 or listed(one.trial.world, "crm.deal.list") == one.ids("deals")


async def test_a_method_that_stays_blocked(bench):
    """An entity whose method is blocked for ever is given up after hours, however many calls of it wait; others are not."""
    one = bench("deals", "contacts", rows={"deals": 60_000, "contacts": 300}, latency=0.5)
    whole = one.trial.portal._desk.methods["crm.deal.list"]
    hours, loop = 3600, asyncio.get_running_loop()

    def blocked(*args):
        if loop.time() > 1.5:
            raise Refusal("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", status=429)
        return whole.run(*args)

    one.trial.portal._desk.methods["crm.deal.list"] = Method("crm", blocked)
    await one.engine.run()
    assert ("partial", "complete") == (one.runs["deals"].status, one.runs["contacts"].status)
    assert 0 < len(one.ids("deals")) == one.log[-1] - len(one.ids("contacts"))
    assert 6 * hours < loop.time() < 6.5 * hours


async def test_observers_hear_of_everything(bench):
    """Each request, landing and commit is an event; an entity ends once; numbers only grow."""
    one = bench("deals", "crm_statuses", rows={"deals": 3_000})
    await one.engine.run()
    assert one.engine.requests == len(one.seen(RequestAnswered)) == one.trial.line.requests
    assert [("crm_statuses", "complete"), ("deals", "complete")] == sorted((end.entity, end.status) for end in one.seen(EntityEnded))
    counts = [event.rows for event in one.seen(RowsLanded) if event.entity == "deals"]
    assert sorted(counts) == counts
    assert len(one.ids("deals")) == counts[-1]


async def test_spans_of_a_checkpoint(bench):
    """Spans of a checkpoint are read and nothing else; no span is the end at once, without a request."""
    one = bench("deals", rows={"deals": 3_000}, spans=[Span(100, 200, 200), Span(500, 510, 510)])
    await one.engine.run()
    inside = [number for number in listed(one.trial.world, "crm.deal.list") if 100 < number <= 200 or 500 < number <= 510]
    assert inside == one.ids("deals")


async def test_nothing_left(bench):
    """An entity whose last span was read before the kill is complete without a request."""
    one = bench("deals", spans=[])
    await one.engine.run()
    assert ("complete", 0) == (one.runs["deals"].status, one.trial.line.requests)


async def test_a_full_disk(bench):
    """A full disk ends the run at once; what was committed before stays, and nothing is recorded beyond it."""
    one = bench("deals", rows={"deals": 3_000}, room=1_000)
    with pytest.raises(DiskFull):
        await one.engine.run()
    assert one.runs["deals"].sink.mark.rows == max((entry for entry in one.log if entry != "commit"), default=0)


async def test_credentials_that_are_withdrawn(bench):
    """When nothing can succeed any more the run ends with that error, and what had come is committed."""
    one = bench("deals", rows={"deals": 60_000}, latency=0.5)
    asyncio.get_running_loop().call_later(1.3, one.trial.portal.credentials.webhooks.clear)
    with pytest.raises(CredentialsRefused):
        await one.engine.run()
    assert 0 < len(one.ids("deals")) == one.log[-1]


@pytest.mark.parametrize("error", [ConnectionLost, *thorough(Unreachable)])
async def test_a_portal_that_is_gone_for_a_while(bench, error):
    """A portal that cannot be reached for two minutes ends nothing, though two hundred calls wait for it; each failure is told.

    Nor does it cost much more than itself: connections that break at once have not used up the method's seconds.
    """
    one = bench("deals", rows={"deals": 60_000}, latency=0.5)
    _gone(one, error)
    await one.engine.run()
    assert listed(one.trial.world, "crm.deal.list") == one.ids("deals")
    assert {error.__name__} == {event.reason for event in one.seen(CallFailed)}
    assert asyncio.get_running_loop().time() < 240


def _gone(one, error):
    """Take the portal away, from after the first answers on."""
    whole, loop = one.trial.line.post, asyncio.get_running_loop()

    async def post(*request):
        if 1.1 < loop.time() < 121:
            raise error("gone")
        return await whole(*request)

    one.trial.line.post = post


@pytest.mark.parametrize("identifier", [-5, "-5", 2**63, str(2**64), float(2**70)], ids=str)
async def test_ids_that_none_can_be(bench, identifier):
    """A row whose id no database can hold ends its entity with a sentence, and the others go on."""
    one = bench("deals", "contacts", rows={"deals": 60, "contacts": 60})
    whole = one.trial.portal._desk.methods["crm.deal.list"]

    def ill(*args):
        answer = whole.run(*args)
        return Answer([{**row, "ID": identifier} for row in answer.result])

    one.trial.portal._desk.methods["crm.deal.list"] = Method("crm", ill)
    await one.engine.run()
    assert ("failed", "complete") == (one.runs["deals"].status, one.runs["contacts"].status)
    assert "which no id can be" in one.runs["deals"].reason


@pytest.mark.parametrize("following", ["1" + "0" * 30, "18446744073709551615", "-50", "50.5", "1e300"])
async def test_a_next_page_that_none_can_be(bench, following):
    """An offset that no portal can count to ends its entity with a sentence, and the others go on."""
    one = bench("departments", "contacts", rows={"contacts": 60})
    whole = one.trial.portal._desk.methods["department.get"]
    one.trial.portal._desk.methods["department.get"] = Method("department", lambda *args: replace(whole.run(*args), next=77_777))
    carried = one.trial.line.post

    async def post(*request):
        answer = await carried(*request)
        return replace(answer, body=answer.body.replace(b"77777", following.encode()))

    one.trial.line.post = post
    await one.engine.run()
    assert ("failed", "complete") == (one.runs["departments"].status, one.runs["contacts"].status)
    assert "no offset" in one.runs["departments"].reason


@pytest.mark.parametrize("ids", [
    lambda start: range(start, start + 500), lambda _start: range(500), lambda _start: [1, 2]], ids=["invented", "repeated", "few"])
async def test_a_portal_that_always_names_another_page(bench, monkeypatch, ids):
    """Rows are invented, or come again as others: the walk has an end, with a sentence, and the others go on."""
    monkeypatch.setattr("extractor.paging.follow.MORE", 10_000)  # a hundredth of it, for the test's sake
    one = bench("departments", "contacts", rows={"contacts": 60}, limits={"tariff": "unlimited"}, meter=Meter.unlimited())
    one.trial.portal._desk.methods["department.get"] = Method("department", lambda _world, _params, start, _session: Answer(
        [{"ID": str(each), "NAME": f"{start}"} for each in ids(start or 0)], next=(start or 0) + 500, total=60))
    await asyncio.wait_for(one.engine.run(), timeout=3_600)
    assert ("failed", "complete") == (one.runs["departments"].status, one.runs["contacts"].status)
    assert re.search("nothing new|without end", one.runs["departments"].reason)


async def test_a_slow_rate_is_no_silence(bench):
    """With a hundredth of the bucket a request leaves every fifty seconds: whoever watches is told what is waited for."""
    one = bench("deals", rows={"deals": 600}, limits={"rate_limit": "1/0.02"})
    await one.engine.run()
    waits = [event for event in one.seen(Waiting) if "request limit" in event.why]
    assert {50.0} == {event.seconds for event in waits}
