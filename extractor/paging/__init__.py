"""How a part of an entity is read: pagers, generators without I/O.

A pager yields an `Ask` (the calls it wants answered, and the rows it keeps of
the pages before) and is sent the pages, in the order of its calls. It returns
a `Finish`: the last rows, and the parts that are still to be read by others.
The driver owns the network, the retries and the disk.

What a pager has read and what it kept change in one step, between two yields:
a span's cursor moves exactly when the rows below it are handed over. That is
what makes a commit between any two steps whole.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from extractor.messages import Call, Page, Row, Unread
from extractor.paging.span import Span


@dataclass(frozen=True, slots=True)
class Part:
    """A span of ids that one pager reads on its own; by offsets where a `total` is given, else by ids."""

    span: Span
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """The calls to answer next, to be run in this order and never side by side; the rows kept so far.

    `lone` asks for a request of its own. `chained` may be put behind the only
    call in its batch, and behind itself: what it answers to a full page is what
    the pager will ask for next. When a call has failed for good, the
    error is raised at the `yield`.
    """

    calls: tuple[Call, ...]
    rows: Sequence[Row] = ()
    unread: tuple[Unread, ...] = ()
    lone: bool = False
    chained: Call | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a pager: its last rows, and what it leaves to others."""

    rows: Sequence[Row] = ()
    parts: tuple[Part, ...] = ()
    unread: tuple[Unread, ...] = ()


Pager = Generator[Ask, Sequence[Page], Finish]
