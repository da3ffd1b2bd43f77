"""Offset paging, downwards: start offsets computed from `total`, highest first.

Why highest first. The pages lie in ascending order of ids and are read one
after another from the last to the first. A row deleted meanwhile pulls the
rows above it down, into pages that are still to be read: they come twice, and
the second copy is dropped. A row appended meanwhile lies above everything and
shifts nothing. Read lowest first, the same deletion pulls a row down into a
page that was read already, and it is lost.

Why it is exact, whatever moves. Other things push rows up (a change of rights
makes some visible), take all of them away, or put page 1 in the place of one
past the end (calculatePageNumber); an option of the portal caps `total`. So no
offset is believed. A page is an unbroken piece of the set, wherever it lies:
between its lowest and its highest id nothing is missing. What lies between
two pages, above the uppermost and below the lowest, is asked for by ids, and
has to be empty; and of the last ids that the portal knows each has to be on a page.

Rule 1: the calls of one ask run one after another, in this order. Several
batches side by side would be the lowest-first case again.

Rule 2: a page that failed takes all lower ones with it; they are read again.

Rule 3: a page is as long as its own total says, and names no next page beyond it; one cut short is no unbroken piece.

Rule 4: where anything is found between the pages, or the portal shows no ids any
more, the pages of this ask are dropped, and the rest is read by ids: it knows
what to believe, and a way around bad rows.

Rule 5: there are no more rows than ids up to the last one, whatever `total` says; and no list
of offsets is made, as the last id may be anything, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from extractor.errors import ContractBroken
from extractor.messages import BATCH_SIZE, PAGE_SIZE, Page, Row
from extractor.paging import Ask, Finish, Pager
from extractor.paging.believe import OF_A_ROW
from extractor.paging.idrange import ascend
from extractor.paging.span import Span, check_order, ids_of
from extractor.question import Question


def start_offsets(total: int) -> Sequence[int]:
    """Compute the start offset of every page, highest first; one at least, as no `total` proves that nothing is there."""
    return range(0, max(total, 1), PAGE_SIZE)[::-1]


def descend(question: Question, span: Span, total: int) -> Pager:
    """Read a span from its upper end down, fifty pages an ask, given the total of the whole set."""
    key = question.entity.id
    end = span.until
    starts = start_offsets(min(total, end + 1))
    rows: Sequence[Row] = ()
    for first in range(0, len(starts), BATCH_SIZE):
        group = starts[first : first + BATCH_SIZE]
        try:
            pages = yield Ask(tuple(question.offset(start, end) for start in group), rows)
            rows = ()
            if not all(_whole(page, start) for page, start in zip(pages, group, strict=True)):
                return (yield from ascend(question, span))
            low = None if first + BATCH_SIZE < len(starts) else span.cursor
            high = end if span.high is None else span.high
            pieces = [ids_of(page.rows, key) for page in pages]
            between = uncovered(pieces, low, high)
            *found, last = yield Ask((*(question.window(*gap) for gap in between), question.last_id()))
        except OF_A_ROW:
            return (yield from ascend(question, span))
        if any(page.rows for page in found) or not last.rows or _missed(pieces, low, high, ids_of(last.rows, key)):
            return (yield from ascend(question, span))
        rows = span.take_down([row for page in pages[::-1] for row in page.rows], key)
    span.closed = True
    return Finish(rows)


def uncovered(pieces: Sequence[Sequence[int]], low: int | None, high: int) -> list[tuple[int, int]]:
    """Return the gaps (above, up to] between pieces of ids, from `low` (`None`: the lowest piece) up to `high`."""
    for ids in pieces:
        check_order(ids)
    edges = sorted((ids[0], ids[-1]) for ids in pieces if ids)
    if low is None and not edges:
        return []
    reached = itertools.accumulate((top for _, top in edges), max, initial=low if low is not None else edges[0][0] - 1)
    gaps = zip(reached, [*(bottom - 1 for bottom, _ in edges), high], strict=True)
    return [(above, min(up_to, high)) for above, up_to in gaps if above < min(up_to, high)]


def _missed(pieces: Sequence[Sequence[int]], low: int | None, high: int, last: Sequence[int]) -> bool:
    """Tell whether one of the last ids lies where these pieces reach, and is on none of them."""
    seen = {each for ids in pieces for each in ids}
    above = min(seen, default=high) - 1 if low is None else low
    return any(above < each <= high and each not in seen for each in last)


def _whole(page: Page, start: int) -> bool:
    """Tell whether a page is as long as its own total says, and the last one where that says so; past the end it is page 1 again."""
    if page.total is None and page.rows:  # an empty page may come without (user.get)
        raise ContractBroken("asked for a counted page, the portal sent no total")
    total = page.total or 0
    if page.next is not None and page.next >= total:
        return False
    return len(page.rows) >= min(PAGE_SIZE, total - start if start < total else total)
