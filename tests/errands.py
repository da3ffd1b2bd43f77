"""A scheduler at work on tables, step by step and in any order: what an engine may do to it, and what must hold always."""

from __future__ import annotations

import random
from bisect import bisect
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

from extractor.errors import ConnectionLost
from extractor.listing import SURELY
from extractor.paging.span import Span
from extractor.question import Question
from extractor.scheduler import Scheduler
from tests.paging.table import THINGS, Table, ids


def asking(name, **options):
    """Ask for an entity of its own name and method."""
    return Question(replace(THINGS, name=name, method=f"{name}.list"), **options)


def unchained(name):
    """Ask for an entity whose pages name their upper end, so that none can follow another in one batch."""
    return Question(replace(THINGS, name=name, method=f"{name}.list", counts_always=True))


OFFSETS = asking("offsets", paging="offset")
KINDS = {
    "dense": lambda seed: (asking("dense"), Table(range(1, 400 + seed % 900))),
    "thin": lambda _seed: (asking("thin"), Table(range(1, 30_000, 97))),
    "small": lambda seed: (asking("small"), Table(range(seed % 60))),
    "gaps": lambda _seed: (asking("gaps"), Table([*range(1, 300), *range(10**6, 10**6 + 300)])),
    "joined": lambda seed: (asking("joined", filter={"BINDINGS": [{"OWNER_TYPE_ID": 2}]}),
                            Table(range(1, 500), copies={1 + seed % 400: 70, 300: 2})),
    "folded": lambda seed: (asking("folded"), Table(range(1, 900), copies=dict.fromkeys(range(1, 900, 5 + seed % 90), 2), folded=True)),
    "unlinked": lambda _seed: (asking("unlinked"), Table(range(1, 900), references=False)),
    "offsets": lambda _seed: (OFFSETS, Table(range(1, 900, 2))),
}


class Errands:
    """Takes, answers, fails, splits, deletes, appends and kills at random; `tables` are (question, table) pairs."""

    def __init__(self, seed, *tables, mishaps=60):
        self.chance, self.mishaps, self.now = random.Random(seed), mishaps, 0.0
        self.tables = {question.entity.method: table for question, table in tables}
        self.stayed = {method: set(table.ids) for method, table in self.tables.items()}
        self.kept, self.requests, self.finished = defaultdict(list), [], Counter()
        self._begin([(question, None) for question, _ in tables])

    def run(self):
        """Go on until nothing is left to be read."""
        for _ in range(20_000):
            if self.scheduler.done:
                break
            self.now += 1
            self.chance.choice([self._take, self._answer, self._answer, self._absorb, self._mishap])()
        assert self.scheduler.done, "this goes on for ever"
        assert dict.fromkeys(self.tables, 1) == dict(self.finished)
        for method, stayed in self.stayed.items():
            assert stayed <= set(self.kept[method])

    def _begin(self, entities):
        self.scheduler, self.requests, self.listings = Scheduler(), [], []
        for question, spans in entities:
            listing, landings = self.scheduler.add(question, spans)
            self.listings.append(listing)
            self._land(landings)

    def _at_work(self, rooms):
        """Count the jobs that do not wait for their budget."""
        return sum(len(listing.jobs) for listing in self.listings if rooms[listing.method])

    def _take(self):
        width, size = self.chance.randint(1, 120), self.chance.choice([1, 3, 20, 50])
        rooms = {method: self.chance.choice([0, 1, 60]) for method in self.tables}
        jobs = self._at_work(rooms)
        sure = self.chance.choice([0.5, 1.0, SURELY])
        tickets = self.scheduler.take(self.now, width, room=rooms.__getitem__, weight=lambda _method: 1 / size, sure=sure)
        assert len(tickets) <= size
        assert Counter(ticket.call.method for ticket in tickets) <= Counter(rooms)
        assert sure == SURELY or self._at_work(rooms) <= max(width, jobs)
        assert {ticket.job for ticket in tickets}.isdisjoint(ticket.job for waiting, _ in self.requests for ticket in waiting)
        if tickets:
            self.requests.append((tickets, []))
        self._check()

    def _answer(self):
        """Let the portal answer the next call of a request, or fail at it, while rows come and go."""
        waiting = [request for request in self.requests if len(request[1]) < len(request[0])]
        if waiting:
            tickets, pages = self.chance.choice(waiting)
            call = tickets[len(pages)].call
            fails = self.mishaps > 0 and self.chance.random() < 0.02
            pages.append(None if fails else self.tables[call.method].answer(call, pages[-1] if pages else None))

    def _absorb(self):
        """Take in a request that was answered, in any order, some of its calls as failures."""
        for request in [one for one in self.requests if len(one[0]) == len(one[1])][:1]:
            self.requests.remove(request)
            pairs = list(zip(*request, strict=True))
            if self.chance.random() < 0.3:
                self.chance.shuffle(pairs)
            failing = self.chance.choice([0, 0, 0.2, 1]) if self.mishaps > 0 else 0
            for ticket, page in pairs:
                if page is None or self.chance.random() < failing:
                    self.scheduler.failed(ticket, ConnectionLost("cut"), self.now + self.chance.randint(0, 9))
                else:
                    self._land(self.scheduler.feed(ticket, page))
                self._check()

    def _mishap(self):
        """Delete, append or kill: seldom the last."""
        self.mishaps -= 1
        if self.mishaps < 0:
            return
        for method, table in self.tables.items():
            for one in self.chance.sample(table.ids, min(3, len(table.ids))):
                del table.copies[one]
                self.stayed[method].discard(one)
            table.copies |= {max(table.ids, default=0) + 2: 1}
        if self.chance.random() < 0.1:
            self._begin([
                (one.question, one.spans and [Span(span.cursor, span.high, span.until) for span in one.spans])
                for one in self.listings if not self.finished[one.question.entity.method]
            ])

    def _land(self, landings):
        for landing in landings:
            method = landing.listing.question.entity.method
            self.kept[method] += ids(landing.rows)
            self.finished[method] += landing.finished

    def _check(self):
        """A commit at this very moment would be whole: each row that stays is handed over or still to be read, not both."""
        for listing in self.listings:
            method = listing.question.entity.method
            kept = set(self.kept[method])
            assert len(kept) == len(self.kept[method]), "a row came twice"
            if self.finished[method] or listing.spans is None:
                assert self.finished[method] or not kept
                continue
            spans = sorted(listing.spans, key=lambda span: span.cursor)
            assert all(low.high <= high.cursor for low, high in pairwise(spans))
            known = sorted(self.stayed[method] | kept)
            ends = [(bisect(known, span.cursor), len(known) if span.high is None else bisect(known, span.high)) for span in spans]
            inside = {one for low, high in ends for one in known[low:high]}
            assert self.stayed[method] <= kept | inside, "a row is lost"
            assert kept.isdisjoint(inside), "a row will come twice"
