"""What `offset` promises: pages read by offset lose no row, whatever moves between them."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.errors import ContractBroken
from extractor.messages import Page
from extractor.paging import Ask
from extractor.paging.offset import descend, start_offsets, uncovered
from extractor.paging.span import Span
from tests.paging.table import ASKED, Spoilt, Table, ids, survive, walk


class Moving:
    """A table out of which rows are deleted, and to whose end rows are appended, before every call."""

    def __init__(self, count, seed, *, most=4, **options):
        self.table = Table(range(1, count * 3, 3), **options)
        self.chance, self.most = random.Random(seed), most
        self.stayed = set(self.table.ids)
        self.last, self.total = max(self.stayed, default=0), min(count, self.table.cap)

    def answer(self, call):
        """Move, then answer."""
        for one in self.chance.sample(self.table.ids, min(self.chance.randint(0, self.most), len(self.table.ids) - 1)):
            del self.table.copies[one]
            self.stayed.discard(one)
        top = max(self.table.ids, default=self.last)
        self.table.copies |= {top + 2 * step: 1 for step in range(1, self.chance.randint(1, 4))}
        return self.table.answer(call)

    def read(self):
        """Read the whole table by offsets."""
        kept, parts = walk(descend(ASKED, Span(0, self.last, self.last), self.total), self.answer)
        assert () == parts
        return kept


@given(st.integers(0, 10**6))
def test_start_offsets_are_those_of_every_page_highest_first(total):
    """Pages of fifty that cover the set, and page 1 even of a set that says it is empty."""
    starts = start_offsets(min(total, 10_000))
    assert list(range(0, max(1, min(total, 10_000)), 50)) == list(starts[::-1])


@pytest.mark.parametrize("total", [10**15, 2**63, 10**400])
@pytest.mark.parametrize("last", [300, 10**15, 2**63 - 1])
def test_a_total_of_any_size_is_a_number_and_no_more(total, last):
    """More rows than ids there cannot be, and their offsets are not written down beforehand: the rows come all the same."""
    table = Table([*range(1, 300), last])
    kept, _ = walk(descend(ASKED, Span(0, last, last), total), table.answer)
    assert [*range(1, 300), last] == sorted(kept)


@given(st.integers(1, 700), st.integers(0, 2**32))
def test_what_stays_comes_once_whatever_moves(count, seed):
    """Deletions pull rows down into pages still to come; appended rows lie above everything (crm-lists.md, 8)."""
    world = Moving(count, seed)
    kept = world.read()
    assert len(set(kept)) == len(kept)
    assert world.stayed <= set(kept)


def test_lowest_first_loses_rows():
    """The same calls in the other order: a deletion pulls a row down into a page that was read already."""
    world = Moving(700, seed=1)
    pages = [world.answer(ASKED.offset(start, 10**9)) for start in start_offsets(world.total)[::-1]]
    assert world.stayed - {one for page in pages for one in ids(page.rows)}


@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 2**32))
def test_a_capped_total_hides_nothing(count, cap, seed):
    """An option of the portal may cap `total` and what offsets reach (getRowCountThreshold): the rest goes by ids."""
    world = Moving(count, seed, cap=cap)
    kept = world.read()
    assert len(set(kept)) == len(kept)
    assert world.stayed <= set(kept)


@given(st.integers(100, 400), st.integers(0, 2**32))
def test_a_set_that_shrinks_by_pages_is_whole(count, seed):
    """Past the end the portal answers page 1 again (calculatePageNumber): such pages are dropped, not believed."""
    world = Moving(count, seed, most=60)
    kept = world.read()
    assert len(set(kept)) == len(kept)
    assert world.stayed <= set(kept)


def test_page_1_in_place_of_a_page_that_vanished_does_not_end_the_set():
    """Believed, it would look as if everything down to the first row had been read (Rule 3)."""
    table = Table(range(1, 2541))  # 60 fewer than were counted: nothing is at 2550 any more
    kept, _ = walk(descend(ASKED, Span(0, 2600, 2600), 2600), table.answer)
    assert list(range(1, 2541)) == sorted(kept)


def test_more_than_a_batch_is_read_in_groups_one_after_another():
    """Fifty pages an ask, and what lies between them; rows of the upper group are handed over before the lower one is asked for (Rule 1)."""
    table = Table(range(2, 12_001, 2))
    span = Span(0, 12_000, 12_000)
    pager, asks, kept = descend(ASKED, span, 6_000), [], []
    ask = next(pager)
    while ask.calls:
        asks.append([call.params["start"] for call in ask.calls])
        kept += ids(ask.rows)
        assert sorted(kept) == list(range(min(kept, default=12_002), 12_001, 2))
        assert span.high < min(kept, default=12_001)
        assert sorted(ids(ask.rows)) == ids(ask.rows)
        try:
            ask = pager.send([table.answer(call) for call in ask.calls])
        except StopIteration as end:
            kept += ids(end.value.rows)
            ask = Ask(())
    assert [50, 50, 50, 51, 20, 22] == [len(starts) for starts in asks]
    assert list(range(2, 12_001, 2)) == sorted(kept)
    assert span.closed


@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_groups_lose_nothing_whatever_moves(seed):
    """What is left of the span is all that a later group may add."""
    world = Moving(3000, seed)
    kept = world.read()
    assert len(set(kept)) == len(kept)
    assert world.stayed <= set(kept)


def test_only_what_the_span_holds_is_kept():
    """Rows that were kept by the probe, and rows beyond the last id that was known, are others' to read."""
    kept, _ = walk(descend(ASKED, Span(60, 200, 200), 300), Table(range(1, 301)).answer)
    assert list(range(61, 201)) == sorted(kept)


def test_a_total_of_nothing_is_no_proof():
    """`total` is 0 beside rows where the portal did not count: then it is read by ids."""
    kept, _ = walk(descend(ASKED, Span(0, 120, 120), 0), Table(range(1, 121), cap=0).answer)
    assert list(range(1, 121)) == sorted(kept)


def test_an_empty_page_may_lack_its_total():
    """user.get answers a bare `[]` past the end (portal.md, 2.1): the set has shrunk, and that is all."""
    table = Table(range(1, 101))

    def answer(call):
        page = table.answer(call)
        return page if call.params["start"] in {0, 50, -1} else Page([])

    kept, _ = walk(descend(ASKED, Span(0, 100, 100), 200), answer)
    assert list(range(1, 101)) == sorted(kept)


def test_a_page_with_rows_but_no_total_is_refused():
    """It cannot be told from page 1 of a set that ends before it."""
    pager = descend(ASKED, Span(0, 100, 100), 100)
    next(pager)
    with pytest.raises(ContractBroken, match="no total"):
        pager.send([Page([{"ID": "51"}]), Page([{"ID": "1"}], 100)])


def test_a_page_in_another_order_is_refused():
    """Unordered pages may overlap anywhere: nothing about them is exact."""
    pager = descend(ASKED, Span(0, 100, 100), 100)
    next(pager)
    with pytest.raises(ContractBroken, match="ignored the order"):
        pager.send([Page([{"ID": one} for one in ids], 100) for ids in (range(100, 50, -1), range(1, 51))])


def test_a_span_that_was_narrowed_meanwhile_stays_disjoint():
    """Rows above an upper end that was lowered belong to another pager by then."""
    span, table = Span(0, 100, 100), Table(range(1, 101))
    pager = descend(ASKED, span, 100)
    ask = next(pager)
    span.split()
    ask = pager.send([table.answer(call) for call in ask.calls])
    with pytest.raises(StopIteration) as end:
        pager.send([table.answer(call) for call in ask.calls])
    assert list(range(1, 51)) == sorted(ids(end.value.value.rows))


def test_every_call_counts_and_orders():
    """`start` at or above 0 makes the portal count; the order on the id is explicit (Rule 1 of `question`)."""
    (first, second) = next(descend(ASKED, Span(0, 100, 100), 100)).calls
    assert (50, 0) == (first.params["start"], second.params["start"])
    assert {"ID": "ASC"} == first.params["order"]


@pytest.mark.parametrize(("struck", "came"), [(2550, 0), (100, 0), (100, 50), (50, 100), (0, 50), (0, 2500), (150, 100)])
def test_a_page_in_the_place_of_another_loses_nothing(struck, came):
    """Whether it lies above or below the one that was asked for, in this ask or the next one."""
    table = Table(range(1, 2_552))

    def answer(call):
        page = table.answer(call)
        return replace(table.answer(ASKED.offset(came, 2_551)), total=page.total) if call.params["start"] == struck else page

    kept, _ = walk(descend(ASKED, Span(0, 2_551, 2_551), 2_551), answer)
    assert list(range(1, 2_552)) == sorted(kept)


@given(st.integers(101, 3_000), st.data())
def test_a_page_that_is_not_what_was_asked_for_loses_nothing(count, data):
    """One cut short, one blank, or another's in its place: fewer rows came than were counted, so they are read by ids."""
    table = Table(range(1, count + 1))
    starts = start_offsets(count)
    struck, fate = data.draw(st.sampled_from(starts)), data.draw(st.sampled_from(["short", "blank", *starts]))

    def answer(call):
        page = table.answer(call)
        if call.params["start"] != struck:
            return page
        if isinstance(fate, str):
            return replace(page, rows=page.rows[:-1] if fate == "short" else [])
        return replace(table.answer(ASKED.offset(fate, count)), total=page.total)

    kept, _ = walk(descend(ASKED, Span(0, count, count), count), answer)
    assert list(range(1, count + 1)) == sorted(kept)


@given(st.integers(101, 2_500), st.data())
def test_totals_that_lie_lose_nothing(count, data):
    """Pages that carry rows and say that there are fewer than before them, or none: their rows are not lost with the lie."""
    table = Table(range(1, count + 1))
    below, lie = data.draw(st.integers(0, count)), data.draw(st.integers(0, count))

    def answer(call):
        page = table.answer(call)
        return replace(page, total=lie) if 0 <= call.params["start"] <= below else page

    kept, _ = walk(descend(ASKED, Span(0, count, count), count), answer)
    assert list(range(1, count + 1)) == sorted(kept)


@pytest.mark.parametrize("says_next", [True, False])
def test_a_total_that_lies_and_a_blank_page_lose_nothing(says_next):
    """The count is that of the first page, and what lies above it is asked for and comes as nothing: the last id is on no page."""
    table = Table(range(1, 501))

    def answer(call):
        page = table.answer(call)
        if call.params["start"] >= 0:
            return replace(page, total=50, next=page.next if says_next else None)
        return replace(page, rows=[]) if call.params.get("filter") == {">ID": 50, "<=ID": 500} and table.calls.count(call) == 1 else page

    kept, _ = walk(descend(ASKED, Span(0, 500, 500), 50), answer)
    assert list(range(1, 501)) == sorted(kept)


def test_a_next_page_beyond_the_total_belies_it():
    """Then the pages by offset are dropped before anything is asked between them."""
    table = Table(range(1, 101))
    walk(descend(ASKED, Span(0, 100, 100), 50), lambda call: replace(table.answer(call), total=50))
    assert [0, -1] == [call.params["start"] for call in table.calls][:2]
    assert {">ID": 0} == table.calls[1].params["filter"]


def test_a_bad_row_above_a_capped_total_leaves_the_set_to_ids():
    """What lies above the uppermost page goes by ids, and those who read by ids know a way around bad rows."""
    portal = Spoilt(range(10, 2_010, 10), {1_900})
    portal.table.cap = 100
    kept, named, _ = survive(descend(ASKED, Span(0, 2_000, 2_000), 100), portal)
    assert (set(range(10, 2_010, 10)) - {1_900}, ["1900"]) == (set(kept), [one.id for one in named])


def test_a_short_page_hides_behind_no_deletion():
    """A row of the pages above was deleted meanwhile, so that the count has room for one that is missing: its own total shows it."""
    table, calls = Table(range(1, 201)), []

    def answer(call):
        calls.append(call)
        if len(calls) == 3:
            table.copies.pop(199)
        page = table.answer(call)
        return replace(page, rows=page.rows[:-1]) if len(calls) == 3 else page

    kept, _ = walk(descend(ASKED, Span(0, 200, 200), 200), answer)
    assert {*range(1, 199), 200} <= set(kept)


class Restless(Table):
    """A table in which anything may happen before a call: rows go, rows come from the side, rights go and come back."""

    def __init__(self, count, seed):
        super().__init__(range(5, count * 5 + 1, 5))
        self.chance = random.Random(seed)
        self.stayed, self.hidden = set(self.ids), {}
        self.last = max(self.stayed)

    def answer(self, call):
        """Let something happen, then answer."""
        fate = self.chance.random()
        for one in self.chance.sample(self.ids, min(self.chance.choice([0, 0, 1, 3]), len(self.ids))):
            del self.copies[one]
        for one in self.chance.sample(range(1, self.last), self.chance.choice([0, 0, 1, 3])):
            self.copies.setdefault(one, 1)
        if fate < 0.03:
            self.hidden, self.copies = self.copies, {}
        elif fate < 0.3 and self.hidden:
            self.hidden, self.copies = {}, self.hidden
        self.stayed &= self.copies.keys()  # what is not shown for a while is not among the rows that may be read
        return super().answer(call)


@given(st.integers(20, 600), st.integers(0, 2**32))
def test_whatever_happens_to_the_set_a_row_that_stays_is_there_or_an_error_is(count, seed):
    """Rows are deleted, become visible below, all rights go for a while: no page is believed for more than it shows."""
    table = Restless(count, seed)
    try:
        kept, _ = walk(descend(ASKED, Span(0, table.last, table.last), count), table.answer)
    except ContractBroken:
        return
    assert len(set(kept)) == len(kept)
    assert table.stayed <= set(kept)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=8), st.one_of(st.none(), st.integers(0, 30)), st.integers(30, 80))
def test_the_gaps_are_what_no_page_covers(pieces, low, high):
    """Every id below the upper end, and above the lower one, lies in a piece or in a gap, and in no two gaps."""
    runs = [list(range(first, first + length)) for first, length in pieces]
    gaps = uncovered(runs, low, high)
    covered = [one for above, up_to in gaps for one in range(above + 1, up_to + 1)]
    assert len(set(covered)) == len(covered)
    bottom = low + 1 if low is not None else min((run[0] for run in runs), default=high + 1)
    inside = {one for run in runs for one in run}
    assert set(range(bottom, high + 1)) - inside <= set(covered)
