"""What a folder holds, for people and other tools: `manifest.json`.

Rule 1: it is a pure function of the facts; `rows` is the sum over the files,
so the two cannot disagree.

Rule 2: silence means complete. Whatever is not has a reason, in words.

Rule 3: no credentials: the portal is a host, and `auth` is left out of params.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from extractor import durable
from extractor.errors import UsageError
from extractor.messages import FileMark, Status, Unread

FORMAT = 1
NAME = "manifest.json"

Overall = Literal["complete", "partial", "failed"]
Assurance = Literal["exact", "best-effort"]

_RUNNING = "RUNNING: the run has not come to this entity's end"
_STOPPED = "INTERRUPTED: the run stopped before this entity's end; the same command goes on from here"


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """What one entity's entry is made of; `named` when the user asked for it by name or method, `key` is that of the id in its rows, if known."""

    method: str
    params: Mapping[str, Any]
    status: Status
    key: str | None = None
    reason: str | None = None
    assurance: Assurance | None = "exact"
    files: tuple[FileMark, ...] = ()
    unread: tuple[Unread, ...] = ()
    requests: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    named: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


def build(
    *,
    run_id: str,
    portal: str,
    started_at: str,
    finished_at: str | None,
    entities: Mapping[str, EntityFacts],
) -> dict[str, Any]:
    """Assemble the manifest; a run in progress has no `finished_at` and is partial."""
    if not set(portal).isdisjoint("/@?"):
        raise ValueError("the manifest's portal is a host, never an address")
    return {
        "format": FORMAT,
        "run_id": run_id,
        "portal": portal,
        "started_at": started_at,
        "finished_at": finished_at,
        "status": "partial" if finished_at is None else overall(entities.values()),
        "entities": {name: _entry(facts, _RUNNING if finished_at is None else _STOPPED) for name, facts in entities.items()},
    }


def overall(entities: Iterable[EntityFacts]) -> Overall:
    """Sum up a run: an entity that was skipped counts only if somebody named it; where all were, nothing was read at all."""
    entities = list(entities)
    if entities and all(facts.status == "skipped" and not facts.named for facts in entities):
        return "failed"
    seen = {facts.status for facts in entities if facts.named or facts.status != "skipped"}
    if seen <= {"complete"}:
        return "complete"
    return "failed" if seen == {"failed"} else "partial"


def write(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Replace the folder's manifest, all of it or none."""
    pretty = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    durable.replace(folder / NAME, orjson.dumps(manifest, option=pretty, default=dict))


def read(folder: Path) -> dict[str, Any]:
    """Read a folder's manifest; nothing, whatever is wrong with it: it only tells what the checkpoint knows."""
    try:
        said = orjson.loads((folder / NAME).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return said if isinstance(said, dict) else {}


def restate(said: dict[str, Any], facts: Mapping[str, EntityFacts]) -> None:
    """Let a manifest say what some of its entities hold now, and how well; what they cost stays."""
    for name in facts.keys() & said["entities"].keys():
        one = facts[name]
        said["entities"][name] |= {
            "status": one.status, "reason": one.reason, "assurance": one.assurance, "rows": sum(mark.rows for mark in one.files),
            "files": [asdict(mark) for mark in one.files], "unread": [asdict(row) for row in one.unread]}


def bring_up(folder: Path, facts: Mapping[str, EntityFacts]) -> None:
    """Let the folder's manifest say what is recorded of its entities; all else it says stays.

    Raises:
        UsageError: It cannot be read.
    """
    path = folder / NAME
    try:
        before = path.read_bytes()
        found = orjson.loads(before)
        restate(found, facts)
        found["status"] = overall(facts.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{durable.shown(path)} cannot be read: the next sync writes it anew") from None
    if found != orjson.loads(before):
        write(folder, found)


def _entry(facts: EntityFacts, unfinished: str) -> dict[str, Any]:
    running = facts.status == "running"
    return {
        "method": facts.method,
        "params": {key: value for key, value in facts.params.items() if key != "auth"},
        "key": facts.key,
        "status": "partial" if running else facts.status,
        "reason": facts.reason or (unfinished if running else None),
        "rows": sum(mark.rows for mark in facts.files),
        "assurance": facts.assurance,
        "files": [asdict(mark) for mark in facts.files],
        "unread": [asdict(one) for one in facts.unread],
        "requests": facts.requests,
        "calls": facts.calls,
        "retries": facts.retries,
        "seconds": round(facts.seconds, 3),
        **facts.more,
    }
