"""Methods without an id filter: one reply, or page after page by `next`.

Rows can shift between two pages of such a method, and nothing proves that
they did not. So rows are kept once by their key, everything is read again when
`total` moved meanwhile, and the best that can be said is *best effort*.

Nothing here has a cursor that a later run could go on from. The rows are
handed over together, at the end: such an entity lands whole or not at all.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from extractor.errors import ContractBroken
from extractor.messages import PAGE_SIZE, Page, Row
from extractor.paging import Ask, Finish, Pager
from extractor.question import Question

PASSES = 3  # a set that moves during three readings in a row will move during the fourth


def single(question: Question) -> Pager:
    """Read a method that answers everything at once; `total` and `next` mean nothing there."""
    (page,) = yield Ask((question.whole(),))
    return Finish(page.rows)


def follow(question: Question) -> Pager:
    """Read page after page by `next`, again while `total` moves, and keep each row once."""
    kept: dict[Any, Row] = {}
    for _ in range(PASSES):
        pages = yield from _once(question)
        known = {key: row for key, row in kept.items() if isinstance(key, str)}  # the rest cannot be told apart: anew
        kept = known | _by_key(pages, question.entity.id)
        if len({page.total for page in pages}) == 1:
            _check_total(pages)
            break
    return Finish(list(kept.values()))


def _once(question: Question) -> Generator[Ask, Sequence[Page], list[Page]]:
    """Follow `next` from the first page to the last."""
    pages: list[Page] = []
    start: int | None = 0
    came = 0
    while start is not None:
        (page,) = yield Ask((question.follow(start),))
        if page.next is not None and page.next <= start:
            raise ContractBroken(f"after the page at {start} the portal points back to {page.next}")
        came += len(page.rows)
        endless = len(page.rows) >= PAGE_SIZE or (page.next is not None and came >= (page.total or 0))
        if pages and page.rows and endless and page.rows == pages[0].rows:
            raise ContractBroken(f"at {start} the portal answers its first page again")  # as it does past the end
        pages.append(page)
        start = page.next
    return pages


def _check_total(pages: Sequence[Page]) -> None:
    """Refuse a set that ended before its total: the method pages in a way of its own."""
    total, came = pages[-1].total or 0, sum(len(page.rows) for page in pages)
    if total > came:
        raise ContractBroken(f"the portal counts {total} rows, and names no next page after {came} of them")


def _by_key(pages: Sequence[Page], key: str) -> dict[Any, Row]:
    """Index rows by their key; rows of unknown identity by their place, so that equal ones stay apart."""
    name = key or next((name for name in ("ID", "id") if all(_identifies(name, page.rows) for page in pages)), "")
    rows = [row for page in pages for row in page.rows]
    return {str(row[name]) if name and name in row else place: row for place, row in enumerate(rows)}


def _identifies(name: str, rows: Sequence[Row]) -> bool:
    """Tell whether a key tells the rows of a page apart; an `ID` may be that of an event whose dates the rows are."""
    return all(name in row for row in rows) and len({str(row[name]) for row in rows}) == len(rows)
