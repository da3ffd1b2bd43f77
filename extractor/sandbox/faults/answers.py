"""An answer that comes, and whose JSON is not what was meant: what is lost or twisted inside a batch.

Each function returns a `Spoil`: bytes to bytes. What it does to a direct call,
which has no maps of commands, is nothing, unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import orjson

from extractor.sandbox import wire
from extractor.sandbox.faults.requests import Spoil

MAPS = ("result", "result_error", "result_total", "result_next", "result_time")


def failing(code: str | int, description: str = "", *, share: float = 0.1, seed: int = 0) -> Spoil:
    """Let some commands fail with a code, which may be `""` or 0 (portal.md 6.1)."""
    def change(maps: dict[str, dict[str, Any]]) -> None:
        for key in _some(maps, share, seed):
            _forget(maps, key)
            maps["result_error"][key] = {"error": code, "error_description": description}
    return _batch(change)


def silent(*, share: float = 0.1, seed: int = 0) -> Spoil:
    """Let some commands stand in neither map: they were not run, or their answers were lost (portal.md 5.3)."""
    def change(maps: dict[str, dict[str, Any]]) -> None:
        for key in _some(maps, share, seed):
            _forget(maps, key)
    return _batch(change)


def listed(*names: str) -> Spoil:
    """Let maps arrive as lists: their keys are lost (portal.md 5.3)."""
    def change(body: bytes) -> bytes:
        envelope = orjson.loads(body)
        parts = envelope.get("result")
        if not _is_batch(parts):
            return body
        for name in names:
            parts[name] = list(parts[name].values()) if isinstance(parts[name], dict) else []
        return wire.encode(envelope)
    return change


def emptied() -> Spoil:
    """Let a batch answer `result: []`: success, and not a word about any command."""
    def change(body: bytes) -> bytes:
        envelope = orjson.loads(body)
        return wire.encode({**envelope, "result": []}) if _is_batch(envelope.get("result")) else body
    return change


def doubled_keys() -> Spoil:
    """Let every object that begins with an id say it twice, a wrong one first; a direct answer is changed too."""
    def change(body: bytes) -> bytes:
        return body.replace(b'{"ID":', b'{"ID":"0","ID":').replace(b'{"id":', b'{"id":0,"id":')
    return change


def _batch(change: Callable[[dict[str, dict[str, Any]]], None]) -> Spoil:
    """Change the five maps of a batch."""
    def spoil(body: bytes) -> bytes:
        envelope = orjson.loads(body)
        parts = envelope.get("result")
        if not _is_batch(parts):
            return body
        maps = {name: dict(parts[name]) if isinstance(parts[name], dict) else {} for name in MAPS}
        change(maps)
        return wire.encode({**envelope, "result": {name: wire.shape(found) for name, found in maps.items()}})
    return spoil


def _is_batch(parts: Any) -> bool:
    return isinstance(parts, dict) and all(name in parts for name in MAPS)


def _some(maps: dict[str, dict[str, Any]], share: float, seed: int) -> list[str]:
    """Choose some of the commands that succeeded: one at least, if there is one."""
    keys, dice = list(maps["result"]), Random(seed)
    return dice.sample(keys, min(len(keys), max(1, int(share * len(keys)))))


def _forget(maps: dict[str, dict[str, Any]], key: str) -> None:
    for found in maps.values():
        found.pop(key, None)
