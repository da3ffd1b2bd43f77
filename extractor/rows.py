"""Rows out of their texts: each stays the text that it came as, and of each only the keys that may identify it are read.

Rule 1: of doubled keys some tools take the first, others the last. A row whose id they would not agree on is none.
What reads the keys takes the last. Nearly every row of the catalog's lists begins with its id, and where
that is the one that was read, there is no doubt; where there is, all keys of the row are read, which takes ten times as long.
Rule 2: JSON is text, and nobody has looked at its letters yet. They are looked at some rows at a time: a call costs as much as
a row does, and a whole page does not stay in the processor's cache.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

from extractor.messages import Json, Row

TOGETHER = 16  # rows whose letters are looked at in one call: some 20 KB, and twice that as a text of Python's

_ESCAPED = re.compile(rb"\\u00(?:[4-7]|3[0-9])")  # a letter or a digit, written as PHP writes none: a key may be spelled so, too


def rows_of(items: Sequence[Json], names: tuple[str, ...]) -> list[Row]:
    """Make rows of objects that were found to be JSON on one line; `names` are the keys that may identify them.

    Raises:
        msgspec.ValidationError: One of them is no object, or says its id twice.
        UnicodeDecodeError: One of them is no UTF-8.
    """
    texts = list(map(bytes, items))
    for first in range(0, len(texts), TOGETHER):
        together = b"".join(texts[first : first + TOGETHER])  # a row begins and ends with a letter of one byte: none is taken for whole with its neighbour's help
        if not together.isascii():
            together.decode()
    return [
        Row(text, keys) if len(names) == 1 and text.startswith(_beginning(names[0], keys)) else _checked(text, keys)
        for text, keys in zip(texts, map(_keys(names).decode, texts), strict=True)
    ]


def _beginning(name: str, keys: Mapping[str, Any]) -> bytes:
    """Write how a row begins that says first what was read; of what might be written in two ways, how none begins."""
    value = keys.get(name)
    if isinstance(value, str):
        return f'{{"{name}":"{value}"'.encode() if value.isalnum() else b"}"
    return f'{{"{name}":{value},'.encode()


def _checked(text: bytes, keys: dict[str, Any]) -> Row:
    """Make a row that does not begin with its id; refuse one whose first key of a name has not the value of its last (Rule 1)."""
    spelled = _ESCAPED.search(text)
    for name in keys:
        if spelled or text.count(b'"%b"' % name.encode()) > 1:
            values = [value for key, value in json.loads(text, object_pairs_hook=list, parse_int=str.encode, parse_float=str.encode) if key == name]
            if values[0] != values[-1]:
                raise msgspec.ValidationError
    return Row(text, keys)


@lru_cache(maxsize=64)
def _keys(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Make what reads these keys of a row, those that it has, and passes over all others."""
    return msgspec.json.Decoder(TypedDict("Keys", dict.fromkeys(names, Any), total=False))  # type: ignore[operator]
