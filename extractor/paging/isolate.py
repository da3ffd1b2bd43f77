"""Around rows that the portal cannot give: the page that fails is cut in two until one id is left.

A row that cannot be encoded, that kills the process, or is larger than an answer may be, takes its whole page
with it, and in a batch all other pages too. So everything here is asked alone
(`Ask.lone`): what fails then fails by its own fault, and the driver raises the
error at the `yield` once its few attempts are over.

Rule 1: an id is named only after it has failed with no other id beside it, and
the portal has then answered a question that holds no rows. A portal that is
down fails at that, and then the error is raised: the entity's end, as before.

Rule 2: a page of ids alone shows what the failing page holds, so six cuts lead
to the bad row. Where that page fails as well, or the method knows no select,
ids are cut by arithmetic, below the first id above which the portal answers.

Rule 3: what is read, and what is named, goes with the cursor, in one step.

Rule 4: an empty page is doubted, as everywhere (`believe`): rights can be taken
away here, too.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from extractor.errors import ContractBroken, reason_of
from extractor.messages import PAGE_SIZE, Page, Row, Unread
from extractor.paging import Ask
from extractor.paging.believe import OF_A_ROW, doubt, one
from extractor.paging.span import Span, ids_of
from extractor.question import Question

REACH = 20  # doublings of the distance within which the portal has to answer again: fifty million ids

Kept = tuple[Sequence[Row], tuple[Unread, ...]]
"""What is to be handed over with the next ask: rows, and ids that cannot be read."""


def isolate(question: Question, span: Span) -> Generator[Ask, Sequence[Page], Kept]:
    """Read what the failing page above a span's cursor holds, around its bad rows; the cursor is behind it then."""
    yield from _control(question)
    inside, top = yield from _ids(question, span)
    if top is None:
        top = yield from _answered_above(question, span)
    rows: Sequence[Row] = ()
    unread: tuple[Unread, ...] = ()
    ends, named, seen = [top], 0, bool(inside) or span.cursor > 0 or span.until > 0
    while ends:
        low, end = span.cursor, ends[-1]
        if low >= end:
            ends.pop()
            continue
        try:
            (page,) = yield Ask((question.window(low, end),), rows, unread, lone=True)
            rows, unread = (), ()
            if not page.rows:
                page = yield from doubt(question, low, end, seen=seen, lone=True)
        except OF_A_ROW as error:
            rows, unread, named = (), (), named + (end - low == 1)
            if named == PAGE_SIZE:
                raise  # not one row of a full page is good: it is the method that is broken
            if end - low > 1:
                ends.append(_middle(low, end, inside))
            else:
                yield from _control(question)
                unread = (Unread(str(end), reason_of(error)),)
                span.advance(end)
            continue
        if page.rows:
            rows = span.take(page.rows, question.entity.id, low=low, high=end)
        else:
            span.advance(end)  # what was there has been deleted
    return rows, unread


def _control(question: Question) -> Generator[Ask, Sequence[Page], None]:
    """Let the portal answer a question that holds no rows; one that is down cannot."""
    page = yield from one(question.window(-1, 0), lone=True)
    if page.rows:
        raise ContractBroken("asked for ids above -1 up to 0, the portal sent rows: it ignored the condition")


def _ids(question: Question, span: Span) -> Generator[Ask, Sequence[Page], tuple[list[int], int | None]]:
    """Return the ids of the failing page inside the span, and where it ends; `None` where that cannot be seen."""
    if not question.entity.select:
        return [], None
    try:
        page = yield from one(question.ids_above(span.cursor), lone=True)
    except OF_A_ROW:
        return [], None
    ids = ids_of(page.rows, question.entity.id)
    if ids and min(ids) <= span.cursor:
        raise ContractBroken(f"asked for ids above {span.cursor}, the portal sent {min(ids)}: it ignored the condition")
    inside = [one for one in ids if span.high is None or one <= span.high]
    return inside, inside[-1] if inside else None


def _answered_above(question: Question, span: Span) -> Generator[Ask, Sequence[Page], int]:
    """Find an id above which the portal answers: the bad rows lie at or below it."""
    for double in range(REACH):
        top = span.cursor + (50 << double)
        if span.high is not None and top >= span.high:
            return span.high
        try:
            yield from one(question.ids_above(top), lone=True)
        except OF_A_ROW as error:
            failed = error
        else:
            return top
    raise failed


def _middle(low: int, end: int, inside: Sequence[int]) -> int:
    """Choose where to cut (low, end]: between the ids known to be there, and else in the middle."""
    between = [one for one in inside if low < one < end]
    if between:
        return between[len(between) // 2]
    return end - 1 if inside else (low + end) // 2
