"""A one-shot dump: what was asked, into a folder, to its end or to where it stopped.

This file wires the parts together and knows the order of things: lock the
folder, check the questions, see what the folder holds, run, and say in the
manifest what happened. It can be told to stop at any moment of that.
"""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from extractor import manifest
from extractor.checkpoint import CheckpointFile, Saved, fingerprint
from extractor.client import Client
from extractor.conditions import normal
from extractor.conduct import Conduct, Conducted, utc
from extractor.config import Settings
from extractor.engine import Engine
from extractor.entityrun import EntityRun
from extractor.errors import B24xError, Bug, DiskError, UsageError, reason_of
from extractor.events import Observer, RunBegan, RunEnded
from extractor.folder import (
    Hold,
    another_question,
    refuse_foreign_files,
    refuse_foreign_folders,
    refuse_mirror,
    refuse_other_rights,
    taken,
)
from extractor.manifest import EntityFacts
from extractor.messages import FileMark
from extractor.order import Order, Outcome
from extractor.question import Question
from extractor.sinks import NdjsonSink, Sink, StdoutSink, discard, hashing
from extractor.transport import Transport

_RUNNING = "INTERRUPTED: the run stopped before this entity's end"


class Dump(Conducted):
    """One run of one order."""

    def __init__(self, order: Order, settings: Settings, transport: Transport, observers: Sequence[Observer] = ()) -> None:
        """Take the parts; the caller opens and closes the transport."""
        self._order = order
        self._settings = settings
        super().__init__(Conduct(
            Client(transport, settings.credentials, settings.rate()), observers,
            way_on="the same command goes on from here" if order.folder
            else "what has left through stdout is not all, and nothing can go on from it",
        ))
        self._limits = settings.limits()
        self._runs: list[EntityRun] = []
        self._digests: dict[str, Any] = {}
        self._run_id, self._started_at, self._question = str(uuid.uuid4()), utc(), ""
        self._hold: Hold | None = None
        self._recorded: dict[str, EntityFacts] = {}

    async def run(self) -> Outcome:
        """Carry the order out, as `_run` says; let the observers know when it begins and how it ends."""
        names = tuple(question.entity.name for question in self._order.questions)
        self._conduct.tell(RunBegan(self._settings.credentials.host, names))
        outcome = await self._run()
        rows = sum(entity["rows"] for entity in outcome.manifest["entities"].values())
        status, seconds = outcome.manifest["status"], round(outcome.seconds, 3)
        self._conduct.tell(RunEnded(status, outcome.exit_code, outcome.why, rows, outcome.requests, seconds))
        return outcome

    async def _run(self) -> Outcome:
        """Carry the order out.

        Raises:
            UsageError: The question, the folder, or its checkpoint is not one to go on with.
            FolderBusy: Another run holds the folder.
            B24xError: The portal refused before the first row was asked for.
        """
        for question in self._order.questions:
            if question.lacks and self._order.names(question.entity.name):
                raise UsageError(f"{question.entity.name} needs --param {question.lacks}=VALUE")
        with self._conduct.timed(self._order.max_seconds), self._held() as checkpoint:
            saved = checkpoint.load() if checkpoint else None
            self._conduct.client.reached = saved is not None and saved.portal == self._settings.credentials.host and any(
                one.rows or one.status == "complete" for one in saved.entities.values())
            if saved is None:
                refuse_mirror(self._order.folder)
                refuse_foreign_files(self._order.folder, [one.entity.name for one in self._order.questions])
            saved = self._adopt(await self._checked(), saved)
            compared = await self._compare()
            if saved and compared and all(run.status in {"complete", "skipped"} for run in self._runs):
                return Outcome(*self._conduct.verdict(None, self._facts()), self._said_last(), resumed=True)
            if self._conduct.stopped is not None:
                return self._unbegun(self._conduct.stopped, resumed=saved is not None)
            try:
                return await self._extract(checkpoint, resumed=saved is not None)
            finally:
                for run in self._runs:
                    if run.sink:
                        run.sink.close()

    async def _checked(self) -> list[Question]:
        """Return the questions as they may be asked."""
        questions = [one for one in self._order.questions if not one.lacks]
        await self._conduct.check(questions)
        return [normal(question) for question in questions]

    def _unbegun(self, stopped: tuple[int, str], *, resumed: bool) -> Outcome:
        """End a run that was stopped before its first row; what lies in the folder stays as it is."""
        for run in self._runs:
            if run.status == "running":
                run.reason = f"{_RUNNING}; {self._conduct.way_on}"
        return Outcome(*stopped, self._manifest(utc()), resumed=resumed)

    @contextmanager
    def _held(self) -> Iterator[CheckpointFile | None]:
        """Hold the folder, if there is one, and give its checkpoint."""
        if self._order.folder is None:
            yield None
            return
        with taken(self._order.folder) as self._hold:
            yield CheckpointFile(self._order.folder)

    def _adopt(self, questions: Sequence[Question], saved: Saved | None) -> Saved | None:
        """Make the record of every entity, as the folder holds it if it holds this very question."""
        asked = {one.entity.name: one for one in questions}
        everything = {name: one.asked() for name, one in asked.items()}
        methods = {name: one.entity.method for name, one in asked.items()}
        self._question = fingerprint([self._settings.credentials.host, self._order.compress, everything, methods])
        user = self._settings.credentials.user
        if saved is not None and (saved.question, saved.user) != (self._question, user) and not any(one.files for one in saved.entities.values()):
            refuse_foreign_folders(self._order.folder, [name for name in asked if name not in saved.entities])
            for name in saved.entities.keys() - asked.keys():
                discard(self._order.folder or Path(), name)
            saved = None  # nothing came of that question, or of that user's: it binds nobody
        if saved is not None:
            if saved.question != self._question:
                portal = self._settings.credentials.host
                raise another_question(self._order.folder, saved, portal, self._order.compress, everything)
            refuse_other_rights(saved.user, user)
            self._run_id, self._started_at = saved.run_id, saved.started_at
        for original in self._order.questions:
            question = asked.get(original.entity.name, original)
            run = EntityRun(question, self._order.names(question.entity.name), functools.partial(self._open_sink, question.entity.name))
            self._runs.append(run)
            if missing := question.lacks:
                run.skip(f"NEEDS_PARAMETER: it needs --param {missing}=VALUE, with no other entity named, or params in a --config file")
            elif saved is not None:
                run.adopt(saved.entities[run.name])
        return saved

    async def _compare(self) -> bool:
        """Hold the files against what was committed, a piece at a time: they may be large, and a stop is heard meanwhile.

        Returns whether it came to its end.
        """
        for run in self._runs:
            for mark in run.files:
                pieces = hashing(self._order.folder or Path(), mark, whole=run.status == "complete")
                while self._conduct.stopped is None:
                    try:
                        next(pieces)
                    except StopIteration as end:
                        self._digests[run.name] = end.value
                        break
                    await asyncio.sleep(0)
                else:
                    return False
        return True

    async def _extract(self, checkpoint: CheckpointFile | None, *, resumed: bool) -> Outcome:
        """Run what is not at its end yet."""
        engine = Engine(
            self._conduct.client, self._limits,
            save=functools.partial(self._saving, checkpoint), observers=self._conduct.observers,
        )
        self._saving(checkpoint)()
        for run in self._runs:
            if run.status == "running":
                self._begin(engine, run)
        loop = asyncio.get_running_loop()
        began = loop.time()
        error = await self._conduct.drive(engine)
        for run in self._runs:
            if run.status == "running":
                run.reason = reason_of(error) if error else f"{_RUNNING}; {self._conduct.way_on}"
        if not isinstance(error, Bug | DiskError):
            self._saving(checkpoint)()
        facts = self._durable(error)
        with suppress(Exception) if isinstance(error, Bug) else nullcontext():  # it may be in the way of this, too
            if not isinstance(error, DiskError):
                self._write_manifest(utc(), facts)
        exit_code, why = self._conduct.verdict(error, facts)
        bug = error if isinstance(error, Bug) else None
        return Outcome(exit_code, why, self._manifest(utc(), facts), engine.requests, loop.time() - began, resumed, bug,
                       self._limits.used(loop.time()), self._limits.costs(loop.time()), self._conduct.client.refused)

    def _durable(self, error: B24xError | None) -> dict[str, EntityFacts]:
        """Return where the entities stood when that was last recorded: of what has come since, nothing is certain."""
        return {name: replace(facts, reason=reason_of(error)) if error and facts.status == "running" else facts
                for name, facts in self._recorded.items()}

    def _begin(self, engine: Engine, run: EntityRun) -> None:
        """Put an entity on the run, and its file back to where the checkpoint says."""
        if run.files:
            run.sink = self._open_sink(run.name, run.files[0], self._digests.get(run.name))
        elif self._order.folder is not None:
            discard(self._order.folder, run.name)
        engine.add(run, run.spans)

    def _open_sink(self, name: str, mark: FileMark | None = None, digest: Any = None) -> Sink:
        """Open an entity's way out."""
        if self._order.folder is None:
            assert self._order.stream is not None, "a folder or a stream"  # noqa: S101 - a bug of ours
            return StdoutSink(self._order.stream)
        return NdjsonSink.open(self._order.folder, name, compress=self._order.compress, mark=mark, digest=digest)

    def _saving(self, checkpoint: CheckpointFile | None) -> Callable[[], None]:
        """Look at where everything stands, and return what records it; the files are synced already."""
        facts = self._facts()
        if checkpoint is None:
            return lambda: self._recorded.update(facts)
        said, standing = self._manifest(None, facts), Saved(
            run_id=self._run_id,
            portal=self._settings.credentials.host,
            question=self._question,
            started_at=self._started_at,
            finished=all(run.status != "running" for run in self._runs),
            entities={run.name: run.saved() for run in self._runs},
            user=self._settings.credentials.user,
        )

        def record() -> None:
            self._confirm()
            checkpoint.save(standing)
            manifest.write(self._order.folder or Path(), said)
            self._recorded.update(facts)

        return record

    def _facts(self) -> dict[str, EntityFacts]:
        """Return the record of every entity as it stands."""
        return {run.name: run.facts() for run in self._runs}

    def _confirm(self) -> None:
        """Raise DiskError if the folder is no longer where it was."""
        if self._hold is not None:
            self._hold.confirm()

    def _manifest(self, finished_at: str | None, facts: Mapping[str, EntityFacts] | None = None) -> dict[str, Any]:
        """Build the manifest of this moment, or of the one that these facts are of."""
        return manifest.build(
            run_id=self._run_id,
            portal=self._settings.credentials.host,
            started_at=self._started_at,
            finished_at=finished_at,
            entities=self._facts() if facts is None else facts,
        )

    def _said_last(self) -> dict[str, Any]:
        """Return the manifest of a run that is over, and write it if that run died just before it did."""
        said = manifest.read(self._order.folder or Path())
        finished_at = said.get("finished_at") or utc()
        if said != self._manifest(finished_at):
            self._write_manifest(finished_at)
        return self._manifest(finished_at)

    def _write_manifest(self, finished_at: str | None, facts: Mapping[str, EntityFacts] | None = None) -> None:
        """Put the manifest into the folder, if there is one."""
        if self._order.folder is not None:
            self._confirm()
            manifest.write(self._order.folder, self._manifest(finished_at, facts))
