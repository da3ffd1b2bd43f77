"""What `window` promises: as many requests in flight as pay, never more than allowed."""

from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.limits import Window
from extractor.limits.window import STEP


class Portal:
    """So many requests are worked on side by side, the rest queue; the client fills its window at once."""

    def __init__(self, workers: int, seconds: float, jitter: float = 0.0) -> None:
        self.seconds = seconds
        self.answered = 0
        self.widths: list[int] = []  # after each answer
        self._jitter = jitter
        self._random = Random(1)
        self._free = [0.0] * workers
        self._flying: list[tuple[float, float]] = []
        self._now = 0.0

    def close(self, workers: int) -> None:
        """Become busier: so many workers do something else from now on."""
        self._free = sorted(self._free)[workers:]

    def run(self, window: Window, until: float) -> float:
        """Keep the window full; return its mean width."""
        seen = len(self.widths)
        while self._now < until:
            while window.room(self._now):
                self._send(window)
            self._now, sent = heappop(self._flying)
            window.left(self._now, self._now - sent, ok=True)
            self.answered += 1
            self.widths.append(window.statistics().size)
        return fmean(self.widths[seen:])

    def _send(self, window: Window) -> None:
        window.entered(self._now)
        seconds = self.seconds * (1 + self._jitter * (self._random.random() - 0.5))
        done = max(heappop(self._free), self._now) + seconds
        heappush(self._free, done)
        heappush(self._flying, (done, self._now))


@pytest.mark.parametrize("workers", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_the_window_finds_the_knee(workers, jitter):
    """The portal is kept busy, 85 % at least under noise too, and little queues: a window of some four where it serves one."""
    portal, window = Portal(workers, 2.0, jitter), Window()
    width = portal.run(window, 1200)
    assert portal.answered >= 0.85 * workers * 1200 / portal.seconds
    assert width <= 1.2 * workers + 2


def test_the_window_starts_with_half_and_doubles():
    """Sixteen, thirty-two in flight: one round is enough, where the portal takes them."""
    portal, window = Portal(100, 1.0), Window(32)
    portal.run(window, 1)
    assert 16 == window.statistics().size
    portal.run(window, 3)
    assert 32 == window.statistics().most


def test_a_run_of_one_round_doubles_the_window_at_once():
    """There is no second round that would show how wide it may be; but nobody does so twice, or widens what was named."""
    window, named = Window(32), Window(7, fixed=True)
    for one in (window, named, window, named):
        one.hurry(0.0)
    assert (32, 7) == (window.statistics().size, named.statistics().size)


def test_a_window_that_was_halved_does_not_hurry():
    """A portal that failed is not asked more at once because little is left."""
    window = Window(64)
    Portal(32, 1.0).run(window, 1)
    window.left(1.5, 1.0, ok=False)
    window.left(1.5, 1.0, ok=False)
    window.left(1.5, 1.0, ok=False)
    size = window.statistics().size
    window.hurry(2.0)
    assert size == window.statistics().size


def test_the_window_falls_when_the_portal_becomes_busy():
    """Latency that grows without more throughput is a queue: the window lets it drain."""
    portal, window = Portal(16, 1.0), Window()
    wide = portal.run(window, 200)
    portal.close(14)
    portal.run(window, 1000)
    assert wide > 10
    assert window.statistics().size <= 4


def test_a_window_that_is_never_full_stays_as_it_is():
    """Where the rate limits, the window learns nothing."""
    window = Window()
    for now in range(100):
        assert window.room(now)
        window.entered(now)
        window.left(now + 0.5, 0.5, ok=True)
    assert 8 == window.statistics().size


def test_a_failure_halves_the_window_once_a_round():
    """Requests that were cut together are one sign, not many."""
    window = Window(16)
    Portal(16, 1.0).run(window, 60)
    before = window.statistics().size
    for _ in range(4):
        window.left(60, 60.0, ok=False)
    assert before // 2 == window.statistics().size


def test_a_failure_leaves_one():
    """A window of nothing would wait for ever."""
    window = Window()
    for now in range(10):
        window.entered(now)
        window.left(now, 60.0, ok=False)
        for _ in range(8):
            window.entered(now)
            window.left(now, 1.0, ok=True)
    assert window.statistics().size >= 1
    assert window.room(10)


def test_a_fixed_window_stays_as_it_is():
    """`--concurrency N` is N, whatever happens."""
    window = Window(7, fixed=True)
    Portal(2, 1.0).run(window, 100)
    window.left(100, 60.0, ok=False)
    assert (7, 7) == (window.statistics().size, window.statistics().most)


@given(st.integers(1, 40), st.lists(st.tuples(st.booleans(), st.floats(0.01, 60), st.booleans()), max_size=300))
def test_the_ceiling_holds_and_room_is_what_it_says(ceiling, events):
    """Never more in flight than the width, the width between one and the ceiling."""
    window, now, flying = Window(ceiling), 0.0, 0
    for enter, seconds, ok in events:
        now += seconds / 10
        if enter and window.room(now):
            window.entered(now)
            flying += 1
        elif flying:
            window.left(now, seconds, ok)
            flying -= 1
        numbers = window.statistics()
        assert numbers.in_flight == flying
        assert 1 <= numbers.size <= ceiling
        assert window.room(now) == (flying < numbers.size)


def test_answers_that_take_no_time_teach_nothing():
    """Some come at once, from a cache or a clock that stands, while others fill the window."""
    window = Window(2)
    window.entered(0.0)
    assert not window.room(0.0)
    window.left(1.0, 1.0, ok=False)
    for now in range(2, 30):
        window.entered(now - 1.0)
        assert not window.room(now)
        window.left(float(now), 0.0, ok=True)
    assert 1 == window.statistics().size


def test_it_says_how_it_is():
    """The repr carries the numbers."""
    window = Window(9)
    window.entered(0)
    assert "<Window 1 of 4 in flight, at most 9>" == repr(window)
    assert window.statistics().latency is None


def test_a_knee_below_the_double_is_found_by_steps_at_once():
    """Twenty places: sixteen double to thirty-two, which does not pay; then up by a quarter, within a few rounds."""
    portal, window = Portal(20, 1.0), Window(32)
    portal.run(window, 20)
    assert 20 <= window.statistics().size <= 25


def answered(window, now, *, ok):
    """One request that takes a second, and how it ends."""
    window.entered(now - 1)
    window.left(now, 1.0, ok=ok)


def test_failures_among_answers_are_mishaps():
    """Requests in fifty that are lost on their way, two at once, say nothing of the portal; a third does."""
    window = Window(16, fixed=False)
    Portal(16, 1.0).run(window, 60)
    width = window.statistics().size
    for now in range(61, 64):
        for _ in range(48):
            answered(window, now, ok=True)
        for _ in range(2):
            answered(window, now, ok=False)
        assert width == window.statistics().size
    answered(window, 64, ok=False)
    assert width // 2 == window.statistics().size


def test_what_a_failure_took_is_tried_again_at_once():
    """A portal that was overrun for a moment is soon read as before."""
    portal, window = Portal(16, 1.0), Window(16)
    portal.run(window, 60)
    for _ in range(3):
        window.entered(60)
        window.left(60, 60.0, ok=False)
    assert 8 == window.statistics().size
    portal.run(window, 72)
    assert 16 == window.statistics().size


@pytest.mark.parametrize("workers", [16, 40])
def test_no_try_costs_more_than_a_quarter(workers):
    """Without a failure the width never falls by more than a quarter, not from the ceiling either, where the doubling ends."""
    portal = Portal(workers, 1.0)
    portal.run(Window(16), 200)
    assert all(after >= before * (1 - STEP) for before, after in pairwise(portal.widths))


def test_a_troop_is_measured_as_it_is():
    """Requests that leave together come back together: the window stays where it is, wherever a round cuts such a troop."""
    portal, window = Portal(16, 1.0), Window(32)
    portal.run(window, 60)
    assert portal.run(window, 600) <= 20.5
    assert portal.answered >= 0.98 * 16 * 600


def test_a_portal_that_turns_out_to_have_no_bucket_may_have_more_in_flight_while_it_has_none():
    """Nobody has said how many there may be; and what it has beyond the cloud's is taken back with the bucket."""
    window = Window()
    window.fit(unlimited=True)
    assert "at most 32" in repr(window)
    window.fit(unlimited=False)
    assert "at most 16" in repr(window)
    fixed = Window(5, fixed=True)
    fixed.fit(unlimited=True)
    assert "at most 5" in repr(fixed)
