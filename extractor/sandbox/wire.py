r"""What PHP reads from the wire and writes to it: query strings, arrays, JSON.

Rule 1: a PHP array is a `list` here when its keys are exactly 0..n-1 in that
order, and a `dict` with string keys otherwise. JSON, forms and batch strings
all end up in this one shape.
Rule 2: nothing that comes from outside raises. What PHP would drop is dropped.
Rule 3: rows never pass through a Python loop on their way out. A result is in
its final JSON shape when it comes here; the escapes are made on the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast, overload
from urllib.parse import unquote_plus

import orjson

# The product's own site check complains below 10000 (main/classes/general/site_checker.php).
MAX_INPUT_VARS = 10_000
# PHP's default for `max_input_nesting_level`: a deeper variable is dropped whole.
MAX_NESTING = 64
# main/lib/web/json.php
MAX_JSON_DEPTH = 512

_QUOTE = ord('"')
_INDEX = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
_TOP_LEVEL = str.maketrans(". ", "__")

# JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS, and slashes that are always escaped.
# These bytes have no meaning in JSON, so they can only stand inside strings.
_ESCAPES = ((b"/", rb"\/"), (b"<", rb"\u003C"), (b">", rb"\u003E"), (b"&", rb"\u0026"), (b"'", rb"\u0027"))
# JSON_UNESCAPED_UNICODE without JSON_UNESCAPED_LINE_TERMINATORS: U+2028 and U+2029, by their last bytes.
_LINE_ENDS = ((b"\xa8", rb"\u2028"), (b"\xa9", rb"\u2029"))

# Stands where written JSON will be put in: a byte that no JSON text holds.
_NUL = b"\0"
_GAP = orjson.Fragment(_NUL)


class _Array(dict[str, Any]):
    """A PHP array while it is being filled: it knows its next free index."""

    free = 0

    def put(self, key: str | None, value: Any) -> None:
        """Set a key, or append where it is `None`."""
        if key is None:
            key = str(self.free)
        if _INDEX.fullmatch(key):
            self.free = max(self.free, int(key) + 1)
        self[key] = value

    def enter(self, key: str | None) -> _Array:
        """Return the array under a key; a missing or scalar value gives way to a new one."""
        inner = None if key is None else self.get(key)
        if not isinstance(inner, _Array):
            inner = _Array()
            self.put(key, inner)
        return inner


def shape(items: dict[str, Any]) -> list[Any] | dict[str, Any]:
    """Give a map its PHP shape: `[]` when empty, a list when its keys are 0..n-1 in order."""
    if not items:
        return []
    if "0" in items and all(key == str(index) for index, key in enumerate(items)):
        return list(items.values())
    return items


def parse_str(text: str, max_vars: int = MAX_INPUT_VARS) -> dict[str, Any]:
    """Decode a query string as `parse_str` does, up to `max_vars` variables."""
    found = _Array()
    pairs = [pair for pair in text.split("&") if pair]
    for pair in pairs[:max_vars]:
        name, _, value = pair.partition("=")
        _register(found, unquote_plus(name).lstrip(" "), unquote_plus(value))
    return {key: _settle(value) for key, value in found.items()}


def _register(array: _Array, name: str, value: str) -> None:
    """Store one variable (php_register_variable_ex): `a[b][]=1` nests and appends."""
    head, bracket, rest = name.partition("[")
    head = head.translate(_TOP_LEVEL)
    if not head:
        return
    keys = _keys(rest) if bracket else []
    if keys is None:  # a bracket without its partner is a letter like any other
        array.put(f"{head}_{rest}", value)
        return
    if len(keys) > MAX_NESTING:
        return
    last: str | None = head
    for key in keys:
        array, last = array.enter(last), key
    array.put(last, value)


def _keys(rest: str) -> list[str | None] | None:
    """Split what follows the first `[` into keys, `None` for `[]`; text after the last `]` is lost."""
    keys: list[str | None] = []
    while True:
        key, closed, rest = rest.partition("]")
        if not closed:
            return keys or None
        keys.append(key or None)
        if not rest.startswith("["):
            return keys
        rest = rest[1:]


def _settle(value: Any) -> Any:
    if not isinstance(value, _Array):
        return value
    return shape({key: _settle(inner) for key, inner in value.items()})


def decode(body: bytes) -> dict[str, Any]:
    """Decode a JSON body; malformed, too deep or scalar, it is no parameters at all (decodeJsonStrict)."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    if isinstance(value, list):
        value = {str(index): item for index, item in enumerate(value)}
    if not isinstance(value, dict) or _too_deep(body):
        return {}
    return {key: _reshape(item) for key, item in value.items()}


def _too_deep(body: bytes) -> bool:
    # Text may hold brackets, so this counts too many: exact enough for 512.
    if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH:
        return False
    depth = deepest = 0
    for byte in re.sub(rb'"(?:[^"\\]|\\.)*"', b"", body):
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    return deepest > MAX_JSON_DEPTH


def _reshape(value: Any) -> Any:
    # Loops, not comprehensions: each would be a second frame on 512 levels.
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, (dict, list)):
                value[index] = _reshape(item)
        return value
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)):
                value[key] = _reshape(item)
        return shape(value) if value else []
    return value


def truthy(value: Any) -> bool:
    """Cast as `(bool)$value` does: "" and "0" are false, "false" is true."""
    return value != "0" and bool(value)


def number(value: float) -> float:
    """Print a number as PHP does: without a fraction it is an int."""
    return int(value) if value == int(value) else value


class Written(Sequence[Any]):
    """A list that is JSON already, escapes and all; read as a list it is what a client would decode."""

    def __init__(self, json: bytes) -> None:
        self.json = json

    @cached_property
    def _items(self) -> list[Any]:
        return cast("list[Any]", orjson.loads(self.json))

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...

    def __getitem__(self, place: int | slice) -> Any:
        return self._items[place]

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        return self._items == (other._items if isinstance(other, Written) else other)

    __hash__ = None  # type: ignore[assignment]  # as a list's


def encode(value: Any) -> bytes:
    """Encode a result in its final shape with the portal's escapes (main/lib/web/json.php)."""
    written: list[bytes] = []

    def leave_out(part: Any) -> orjson.Fragment:
        if not isinstance(part, Written):
            raise TypeError(part)
        written.append(part.json)
        return _GAP

    data = _escape(orjson.dumps(value, leave_out))
    if not written:
        return data
    around = data.split(_NUL)
    return b"".join((around[0], *(piece for pair in zip(written, around[1:], strict=True) for piece in pair)))


def _escape(data: bytes) -> bytes:
    """Make the portal's escapes on the bytes of a JSON text."""
    # Only single bytes are searched for: bytes.replace is ten times slower on two.
    if b"\\" in data:
        data = _hide_quotes(data)
    for plain, escaped in _ESCAPES:
        data = data.replace(plain, escaped)
    for last, escaped in _LINE_ENDS:
        if last in data:
            data = _escape_line_ends(data, last, escaped)
    return data


def _hide_quotes(data: bytes) -> bytes:
    r"""Turn `\"` into `\u0022`, but not the second half of `\\"`, where a text ends."""
    pieces = data.split(b"\\")
    in_pair = False
    for index in range(1, len(pieces)):
        piece = pieces[index]
        if in_pair:
            in_pair = False
        elif not piece:  # nothing between two backslashes: they are a pair
            in_pair = True
        elif piece[0] == _QUOTE:
            pieces[index] = b"u0022" + piece[1:]
    return b"\\".join(pieces)


def _escape_line_ends(data: bytes, last: bytes, escaped: bytes) -> bytes:
    *pieces, rest = data.split(last)
    found = [piece[:-2] + escaped if piece.endswith(b"\xe2\x80") else piece + last for piece in pieces]
    return b"".join((*found, rest))
