"""What a run was told to do, and how it ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from extractor.errors import Bug
from extractor.question import Question
from extractor.sinks import Compression


@dataclass(frozen=True, slots=True)
class Order:
    """What to dump, and where to: into `folder`, or the one entity into `stream`.

    `named` tells whether the user named the entities, but for those that are
    `globbed`; those that nobody named may be skipped without the run being less
    than complete.
    """

    questions: Sequence[Question]
    named: bool = True
    globbed: frozenset[str] = frozenset()
    folder: Path | None = None
    stream: BinaryIO | None = None
    compress: Compression = "none"
    max_seconds: float | None = None

    def names(self, name: str) -> bool:
        """Tell whether the user named an entity."""
        return self.named and name not in self.globbed


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: the exit code, why it is not 0, the manifest, and what it cost.

    `refused` are the requests that the portal has refused for its rate, of all; `operating` are the seconds that each method has used of its ten minutes,
    `costs` those that one call of it computes; both where the portal reports them.
    """

    exit_code: int
    why: str | None
    manifest: Mapping[str, Any]
    requests: int = 0
    seconds: float = 0.0
    resumed: bool = False
    bug: Bug | None = None
    operating: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Mirror:
    """What to keep a folder in step with, night after night.

    `deletes` says whether what is gone is looked for (`None`: where it is
    cheap), `full_every` within what time everything is read again, whatever its
    stamps say (`None`: never), `events` whether the portal's events say where
    to look, besides.
    """

    questions: Sequence[Question]
    folder: Path
    named: bool = True
    globbed: frozenset[str] = frozenset()
    compress: Compression = "none"
    max_seconds: float | None = None
    deletes: bool | None = None
    full_every: dt.timedelta | None = dt.timedelta(days=7)
    events: bool = False

    def names(self, name: str) -> bool:
        """Tell whether the user named an entity."""
        return self.named and name not in self.globbed


@dataclass(frozen=True, slots=True)
class Audit:
    """What to hold against the portal: a folder, or some entities of it.

    `share` of the rows are read again (1: all of them); `repair` fetches what differs.
    """

    folder: Path
    names: Sequence[str] = ()
    share: float = 0.01
    repair: bool = False
