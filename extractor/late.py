"""What is late of an entity: ids that the portal shows tonight, and of which nobody has a row yet.

Where all ids are read, they tell of rows that no other lane asks for: hidden for a night and shown again, shown since rights were given,
back under a condition without a new stamp, restored with their old id, committed long after their neighbours. Their rows are fetched here.

Rule 1: what was seen and what is known say what is late, and both survive a kill: whoever goes on finds what is still to be fetched.
Rule 2: the ids that were seen tell where a page ends. So each range begins with an id that is late, and is a page wide as the portal
counts: as few calls as there can be, and so many at a time.
Rule 3: an id whose row does not come has gone meanwhile; if it has not, the next night asks again. One that another lane has found
unreadable is not asked for once more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from extractor.entityrun import EntityRun
from extractor.known import Known
from extractor.messages import PAGE_SIZE
from extractor.paging.span import Span
from extractor.question import Question
from extractor.sinks import Sink

ROUND = 2_000  # spans asked for at a time, as what is planned lies in memory


@dataclass(slots=True, eq=False)
class Late:
    """The fetching of what is late of one entity; the `unread` are those that cannot be."""

    question: Question
    named: bool
    known: Known
    open_sink: Callable[[], Sink]
    unread: Collection[int] = field(default_factory=frozenset)
    _place: int = -1

    def ask(self) -> EntityRun | None:
        """Ask for the next ones; `None` when all have been asked for."""
        spans: list[Span] = []
        for span in self._spans():
            spans.append(span)
            if len(spans) == ROUND:
                break
        if not spans:
            return None
        self._place = spans[-1].until
        entity = replace(self.question.entity, name=f"{self.question.entity.name}:late")
        run = EntityRun(replace(self.question, entity=entity), self.named, self.open_sink, whole=False)
        run.spans = spans
        return run

    def _spans(self) -> Iterator[Span]:
        """Make the spans above the place that has been reached."""
        place = self._place
        while ids := self.known.unknown(self.question.entity.name, place, PAGE_SIZE):
            place = ids[-1]
            if wanted := [one for one in ids if one not in self.unread]:
                low, high = wanted[0] - 1, wanted[-1]
                yield Span(low, high, high, len(wanted) / (high - low))
