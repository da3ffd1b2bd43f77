"""What `operating` promises: the budget is used, and never overdrawn.

`Server` is a model of the portal's limiter, kept small and independent of the
sandbox's; `World` drives requests against it as the engine would.
"""

from collections import defaultdict
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from extractor.limits import MethodStatistics, OperatingLedger
from extractor.limits.ends import ends_of
from extractor.limits.operating import PLENTY
from extractor.messages import Timing
from extractor.sandbox.meter import Operating
from tests.thorough import thorough

UNIX = 1_767_225_600  # the portal's time at our clock's zero
LIMIT = 420.0


class Server:
    """Ten buckets by the minute; calls up to 0.1 s show, and count, only with the rest of their request."""

    def __init__(self, *, tells: bool = False) -> None:
        """Tell when calls end, or do not."""
        self.tells = tells
        self.buckets: defaultdict[int, float] = defaultdict(float)
        self.first: dict[int, float] = {}
        self.used = 0.0

    def run(self, start: float, costs: list[float]) -> tuple[list[Timing], Callable[[], None]]:
        """Run the calls of a request; return what each reports until one is blocked, and how to charge them."""
        window = range(int(start // 60) - 9, int(start // 60) + 1)
        stored = sum(self.buckets[minute] for minute in window)
        reset_at = int(UNIX + next((self.first[minute] for minute in window if minute in self.first), start) + 600)
        shown, timings = 0.0, []
        for cost in costs:
            if stored + shown > LIMIT:
                break
            shown += cost if cost > 0.1 else 0.0
            finish = UNIX + start + sum(costs[: len(timings) + 1]) if self.tells else None
            timings.append(Timing(stored + shown, reset_at, finish))
        return timings, lambda: self.charge(start, sum(costs[: len(timings)]))

    def charge(self, start: float, seconds: float) -> None:
        """Add the seconds of a request to the minute of its start."""
        if seconds > 0.1:
            self.first.setdefault(int(start // 60), start)
            self.buckets[int(start // 60)] += seconds
            self.used += seconds


class SandboxServer(Server):
    """The sandbox's limiter, which somebody else wrote from the same source."""

    KEY = ("webhook", "", "m")

    def __init__(self) -> None:
        super().__init__()
        self.store = Operating(LIMIT)

    def run(self, start: float, costs: list[float]) -> tuple[list[Timing], Callable[[], None]]:
        """Run the calls of a request in a tally of the sandbox."""
        tally, timings = self.store.open(UNIX + start), []
        for cost in costs:
            if tally.blocked(self.KEY):
                break
            tally.start(self.KEY, UNIX + start)
            tally.spend(cost)
            tally.finish(self.KEY)
            self.used += cost
            reading = tally.reading(self.KEY)
            timings.append(Timing(reading.operating, reading.reset_at))
        return timings, tally.close


class World:
    """A client that starts whatever the ledger has room for, at most so many requests at a time."""

    def __init__(self, cost: Callable[[Random], float], *, concurrency: int, batch: int = 50, seed: int = 0, tells: bool = False) -> None:
        self.server = Server(tells=tells)
        self.ledger = OperatingLedger(LIMIT)
        self.blocked = self.flying = self.requests = 0
        self.now = 0.0
        self._cost = cost
        self._concurrency = concurrency
        self._batch = batch
        self._random = Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Let something happen."""
        heappush(self._events, (when, next(self._order), event))

    def run(self, start: float, seconds: float) -> None:
        """Send requests from `start` on, for so long."""
        self.at(start, lambda: None)
        while self._events[0][0] < start + seconds:
            self.now, _, event = heappop(self._events)
            event()
            while self.flying < self._concurrency and (room := self.ledger.room("m", self.now)):
                self._send(min(room, self._batch))
            if not self.flying and self.now < (ready := self.ledger.ready_at("m", self.now)):
                self.at(ready, lambda: None)

    def _send(self, calls: int) -> None:
        self.flying += 1
        self.requests += 1
        self.ledger.started("m", batched=True, calls=calls, now=self.now)
        travel = 0.02 + self._random.random() / 10
        costs = [self._cost(self._random) for _ in range(calls)]
        self.at(self.now + travel, lambda sent=self.now: self._arrive(sent, travel, costs))

    def _arrive(self, sent: float, travel: float, costs: list[float]) -> None:
        timings, charge = self.server.run(self.now, costs)
        done = self.now + sum(costs[: len(timings)])
        self.at(done + 0.01, charge)
        self.at(done + travel, lambda: self._land(sent, len(costs), timings))

    def _land(self, sent: float, calls: int, timings: list[Timing]) -> None:
        self.flying -= 1
        ends = ends_of(["m"] * len(timings), [timing.finish for timing in timings], self.now - sent)
        self.ledger.answered("m", batched=True, calls=calls, timings=timings, now=self.now, sent=sent, ends=ends)
        if len(timings) < calls:
            self.blocked += 1
            self.ledger.blocked("m", batched=True, now=self.now)


def report(ledger: OperatingLedger, operating: float | None, now: float, *, calls: int = 1, reset_at: float | None = None):
    """Let one request of some calls come back, that was sent a second ago."""
    ledger.started("m", batched=True, calls=calls, now=now - 1)
    ledger.answered("m", batched=True, calls=calls, timings=[Timing(operating, reset_at)] * calls, now=now, sent=now - 1)


@settings(max_examples=5, deadline=None)
@given(st.floats(0, 60), st.integers(0, 1000))
def test_two_hours_use_the_budget_and_never_overdraw_it(phase, seed):
    """Batches of fifty calls of 60 ms, four at a time: no block, and 90 % of what the portal would give."""
    world = World(lambda _: 0.06, concurrency=4, seed=seed)
    world.run(phase, 7200)
    assert 0 == world.blocked
    assert world.server.used >= 0.9 * LIMIT * 12


@pytest.mark.parametrize("phase", [17.3, *thorough(0.0, 59.9)])
@pytest.mark.parametrize("concurrency", [4, *thorough(1, 8)])
def test_the_sandbox_agrees(phase, concurrency):
    """Against the sandbox's limiter, too: no block, and 90 % of the budget in an hour."""
    world = World(lambda _: 0.06, concurrency=concurrency)
    world.server = SandboxServer()
    world.run(phase, 3600)
    assert 0 == world.blocked
    assert world.server.used >= 0.9 * LIMIT * 6


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([0.02, 0.06, 0.11, 0.3, 1.0]), st.sampled_from([0.0, 1.0, 2.0]),
    st.sampled_from([(1, 50), (2, 10), (4, 50), (8, 1), (8, 50)]), st.floats(0, 60), st.booleans(),
)
def test_no_mixture_of_calls_is_blocked(seconds, jitter, flow, phase, tells):
    """Whatever calls cost, however many ride together and side by side, the limit is kept and nine tenths of it used."""
    concurrency, batch = flow
    assume(0.1 < seconds * batch < 30)  # less is not charged, and goes on for ever; more is not asked for, as the portal ends it
    world = World(lambda random: seconds * (1 + jitter * (random.random() - 0.5)), concurrency=concurrency, batch=batch, tells=tells)
    world.run(phase, 1800)
    assert 0 == world.blocked
    if concurrency * seconds * batch / (seconds * batch + 0.2) > 1.5:  # seconds a second that we could spend
        assert world.server.used >= 0.9 * LIMIT * 3


def test_another_webhook_on_the_counter_leaves_us_the_rest():
    """Somebody spends 20 s a minute: we use what remains, and the few blocks are theirs."""
    world = World(lambda _: 0.06, concurrency=4)
    for minute in range(60):
        world.at(60.0 * minute + 7, lambda: world.server.charge(world.now, 20.0))
    world.run(0, 3600)
    ours = world.server.used - 60 * 20.0
    assert ours >= 0.9 * 6 * (LIMIT - 200)
    assert world.blocked <= 12


@pytest.mark.parametrize("minutes", [[40.0] * 10, [0.0] * 5 + [80.0] * 5, [200.0, 210.0] + [0.0] * 8])
def test_a_run_that_follows_another_finds_its_traces(minutes):
    """Seconds of an earlier run leave minute by minute, and we take their place without a block."""
    world = World(lambda _: 0.06, concurrency=4)
    for minute, seconds in enumerate(minutes):
        world.server.charge(60.0 * minute, seconds)
    world.run(600, 600)
    assert 0 == world.blocked
    assert world.server.used - sum(minutes) >= 0.85 * LIMIT


def test_a_portal_without_the_limiter_is_not_limited():
    """A portal of one's own reports no `operating`."""
    ledger = OperatingLedger(1.0)
    for now in range(1, 100):
        report(ledger, None, float(now), calls=50)
    assert PLENTY == ledger.room("m", 100.0)
    assert 100.0 == ledger.ready_at("m", 100.0)


def test_a_report_is_not_added_to_another():
    """Five direct calls that all say 100 have used a hundred seconds, not five hundred."""
    ledger = OperatingLedger()
    for now in range(1, 6):
        report(ledger, 100.0, float(10 * now))
    assert ledger.statistics(51.0)["m"].used == pytest.approx(100, abs=2)


def test_methods_have_their_own_budgets():
    """One method that has used up its seconds holds no other."""
    ledger = OperatingLedger()
    report(ledger, 419.0, 10.0)
    assert 0 == ledger.room("m", 11.0)
    assert PLENTY == ledger.room("other", 11.0)


def test_direct_and_batched_calls_share_one_budget():
    """The portal may count them apart (webhooks) or together (applications): one budget is safe for both."""
    ledger = OperatingLedger()
    report(ledger, 300.0, 10.0)
    ledger.started("m", batched=False, calls=1, now=10.0)
    ledger.answered("m", batched=False, calls=1, timings=[Timing(115.0)], now=11.0, sent=10.5)
    assert 0 == ledger.room("m", 11.0)


def test_calls_in_flight_are_reckoned_with():
    """Fifty calls of 1 s are fifty seconds that nobody has charged yet: so many fewer may start, but for what all may be dearer."""
    ledger = OperatingLedger()
    report(ledger, 300.0, 10.0)
    before = ledger.room("m", 11.0)
    ledger.started("m", batched=True, calls=50, now=11.0)
    assert before - 50 == pytest.approx(ledger.room("m", 11.0), abs=2)


@given(st.floats(0.2, 0.9), st.integers(10, 50))
def test_the_more_calls_differ_the_more_is_left_for_them(apart, calls):
    """Of two methods with the same mean, the one whose requests differ has less room while calls are in flight."""
    rooms = []
    for each in (0.0, apart):
        ledger, used, now = OperatingLedger(), 0.0, 0.0
        for number in range(20):
            ledger.started("m", batched=True, calls=calls, now=now)
            cost = 0.2 * (1 + each * (-1) ** number)
            ledger.answered("m", batched=True, calls=calls, timings=[Timing(used + cost * n) for n in range(1, calls + 1)], now=now + 11, sent=now)
            used, now = used + calls * cost, now + 12
        ledger.started("m", batched=True, calls=50, now=now)
        rooms.append(LIMIT - ledger.statistics(now)["m"].used - ledger.room("m", now) * ledger.statistics(now)["m"].seconds_per_call)
    assert rooms[1] > rooms[0]


def test_calls_whose_answer_never_came_are_charged():
    """A lost connection says nothing about what the portal has done before."""
    ledger = OperatingLedger()
    report(ledger, 300.0, 10.0, calls=50)
    before = ledger.statistics(11.0)["m"]
    ledger.started("m", batched=True, calls=50, now=11.0)
    ledger.lost("m", batched=True, calls=50, now=70.0)
    after = ledger.statistics(70.0)["m"]
    assert pytest.approx(before.used + 50 * (before.seconds_per_call or 0)) == after.used
    assert 0 == after.in_flight


def test_calls_that_failed_are_not_charged():
    """The portal charges what finished; a batch of two failures and no success costs nothing."""
    ledger = OperatingLedger()
    report(ledger, 100.0, 10.0)
    before = ledger.statistics(12.0)["m"].used
    ledger.started("m", batched=True, calls=2, now=12.0)
    ledger.answered("m", batched=True, calls=2, timings=[], now=13.0, sent=12.0)
    assert (before, 0) == (ledger.statistics(13.0)["m"].used, ledger.statistics(13.0)["m"].in_flight)


def test_a_blocked_method_waits_for_its_reset():
    """The reset is unix time; that of a first request says what time it is at the portal."""
    ledger = OperatingLedger()
    report(ledger, 0.0, 10.0, reset_at=UNIX + 609)
    report(ledger, 420.0, 100.0, reset_at=UNIX + 609)
    ledger.started("m", batched=True, calls=50, now=101.0)
    ledger.blocked("m", batched=True, calls=50, now=102.0)
    assert 0 == ledger.room("m", 609.0)
    assert 610.0 == ledger.ready_at("m", 102.0)


@pytest.mark.parametrize("batched", [True, False])
def test_a_reset_of_the_other_counter_is_not_waited_for(batched):
    """Direct and batched calls are counted apart: what the one way has told, or used, says nothing of when the other is free."""
    ledger = OperatingLedger()
    ledger.started("m", batched=not batched, calls=1, now=9.0)
    ledger.answered("m", batched=not batched, calls=1, timings=[Timing(0.2, UNIX + 609)], now=10.0, sent=9.0)
    ledger.started("m", batched=batched, calls=1, now=11.0)
    ledger.blocked("m", batched=batched, calls=1, now=12.0)
    assert 72.0 == ledger.ready_at("m", 12.0)


def test_a_blocked_method_asks_with_one_call():
    """How things stand after the reset is known only by asking; one call tells."""
    ledger = OperatingLedger()
    ledger.started("m", batched=True, calls=50, now=0.0)
    ledger.blocked("m", batched=True, calls=50, now=1.0)
    assert 61.0 == ledger.ready_at("m", 1.0)
    assert 1 == ledger.room("m", 61.0)
    ledger.started("m", batched=True, calls=1, now=61.0)
    assert 0 == ledger.room("m", 61.0)
    ledger.answered("m", batched=True, calls=1, timings=[Timing(5.0)], now=62.0, sent=61.0)
    assert ledger.room("m", 62.0) >= 50


def test_a_method_full_of_our_own_seconds_does_not_ask():
    """We know when they leave; a call a minute would only add to them."""
    ledger = OperatingLedger()
    ledger.started("m", batched=True, calls=42, now=0.0)
    ledger.answered("m", batched=True, calls=42, timings=[Timing(10.0 * n + 1) for n in range(42)], now=420.0, sent=0.0)
    assert 0 == ledger.room("m", 590.0)
    assert ledger.room("m", 606.0) > 0


def test_an_answer_lifts_a_block_although_it_reports_nothing():
    """A portal that counts no seconds has no limit to keep to: a block of it is over with the next call that is none."""
    ledger = OperatingLedger(420)
    report(ledger, None, 10.0)
    ledger.blocked("m", batched=True, now=20.0)
    assert (0, 1) == (ledger.room("m", 20.0), ledger.room("m", 80.0))
    report(ledger, None, 20.5)  # sent before the block
    assert 1 == ledger.room("m", 80.0)
    report(ledger, None, 81.0)
    assert PLENTY == ledger.room("m", 81.0)


def test_a_report_from_before_the_block_does_not_lift_it():
    """What was sent earlier knows nothing of the block."""
    ledger = OperatingLedger()
    ledger.started("m", batched=True, calls=50, now=0.0)
    ledger.blocked("m", batched=True, now=5.0)
    ledger.answered("m", batched=True, calls=50, timings=[Timing(5.0)] * 50, now=6.0, sent=0.0)
    assert 0 == ledger.room("m", 6.0)


def test_the_limit_is_learnt_from_a_block():
    """Blocked at 300 s that were just reported: this tariff's limit is no 420."""
    ledger = OperatingLedger()
    report(ledger, 300.0, 10.0)
    ledger.blocked("m", batched=True, now=11.0)
    assert ledger.statistics(11.0)["m"].limit == pytest.approx(300, abs=2)


def test_a_learnt_limit_is_forgotten_slowly():
    """A tenth comes back with every window: it may have been somebody else."""
    ledger = OperatingLedger()
    report(ledger, 300.0, 10.0)
    ledger.blocked("m", batched=True, now=11.0)
    assert ledger.statistics(611.0)["m"].limit == pytest.approx(330, abs=2)
    assert LIMIT == ledger.statistics(6011.0)["m"].limit


def test_a_learnt_limit_is_at_least_a_tenth():
    """Blocked with two seconds on the counter: that was no limit, but somebody else, just now."""
    ledger = OperatingLedger()
    report(ledger, 2.0, 10.0)
    ledger.blocked("m", batched=True, now=11.0)
    assert LIMIT / 10 == ledger.statistics(11.0)["m"].limit


def test_a_report_above_a_learnt_limit_raises_it():
    """A call that went through at 350 s proves that the limit is no 300."""
    ledger = OperatingLedger()
    report(ledger, 300.0, 10.0)
    ledger.blocked("m", batched=True, now=11.0)
    report(ledger, 350.0, 100.0)
    assert 350.0 == ledger.statistics(100.0)["m"].limit


def test_a_block_without_a_fresh_report_teaches_no_limit():
    """Five minutes ago we had used ten seconds: who used the rest is not known."""
    ledger = OperatingLedger()
    report(ledger, 10.0, 10.0)
    ledger.blocked("m", batched=True, now=310.0)
    assert LIMIT == ledger.statistics(310.0)["m"].limit


def test_a_call_dearer_than_the_budget_is_possible():
    """With `--operating-limit 5` and calls of 10 s, one goes through whenever the counter is empty."""
    ledger = OperatingLedger(5.0)
    ledger.started("m", batched=True, calls=2, now=0.0)
    ledger.answered("m", batched=True, calls=2, timings=[Timing(0.0), Timing(10.0)], now=20.0, sent=0.0)
    assert 0 == ledger.room("m", 599.0)
    assert 1 == ledger.room("m", ledger.ready_at("m", 20.0))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 90), st.sampled_from(["start", "answer", "lose", "block"]), st.floats(0, 900)), max_size=60))
def test_room_and_ready_agree(events):
    """There is room now exactly if it is ready now; what is not ready becomes so later, never in the past."""
    ledger, now, flying = OperatingLedger(), 0.0, 0
    for pause, event, operating in events:
        now += pause
        if event == "start":
            ledger.started("m", batched=True, calls=5, now=now)
            flying += 5
        elif flying and event == "answer":
            ledger.answered("m", batched=True, calls=5, timings=[Timing(operating, UNIX + now + 300)] * 5, now=now, sent=now - 1)
            flying -= 5
        elif flying and event == "lose":
            ledger.lost("m", batched=True, calls=5, now=now)
            flying -= 5
        elif event == "block":
            ledger.blocked("m", batched=True, now=now)
        ready = ledger.ready_at("m", now)
        assert (ready == now) == bool(ledger.room("m", now))
        assert now <= ready <= now + 2 * 600


def test_it_says_how_it_is():
    """The repr carries the numbers, statistics those of every method."""
    ledger = OperatingLedger(200)
    ledger.started("m", batched=True, calls=3, now=0.0)
    assert "<OperatingLedger 200 s per 600 s, 1 methods>" == repr(ledger)
    assert {"m": MethodStatistics(used=0, in_flight=3, limit=200, seconds_per_call=None, blocked=0)} == ledger.statistics(0.0)


def _used_up(cost):
    """Make a ledger whose method has no room left, every call having cost the same."""
    ledger, server, now = OperatingLedger(), Server(), 0.0
    while ledger.room("m", now):
        ledger.started("m", batched=True, calls=50, now=now)
        timings, charge = server.run(now, [cost] * 50)
        charge()
        ledger.answered("m", True, 50, timings, now + 50 * cost, sent=now)
        now += 2.0
        if now > 300:
            break
    return ledger, now


@pytest.mark.parametrize(("cost", "calls"), [(0.06, 1), (0.094, 1), (0.03, 3), (0.15, 0)])
def test_a_request_may_carry_what_it_is_not_charged_for(cost, calls):
    """The calls that stay within 0.1 s together, though the budget is used up."""
    ledger, now = _used_up(cost)
    assert calls == ledger.uncharged("m", now)


def test_nothing_is_uncharged_until_it_is_known_what_a_call_costs():
    """A method that has reported nothing, or is blocked, has none."""
    ledger = OperatingLedger()
    assert 0 == ledger.uncharged("m", 0.0)
    ledger, now = _used_up(0.06)
    ledger.blocked("m", True, now)
    assert 0 == ledger.uncharged("m", now)


def test_small_requests_do_not_teach_that_calls_are_free():
    """A hundred single calls that were not charged leave the cost of a call as it was measured."""
    ledger, now = _used_up(0.06)
    before = ledger.statistics(now)["m"].seconds_per_call
    for number in range(100):
        sent = now + 0.5 * number
        ledger.started("m", batched=False, calls=1, now=sent)
        ledger.answered("m", False, 1, [Timing(0.0, UNIX + sent + 600)], sent + 0.2, sent=sent)
    assert before == pytest.approx(ledger.statistics(now)["m"].seconds_per_call, rel=0.05)


def test_how_long_calls_last_at_the_pace_of_the_budget():
    """All that is left, at the rate at which the budget comes back; nothing where nothing is known, or all of it fits what is left."""
    ledger, now = _used_up(0.06)
    assert 0 == ledger.lasts("other", 10**6, now)
    assert 600 == pytest.approx(ledger.lasts("m", 7_000, now), rel=0.05)
    assert ledger.lasts("m", 100, now) < ledger.lasts("m", 200, now)
    assert 0 == ledger.lasts("m", 100, now + 1_200)


def test_what_is_not_charged_shortens_the_wait():
    """One call of 60 ms in each of two requests a second is a sixth of what the budget gives."""
    ledger, now = _used_up(0.06)
    assert 0.7 / 0.82 == pytest.approx(ledger.lasts("m", 7_000, now, 2.0) / ledger.lasts("m", 7_000, now), rel=0.01)


def test_where_ends_are_told_the_budget_is_back_with_the_portals_minute():
    """What was spent at the end of a minute is gone nine minutes later, and nobody has to ask."""
    ledger = OperatingLedger(LIMIT)
    ledger.started("m", batched=True, calls=50, now=51.0)
    told, timings = run_of(50, 8.0, began=51.5, sent=51.0)
    ledger.answered("m", batched=True, calls=50, timings=timings, now=452.0, sent=51.0, ends=told)
    assert ledger.statistics(599.0)["m"].used > 390
    assert ledger.statistics(602.0)["m"].used <= 8, "the first call, which was there when the first report came"


def run_of(calls, seconds, *, began, sent, ahead=0.0, shown=0.0):
    """Let a server whose clock is ahead of others run calls; return what it tells, to be answered half a second after the last of them."""
    ends = [UNIX + ahead + began + seconds * (place + 1) for place in range(calls)]
    timings = [Timing(shown + seconds * (place + 1), None, end) for place, end in enumerate(ends)]
    return ends_of(["m"] * calls, ends, began + seconds * calls + 0.5 - sent), timings


@pytest.mark.parametrize("ahead", [-7_200.0, -3.0, 3.0, 7_200.0])
def test_no_charge_leaves_before_any_server_lets_it_go(ahead):
    """Clocks are set, and servers have clocks of their own: the one that is behind decides, for ten minutes and more."""
    ledger = OperatingLedger(LIMIT)
    for place, clock in enumerate([min(0.0, ahead), max(0.0, ahead), 0.0]):
        began = 5.25 + 60 * place
        ledger.started("m", batched=True, calls=2, now=began)
        told, timings = run_of(2, 10.0, began=began, sent=began, ahead=clock, shown=20.0 * place)
        ledger.answered("m", batched=True, calls=2, timings=timings, now=began + 20.5, sent=began, ends=told)
    assert ledger.statistics(599.0 + (3.0 if ahead == -3.0 else 0.0))["m"].used >= 59, "the first of them is charged by the server that is behind"
    assert 0 == ledger.statistics(790.0)["m"].used


@pytest.mark.parametrize("ends", [[UNIX + 3_600.5, UNIX + 2.5], [0.0, UNIX + 2.5], [UNIX + 1.0, UNIX + 3.0], [UNIX + 1.5, UNIX + 1.5], [-1e308, 1e308]])
def test_odd_ends_take_no_charge_away(ends):
    """A clock that was set between two calls, a nought, whole seconds: what the request has cost is there all the same."""
    ledger = OperatingLedger(LIMIT)
    ledger.started("m", batched=True, calls=2, now=0.0)
    timings = [Timing(2.5 * (place + 1), None, end) for place, end in enumerate(ends)]
    ledger.answered("m", batched=True, calls=2, timings=timings, now=6.0, sent=0.0, ends=ends_of(["m"] * 2, ends, 6.0))
    assert ledger.statistics(500.0)["m"].used >= 2.5
    assert 0 == ledger.statistics(700.0)["m"].used


@pytest.mark.parametrize("lost", [False, True])
def test_an_ask_that_brings_nothing_is_not_repeated_at_once(lost):
    """No answer, or one without a report: the next one is asked a minute later."""
    ledger, now = _used_up(0.2)
    now += 71
    ledger.started("m", batched=False, calls=1, now=now)
    if lost:
        ledger.lost("m", batched=False, calls=1, now=now + 1, sent=now)
    else:
        ledger.answered("m", batched=False, calls=1, timings=[], now=now + 1, sent=now)
    assert 0 == ledger.room("m", now + 2)


def test_a_method_that_is_full_by_our_estimates_asks_within_a_minute():
    """They may be wrong, and nothing else would ever show it; the last answer of these came 10 s later."""
    ledger, now = _used_up(0.2)
    assert 0 == ledger.room("m", now)
    assert ledger.ready_at("m", now) <= now + 71
    assert 1 == ledger.room("m", now + 71)
