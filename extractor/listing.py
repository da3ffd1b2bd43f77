"""What a scheduler holds: listings, the jobs at work on them, and the tickets and landings that it gives out.

A listing is one entity being read; a job is one of its pagers, with the calls of its latest ask.

Rule 1: a job that reads by ids may have many pages in one request: behind its call the next ones, each above the
last row of the page before; at most so many as its span seems to hold, and never more than it has ids for.
Rule 2: such a chain breaks at a page that is not full, and what is behind is lost. Where pages are often short, chains are
so short that about a tenth of their calls are lost that way.
Rule 3: where requests of a job fail again and again, its chain is what has to become shorter: a page far ahead may be what kills them.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from extractor.errors import B24xError, ContractBroken
from extractor.messages import BATCH_SIZE, PAGE_SIZE, Call, Page, Row, Unread
from extractor.paging import Pager, Part
from extractor.paging.span import Span, Tally, check_bounds, check_order, ids_of
from extractor.question import Question

WORTH_SPLITTING = 4 * PAGE_SIZE  # both halves keep two pages, and half a page is lost: a fifth at the worst
LOST = 0.1  # of the calls of chains, that short pages may cost
SHORTER = 4  # times, when a request has failed more than once
SURELY = math.inf  # a share of what a span seems to hold: as much as its ids have room for
NONE = -1  # the place of an answer that no job waits for


@dataclass(slots=True, eq=False)
class Job:
    """One pager at work: the calls of its latest ask, how many are under way, the place of the answer that it can use next.

    Places count from the first of an ask's calls; those of chained calls from the one before them all.
    """

    listing: Listing
    pager: Pager
    part: Part | None = None
    calls: tuple[Call, ...] = ()
    chained: Call | None = None
    pages: list[Page] = field(default_factory=list)
    lone: bool = False
    flying: int = 0
    awaited: int = 0
    reach: int = BATCH_SIZE
    failures: Counter[type[B24xError]] = field(default_factory=Counter)
    not_before: float = 0.0

    def ready(self, now: float) -> bool:
        """Tell whether its next call may go: nothing of it is under way, nothing to wait for."""
        return not self.flying and self.not_before <= now

    def most(self) -> int:
        """Return how many calls its next request may carry: those that are left, or a chain (Rules 1 to 3)."""
        return self._chain(1.0) if self.chained is not None else len(self.calls) - len(self.pages)

    def needed(self, share: float) -> int:
        """Return how many of them are needed if its span holds such a share of what it seems to."""
        return self._chain(share) if self.chained is not None else self.most()

    def surely(self) -> float:
        """Return how many calls more read what is left of it, however its ids lie; infinitely many where nobody can say."""
        if self.part is None or self.part.total is not None:
            return 0 if self.flying else self.most()
        return math.inf if self.chained is None or self.lone else max(0, self._room() - self.flying)

    def _chain(self, share: float, beyond: int = 0) -> int:
        """Return how many calls a chain has that reads such a share of what its span seems to hold, and some pages more."""
        if self.part is None:
            return 1
        most = self._room()
        seems = most if share == SURELY else math.ceil(self.part.span.rows_left() * share / PAGE_SIZE) + beyond
        return max(1, min(seems, most, self.reach, self.listing.reach))

    def _room(self) -> int:
        """Return how many pages its span would hold, were a row under every id; one at least."""
        assert self.part is not None  # noqa: S101 - the callers know
        return max(1, math.ceil((self.part.span.until - self.part.span.cursor) / PAGE_SIZE))

    def rows_beyond(self) -> float:
        """Estimate the rows of its span that are not under way."""
        return self.part.span.rows_left() - PAGE_SIZE * self.flying if self.part else 0.0

    def take(self, count: int, share: float = 1.0) -> list[Ticket]:
        """Send up to so many of its next calls on their way, in their order; `share` as for `needed`, or `SURELY`."""
        if self.chained is None:
            self.awaited = begin = len(self.pages)
            calls = self.calls[begin : begin + count]
        else:
            self.awaited = begin = 0
            calls = (*self.calls, *[self.chained] * (min(count, self.needed(share)) - 1))
        self.flying = len(calls)
        self.listing.moved()
        return [Ticket(self, begin + place, call) for place, call in enumerate(calls)]

    def most_of_others(self, share: float) -> int:
        """Return how many calls others may have of its span, which is split for them: one, or such a share of what it leaves in chains."""
        if self.chained is None or self.listing.reach == 1:
            return 1
        own = 0 if self.flying else self.most()
        return max(1, int((self.rows_beyond() / PAGE_SIZE - own) * share))

    def continued_by(self, page: Page) -> bool:
        """Tell whether a chained page goes on behind the one before; where it says something else, the portal knows no such references."""
        if self.part is None:
            return False
        if not page.rows:
            self.listing.short += 1
            return False
        try:
            ids = ids_of(page.rows, self.listing.question.entity.id)
            check_bounds(ids, self.part.span.cursor, None)
            check_order(ids)
        except ContractBroken:  # nobody had to ask for it: its own question will show what is the matter
            self.listing.chains = False
        return self.listing.chains

    def goes_on_behind(self, page: Page) -> bool:
        """Tell whether the next page of a chain can be the next one of the span, after this one."""
        if self.chained is None or self.part is None or self.part.span.closed:
            return False
        if len(page.rows) == PAGE_SIZE:
            self.listing.full += 1
            return True
        self.listing.short += self.part.span.high is not None  # behind the last id seen pages are short by themselves
        return False

    def lengthen(self, count: int, beyond: int = 0) -> list[Ticket]:
        """Send up to so many calls after those that were just taken: all that its span seems to hold, and some pages more."""
        if self.chained is None:
            return []
        longest = min(self._chain(1.0, beyond), self.flying + count)
        more = [Ticket(self, place, self.chained) for place in range(self.flying, longest)]
        self.flying += len(more)
        self.listing.moved()
        return more

    def failed(self, error: B24xError) -> None:
        """Take note that the call that it waits for has failed."""
        if self.failures:
            self.reach = max(1, self.reach // SHORTER)
        self.failures[type(error)] += 1

    def answered(self) -> None:
        """Take note that it was answered."""
        self.failures.clear()
        self.reach = min(BATCH_SIZE, 2 * self.reach)


@dataclass(slots=True, eq=False)
class Listing:
    """One entity being read: its question, the jobs at work on it, and the spans still to be read.

    `spans` is `None` until the entity has been cut: a run that stops before
    starts it over. What is left of hundreds of spans is asked for many times
    between two answers, and so it is kept until one of them has `moved`.
    """

    question: Question
    jobs: deque[Job] = field(default_factory=deque)
    spans: list[Span] | None = None
    chains: bool = True  # until the portal is seen not to know references
    full: int = 0  # pages behind which a chain can go on
    short: int = 0  # and pages, or failures, at which one breaks
    tally: Tally = field(default_factory=Tally)  # of all its spans; those of wanted ids are not like each other
    _left: float | None = field(default=None, repr=False)
    _wide: dict[float, list[Job]] = field(default_factory=dict, repr=False)

    @property
    def method(self) -> str:
        """The entity's method."""
        return self.question.entity.method

    @property
    def reach(self) -> int:
        """How many calls a chain may have: where every page has the same chance to break it, half of that, times its length, is lost."""
        if not self.chains:
            return 1
        return max(1, int(2 * LOST * (self.full + PAGE_SIZE) / self.short)) if self.short else BATCH_SIZE

    def moved(self) -> None:
        """Know that a job or its span is not what it was."""
        self._left = None
        self._wide.clear()

    def splittable(self, worth: float = WORTH_SPLITTING) -> list[Job]:
        """List the jobs whose spans may be split: `worth` rows are left of them, enough for two; one read by offsets cannot be."""
        if worth not in self._wide:
            jobs = [job for job in self.jobs if job.part is not None and job.part.total is None and not job.lone]
            self._wide[worth] = [job for job in jobs if job.rows_beyond() >= worth]
        return self._wide[worth]

    def wakes_at(self, now: float, ready: float, worth: float) -> float | None:
        """Return when its next call may go, if its method may be called from `ready` on; a span that is `worth` splitting is a call."""
        waits = [job.not_before for job in self.jobs if not job.flying]
        if worth < math.inf and self.splittable(worth):
            waits.append(now)
        return max(min(waits), now, ready) if waits else None

    def rows_left(self) -> float:
        """Estimate the rows still to come; 0 until the entity has been cut."""
        if self._left is None:
            self._left = sum(span.rows_left() for span in self.spans or ())
        return self._left


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that was handed out, and the place in its job where the answer belongs."""

    job: Job
    place: int
    call: Call

    @property
    def awaited(self) -> bool:
        """Whether its answer is what the job can use next: not behind a call that failed, or a page that broke the chain."""
        return self.place == self.job.awaited

    @property
    def decisive(self) -> bool:
        """Whether its failure is the job's own: a chained call is asked again in its own right, and may fail then."""
        return self.awaited and (self.place == 0 or self.job.chained is None)


@dataclass(frozen=True, slots=True)
class Landing:
    """What an answer brought: rows to write, ids that cannot be read, and whether its entity is now at its end."""

    listing: Listing
    rows: Sequence[Row] = ()
    finished: bool = False
    unread: tuple[Unread, ...] = ()
