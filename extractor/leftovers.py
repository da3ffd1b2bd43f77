"""What lies in the folders of a mirror's entities, and whose it is: named, left by a run of ours that was killed, or somebody's.

Rule 1: what nothing names is removed only if a run of ours may have left it; else
the folder is refused before anything is asked, and nothing in it is touched.
Rule 2: a run says what it may leave before it makes it. A night's files are called
after its moment, which is recorded as it begins; a repair notes each name beside
what is known, and the note goes when its files are named, or gone.
Rule 3: what has a name that no file of ours has is nobody's business.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from extractor import durable
from extractor.checkpoint import PRIVATE
from extractor.errors import DiskError, UsageError
from extractor.messages import FileMark
from extractor.mirror import State
from extractor.sinks import FIRST, check

NOTE = "repairing"
_OURS = re.compile(r"(?P<stem>part-[0-9]{5}|(changes|deletes)-[0-9]{8}t[0-9]{6}z(-[0-9]+)?)\.ndjson(\.gz|\.zst)?")


def moment_of(began: dt.datetime) -> str:
    """Write when a run began, as it stands in the names of its files."""
    return began.astimezone(dt.UTC).strftime("%Y%m%dt%H%M%Sz")


def free_stem(kind: str, moment: str, marks: Sequence[FileMark]) -> str:
    """Choose the name of a file beside others: the first one of an entity is called as a dump's."""
    taken = {mark.path.partition("/")[2].partition(".")[0] for mark in marks}
    if kind == "changes" and not taken:
        return FIRST
    stem = f"{kind}-{moment}"
    return stem if stem not in taken else f"{stem}-{len(taken)}"


def settle(folder: Path, state: State, asked: Sequence[str] = ()) -> None:
    """Remove what a killed repair has left, and refuse a folder with files of somebody else's where those of a mirror go.

    Raises:
        UsageError: There are such, in the folder of an entity of the mirror, or of one that is `asked` for the first time.
    """
    clear(folder, state)
    strange = [name for name in asked if name not in state.entities and (folder / name).exists()]
    for name in state.entities:
        left = _stems_of_the_night(state, name)
        strange += [f"{name}/{path.name}" for path, stem in _unnamed(folder, name, _named(state, name)) if stem not in left]
    if strange:
        raise UsageError(f"the folder holds {strange[0]}, and nothing says that b24x made it: move it away, or choose another folder")


def sound(folder: Path, mark: FileMark, *, whole: bool = True) -> bool:
    """Tell whether a file is what its mark says; with `whole`, and nothing else; errors as of `hashed`."""
    return hashed(folder, mark, whole=whole) is not None


def hashed(folder: Path, mark: FileMark, *, whole: bool) -> hashlib._Hash | None:
    """Return the hash of a file, for who goes on with it; `None` where it is not what its mark says.

    Raises:
        DiskError: It is there, and may not be read.
    """
    try:
        return check(folder, mark, whole=whole)
    except DiskError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise
        return None


def hold_against(folder: Path, mark: FileMark, *, whole: bool = True) -> None:
    """Hold a file of a mirror against its mark.

    Raises:
        DiskError: It is something else, or is not there, or may not be read; with the way out.
    """
    if not sound(folder, mark, whole=whole):
        raise DiskError(_way_out(folder, mark))


def damage(folder: Path, marks: Sequence[FileMark], growing: FileMark | None) -> tuple[str | None, hashlib._Hash | None]:
    """Say which of an entity's files is not there, or has another size, with the way out, and return the hash of the one that a run goes on with.

    That one may be longer, and is read as a whole; there is no hash of it where it is damaged.

    Raises:
        DiskError: One may not be read.
    """
    digest = hashed(folder, growing, whole=False) if growing else None
    damaged = [mark for mark in marks if length(folder, mark) != mark.bytes and not sound(folder, mark)]
    if growing and digest is None:
        damaged.append(growing)
    return (_way_out(folder, damaged[0]) if damaged else None), digest


def length(folder: Path, mark: FileMark) -> int:
    """Return how long a file is; -1 where it is not there."""
    path = folder / mark.path
    with durable.translated(path):
        return path.stat().st_size if path.exists() else -1


def note(folder: Path, path: str) -> None:
    """Write down that a repair makes a file."""
    durable.replace(folder / PRIVATE / NOTE, "".join(f"{one}\n" for one in (*_noted(folder), path)).encode())


def clear(folder: Path, state: State) -> None:
    """Remove the files that a repair has noted and the mirror does not name, and then the note."""
    noted = _noted(folder)
    for one in noted:
        path = folder / one
        if one not in _named(state, path.parent.name) and path.parent.exists():
            _remove(path.parent, [path])  # one that is not there, too: who removed it may not have come to sync that
    if noted:
        _remove(folder / PRIVATE, [folder / PRIVATE / NOTE])


def remove_old(folder: Path, state: State) -> bool:
    """Remove the files that entities with a standing have no use for any more, durably; tell whether any were on record, which is to be recorded anew.

    Whoever calls has seen to it that the manifest names none of them. They are on record until the folder is synced: a power cut brings names back.
    """
    entries = {name: entry for name, entry in state.entities.items() if entry.standing and entry.old}
    for name, entry in entries.items():
        place = folder / name
        with durable.translated(place):
            there = place.exists()
        if there:
            _remove(place, [folder / mark.path for mark in entry.old])
        entry.old = ()
    return bool(entries)


def remove_unnamed(folder: Path, name: str, named: Sequence[FileMark]) -> None:
    """Remove what a run that was killed left of an entity before its first commit; `settle` has seen that it is ours."""
    if paths := [path for path, _ in _unnamed(folder, name, {mark.path for mark in named})]:
        _remove(folder / name, paths)


def _way_out(folder: Path, mark: FileMark) -> str:
    """Say what is to be done about a damaged file."""
    return (f"{mark.path} is not there, or not as the last run left it: put the file back, or "
            f"let `b24x verify {shlex.quote(str(folder))} --repair` write its entity anew")


def _stems_of_the_night(state: State, name: str) -> Collection[str]:
    """Say what the files of an entity are called that a run under way may have made."""
    if state.night is None or name not in state.night.questions:
        return ()
    marks = (*state.entities[name].old, *state.entities[name].files)
    return {free_stem(kind, moment_of(state.night.began), marks) for kind in ("changes", "deletes")}


def _named(state: State, name: str) -> set[str]:
    """Return the paths of an entity that the mirror names."""
    entry, file = state.entities.get(name), state.night.files.get(name) if state.night else None
    return {mark.path for mark in (*(entry.old if entry else ()), *(entry.files if entry else ()), *((file,) if file else ()))}


def _unnamed(folder: Path, name: str, named: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Return the files of an entity, and their stems, that are called as ours are, and are not named."""
    place = folder / name
    with durable.translated(place):
        for path in sorted(place.iterdir()) if place.exists() else ():
            found = _OURS.fullmatch(path.name)
            if found and f"{name}/{path.name}" not in named:
                yield path, found["stem"]


def _noted(folder: Path) -> list[str]:
    """Read what a repair has noted."""
    path = folder / PRIVATE / NOTE
    with durable.translated(path):
        return path.read_text().splitlines() if path.exists() else []


def _remove(place: Path, paths: Sequence[Path]) -> None:
    """Remove files of one folder, durably: what forgets them may be recorded next."""
    for path in paths:
        with durable.translated(path):
            path.unlink(missing_ok=True)
    durable.sync_folder(place)
