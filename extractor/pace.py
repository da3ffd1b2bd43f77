"""How full a request leaves, and how many calls are at work side by side: it depends on what is scarce.

Rule 1: where requests are scarce, as few of them as there can be: each leaves
full, and no more spans are open than those in flight can carry.
Rule 2: where they are plenty, time in flight is what is scarce. A portal works
a request off one call after another, so the calls are spread over all places
of the window, and no request takes more than its share of what is left: those
that leave last are the smallest, and all come to their end together (the first ones, which leave
together, take all of their share). Without a
bucket none takes more than makes its way worth while, as every span costs half a page.
Rule 3: requests are plenty when the bucket holds the rest of the run twice over,
with what drains while the rest is read. In between (it holds it, but not
twice) spans may be many, and requests are full.
Rule 4: a method whose budget is used up goes on with the calls that a request is
not charged for: in requests that leave anyway, and in others while most of the
bucket is free, so that what comes back finds requests to be spent with.
Rule 5: at the end places stand empty. What fills one of the last two requests is worth
the split of two pages: the request leaves full, or the last walk is a shorter one.
Rule 6: where requests are plenty, chains count on all that their spans seem to hold: another round costs more than a page in vain.
Rule 7: what goes in one round of the window, once its extent is known, is cut, if calls are cheap, into even pieces, one for each request, with a page to spare:
whatever is left behind would be another round. The window doubles for it, if that is what it takes.
Rule 8: where the bucket is what the rest of the run takes its time from, its free part need only be spent by the end. So requests leave
twice as fast as that takes, and no faster: the fewer are side by side, the fewer spans are open, and the more is known of how ids lie before one is
split. Not where a budget will keep a method waiting: what is spent early comes back early.
Rule 9: where a request has places left, chains reach a page beyond what their spans seem to hold; some pages, where calls are cheap: what falls short
by a page is another round.
Rule 10: where an answer takes longer than the bucket takes for the next request, each of the last ones would wait for what the one before it leaves
over. So the rest is shared out among them, if it takes two or three: each reads what it takes to its end, were there a row under every id.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from extractor.client import Client
from extractor.filling import BURNING
from extractor.limits.joint import Limits
from extractor.listing import SURELY, WORTH_SPLITTING, Listing
from extractor.messages import BATCH_SIZE, PAGE_SIZE
from extractor.scheduler import Scheduler

WORTH_A_REQUEST = 0.2  # seconds: calls that take no longer than a request's way are not worth another one
WORTH_AT_THE_END = 2 * PAGE_SIZE  # a page for each half: the least there can be
LAST = 2  # requests: the one that would leave half empty, and the one beside it
LOOK = 0.5  # seconds: in which the smallest cloud bucket drains a request
ENOUGH = 0.5  # seconds: beside which a short way is little; of calls that take longer than that and than the way, more only end later
SURE = 0.5  # of what a span seems to hold: each round leaves half of the rest, and the errors of the estimate halve with it
SHARES = 1.25  # requests that each place of the window still has before it, when one takes its share: what is left then evens out what ids that lie unevenly have cost
CHEAP = 4  # calls that take as long as a request's way: where they are dearer, pages in vain cost more than another round
LONG = 8.0  # seconds that the bucket keeps the run: where it is less, rounds are what takes time
EARLY = 2  # times as fast as requests must leave
SHARED_OUT = 3  # requests
BEYOND = 6  # pages, where calls are cheap
SPARE = 2  # calls of a request that is to read a piece to its end, whose last page lies across it: for as much as the estimate may be wrong by
ROUNDING = 1e-9  # 50 times 1/50 is 1 but for it
FULL = 1 - ROUNDING


class Pace:
    """Decides for one run; asks everything anew each time, and keeps nothing."""

    def __init__(self, client: Client, limits: Limits, scheduler: Scheduler) -> None:
        """Look at the parts of a run."""
        self._client = client
        self._limits = limits
        self._scheduler = scheduler

    def width(self, now: float) -> int:
        """Return how many spans are worth having side by side, were each of them a call; where budgets bind, as many as spend them within a minute."""
        window = self._limits.window.statistics()
        requests = window.size
        if not self._affords(1):
            requests = min(requests, self._client.sustained(window.latency or 0.0, self._requests_left()))
        if self._scheduler.all_wait(self.wait(now)):
            requests = min(requests, BURNING)
        return BATCH_SIZE * requests

    def not_before(self, now: float) -> float:
        """Return when the next request may leave, so that the bucket's free part is spent by the end of the run, and not at once (Rule 8)."""
        if not self._scheduler.all_cut or self._affords(1) or self._scheduler.any_waits(self.wait(now)):
            return now
        requests = self._requests_left()
        spacing = self._client.spacing(requests)
        return self._limits.window.statistics().sent + spacing / EARLY if spacing * requests >= LONG else now

    def better_later(self, now: float, arrived: int) -> bool:
        """Tell whether a request that would leave half empty had better wait for the answers under way (Rule 1).

        For those that have `arrived` it waits a moment in any case, rather than split a span. Where all wait for their
        budgets, it is these that keep a request small, and answers say sooner when they are back.
        """
        if self._shared_out(now):
            return False
        load = functools.partial(self._scheduler.load, now, room=self.room(now), worth=self.worth_splitting(), share=0.5)
        if arrived and load(0, self.weight(now)) < FULL:
            return True
        return not self._affords(2) and not self._scheduler.all_wait(self.wait(now)) and load(self.width(now), self._limits.weight) < FULL

    def worth_splitting(self) -> float:
        """Return the rows that make a span worth a split (Rule 5)."""
        at_the_end = self._requests_left() < LAST
        return WORTH_AT_THE_END if at_the_end else WORTH_SPLITTING

    def one_round(self, widened: int = 1) -> bool:
        """Tell whether the window, were it so many times as wide, would take all that is left of the run at once, and its first requests are about to leave."""
        window, scheduler = self._limits.window.statistics(), self._scheduler
        fits = window.most < window.size >= self._requests_left() / widened and self._affords(2)
        return fits and scheduler.all_cut and all(map(self._cheap, scheduler.methods))

    def hurry(self, now: float) -> None:
        """Double the window where all that is left of the run goes in one round of it then (Rule 7)."""
        if self.one_round(widened=2) and not self.one_round():
            self._limits.window.hurry(now)

    def beyond(self, method: str) -> int:
        """Return how many pages a chain reaches beyond what its span seems to hold, where a request has places left (Rule 9)."""
        return BEYOND if self._cheap(method) else 1

    def _cheap(self, method: str) -> bool:
        return self._limits.batch.worth(method) >= CHEAP

    def sure(self, now: float) -> float:
        """Return the share of what a span seems to hold that chains count on: where requests are plenty, another round costs more than a page."""
        if self._shared_out(now):
            return SURELY
        return 1.0 if self._affords(2) else SURE

    def _shared_out(self, now: float) -> bool:
        """Tell whether the next request is one of the last that wait for no answer, and all that it is to hold is there (Rule 10)."""
        left, window = self._requests_left(), self._limits.window.statistics()
        if left > SHARED_OUT + window.in_flight or (window.latency or 0.0) * self._client.per_second <= 1 or self._affords(1):
            return False
        if not self._scheduler.all_cut or self._scheduler.any_waits(self.wait(now)):
            return False
        ready, total = self._scheduler.surely(now, self._limits.weight, room=self.room(now))
        most = SHARED_OUT if left > 1 else 1  # what seems to go in one request may well do so
        return 0 < ready >= min(1.0, total) - ROUNDING and total <= most + ROUNDING

    def room(self, now: float) -> Callable[[str], int]:
        """Return how many calls of a method one request may carry."""
        ledger = self._limits.operating
        return functools.cache(lambda method: ledger.room(method, now) or ledger.uncharged(method, now))

    def ready_at(self, now: float) -> Callable[[str], float]:
        """Return when a method may be called (Rule 4)."""
        return functools.cache(functools.partial(self._ready_at, now=now))

    def _ready_at(self, method: str, *, now: float) -> float:
        at = self._limits.operating.ready_at(method, now)
        if at <= now or not self._limits.operating.uncharged(method, now):
            return at
        return now if self._client.idle() else min(at, now + LOOK)

    def wait(self, now: float) -> Callable[[Listing], float]:
        """Return how long the rest of a listing lasts at the pace of its own budget, if that will keep it waiting; 0 if not."""
        ledger = self._limits.operating
        return lambda listing: ledger.lasts(listing.method, listing.rows_left() / PAGE_SIZE, now, self._client.per_second)

    def weight(self, now: float) -> Callable[[str], float]:
        """Return the share of a request that a call takes: more than it must, where requests are plenty (Rule 2)."""
        weight, window = self._limits.weight, self._limits.window.statistics()
        if not self._affords(2) or self._scheduler.in_order(now):
            return weight
        free = max(1, window.size - window.in_flight)
        spread = self._scheduler.load(now, self.width(now), weight, room=self.room(now), worth=self.worth_splitting()) / free
        together = window.most < window.size  # the first ones for all places: they leave at once, and none of them knows how unevenly ids lie
        place = self._requests_left() / window.size / (1.0 if together else SHARES)
        unlimited, whole = self._client.unlimited, self.one_round()

        def heavier(method: str) -> float:
            way = self._limits.batch.worth(method) * weight(method)
            enough = max(self._holds(ENOUGH, method), way if way < math.inf else 0.0) if unlimited else 1.0
            share = min(1.0, enough, max(place if whole else min(spread, place), self._holds(WORTH_A_REQUEST, method)))
            if whole:  # a call that is left of each, rounded down or full, would be another round
                return 1 / math.ceil(max(1.0, min(share, 1 - SPARE * weight(method)) / weight(method)) - ROUNDING)
            return weight(method) / share

        return heavier

    def _holds(self, work: float, method: str) -> float:
        """Return the share of a request that holds so many seconds of calls."""
        return self._limits.batch.fitting(method, work) * self._limits.weight(method)

    def _affords(self, times: int) -> bool:
        """Tell whether the bucket holds the rest of the run, so many times over, by the time that it takes."""
        window = self._limits.window.statistics()
        left = self._requests_left()
        seconds = left * (window.latency or 0.0) / window.size
        return self._client.affords(times * left + (times - 1) * window.size, seconds)

    def _requests_left(self) -> float:
        """Estimate the requests that the rest of the run takes."""
        return self._scheduler.rows_left() / PAGE_SIZE / BATCH_SIZE
