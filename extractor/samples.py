"""Which rows are read again, and by which spans of ids, so that few calls bring many of them.

Rule 1: a call brings fifty rows, whichever fifty. So not rows are drawn but
pages: fifty rows that lie next to each other on disk are one call, where fifty
rows here and there would be fifty.
Rule 2: the draw is a hash of a page's first id: the same folder, the same sample.
At least one page is drawn of an entity that has rows.
Rule 3: single ids that lie within a page's length of each other are read by one span.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterable, Iterator

from extractor.messages import PAGE_SIZE

Range = tuple[int, int]
"""Ids above the first number, up to the second."""


def pages(ids: Iterable[int]) -> Iterator[Range]:
    """Cut ascending ids into pages, each as the range that holds it."""
    waiting = iter(ids)
    while page := list(itertools.islice(waiting, PAGE_SIZE)):
        yield page[0] - 1, page[-1]


def drawn(ids: Iterable[int], count: int, share: float) -> list[Range]:
    """Draw a share of the pages that `count` ascending ids make, ascending."""
    wanted = -int(-share * count // PAGE_SIZE)
    return sorted(heapq.nsmallest(wanted, pages(ids), key=lambda page: _lot(page[0])))


def windows(ids: Iterable[int]) -> Iterator[Range]:
    """Return the ranges, at most a page of ids wide, that hold all of some ascending ids."""
    low = high = None
    for one in ids:
        if low is None or high is None or one > low + PAGE_SIZE:
            if low is not None and high is not None:
                yield low, high
            low = one - 1
        high = one
    if low is not None and high is not None:
        yield low, high


def _lot(number: int) -> bytes:
    """Return a number's lot."""
    return hashlib.blake2b(str(number).encode(), digest_size=8).digest()
