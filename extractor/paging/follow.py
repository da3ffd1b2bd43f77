"""Methods without an id filter: one reply, or page after page by `next`.

Rows can shift between two pages of such a method, and nothing proves that
they did not. So rows are kept once by their key, everything is read again when
`total` moved meanwhile, and the best that can be said is *best effort*.

Nothing here has a cursor that a later run could go on from. The rows are
handed over together, at the end: such an entity lands whole or not at all.

Rule 1: of a method that nobody knows, `ID` or `id` is the key only where it
tells all rows apart, in every reading: it may be that of an event whose dates
the rows are. Without a key no two rows are taken for one, and only the last
reading counts.
Rule 2: a method that names neither total nor next may page all the same: a first
page of exactly fifty rows is followed by another question.
Rule 3: every walk ends. `next` has to rise. Page upon page has to bring something new: new ids, where the
catalog knows them; else new rows, beyond the total of the first page, or where they have ids.
And nothing but its end tells a large table from rows that are invented: so many more than the portal counts are none.
Rule 4: that there is nothing is believed when it is said twice (`believe`): for a moment, an answer may be blank.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from extractor.errors import ContractBroken
from extractor.messages import PAGE_SIZE, Page, Row
from extractor.paging import Ask, Finish, Pager
from extractor.question import Question

PASSES = 3  # a set that moves during three readings in a row will move during the fourth
NOTHING_NEW = 3  # pages in a row: one or two may be empty because rights hide their rows
MORE = 1_000_000  # rows beyond the total (which may be that of a page), or without one: hours of requests
MOST = 10_000_000  # rows, whatever the total: they are held until all are there


def single(question: Question) -> Pager:
    """Read a method that answers everything at once; `total` and `next` mean nothing there."""
    (page,) = yield Ask((question.whole(),))
    if not page.rows:
        (page,) = yield Ask((question.whole(),))
    return Finish(page.rows)


def follow(question: Question) -> Pager:
    """Read page after page by `next`, again while `total` moves, and keep each row once."""
    readings: list[list[Page]] = []
    for _ in range(PASSES):
        readings.append((yield from _once(question)))
        if len(readings) == 1 and not any(page.rows for page in readings[0]):
            continue
        if len({page.total for page in readings[-1]}) == 1:
            _check_total(readings[-1])
            break
    return Finish(_merged(readings, question.entity.id))


def _once(question: Question) -> Generator[Ask, Sequence[Page], list[Page]]:
    """Follow `next` from the first page to the last."""
    pages: list[Page] = []
    start: int | None = 0
    came, guessed = 0, False
    walk = _Walk(question.entity.id)
    while start is not None:
        (page,) = yield Ask((question.follow(start),))
        if pages and page.rows and page.total is not None and page.total <= start < (pages[0].total or 0):
            return [*pages, Page((), page.total)]  # rows have gone, and this is page 1 again, as it comes past the end
        if page.next is not None and page.next <= start:
            raise ContractBroken(f"after the page at {start} the portal points back to {page.next}")
        came += len(page.rows)
        endless = len(page.rows) >= PAGE_SIZE or (page.next is not None and came >= (page.total or 0))
        if pages and page.rows and endless and page.rows == pages[0].rows:
            if guessed:
                return pages  # it takes no start: that was all
            raise ContractBroken(f"at {start} the portal answers its first page again")  # as it does past the end
        pages.append(page)
        guessed = page.next is None and page.total is None and len(page.rows) == PAGE_SIZE
        following = start + PAGE_SIZE if guessed else page.next
        walk.took(page, start, beyond=start >= (pages[0].total or 0), on=following is not None)
        start = following
    return pages


class _Walk:
    """What a walk has brought so far, and whether it leads anywhere (Rule 3)."""

    def __init__(self, key: str) -> None:
        """Know the key that tells rows apart, if the catalog does."""
        self._key = key
        self._known: set[str | bytes] = set()
        self._stale = self._came = self._told = 0

    def took(self, page: Page, start: int, *, beyond: bool, on: bool) -> None:
        """Note a page, `beyond` the first one's total or before it.

        Raises:
            ContractBroken: It goes `on`, and that has no end.
        """
        marks = {str(row[self._key]) if self._key and self._key in row else row.text for row in page.rows}
        repeated = bool(page.rows) and all(any(name in row for name in (self._key, "ID", "id")) for row in page.rows)
        self._stale = self._stale + 1 if self._known.issuperset(marks) and (beyond or repeated) else 0
        self._known |= marks
        self._came += max(1, len(page.rows))  # a page without rows is one more as well
        self._told = max(self._told, page.total or 0)
        if on and self._stale == NOTHING_NEW:
            raise ContractBroken(f"up to {start} the portal has answered {NOTHING_NEW} pages with nothing new, and there is yet another")
        if on and self._came > min(self._told + MORE, MOST):
            raise ContractBroken(f"up to {start} the portal has answered {self._came:,} rows where it counts {self._told:,}, without end")


def _check_total(pages: Sequence[Page]) -> None:
    """Refuse a set that ended before its total: the method pages in a way of its own."""
    total, came = pages[-1].total or 0, sum(len(page.rows) for page in pages)
    if total > came:
        raise ContractBroken(f"the portal counts {total} rows, and names no next page after {came} of them")


def _merged(readings: Sequence[Sequence[Page]], key: str) -> Sequence[Row]:
    """Take the rows of several readings together, each once; those of the last one where no key tells them apart (Rule 1)."""
    name = key or next((name for name in ("ID", "id") if all(_identifies(name, pages) for pages in readings)), "")
    last = [row for page in readings[-1] for row in page.rows]
    if not name:
        return last
    by_key = {str(row[name]): row for pages in readings for page in pages for row in page.rows if name in row}
    return [*by_key.values(), *(row for row in last if name not in row)]


def _identifies(name: str, pages: Sequence[Page]) -> bool:
    """Tell whether a key tells rows apart: two rows of one value are one row that shifted, and was changed at the most."""
    rows = [row for page in pages for row in page.rows]
    if not all(name in row for row in rows):
        return False
    values, whole = {str(row[name]) for row in rows}, {(str(row[name]), row.text) for row in rows}
    return len(whole) == len(values) or len(values) == pages[-1].total
