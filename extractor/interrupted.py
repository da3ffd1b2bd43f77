"""What a sync that was interrupted has left of a mirror, for who cannot wait until it is gone on with.

Rule 1: a run under way is left only if a file of the mirror is damaged: it cannot
be gone on with, or, where the file is of an entity that it does not ask for, bars
every other run. What it has landed counts then, as where a sync leaves it for another.
Rule 2: an entity that was never read whole, and has a damaged file, starts over:
nobody could hold it against the portal, and its rows are still to be read anyway.
A sync that begins to read it anew sees to that itself: no repair has to go before.
Rule 3: the state goes before the manifest. A run that was killed between its last
commit and the manifest has come to its end: the state says so. So does that of a
repair or a compact which the manifest of an earlier run does not know of: its files are the mirror's.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import orjson

from extractor import claims, durable, manifest, mirror
from extractor.checkpoint import PRIVATE
from extractor.conduct import utc
from extractor.errors import UsageError
from extractor.known import NAME, Known
from extractor.leftovers import hold_against, length, remove_unnamed, sound
from extractor.messages import FileMark
from extractor.mirror import Entry, Night, State
from extractor.sinks import cut


def settle(folder: Path, known: Known, state: State) -> None:
    """Let the folder be one that can be mended, and its manifest say so.

    Raises:
        UsageError: A run of it is under way, and can be gone on with; or the manifest cannot be used.
    """
    data = _read(folder)
    before = claims.read(data, killed=True)
    if state.night is not None:
        _leave(folder, known, state, state.night)
    elif before.finished_at is not None:
        manifest.bring_up(folder, {name: replace(entry.facts, files=entry.files) for name, entry in state.entities.items() if entry.facts})
        return
    manifest.write(folder, _finished(data, state))


def leave(folder: Path, state: State) -> None:
    """Leave a run under way for another one, with all that it has landed.

    Raises:
        DiskError: That is damaged, and its entity has been read whole before; with the way out.
    """
    for name, file in state.night.files.items() if state.night else ():
        if state.entities[name].standing:
            hold_against(folder, file, whole=False)
        if sound(folder, file, whole=False):
            cut(folder, file)  # a killed run may have written more than it had committed
    mirror.drop_night(state)


def begin_anew(folder: Path, known: Known, state: State, name: str) -> str | None:
    """Let an entity start over that was never read whole, and has a damaged file, in a run under way; return that file."""
    entry, night = state.entities[name], state.night
    assert night is not None, "a run is under way"  # noqa: S101 - a bug of ours
    growing = night.files.get(name)
    marks = () if entry.standing else (*entry.files, *((growing,) if growing else ()))
    damaged = next((mark.path for mark in marks if length(folder, mark) < mark.bytes or (mark is not growing and not sound(folder, mark))), None)
    if damaged:  # another text of the same length is seen where the file is opened
        known.forget_all(name)
        state.entities[name] = Entry(entry.question, old=(*entry.old, *marks))
        night.files.pop(name, None)
        night.known[name] = 0
        night.lanes = {lane: saved for lane, saved in night.lanes.items() if lane.partition(":")[0] != name}
    return damaged


def said(folder: Path) -> bytes:
    """Return a mirror's manifest; of a run that was killed behind its last commit, what it would have written."""
    data = _read(folder)
    if claims.read(data, killed=True).finished_at is not None:
        return data
    with closing(Known.open(folder / PRIVATE / NAME)) as known:
        recorded = known.state()
    state = mirror.decode(recorded) if recorded else None
    return data if state is None or state.night is not None else orjson.dumps(_finished(data, state), default=dict)


def _leave(folder: Path, known: Known, state: State, night: Night) -> None:
    """Leave a run under way."""
    damaged = {name: _damaged(folder, state, night, name) for name in state.entities}
    if not any(damaged.values()):
        raise UsageError("the folder's last sync was stopped: run it to its end, then repair")
    for name, file in night.files.items():
        if file not in damaged[name]:
            cut(folder, file)  # a killed run may have written more than it had committed
    mirror.drop_night(state)
    for name, entry in state.entities.items():
        if entry.standing is None and damaged.get(name):
            known.forget_all(name)
            facts = entry.facts and replace(entry.facts, files=())
            state.entities[name] = msgspec.structs.replace(entry, files=(), facts=facts, old=(*entry.old, *entry.files))
        remove_unnamed(folder, name, (*entry.old, *entry.files))
    known.commit(mirror.encode(state))


def _damaged(folder: Path, state: State, night: Night, name: str) -> list[FileMark]:
    """Return the files of an entity that are not as they were committed."""
    file = night.files.get(name)
    marks = [mark for mark in state.entities[name].files if file is None or mark.path != file.path]
    found = [mark for mark in marks if not sound(folder, mark)]
    return [*found, file] if file is not None and not sound(folder, file, whole=False) else found


def _read(folder: Path) -> bytes:
    """Read the manifest as it is."""
    path = folder / manifest.NAME
    with durable.translated(path):
        return path.read_bytes()


def _finished(data: bytes, state: State) -> dict[str, Any]:
    """Let a manifest say what the state says, of a run that has come to its end."""
    before: dict[str, Any] = orjson.loads(data)
    facts = {name: entry.facts for name, entry in state.entities.items() if entry.facts is not None}
    built = manifest.build(
        run_id=before.get("run_id", ""), portal=state.portal, started_at=before["started_at"], finished_at=utc(), entities=facts)
    return before | built | {"entities": before["entities"] | built["entities"]}
