"""Rows into NDJSON: one object a line, UTF-8, LF, as they came.

Keys keep their order, strings stay strings, and non-ASCII text stays raw. A
line feed inside a value is escaped by JSON itself, so a line is a row.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import orjson

from extractor.messages import Row


def encode(rows: Sequence[Row]) -> bytes:
    """Write rows as lines; all of them or, if one cannot be written, none."""
    return b"".join([_line(row) for row in rows])


def _line(row: Row) -> bytes:
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        # orjson reads 1024 levels and writes 254; the portal's PHP writes 512.
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
