"""What the answers under way may hold in memory, by what pages have weighed so far.

Rule 1: a page is expected to weigh what those of its method's last answer did on the average, or half of what was
expected before and half of that, if this is more: one wide row is soon forgotten, wide pages are known at once.
Rule 2: what is left bounds the request that is about to leave, too, and not only whether one may; one call always may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ANSWERS_BYTES = 36 << 20  # of the answers that may come at any moment: nine full batches, and more small ones than the window has


class Memory:
    """Say whether one more answer has room, and how many calls may be in it."""

    def __init__(self, most: float = ANSWERS_BYTES) -> None:
        self._left = most
        self._pages: dict[str, float] = {}  # bytes that a page of each method is expected to have

    def room(self) -> bool:
        """Say whether a request may leave."""
        return self._left > 0

    def calls(self, method: str, most: int) -> int:
        """Return how many calls of a method a request may carry, of the `most` that it could."""
        page = self._pages.get(method, 0.0)
        return min(most, max(1, int(self._left / page))) if page else most

    def sent(self, methods: Iterable[str]) -> float:
        """Keep room for the answer to these calls; return the bytes, for `ended`."""
        expected = sum(self._pages.get(method, 0.0) for method in methods)
        self._left -= expected
        return expected

    def ended(self, expected: float) -> None:
        """Let go of the room that was kept for an answer."""
        self._left += expected

    def came(self, pages: Mapping[str, Sequence[int]]) -> None:
        """Learn from an answer: the bytes of its pages, by method (Rule 1)."""
        for method, sizes in pages.items():
            mean = sum(sizes) / len(sizes)
            self._pages[method] = max(mean, (self._pages.get(method, 0.0) + mean) / 2)

    def __repr__(self) -> str:
        return f"<Memory for {self._left:,.0f} bytes of answers; {len(self._pages)} methods known>"
