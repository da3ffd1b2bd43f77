"""Bytes to replies, replies to pages, or an error: total functions over whatever comes.

The portal's habits that make this more than `loads`: an error may come with
HTTP 200 and an empty code, so it is the presence of the key that decides; an
empty PHP array is `[]` where an object was meant, and a list with holes comes
as an object; `total` and `next` are hints only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from extractor.catalog import Entity
from extractor.errors import NotJson, RateLimited, WrongShape
from extractor.messages import Page, Reply, Row, Timing
from extractor.refusals import portal_error


def envelope_of(status: int, body: bytes) -> Mapping[str, Any]:
    """Decode a response body into its envelope, which has a `result`.

    Raises:
        PortalError: The portal refused, in JSON; or what stands before it, with 429 or 503, in any form.
        NotJson: Anything else: a proxy's page, a torn or foreign body.
    """
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        if status in {429, 503}:  # the bucket is infrastructure: it may answer a page where the docs show JSON
            raise RateLimited("QUERY_LIMIT_EXCEEDED", f"HTTP {status}, without JSON", status=status) from None
        raise NotJson(f"the portal answered HTTP {status} with {len(body)} bytes that are no JSON", status=status) from None
    if not isinstance(envelope, dict):
        raise NotJson(f"the portal answered HTTP {status} with JSON that is no object", status=status)
    if "error" in envelope:
        raise portal_error(envelope["error"], envelope.get("error_description"), status)
    if "result" not in envelope:
        raise NotJson(f"the portal answered HTTP {status} without a result", status=status)
    return envelope


def reply_of(envelope: Mapping[str, Any]) -> Reply:
    """Read an envelope: result, total, next and what its `time` says of the operating limit."""
    return Reply(envelope["result"], _whole(envelope.get("total")), _whole(envelope.get("next")), _timing(envelope.get("time")))


def page_of(reply: Reply, entity: Entity) -> Page:
    """Read the rows of a reply where the catalog says that they lie.

    Raises:
        WrongShape: There are none: not even an empty list.
    """
    found = reply.result
    for key in entity.rows:
        found = [] if found == [] else found.get(key) if isinstance(found, dict) else None
    if entity.rows == () and not entity.id:
        found = _found(found)
    rows = list(found.values()) if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        where = ".".join(("result", *entity.rows))
        raise WrongShape(f"{entity.method} answered without rows in {where}")
    return Page(rows, reply.total, reply.next)


def _found(result: Any) -> Any:
    """Find the rows of a method that the catalog does not know: a list, the only list inside, or one object."""
    if not isinstance(result, dict):
        return result
    lists: Sequence[list[Row]] = [value for value in result.values() if isinstance(value, list)]
    if lists:
        return lists[0] if len(lists) == 1 else None  # which of several are the rows cannot be told
    return result if all(isinstance(value, dict) for value in result.values()) else [result]


def _whole(value: Any) -> int | None:
    """Read a number that may be missing, or a text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None
    return int(value) if isinstance(value, int | float) else None


def _timing(time: Any) -> Timing | None:
    """Read the operating numbers of a `time` object, which may be missing, or an empty list."""
    if not isinstance(time, dict):
        return None
    return Timing(_number(time.get("operating")), _number(time.get("operating_reset_at")))


def _number(value: Any) -> float | None:
    """Read a number of seconds; old portals send a date where others send a number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
