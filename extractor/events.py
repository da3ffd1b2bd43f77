"""What happens during a run, as frozen records that travel whole to observers.

The engine emits them; progress, report and logs read them. An observer is
called in the middle of the run: it returns at once and raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RunBegan:
    """A run begins: what it will ask of which portal (a host)."""

    portal: str
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run came to its end, with the exit code and the sentence that explains it."""

    status: str
    exit_code: int
    why: str | None
    rows: int
    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """The run was told to stop: it takes nothing new, and commits what comes of the requests under way."""

    why: str


@dataclass(frozen=True, slots=True)
class StartedOver:
    """Something else is asked of an entity than what the folder holds of it (`changed` parameters), or a file of a first reading is `damaged`: it is read whole again."""

    entity: str
    changed: tuple[str, ...] = ()
    damaged: str | None = None


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """One HTTP request came back, or failed as a whole (`error` names how) after `seconds`."""

    calls: int
    rows: int
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CallFailed:
    """One call failed and goes again after `wait` seconds."""

    entity: str
    reason: str
    attempt: int
    wait: float


@dataclass(frozen=True, slots=True)
class RowsLanded:
    """An answer for one entity was absorbed: `rows` are written so far, about `left` are still to come."""

    entity: str
    rows: int
    left: float


@dataclass(frozen=True, slots=True)
class EntityEnded:
    """One entity came to its end: complete, partial, skipped or failed, the last three with a reason."""

    entity: str
    status: str
    rows: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing can be asked for `seconds`: `why` names the limit, or the entity that pauses before another attempt."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Committed:
    """All rows so far are durable."""

    rows: int


@dataclass(frozen=True, slots=True)
class ObserverFailed:
    """An observer has raised, and is told nothing more; the run goes on."""

    why: str


Event = ObserverFailed | RunBegan | RunEnded | Stopping | StartedOver | RequestAnswered | CallFailed | RowsLanded | EntityEnded | Waiting | Committed


class Observer(Protocol):
    """Anything that wants to know."""

    def __call__(self, event: Event) -> None:
        """Take note of an event; return at once."""
        ...
