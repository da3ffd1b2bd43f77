"""A mirror of a portal in memory, the nights in which it is brought into step, and what lies in its folder afterwards."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import asdict, replace

import orjson

from extractor import durable, mirror
from extractor.catalog import catalog
from extractor.known import Known
from extractor.messages import FileMark
from extractor.order import Mirror
from extractor.question import Question
from extractor.sandbox.world import Mutation
from extractor.sync import Sync
from tests.trials import Trial

SAME = ([], [], [])


def latest(folder, name):
    """Fold an entity's files, oldest first: the last line of a key counts."""
    key, rows = catalog()[name].id, {}
    entry = orjson.loads((folder / "manifest.json").read_bytes())["entities"][name]
    for file in entry["files"]:
        for line in (folder / file["path"]).read_bytes().splitlines():
            row = orjson.loads(line)
            rows[str(row[key])] = row
    return {one: row for one, row in rows.items() if not row.get("_deleted")}


class Nights:
    """A mirror of a portal, and the nights in which it is brought into step."""

    def __init__(self, folder, *names, full_every=None, deletes=True, **trial):
        self.trial = Trial(folder, **trial)
        self.names, self.options = names, {"full_every": full_every, "deletes": deletes}
        self.settings = self.trial.settings()

    @property
    def tables(self):
        """The portal's tables."""
        return self.trial.world.tables

    def sync(self, *names, observers=(), **options):
        """Prepare a night."""
        wishes = {key: options.pop(key) for key in ("select", "filter", "params") if key in options}
        questions = [Question(catalog()[name], **wishes) for name in names or self.names]
        order = Mirror(questions, self.trial.folder, **{**self.options, **options})
        return Sync(order, self.settings, self.trial.line, observers)

    async def night(self, *names, **options):
        """Bring the mirror into step."""
        return await self.sync(*names, **options).run()

    async def differences(self, name, **params):
        """Compare the mirror with what the portal shows: missing, extra and stale ids."""
        key = catalog()[name].id
        shown = {str(row[key]): row for row in await self.trial.shown(name, **params)}
        held = latest(self.trial.folder, name)
        return (sorted(shown.keys() - held.keys()), sorted(held.keys() - shown.keys()),
                sorted(one for one in shown.keys() & held.keys() if shown[one] != held[one]))

    def happen(self, action, table, *ids, **more):
        """Let something happen to the portal now."""
        self.trial.world.apply(Mutation(action, table, ids, **more))


class Ahead:
    """A line to a portal whose clock tells a time that is so much later than its stamps."""

    def __init__(self, line, ahead):
        self._line, self.ahead = line, ahead

    async def post(self, url, body, headers):
        """Carry one request."""
        answer = await self._line.post(url, body, headers)
        if not url.endswith("server.time"):
            return answer
        said = orjson.loads(answer.body)
        moment = dt.datetime.fromisoformat(said["result"]) + self.ahead
        return replace(answer, body=orjson.dumps({**said, "result": moment.isoformat()}))


def rewrite(folder, name, edit):
    """Rewrite an entity's first file as if that had been written: the lines that `edit` makes of its lines."""
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    mark, *others = (FileMark(**mark) for mark in manifest["entities"][name]["files"])
    path = folder / mark.path
    lines = edit(path.read_bytes().splitlines())
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    remark(folder, name, [marked(mark.path, len(lines), path.read_bytes()), *others])


def marked(path, rows, data):
    """Write the mark of a file with so many rows, and these bytes."""
    return FileMark(path, rows, len(data), hashlib.sha256(data).hexdigest())


def remark(folder, name, marks):
    """Let the manifest, and of a mirror its state, say other marks of the files of an entity that they name."""
    manifest, now = orjson.loads((folder / "manifest.json").read_bytes()), {mark.path: mark for mark in marks}
    entry = manifest["entities"][name]
    entry["files"] = [asdict(now.get(mark["path"], FileMark(**mark))) for mark in entry["files"]]
    entry["rows"] = sum(mark["rows"] for mark in entry["files"])
    durable.replace(folder / "manifest.json", orjson.dumps(manifest))
    if not (folder / ".b24x" / "known.sqlite").exists():
        return
    known = Known.open(folder / ".b24x" / "known.sqlite")
    state = mirror.decode(known.state())
    entry = state.entities[name]
    entry.files = tuple(now.get(mark.path, mark) for mark in entry.files)
    entry.facts = replace(entry.facts, files=entry.files)
    known.commit(mirror.encode(state))
    known.close()
