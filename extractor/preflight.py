"""Before the first data call: is every question one that the portal will answer as asked?

The portal drops conditions that it does not know in silence and answers with
more than was asked, or with the whole table. So names and types are held
against what its own fields methods report, and refused with the right
spelling while nothing has been read yet.

It may be cancelled at any await: whoever is told to stop does not wait for it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from extractor.client import Client
from extractor.conditions import check, check_fields, fields_from
from extractor.decoder import value_of
from extractor.errors import AccessDenied, B24xError, Unreachable
from extractor.messages import Call, Reply
from extractor.question import Question, blamed
from extractor.retry import Again, Renew, decide


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
        waits = [_hold_against(*pair, attempt) for pair in zip(doubtful, outcomes, strict=True)]
        doubtful = [one for one, wait in zip(doubtful, waits, strict=True) if wait is not None]
        await asyncio.sleep(max((wait for wait in waits if wait is not None), default=0.0))


def _hold_against(question: Question, outcome: Reply | B24xError, attempt: int) -> float | None:
    """Hold one question against the fields that the portal reported; return the wait before another attempt, if it takes one."""
    if isinstance(outcome, Reply):
        with blamed(question):
            check_fields(question, fields_from(value_of(outcome)))
        return None
    if isinstance(outcome, AccessDenied):
        return None  # its list method will say so itself
    if isinstance(outcome, Unreachable) and attempt == 1:
        raise outcome  # a slip in the address is no outage: say so at once
    decision = decide(outcome, attempt, random.random())
    if isinstance(decision, Renew):
        return 0.0
    if not isinstance(decision, Again):
        raise outcome
    return decision.after
