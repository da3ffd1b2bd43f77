"""A table of ids that answers list calls as the old kernel does, and drivers for a single pager: no portal, no loop."""

from __future__ import annotations

import math

from extractor.catalog import Entity
from extractor.errors import ServerFailure, TooLarge, Unreadable
from extractor.messages import Behind, Call, Page
from extractor.planner import pager, probe
from extractor.question import Question

THINGS = Entity(
    name="things", method="things.list", title="", scope="", family="classic", paging="keyset", id="ID", filter_id="ID",
    select=("*",),
)
ASKED = Question(THINGS)


class Table:
    """Rows by id; `copies` says how often a join repeats a row, `folded` that its copies are dropped after the cut.

    `references` are those from one call of a batch to the one before; without them their text is cast to a number.
    """

    def __init__(self, ids, *, copies=None, folded=False, cap=math.inf, references=True):
        self.references = references
        self.copies = {**dict.fromkeys(ids, 1), **(copies or {})}
        self.folded = folded
        self.cap = cap
        self.calls = []

    @property
    def ids(self):
        """All ids, ascending."""
        return sorted(self.copies)

    def answer(self, call, before=None):
        """Answer one list call, `before` which another had that page in its batch.

        `start` below 0 counts nothing, past the end it is page 1 again (`NavQuery`).
        """
        call = self._resolved(call, before)
        self.calls.append(call)
        conditions, start = call.params.get("filter", {}), call.params["start"]
        low, high = conditions.get(">ID", -1), conditions.get("<=ID", math.inf)
        among = conditions.get("@ID") or self.copies  # an empty list is dropped
        found = [one for one in self.ids if low < one <= high and one in among for _ in range(self.copies[one])]
        if call.params["order"] == {"ID": "DESC"}:
            found.reverse()
        if start < 0:
            return self._page(found[:50], 0)
        total = min(len(found), self.cap)
        first = start if start < total else 0
        return self._page(found[first:min(first + 50, total)], total, first + 50 if first + 50 < total else None)

    def _resolved(self, call, before):
        """Put numbers in the place of references as the portal does; where there is none, the digit before it is all."""
        last = before.rows[49]["ID"] if self.references and before and len(before.rows) > 49 else None
        conditions = {
            key: value if not isinstance(value, Behind) else int(value.leading + (last or ""))
            for key, value in call.params.get("filter", {}).items()
        }
        return Call(call.method, {**call.params, "filter": conditions})

    def _page(self, ids, total, following=None):
        shown = dict.fromkeys(ids) if self.folded else ids
        return Page([{"ID": str(one)} for one in shown], total, following)


class Spoilt:
    """A table with bad rows: a page that shows one fails; one of ids alone does not, unless they are bad `throughout`."""

    def __init__(self, some, bad, *, throughout=False):
        self.table, self.bad, self.throughout, self.lone = Table(some), set(bad), throughout, 0

    def answer(self, call):
        """Answer, or fail as the portal does."""
        page = self.table.answer(call)
        wide = self.throughout or call.params.get("select") != ["ID"]
        if wide and self.bad & set(ids(page.rows)):
            raise Unreadable("WRONG_ENCODING", "no")
        return page


def ids(rows):
    """Read the ids of rows."""
    return [int(row["ID"]) for row in rows]


def walk(pager, answer):
    """Drive one pager to its end; gives the ids that it kept, and the parts that it left to others."""
    kept, ask = [], next(pager)
    while True:
        kept += ids(ask.rows)
        try:
            ask = pager.send([answer(call) for call in ask.calls])
        except StopIteration as end:
            return [*kept, *ids(end.value.rows)], end.value.parts


def survive(pager, portal):
    """Drive a pager as the scheduler does, errors and all; gives the ids that it kept, those it named, and the parts it left."""
    kept, named, step = [], [], lambda: next(pager)
    while True:
        try:
            ask = step()
        except StopIteration as end:
            return [*kept, *ids(end.value.rows)], [*named, *end.value.unread], end.value.parts
        kept, named = kept + ids(ask.rows), [*named, *ask.unread]
        portal.lone += ask.lone
        assert not ask.lone or 1 == len(ask.calls)
        try:
            pages = [portal.answer(call) for call in ask.calls]
        except (Unreadable, ServerFailure, TooLarge) as error:
            step = lambda failed=error: pager.throw(failed)  # noqa: E731
        else:
            step = lambda came=pages: pager.send(came)  # noqa: E731


def read(question, answer):
    """Read an entity from its probe to the end of its last part; gives the ids that were kept."""
    kept, parts = walk(probe(question), answer)
    for part in parts:
        more, left = walk(pager(question, part), answer)
        assert () == left
        kept += more
    return kept
