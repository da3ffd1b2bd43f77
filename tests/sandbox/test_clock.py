"""The loop whose clock jumps."""

import asyncio
import threading
import time

import pytest

from extractor.sandbox import clock
from extractor.sandbox.clock import DeadlockError, VirtualLoop, loop_clock, run


async def test_time_starts_at_zero():
    """A virtual clock starts at 0, and does not move while something runs."""
    assert asyncio.get_running_loop().time() == 0.0
    await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() == 0.0


async def test_waiting_takes_no_time():
    """A day of waiting passes at once, and to the very number: no sum of floats."""
    began = time.monotonic()
    await asyncio.sleep(86_400)
    await asyncio.sleep(0.1)
    assert asyncio.get_running_loop().time() == 86_400 + 0.1
    assert time.monotonic() - began < 5


async def test_timers_run_in_order():
    """Timers run at their own moments, in the order of these."""
    loop, seen = asyncio.get_running_loop(), []
    for moment in (3.0, 1.0, 2.0, 1.0):
        loop.call_at(moment, lambda: seen.append(loop.time()))
    await asyncio.sleep(5)
    assert seen == [1.0, 1.0, 2.0, 3.0]


async def test_ready_work_comes_first():
    """Time stands still until nothing is left to run."""
    loop = asyncio.get_running_loop()
    loop.call_later(1, lambda: None)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert loop.time() == 0.0


async def test_timeouts():
    """A timeout passes in virtual time."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await asyncio.sleep(61)
    assert asyncio.get_running_loop().time() == 60.0


async def test_threads_take_no_virtual_time():
    """While a thread works the clock stands still, however near the next timer is."""
    loop = asyncio.get_running_loop()
    timer = loop.call_later(0.001, lambda: None)
    released = threading.Event()
    loop.call_soon(released.set)
    assert await asyncio.to_thread(released.wait, 5)
    assert (loop.time(), timer.cancelled()) == (0.0, False)


async def test_foreign_threads_wake_the_loop():
    """`call_soon_threadsafe` from any thread is honoured, timers or not."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(woken.set))
    thread.start()
    await woken.wait()
    thread.join()
    assert loop.time() == 0.0


def test_deadlock():
    """Waiting for what cannot come is an error that names the task, not a test that hangs."""
    async def wait_for_ever():
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="wait_for_ever"):
        run(wait_for_ever())


def test_deadlock_beside_a_thread(monkeypatch):
    """A thread that never calls is waited for with patience, not for ever."""
    monkeypatch.setattr(clock, "PATIENCE", 0.01)
    done = threading.Event()
    thread = threading.Thread(target=done.wait, args=(10,))
    thread.start()
    try:
        with pytest.raises(DeadlockError):
            run(asyncio.Event().wait())
    finally:
        done.set()
        thread.join()


def test_run_returns():
    """`run` gives back what its coroutine returns."""
    assert run(asyncio.sleep(3600, "done")) == "done"


async def test_loop_clock():
    """A loop clock is the loop's time in unix seconds."""
    unix = loop_clock(1_000.0)
    await asyncio.sleep(2.5)
    assert unix() == 1_002.5


async def test_tests_run_on_it():
    """Tests that are coroutines run on a virtual loop."""
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)


@pytest.mark.end_to_end
async def test_end_to_end_tests_do_not():
    """Tests marked `end_to_end` run on a real loop."""
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
