"""The line that a run leaves in its `--summary` file, also where it failed before there was anything to sum up."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from extractor.config import File, read_file, settings
from extractor.errors import B24xError, DiskError, UsageError


def refuse_unwritable(path: Path) -> None:
    """Refuse a summary file that cannot be written before the run, not after it; one that is not there yet is not made by that."""
    try:
        if path.is_fifo():
            raise UsageError(f"--summary: {path.name} is a pipe, and a run would wait until somebody reads it: name a file")
        real = Path(os.path.realpath(path))
        if path.exists() or real.is_symlink():  # a link that leads to itself cannot be opened
            path.open("ab").close()
            return
        with suppress(FileExistsError):  # another run has made it just now
            real.open("xb").close()
            if not real.stat().st_size:
                real.unlink()
    except OSError as error:
        raise UsageError(f"--summary: {path.name} cannot be written: {error.strerror}") from None


def append(path: Path, record: Mapping[str, object]) -> None:
    """Append one line to the summary file."""
    try:
        with path.open("ab") as file:
            file.write(orjson.dumps(record) + b"\n")
    except OSError as error:
        raise DiskError(f"the summary {path.name} cannot be written: {error.strerror}") from None


def append_failure(path: Path, options: Mapping[str, Any], exit_code: int, why: str, began: dt.datetime) -> None:
    """Append the line of a run that an error has ended; where that cannot be, the error is what counts."""
    ended = dt.datetime.now(dt.UTC)
    if not _is_summary(path, options.get("to"), new=exit_code != UsageError.exit_code):
        return
    with suppress(DiskError):
        append(path, {
            "run_id": None, "portal": _portal(options), "started_at": _moment(began), "finished_at": _moment(ended), "status": "failed",
            "exit_code": exit_code, "why": why, "rows": 0, "requests": 0, "seconds": round((ended - began).total_seconds(), 3), "entities": {},
        })


def _is_summary(path: Path, folder: str | None, *, new: bool) -> bool:
    """Tell whether a line may be added to a file that nobody may have looked at: to one that ends with such a line, or outside the run's folder to an empty or `new` one.

    A command line that makes no sense makes no file.
    """
    with suppress(OSError, ValueError):
        if path.exists() and not path.is_file():
            return False
        if path.exists() and path.stat().st_size:
            last = orjson.loads(path.read_bytes().splitlines()[-1])
            return isinstance(last, dict) and {"run_id", "exit_code"} <= last.keys()
        real = Path(os.path.realpath(path))
        return (new or path.exists()) and (folder is None or Path(os.path.realpath(folder)) not in {real, *real.parents})
    return False


def _portal(options: Mapping[str, Any]) -> str | None:
    """Name the portal, if the options do."""
    try:
        return settings(options, read_file(options["config"]) if options.get("config") else File()).credentials.host
    except B24xError:
        return None


def _moment(when: dt.datetime) -> str:
    """Write a moment as the manifest does."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")
