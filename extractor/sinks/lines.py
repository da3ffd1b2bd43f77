"""Rows into NDJSON: one object a line, UTF-8, LF, in the portal's own words.

A row was found to be JSON on one line when it was taken out of its answer, so
a line is a row: same keys, same order, same values, and the same escapes.
"""

from __future__ import annotations

from collections.abc import Sequence

from extractor.messages import Row


def encode(rows: Sequence[Row]) -> bytes:
    """Write rows as lines."""
    return b"\n".join([*(row.text for row in rows), b""])
