"""What a mirror's folder records of itself: its entities as their last runs left them, and the run that has not come to its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from extractor.checkpoint import SavedEntity
from extractor.errors import UsageError
from extractor.gone import Looked
from extractor.lanes import Standing
from extractor.manifest import EntityFacts
from extractor.messages import FileMark, Unread
from extractor.offline import Held

FORMAT = 1
_LEFT = "INTERRUPTED: its last run was stopped before its end; name it again to bring it into step"


class Entry(msgspec.Struct):
    """One entity: the fingerprint of what is asked of it, where it stands (`None`: never read whole), its files, oldest first.

    `witnesses` are ids of rows that were changed since it came to stand where it does, and have been written (`witness`).
    `old` are files that go, as soon as there is a standing: those of another question, or what a compact has replaced.
    """

    question: str
    standing: Standing | None = None
    files: tuple[FileMark, ...] = ()
    unread: tuple[Unread, ...] = ()
    facts: EntityFacts | None = None
    old: tuple[FileMark, ...] = ()
    witnesses: tuple[int, ...] = ()


class Night(msgspec.Struct):
    """A run under way: when it began by the server's clock, its lanes by name, what each of them asks (a fingerprint), its file of each entity.

    `ours` is when it began by this machine's clock. `known` is how many rows of each entity were known; where some were, it looks for what is gone. `reach` is each entity's last id as it began, `gone` how far its second look at what seems to be gone has come.
    `events` are what it has reserved in the portal's queue, and clears when it has come to its end.
    """

    run_id: str
    began: dt.datetime
    started_at: str
    questions: dict[str, str]
    known: dict[str, int] = {}
    lanes: dict[str, SavedEntity] = {}
    asked: dict[str, str] = {}
    files: dict[str, FileMark] = {}
    reach: dict[str, int] = {}
    gone: dict[str, Looked] = {}
    events: tuple[Held, ...] = ()
    ours: dt.datetime | None = None


class State(msgspec.Struct):
    """All of it; `user` is whose rights all of it was read with, if known."""

    portal: str
    user: str | None = None
    format: int = FORMAT
    entities: dict[str, Entry] = {}
    night: Night | None = None


def opened(recorded: bytes | None, portal: str) -> State:
    """Return what a folder's record says, or what there is to say of a new one.

    Raises:
        UsageError: It is that of another portal, or was written by another version.
    """
    state = decode(recorded) if recorded else State(portal)
    if state.portal != portal:
        raise UsageError(f"the folder is the mirror of {state.portal}: choose another one")
    return state


def unfinished(facts: EntityFacts) -> EntityFacts:
    """Say what is to be said of an entity if its run is not gone on with."""
    return replace(facts, status="partial", reason=_LEFT, assurance=None)


def told_before(state: State) -> dict[str, EntityFacts]:
    """Return what was said last of each entity, but for the news, which were those of another run."""
    return {name: replace(entry.facts, more={**entry.facts.more, "written": 0, "gone": 0, "lanes": {}})
            for name, entry in state.entities.items() if entry.facts is not None}


def otherwise(entry: Entry, asked: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the parameters that are asked otherwise than what is on disk was."""
    held = entry.facts.params if entry.facts else asked
    return tuple(key for key in {**held, **asked} if held.get(key) != asked.get(key))


def drop_night(state: State) -> None:
    """Leave a run that was interrupted: what it has landed counts, and what it had left to ask is asked anew."""
    for name, file in state.night.files.items() if state.night else ():
        entry = state.entities[name]
        entry.files = (*(mark for mark in entry.files if mark.path != file.path), file)
        entry.facts = replace(entry.facts, files=entry.files) if entry.facts else None
    state.night = None


def encode(state: State) -> bytes:
    """Write a state down."""
    return msgspec.json.encode(state)


def decode(data: bytes) -> State:
    """Read a state.

    Raises:
        UsageError: It was written by another version.
    """
    try:
        state = msgspec.json.decode(data, type=State)
    except msgspec.DecodeError as error:
        raise UsageError(f"the folder's record cannot be used ({error}): choose another folder") from None
    if state.format != FORMAT:
        raise UsageError("the folder was written by another version: choose another folder")
    return state
