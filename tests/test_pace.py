"""What `pace` promises: how many requests are worth having side by side, and how far chains reach, by what is scarce."""

import asyncio

import pytest

from extractor.auth import webhook
from extractor.catalog import catalog
from extractor.client import Client
from extractor.limits import STANDARD, RateLimit
from extractor.limits.ends import ends_of
from extractor.limits.joint import Limits
from extractor.listing import SURELY
from extractor.messages import Timing
from extractor.pace import BEYOND, EARLY, SURE, Pace
from extractor.paging.span import Span
from extractor.question import Question
from extractor.scheduler import Scheduler

DEALS = catalog()["deals"]
ADDRESS = "https://example.invalid/rest/1/0000000000000000/"


class Run:
    """A run amid its way: `rows` are left, on a portal whose requests take so many seconds."""

    def __init__(self, rows: int, seconds: float, tariff=STANDARD) -> None:
        self.rate, self.limits = RateLimit(tariff), Limits()
        scheduler = Scheduler()
        scheduler.add(Question(DEALS), [Span(0, rows, rows)])
        self.pace = Pace(Client(None, webhook(ADDRESS), self.rate), self.limits, scheduler)
        self.limits.window.entered(0.0)
        self.limits.window.left(seconds, seconds, ok=True)

    async def spent(self) -> "Run":
        """Spend the bucket."""
        while self.rate.affords(1):
            await self.rate.admit()
        return self

    def spacing(self, sent: float = 100.0) -> float:
        """Return the seconds that the next request waits for the one before it, which left at `sent`."""
        self.limits.window.entered(sent)
        return max(0.0, self.pace.not_before(sent) - sent)


async def test_a_bucket_that_will_bind_is_spent_by_the_end():
    """Eighty requests on 50/2: fifteen seconds have to pass, so that they leave twice as fast as evenly, and not fifty at once."""
    assert 15 / 80 / EARLY == pytest.approx(Run(200_000, 0.7).spacing(), rel=0.02)


async def test_requests_that_hang_hold_no_others_up():
    """How many are in flight says nothing: the next one leaves when its time has come."""
    run = Run(200_000, 0.7)
    before = run.spacing()
    for _ in range(12):
        run.limits.window.entered(100.0)
    assert before == run.spacing()


@pytest.mark.parametrize(("rows", "tariff"), [(50_000, STANDARD), (150_000, STANDARD), (200_000, None)])
async def test_where_no_bucket_binds_for_long_nothing_is_to_be_saved(rows, tariff):
    """The bucket holds the rest of the run, or all but some seconds of it, or there is none: the window alone says how many there may be."""
    assert 0 == Run(rows, 0.7, tariff).spacing()


async def test_a_budget_that_will_keep_a_method_waiting_is_spent_at_once():
    """What is spent in the first seconds comes back first."""
    run = Run(2_000_000, 0.7)
    operating = run.limits.operating
    operating.started(DEALS.method, True, 50, 0.0)
    operating.answered(DEALS.method, True, 50, [Timing(operating=0.0)] * 50, 10.0, sent=0.0)
    assert 0 == run.spacing()


async def test_the_last_requests_wait_for_no_answer_where_answers_take_longer_than_the_bucket():
    """Three requests, half a second apart, whose answers take 0.7 s: each reads what it takes to its end."""
    assert (await Run(7_500, 0.7).spent()).pace.sure(0.0) == SURELY


@pytest.mark.parametrize(("rows", "seconds"), [(7_600, 0.7), (7_500, 0.4)])
async def test_other_requests_leave_something_over(rows, seconds):
    """There are too many of them for all that ids have room for, or the answer comes before the bucket lets the next one leave."""
    assert (await Run(rows, seconds).spent()).pace.sure(0.0) == SURE


async def test_what_the_bucket_holds_is_not_shared_out():
    """Requests that need not wait for the bucket take what there seems to be, as places that stand empty cost nothing."""
    assert Run(7_500, 0.7).pace.sure(0.0) == 1.0


@pytest.mark.parametrize(("seconds", "pages"), [(0.008, BEYOND), (0.2, 1)])
async def test_chains_reach_further_where_pages_are_cheap(seconds, pages):
    """A page in vain costs less than another round, if it takes a small part of a request's way; a dear one does not."""
    run, methods = Run(200_000, 0.3), [DEALS.method] * 2
    assert asyncio.get_running_loop().time() == 0
    run.limits.batch.answered(methods, 0.3, ends_of(methods, [10.05, 10.05 + seconds], 0.3))
    assert pages == run.pace.beyond(DEALS.method)
