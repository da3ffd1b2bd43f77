"""What `progress` promises: one sees how far a run is, and nothing but that, on stderr."""

import datetime as dt
import io

import orjson

from extractor.events import (
    CallFailed,
    Committed,
    EntityEnded,
    RequestAnswered,
    RowsLanded,
    StartedOver,
    Waiting,
)
from extractor.progress import EVERY, JsonLines, PlainLines, shown


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Read it."""
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def lines_of(*events, verbose=False, quiet=False, ticks=()):
    """Say what plain lines come of some events; the clock stands at EVERY seconds for those in `ticks`."""
    clock, said = Clock(), []
    plain = PlainLines(said.append, clock, verbose=verbose, quiet=quiet)
    for place, event in enumerate(events):
        clock.now = EVERY if place in ticks else clock.now
        plain(event)
    return said


def test_an_entity_that_ends_gets_a_line():
    """Rows and status are said, and the reason where there is one."""
    assert ["deals: complete, 1,200 rows"] == lines_of(EntityEnded("deals", "complete", 1200))
    assert ["leads: skipped, 0 rows (ACCESS_DENIED: no)"] == lines_of(EntityEnded("leads", "skipped", 0, "ACCESS_DENIED: no"))


def test_a_reading_of_a_mirror_counts_what_it_has_read():
    """Most of that is known already: it is not what is new."""
    assert ["deals (new): complete, 500 rows read"] == lines_of(EntityEnded("deals:new", "complete", 500))


def test_how_far_a_run_is_comes_every_few_seconds():
    """Not with every page: a night's log stays readable."""
    events = [RowsLanded("deals", 50, 150.0), RowsLanded("deals", 100, 100.0), RowsLanded("leads", 10, 0.0)]
    assert ["110 rows, about 100 to come"] == lines_of(*events, ticks=[2])


def test_rows_are_counted_over_all_readings():
    """A sync reads an entity more than once, in runs that follow each other: the count does not go back with the next one, and is of what was read."""
    events = [RowsLanded("deals:new", 100, 0.0), RowsLanded("deals:new", 50, 10.0), RowsLanded("leads:new", 7, 0.0)]
    assert ["157 rows read, about 10 to come"] == lines_of(*events, ticks=[2])


def test_what_is_read_whole_again_is_said():
    """A mirror that is asked for other columns, or rows, or whose first file is damaged, is fetched anew: that takes long and replaces what lies there, so -q says it, too."""
    said = lines_of(
        StartedOver("deals", ("select",)), StartedOver("leads", ("filter", "entityTypeId")), StartedOver("quotes"),
        StartedOver("tasks", damaged="tasks/part-00000.ndjson"), quiet=True)
    assert [
        "deals: another set of columns (--select) than last time, so every row is fetched anew",
        "leads: another condition (--filter) and entityTypeId than last time, so every row is fetched anew",
        "quotes: another question than last time, so every row is fetched anew",
        "tasks: tasks/part-00000.ndjson is not there, or not as the last run left it, so every row is fetched anew",
    ] == said


def test_a_first_failure_is_no_news():
    """A call that succeeds at its second attempt is everyday; one that fails again is said."""
    first, second = CallFailed("deals", "ServerFailure", 1, 2.0), CallFailed("deals", "ServerFailure", 2, 4.0)
    assert ["deals: server failure, attempt 2, again in 4.0 s"] == lines_of(first, second)


def test_waits_are_said():
    """A run that stands still says why."""
    assert ["waiting 90 s for the operating limit"] == lines_of(Waiting(90.0, "for the operating limit"))


def test_verbose_tells_every_request():
    """With -v each request gets a line; without it none does."""
    event = RequestAnswered(50, 2500, 0.5)
    assert ["request of 50 calls: 2,500 rows in 0.50 s"] == lines_of(event, verbose=True)
    assert [] == lines_of(event)


def test_quiet_tells_trouble_only():
    """With -q a complete entity is silence, a partial one is not."""
    events = [EntityEnded("deals", "complete", 5), EntityEnded("leads", "partial", 5, "why"), Waiting(9.0, "so")]
    assert ["leads: partial, 5 rows (why)"] == lines_of(*events, quiet=True)


def test_json_lines_are_one_object_an_event():
    """Each line names its event and holds its fields; frequent ones need -v."""
    stream = io.StringIO()
    observer = JsonLines(stream)
    observer(Committed(7))
    observer(EntityEnded("deals", "complete", 7))
    JsonLines(stream, verbose=True)(Committed(7))
    ended, committed = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    for record in (ended, committed):
        assert dt.timedelta(0) == dt.datetime.fromisoformat(record.pop("at")).utcoffset()
    assert {"event": "EntityEnded", "entity": "deals", "status": "complete", "rows": 7, "reason": None} == ended
    assert {"event": "Committed", "rows": 7} == committed


def test_json_when_quiet_tells_trouble_only():
    """-q holds for machines too."""
    stream = io.StringIO()
    JsonLines(stream, quiet=True)(EntityEnded("deals", "complete", 7))
    assert "" == stream.getvalue()


def test_a_stream_that_is_no_terminal_gets_plain_lines():
    """A pipe or a file sees lines, no bars."""
    stream = io.StringIO()
    with shown(stream, Clock(), log_format="text", verbose=False, quiet=False) as observer:
        observer(EntityEnded("deals", "complete", 3))
    assert "deals: complete, 3 rows\n" == stream.getvalue()


def test_machines_get_json():
    """--log-format json holds on a terminal too."""
    stream = Terminal()
    with shown(stream, Clock(), log_format="json", verbose=False, quiet=False) as observer:
        observer(EntityEnded("deals", "complete", 3))
    assert "EntityEnded" == orjson.loads(stream.getvalue())["event"]


def test_a_terminal_gets_bars():
    """Bars move with the rows, and lines that matter stand above them."""
    stream = Terminal()
    with shown(stream, Clock(), log_format="text", verbose=False, quiet=False) as observer:
        observer(RowsLanded("deals", 50, 50.0))
        observer(RowsLanded("deals", 100, 0.0))
        observer(RequestAnswered(50, 2500, 0.5))
        observer(EntityEnded("deals", "complete", 100))
    assert "deals: complete, 100 rows" in stream.getvalue()
