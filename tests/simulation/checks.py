"""The promises, as checks: what has to hold of a folder when a run has ended, however it ended."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter

import orjson
import zstandard

from extractor.catalog import catalog
from tests.simulation.scenario import TABLES

STOPPED = (5, 130, 143)


class Broken(AssertionError):
    """A promise was not kept."""


def holds(truth, promise, *details):
    """Say that a promise is broken unless it holds."""
    if not truth:
        raise Broken(f"{promise}: {' '.join(map(str, details))}" if details else promise)


def check(folder, outcome, portal, *, calm):
    """Hold a folder, and what was said about it, against what the portal had; `calm` when it worked all the while."""
    if outcome.exit_code in STOPPED and not outcome.requests:  # before it began: the folder is as the last life left it
        check_wreck(folder)
        return
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    entities = manifest["entities"]
    holds(set(entities) == set(portal.one.names), "the manifest has an entry for each entity", list(entities))
    complete = all(entry["status"] == "complete" for entry in entities.values())
    holds((outcome.exit_code == 0) == complete, "exit code 0 means complete", outcome.exit_code, complete)
    holds((manifest["status"] == "complete") == complete, "the manifest's status is that of its entities")
    holds(complete or outcome.why, "a run that is not complete says why")
    for name, entry in entities.items():
        _check_entity(folder, name, entry, portal, calm=calm)


def _check_entity(folder, name, entry, portal, *, calm):
    rows = rows_on_disk(folder, name, entry)
    ids = [id_of(name, row) for row in rows]
    twice = [one for one, count in Counter(ids).items() if count > 1]
    holds(not twice, f"{name}: each id once", twice[:5])
    for one, row in zip(ids, rows, strict=True):
        holds(row in portal.shown[name][one], f"{name}: a row is as the portal showed it", one)
    known = {str(one) for one in portal.visible[name]}
    holds(not TABLES[name] or set(ids) <= known, f"{name}: only rows that were asked for", sorted(set(ids) - known)[:5])
    status, reason, unread = entry["status"], entry["reason"], [one["id"] for one in entry.get("unread", ())]
    holds(status == "complete" or reason, f"{name}: what is not complete has a reason", status)
    bad = {str(one) for one in portal.poison[name].ids}
    holds(not calm or set(unread) <= bad, f"{name}: only bad rows are unread", unread[:5], bad)
    holds(set(unread).isdisjoint(ids) and len(unread) == len(set(unread)), f"{name}: what is unread is not there", unread)
    if status == "complete" or (reason or "").startswith("UNREAD"):
        holds((status == "complete") == (not unread), f"{name}: complete means that nothing is unread", status, unread)
        proven = catalog()[name].paging != "next" or TABLES[name] not in portal.touched
        missing = {str(one) for one in portal.lived[name]} - set(ids) - set(unread)
        holds(not (proven and missing), f"{name}: every row that lived throughout is there", len(missing), sorted(missing, key=int)[:5])
    if entry["assurance"] == "exact":
        holds(catalog()[name].paging != "next", f"{name}: nothing is called exact without proof")
    holds((entry["assurance"] is None) == (status != "complete"), f"{name}: of what is not complete nothing is assured", status)


def rows_on_disk(folder, name, entry):
    """Read an entity's files, and hold them against the manifest."""
    rows = []
    for file in entry["files"]:
        data = (folder / file["path"]).read_bytes()
        holds(len(data) == file["bytes"], f"{name}: the file is as long as the manifest says", len(data), file["bytes"])
        holds(hashlib.sha256(data).hexdigest() == file["sha256"], f"{name}: the file is what the manifest says")
        lines = unpacked(file["path"], data).split(b"\n")
        holds(lines.pop() == b"", f"{name}: the last line is whole")
        holds(not any(line.startswith((b'{"ID":"0","ID":', b'{"id":0,"id":')) for line in lines), f"{name}: no line says its id twice")
        found = [orjson.loads(line) for line in lines]
        holds(len(found) == file["rows"], f"{name}: the manifest counts the lines of a file", len(found), file["rows"])
        rows += found
    holds(len(rows) == entry["rows"], f"{name}: the manifest counts rows", len(rows), entry["rows"])
    there = {path.name for path in (folder / name).iterdir()} if (folder / name).exists() else set()
    holds(there == {file["path"].split("/")[1] for file in entry["files"]}, f"{name}: no file but those named", there)
    return rows


def unpacked(path, data):
    """Unpack a file's bytes by its ending."""
    if path.endswith(".gz"):
        return gzip.decompress(data) if data else b""
    if path.endswith(".zst"):
        return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
    return data


def id_of(name, row):
    """Read the id of a row of an entity."""
    return str(row[catalog()[name].id])


def check_wreck(folder):
    """Hold a folder against what must be true at every moment: the manifest and the checkpoint are whole, if they are there."""
    for path in (folder / "manifest.json", folder / ".b24x" / "checkpoint.json"):
        try:
            orjson.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except orjson.JSONDecodeError:
            raise Broken(f"{path.name} is whole at every moment") from None
