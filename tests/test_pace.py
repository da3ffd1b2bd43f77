"""What `pace` promises: how many requests are worth having side by side, and how far chains reach, by what is scarce."""

import asyncio

import pytest

from extractor.auth import webhook
from extractor.catalog import catalog
from extractor.client import Client
from extractor.limits import STANDARD, RateLimit
from extractor.limits.ends import ends_of
from extractor.limits.joint import Limits
from extractor.pace import BEYOND, EARLY, Pace
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

    def side_by_side(self) -> int:
        """Let requests leave until there are enough of them; return how many there are."""
        for sent in range(1_000):
            if not self.pace.soon_enough():
                return sent
            self.limits.window.entered(1.0)
        return 1_000


async def test_a_bucket_that_will_bind_is_spent_by_the_end():
    """Eighty requests of 0.7 s on 50/2: fifteen seconds have to pass, so that five a second are enough, and ten are soon enough."""
    run = Run(200_000, 0.7)
    assert EARLY * run.rate.sustained(0.7, 80) == (many := run.side_by_side()) < 16
    assert Run(200_000, 0.1).side_by_side() < many


@pytest.mark.parametrize(("rows", "tariff"), [(50_000, STANDARD), (200_000, None)])
async def test_where_no_bucket_binds_nothing_is_to_be_saved(rows, tariff):
    """The bucket holds the rest of the run, or there is none: the window alone says how many there may be."""
    assert 1_000 == Run(rows, 0.7, tariff).side_by_side()


@pytest.mark.parametrize(("seconds", "pages"), [(0.008, BEYOND), (0.2, 1)])
async def test_chains_reach_further_where_pages_are_cheap(seconds, pages):
    """A page in vain costs less than another round, if it takes a small part of a request's way; a dear one does not."""
    run, methods = Run(200_000, 0.3), [DEALS.method] * 2
    assert asyncio.get_running_loop().time() == 0
    run.limits.batch.answered(methods, 0.3, ends_of(methods, [10.05, 10.05 + seconds], 0.3))
    assert pages == run.pace.beyond(DEALS.method)
