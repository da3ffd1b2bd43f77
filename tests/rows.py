"""Rows and replies made of plain values."""

from __future__ import annotations

import json

import msgspec
import orjson

from extractor.messages import Reply, Row


def rows_of(values):
    """Make rows; all their keys are known."""
    return [Row(orjson.dumps(value), value) for value in values]


def values_of(rows):
    """Read rows back."""
    return [orjson.loads(row.text) for row in rows]


def raw(value):
    """Make a piece of an answer."""
    return msgspec.Raw(json.dumps(value).encode())


def reply(value, *told, **timing):
    """Make a reply."""
    return Reply(raw(value), *told, **timing)
