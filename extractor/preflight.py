"""What is asked of a portal beside its rows; before the first of them: is every question one that it will answer as asked?

The portal drops conditions that it does not know in silence and answers with
more than was asked, or with the whole table. So names and types are held
against what its own fields methods report, and refused with the right
spelling while nothing has been read yet.

It may be cancelled at any await: whoever is told to stop does not wait for it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from extractor.client import Client
from extractor.conditions import check, check_fields, fields_from
from extractor.decoder import page_of, value_of
from extractor.errors import (
    AccessDenied,
    B24xError,
    ContractBroken,
    NotFound,
    Outage,
    RequestRefused,
    Unreachable,
)
from extractor.messages import BATCH_SIZE, Call, Reply
from extractor.paging.span import ids_of
from extractor.question import Question, blamed
from extractor.retry import Again, Renew, Skip, decide


def refuse_at_once(questions: Sequence[Question]) -> None:
    """Hold the questions against what is known without asking the portal.

    Raises:
        UsageError: A filter, select or parameter would be dropped, or has no meaning.
        ConfigError: ... and stands in a configuration file.
    """
    for question in questions:
        with blamed(question):
            check(question)


async def hold_against_fields(client: Client, questions: Sequence[Question]) -> None:
    """Hold the questions against the fields that the portal reports.

    Raises:
        UsageError: A filter or select would be dropped, or has no meaning.
        ConfigError: ... and stands in a configuration file.
        B24xError: The portal refuses the credentials, or is not there.
    """
    doubtful = [one for one in questions if one.entity.fields and (one.filter or one.select is not None)]
    attempt = 0
    while doubtful:
        attempt += 1
        await client.admit()
        outcomes = await client.send([Call(one.entity.fields, {**one.entity.params, **one.params}) for one in doubtful])
        waits = [_hold_against(client, *pair, attempt) for pair in zip(doubtful, outcomes, strict=True)]
        doubtful = [one for one, wait in zip(doubtful, waits, strict=True) if wait is not None]
        await asyncio.sleep(max((wait for wait in waits if wait is not None), default=0.0))


async def server_time(client: Client) -> dt.datetime:
    """Ask for the server's clock (`server.time`), which its stamps go by.

    Raises:
        ContractBroken: It answers with no moment in a zone.
        B24xError: The portal refuses the credentials, or is not there.
    """
    return _moment(await _value(client, Call("server.time", {})))


async def shows_all(client: Client, questions: Sequence[Question]) -> set[str]:
    """Name the entities of which an empty answer hides nothing: all, to an administrator, and those of which rows beyond the condition show.

    Raises:
        B24xError: The portal refuses the credentials, or is not there.
    """
    said = None
    with suppress(AccessDenied, NotFound, RequestRefused):  # then it says no more than that of somebody who is none
        said = await _value(client, Call("profile", {}))
    if isinstance(said, dict) and said.get("ADMIN") is True:
        return {one.entity.name for one in questions}
    others = [replace(one, filter={}) for one in questions if one.filter and one.entity.paging == "keyset"]
    return {name for name, last in (await last_ids(client, others)).items() if last}


async def last_ids(client: Client, questions: Sequence[Question]) -> dict[str, int]:
    """Ask for the highest id of each entity, by name; one that does not say is left out: its rows will say why.

    Raises:
        B24xError: The portal refuses the credentials, or is not there.
    """
    found: dict[str, int] = {}
    for first in range(0, len(questions), BATCH_SIZE):
        waiting, attempt = list(questions[first : first + BATCH_SIZE]), 0
        while waiting:
            attempt += 1
            await client.admit()
            outcomes = await client.send([one.last_id() for one in waiting])
            later = []
            for question, outcome in zip(waiting, outcomes, strict=True):
                if isinstance(outcome, Reply):
                    with suppress(B24xError):
                        ids = ids_of(page_of(outcome, question.entity).rows, question.entity.id)
                        found[question.entity.name] = max(ids, default=0)
                elif not isinstance(decide(outcome, attempt, 0.0), Skip):
                    later.append((question, _wait(client, outcome, attempt)))
            waiting = [question for question, _ in later]
            await asyncio.sleep(max((wait for _, wait in later), default=0.0))
    return found


async def _value(client: Client, call: Call) -> Any:
    """Return what a method answers, however often it takes."""
    for attempt in itertools.count(1):
        await client.admit()
        (outcome,) = await client.send([call])
        if isinstance(outcome, Reply):
            return value_of(outcome)
        await asyncio.sleep(_wait(client, outcome, attempt))
    raise AssertionError  # there is no last attempt: an error ends them


def _moment(said: Any) -> dt.datetime:
    """Read a moment in a zone."""
    try:
        moment = dt.datetime.fromisoformat(said)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ContractBroken("asked for its time, the portal answered with none")
    return moment


def _hold_against(client: Client, question: Question, outcome: Reply | B24xError, attempt: int) -> float | None:
    """Hold one question against the fields that the portal reported; return the wait before another attempt, if it takes one."""
    if isinstance(outcome, Reply):
        with blamed(question):
            check_fields(question, fields_from(value_of(outcome)))
        return None
    if isinstance(outcome, AccessDenied):
        return None  # its list method will say so itself
    return _wait(client, outcome, attempt)


def _wait(client: Client, error: B24xError, attempt: int) -> float:
    """Return the wait before another attempt; raise the error where there is to be none."""
    if isinstance(error, Unreachable) and not client.reached:
        raise error  # a slip in the address is no outage: say so at once
    decision = decide(error, attempt, random.random())
    if isinstance(decision, Renew):
        return 0.0
    if not isinstance(decision, Again):
        raise Outage(error) if isinstance(error, Unreachable) else error
    return decision.after
