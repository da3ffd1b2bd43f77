"""Why a run stands still, in words: whoever watches it wants to know which limit to mend, if any."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from extractor.listing import Listing


def cause(listings: Iterable[Listing], now: float, ready_at: Callable[[str], float]) -> str:
    """Say what the next call waits for: the operating limit of its method, or the pause before another attempt."""
    waits = [_wait(listing, now, ready_at) for listing in listings]
    return min((wait for wait in waits if wait), default=(now, "for answers"))[1]


def _wait(listing: Listing, now: float, ready_at: Callable[[str], float]) -> tuple[float, str] | None:
    """Say when the next call of an entity may go, and what holds it back until then; `None` while all are under way."""
    method = listing.question.entity.method
    pauses = [job.not_before for job in listing.jobs if not job.flying] or ([now] if listing.splittable() else [])
    if not pauses:
        return None
    pause, limit = min(pauses), ready_at(method)
    if limit >= pause:
        return max(limit, now), f"for the operating limit of {method}"
    return pause, f"before another attempt at {listing.question.entity.name}"
