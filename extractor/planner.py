"""Entity to parts: what to ask first, and where to cut.

The probe asks for the last id and for the first page, in this order and in
one batch, together with the probes of all other entities. It never counts:
on millions of rows the COUNT alone takes longer than a request may live.

    the first page reaches the last id        done, nothing to cut
    a set of at most one batch, thinly spread  offsets, from the `total` of one counted page
    a set of few ids                           spans of fifty ids, a page each, read side by side
    everything else                            a span of ids, to be split as need be; where pages cannot be chained, many

Both pages are held against the bounds of the question, and against each other:
one that answers something else would end an entity before its end.

Why the last id first: whatever existed when it was read lies at or below it.
Behind it one open span catches what is appended meanwhile.

Offsets need a set that nothing enters from the side: with a filter on a field
that changes, a row can slip into a page that was read already. Then, and for
methods that read the whole set for every page anyway, ids it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence

from extractor.errors import ContractBroken
from extractor.messages import BATCH_SIZE, PAGE_SIZE, Page
from extractor.paging import Ask, Finish, Pager, Part
from extractor.paging.believe import OF_A_ROW, REPEATS, shows_others
from extractor.paging.follow import follow, single
from extractor.paging.idrange import ascend
from extractor.paging.offset import descend
from extractor.paging.span import Span, check_bounds, check_order, ids_of
from extractor.question import Question

ONE_BATCH = BATCH_SIZE * PAGE_SIZE
SMALL = ONE_BATCH  # ids, whose pages are all known beforehand, and go in one request
PAGES_WORTH_A_SPAN = 2  # a bounded span costs a call to confirm its end: below two pages that is half the work


def opening(question: Question) -> Pager:
    """Return the pager that an entity begins with."""
    match question.entity.paging:
        case "single":
            return single(question)
        case "next":
            return follow(question)
        case "keyset":
            return probe(question)


def pager(question: Question, part: Part) -> Pager:
    """Return the pager that reads one part."""
    if part.total is not None:
        return descend(question, part.span, part.total)
    return ascend(question, part.span)


def probe(question: Question) -> Pager:
    """Find out how far an entity reaches, keep its first page, and cut the rest into parts."""
    try:
        return (yield from _probe(question))
    except OF_A_ROW:  # a bad row on the first page, or on the last: whoever reads by ids knows a way around it
        return Finish((), (yield from _unprobed(question)))


def _unprobed(question: Question) -> Generator[Ask, Sequence[Page], tuple[Part, ...]]:
    """Cut an entity at its last id, without its first page; where that cannot be seen either, not at all."""
    try:
        (page,) = yield Ask((question.last_id(),), lone=True)
    except OF_A_ROW:
        return (Part(Span(0, None, 0)),)
    last = _edges(question, page, Page(()))[0] or 0
    return (*((Part(Span(0, last, last)),) if last else ()), Part(Span(last, None, last)))


def _probe(question: Question) -> Pager:
    """Find out, as long as no bad row is in the way."""
    key = question.entity.id
    last_page, first_page = yield Ask((question.last_id(), question.window(None, None)))
    last, first = _edges(question, last_page, first_page)
    for _ in range(REPEATS):
        if _agree(last, first):
            break
        shown = last is not None
        last_page, first_page = yield Ask((question.last_id(), question.window(None, None)))
        if shown and not last_page.rows and not first_page.rows:
            if (yield from shows_others(question)):
                break  # none fits the condition any more
            raise ContractBroken("all rows have gone while they were read: were rights taken away?")
        last, first = _edges(question, last_page, first_page)
    if not _agree(last, first) and last_page.rows:
        raise ContractBroken(f"the portal knows the id {last}, and answers with {'no rows at all' if first is None else f'{first} and above'}")
    if first_page.rows and not last_page.rows:
        raise ContractBroken("the portal answers with rows, and knows no last id")
    last = last or 0
    span = Span(0, None, last)
    rows = span.take(first_page.rows, key, low=-1, high=None)
    if span.closed or span.cursor >= last:
        return Finish(rows)
    rest = Span(span.cursor, last, last, density=max(map(_density, (ids_of(rows, key), ids_of(last_page.rows, key)))))
    total = None
    if _by_offset(question, rest):
        (counted,) = yield Ask((question.offset(0, last),))  # the rows are kept until the cut: before, a run starts over
        total = counted.total
    return Finish(rows, (*_cut(question, rest, total), Part(Span(last, None, last))))


def _edges(question: Question, last_page: Page, first_page: Page) -> tuple[int | None, int | None]:
    """Return the last id and the first one, as two pages of a probe show them; both are held against what was asked."""
    descending, ascending = (ids_of(page.rows, question.entity.id) for page in (last_page, first_page))
    check_order(descending[::-1])
    for ids in (descending, ascending):
        check_bounds(ids, *question.bounds)
    return max(descending, default=None), min(ascending, default=None)


def _density(ids: Sequence[int]) -> float:
    """Return the rows per id of a page; of both ends of a set the denser one counts, as old rows are those that were deleted, and one far row says little."""
    return len(set(ids)) / (max(ids) - min(ids) + 1)


def _agree(last: int | None, first: int | None) -> bool:
    """Tell whether two halves of a probe can be of one set; rows that come or go between them make others for a moment."""
    return last is first is None or (last is not None and first is not None and first <= last)


def _by_offset(question: Question, rest: Span) -> bool:
    """Decide whether offsets may read this set, and whether they are the shorter way."""
    if question.moving or question.paging == "keyset":
        return False
    if question.paging == "offset":
        return True
    if question.entity.counts_always or question.entity.note:  # rows that the portal hides can enter from the side
        return False
    return rest.until - rest.cursor > ONE_BATCH and rest.rows_left() <= ONE_BATCH


def _cut(question: Question, rest: Span, total: int | None) -> tuple[Part, ...]:
    """Cut what the probe left into parts."""
    if total is not None and (total <= ONE_BATCH or question.paging == "offset"):
        return (Part(rest, total),)
    return tuple(Part(span) for span in _even(rest, _spans_worth(question, rest)))


def _spans_worth(question: Question, rest: Span) -> int:
    """Choose how many spans: where pages cannot be chained as many as a batch carries, if each is worth its confirming call.

    A span of at most fifty ids needs no such call.
    """
    ids = rest.until - rest.cursor
    if ids <= SMALL:
        return -(-ids // PAGE_SIZE)
    if not question.bounded:
        return 1
    return min(BATCH_SIZE, max(1, int(rest.rows_left() / PAGE_SIZE / PAGES_WORTH_A_SPAN)))


def _even(rest: Span, count: int) -> list[Span]:
    """Cut a closed span into `count` spans of (nearly) equal width in ids."""
    width = rest.until - rest.cursor
    edges = [rest.cursor + width * place // count for place in range(count + 1)]
    return [Span(low, high, high, rest.density) for low, high in itertools.pairwise(edges)]
