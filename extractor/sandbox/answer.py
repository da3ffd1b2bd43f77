"""What a method of the simulated portal gives back: an answer, or a refusal.

The nouns every file of the sandbox shares. Nothing here knows HTTP, and
nothing in the sandbox's model imports from the extractor: a bug in our
reading must not be confirmed by the same bug in our portal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extractor.sandbox.world import World

Params = dict[str, Any]
"""Decoded parameters of one call: `start` and the credentials are already taken out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One call that succeeded.

    `total` and `next` are `None` where the portal sends no such key;
    `seconds` is the server time that the call takes (its cost).
    """

    result: Any
    total: int | None = None
    next: int | None = None
    seconds: float = 0.0


class Refusal(Exception):
    """One call that failed, in the portal's own words.

    `code` may be `""`, `"0"` or an int, as on the real portal;
    `seconds` is what the call took before it failed.
    """

    def __init__(self, code: str | int, description: str = "", *, status: int = 400,
                 extra: Mapping[str, Any] | None = None, seconds: float = 0.0) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.status = status
        self.extra = dict(extra or {})
        self.seconds = seconds


class Collapse(Exception):
    """A call that takes its whole request with it, batch or not: a fatal error of PHP, or one that never ends.

    The web server answers with a page of this `status` after `seconds`.
    """

    def __init__(self, status: int = 500, seconds: float = 0.0) -> None:
        super().__init__(status, seconds)
        self.status = status
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Session:
    """Who calls: the webhook's user, rights and scopes; or the `application` (its client id) and the user who authorised it."""

    user_id: int = 1
    admin: bool = True
    scopes: frozenset[str] = frozenset()
    application: str = ""


@dataclass(frozen=True, slots=True)
class Method:
    """One REST method: the scope that it needs (`""` for none) and its body.

    `run(world, params, start, session)` returns an `Answer` or raises a
    `Refusal`; `start` is `None` when the caller sent none, otherwise what
    PHP's `intval` makes of it.
    """

    scope: str
    run: Callable[[World, Params, int | None, Session], Answer] = field(repr=False)
