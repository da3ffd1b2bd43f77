"""A request being filled: its calls, the space left in it, and the room left for each method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Load(Generic[T]):
    """Tickets of type `T`; `room(method)` is how many calls may go, `weight(method)` the share of a request that one takes."""

    room: Callable[[str], int]
    weight: Callable[[str], float]
    tickets: list[T] = field(default_factory=list)
    space: float = 1.0
    rooms: dict[str, int] = field(default_factory=dict)
    booked: dict[str, int] = field(default_factory=dict)

    def share(self, method: str, sharers: int) -> int:
        """Return how many calls of a listing may come in, when as many listings want their part; one always fits."""
        left = self.rooms.setdefault(method, self.room(method))
        most = (self.space + 1e-9) / self.weight(method)  # 50 times 1/50 is 1 but for rounding
        return min(left, max(int(min(most, 1 / self.weight(method) / sharers)), 1 if most >= 1 or not any(self.booked.values()) else 0))

    def weigh(self, weight: Callable[[str], float]) -> None:
        """Let each call take this share of the request from now on; those that are in it, too."""
        self.weight = weight
        self.space = 1.0 - sum(calls * weight(method) for method, calls in self.booked.items())

    def book(self, method: str, calls: int) -> None:
        """Keep the space for so many calls of a listing."""
        self.booked[method] = self.booked.get(method, 0) + calls
        self.space -= calls * self.weight(method)
        self.rooms[method] -= calls

    def add(self, method: str, tickets: Sequence[T]) -> None:
        """Put calls of a listing in."""
        self.tickets += tickets
        self.book(method, len(tickets))
