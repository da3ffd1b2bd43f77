"""The folder that a user named, held against what is asked: may this run use it?

Rule 1: a folder that cannot be used is a mistake in the question, and said
before anything is asked of the portal. A disk that fails later is none.

Rule 2: nothing that this program did not make is replaced, and rows of two
questions are never mixed: what differs is said.

Rule 3: a folder is held, not its name. Files that are open move with it when somebody
moves it away; what is written by name would go to whatever has that name now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from extractor import durable, known, manifest
from extractor.checkpoint import LOCK, PRIVATE, Saved, lock
from extractor.errors import DiskError, DiskFull, UsageError
from extractor.sinks import Compression

_LOST = f"the folder holds a mirror without its record ({PRIVATE}), so it cannot be gone on with: put that back, or sync into a new folder"


class Hold:
    """A folder that this run holds alone."""

    def __init__(self, folder: Path) -> None:
        """Remember which one it is."""
        self._path = folder / PRIVATE
        self._was = self._there()

    def confirm(self) -> None:
        """Raise DiskError when the name leads to another folder, or to none."""
        if self._there() != self._was:
            raise DiskError("the folder was moved away while it was filled, and another one has its name: go on where it is now")

    def drop(self, path: Path) -> None:
        """Remove a file of this run's that holds nothing; what cannot be removed stays."""
        with suppress(DiskError, OSError):
            self.confirm()
            path.unlink()

    def unmake(self, made: Sequence[Path]) -> None:
        """Remove the folders that were made for this run, innermost first, if it has come to nothing: a slip of the pen leaves no trace."""
        with suppress(DiskError, OSError):
            self.confirm()
            if made and all(path.name == LOCK for path in self._path.iterdir()):
                (self._path / LOCK).unlink()
                for one in made:
                    one.rmdir()

    def _there(self) -> tuple[int, int]:
        with durable.translated(self._path):
            seen = self._path.stat()
        return seen.st_dev, seen.st_ino


@contextmanager
def taken(folder: Path, option: str = "--to") -> Iterator[Hold]:
    """Hold the folder, which an option names, for this run alone.

    Raises:
        UsageError: There can be no such folder, or it cannot be written.
        FolderBusy: Another run holds it.
    """
    with ExitStack() as stack:
        with _named(folder, option):
            with durable.translated(folder / PRIVATE):
                made = [one for one in (folder / PRIVATE, folder, *folder.parents) if not one.exists()]
            stack.enter_context(lock(folder))
        hold = Hold(folder)
        try:
            yield hold
        finally:
            hold.unmake(made)


def has(folder: Path, name: str) -> bool:
    """Tell whether the folder that was named as DIR has a file.

    Raises:
        UsageError: There is no such folder, or this user may not look into it.
    """
    with _named(folder, "DIR"), durable.translated(folder):
        if not folder.is_dir():
            raise UsageError(f"DIR: {folder} is {'no folder' if folder.exists() else 'not there'}: name a folder that b24x dump or b24x sync has made")
        return (folder / name).exists()


@contextmanager
def _named(folder: Path, option: str) -> Iterator[None]:
    """Turn what the disk says of a folder into what it says of the option: the folder as the user wrote it, and what to do."""
    try:
        yield
    except DiskFull:
        raise
    except DiskError as error:
        why = str(error).partition(": ")[2]
        if isinstance(error.__cause__, FileNotFoundError):  # of /proc, say
            why = "there is no folder, and none can be made: choose another one"
        raise UsageError(f"{option}: {folder}: {why}") from None


def refuse_foreign_files(folder: Path | None, names: Sequence[str]) -> None:
    """Refuse a folder whose files are not ours to replace: there is no checkpoint that names them."""
    if folder is None:
        return
    refuse_lost_record(folder)
    ours = [folder / manifest.NAME, *(folder / name for name in names)]
    if found := next((path for path in ours if path.exists()), None):
        raise UsageError(f"the folder holds {found.name}, and nothing says that b24x made it: choose another folder")


def lost_record(folder: Path) -> str | None:
    """Say what a folder lacks whose manifest is a mirror's, and in which nothing of what the sync knew is left: the copy of a mirror, say."""
    entities = manifest.read(folder).get("entities")
    told = isinstance(entities, dict) and any(isinstance(entry, dict) and "lanes" in entry for entry in entities.values())
    return _LOST if told and not (folder / PRIVATE / known.NAME).exists() else None


def refuse_lost_record(folder: Path) -> None:
    """Refuse such a folder where that is needed."""
    if lost := lost_record(folder):
        raise UsageError(lost)


def refuse_mirror(folder: Path | None) -> None:
    """Refuse to dump into a mirror."""
    if folder is not None and (folder / PRIVATE / known.NAME).exists():
        raise UsageError("the folder is a mirror that b24x sync keeps in step: sync it, or choose another folder")


def refuse_foreign_folders(folder: Path | None, names: Sequence[str]) -> None:
    """Refuse a folder in which somebody else's things stand where the rows of these entities would."""
    if found := next((name for name in names if folder and (folder / name).exists()), None):
        raise UsageError(f"the folder holds {found}, and nothing says that b24x made it: choose another folder")


def refuse_other_rights(held: str | None, asked: str | None) -> None:
    """Refuse to mix the rows of two users: each sees what their rights show, and a bulk read cannot tell what they hide."""
    if held is not None and asked is not None and held != asked:
        raise UsageError(f"the folder holds what user {held} may see, and these credentials are user {asked}'s: "
                         "choose another folder, or go on with a webhook of that user")


def another_question(
    folder: Path | None, saved: Saved, portal: str, compress: Compression, asked: Mapping[str, Mapping[str, Any]]
) -> UsageError:
    """Say what the folder's question has that this one has not."""
    held = _held(folder)
    found = [
        *([f"the portal is {saved.portal}, not {portal}"] if saved.portal != portal else []),
        *_entities(saved.entities.keys(), asked.keys()),
        *(_differs(name, held[name], params) for name, params in asked.items() if name in held and held[name] != params),
    ]
    paths = [mark.path for entity in saved.entities.values() for mark in entity.files]
    suffix = "" if compress == "none" else f".{compress}"
    if any(not path.endswith(f".ndjson{suffix}") for path in paths):
        found.append(f"its files are stored otherwise than --compress {compress} would ({paths[0]})")
    return UsageError(
        f"the folder holds the rows of another question: {'; '.join(found) or 'another --select, --filter or --param'}. "
        "Choose another folder, or repeat the command that it was made with"
    )


def _entities(held: Any, asked: Any) -> list[str]:
    """Say which entities are on one side only."""
    said = []
    if more := sorted(held - asked):
        said.append(f"it holds {', '.join(more)} as well")
    if less := sorted(asked - held):
        said.append(f"it does not hold {', '.join(less)}")
    return said


def _differs(name: str, held: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Say which parameters of one entity differ."""
    keys = [key for key in {**held, **asked} if held.get(key) != asked.get(key)]
    return f"{name} was asked for with another {', '.join(keys)}"


def _held(folder: Path | None) -> Mapping[str, Mapping[str, Any]]:
    """Read from the manifest with which parameters the folder's rows were asked for; the checkpoint has a fingerprint only."""
    try:
        data = orjson.loads(((folder or Path()) / manifest.NAME).read_bytes())
        return {name: entry["params"] for name, entry in data["entities"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # whatever happened to it: the checkpoint has decided already
