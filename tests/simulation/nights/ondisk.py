"""What lies on disk of a mirror, read as anybody would who folds its files, and what differs from the portal in that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import lru_cache

import orjson

from extractor import mirror
from extractor.messages import FileMark
from tests.simulation.checks import holds, id_of, unpacked


def state_of(folder):
    """Read what a mirror's record says of it; `None` where it says nothing yet."""
    path = folder / ".b24x" / "known.sqlite"
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE name = 'state'").fetchone()
        state = connection.execute("SELECT value FROM state").fetchone() if found else None
    return mirror.decode(state[0]) if state else None


def marks_of(folder, name):
    """Read which files the manifest names of an entity, oldest first."""
    return [FileMark(**mark) for mark in orjson.loads((folder / "manifest.json").read_bytes())["entities"][name]["files"]]


def lines_of(folder, mark):
    """Read a file's lines."""
    return unpacked(mark.path, (folder / mark.path).read_bytes()).splitlines()


def latest(folder, name, marks):
    """Fold files of an entity, oldest first: the last line of a key counts, if it does not say that the row is gone."""
    for mark in marks:
        holds((folder / mark.path).exists(), f"{name}: a file that is named is there", mark.path)
    return _folded(name, tuple((mark.path, (folder / mark.path).read_bytes()) for mark in marks))


@lru_cache(maxsize=16)  # most lives leave the files as they were
def _folded(name, files):
    lines = {id_of(name, row): row for path, data in files for line in unpacked(path, data).splitlines() for row in [orjson.loads(line)]}
    return {one: row for one, row in lines.items() if not row.get("_deleted")}


def differences(name, held, truth):
    """Say what differs, as a verification is to name it."""
    what = {one: "missing" if one not in held else "extra" if one not in truth else "stale" for one in held.keys() | truth.keys()
            if held.get(one) != truth.get(one)}
    return {(name, told(one), kind) for one, kind in what.items()}


def told(identifier):
    """Write an id as a verification tells it."""
    return int(identifier) if identifier.isdigit() else identifier
