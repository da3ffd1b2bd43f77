"""What every run has in common, whatever it is for: it can be told to stop at any moment, and somebody watches it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from extractor.audience import Audience
from extractor.client import Client
from extractor.engine import Engine
from extractor.errors import B24xError
from extractor.events import Event, Observer, Stopping
from extractor.manifest import EntityFacts
from extractor.preflight import hold_against_fields, refuse_at_once
from extractor.question import Question

Found = TypeVar("Found")


class Conduct:
    """Leads one run through its stages; a stop ends the one that it is in."""

    def __init__(self, client: Client, observers: Sequence[Observer], *, way_on: str) -> None:
        """Take who asks and who watches; `way_on` says what a run that was stopped is good for."""
        self.client = client
        self.observers = [Audience(observers)]
        self.way_on = way_on
        self.stopped: tuple[int, str] | None = None
        self._engine: Engine | None = None
        self._preflight: asyncio.Timeout | None = None

    def stop(self, exit_code: int, why: str) -> None:
        """Take nothing new, commit what has come, and end with this exit code; the first reason is the one that counts."""
        if self.stopped is not None:
            return
        self.stopped = exit_code, f"{why}; {self.way_on}"
        self.tell(Stopping(why))
        if self._preflight is not None:
            self._preflight.reschedule(asyncio.get_running_loop().time())
        if self._engine is not None:
            self._engine.stop()

    def tell(self, event: Event) -> None:
        """Let every observer know."""
        for observer in self.observers:
            observer(event)

    @contextmanager
    def timed(self, seconds: float | None) -> Iterator[None]:
        """Stop when the user's time is over, whatever the run is at."""
        if seconds is None:
            yield
            return
        timer = asyncio.get_running_loop().call_later(seconds, self.stop, 5, "--max-minutes are over")
        try:
            yield
        finally:
            timer.cancel()

    async def check(self, questions: Sequence[Question]) -> None:
        """Refuse questions that the portal would not answer as asked, as `preflight` says."""
        refuse_at_once(questions)
        await self.asked(hold_against_fields(self.client, questions))

    async def asked(self, before: Coroutine[Any, Any, Found]) -> Found | None:
        """Return what is asked before the run begins; a stop ends that at once, and then it is `None`, also in the turn of its answer."""
        found: Found | None = None
        if self.stopped is None:
            with suppress(TimeoutError):  # the stop's: those of the network have been translated
                async with asyncio.timeout(None) as self._preflight:
                    found = await before
            self._preflight = None
        else:
            before.close()
        return found if self.stopped is None else None

    async def drive(self, engine: Engine) -> B24xError | None:
        """Run the engine, unless told to stop before; return what ended it, if anything did."""
        if self.stopped is not None:
            return None
        self._engine = engine
        try:
            await engine.run()
        except B24xError as error:
            return error
        return None

    def verdict(self, error: B24xError | None, entities: Mapping[str, EntityFacts]) -> tuple[int, str | None]:
        """Return the exit code, and the sentence that explains it."""
        if error is not None:
            return error.exit_code, str(error)
        if self.stopped is not None and any(one.status == "running" for one in entities.values()):
            return self.stopped
        lacking = {name: one for name, one in entities.items() if one.status != "complete" and (one.named or one.status != "skipped")}
        if lacking:
            return 4, "; ".join(f"{name} is {one.status}: {one.reason}" for name, one in lacking.items())
        refused = [one.reason for one in entities.values() if one.status == "skipped" and one.calls]
        if refused and not any(one.status == "complete" for one in entities.values()):
            return 4, f"nothing could be read; the portal says of the first entity: {refused[0]}"
        return 0, None


class Conducted:
    """A run that is led so: whoever has it may tell it to stop."""

    def __init__(self, conduct: Conduct) -> None:
        """Take what leads it."""
        self._conduct = conduct

    def stop(self, exit_code: int, why: str) -> None:
        """Take nothing new, commit what has come, and end with this exit code; the first reason is the one that counts."""
        self._conduct.stop(exit_code, why)

    @property
    def renewing(self) -> bool:
        """Whether new tokens are on their way, which would be lost with this process."""
        return self._conduct.client.renewing


def utc() -> str:
    """Return the present moment, in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
