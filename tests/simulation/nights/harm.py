"""What an accident makes of a mirror's files: lines are lost, altered and made up, and the manifest's sums are made to fit.

Rule 1: what is harmed was in step, and only the latest line of a key is harmed, or all of them: so it is known what differs then.
Rule 2: it is done to the files that the record names: the manifest of a compact that was killed names others, which hold the same.
Rule 3: a file whose sum is not made to fit is damaged: that is a difference of its own.
"""

from __future__ import annotations

import gzip
import itertools
from collections import defaultdict

import orjson
import zstandard

from extractor import durable
from extractor.catalog import catalog
from tests.mirrors import marked, remark
from tests.simulation.checks import id_of
from tests.simulation.nights.ondisk import lines_of, state_of, told

FAR = 5_000_000  # from a row's id to that of a stranger


class Harm:
    """Differences planted in one entity's files: `planted` as a verification is to name them, `lines` that no portal has shown."""

    def __init__(self, folder, name, truth):
        self.folder, self.name, self.truth = folder, name, truth
        self.key = catalog()[name].id
        self.planted, self.lines = set(), []
        self.marks = state_of(folder).entities[name].files
        self.files = [lines_of(folder, mark) for mark in self.marks]
        self.places = defaultdict(list)  # id -> where its lines are
        for number, lines in enumerate(self.files):
            for place, line in enumerate(lines):
                self.places[id_of(name, orjson.loads(line))].append((number, place))

    def plant(self, dice, count, *, damages):
        """Harm so many rows, and write the files; one of them is damaged, where that is wanted."""
        alike = sorted(filter(self._is_in_step, self.places))
        for one in dice.sample(alike, min(count, len(alike))):
            self._harm(dice, one, self.places[one])
        spoilt = dice.choice(range(len(self.files))) if damages and self.files else None
        marks = []
        for number, mark in enumerate(self.marks):
            lines = [line for piece in self.files[number] for line in ([piece] if isinstance(piece, bytes) else piece)]
            data = packed(mark.path, b"".join(line + b"\n" for line in lines)) if lines != lines_of(self.folder, mark) else None
            fit = mark if data is None else marked(mark.path, len(lines), data)
            if data is not None:
                durable.replace(self.folder / mark.path, data)
            if number == spoilt and fit != mark:
                self.planted.add((self.name, mark.path, "damaged"))
            marks.append(mark if number == spoilt else fit)
        remark(self.folder, self.name, marks)

    def _harm(self, dice, one, places):
        """Harm one row, or what says that it is gone: a line becomes none or two."""
        row, before = self._row(places[-1]), self._row(places[-2]) if len(places) > 1 else None
        if row.get("_deleted") and not before:
            return  # without a line it is as gone as with it
        kind = "older" if row.get("_deleted") else dice.choice(["lost", "older", "altered", "stranger"])
        if kind == "older" and before:
            self._put(places[-1])
            self._plant(one, "extra" if row.get("_deleted") else "missing" if before.get("_deleted") else "stale")
        elif kind == "altered":
            self._put(places[-1], {**row, "ALTERED": f"{dice.random()}"})
            self._plant(one, "stale")
        elif kind == "stranger" and one.isdigit():
            stranger = next(each for each in itertools.count(int(one) + FAR, FAR) if f"{each}" not in self.places)
            self._put(places[-1], row, {**row, self.key: type(row[self.key])(stranger)})
            self._plant(f"{stranger}", "extra")
        else:
            for place in places:
                self._put(place)
            self._plant(one, "missing")

    def _plant(self, one, what):
        self.planted.add((self.name, told(one), what))

    def _put(self, place, *rows):
        """Let these rows stand in place of a line; its own stays as it is written."""
        number, line = place
        there = self.files[number][line]
        self.files[number][line] = [there if orjson.loads(there) == row else orjson.dumps(row) for row in rows]
        self.lines += [row for row in rows if orjson.loads(there) != row]

    def _is_in_step(self, one):
        row = self._row(self.places[one][-1])
        return self.truth.get(one) == (None if row.get("_deleted") else row)

    def _row(self, place):
        number, line = place
        return orjson.loads(self.files[number][line])


def packed(path, data):
    """Pack a file's bytes by its ending."""
    if path.endswith(".gz"):
        return gzip.compress(data, mtime=0)
    return zstandard.ZstdCompressor().compress(data) if path.endswith(".zst") else data
