"""When an empty page is believed: it says that nothing is there, or that nothing is shown any more.

Rights that were taken away answer with nothing, and HTTP 200
(`CCrmActivity::BuildPermSql`); a page whose fifty rows were deleted between
the portal's two queries is empty with more behind it (`Factory::getItems`).

Rule 1: an empty page is held against the last id. Where ids were seen and the
portal knows none any more, the entity ends with an error: it cannot be told
apart from rights that were taken away. But for a question with a condition,
which rows may cease to fit: there it is enough that others are shown, and of these none again.
Rule 2: a page without an upper bound is believed when the last id is not above it, and is one that was asked for.
Rule 3: a page with one is believed when it is empty a second time, behind an
answer that shows rows, or fails by one: so the rights were there in between.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from extractor.errors import (
    ConnectionLost,
    ContractBroken,
    NotJson,
    RequestTimeout,
    ServerFailure,
    TooLarge,
    Unreadable,
)
from extractor.messages import Call, Page
from extractor.paging import Ask
from extractor.paging.span import check_bounds, ids_of
from extractor.question import Question

OF_A_ROW = (Unreadable, ServerFailure, ConnectionLost, RequestTimeout, NotJson, TooLarge)
"""What one bad row may cause: it cannot be encoded, kills the process, or has no room in an answer. It is raised when a call has failed for good."""

REPEATS = 3  # rows can be appended between two calls once, hardly thrice


def one(call: Call, *, lone: bool) -> Generator[Ask, Sequence[Page], Page]:
    """Ask one call; `lone`: in a request of its own."""
    (page,) = yield Ask((call,), lone=lone)
    return page


def doubt(
    question: Question, low: int, high: int | None, *, seen: bool, lone: bool = False
) -> Generator[Ask, Sequence[Page], Page]:
    """Return the page of (low, high] that is to be believed, after one that came empty; `seen`: some ids have been.

    Raises:
        ContractBroken: What is known of the entity's ids speaks against it.
    """
    for _ in range(REPEATS):
        last = yield from _last(question, lone=lone)
        if last == 0 and seen:
            if not (yield from shows_others(question, lone=lone)):
                raise ContractBroken("all rows have gone while they were read: were rights taken away?")
            last = yield from _last(question, lone=lone)
        if last == 0 or (high is None and last is not None and last <= low):
            return Page(())
        page = yield from one(question.window(low, high), lone=lone)
        if page.rows or high is not None or last is None:
            return page
    raise ContractBroken(f"the portal knows the id {last}, and answers with nothing above {low}")


def shows_others(question: Question, *, lone: bool = False) -> Generator[Ask, Sequence[Page], bool]:
    """Tell whether the portal shows rows that do not fit a question's condition: so the rights are there."""
    if not question.filter:
        return False
    return (yield from _last(replace(question, filter={}), lone=lone)) != 0


def _last(question: Question, *, lone: bool) -> Generator[Ask, Sequence[Page], int | None]:
    """Return the highest id that the portal shows, 0 where it shows none; `None` where a bad row is among the last."""
    try:
        page = yield from one(question.last_id(), lone=lone)
    except OF_A_ROW:
        return None
    ids = ids_of(page.rows, question.entity.id)
    check_bounds(ids, *question.bounds)
    return max(ids, default=0)
