"""The method `batch` (rest_provider.php methodsBatch): up to 50 commands, one after another.

Rule 1: the answer is always HTTP 200; a failure of a command is a value in `result_error`.
Rule 2: a command may refer to answers before it, and a reference that does not
resolve is no error: it becomes the deepest value that could be reached.
Rule 3: a command that was not run stands in no container at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any

from extractor.sandbox import wire

# CRestUtil::BATCH_MAX_LENGTH
LONGEST = 50
# Compared in exact case, before the name is lowercased.
FORBIDDEN = frozenset(("batch", "download", "upload"))

# A reference swallows everything up to the next white space.
_REFERENCE = re.compile(r"\$(result|next|total|time|error)(\S*)", re.IGNORECASE | re.ASCII)
_KEY = re.compile(r"\[([^\]]+)\]")
_INDEX = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_OFFSET = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
# parse_url replaces control characters by underscores.
_CONTROLS = dict.fromkeys((*range(32), 127), "_")

Call = Callable[[str, dict[str, Any]], Generator[float, None, dict[str, Any]]]
"""Runs one command and gives `{result[, next, total], time}` or `{error, error_description}`."""

Heap = dict[str, dict[str, Any]]
"""Everything gathered so far, as references see it: a map by command for each root."""


def run(query: dict[str, Any], call: Call, max_vars: int = wire.MAX_INPUT_VARS) -> Generator[float, None, dict[str, Any]]:
    """Run a batch; the parameters' names have any case."""
    upper = {name.upper(): value for name, value in query.items()}
    halt = wire.truthy(upper.get("HALT"))
    heap: Heap = {root: {} for root in ("result", "next", "total", "time", "error")}
    for position, (key, command) in enumerate(_commands(upper.get("CMD"))):
        if position >= LONGEST:
            outcome = {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": "Max batch length exceeded"}
        elif isinstance(command, str):
            outcome = yield from _command(command, heap, call, max_vars)
        else:
            continue
        _gather(heap, key, outcome)
        if halt and "error" in outcome:
            break
    return {
        "result": wire.shape(heap["result"]),
        "result_error": wire.shape(heap["error"]),
        "result_total": wire.shape(heap["total"]),
        "result_next": wire.shape(heap["next"]),
        "result_time": wire.shape(heap["time"]),
    }


def _commands(cmd: Any) -> list[tuple[str, Any]]:
    if isinstance(cmd, list):
        return [(str(index), command) for index, command in enumerate(cmd)]
    return list(cmd.items()) if isinstance(cmd, dict) else []


def _command(command: str, heap: Heap, call: Call, max_vars: int) -> Generator[float, None, dict[str, Any]]:
    name, params = parse_command(command, max_vars)
    if name in FORBIDDEN:
        return {"error": "ERROR_BATCH_METHOD_NOT_ALLOWED", "error_description": "Method is not allowed for batch usage"}
    return (yield from call(name, {key: resolve(value, heap) for key, value in params.items()}))


def parse_command(command: str, max_vars: int = wire.MAX_INPUT_VARS) -> tuple[str, dict[str, Any]]:
    """Split `method?query`; everything after an unencoded `#` is lost (parse_url)."""
    address = command.partition("#")[0].translate(_CONTROLS)
    name, _, query = address.partition("?")
    return name, wire.parse_str(query, max_vars)


def _gather(heap: Heap, key: str, outcome: dict[str, Any]) -> None:
    if "error" in outcome:
        heap["error"][key] = outcome
        return
    for part in ("result", "next", "total", "time"):
        if part in outcome:
            heap[part][key] = outcome[part]


def resolve(value: Any, heap: Heap) -> Any:
    """Resolve the references in every text of a parameter (CRestUtil processBatchStructure)."""
    if isinstance(value, list):
        return [resolve(item, heap) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, heap) for key, item in value.items()}
    return _resolve_text(value, heap) if "$" in value else value


def _resolve_text(text: str, heap: Heap) -> Any:
    """Resolve one text (CRestUtil processBatchElement)."""
    for match in list(_REFERENCE.finditer(text)):
        reference, root, tail = match[0], match[1], match[2]
        keys = _KEY.findall(tail)
        if not keys:
            continue
        # A copy: the map of all results goes on growing while the command that refers to it runs.
        reached = walk(dict(heap[root]) if root in heap else None, keys)
        if reference == text:
            return reached
        if isinstance(reached, (int, float)) and not isinstance(reached, bool):
            reached = str(wire.number(reached))
        if isinstance(reached, str):
            text = text.replace(reference, reached)
    return text


def walk(value: Any, keys: list[str]) -> Any:
    """Follow keys as far as they are set; keep the value reached where one is missing or null."""
    for key in keys:
        inner = _step(value, key)
        if inner is None:
            break
        value = list(inner) if isinstance(inner, wire.Written) else inner
    # An empty map is an empty array like any other.
    return wire.shape(value) if isinstance(value, dict) else value


def _step(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and _INDEX.fullmatch(key):
        return value[int(key)] if int(key) < len(value) else None
    if isinstance(value, str) and _OFFSET.fullmatch(key) and -len(value) <= int(key) < len(value):
        return value[int(key)]
    return None
