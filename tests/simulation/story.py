"""One story from its first life to its end: run, die, go on, and hold every promise against what is left."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from extractor import planner, session
from extractor.config import settings
from extractor.dump import Dump
from extractor.errors import B24xError, DiskError
from extractor.order import Order
from extractor.sandbox.clock import VirtualLoop
from tests.simulation.checks import Broken, check, check_wreck, holds
from tests.simulation.disk import Disk
from tests.simulation.portal import TIMEOUT, Simulated
from tests.simulation.scenario import scenario

LIVES = 40
STEPS = 100_000
MEMORY = Path("/dev/shm")


class SteppedLoop(VirtualLoop):
    """A virtual loop that tells before each of its steps."""

    steps = 0
    on_step = staticmethod(lambda: None)

    def _run_once(self):
        self.steps += 1
        self.on_step()
        super()._run_once()

    def run_in_executor(self, executor, func, *args):
        """Do a thread's work at once and in this thread, and tell a step later: equal seeds tell equal stories."""
        done = self.create_future()
        try:
            tell = functools.partial(done.set_result, func(*args))
        except Exception as error:  # noqa: BLE001 - it is for who waits
            tell = functools.partial(done.set_exception, error)
        self.call_soon(lambda: done.done() or tell())
        return done


@dataclass(slots=True)
class Ended:
    """How a story ended: what it contained, and the promise that was broken, if one was."""

    seed: int
    counts: Counter = field(default_factory=Counter)
    broken: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that ended with an exception, as the command line would report it."""

    exit_code: int
    why: str


def tell(seed: int, kind: type | None = None) -> Ended:
    """Tell the story of a seed: of a dump, or of another kind."""
    random.seed(seed)
    root = Path(tempfile.mkdtemp(prefix="b24x-", dir=MEMORY if MEMORY.is_dir() else None))
    ended = Ended(seed)
    try:
        with asyncio.Runner(loop_factory=SteppedLoop) as runner:
            story = (kind or Story)(seed, root, runner.get_loop(), ended.counts)
            try:
                runner.run(story.run())
            except Broken as broken:
                ended.broken = str(broken)
            except Exception as error:  # noqa: BLE001 - whatever it is, the seed is to be named
                ended.broken = f"{type(error).__name__}: {error}"
                ended.broken += "".join(f"; {one!r}" for one in getattr(error, "exceptions", ()))
            ended.seconds = runner.get_loop().time()
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return ended


class Story:
    """Lives of the same command, one after another."""

    scenario = staticmethod(scenario)

    def __init__(self, seed, root, loop, counts):
        self.one, self.root, self.loop, self.counts = self.scenario(seed), root, loop, counts
        self.lives = 0
        self.task = None

    async def run(self):
        """Live until the command has come to its end."""
        self.portal = Simulated(self.one, self.loop)
        self.disk = Disk(self.root / "0")
        self.dice = random.Random(f"{self.one.seed}:lives")
        endings = list(self.one.endings)
        with self.disk.watched(), pytest.MonkeyPatch.context() as patched:
            patched.setattr(session, "time", self.portal.access.wall)
            patched.setattr(planner, "SMALL", self.one.small)
            while True:
                calm, ending = self.portal.calm, endings.pop(0) if endings else None
                outcome = await self._live(ending)
                self.counts["lives"] += 1
                self.portal.budget.check()
                if outcome is None:
                    check_wreck(self.disk.root)
                elif self.portal.access.locked_out(self.disk.root, outcome):
                    self.counts["locked out"] += 1
                    self.portal.access.authorise()
                elif isinstance(outcome, Failed):
                    holds(not (calm and ending is None), "a portal that works again is read", outcome)
                else:
                    if not (ending and ending.kind == "disk" and outcome.exit_code in {4, 5}):
                        check(self.disk.root, outcome, self.portal, calm=calm)
                    if outcome.exit_code == 0 or (calm and self._only_bad_rows_are_missing(outcome)):
                        break
                    holds(not (calm and ending is None), "a portal that works again is read to the end", outcome.exit_code, outcome.why)
                    self.counts[f"ended with {outcome.exit_code}"] += 1
                holds(self.counts["lives"] < LIVES, "a story has an end")
                await asyncio.sleep(self.dice.choice([0.0, 1.0, 400.0]))
        self.counts += self.portal.counts

    def _only_bad_rows_are_missing(self, outcome):
        entities = outcome.manifest["entities"].values()
        return all(entry["status"] == "complete" or (entry["reason"] or "").startswith("UNREAD") for entry in entities)

    async def _live(self, ending, command=None):
        """Run the command, or another one, until it ends, or is ended; `None` when it was killed."""
        self.dead = False
        command = command or self._command(ending.seconds if ending and ending.kind == "minutes" else None)
        self.task = self.loop.create_task(command.run())
        with self._watching(ending, command):
            await asyncio.wait({self.task})
        if self.dead:
            with contextlib.suppress(asyncio.CancelledError, B24xError, OSError, BaseExceptionGroup):
                self.task.result()
            return None
        try:
            return self.task.result()
        except B24xError as error:
            if isinstance(error, DiskError) and not (ending and ending.kind == "disk"):
                raise Broken(f"a disk that works is written to: {error}") from error
            self.counts[f"ended with {error.exit_code}"] += 1
            return Failed(error.exit_code, str(error))

    def _command(self, max_seconds):
        """Prepare what is run again and again."""
        order = Order(self.one.questions(), folder=self.disk.root, compress=self.one.compress, max_seconds=max_seconds)
        return Dump(order, self._limits(), self.portal, [self.portal.budget.watch()])

    def _limits(self):
        return settings({**self.portal.access.options(self.disk.root), "timeout": TIMEOUT, **self.one.settings})

    @contextlib.contextmanager
    def _watching(self, ending, command):
        """Arm what ends this life, and the limit on all lives."""
        begun, changed = self.loop.steps, self.disk.operations

        def step():
            if self.loop.steps - begun > STEPS:
                self.loop.on_step = lambda: None  # what is left may still be cancelled
                raise Broken(f"a story has an end: a life has taken {STEPS:,} steps")
            if ending and ending.step and self.loop.steps - begun == ending.step:
                self._die(ending)

        def operation():
            if ending and ending.kind != "disk" and ending.operation and self.disk.operations - changed >= ending.operation:
                self._die(ending)

        timer = None
        if ending and ending.kind == "stop":
            timer = self.loop.call_later(ending.seconds, self._stop, command)
        if ending and ending.kind == "disk":
            self.disk.refusals = {changed + ending.operation: ending.number}
        self.loop.on_step, self.disk.on_operation = step, operation
        try:
            yield
        finally:
            self.loop.on_step = self.disk.on_operation = lambda: None
            refused = bool(ending and ending.kind == "disk" and not self.disk.refusals)
            self.counts["disk: refused"] += refused
            self.portal.access.risked |= refused
            self.disk.refusals = {}
            if timer:
                timer.cancel()

    def _stop(self, command):
        self.counts["stopped"] += 1
        command.stop(143, "terminated")

    def _die(self, ending):
        """Be gone at this very moment: the next life begins with what the disk has kept."""
        if self.dead:
            return
        self.dead = self.portal.access.risked = True
        self.lives += 1
        where = "in a step" if ending.step else "at an operation"
        self.counts[f"{ending.kind}, {where}"] += 1
        self.disk.crash(self.root / str(self.lives), self.dice if ending.kind == "power cut" else None)
        self.task.cancel()
