"""A nightly run: what is new, changed or gone since the last one, into the folder that it keeps in step.

This file knows the order of things: lock the folder, check the questions, see
where the last run left them, ask for the server's clock before anything else,
read the lanes, ask for what only its id has shown, and once more for what seems to be gone, and move each entity on
when all of that is through.

Rule 1: a run that was interrupted is finished first, as it began. Its changes
were asked for as of then, so another run follows at once.
Rule 2: nothing moves that was not earned: an entity with a lane that failed
stands where it stood, and the next run asks for all of it again.
Rule 3: events that were read (`offline`) are recorded with the run before anything of it is asked, and cleared behind its last commit.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from extractor import clocks, interrupted, manifest, mirror, offline
from extractor.auth import Application
from extractor.checkpoint import PRIVATE, fingerprint
from extractor.client import Client
from extractor.clocks import Clocks
from extractor.conditions import normal
from extractor.conduct import Conduct, Conducted, utc
from extractor.config import Settings
from extractor.engine import Engine
from extractor.errors import B24xError, Bug, DiskError, UsageError, reason_of
from extractor.events import Observer, RunBegan, RunEnded, StartedOver
from extractor.feed import Feed
from extractor.folder import refuse_foreign_files, refuse_other_rights, taken
from extractor.known import NAME, Known
from extractor.lanes import lanes, refuse_own_bounds, unfit
from extractor.leftovers import remove_old, remove_unnamed, settle
from extractor.mirror import Entry, Night, State
from extractor.offline import Held
from extractor.order import Mirror, Outcome
from extractor.preflight import server_time, shows_all
from extractor.question import Question, blamed
from extractor.reflection import Place, Reflection, asked, saved
from extractor.transport import Transport

CHEAP = 50_000  # rows, whose ids are read in twenty requests: of so many what is gone is looked for each time
_RUNNING = "INTERRUPTED: the run stopped before this entity's end"


class Sync(Conducted):
    """One run of one mirror."""

    def __init__(self, order: Mirror, settings: Settings, transport: Transport, observers: Sequence[Observer] = ()) -> None:
        """Take the parts; the caller opens and closes the transport.

        Raises:
            UsageError: Events are asked for, and a webhook has none.
        """
        if order.events and not isinstance(settings.credentials, Application):
            raise UsageError("--events needs an application: a webhook gets no events from the portal (README, As an application)")
        self._order = order
        self._settings = settings
        super().__init__(Conduct(
            Client(transport, settings.credentials, settings.rate()), observers, way_on="the same command goes on from here"))
        self._limits = settings.limits()
        self._feed = Feed(self._conduct.client)
        self._known: Known
        self._state: State
        self._parts: list[Reflection] = []
        self._run_id, self._started_at = str(uuid.uuid4()), utc()
        self._requests = 0
        self._seconds = 0.0

    async def run(self) -> Outcome:
        """Bring the folder into step; errors as of a dump."""
        names = tuple(question.entity.name for question in self._order.questions)
        self._conduct.tell(RunBegan(self._settings.credentials.host, names))
        with self._conduct.timed(self._order.max_seconds), self._held():
            questions = await self._checked()
            while True:
                resumed = self._state.night is not None
                outcome = await self._night(questions, resumed=resumed)
                if not resumed or outcome.exit_code or self._state.night is not None:
                    break
        written = sum(one.news[0] for one in self._parts)
        seconds = round(outcome.seconds, 3)
        self._conduct.tell(RunEnded(outcome.manifest["status"], outcome.exit_code, outcome.why, written, outcome.requests, seconds))
        return outcome

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the folder, and what is known of it."""
        folder, names, credentials = self._order.folder, [one.entity.name for one in self._order.questions], self._settings.credentials
        with taken(folder) as self._hold:
            path = folder / PRIVATE / NAME
            if fresh := not path.exists():
                if (folder / PRIVATE / "checkpoint.json").exists():
                    raise UsageError("the folder holds a dump, which nothing can be added to: sync into a folder of its own")
                refuse_foreign_files(folder, names)
            self._known = Known.open(path)
            try:
                recorded = self._known.state()
                self._state = mirror.opened(recorded, credentials.host)
                refuse_other_rights(self._state.user, credentials.user)
                self._state.user = credentials.user or self._state.user
                self._conduct.client.reached = recorded is not None  # a night is recorded once the portal has told its time
                if recorded is None:
                    refuse_foreign_files(folder, names)
                settle(folder, self._state, [one.entity.name for one in self._order.questions if not unfit(one)])
                yield
            finally:
                for part in self._parts:
                    part.close()
                nothing = fresh and self._known.state() is None
                self._known.close()
                if nothing:
                    self._hold.drop(path)

    async def _checked(self) -> list[Question]:
        """Return the questions as they may be asked."""
        for question in self._order.questions:
            if self._order.names(question.entity.name) and (why := unfit(question)):
                raise UsageError(f"{question.entity.name}: {why.partition(': ')[2]}")
            with blamed(question):
                refuse_own_bounds(question)
        asked = [one for one in self._order.questions if not unfit(one)]
        await self._conduct.check(asked)
        return [normal(one) if one in asked else one for one in self._order.questions]

    async def _night(self, questions: Sequence[Question], *, resumed: bool) -> Outcome:
        """Carry one run out, or go on with it."""
        prints = {one.entity.name: fingerprint([one.entity.method, one.asked()]) for one in questions if not unfit(one)}
        if self._state.night is not None and self._state.night.questions != prints:
            interrupted.leave(self._order.folder, self._state)
        if self._state.night is None:
            began = await self._conduct.asked(server_time(self._conduct.client))
            ours = clocks.ours()
            events = await self._conduct.asked(self._feed.take([one for one in questions if not unfit(one)])) if self._order.events else ()
            if began is None or events is None:
                return self._unbegun(resumed=False)
            self._begin(questions, prints, Clocks(began, ours), events)
        elif self._conduct.stopped is not None:
            return self._unbegun(resumed=True)
        night = self._state.night
        assert night is not None, "begun just now"  # noqa: S101 - a bug of ours
        self._run_id, self._started_at = night.run_id, night.started_at
        engine = Engine(self._conduct.client, self._limits, save=self._saving, observers=self._conduct.observers)
        self._prepare(questions, night)
        self._saving()()
        self._write_manifest(None)
        for part in self._parts:
            for run in part.runs:
                if run.status == "running":
                    engine.add(run, run.spans)
        loop = asyncio.get_running_loop()
        start = loop.time()
        error = await self._conduct.drive(engine) or await self._look_again(engine)
        self._requests, self._seconds = self._requests + engine.requests, self._seconds + loop.time() - start
        if not isinstance(error, Bug | DiskError):
            self._end(error)
        if self._order.events and self._state.night is None:
            await self._clear(questions, night.events)
        return self._outcome(error, resumed=resumed)

    async def _clear(self, questions: Sequence[Question], events: Sequence[Held]) -> None:
        """Let go of the events whose entities have moved on: that has been committed."""
        moved = {part.name for part in self._parts if part.done}
        asked = {one.entity.name: one for one in questions if not unfit(one)}
        await self._conduct.asked(self._feed.clear(events, offline.earned(asked, moved)))
        self._write_manifest(utc())

    def _begin(self, questions: Sequence[Question], prints: dict[str, str], began: Clocks, events: tuple[Held, ...]) -> None:
        """Begin a run: entities of which something else is asked start over, and what is gone is looked for where it is known how."""
        state, asked = self._state, {one.entity.name: one.asked() for one in questions}
        for name, question in prints.items():
            entry = state.entities.setdefault(name, Entry(question))
            if entry.question != question:
                self._known.forget_all(name)
                self._conduct.tell(StartedOver(name, mirror.otherwise(entry, asked[name])))
                state.entities[name] = Entry(question, old=(*entry.old, *entry.files))
            self._known.look_anew(name)
        known = {name: self._known.count(name) for name in prints}
        state.night = Night(str(uuid.uuid4()), began.portal, utc(), prints, known, events=events, ours=began.ours)

    def _prepare(self, questions: Sequence[Question], night: Night) -> None:
        """Make the part of every entity, as the run under way left it."""
        place = Place(self._order.folder, self._order.compress, self._known, night.began, night.ours)
        earlier = {part.name: part.news for part in self._parts}
        for part in self._parts:
            part.close()
        self._parts = []
        asked = {question.entity.name for question in questions}
        for name, entry in self._state.entities.items():
            if name not in asked:  # a run that was left for this one may have asked for it
                remove_unnamed(self._order.folder, name, (*entry.old, *entry.files))
        for question in questions:
            name = question.entity.name
            if skipped := unfit(question):
                self._parts.append(Reflection(question, self._order.names(name), place, Entry(""), skipped=skipped))
                continue
            if damaged := interrupted.begin_anew(self._order.folder, self._known, self._state, name):
                self._conduct.tell(StartedOver(name, damaged=damaged))
            entry, known = self._state.entities[name], night.known[name]
            deletes = known <= CHEAP if self._order.deletes is None else self._order.deletes
            chosen = lanes(
                question, entry.standing, night.began, known=known, deletes=deletes, full_every=self._order.full_every,
                unread=tuple(int(one.id) for one in entry.unread), events=offline.ids_for(question, night.events), ours=night.ours)
            part = Reflection(question, self._order.names(name), place, entry, chosen, looks=known > 0, reach=night.reach.get(name),
                              looked=night.gone.get(name), earlier=earlier.get(name, (0, 0)))
            part.prepare(night.files.get(name), night.lanes, night.asked)
            self._parts.append(part)

    async def _look_again(self, engine: Engine) -> B24xError | None:
        """Ask for all that is `late`, and once more for all that seems to be `gone`; return what ended it."""
        while runs := [run for part in self._parts if (run := part.ask_again())]:
            if self._conduct.stopped is not None:
                return None
            for run in runs:
                engine.add(run, run.spans)
            if error := await self._conduct.drive(engine):
                return error
        emptied = [part.absent for part in self._parts if part.done and part.absent is not None and part.absent.emptied]
        if emptied:
            try:
                trusted = await self._conduct.asked(shows_all(self._conduct.client, [one.question for one in emptied]))
            except B24xError as error:
                return error
            for one in emptied:
                one.believe(trusted=None if trusted is None else one.question.entity.name in trusted)
        return None

    def _end(self, error: B24xError | None) -> None:
        """Move on what has come to its end; a run that was stopped is still under way."""
        for part in self._parts:
            for run in part.runs:
                if run.status == "running":
                    run.reason = reason_of(error) if error else f"{_RUNNING}; {self._conduct.way_on}"
        over = error is None and not any(run.status == "running" for part in self._parts for run in part.runs)
        if over:
            for part in self._parts:
                (part.settle if part.done else part.stand)()
                if not part.skipped:
                    self._state.entities[part.name] = part.entry
            self._state.night = None
        self._saving(record=not over)()
        self._write_manifest(utc())
        if over and remove_old(self._order.folder, self._state):
            self._saving()()

    def _outcome(self, error: B24xError | None, *, resumed: bool = False) -> Outcome:
        """Say how it ended."""
        facts = self._facts()
        exit_code, why = self._conduct.verdict(error, {part.name: facts[part.name] for part in self._parts})
        bug, now = error if isinstance(error, Bug) else None, asyncio.get_running_loop().time()
        return Outcome(exit_code, why, self._manifest(utc()), self._requests, self._seconds, resumed, bug,
                       self._limits.used(now), self._limits.costs(now), self._conduct.client.refused)

    def _unbegun(self, *, resumed: bool) -> Outcome:
        """End a run that was stopped before it began, or went on; what lies in the folder stays as it is."""
        assert self._conduct.stopped is not None, "or it would have begun"  # noqa: S101 - a bug of ours
        exit_code, why = self._conduct.stopped
        return Outcome(exit_code, why, self._manifest(utc()), self._requests, self._seconds, resumed)

    def _facts(self) -> dict[str, manifest.EntityFacts]:
        """Return what the manifest says of each entity: of those that are not asked for now, what it said last, without news."""
        before = mirror.told_before(self._state)
        return {**before, **{part.name: part.facts() for part in self._parts if not part.skipped or part.name not in before}}

    def _saving(self, *, record: bool = True) -> Callable[[], None]:
        """Look at where everything stands, and return what records it; the files are synced already."""
        night = self._state.night
        if night is not None and record:
            for part in self._parts:
                part.look()
            night.reach = {part.name: part.reach for part in self._parts if part.reach is not None}
            night.gone = {part.name: part.looked for part in self._parts if part.looked is not None}
            night.lanes = {run.name: saved(run) for part in self._parts for run in part.runs}
            night.asked = {run.name: asked(run) for part in self._parts for run in part.runs}
            for part in self._parts:
                part.entry.facts = mirror.unfinished(part.facts())
            night.files = {part.name: part.file for part in self._parts if part.file.path}
        return functools.partial(self._known.commit, mirror.encode(self._state))

    def _manifest(self, finished_at: str | None) -> dict[str, Any]:
        """Build the manifest of this moment."""
        built = manifest.build(
            run_id=self._run_id, portal=self._state.portal, started_at=self._started_at, finished_at=finished_at, entities=self._facts())
        return built | ({"events": self._feed.facts()} if self._order.events else {})

    def _write_manifest(self, finished_at: str | None) -> None:
        """Put the manifest into the folder."""
        self._hold.confirm()
        manifest.write(self._order.folder, self._manifest(finished_at))
