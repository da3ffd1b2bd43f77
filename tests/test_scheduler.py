"""What `scheduler` promises: whatever is answered, fails or is split in whatever order, rows come once and nobody starves."""

import itertools
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.errors import ConnectionLost, ContractBroken, OperatingLimited
from extractor.listing import SURELY
from extractor.messages import Page
from extractor.paging import Ask
from extractor.paging.span import Span
from extractor.scheduler import WORTH_SPLITTING, Job, Scheduler
from tests.errands import KINDS, OFFSETS, Errands, asking, unchained
from tests.paging.table import Table, ids


def take(scheduler, now=0.0, width=50, *, room=999, size=50):
    """Take one request of up to `size` calls."""
    return scheduler.take(now, width, room=lambda _method: room, weight=lambda _method: 1 / size)


def surely(scheduler, now=0.0, *, room=999, size=50):
    """Count the requests of up to `size` calls that what is left takes: what is ready, and all."""
    return scheduler.surely(now, lambda _method: 1 / size, room=lambda _method: room)


def opened(question, *spans):
    """Begin with spans; gives the scheduler and the listing."""
    scheduler = Scheduler()
    return scheduler, scheduler.add(question, spans)[0]


def methods(tickets):
    """Count the calls by method."""
    return Counter(ticket.call.method.removesuffix(".list") for ticket in tickets)


WIDTHS = [(asking, 50), (asking, 1050), (unchained, 50), (unchained, 1050)]


def chains(tickets):
    """Put the tickets of one job together."""
    by_job = {}
    for ticket in tickets:
        by_job.setdefault(ticket.job, []).append(ticket)
    return list(by_job.values())


def answer(scheduler, tickets, table):
    """Answer a request as the portal does, one call after another; gives the ids that were kept, in their order."""
    pages = []
    for ticket in tickets:
        pages.append(table.answer(ticket.call, pages[-1] if pages else None))
    return [one for ticket, page in zip(tickets, pages, strict=True) for land in scheduler.feed(ticket, page) for one in ids(land.rows)]


def page(*some, total=None):
    """Make a page of ids."""
    return Page([{"ID": str(one)} for one in some], total)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3, unique=True))
def test_every_row_that_stays_comes_once_and_every_moment_is_whole(seed, kinds):
    """In any order of answers, failures, splits, deletions, appends and kills; checked after every step."""
    Errands(seed, *(KINDS[kind](seed) for kind in kinds)).run()


def test_the_probes_of_all_entities_share_the_first_request():
    """Two calls each, the last id first: twenty-five entities are opened by one request."""
    scheduler = Scheduler()
    for number in range(25):
        scheduler.add(asking(f"e{number}"))
    tickets = take(scheduler)
    assert 50 == len(tickets)
    assert {2} == set(methods(tickets).values())
    assert ["DESC", "ASC"] * 25 == [ticket.call.params["order"]["ID"] for ticket in tickets]


def test_listings_share_a_request():
    """A call each in turn: a table of millions leaves half of every request to its neighbour."""
    scheduler = Scheduler()
    for name in "ab":
        scheduler.add(asking(name), [Span(low, low + 99, low + 99) for low in range(0, 9900, 99)])
    assert {"a": 25, "b": 25} == methods(take(scheduler))


def test_what_a_neighbour_does_not_need_is_used():
    """A share is no reservation."""
    scheduler = Scheduler()
    scheduler.add(asking("a"), [Span(low, low + 99, low + 99) for low in range(0, 9900, 99)])
    scheduler.add(asking("b"), [Span(0, 49, 49)])
    assert {"a": 49, "b": 1} == methods(take(scheduler))


def test_nobody_starves():
    """Eight entities, five calls a request: after eight requests each has had as many as the others."""
    scheduler = Scheduler()
    for number in range(8):
        scheduler.add(asking(f"e{number}"), [Span(0, 99, 99) for _ in range(9)])
    served = sum((methods(take(scheduler, size=5)) for _ in range(8)), Counter())
    assert {f"e{number}": 5 for number in range(8)} == served


def test_spans_of_one_listing_take_turns():
    """One call a request: each of three spans is asked for in its turn."""
    scheduler, _ = opened(unchained("a"), *(Span(low, low + 99, low + 99) for low in (0, 100, 200)))
    lows = []
    for _ in range(6):
        (ticket,) = take(scheduler, size=1, width=3)
        lows.append(ticket.call.params["filter"][">ID"] // 100)
        scheduler.feed(ticket, page(ticket.call.params["filter"][">ID"] + 1))
    assert [0, 1, 2, 0, 1, 2] == lows


@given(st.integers(0, 60), st.integers(1, 50), st.integers(1, 90))
def test_room_and_weight_bound_a_request(room, size, spans):
    """No more calls of a method than the ledger has room for, no more in a request than end in time."""
    scheduler, _ = opened(unchained("a"), *(Span(low, low + 99, low + 99) for low in range(0, spans * 99, 99)))
    assert min(room, size, spans) == len(take(scheduler, room=room, size=size, width=1))


@given(st.lists(st.sampled_from([1, 0.5, 0.3, 1 / 7, 0.02]), min_size=1, max_size=6))
def test_methods_of_different_weight_share_one_request(weights):
    """The shares of all calls sum up to one request at most."""
    scheduler = Scheduler()
    for number in range(len(weights)):
        scheduler.add(asking(f"e{number}"), [Span(0, 99, 99) for _ in range(60)])
    weight = {f"e{number}.list": one for number, one in enumerate(weights)}
    tickets = scheduler.take(0, 1, room=lambda _method: 999, weight=weight.__getitem__)
    assert 0 < sum(weight[ticket.call.method] for ticket in tickets) <= 1 + 1e-6


def test_a_call_that_is_too_heavy_goes_alone():
    """A method whose every call outlasts a request would never be asked otherwise."""
    scheduler, _ = opened(unchained("a"), Span(0, 99, 99), Span(99, 199, 199))
    assert 1 == len(take(scheduler, size=0.5))


@given(st.integers(0, 120), st.integers(1, 4))
def test_no_more_spans_are_opened_than_side_by_side_need(width, requests):
    """Each split costs half a page (Rule 4)."""
    scheduler, listing = opened(unchained("a"), Span(0, 10**6, 10**6))
    taken = [take(scheduler, width=width) for _ in range(requests)]
    assert max(1, min(width, 50 * requests)) == len(listing.jobs) == sum(map(len, taken))


def test_the_span_with_the_most_rows_left_is_split():
    """Rows, not ids, by the density seen; and of its ids those behind the page that is under way."""
    scheduler, listing = opened(unchained("a"), Span(0, 10_000, 10_000, 0.1), Span(20_000, 24_000, 24_000))
    take(scheduler, width=3)
    assert [(0, 10_000), (20_000, 22_025), (22_025, 24_000)] == sorted((span.cursor, span.high) for span in listing.spans)


def test_a_span_is_not_split_below_what_it_is_worth():
    """Both halves keep more than a page."""
    scheduler, listing = opened(unchained("a"), Span(0, WORTH_SPLITTING - 1, WORTH_SPLITTING - 1))
    assert 1 == len(take(scheduler)) == len(listing.spans)


def test_a_span_that_is_read_by_offsets_is_not_split():
    """Its pages are asked for already: another pager would read them a second time."""
    scheduler = Scheduler()
    listing, _ = scheduler.add(OFFSETS)
    table = Table(range(1, 4001))
    for _ in range(2):  # the probe, then the counted page
        for ticket in take(scheduler):
            scheduler.feed(ticket, table.answer(ticket.call))
    assert 50 == len(take(scheduler, width=999)) + len(take(scheduler, width=999)) - 1  # fifty pages and the open end
    assert 2 == len(listing.spans)


def test_a_failure_takes_the_calls_behind_it_along():
    """Offset paging lives on this (Rule 2): what was read behind a failed page is read again."""
    scheduler = Scheduler()
    scheduler.add(OFFSETS)
    table = Table(range(1, 201))
    for _ in range(2):
        for ticket in take(scheduler):
            scheduler.feed(ticket, table.answer(ticket.call))
    first, second, *later = [one for one in take(scheduler) if one.call.params["start"] >= 0]
    scheduler.feed(first, table.answer(first.call))
    scheduler.failed(second, ConnectionLost("cut"), 0.0)
    for ticket in later:
        assert () == scheduler.feed(ticket, table.answer(ticket.call))
    assert [100, 50, 0] == [ticket.call.params["start"] for ticket in take(scheduler)]


def test_a_failure_counts_once_for_its_job_until_an_answer():
    """Attempts are counted per call and error class; those behind the failed call did not fail by themselves."""
    scheduler = Scheduler()
    listing, _ = scheduler.add(asking("a"))
    (job,) = listing.jobs
    for _ in range(2):
        for ticket in take(scheduler):
            scheduler.failed(ticket, ConnectionLost("cut"), 0.0)
    assert {ConnectionLost: 2} == dict(job.failures)
    last, first = take(scheduler)
    scheduler.feed(last, page(5))
    scheduler.failed(first, OperatingLimited("X"), 0.0)
    assert {OperatingLimited: 1} == dict(job.failures)


def test_two_listings_of_one_method_wait_each_for_itself():
    """Two lanes of an entity are read by one method: where the budget suffices for one of them, not all wait."""
    scheduler, waiting = opened(asking("a"), Span(0, 99_999, 99_999))
    scheduler.add(asking("a"), [Span(0, 99, 99)])
    assert scheduler.any_waits(lambda listing: 60.0 if listing is waiting else 0.0)
    assert not scheduler.all_wait(lambda listing: 60.0 if listing is waiting else 0.0)
    assert scheduler.all_wait(lambda _: 60.0)
    assert not scheduler.any_waits(lambda _: 0.0)


def test_a_failed_call_waits_its_time():
    """It may go again at `not_before`, not earlier; other spans go on."""
    scheduler, _ = opened(unchained("a"), Span(0, 99, 99), Span(99, 199, 199))
    one, other = take(scheduler)
    scheduler.failed(one, ConnectionLost("cut"), 7.0)
    scheduler.feed(other, page(150))
    assert [150] == [ticket.call.params["filter"][">ID"] for ticket in take(scheduler, now=6.9)]
    assert [0] == [ticket.call.params["filter"][">ID"] for ticket in take(scheduler, now=7.0)]


def test_answers_of_a_dropped_entity_are_ignored():
    """An entity was given up while its calls were under way; the others go on."""
    scheduler, listing = opened(unchained("a"), Span(0, 99, 99), Span(99, 199, 199))
    one, other = take(scheduler)
    scheduler.drop(listing)
    scheduler.drop(listing)
    scheduler.failed(other, ConnectionLost("cut"), 7.0)
    assert () == scheduler.feed(one, page(50))
    assert scheduler.done
    assert [] == take(scheduler)


def test_the_end_comes_with_the_last_rows_and_once():
    """Done is when everything has been handed over, not when nothing is ready."""
    scheduler, listing = opened(unchained("a"), Span(0, 99, 99), Span(99, 199, 199))
    one, other = take(scheduler)
    assert [(listing, [99], False)] == [(land.listing, ids(land.rows), land.finished) for land in scheduler.feed(one, page(99))]
    assert not scheduler.done
    assert [([199], False), ([], True)] == [(ids(land.rows), land.finished) for land in scheduler.feed(other, page(199))]
    assert scheduler.done
    assert [] == listing.spans


def test_an_entity_that_has_nothing_left_is_at_its_end_at_once():
    """A checkpoint may know that all spans are read; nothing would ever wake such an entity."""
    scheduler = Scheduler()
    listing, landings = scheduler.add(asking("a"), [])
    assert [(listing, True)] == [(land.listing, land.finished) for land in landings]
    assert scheduler.done


def test_nothing_is_committed_before_an_entity_is_cut():
    """The first page's rows and the spans of the rest come in one step: before it, a run starts over."""
    scheduler = Scheduler()
    listing, landings = scheduler.add(asking("a"))
    last, first = take(scheduler)
    assert [] == [row for land in (*landings, *scheduler.feed(last, page(900))) for row in land.rows]
    assert listing.spans is None
    (landing, *_) = scheduler.feed(first, page(*range(1, 51)))
    assert list(range(1, 51)) == ids(landing.rows)
    assert 50 == min(span.cursor for span in listing.spans)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 60), st.floats(0, 20), st.sampled_from(WIDTHS))
def test_who_is_woken_finds_a_call_and_nobody_sleeps_past_one(waiting, flying, width, ready, widths):
    """`wakes_at` and `take` agree: a call may go at that moment, and none before; `None` is when all are under way."""
    kind, wide = widths
    scheduler, _ = opened(kind("a"), *(Span(low, low + wide, low + wide) for low in range(0, 6000, 2000)))
    for number, tickets in enumerate(chains(take(scheduler, width=3, size=500))):
        for ticket in tickets:
            if number < waiting:
                scheduler.failed(ticket, ConnectionLost("cut"), 5.0 + number)
            elif number >= flying:
                scheduler.feed(ticket, page(tickets[0].call.params["filter"][">ID"] + 1))
    wakes = scheduler.wakes_at(0.0, width, lambda _method: ready)
    before = 1e9 if wakes is None else wakes - 1e-6
    if before > ready:
        assert [] == take(scheduler, now=before, width=width)
    if wakes is not None:
        assert wakes >= ready
        assert take(scheduler, now=wakes, width=width)


@given(st.integers(0, 60), st.integers(1, 50), st.integers(0, 3))
def test_the_load_is_what_could_be_taken(width, size, flying):
    """In requests: the calls that are ready, and those that splitting would make, a span once."""
    scheduler, _ = opened(unchained("a"), Span(0, 99, 99), Span(99, 500, 500), Span(500, 9999, 9999))
    take(scheduler, room=flying, width=0)
    load = scheduler.load(0.0, width, lambda _method: 1 / size, room=lambda _method: 999)
    assert (3 - flying + max(0, min(2, width - 3))) / size == pytest.approx(load)


def test_a_pager_that_asks_for_nothing_is_a_bug():
    """It would wait for an answer that nobody is asked for."""
    scheduler, listing = opened(asking("a"), Span(0, 99, 99))
    with pytest.raises(ContractBroken, match="asked for nothing"):
        scheduler._start(Job(listing, (ask for ask in [Ask(())])))


def test_nothing_is_woken_for_nothing():
    """All calls are under way, or there are none."""
    scheduler, _ = opened(asking("a"), Span(0, 99, 99))
    assert 3.0 == scheduler.wakes_at(3.0, 50, lambda _method: 0.0)
    take(scheduler)
    assert None is scheduler.wakes_at(3.0, 50, lambda _method: 0.0)
    assert None is Scheduler().wakes_at(3.0, 50, lambda _method: 0.0)


def test_a_broken_contract_reaches_whoever_feeds():
    """The pager of one entity cannot go on; the caller decides about that entity."""
    scheduler, _ = opened(unchained("a"), Span(100, 199, 199))
    (ticket,) = take(scheduler)
    with pytest.raises(ContractBroken):
        scheduler.feed(ticket, page(1))


def test_rows_left_are_those_of_all_entities():
    """Unknown until an entity has been cut."""
    scheduler, listing = opened(asking("a"), Span(0, 300, 300), Span(300, None, 300))
    scheduler.add(asking("b"))
    assert "a.list" == listing.method
    assert 300 == scheduler.rows_left() == listing.rows_left()


def test_it_can_be_asked_how_it_is():
    """Numbers for a person with a debugger."""
    scheduler, _ = opened(asking("a"), Span(0, 50, 50), Span(50, 99, 99))
    take(scheduler, size=1)
    assert "<Scheduler listings=1 jobs=2>" == repr(scheduler)


def test_who_will_wait_longest_for_its_budget_goes_first():
    """What it spends early comes back early; the others fill what it leaves."""
    scheduler = Scheduler()
    for name in "abc":
        scheduler.add(unchained(name), [Span(low, low + 99, low + 99) for low in range(0, 1980, 99)])
    waits = {"a.list": 0.0, "b.list": 600.0, "c.list": 1200.0}
    tickets = scheduler.take(0.0, 60, room=lambda _: 999, weight=lambda _: 1 / 50, wait=lambda listing: waits[listing.method])
    assert ["c"] * 20 + ["b"] * 20 + ["a"] * 10 == [ticket.call.method.removesuffix(".list") for ticket in tickets]


def test_who_will_wait_is_split_past_its_neighbours():
    """Its spans are as many as spend a budget within a minute, though those of the others fill the width."""
    scheduler = Scheduler()
    scheduler.add(asking("a"), [Span(low, low + 99, low + 99) for low in range(0, 9900, 99)])
    scheduler.add(asking("b"), [Span(0, 10**6, 10**6)])
    tickets = scheduler.take(
        0.0, 100, room=lambda _: 999, weight=lambda _: 1 / 50, wait=lambda listing: float(listing.method == "b.list"))
    assert {"b": 50} == methods(tickets)


@pytest.mark.parametrize("kind", [asking, unchained])
def test_who_waits_longest_has_eight_requests_at_once_and_the_next_one_the_others(kind):
    """So many spend its budget within a minute; more of them would only keep others from spending theirs as early."""
    scheduler = Scheduler()
    for name in "ab":
        scheduler.add(kind(name), [Span(0, 10**6, 10**6)])
    waits = {"a.list": 1200.0, "b.list": 600.0}
    requests = [scheduler.take(0.0, 800, room=lambda _: 999, weight=lambda _: 1 / 50, wait=lambda one: waits[one.method]) for _ in range(10)]
    assert ["a"] * 8 + ["b"] * 2 == ["".join(methods(tickets)) for tickets in requests]


def test_jobs_that_wait_for_their_budget_leave_their_places_to_others():
    """A blocked method's hundred spans do not keep its neighbour from being split."""
    scheduler = Scheduler()
    scheduler.add(asking("a"), [Span(low, low + 99, low + 99) for low in range(0, 9900, 99)])
    scheduler.add(asking("b"), [Span(0, 10**6, 10**6)])
    room = {"a.list": 0, "b.list": 999}
    assert {"b": 50} == methods(scheduler.take(0.0, 50, room=room.__getitem__, weight=lambda _: 1 / 50))


def test_calls_without_room_fill_no_request():
    """The load is what may leave: of a blocked method nothing, or the few calls that are not charged."""
    scheduler, _ = opened(unchained("a"), *(Span(low, low + 99, low + 99) for low in range(0, 9900, 99)))
    loads = [scheduler.load(0.0, 1, lambda _: 1 / 50, room=lambda _, room=room: room) for room in (0, 2, 999)]
    assert [0, 2 / 50, 2] == pytest.approx(loads)


def test_a_smaller_span_is_worth_a_split_where_it_fills_an_empty_place():
    """Three pages are not split by themselves, and are where that is asked for."""
    for worth, calls in ((200, 1), (100, 2)):
        scheduler, _ = opened(unchained("a"), Span(0, 150, 150))
        assert calls == len(scheduler.take(0.0, 9, room=lambda _: 999, weight=lambda _: 1 / 50, worth=worth))


def test_whether_budgets_are_all_that_binds():
    """Every listing waits for its budget; one that does not, or that nobody knows yet, can use more places."""
    scheduler = Scheduler()
    scheduler.add(asking("a"), [Span(0, 99, 99)])
    assert scheduler.all_wait(lambda _: 1.0)
    assert not scheduler.all_wait(lambda _: 0.0)
    scheduler.add(asking("b"))
    assert not scheduler.all_wait(lambda _: 1.0)


def test_a_span_fills_a_request_with_a_chain():
    """The first page is asked for by its id, each of the others by the last row of the one before: no span is split for them."""
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    first, *others = take(scheduler)
    assert {">ID": 0} == first.call.params["filter"]
    assert [listing.question.behind()] * 49 == [ticket.call for ticket in others]
    assert 1 == len(listing.spans)


@pytest.mark.parametrize("step", [1, 7, 1_000])
def test_a_chain_brings_page_after_page(step):
    """All of a request's pages are kept, and the cursor stands on the last row."""
    some = range(5, 4_000 * step, step)
    scheduler, listing = opened(asking("a"), Span(0, some[-1], some[-1], 1 / step))
    assert list(some[:2_500]) == answer(scheduler, take(scheduler), Table(some))
    assert some[2_499] == listing.spans[0].cursor


@pytest.mark.parametrize("references", [True, False])
def test_pages_behind_a_short_one_are_none_of_the_span(references):
    """What they refer to is not there: the portal answers with something else, and they are asked for again by their id."""
    table = Table(range(1, 10_000), copies={120: 2}, folded=True, references=references)
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    expected = 149 if references else 50
    assert list(range(1, expected + 1)) == answer(scheduler, take(scheduler), table)
    assert [{">ID": expected}] == [ticket.call.params["filter"] for ticket in take(scheduler)[:1]]
    assert references == listing.chains


@pytest.mark.parametrize(("first", "requests"), [(1, 1), (10, 8)])
def test_a_portal_without_references_is_asked_by_ids(first, requests):
    """Once it has begun anew behind a full page, or said nothing some times: a call a span, and none in vain any more."""
    table = Table(range(first, 99_999), references=False)
    scheduler, listing = opened(asking("a"), Span(0, 99_999, 99_999))
    for _ in range(requests):
        answer(scheduler, take(scheduler, width=1), table)
    tickets = take(scheduler, width=20)
    assert 20 == len(tickets) == len(listing.spans)
    assert all(isinstance(ticket.call.params["filter"][">ID"], int) for ticket in tickets)


def test_an_empty_page_of_a_chain_ends_nothing():
    """Its condition hangs on the answer before it: only a page that is asked for by its id can be the last."""
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    first, second, *others = take(scheduler)
    scheduler.feed(first, page(*range(1, 51)))
    for ticket in (second, *others):
        assert () == scheduler.feed(ticket, page())
    assert [50] == [span.cursor for span in listing.spans]
    assert {">ID": 50} == take(scheduler)[0].call.params["filter"]


@pytest.mark.parametrize("place", [1, 25, 49])
def test_a_call_that_fails_breaks_its_chain_and_is_no_failure_of_its_job(place):
    """What came before it is kept, what came behind is not; it is asked again in its own right, and may fail then."""
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    table, (job,), pages = Table(range(1, 10_000)), listing.jobs, []
    for ticket in take(scheduler):
        pages.append(table.answer(ticket.call, pages[-1] if pages else None))
        if ticket.place == place:
            scheduler.failed(ticket, ConnectionLost("cut"), 99.0)
        else:
            scheduler.feed(ticket, pages[-1])
    assert 50 * place == listing.spans[0].cursor
    assert (0, True) == (job.failures.total(), job.ready(0.0))


def test_a_chain_that_fails_again_and_again_becomes_shorter_and_longer_again():
    """A page far ahead may be what kills the request: in the end it is asked alone, and what comes makes chains longer again."""
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    lengths = []
    for _ in range(5):
        tickets = take(scheduler, width=1)
        lengths.append(len(tickets))
        for ticket in tickets:
            scheduler.failed(ticket, ConnectionLost("cut"), 0.0)
    assert [50, 50, 12, 3, 1] == lengths
    table = Table(range(1, 10_000))
    for _ in range(4):
        tickets = take(scheduler, width=1)
        lengths.append(len(tickets))
        answer(scheduler, tickets, table)
    assert [1, 2, 8, 50] == lengths[5:]
    assert 50 * (1 + 2 + 8 + 50) == listing.spans[0].cursor


@pytest.mark.parametrize("every", [2, 3, 10, 40])
def test_where_pages_are_often_short_chains_are(every):
    """A tenth of the calls is lost behind short pages, at the most, and a part of that again in finding out."""
    table = Table(range(1, 20_000), copies=dict.fromkeys(range(25, 20_000, 50 * every), 2), folded=True)
    scheduler, _ = opened(asking("a"), Span(0, 19_999, 19_999))
    while not scheduler.done:
        answer(scheduler, take(scheduler, width=1), table)
    assert len(table.calls) <= 400 * 1.15 + 60


def test_a_request_that_has_places_left_asks_for_a_page_more():
    """Half a page more is as likely as half a page less, and would take another request."""
    scheduler, _ = opened(asking("a"), Span(0, 1_000, 1_000, 0.5))
    assert 11 == len(take(scheduler, width=1))
    scheduler, _ = opened(asking("a"), Span(0, 50, 50, 0.5))
    assert 1 == len(take(scheduler, width=1)), "no more than there are ids for"


def test_a_request_that_has_places_left_asks_for_as_many_pages_more_as_it_may():
    """Where pages are cheap, more of them in vain cost less than another request."""
    scheduler, _ = opened(asking("a"), Span(0, 1_000, 1_000, 0.5))
    assert 16 == len(scheduler.take(0.0, 1, room=lambda _: 999, weight=lambda _: 1 / 50, beyond=lambda _: 6))


def test_a_chain_counts_on_half_of_its_span_while_others_are_ready():
    """Ids lie unevenly, and what is read past the end is lost; where nobody else needs the place, it counts on all."""
    def lengths(count, sure):
        scheduler, _ = opened(asking("a"), *(Span(low, low + 1_000, low + 1_000) for low in range(0, 1_000 * count, 1_000)))
        tickets = scheduler.take(0.0, count, room=lambda _: 999, weight=lambda _: 1 / 50, sure=sure)
        return [len(chain) for chain in chains(tickets)]

    assert [10, 10, 10, 10, 10] == lengths(9, 0.5)
    assert [20, 20, 10] == lengths(9, 1.0)
    assert [20] == lengths(1, 0.5)


@settings(max_examples=100)
@given(st.sets(st.integers(1, 6_000), min_size=1), st.lists(st.integers(0, 6_000), max_size=5), st.integers(1, 50))
def test_of_what_is_taken_surely_nothing_is_left_over(found, edges, size):
    """However ids lie, and however spans have to be cut for it: as many requests as were counted, none of which waits for another, bring all there is."""
    table = Table(found)
    bounds = sorted({0, *edges, max(found)})
    spans = [Span(low, high, high, 0.1) for low, high in itertools.pairwise(bounds) if low < max(found)]
    scheduler, _ = opened(asking("a"), *spans)
    _, needed = surely(scheduler, size=size)
    requests = []
    while tickets := scheduler.take(0.0, 1, room=lambda _: 999, weight=lambda _: 1 / size, sure=SURELY):
        requests.append(tickets)
    assert math.ceil(needed - 1e-9) >= len(requests)
    assert all(len(tickets) == size for tickets in requests[:-1])
    assert sorted(found) == sorted(one for tickets in requests for one in answer(scheduler, tickets, table))
    assert scheduler.done


def test_what_cannot_be_counted_surely_is_not():
    """Without chains each page has to be waited for; and of what is under way, only the rest counts."""
    scheduler, _ = opened(unchained("a"), Span(0, 9_999, 9_999))
    assert (math.inf, math.inf) == surely(scheduler)
    scheduler, _ = opened(asking("a"), Span(0, 5_000, 5_000), Span(5_000, 6_000, 6_000))
    assert 50 == len(take(scheduler, width=1))
    assert (0.4, 1.4) == surely(scheduler)


def test_what_may_not_go_yet_is_not_ready():
    """A call that has failed waits for its moment, and one of a method that has no room for its budget: neither is in a request that leaves now."""
    scheduler, _ = opened(asking("a"), Span(0, 2_500, 2_500))
    for ticket in take(scheduler, width=1):
        scheduler.failed(ticket, ConnectionLost("cut"), 3.0)
    assert [(0, 1), (1, 1), (0, 1)] == [surely(scheduler, 2.9), surely(scheduler, 3.0), surely(scheduler, 3.0, room=0)]


def test_what_one_span_has_shown_is_expected_of_the_others():
    """One row in ten ids, where one in each was expected: whoever is split next is split accordingly."""
    scheduler, listing = opened(asking("a"), Span(0, 10**6, 10**6), Span(10**6, 2 * 10**6, 2 * 10**6))
    answer(scheduler, chains(take(scheduler, width=2))[0], Table(range(1, 2 * 10**6, 10)))
    assert 200_000 == pytest.approx(listing.rows_left(), rel=0.03)


@pytest.mark.parametrize("bad", [
    [{"x": 1}], [{"ID": None}], [{"ID": "30000"}, {"ID": "5"}], [{"ID": "60"}, {"ID": "55"}], [{"ID": "1e999"}],
], ids=str)
def test_a_page_of_a_chain_that_cannot_be_an_answer_ends_nothing(bad):
    """Nobody had to ask for it: it is asked for by its id, and that answer says what is the matter; no chains are tried any more."""
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    first, second, *others = take(scheduler)
    scheduler.feed(first, page(*range(1, 51)))
    assert () == scheduler.feed(second, Page(bad))
    for ticket in others:
        assert () == scheduler.feed(ticket, page(*range(101, 151)))
    (again, *more) = take(scheduler, width=1)
    assert ({">ID": 50}, []) == (again.call.params["filter"], more)
    assert not listing.chains


def test_a_portal_that_refuses_references_is_asked_by_ids():
    """Each chained call fails: chains become shorter, and are gone before long."""
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    table, lengths = Table(range(1, 10_000)), []
    for _ in range(9):
        first, *others = take(scheduler, width=1)
        lengths.append(1 + len(others))
        scheduler.feed(first, table.answer(first.call))
        for ticket in others:
            scheduler.failed(ticket, ContractBroken("no"), 0.0)
    assert (50, 1) == (lengths[0], lengths[-1])
    assert sum(lengths) < 90
    assert not any(job.failures for job in listing.jobs)


def test_a_call_that_is_blocked_in_a_chain_makes_chains_no_shorter():
    """The method's seconds are used up, which has nothing to do with the pages."""
    scheduler, listing = opened(asking("a"), Span(0, 9_999, 9_999))
    first, *others = take(scheduler)
    scheduler.feed(first, page(*range(1, 51)))
    for ticket in others:
        scheduler.failed(ticket, OperatingLimited("OPERATION_TIME_LIMIT"), 0.0)
    assert 50 == listing.reach


def test_a_first_page_that_is_short_makes_chains_short():
    """It had more behind it, so pages are short here: the portal drops rows after it has cut."""
    scheduler = Scheduler()
    listing, _ = scheduler.add(asking("a"))
    last, first = take(scheduler)
    scheduler.feed(last, page(9_999))
    scheduler.feed(first, page(*range(1, 49)))
    assert 10 == listing.reach
