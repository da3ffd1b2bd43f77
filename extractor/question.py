"""What is asked of one entity, and the calls that ask it.

Rule 1: every call that reads rows by id sends an explicit order on the id.
Without it the portal sorts by something else or not at all, and the last row
of a page is not its highest id.

Rule 2: every dialect of the list methods lives here. Pagers say "the rows of
(low, high]"; only this file knows how the method wants to hear it.

Rule 3: `start=-1` wherever ids bound the page: it spares the COUNT, which on
millions of rows takes longer than a request may live.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from extractor.catalog import Entity
from extractor.errors import ConfigError, UsageError
from extractor.messages import PAGE_SIZE, Behind, Call

Paging = Literal["auto", "offset", "keyset"]


@dataclass(frozen=True, slots=True)
class Question:
    """One entity with the caller's select, filter and parameters.

    `select=None` asks for everything the catalog knows to ask for. `origin` is
    the place in a configuration file that it comes from, if it does.
    `only` are the ids that are wanted, ascending, where not all are: at most a
    page of them in any window that is asked for.
    """

    entity: Entity
    select: tuple[str, ...] | None = None
    filter: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    paging: Paging = "auto"
    origin: str = field(default="", compare=False)
    only: tuple[int, ...] = ()

    @property
    def moving(self) -> bool:
        """Whether rows may enter the set while it is read: a filter on anything but the id."""
        return any(key.lstrip("<>=!@%") != self.entity.filter_id for key in self.filter)

    @property
    def bounded(self) -> bool:
        """Whether a page has to name its upper end: of a method that reads the whole set for every page, and where not all ids are wanted."""
        return self.entity.counts_always or bool(self.only)

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """The ids that it asks for by itself, whatever page is asked for: those above the first, up to the second."""
        low, high = (self.filter.get(f"{sign}{self.entity.filter_id}") for sign in (">", "<="))
        return None if low is None else int(low), None if high is None else int(high)

    @property
    def lacks(self) -> str:
        """The parameter without which the entity cannot be read, if it is missing."""
        given = {**self.entity.params, **self.params}
        return next((name for name in self.entity.requires if name not in given), "")

    def asked(self) -> dict[str, Any]:
        """Return what is asked, without paging: for the manifest and the fingerprint."""
        asked = {**self.entity.params, **self.params}
        select = list(self.entity.select if self.select is None else self.select)
        if select and self.entity.paging == "keyset" and not {"*", self.entity.filter_id} & set(select):
            select.append(self.entity.filter_id)  # controllers do not add the id by themselves
        if select:
            asked["select"] = select
        if self.filter:
            asked[self.entity.filter_key] = dict(self.filter)
        return asked

    def window(self, low: int | None, high: int | None) -> Call:
        """Ask for the first rows of (low, high], ascending, uncounted; `None` leaves that side open."""
        bounds: dict[str, Any] = {}
        if low is not None:
            bounds[f">{self.entity.filter_id}"] = low
        if high is not None:
            bounds[f"<={self.entity.filter_id}"] = high
        if self.only:
            bounds[f"@{self.entity.filter_id}"] = self._among(-1 if low is None else low, high)
        return self._listing("ASC", start=-1, bounds=bounds)

    def behind(self) -> Call:
        """Ask for the rows above the last one of a full page that the call before it in the batch has brought.

        Behind a page that is not full there is no such row, and the portal would begin with the first of all again;
        hence the second bound: where the id is missing, nothing but the id 1 lies above 0 and up to 1.
        """
        last = (*self.entity.rows, str(PAGE_SIZE - 1), self.entity.id)
        bounds = {f">{self.entity.filter_id}": Behind(last, "0"), f"<={self.entity.filter_id}": Behind(last, "1")}
        return self._listing("ASC", start=-1, bounds=bounds)

    def last_id(self) -> Call:
        """Ask for the highest ids, and for nothing else of their rows."""
        call = self._listing("DESC", start=-1)
        if not self.entity.select:
            return call
        return Call(call.method, {**call.params, "select": [self.entity.filter_id]})

    def ids_above(self, low: int) -> Call:
        """Ask for the ids of the first rows above one, and for nothing else of them."""
        call = self.window(low, None)
        return Call(call.method, {**call.params, "select": [self.entity.filter_id]}) if self.entity.select else call

    def offset(self, start: int, high: int) -> Call:
        """Ask for the page at `start` in ascending order of ids up to `high`, counted."""
        return self._listing("ASC", start=start, bounds={f"<={self.entity.filter_id}": high})

    def follow(self, start: int) -> Call:
        """Ask for the page at `start` in the method's own order where it has no other."""
        return self._listing("ASC", start=start) if self.entity.filter_id else Call(
            self.entity.method, {**self.asked(), "start": start}
        )

    def whole(self) -> Call:
        """Ask a method that answers everything at once."""
        return Call(self.entity.method, self.asked())

    def _among(self, low: int, high: int | None) -> list[int]:
        """List the first of the wanted ids in (low, high]; never none: an empty list would be dropped, and all rows would come."""
        first, end = bisect_right(self.only, low), len(self.only) if high is None else bisect_right(self.only, high)
        return list(self.only[first : min(end, first + PAGE_SIZE)]) or [low if high is None else high]

    def _listing(self, direction: str, *, start: int, bounds: Mapping[str, Any] | None = None) -> Call:
        """Build one list call in the method's dialect."""
        params = self.asked()
        conditions = _both(params.pop(self.entity.filter_key, {}), bounds or {})
        if conditions:
            params[self.entity.filter_key] = conditions
        if self.entity.order == "scalar":
            params |= {"sort": self.entity.filter_id, "order": direction}
        else:
            params["order"] = {self.entity.filter_id: direction}
        return Call(self.entity.method, {**params, "start": start})


def _both(asked: Mapping[str, Any], bounds: Mapping[str, Any]) -> dict[str, Any]:
    """Join the caller's conditions and the bounds of a page; where both bound the ids on one side, the narrower one counts."""
    joined = {**asked, **bounds}
    for key in asked.keys() & bounds.keys():
        if not isinstance(bounds[key], Behind):
            joined[key] = (max if key[0] == ">" else min)(int(asked[key]), bounds[key])
        elif key[0] == "<":  # a row that has come lies above the caller's lower bound, but may be the last below the upper one
            joined[key] = asked[key]
    return joined


@contextmanager
def blamed(question: Question) -> Iterator[None]:
    """Let what is wrong with a question be said of the place where it was written."""
    try:
        yield
    except UsageError as error:
        if not question.origin:
            raise
        words = str(error).replace("--param ", "params ").replace("--select", "select").replace("--filter", "filter")
        raise ConfigError(f"{question.origin}: {words}") from None
