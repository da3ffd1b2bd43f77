"""The page of metrics on disk: replaced at the end of each run, however that ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from extractor import durable
from extractor.errors import B24xError, DiskError, UsageError
from extractor.metrics import Ended, Tally, page
from extractor.order import Outcome


@dataclass(slots=True)
class Measured:
    """What is known of a run: its observer, and its outcome once there is one."""

    tally: Tally = field(default_factory=Tally)
    outcome: Outcome | None = None


@contextmanager
def measured(path: Path | None, *, portal: str, folder: Path | None) -> Iterator[Measured]:
    """Write the page when the block is over, also when it raises; without a path, nothing.

    Raises:
        UsageError: There can be no such file.
        DiskError: The run was good, but its page cannot be written.
    """
    run, began = Measured(), time.monotonic()
    if path is None:
        yield run
        return
    if path.exists() and not path.is_file():  # a pipe would keep the run waiting, a device would be replaced
        raise UsageError(f"--metrics: {path.name or path} is no ordinary file, and the page would take its place: name a file")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--metrics: {path.name} cannot be written: its folder is not there, or is read-only")
    code = 1  # of whatever is no error of ours
    try:
        yield run
        code = run.outcome.exit_code if run.outcome else 0
    except B24xError as error:
        code = error.exit_code
        raise
    except KeyboardInterrupt:
        code = 130
        raise
    finally:
        ended = Ended(portal, folder.resolve().name if folder else "-", code, time.time(), time.monotonic() - began)
        with suppress(DiskError) if code else _named():
            _replace(path, ended, run)


def _replace(path: Path, ended: Ended, run: Measured) -> None:
    """Put the new page in the place of the old one."""
    if one := run.outcome:
        ended = Ended(ended.portal, ended.folder, ended.exit_code, ended.at, ended.seconds, one.requests, one.manifest["entities"], one.operating)
    before = ""
    with suppress(OSError, UnicodeDecodeError):
        before = path.read_text(encoding="utf-8")
    durable.replace(path, page(ended, run.tally, before).encode())


@contextmanager
def _named() -> Iterator[None]:
    """Say of an error which option it is about."""
    try:
        yield
    except DiskError as error:
        raise type(error)(f"--metrics: {error}") from None
