"""Where a run stands, so that the same command goes on from there.

Rule 1: the checkpoint names only what is durable already. Files are committed
first, then their marks and the spans still to read are saved in one piece; a
cut between the two costs reading a page again, never a row.

Rule 2: what is loaded is believed to the letter (files are cut by it), so it
is held against the shape below to the letter: a file that this version would
not have written is refused in one sentence.

Rule 3: one run per folder. The lock is the system's, on an open file: it ends
with the process, however that ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import filelock
import orjson

from extractor import durable
from extractor.errors import FolderBusy, UsageError
from extractor.messages import FileMark, Status, Unread

FORMAT = 1
LOCK = "lock"
PRIVATE = ".b24x"  # the part of the run's folder that is not for other tools

Span = tuple[int, int | None]
"""What is still to read: above a cursor, up to an id; `None` leaves it open."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SavedEntity:
    """Where one entity stands: what is on disk, what is still to read, what it cost.

    `spans` is `None` for an entity that is not read by spans, and so starts
    over; it is empty where nothing is left.
    """

    status: Status = "running"
    reason: str | None = None
    spans: tuple[Span, ...] | None = None
    expected_last: int | None = None
    files: tuple[FileMark, ...] = ()
    rows: int = 0
    unread: tuple[Unread, ...] = ()
    requests: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One run as the checkpoint knows it; `question` is the fingerprint of what was asked, `user` whose rights were used, if known."""

    format: int = FORMAT
    run_id: str
    portal: str
    question: str
    started_at: str
    finished: bool
    entities: Mapping[str, SavedEntity]
    user: str | None = None


class CheckpointFile:
    """The checkpoint in a run's folder, replaced whole at every commit."""

    def __init__(self, folder: Path) -> None:
        """Name the run's folder; nothing is touched yet."""
        self.path = folder / PRIVATE / "checkpoint.json"

    def load(self) -> Saved | None:
        """Read the checkpoint; `None` when the folder has none.

        Raises UsageError when it is damaged or of another version.
        """
        with durable.translated(self.path):
            try:
                data = self.path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            return decode(data)
        except ValueError as exc:
            raise UsageError(f"{durable.shown(self.path)} cannot be used, {exc}: "
                              "choose another folder") from exc

    def save(self, saved: Saved) -> None:
        """Replace the checkpoint; what it names must be durable before."""
        durable.replace(self.path, orjson.dumps(saved))


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the folder for this run alone, creating it if need be.

    Raises FolderBusy when another process holds it.
    """
    path = folder / PRIVATE / LOCK
    durable.make_folder(path.parent)
    held = filelock.FileLock(path)
    with durable.translated(path):
        try:
            held.acquire(blocking=False)
        except filelock.Timeout:
            raise FolderBusy(f"{durable.shown(folder)} is held by another run: "
                             "wait for its end, or choose another folder") from None
    try:
        yield
    finally:
        held.release()


def fingerprint(question: object) -> str:
    """Reduce what was asked to one line: equal for equal questions, whatever the order of keys."""
    return hashlib.sha256(orjson.dumps(question, option=orjson.OPT_SORT_KEYS, default=dict)).hexdigest()


def decode(data: bytes) -> Saved:
    """Read a checkpoint to the letter; raises ValueError with what is wrong with it."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ValueError("it is damaged") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise ValueError("it was written by another version")
    return _record(Saved, {"user": None, **value})


def _record(kind: type[_T], value: object) -> _T:
    readers = _READERS[kind]
    if not isinstance(value, dict) or value.keys() != readers.keys():
        raise ValueError(f"it holds no proper {kind.__name__}")
    return kind(**{key: read(value[key], key) for key, read in readers.items()})


def _of(kind: type) -> Callable[[object, str], Any]:
    def read(value: object, key: str) -> object:
        if not isinstance(value, kind):
            raise ValueError(f"its {key!r} is not of type {kind.__name__}")  # noqa: TRY004 - the file is wrong, not the caller
        return value

    return read


def _count(value: object, key: str) -> int:
    if type(value) is not int or value < 0:  # exactly: True is an int by inheritance
        raise ValueError(f"its {key!r} is not a count")
    return value


def _id(value: object, key: str) -> str:
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
        raise ValueError(f"its {key!r} is not an id")
    return value


def _number(value: object, key: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or float(value) != value:
        raise ValueError(f"its {key!r} is not a number")
    return float(value)


def _one_of(words: tuple[str, ...]) -> Callable[[object, str], Any]:
    def read(value: object, key: str) -> object:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"its {key!r} is none of {', '.join(map(repr, words))}")
        return value

    return read


def _maybe(read: Callable[[object, str], Any]) -> Callable[[object, str], Any]:
    return lambda value, key: None if value is None else read(value, key)


def _list_of(read: Callable[[object, str], _T]) -> Callable[[object, str], tuple[_T, ...]]:
    return lambda value, key: tuple(read(item, key) for item in _of(list)(value, key))


def _span(value: object, key: str) -> Span:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"its {key!r} are not pairs")
    return _count(value[0], key), _maybe(_count)(value[1], key)


def _entities(value: object, key: str) -> dict[str, SavedEntity]:
    return {name: _record(SavedEntity, item) for name, item in _of(dict)(value, key).items()}


_READERS: Mapping[type, Mapping[str, Callable[[object, str], Any]]] = {
    Unread: {"id": _id, "reason": _of(str)},
    FileMark: {"path": _of(str), "rows": _count, "bytes": _count, "sha256": _of(str)},
    SavedEntity: {
        "status": _one_of(get_args(Status)),
        "reason": _maybe(_of(str)),
        "spans": _maybe(_list_of(_span)),
        "expected_last": _maybe(_count),
        "files": _list_of(lambda item, _key: _record(FileMark, item)),
        "rows": _count,
        "unread": _list_of(lambda item, _key: _record(Unread, item)),
        "requests": _count,
        "calls": _count,
        "retries": _count,
        "seconds": _number,
    },
    Saved: {
        "format": _count,
        "run_id": _of(str),
        "portal": _of(str),
        "question": _of(str),
        "started_at": _of(str),
        "finished": _of(bool),
        "entities": _entities,
        "user": _maybe(_of(str)),
    },
}
