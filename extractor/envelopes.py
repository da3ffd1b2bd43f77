"""Bodies to envelopes: what a call has answered, what each call of a batch has, or an error; total over whatever comes.

The portal's habits that make this more than `loads`: an error may come with
HTTP 200 and an empty code, so it is the presence of the key that decides; an
empty PHP array is `[]` where an object was meant.

Rule 1: the whole body is checked to be JSON before anything of it is believed;
that makes no objects of what is in its rows. A batch of 2,500 would be a million of them.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from extractor.errors import NotJson, RateLimited
from extractor.messages import Json
from extractor.refusals import portal_error

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # the last: more levels than any of us reads

_MISSING = msgspec.Raw()


class _Frame(msgspec.Struct):
    """What stands around every answer of the portal."""

    error: Any = msgspec.UNSET
    error_description: Any = None
    total: Any = None
    next: Any = None
    time: Any = None


class Envelope(_Frame):
    """An answer to a call."""

    result: Json = _MISSING


_Map = dict[str, Any] | list[Any] | str | float | bool | None


class Maps(msgspec.Struct):
    """The five maps of a batch, by command; an empty one comes as a list, and nothing is certain of a broken one."""

    result: Any = None
    result_error: _Map = None
    result_total: _Map = None
    result_next: _Map = None
    result_time: _Map = None


class _Pages(Maps):
    """Those of any batch."""

    result: dict[str, msgspec.Raw] | list[msgspec.Raw] | str | float | bool | None = None


class _Lists(Maps):
    """Those of a batch whose pages are lists, all of them: taken apart down to the rows."""

    result: dict[str, list[msgspec.Raw]] | list[msgspec.Raw] | str | float | bool | None = None


class _PagesEnvelope(_Frame):
    """An answer to a batch, read in one pass but for the pages in it."""

    result: _Pages | list[Any] | str | float | bool | msgspec.UnsetType | None = msgspec.UNSET


class _ListsEnvelope(_Frame):
    """An answer to a batch, read in one pass; most are of lists, and a pass is a fifth of the work."""

    result: _Lists | list[Any] | str | float | bool | msgspec.UnsetType | None = msgspec.UNSET


_Frames = TypeVar("_Frames", Envelope, _PagesEnvelope)
_ENVELOPE = msgspec.json.Decoder(Envelope)
_PAGES = msgspec.json.Decoder(_PagesEnvelope)
_LISTS = msgspec.json.Decoder(_ListsEnvelope)


def envelope_of(status: int, body: bytes) -> Envelope:
    """Decode a response body into its envelope, which has a `result`.

    Raises:
        PortalError: The portal refused, in JSON; or what stands before it, with 429 or 503, in any form.
        NotJson: Anything else: a proxy's page, a torn or foreign body.
    """
    return _decoded(_ENVELOPE, status, body)


def maps_of(status: int, body: bytes) -> Maps:
    """Decode a response body into the maps of a batch; errors as for `envelope_of`."""
    found = _in_lists(body) or _decoded(_PAGES, status, body).result
    return found if isinstance(found, Maps) else Maps()


def _in_lists(body: bytes) -> Maps | None:
    """Read a batch whose pages are all lists; `None` of any other answer, whatever is wrong with it."""
    if b"\n" in body or b"\r" in body:  # rows would have to be written anew
        return None
    try:
        envelope = _LISTS.decode(body)
    except UNREADABLE:
        return None
    return envelope.result if envelope.error is msgspec.UNSET and isinstance(envelope.result, _Lists) else None


def _decoded(decoder: msgspec.json.Decoder[_Frames], status: int, body: bytes) -> _Frames:
    """Decode a body, and see whether it is an answer at all."""
    try:
        envelope = decoder.decode(body)
    except msgspec.ValidationError:
        raise NotJson(f"the portal answered HTTP {status} with JSON that is no object", status=status) from None
    except UNREADABLE:
        if status in {429, 503}:  # the bucket is infrastructure: it may answer a page where the docs show JSON
            raise RateLimited("QUERY_LIMIT_EXCEEDED", f"HTTP {status}, without JSON", status=status) from None
        raise NotJson(f"the portal answered HTTP {status} with {len(body)} bytes that are no JSON", status=status) from None
    if envelope.error is not msgspec.UNSET:
        raise portal_error(envelope.error, envelope.error_description, status)
    if envelope.result is msgspec.UNSET or envelope.result == _MISSING:
        raise NotJson(f"the portal answered HTTP {status} without a result", status=status)
    return envelope
