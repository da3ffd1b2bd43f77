"""Rows out of their texts: each stays the text that it came as, and of each only the keys that may identify it are read.

Rule 1: nearly every row of the catalog's lists begins with its id, and says it nowhere else. Both are
seen from the text, which takes half the time that reading the row does; any other row is read.
Rule 2: of doubled keys some tools take the first, others the last. A row whose id they would not agree on is none.
Rule 3: JSON is text, and nobody has looked at its letters yet. They are looked at some rows at a time: a call costs as much as
a row does, and a whole page does not stay in the processor's cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypedDict

import msgspec

from extractor.messages import Json, Row

TOGETHER = 16  # rows whose letters are looked at in one call: some 20 KB, and twice that as a text of Python's

ESCAPED = b"\\u00"  # how any letter of a key may be written, and none of PHP's is

_MAP = msgspec.json.Decoder(dict[str, msgspec.Raw])


def rows_of(items: Sequence[Json], names: tuple[str, ...]) -> list[Row]:
    """Make rows of objects that were found to be JSON on one line; `names` are the keys that may identify them.

    Raises:
        msgspec.ValidationError: One of them is no object, or says its id twice.
        UnicodeDecodeError: One of them is no UTF-8.
    """
    texts = list(map(bytes, items))
    rows: list[Row] = []
    for first in range(0, len(texts), TOGETHER):
        some = texts[first : first + TOGETHER]
        together = b"".join(some)  # a row begins and ends with a letter of one byte: none is taken for whole with its neighbour's help
        if not together.isascii():
            together.decode()
        plain = len(names) == 1 and ESCAPED not in together
        rows += _seen(some, names[0]) if plain else [_read(text, names) for text in some]
    return rows


def _seen(texts: Sequence[bytes], name: str) -> list[Row]:
    """See the ids of rows whose keys are written plainly; read those that do not begin with it, or say it elsewhere, too."""
    begins, key = _beginning(name), b'"%b"' % name.encode()
    return [
        Row(text, {name: found[1].decode() if found.lastindex == 1 else int(found[2])})
        if (found := begins(text)) and text.rfind(key) == 1 else _read(text, (name,))
        for text in texts
    ]


def _read(text: bytes, names: tuple[str, ...]) -> Row:
    """Read the keys of a row, those that it has; refuse it where it says one of them twice (Rule 2).

    Where the first one in its text has that same value there is no doubt; else it may be
    another object's, so those that stand in its members are counted.
    """
    keys = _keys(names).decode(text)
    for name, value in keys.items():
        said = f'"{name}":"{value}"' if isinstance(value, str) else f'"{name}":{value},'
        key = b'"%b":' % name.encode()
        if not text.startswith(said.encode(errors="replace"), text.find(key)):
            inside = sum(bytes(one).count(key) for one in _MAP.decode(text).values())
            if text.count(key) - inside > 1:
                raise msgspec.ValidationError
    return Row(text, keys)


@lru_cache(maxsize=64)
def _beginning(name: str) -> Callable[[bytes], re.Match[bytes] | None]:
    """Make what finds this key at the beginning of a row, with a text of digits (1) or a number (2) as a database has them."""
    return re.compile(rb'\{"%b":(?:"(\d{1,19})"|(\d{1,19}))[,}]' % re.escape(name).encode()).match


@lru_cache(maxsize=64)
def _keys(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Make what reads these keys of a row, those that it has, and passes over all others."""
    return msgspec.json.Decoder(TypedDict("Keys", dict.fromkeys(names, Any), total=False))  # type: ignore[operator]
