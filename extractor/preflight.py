"""Before the first data call: is every question one that the portal will answer as asked?

The portal drops conditions that it does not know in silence and answers with
more than was asked, or with the whole table. So names and types are held
against what its own fields methods report, and refused with the right
spelling while nothing has been read yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from extractor.client import Client
from extractor.conditions import check, check_fields, fields_from, normal
from extractor.errors import AccessDenied, B24xError
from extractor.messages import Call, Reply
from extractor.question import Question


async def checked(client: Client, questions: Sequence[Question]) -> list[Question]:
    """Return the questions as they may be asked.

    Raises:
        UsageError: A filter, select or parameter would be dropped, or has no meaning.
        B24xError: The portal refuses the credentials.
    """
    for question in questions:
        check(question)
    doubtful = [one for one in questions if one.entity.fields and (one.filter or one.select is not None)]
    if doubtful:
        await client.admit()
        outcomes = await client.send([Call(one.entity.fields, {**one.entity.params, **one.params}) for one in doubtful])
        for question, outcome in zip(doubtful, outcomes, strict=True):
            _hold_against(question, outcome)
    return [normal(question) for question in questions]


def _hold_against(question: Question, outcome: Reply | B24xError) -> None:
    """Hold one question against the fields that the portal reported, where it did."""
    if isinstance(outcome, Reply):
        check_fields(question, fields_from(outcome.result))
    elif not isinstance(outcome, AccessDenied):  # then its list method will say so itself
        raise outcome
