"""Reads the queue of events before a night, and clears it behind it; `offline` has the rules.

Nothing here ends a run: without the feed a night is what it was, so whatever goes wrong is noted, and said.
Nor does anything hold one up: it asks for more as long as that brings rows of the queue which it has not seen, and there is room for them.
It may be cancelled at any await: what was reserved by then comes again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from extractor import offline
from extractor.batch import Outcome
from extractor.client import Client
from extractor.decoder import value_of
from extractor.errors import B24xError, reason_of
from extractor.messages import BATCH_SIZE, PAGE_SIZE, Call, Reply
from extractor.offline import Held
from extractor.question import Question
from extractor.retry import Again, Renew, decide


class Feed:
    """The events of one run: what was taken and cleared, and what that cost."""

    def __init__(self, client: Client) -> None:
        """Take who asks."""
        self._client = client
        self._held: tuple[Held, ...] = ()
        self._repeated = False
        self._taken = self._cleared = self._requests = 0
        self._notes: list[str] = []

    def facts(self) -> dict[str, Any]:
        """Say what came of it."""
        return {"taken": self._taken, "cleared": self._cleared, "requests": self._requests, "note": "; ".join(self._notes) or None}

    async def take(self, questions: Sequence[Question]) -> tuple[Held, ...]:
        """Return what waits: first what an earlier run left reserved, then what is free; and have events bound."""
        self._held, self._repeated = tuple[Held, ...](), False
        names = offline.all_names(questions)
        try:
            if names:
                await self._read(names)
            else:
                self._note("NO_EVENTS: the portal tells of none of these entities")
        except B24xError as error:
            self._note(offline.without(error))
        self._taken += offline.count(self._held)
        if silent := sum(not object_id for one in self._held for _, object_id in one.events):
            self._note(f"UNREADABLE: {silent} events say no id; they stay in the queue until the portal drops them")
        return self._held

    async def clear(self, held: Iterable[Held], done: Collection[str]) -> None:
        """Clear what has been earned; what stays comes again."""
        calls = list(offline.clearing(held, done))
        try:
            outcomes = await self._ask(calls)
        except B24xError as error:
            outcomes = [error] * len(calls)
        for call, outcome in zip(calls, outcomes, strict=True):
            self._cleared += len(call.params["id"]) if isinstance(outcome, Reply) else 0
        if failed := [one for one in outcomes if isinstance(one, B24xError)]:
            self._note(f"{reason_of(failed[0])}; events could not be cleared, and come again")

    async def _read(self, names: Sequence[str]) -> None:
        """Take over, take, and bind; where a request was repeated, its first answer may have reserved what nobody knows of."""
        await self._take_over(names)
        self._repeated = False
        await self._take_free(names)
        if self._repeated:
            await self._take_over(names)
        await self._bind(names)

    async def _take_over(self, names: Sequence[str]) -> None:
        """Read what is reserved; all of it is this mirror's."""
        first, seen = 0, set[int]()
        while self._has_room(len(seen)):
            pages = _all(await self._ask([offline.reserved(first + PAGE_SIZE * place) for place in range(BATCH_SIZE if first else 1)]))
            self._hold(one for rows in pages for one in offline.left(rows, names))
            if any(map(offline.is_last, pages)):
                return
            for rows in pages:
                if not self._is_news(offline.rows_of(rows), seen):
                    return
            first += PAGE_SIZE * len(pages)

    async def _take_free(self, names: Sequence[str]) -> None:
        """Reserve what is free, name by name, until there is no more."""
        seen = set[int]()
        while names and self._has_room(offline.count(self._held)):
            outcomes = await self._ask([offline.take(name) for name in names])
            got = [offline.taken(value_of(one)) if isinstance(one, Reply) else None for one in outcomes]
            self._hold(one for one in got if one is not None)
            _all(outcomes)
            full = [(name, one) for name, one in zip(names, got, strict=True) if one is not None and len(one.events) >= offline.TAKE]
            names = [name for name, one in full if self._is_news({row for row, _ in one.events}, seen)]

    def _hold(self, more: Iterable[Held]) -> None:
        """Hold what has come, each row once."""
        self._held = offline.merged([*self._held, *more])

    def _has_room(self, rows: int) -> bool:
        """Tell whether more of the queue may be read in this run; say so if not."""
        if rows >= offline.MOST:
            self._note(f"MANY: the queue has more than {offline.MOST:,} rows; this run went on without the rest, which comes in the next ones")
        return rows < offline.MOST

    def _is_news(self, rows: Collection[int], seen: set[int]) -> bool:
        """Tell whether rows of the queue bring one that was not seen yet, and note them; say so if not: asked for more, it would go on so."""
        fresh = not seen.issuperset(rows)
        seen.update(rows)
        if not fresh:
            self._note("REPEATED: asked for more events, the portal gave the same ones again; this run went on without the rest")
        return fresh

    async def _bind(self, names: Sequence[str]) -> None:
        """Have those events queued that are not yet."""
        (answer,) = _all(await self._ask([offline.bound()]))
        lacking = offline.missing(answer, names)
        outcomes = await self._ask([offline.bind(name) for name in lacking])
        refused = [(name, one) for name, one in zip(lacking, outcomes, strict=True) if isinstance(one, B24xError) and not offline.harmless(one)]
        if refused:
            name, error = refused[0]
            self._note(f"{reason_of(error)}; {len(refused)} events could not be bound, the first is {name}")

    async def _ask(self, calls: Sequence[Call]) -> list[Outcome]:
        """Ask until each call is answered, or has failed for good."""
        found: list[Outcome] = []
        for first in range(0, len(calls), BATCH_SIZE):
            found += await self._ask_together(calls[first : first + BATCH_SIZE])
        return found

    async def _ask_together(self, calls: Sequence[Call]) -> list[Outcome]:
        """Ask up to fifty calls in one request, and those again that may succeed later."""
        found: dict[int, Outcome] = {}
        waiting, attempt = list(range(len(calls))), 0
        while waiting:
            attempt += 1
            await self._client.admit()
            outcomes = await self._client.send([calls[place] for place in waiting])
            self._requests += 1
            again, wait = [], 0.0
            for place, outcome in zip(waiting, outcomes, strict=True):
                decision = decide(outcome, attempt, random.random()) if isinstance(outcome, B24xError) else None
                if isinstance(decision, Again | Renew):
                    again.append(place)
                    wait = max(wait, decision.after if isinstance(decision, Again) else 0.0)
                else:
                    found[place] = outcome
            waiting, self._repeated = again, self._repeated or bool(again)
            await asyncio.sleep(wait)
        return [found[place] for place in range(len(calls))]

    def _note(self, words: str) -> None:
        """Note something that is to be said, once."""
        if words not in self._notes:
            self._notes.append(words)


def _all(outcomes: Sequence[Outcome]) -> list[Any]:
    """Read all answers; raise the first error among them."""
    for one in outcomes:
        if isinstance(one, B24xError):
            raise one
    return [value_of(one) for one in outcomes if isinstance(one, Reply)]
