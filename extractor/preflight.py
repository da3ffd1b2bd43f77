"""Before the first data call: is every question one that the portal will answer as asked?

The portal drops conditions that it does not know in silence and answers with
more than was asked, or with the whole table. So names and types are held
against what its own fields methods report, and refused with the right
spelling while nothing has been read yet.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from extractor.client import Client
from extractor.conditions import check, check_fields, fields_from, normal
from extractor.errors import AccessDenied, B24xError
from extractor.messages import Call, Reply
from extractor.question import Question
from extractor.retry import Again, Renew, decide


async def checked(client: Client, questions: Sequence[Question]) -> list[Question]:
    """Return the questions as they may be asked.

    Raises:
        UsageError: A filter, select or parameter would be dropped, or has no meaning.
        B24xError: The portal refuses the credentials.
    """
    for question in questions:
        check(question)
    doubtful = [one for one in questions if one.entity.fields and (one.filter or one.select is not None)]
    attempt = 0
    while doubtful:
        attempt += 1
        await client.admit()
        outcomes = await client.send([Call(one.entity.fields, {**one.entity.params, **one.params}) for one in doubtful])
        waits = [_hold_against(*pair, attempt) for pair in zip(doubtful, outcomes, strict=True)]
        doubtful = [one for one, wait in zip(doubtful, waits, strict=True) if wait is not None]
        await asyncio.sleep(max((wait for wait in waits if wait is not None), default=0.0))
    return [normal(question) for question in questions]


def _hold_against(question: Question, outcome: Reply | B24xError, attempt: int) -> float | None:
    """Hold one question against the fields that the portal reported; return the wait before another attempt, if it takes one."""
    if isinstance(outcome, Reply):
        check_fields(question, fields_from(outcome.result))
        return None
    if isinstance(outcome, AccessDenied):
        return None  # its list method will say so itself
    decision = decide(outcome, attempt, random.random())
    if isinstance(decision, Renew):
        return 0.0
    if not isinstance(decision, Again):
        raise outcome
    return decision.after
