"""Offset paging, downwards: start offsets computed from `total`, highest first.

Why highest first is exact. The pages lie in ascending order of ids and are
read one after another from the last to the first. A row deleted meanwhile
pulls the rows above it down, into pages that are still to be read: they come
twice, and the second copy is dropped because its id is already above what is
left of the span. A row appended meanwhile lies above everything and shifts
nothing. Read lowest first, the same deletion pulls a row down into a page
that was read already, and it is lost.

Rule 1: the calls of one ask run one after another, in this order. Several
batches side by side would be the lowest-first case again.

Rule 2: a page that failed takes all lower ones with it; they are read again.

Rule 3: past the end the portal answers page 1 again. A page whose own total
is not above its start is such a page, and is dropped: the rows that were
there have moved down. If it is not page 1 that came, its total is a lie: then
these pages are dropped, and the rest is read by ids.

Rule 4: a row that enters from the side (made visible by a change of rights; one
that is restored gets a new id) pushes its neighbours up, into pages that were
read already. It shows itself: counted up to a fixed last id, a total can only
fall otherwise. Then these pages are dropped and the rest is read by ids.

Rule 5: `total` may be capped by an option of the portal. So the uppermost
page must reach the last id that was known; if it does not, the rest is read
by ids.

Rule 6: pages are counted as well as believed. Each is as long as its own total
says, and begins above the page below it: so the lowest one of an ask is held
back until the next ask shows what lies below. And the last page that was read
says how many rows there were when it was; no fewer ids have come, from its
start on. Where one of these fails, a page was cut short or came in the place of
another: then these pages are dropped, and the rest is read by ids. (A join that
repeats rows makes `total` too large, and costs that second reading.)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Sequence

from extractor.errors import ContractBroken
from extractor.messages import BATCH_SIZE, PAGE_SIZE, Page, Row
from extractor.paging import Ask, Finish, Pager
from extractor.paging.believe import OF_A_ROW
from extractor.paging.idrange import ascend
from extractor.paging.span import Span, check_order, ids_of
from extractor.question import Question


def start_offsets(total: int) -> list[int]:
    """Compute the start offset of every page, highest first; one at least, as no `total` proves that nothing is there."""
    return list(range(0, max(total, 1), PAGE_SIZE))[::-1]


def descend(question: Question, span: Span, total: int) -> Pager:
    """Read a span from its upper end down, fifty pages an ask, given the total of the whole set."""
    key = question.entity.id
    starts, end = start_offsets(total), span.until
    lowest, count = end + 1, 0  # of the ids that have come
    rows: Sequence[Row] = ()
    held: Sequence[Page] = ()
    for first in range(0, len(starts), BATCH_SIZE):
        group = starts[first : first + BATCH_SIZE]
        try:
            pages = yield Ask(tuple(question.offset(start, end) for start in group), rows)
            rows = ()
            inside = _in_order(group, pages, held, key)
            totals = [total, *(page.total for page in pages if page.total is not None)]
            if inside is None or any(later > earlier for earlier, later in itertools.pairwise(totals)):
                return (yield from ascend(question, span))
            above = [] if first else (yield from _above(question, span, _highest(inside, key, span.cursor)))
        except OF_A_ROW:
            return (yield from ascend(question, span))  # it knows a way around bad rows
        total = totals[-1]
        fresh = {one for page in inside for one in ids_of(page.rows, key) if one < lowest}
        count += len(fresh | set(ids_of(above, key)))
        if count < total - group[-1]:
            return (yield from ascend(question, span))
        lowest = min(fresh, default=lowest)
        held, proven = ((), inside) if first + BATCH_SIZE >= len(starts) else (inside[:1], inside[1:])
        rows = span.take_down([*(row for page in proven for row in page.rows), *above], key)
    span.closed = True
    return Finish(rows)


def _highest(pages: Sequence[Page], key: str, default: int) -> int:
    """Return the highest id of the pages."""
    return max((one for page in pages for one in ids_of(page.rows, key)), default=default)


def _in_order(starts: Sequence[int], pages: Sequence[Page], held: Sequence[Page], key: str) -> Sequence[Page] | None:
    """Return the pages that lie inside the set, lowest first, and the one held above them; `None` where one is not what it should be."""
    inside, outside = [], []
    for start, page in zip(starts, pages, strict=True):
        if page.total is None and page.rows:  # an empty page may come without (user.get)
            raise ContractBroken("asked for a counted page, the portal sent no total")
        if start < (page.total or 0):
            if len(page.rows) < min(PAGE_SIZE, (page.total or 0) - start):
                return None
            inside.append(page)
        elif page.rows and not start:
            return None  # nothing lies before it: it cannot be past the end
        elif page.rows:
            outside.append(page)
    if outside and min(map(_lowest(key), outside)) > _highest(inside[-1:], key, -1):
        return None
    ascending = [*inside[::-1], *held]
    for page in ascending:
        check_order(ids_of(page.rows, key))
    starts_at = [_lowest(key)(page) for page in ascending]
    return ascending if all(one < next_one for one, next_one in itertools.pairwise(starts_at)) else None


def _lowest(key: str) -> Callable[[Page], int]:
    """Return the lowest id of a page."""
    return lambda page: min(ids_of(page.rows, key))


def _above(question: Question, span: Span, top: int) -> Generator[Ask, Sequence[Page], list[Row]]:
    """Read by ids what lies between the uppermost page and the upper end of the span."""
    kept: list[Row] = []
    rest = Span(top, span.until, span.until)
    if rest.cursor >= rest.until:
        return kept
    pager = ascend(question, rest)
    ask = next(pager)
    while True:
        pages = yield Ask(ask.calls)
        try:
            ask = pager.send(pages)
        except StopIteration as end:
            return [*kept, *end.value.rows]
        kept += ask.rows
