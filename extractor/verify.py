"""Holds a folder against the portal, and names every id that is missing, extra or stale.

This file knows the order of things: lock the folder, read its files, ask the
portal for its clock and its last ids, look, look again at what seems to differ,
judge, and mend if told to.

Rule 1: what is compared is what lies on disk, line by line, not what a record
of ours says of it; the files are held against the manifest on the way.
Rule 2: the folder is as of its own moment, and the portal moves on. What is
born, changed or gone while this run looks is no difference, as far as the
portal lets it be told: by the last ids at the begin, by the rows' own stamps,
and by the second look. A row that goes before its id was shown leaves no
trace: it is named.
Rule 3: of a dump, which nothing is added to, rows above the last id on disk
are new since, and not missing, unless their stamps are older than the dump.
Rule 4: nothing is said of a folder before all of it has been compared.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from extractor import claims, durable, findings, interrupted, manifest
from extractor.checkpoint import PRIVATE
from extractor.claims import Manifest
from extractor.client import Client
from extractor.clocks import behind
from extractor.comparison import Comparison
from extractor.conduct import Conduct, Conducted
from extractor.config import Settings
from extractor.engine import Engine
from extractor.entityrun import EntityRun
from extractor.errors import B24xError, Bug, UsageError
from extractor.events import Observer, RunBegan, RunEnded
from extractor.folder import has, lost_record, refuse_other_rights, taken
from extractor.known import NAME as KNOWN
from extractor.ledger import Ledger
from extractor.order import Audit, Outcome
from extractor.preflight import last_ids, server_time, shows_all
from extractor.reflection import Place
from extractor.repair import Mending, mendable, publish, record, settle
from extractor.transport import Transport

DIFFERS = 7  # the exit code
_BEHIND = "CLOCK: the portal's clock is {} behind what it told at the last sync, so rows that change while this looks are named, too"


class Verify(Conducted):
    """One look at one folder."""

    def __init__(self, order: Audit, settings: Settings, transport: Transport, observers: Sequence[Observer] = ()) -> None:
        """Take the parts; the caller opens and closes the transport."""
        self._order = order
        self._settings = settings
        super().__init__(Conduct(
            Client(transport, settings.credentials, settings.rate()), observers, way_on="the folder is as it was, and nothing is said of it: run it again"))
        self._limits = settings.limits()
        self._parts: list[Comparison] = []
        self._over = False
        self._mirror = False
        self._unmended: str | None = None
        self._note: str | None = None
        self._lost: str | None = None
        self._requests = 0
        self._seconds = 0.0

    async def run(self) -> Outcome:
        """Compare, and say what differs.

        Raises:
            UsageError: The folder, its manifest, or the portal is not one to compare.
            FolderBusy: Another run holds the folder.
            B24xError: The portal refused before the first row was asked for.
        """
        with self._held() as (said, ledger):
            self._parts = [Comparison(claim, ledger) for claim in claims.claims(said, self._order.names)]
            self._conduct.tell(RunBegan(said.portal, tuple(part.name for part in self._parts)))
            outcome = self._outcome(await self._compare(said))
        rows, seconds = sum(part.finding.read for part in self._parts), round(outcome.seconds, 3)
        self._conduct.tell(RunEnded(outcome.manifest["status"], outcome.exit_code, outcome.why, rows, outcome.requests, seconds))
        return outcome

    @contextmanager
    def _held(self) -> Iterator[tuple[Manifest, Ledger]]:
        """Hold the folder, and give its manifest, and a ledger in it."""
        folder = self._order.folder
        if not has(folder, manifest.NAME):
            raise UsageError(f"DIR: {folder} has no {manifest.NAME}: name a folder that b24x dump or b24x sync has made")
        with taken(folder, "DIR"):
            self._mirror, self._lost = (folder / PRIVATE / KNOWN).exists(), lost_record(folder)
            if self._order.repair:
                with mendable(folder) as (known, state):  # it is refused before anything is asked
                    self._refuse_other_portal(state.portal)
                    refuse_other_rights(state.user, self._settings.credentials.user)
                    interrupted.settle(folder, known, state)
            said = claims.read(self._told())
            self._refuse_other_portal(said.portal)
            self._conduct.client.reached = any(entry.status == "complete" for entry in said.entities.values())
            ledger = Ledger.open(folder / PRIVATE)
            try:
                yield said, ledger
            finally:
                ledger.close()

    def _told(self) -> bytes:
        """Return what the folder says of itself."""
        path = self._order.folder / manifest.NAME
        if self._mirror:
            return interrupted.said(self._order.folder)
        with durable.translated(path):
            return path.read_bytes()

    def _refuse_other_portal(self, portal: str) -> None:
        """Refuse to hold rows of one portal against another."""
        host = self._settings.credentials.host
        if portal != host:
            raise UsageError(f"the folder holds rows of {portal}, and the credentials are for {host}")

    async def _compare(self, said: Manifest) -> B24xError | None:
        """Go through all of it; return what ended it before its end."""
        for part in self._parts:
            if part.claim.silent:
                part.finding.status, part.finding.reason = "not compared", part.claim.silent
        parts = [part for part in self._parts if not part.claim.silent]
        ours = dt.datetime.now(dt.UTC)
        begun = await self._begin(parts)
        for part in parts:
            for _ in part.read(self._order.folder):
                await asyncio.sleep(0)  # a stop is heard here
                if self._conduct.stopped is not None:
                    return None
        if begun is None:
            return None
        began, tops = begun
        if said.watermark and (lag := behind(began, said.watermark, ours - said.started_at)):
            self._note = _BEHIND.format(lag - lag % dt.timedelta(seconds=1))
        since = None if self._note else began
        error = await self._look(parts) or await self._look_again(parts, since, tops, said.started_at) or await self._doubt(parts)
        if error is None and self._conduct.stopped is None:
            for part in parts:
                if not part.failed:
                    part.judge()
            if self._order.repair:
                error = await self._mend([part for part in parts if part.finding.differs and not part.failed], began)
            self._over = error is None and self._conduct.stopped is None
        return error

    async def _begin(self, parts: Sequence[Comparison]) -> tuple[dt.datetime, dict[str, int]] | None:
        """Check the questions; return when this began by the server's clock, and the last ids by then; `None` after a stop."""
        loop, client = asyncio.get_running_loop(), self._conduct.client
        start = loop.time()
        await self._conduct.check([part.claim.question for part in parts])
        told = await self._conduct.asked(server_time(client))
        elapsed = dt.timedelta(seconds=loop.time() - start + 1)  # stamps are whole seconds
        tops = await self._conduct.asked(last_ids(client, [part.claim.question for part in parts if part.by_id]))
        return None if told is None or tops is None else (told - elapsed, tops)

    async def _look(self, parts: Sequence[Comparison]) -> B24xError | None:
        """Ask for all ids, and for the rows of the sample; return what ended it."""
        runs = {part: part.first_look(self._order.share) for part in parts}
        error = await self._drive([run for asked in runs.values() for run in asked])
        for part, asked in runs.items():
            part.looked(asked)
        return error

    async def _look_again(
        self, parts: Sequence[Comparison], began: dt.datetime | None, tops: dict[str, int], made: dt.datetime,
    ) -> B24xError | None:
        """Ask for what seems to differ again; return what ended it."""
        for part in parts:
            part.suspect(began, tops.get(part.name) or None, made=None if self._mirror else made)
        while self._conduct.stopped is None and (runs := {part: run for part in parts if (run := part.look_again())}):
            if error := await self._drive(list(runs.values())):
                return error
            for part, run in runs.items():
                part.looked_again(run)
        return None

    async def _doubt(self, parts: Sequence[Comparison]) -> B24xError | None:
        """Find out whether what shows nothing any more is to be believed; return what ended it."""
        emptied = [part for part in parts if part.emptied]
        if not emptied:
            return None
        try:
            trusted = await self._conduct.asked(shows_all(self._conduct.client, [part.claim.question for part in emptied]))
        except B24xError as error:
            return error
        for part in emptied:
            if trusted is not None and part.name not in trusted:
                part.disbelieve()
        return None

    async def _mend(self, parts: Sequence[Comparison], began: dt.datetime) -> B24xError | None:
        """Fetch what differs, and record it all at once; return what ended it."""
        with mendable(self._order.folder) as (known, state):
            place = Place(self._order.folder, "none", known, began)
            mended = [Mending(part, place, state.entities[part.name]) for part in parts]
            recorded = False
            try:
                while self._conduct.stopped is None and (runs := {one: run for one in mended if (run := one.next())}):
                    if error := await self._drive(list(runs.values())):
                        return error
                    for one, run in runs.items():
                        if run.status != "running":
                            self._unmended = one.failure(run) or self._unmended
                if self._conduct.stopped is None and not self._unmended and mended:
                    settle(state, mended)
                    recorded = True  # for all that can be told from here on: a commit that fails may have been made
                    record(known, state)
                    publish(self._order.folder, state, mended)
            finally:
                with ExitStack() as last:
                    for one in mended:
                        last.callback(one.close, recorded=recorded)
        return None

    async def _drive(self, runs: Sequence[EntityRun]) -> B24xError | None:
        """Read entities to their end, or until told to stop; return what ended it."""
        engine = Engine(self._conduct.client, self._limits, save=lambda: _nothing, observers=self._conduct.observers)
        for run in runs:
            engine.add(run, run.spans)
        loop = asyncio.get_running_loop()
        start = loop.time()
        error = await self._conduct.drive(engine)
        self._requests, self._seconds = self._requests + engine.requests, self._seconds + loop.time() - start
        return error

    def _outcome(self, error: B24xError | None) -> Outcome:
        """Say how it ended."""
        exit_code, why = self._verdict(error)
        return Outcome(exit_code, why, self._record(), self._requests, self._seconds, bug=error if isinstance(error, Bug) else None)

    def _verdict(self, error: B24xError | None) -> tuple[int, str | None]:
        """Return the exit code, and the sentence that explains it."""
        found = {part.name: part.finding for part in self._parts}
        if error is not None:
            return error.exit_code, str(error)
        if not self._over and self._conduct.stopped is not None:
            return self._conduct.stopped
        lacking = [f"{part.name} was not compared: {part.finding.reason}" for part in self._parts
                   if part.finding.reason and (self._order.names or part.claim.lacking or not part.claim.silent)]
        if differs := findings.why(found):
            unmended = f"nothing was mended: {self._unmended}" if self._unmended else None
            return DIFFERS, "; ".join(filter(None, (differs, unmended, *lacking, self._note)))
        return (4, "; ".join(lacking)) if lacking else (0, None)

    def _record(self) -> dict[str, Any]:
        """Return what was found, as one record."""
        found = {part.name: part.finding for part in self._parts}
        kind = "mirror" if self._mirror or self._lost else "dump"
        return findings.record(self._settings.credentials.host, kind, self._order.share, found, finished=self._over, note=self._note or self._lost)


def _nothing() -> None:
    """Record nothing: what a look has seen is asked again by the next one."""
