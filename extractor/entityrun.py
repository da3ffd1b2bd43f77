"""One entity during a run: its question, its sink, how far it is, what it cost.

The checkpoint and the manifest are written from this one record, so that they
cannot tell different stories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from extractor.batch import Outcome
from extractor.checkpoint import SavedEntity
from extractor.errors import AccessDenied, B24xError, OperatingLimited, TokenExpired, reason_of
from extractor.listing import Listing
from extractor.manifest import Assurance, EntityFacts
from extractor.messages import AROUND, FileMark, Reply, Row, Status, Unread
from extractor.paging.span import Span
from extractor.question import Question
from extractor.retry import blocked_attempt
from extractor.sinks import Sink
from extractor.wording import counted

_NO_PROOF = "NO_PROOF: {method} has no id filter; rows that moved between its pages while they were read could be missing"
_UNKNOWN = ("NO_PROOF: {method} is not in the catalog, and was read by its next and total; "
            "if it pages in another way, rows could be missing, and so could those that moved between its pages")


@dataclass(slots=True, eq=False)
class EntityRun:
    """One entity being extracted; `named` when the user asked for it by name.

    The sink is opened with the first row, or at the end of an entity that has
    none: one that is skipped leaves no file.
    """

    question: Question
    named: bool
    open_sink: Callable[[], Sink]
    whole: bool = True  # what is asked is all of it: one that has no rows may be hidden; of a part, none is nothing to speak of
    sink: Sink | None = None
    files: tuple[FileMark, ...] = ()
    spans: list[Span] | None = None
    listing: Listing | None = None
    status: Status = "running"
    reason: str | None = None
    ended: bool = False  # it was read to its end, around the rows that could not be read; one that is given up is not
    rows: int = 0
    unread: tuple[Unread, ...] = ()
    requests: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    blocked_since: float | None = None
    aged: bool = False  # a token was refused, and none accepted since

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.question.entity.name

    @property
    def assurance(self) -> Assurance | None:
        """Whether every row that existed during the whole run is proven to be there; `None` of what is not complete."""
        if self.status != "complete":
            return None
        return "best-effort" if self.question.entity.paging == "next" else "exact"

    def answered(self, outcome: Outcome, seconds: float) -> None:
        """Count a call that was answered after its share of seconds; a page ends what blocks there were."""
        self.calls += 1
        self.seconds += seconds
        if isinstance(outcome, Reply):
            self.blocked_since = None

    def let_in(self) -> None:
        """Note that the portal has accepted a token: those refused before have aged, and that is held against no call."""
        for job in self.listing.jobs if self.listing and self.aged else ():
            del job.failures[TokenExpired]
        self.aged = False

    def attempt(self, error: B24xError, failures: Counter[type[B24xError]], now: float) -> int:
        """Return which attempt has failed: of the call, by its `failures`, or of the entity, if it is blocked."""
        self.aged |= isinstance(error, TokenExpired)
        if not isinstance(error, OperatingLimited):
            return failures[type(error)] + 1
        self.blocked_since = now if self.blocked_since is None else self.blocked_since
        return blocked_attempt(self.blocked_since, now)

    def land(self, rows: Sequence[Row]) -> int:
        """Take rows; return their bytes."""
        self.sink = self.sink or self.open_sink()
        self.rows += len(rows)
        return self.sink.append(rows)

    def complete(self) -> None:
        """Note that the entity was read to its end."""
        self.sink = self.sink or self.open_sink()
        self.status, self.ended = "complete", True
        if not self.rows and self.whole:
            self.reason = "EMPTY: there are no rows, or none that these credentials may see"
        if self.assurance != "exact":
            self.reason = (_NO_PROOF if self.question.entity.id else _UNKNOWN).format(method=self.question.entity.method)
        if self.unread:
            self.status, self.reason = "partial", around(self.unread)

    def give_up(self, error: B24xError) -> None:
        """Note why the entity will not be read to its end."""
        self.reason, self.ended = reason_of(error), False
        if self.rows:
            self.status = "partial"
        else:
            self.status = "skipped" if isinstance(error, AccessDenied) else "failed"

    def reopen(self) -> None:
        """Note that its end is not believed yet."""
        self.status, self.ended = "running", False

    def skip(self, reason: str) -> None:
        """Note why the entity is not even asked for."""
        self.status, self.reason = "skipped", reason

    def adopt(self, saved: SavedEntity) -> None:
        """Go on where a checkpoint says; what was given up is tried again."""
        done = saved.status == "complete" and saved.rows > 0  # rights may have been given since to see what seemed empty
        self.status, self.ended = "complete" if done else "running", done
        self.reason = saved.reason if done else None
        self.requests, self.calls, self.retries, self.seconds = saved.requests, saved.calls, saved.retries, saved.seconds
        self.spans = None if saved.status == "complete" and not done else _spans(saved)  # and what could not be read is asked for again
        if self.spans is not None or self.status == "complete":
            self.rows, self.files = saved.rows, saved.files

    def saved(self) -> SavedEntity:
        """Return the record for the checkpoint."""
        spans = self.listing.spans if self.listing else self.spans
        return SavedEntity(
            status=self.status,
            reason=self.reason,
            spans=None if spans is None else tuple((span.cursor, span.high) for span in spans),
            expected_last=max((span.until for span in spans or ()), default=None),
            files=(self.sink.mark,) if self.sink else self.files,
            rows=self.rows,
            unread=self.unread,
            requests=self.requests,
            calls=self.calls,
            retries=self.retries,
            seconds=self.seconds,
        )

    def facts(self) -> EntityFacts:
        """Return the record for the manifest."""
        return EntityFacts(
            method=self.question.entity.method,
            params=self.question.asked(),
            status=self.status,
            key=self.question.entity.id or None,
            reason=self.reason,
            assurance=self.assurance,
            files=(self.sink.mark,) if self.sink else self.files,
            unread=self.unread,
            requests=self.requests,
            calls=self.calls,
            retries=self.retries,
            seconds=self.seconds,
            named=self.named,
        )


def around(unread: Sequence[Unread]) -> str:
    """Say that an entity was read around rows that cannot be read."""
    first = unread[0]
    return f"{AROUND}{counted(len(unread), 'row')} could not be read, the first is {first.id} ({first.reason})"


def _spans(saved: SavedEntity) -> list[Span] | None:
    """Return the spans that a checkpoint left; `None` where the entity starts over."""
    if saved.spans is None:
        return None
    last = saved.expected_last or 0
    left = [*saved.spans, *((int(one.id) - 1, int(one.id)) for one in saved.unread)]
    return [Span(cursor, high, last if high is None else high) for cursor, high in left]

