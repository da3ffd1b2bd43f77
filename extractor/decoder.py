"""Results to replies, replies to pages, or an error: total functions over whatever comes.

A list with holes comes as an object; `total` is a hint only, and so is `next` but
where pages are read by it.

What lands on disk is what the portal wrote: how rows are taken out is in `rows`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from extractor.catalog import Entity
from extractor.envelopes import UNREADABLE
from extractor.errors import ContractBroken, Unreadable, WrongShape
from extractor.messages import Json, Page, Reply, Row, Timing
from extractor.rows import rows_of

HIGHEST_OFFSET = 2**63 - 1  # of PHP's integers


_MORE = frozenset({"more", "next", "hasmore", "hasnext", "nextcursor", "cursor"})
_NO_MORE = frozenset({b"false", b"null", b'""', b"0", b"[]", b"{}", b'"N"'})
_IDS = frozenset({"ID", "id"})
_AROUND = frozenset({"total", "count", "next", "start", "limit", "offset", "page", "cursor", "nextcursor", "more", "hasmore", "hasnext", "lastid"})
"""What stands beside the rows of a page, in small letters."""
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_MAP = msgspec.json.Decoder(dict[str, msgspec.Raw])


def reply_of(result: Json | list[Json], total: Any, following: Any, time: Any) -> Reply:
    """Read one call's result with its total, its next and what its `time` says of the operating limit."""
    return Reply(result, _whole(total), following, _timing(time))


def value_of(reply: Reply) -> Any:
    """Read a result as a whole, for those few that are no rows.

    Raises:
        ContractBroken: Some of its text is no UTF-8.
    """
    try:
        return orjson.loads(msgspec.json.encode(reply.result))
    except orjson.JSONDecodeError:
        raise ContractBroken("the portal answered with text that is no UTF-8") from None


def members(value: Json | list[Json]) -> dict[str, Json]:
    """Return the members of an object, unread; anything else has none: PHP's empty object is `[]`."""
    return {} if isinstance(value, list) else _MAP.decode(value) if _begins(value, "{") else {}


def page_of(reply: Reply, entity: Entity) -> Page:
    """Read the rows of a reply where the catalog says that they lie.

    Raises:
        WrongShape: There are none: not even an empty list.
        Unreadable: One of them is no text: no tool could read its line.
        ContractBroken: It says that there is more, where nobody can go on.
    """
    following = _following(reply.next, entity)
    try:
        found: Json | list[Json] | None = reply.result
        for key in entity.rows:
            found = _inside(found, key)
        if entity.rows == () and not entity.id:
            found = _found(reply.result, paged=following is not None)
        rows = _rows(found, (entity.id,) if entity.id else ("ID", "id"))
    except UnicodeDecodeError:
        raise Unreadable("NO_UTF_8", f"{entity.method} answered with a row that is no UTF-8") from None
    except UNREADABLE:
        where = ".".join(("result", *entity.rows))
        raise WrongShape(f"{entity.method} answered without rows in {where}") from None
    return Page(rows, reply.total, following)


def _inside(value: Json | list[Json] | None, key: str) -> Json | list[Json] | None:
    """Return a member of an object; an empty list stands for an empty one all the way down."""
    if value is None or not _is_list(value):
        return None if value is None else members(value).get(key)
    return None if _items(value) else value


def _found(result: Json | list[Json], *, paged: bool) -> Json | list[Json] | None:
    """Find the rows of a method that the catalog does not know; `None` where they cannot be told, so that nothing is lost.

    A list; an object of numbers, which is a list with holes, or of objects with
    ids; the only list in an object that has nothing else to say; or an object,
    which is one row.
    """
    if isinstance(result, list):
        return result
    inside = members(result)
    if all(key.isdigit() for key in inside) or all(not _IDS.isdisjoint(members(value)) for value in inside.values()):
        return result
    lists = [key for key, value in inside.items() if _is_list(value)]
    if not lists or not _IDS.isdisjoint(inside):
        return msgspec.Raw(b"[%b]" % bytes(result))
    others = {key.lower().replace("_", ""): inside[key] for key in inside.keys() - set(lists)}
    if len(lists) > 1 or not others.keys() <= _AROUND:
        return None
    if not paged and any(bytes(value) not in _NO_MORE for key, value in others.items() if key in _MORE):
        raise ContractBroken("the answer says that there is more, in a way of its own, which b24x does not know")
    return inside[lists[0]]


def _rows(value: Json | list[Json] | None, names: tuple[str, ...]) -> Sequence[Row]:
    """Take the rows out of a list, or out of an object whose keys are numbers with holes between them."""
    if value is None:
        raise msgspec.ValidationError
    return rows_of(_items(value), names)


def _is_list(value: Json | list[Json]) -> bool:
    """Tell whether it is a list, taken apart or not."""
    return isinstance(value, list) or _begins(value, "[")


def _items(value: Json | list[Json]) -> list[Json]:
    """Take the items out of a list, or out of an object, each on one line."""
    if isinstance(value, list):  # of an answer without line feeds
        return value
    items = list(members(value).values()) if _begins(value, "{") else _LIST.decode(value)
    whole = bytes(value)
    if b"\n" in whole or b"\r" in whole:
        return [msgspec.Raw(msgspec.json.format(bytes(item), indent=-1)) for item in items]
    return items


def _begins(value: Json, sign: str) -> bool:
    """Tell what a piece of JSON is by how it begins."""
    view = memoryview(value)
    return len(view) > 0 and view[0] == ord(sign)


def _whole(value: Any) -> int | None:
    """Read a number that may be missing, or a text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else None
    return value if isinstance(value, int) else None


def _following(value: Any, entity: Entity) -> int | None:
    """Read where the next page begins; `None` where none is named, in any of PHP's ways, or where it is a hint that says nothing."""
    if value is None or value is False or value in ("", [], {}):
        return None
    offset = None if isinstance(value, float) else _whole(value)
    if offset is not None and 0 <= offset <= HIGHEST_OFFSET:
        return offset
    if entity.paging == "next":
        raise ContractBroken(f"{entity.method} names a next page, and no offset that leads to it")
    return None


def _timing(time: Any) -> Timing | None:
    """Read the numbers of a `time` object, which may be missing, or an empty list."""
    if not isinstance(time, dict):
        return None
    return Timing(*(_number(time.get(key)) for key in ("operating", "operating_reset_at", "finish")))


def _number(value: Any) -> float | None:
    """Read a number of seconds; old portals send a date where others send a number, and one that no float holds says nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
