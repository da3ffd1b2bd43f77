"""What the answers under way may hold in memory, by what pages have weighed so far.

Rule 1: a page is expected to weigh what those of its method's last answer did on the average, or half of what was
expected before and half of that, if this is more: one wide row is soon forgotten, wide pages are known at once.
Rule 2: a request leaves where a full one has room, lest it is cut short where requests are scarce. Of pages so wide that a full one
is more than all that there may be, it leaves when no other is under way, with as many calls as have room: one at the least.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from extractor.messages import BATCH_SIZE

ANSWERS_BYTES = 40 << 20  # of the answers that may come at any moment: ten full batches, and more small ones than the window has


class Memory:
    """Say whether one more answer has room, and how many calls may be in it."""

    def __init__(self, most: int = ANSWERS_BYTES) -> None:
        self._most = self._left = most
        self._pages: dict[str, float] = {}  # bytes that a page of each method is expected to have

    def room(self) -> bool:
        """Say whether a request may leave."""
        return self._left >= min(self._most, BATCH_SIZE * max(self._pages.values(), default=0.0))

    def calls(self, method: str, most: int) -> int:
        """Return how many calls of a method a request may carry, of the `most` that it could."""
        page = self._pages.get(method, 0.0)
        return min(most, max(1, int(self._left / page))) if page else most

    def sent(self, methods: Iterable[str]) -> int:
        """Keep room for the answer to these calls; return the bytes, for `ended`."""
        expected = int(sum(self._pages.get(method, 0.0) for method in methods))  # whole ones: when all has ended, all room is there again
        self._left -= expected
        return expected

    def ended(self, expected: int) -> None:
        """Let go of the room that was kept for an answer."""
        self._left += expected

    def came(self, pages: Mapping[str, Sequence[int]]) -> None:
        """Learn from an answer: the bytes of its pages, by method (Rule 1)."""
        for method, sizes in pages.items():
            mean = sum(sizes) / len(sizes)
            self._pages[method] = max(mean, (self._pages.get(method, 0.0) + mean) / 2)

    def __repr__(self) -> str:
        return f"<Memory for {self._left:,.0f} bytes of answers; {len(self._pages)} methods known>"
