"""The mirror, broken on purpose in ways that real ones are: the simulation has to see each of them.

A mutant is a function that patches the code for the length of a story.
"""

from __future__ import annotations

import datetime as dt

from extractor import lanes, mirror, reflection, sync
from extractor.known import Known
from extractor.reflection import Reflection
from extractor.sandbox.clock import loop_clock


def watermark_only(patched):
    """What is new is not asked for by its id: its stamp will tell."""
    whole = lanes.lanes
    patched.setattr(sync, "lanes", lambda *args, **options: tuple(one for one in whole(*args, **options) if one.kind != "new"))


def watermark_of_the_end(patched):
    """The next run asks for what has changed since the end of this one, not since its beginning."""
    ask, whole, read = sync.server_time, Reflection.settle, []

    async def server_time(client):
        said = await ask(client)
        read[:] = [said.timestamp() - loop_clock()()]
        return said

    def settle(part):
        began = part.place.began
        if read:  # an interrupted run that is gone on with asks for no clock
            part.place.began = dt.datetime.fromtimestamp(loop_clock()() + read[0], began.tzinfo)
        whole(part)
        part.place.began = began
    patched.setattr(sync, "server_time", server_time)
    patched.setattr(Reflection, "settle", settle)


def no_lookback(patched):
    """A stamp is believed to be the moment at which a change is seen."""
    patched.setattr(lanes, "LOOKBACK", dt.timedelta())


def our_clock(patched):
    """The moment of a run is read from our own clock."""
    async def server_time(_client):
        return dt.datetime.fromtimestamp(loop_clock()(), dt.UTC)
    patched.setattr(sync, "server_time", server_time)


def no_overlap(patched):
    """Ids are believed to be committed in their order."""
    patched.setattr(lanes, "OVERLAP", 0)


def no_shift(patched):
    """`crm.item.list` is believed to take a moment as it is given."""
    patched.setattr(lanes, "SHIFT", dt.timedelta())


def gone_without_the_other_lanes(patched):
    """What is gone is what the lane of ids, or of the piece, has not shown, whatever the others have."""
    whole = Reflection._sink

    def sink(part, lane):
        made = whole(part, lane)
        if lane.kind in {"ids", "all", "again", "unread"}:
            return made
        return _Blind(made)
    patched.setattr(Reflection, "_sink", sink)


class _Blind:
    """A sink whose rows are written, and not noted as seen."""

    def __init__(self, whole):
        self._whole = whole

    def append(self, rows):
        """Take rows."""
        sees, self._whole.sees = self._whole.sees, False
        taken = self._whole.append(rows)
        self._whole.sees = sees
        return taken

    def __getattr__(self, name):
        return getattr(self._whole, name)


def settled_before_the_end(patched):
    """An entity moves on when one of its lanes is through."""
    patched.setattr(Reflection, "done", property(lambda part: any(run.status == "complete" for run in part.runs)))


def known_before_the_file(patched):
    """What is known is committed, and the rows in the file are not synced yet."""
    patched.setattr("extractor.sinks.ndjson.NdjsonSink._sync", lambda _sink: None)


def seen_of_the_last_run(patched):
    """What earlier runs have seen counts as seen now."""
    patched.setattr(Known, "look_anew", lambda *_: None)


def gone_is_not_forgotten(patched):
    """A row that is gone stays known, and a row that comes back as it was is no news."""
    patched.setattr(Known, "forget", lambda *_: None)


def landed_rows_dropped(patched):
    """What an interrupted run has landed does not count when another one is asked for."""
    def drop(state):
        state.night = None
    patched.setattr(mirror, "drop_night", drop)


def pieces_of_the_clock_alone(patched):
    """Pieces are a share of the time that has passed, whatever is left at the end of the ids."""
    patched.setattr(lanes, "_marked", lambda read, *_: read[:0])


def left_files_stay(patched):
    """What a killed run left before its first commit lies there."""
    for module in (reflection, sync):
        patched.setattr(module, "remove_unnamed", lambda *_: None)


MUTANTS = [
    watermark_only, watermark_of_the_end, no_lookback, our_clock, no_overlap, no_shift, gone_without_the_other_lanes, settled_before_the_end,
    known_before_the_file, seen_of_the_last_run, gone_is_not_forgotten, landed_rows_dropped, pieces_of_the_clock_alone, left_files_stay,
]
QUICK = [watermark_only, seen_of_the_last_run, gone_is_not_forgotten]
"""Those that a few seeds show: the others are for the soak."""
