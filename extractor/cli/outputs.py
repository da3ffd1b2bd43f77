"""The files that options name beside the folder of a run: none of them may be one of the run's own, or another option's.

Rule 1: what a path leads to counts, not how it is spelled: links and `..` are followed first.
Rule 2: in the folder of a run, all that lies deeper than its top is the run's, and at the
top the manifest and the folders of what is asked. Other files there are the user's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from extractor import manifest
from extractor.auth import Application, Credentials
from extractor.checkpoint import PRIVATE
from extractor.errors import UsageError

_Given = Mapping[str, Path | None]


def refuse_own_files(folder: Path | None, names: Sequence[str], written: _Given, read: _Given, credentials: Credentials) -> None:
    """Refuse files to write that would take the place of the run's own; `names` are of the folders that it makes.

    Raises:
        UsageError: An option names such a file, or one that another option names.
    """
    seen: dict[Path, str] = {}
    tokens = {"the token file": Path(credentials.token_file)} if isinstance(credentials, Application) else {}
    for option, path in {**read, **tokens, **written}.items():
        if path is None:
            continue
        real = Path(os.path.realpath(path))  # unlike Path.resolve, it bears links that lead in a circle
        if option in written and (other := next((seen[one] for one in seen if _same(one, real)), None)):
            raise UsageError(f"{option}: {path.name} is named by {other} as well: choose another file")
        seen[real] = option
        if option not in read and folder is not None and _is_own(Path(os.path.realpath(folder)), names, real):
            raise UsageError(f"{option}: {path.name} is one of the run's own files, or would lie among them: choose another place")


def _is_own(folder: Path, names: Sequence[str], real: Path) -> bool:
    """Tell whether a path is the folder of a run, or of its own inside that."""
    if _same(folder, real) or _same(folder / manifest.NAME, real):
        return True
    if _same(folder, real.parent):
        return real.name.casefold() in {one.casefold() for one in (manifest.NAME, f".{manifest.NAME}.new", PRIVATE, *names)}
    return any(_same(folder, parent) for parent in real.parents)


def _same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file: by name, or by what the system says where both are there."""
    with suppress(OSError):
        return one == other or one.samefile(other)
    return False
