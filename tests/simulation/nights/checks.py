"""What a mirror promises, as checks: of the folder after every life, and against the portal when a run has come to its end."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing

import orjson

from extractor.catalog import catalog
from extractor.lanes import goes_by_parts
from tests.simulation.checks import check_wreck, holds, id_of, rows_on_disk
from tests.simulation.nights.ondisk import lines_of, marks_of, state_of
from tests.simulation.scenario import TABLES
from tests.simulation.story import Failed

EMPTIED = "CONTRACT_BROKEN: all rows have gone while they were read"


class Books:
    """What must be true of one mirror, life after life."""

    def __init__(self, one, portal):
        self.one, self.portal = one, portal
        self.most = defaultdict(int)
        self.marked = defaultdict(dict)  # name -> id -> since when it has been marked as gone
        self.asked = set()  # in this night or before
        self.strange = defaultdict(list)  # name -> lines that an accident has made

    def held(self, folder):
        """Hold a folder against what is true at every moment: what it knows of itself is whole."""
        check_wreck(folder)
        path = folder / ".b24x" / "known.sqlite"
        if not path.exists():
            return
        with closing(sqlite3.connect(path)) as connection:
            (well,) = connection.execute("PRAGMA integrity_check").fetchone()
        holds(well == "ok", "what is known is whole", well)
        state_of(folder)

    def closed(self, folder, outcome, began, asked):
        """Hold a folder against the portal if the command has come to its end; tell whether it has."""
        truth = {name: self.portal.truth(name) for name in asked}
        for name in asked:
            self.most[name] = max(self.most[name], len(truth[name]))
        bad = any(poison.ids for poison in self.portal.poison.values())
        if outcome.exit_code not in {0, 4} or (outcome.exit_code == 4 and not bad):
            return False
        manifest = orjson.loads((folder / "manifest.json").read_bytes())
        entities, others = {name: manifest["entities"][name] for name in asked}, manifest["entities"].keys() - set(asked)
        holds(others <= self.asked, "the manifest has an entry for each entity that was asked for", list(others))
        complete = all(entry["status"] == "complete" for entry in entities.values())
        holds((outcome.exit_code == 0) == complete, "exit code 0 means complete", outcome.exit_code, complete)
        unread = all(entry["status"] == "complete" or (entry["reason"] or "").startswith("UNREAD") for entry in entities.values())
        for name, entry in entities.items():
            lines = rows_on_disk(folder, name, entry)
            self.most[name] = max(self.most[name], most_at_once(name, lines))
            self._could_be(name, lines)
            if outcome.exit_code == 0:
                holds(not entry["unread"], f"{name}: complete means that nothing is unread")
                self._is_in_step(name, lines, truth[name], began)
            self._mark(name, lines)
        for name in others:
            self._could_be(name, rows_on_disk(folder, name, manifest["entities"][name]))
        return outcome.exit_code == 0 or unread

    def counted(self, folder, state):
        """Count what there is before lines that tell of it are folded away."""
        for name, entry in state.entities.items():
            self.most[name] = max(self.most[name], most_at_once(name, _lines(folder, entry.files)))

    def mended(self, folder, name, truth, harm):
        """Take note of a repair: of the lines that an accident has made, of the portal's rows, and of what is marked as gone now."""
        self.strange[name] += harm
        for one, row in truth.items():
            if row not in self.portal.shown[name][one]:
                self.portal.shown[name][one].append(row)
        self._mark(name, _lines(folder, marks_of(folder, name)))

    def emptied(self, outcome, asked):
        """Tell whether a run was ended by nothing but tables that lost all their rows under it: it cannot tell that from lost rights."""
        if isinstance(outcome, Failed) or outcome is None or outcome.exit_code != 4:
            return False
        lacking = {name: outcome.manifest["entities"][name] for name in asked if outcome.manifest["entities"][name]["status"] != "complete"}
        return all((entry["reason"] or "").startswith(EMPTIED) and not self.portal.truth(name) for name, entry in lacking.items())

    def _could_be(self, name, lines):
        """Each line is a version that the portal has shown, none is there twice in a row, and only what was there can be gone."""
        latest = {}
        for line in lines:
            one = id_of(name, line)
            if line.get("_deleted"):
                holds(one in latest and not latest[one].get("_deleted"), f"{name}: only what was there is marked as gone", line)
            else:
                seen = line in self.portal.shown[name][one] or line in self.strange[name]
                holds(seen, f"{name}: a line is a row that the portal has shown", line)
            holds(latest.get(one) != line, f"{name}: what is on disk as it is, is not written again", line)
            latest[one] = line

    def _mark(self, name, lines):
        """Note which rows are marked as gone, and since when."""
        latest, before = {id_of(name, line): line for line in lines}, self.marked[name]
        self.marked[name] = {one: before.get(one, self.portal.now) for one, line in latest.items() if line.get("_deleted")}

    def _was_gone(self, name, one, since):
        """Tell whether a row was marked as gone before it came back: it fits the condition again, and no stamp shows it."""
        return "filter" in self.one.wishes.get(name, {}) and self.marked[name].get(one, since) < since

    def _is_in_step(self, name, lines, truth, began):
        """The latest line of each key is the portal's row, but for what moved during the run and what nothing shows yet."""
        key, latest = catalog()[name].id, {id_of(name, line): line for line in lines}
        ledger = self.portal.world.ledgers.get(TABLES[name])
        for one in truth.keys() | latest.keys():
            line, row = latest.get(one), truth.get(one)
            number = int(one) if ledger and one.isdigit() else one
            touched = ledger.touched.get(number, 0.0) if ledger else 0.0
            if touched >= began or line == row or (row is None and line.get("_deleted")):
                continue
            how = f"{one}, {key}, touched {began - touched:,.0f} s before the run"
            if row is None:
                since = touched
                holds(not self._swept(name) and not self._read_again(name, since, began), f"{name}: what is gone is marked as gone", how)
                continue
            since = ledger.quiet.get(number) if ledger else None
            promise = f"{name}: a row is there" if line is None else f"{name}: what is there is not marked as gone" if line.get(
                "_deleted") else f"{name}: a row is as the portal has it"
            falsely = line and line.get("_deleted") and not (since is not None and self._was_gone(name, one, since))
            holds(since is not None and not falsely, promise, how)
            holds(not self._swept(name) or (line and not line.get("_deleted")), f"{promise}, as all ids are read", how)
            holds(not self._read_again(name, since, began), f"{promise}, changed without a stamp", how)

    def _whole(self, name):
        return not goes_by_parts(catalog()[name]) or self.most[name] <= self.one.few

    def _swept(self, name):
        return self._whole(name) or self.one.deletes or (self.one.deletes is None and self.most[name] <= self.one.cheap)

    def _read_again(self, name, since, began):
        """Tell whether everything has been read since a moment."""
        return self._whole(name) or (self.one.full_every is not None and began - since >= self.one.full_every.total_seconds())


def _lines(folder, marks):
    return [orjson.loads(line) for mark in marks for line in lines_of(folder, mark)]


def most_at_once(name, lines):
    """Count the most rows that a mirror has known at once: those that went meanwhile are known until the next look."""
    living, most = set(), 0
    for line in lines:
        (living.discard if line.get("_deleted") else living.add)(id_of(name, line))
        most = max(most, len(living))
    return most
