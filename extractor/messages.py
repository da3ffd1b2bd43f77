"""The nouns that travel: call, reply, page, span. Frozen, and without behaviour.

A *call* is one REST method invocation; up to 50 of them ride in one batch.
A *reply* is what the portal said to one call that succeeded, still in the
portal's shape. A *page* is a reply read with the catalog's eyes: its rows.
A *row* stays the text that it came as: nobody here asks for more than its id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

PAGE_SIZE = 50  # IRestService::LIST_LIMIT: no parameter changes it
BATCH_SIZE = 50  # surplus commands get ERROR_BATCH_LENGTH_EXCEEDED

AROUND = "UNREAD: "  # how the reason begins of what was read to its end around rows that cannot be read
DAMAGED = "DAMAGED: "  # how the reason of an entity begins that was not asked for, as a file of it is damaged

Status = Literal["running", "complete", "partial", "skipped", "failed"]
"""How far an entity is; `running` only while, or where, a run has not come to its end."""


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation of one REST method."""

    method: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Behind:
    """Stands among a call's parameters for a number in the answer to the call before it in its batch, at this path.

    `leading` is the digit that is written before it; where the path leads nowhere, that digit is all of the number.
    """

    path: tuple[str, ...]
    leading: str


@dataclass(frozen=True, slots=True)
class Timing:
    """What the portal's `time` object says of a call, and of the operating limit.

    `operating` is the cumulative seconds of this method in the last ten
    minutes, `reset_at` the unix second when its oldest minute leaves. Both
    are `None` where the limiter is off (self-hosted portals). `finish` is when the call
    ended, by the portal's clock: of its numbers the only one of moments that is not cut to whole seconds.
    """

    operating: float | None = None
    reset_at: float | None = None
    finish: float | None = None


Json = msgspec.Raw
"""A piece of an answer that is valid JSON and has not been read: a view of the body, not a copy."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One row: its JSON on one line, and the values of the keys that may identify it, where it has them."""

    text: bytes
    keys: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.keys[key]

    def __contains__(self, key: str) -> bool:
        return key in self.keys


@dataclass(frozen=True, slots=True)
class Reply:
    """One call that succeeded: `result` and `next` as they came, `total` where sent; a list may have been taken apart already."""

    result: Json | list[Json]
    total: int | None = None
    next: Any = None
    timing: Timing | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one reply, in the portal's order."""

    rows: Sequence[Row]
    total: int | None = None
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A row that is there and cannot be read: its id, and why, as a code and a sentence."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileMark:
    """A committed length of one file: what is up to there is safe, what follows is not ours.

    `path` is relative to the run's folder, with forward slashes; `sha256` is
    of the first `bytes` bytes, in hex.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
