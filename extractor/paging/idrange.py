"""Keyset paging inside a span of ids, upwards: exact whatever moves meanwhile.

Each call asks for the first page above the last id that came. Nothing that is
inserted, changed or deleted elsewhere shifts anything under the cursor, a
repeated call brings the same rows, and spans are independent of each other,
so that several ride in one batch. The next pages may be asked for behind a
call in its batch, each above the last row of the page before (`chained`): such a page
comes here only where it is what would be asked for next, and so nothing here knows of it.

How the end of a span is known. Not by a short page: joins, deletions and
filters after the cut make short pages in the middle. The page that *crosses*
the upper end is the proof: ids ascend, so whatever lies below its last row
was in it. Hence a call names no upper bound: the rows beyond it (half a page,
on average, once a span) are dropped, where a bounded walk would pay for one
more call that comes back empty.

Nor by a page that could not have been cut because at most fifty ids fit the
span. The portal cuts before it drops the copies that a join made (a contact
with two default addresses): fifty rows may show as thirty, the rest behind them.

Two exceptions name the bound. Where the portal reads the whole filtered set
for every page (requisites), the bound is what keeps that small; there an empty
page is the end, and so, without a join to make copies, is a page of at most
fifty ids. The other one: where some ids alone are wanted, none need lie above.
"""

from __future__ import annotations

from extractor.messages import PAGE_SIZE
from extractor.paging import Ask, Finish, Pager
from extractor.paging.believe import OF_A_ROW, doubt
from extractor.paging.isolate import Kept, isolate
from extractor.paging.span import Span
from extractor.question import Question


def ascend(question: Question, span: Span) -> Pager:
    """Read a span from below to its upper end."""
    chained = None if question.bounded else question.behind()
    kept: list[Kept] = [((), ())]  # of one, taken out when it is handed over: hundreds of pagers wait, and none holds rows
    while not span.closed:
        low = span.cursor
        bound = span.high if question.bounded else None
        try:
            (page,) = yield Ask((question.window(low, bound),), *kept.pop(), chained=chained)
        except OF_A_ROW:
            kept.append((yield from isolate(question, span)))
            continue
        if not page.rows and (span.high is not None or not span.until):  # no `until`: nobody has seen the last id
            try:
                page = yield from doubt(question, low, bound, seen=low > 0 or span.until > 0)
            except OF_A_ROW:
                kept.append((yield from isolate(question, span)))
                continue
        kept.append((span.take(page.rows, question.entity.id, low=low, high=bound), ()))
        del page
        if question.entity.counts_always and bound is not None and bound - low <= PAGE_SIZE:
            span.closed = True
    rows, unread = kept.pop()
    return Finish(rows, unread=unread)
