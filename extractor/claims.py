"""What a folder claims to hold, read from its manifest: which question each entity's rows answer, and where they lie.

Rule 1: the manifest is believed to the letter or not at all: one that this
program would not have written is refused in one sentence.
Rule 2: a question is asked again as the manifest says that it was asked. One
that today's catalog cannot ask so is refused: another question has other rows.
Rule 3: a run that has not come to an end is nothing to hold against the portal.
An entity that was skipped, or never read to its end, claims nothing: of the
latter that is said by the exit code, too. Around rows that could not be read,
it claims the others; skipped by the last run of a mirror, what it held before.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from extractor.catalog import Entity, catalog, raw_method
from extractor.errors import UsageError
from extractor.messages import AROUND, FileMark, Unread
from extractor.question import Question

FORMAT = 1
Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
_PATH = re.compile(r"[a-z0-9_]+/[A-Za-z0-9][A-Za-z0-9._-]*")  # of a file, in the folder of its entity


class Entry(msgspec.Struct):
    """One entity of the manifest."""

    method: str
    params: dict[str, Any]
    status: str
    reason: str | None
    files: tuple[FileMark, ...]
    unread: tuple[Unread, ...] = ()
    watermark: Moment | None = None


class Manifest(msgspec.Struct):
    """What is read of a manifest."""

    format: int
    portal: str
    started_at: Moment
    finished_at: str | None
    entities: dict[str, Entry]

    @property
    def watermark(self) -> dt.datetime | None:
        """The latest moment of the portal's clock that an entity of a mirror is in step with."""
        return max((entry.watermark for entry in self.entities.values() if entry.watermark), default=None)


@dataclass(frozen=True, slots=True)
class Claim:
    """What the folder says of one entity.

    `silent` is why it says nothing, where it does not; `lacking`, whether it should.
    """

    question: Question
    files: tuple[FileMark, ...] = ()
    unread: frozenset[str] = frozenset()
    silent: str | None = None
    lacking: bool = False

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.question.entity.name


def read(data: bytes, *, killed: bool = False) -> Manifest:
    """Read a manifest of a run that came to an end, whichever that was; with `killed`, of one that did not, too.

    Raises:
        UsageError: It is none that this version writes, or the run is still to be finished.
    """
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"manifest.json cannot be used ({error}): it is damaged, or none of b24x's") from None
    if manifest.format != FORMAT:
        raise UsageError("manifest.json was written by another version")
    for mark in (mark for entry in manifest.entities.values() for mark in entry.files):
        if not _PATH.fullmatch(mark.path):
            raise UsageError(f"manifest.json names {mark.path!r}, which is no file of a folder of b24x's")
    if manifest.finished_at is None and not killed:
        raise UsageError("the run that fills the folder was killed: run its command again, then verify")
    return manifest


def claims(manifest: Manifest, words: Sequence[str]) -> list[Claim]:
    """Return what the folder claims of the entities that the words name; of all where there are none.

    Raises:
        UsageError: A word names nothing in the folder, or a question cannot be asked again.
    """
    named = {name for word in words for name in _named(word, manifest.entities)}
    return [_claim(name, entry) for name, entry in manifest.entities.items() if name in named or not words]


def _named(word: str, entities: Mapping[str, Entry]) -> list[str]:
    """Return the entities that one word names: a name, a glob over names, or a method."""
    found = [name for name, entry in entities.items() if fnmatch.fnmatchcase(name, word) or entry.method == word.lower()]
    if not found:
        raise UsageError(f"the folder holds no {word!r}; it holds {', '.join(entities)}")
    return found


def _claim(name: str, entry: Entry) -> Claim:
    """Read one entity's claim."""
    question = _question(name, entry)
    unread = frozenset(one.id for one in entry.unread)
    if entry.status == "skipped" and not entry.watermark and not entry.files:
        return Claim(question, silent=f"it was not read ({entry.reason})")
    around = bool(entry.unread) and (entry.reason or "").startswith(AROUND)
    if entry.status != "complete" and not around and not entry.watermark:
        return Claim(question, silent=f"it was not read to its end ({entry.reason})", lacking=True)
    if not question.entity.id:
        return Claim(question, entry.files, silent=f"{entry.method} has no id that b24x knows, so its rows cannot be told apart")
    return Claim(question, entry.files, unread)


def _question(name: str, entry: Entry) -> Question:
    """Ask again what was asked."""
    entity = _entity(name, entry.method)
    params = dict(entry.params)
    select, conditions = params.pop("select", None), params.pop(entity.filter_key, {})
    given = {key: value for key, value in params.items() if entity.params.get(key) != value}
    question = Question(
        entity, select=None if select is None or tuple(select) == entity.select else tuple(select), filter=conditions, params=given)
    if question.asked() != entry.params:
        raise UsageError(f"manifest.json: {name} was asked for otherwise than this version can: verify with the version that wrote it")
    return question


def _entity(name: str, method: str) -> Entity:
    """Return the entity of a folder's name."""
    known = catalog().get(name)
    return known if known is not None and known.method == method else raw_method(method)
