"""What `entityrun` promises: one record, from which checkpoint and manifest tell the same story."""

from collections import Counter, deque
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog, raw_method
from extractor.checkpoint import SavedEntity
from extractor.entityrun import EntityRun
from extractor.errors import (
    AccessDenied,
    ConnectionLost,
    ContractBroken,
    NotJson,
    OperatingLimited,
    RequestRefused,
    ServerFailure,
    TokenExpired,
)
from extractor.messages import FileMark, Reply, Unread
from extractor.paging.span import Span
from extractor.question import Question
from extractor.scheduler import Job, Listing, Scheduler

MARK = FileMark("deals/part-00000.ndjson", 3, 60, "ab" * 32)
SPANS = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12) | st.none()), max_size=9).map(tuple)


class Shelf:
    """A sink in memory."""

    def __init__(self):
        self.rows, self.mark = [], MARK

    def append(self, rows):
        """Take rows; a row counts for ten bytes."""
        self.rows += rows
        return 10 * len(rows)


def run(entity=None, *, named=True, **fields):
    """Make the record of an entity; the shelves that it opens are in `shelves`."""
    shelves = []

    def open_sink():
        shelves.append(Shelf())
        return shelves[-1]

    made = EntityRun(Question(entity or catalog()["deals"]), named, open_sink, **fields)
    return made, shelves


def test_the_first_row_opens_the_sink():
    """One sink, whatever comes after."""
    made, shelves = run()
    assert [10, 20] == [made.land([{"ID": 1}]), made.land([{"ID": 2}, {"ID": 3}])]
    assert [[{"ID": 1}, {"ID": 2}, {"ID": 3}]] == [shelf.rows for shelf in shelves]
    assert 3 == made.rows


def test_an_entity_without_rows_has_a_file_nevertheless():
    """Complete and empty is a result; it looks like one on disk."""
    made, shelves = run()
    made.complete()
    assert ("complete", 1) == (made.status, len(shelves))
    assert made.reason.startswith("EMPTY: "), "it may be that these credentials see none"


def test_an_entity_that_is_skipped_leaves_no_file():
    """Nothing was read of it."""
    made, shelves = run()
    made.skip("NEEDS_PARAMETER: which?")
    assert ("skipped", "NEEDS_PARAMETER: which?", []) == (made.status, made.reason, shelves)
    assert () == made.facts().files == made.saved().files


def test_the_key_of_the_id_is_told():
    """As rows write it; of a method that is not in the catalog nobody knows it."""
    assert ("id", None) == (run(catalog()["tasks"])[0].facts().key, run(raw_method("im.recent.list"))[0].facts().key)


@pytest.mark.parametrize(("entity", "assurance"), [
    (catalog()["deals"], "exact"), (catalog()["crm_statuses"], "exact"), (catalog()["departments"], "best-effort"),
    (raw_method("some.list"), "best-effort"),
])
def test_what_cannot_be_proven_is_said(entity, assurance):
    """By ids, or in one reply, it is exact; page after page by `next` it is not, and the reason says what could be missing."""
    made, _ = run(entity)
    made.land([{"ID": 1}])
    made.complete()
    assert assurance == made.facts().assurance
    assert (assurance == "exact") == (made.reason is None)
    assert made.reason is None or made.reason.startswith("NO_PROOF: ")


def test_of_what_is_not_complete_nothing_is_assured():
    """Neither of rows that are not all there yet, nor of those around one that cannot be read."""
    made, _ = run()
    assert made.facts().assurance is None
    made.land([{"ID": 1}])
    made.unread = (Unread("2", "WRONG_ENCODING: no"),)
    made.complete()
    assert ("partial", None) == (made.status, made.facts().assurance)


@pytest.mark.parametrize(("error", "rows", "status", "reason"), [
    (AccessDenied("insufficient_scope"), 0, "skipped", "INSUFFICIENT_SCOPE: insufficient_scope: no description"),
    (AccessDenied("", "Access denied."), 0, "skipped", "ACCESS_DENIED: Access denied."),
    (AccessDenied("ACCESS_DENIED", "No."), 5, "partial", "ACCESS_DENIED: No."),
    (RequestRefused("0", "Bad value"), 0, "failed", "REQUEST_REFUSED: Bad value"),
    (ServerFailure("ERROR_CORE", "SQL query error!"), 5, "partial", "ERROR_CORE: SQL query error!"),
    (ContractBroken("ids went backwards"), 5, "partial", "CONTRACT_BROKEN: ids went backwards"),
    (NotJson("a page", status=502), 0, "failed", "NOT_JSON: a page"),
])
def test_giving_up_is_a_status_a_code_and_a_sentence(error, rows, status, reason):
    """The portal's own words where it gave some (contract: `reason`)."""
    made, _ = run(rows=rows)
    made.give_up(error)
    assert (status, reason) == (made.status, made.reason)


@given(SPANS, st.integers(0, 10**12) | st.none(), st.integers(0, 99))
def test_what_is_saved_is_adopted(spans, last, count):
    """Spans, files, rows and costs come back as they were: the run goes on as if it had not ended."""
    last = max([last or 0, *(high for _, high in spans if high is not None)]) if spans else None
    saved = SavedEntity(spans=spans, expected_last=last, files=(MARK,), rows=count, requests=1, calls=2, retries=3, seconds=4.5)
    made, _ = run()
    made.adopt(saved)
    again = made.saved()
    assert replace(saved, expected_last=None) == replace(again, expected_last=None)
    assert (last is None) == (again.expected_last is None)
    assert again.expected_last is None or again.expected_last <= last


def test_an_open_span_is_expected_to_end_where_the_last_id_was():
    """The checkpoint knows it; otherwise nothing would be expected of the open end."""
    made, _ = run()
    made.adopt(SavedEntity(spans=((5, 9), (9, None)), expected_last=400))
    assert [(5, 9, 9), (9, None, 400)] == [(span.cursor, span.high, span.until) for span in made.spans]


@pytest.mark.parametrize("status", ["running", "partial", "failed", "skipped"])
def test_what_was_given_up_is_tried_again(status):
    """The reason may be gone; an entity that was not cut yet starts over, with no rows and no files."""
    made, _ = run()
    made.adopt(SavedEntity(status=status, reason="X: y", files=(MARK,), rows=3, requests=9))
    assert ("running", None, None, 0, (), 9) == (made.status, made.reason, made.spans, made.rows, made.files, made.requests)


def test_a_page_ends_the_blocks():
    """An entity that gets a page between two blocks has been blocked since the latter; other errors count by call."""
    made, _ = run()
    blocked, failures = OperatingLimited("OPERATION_TIME_LIMIT"), Counter({ConnectionLost: 2})
    assert [1, 1, 37] == [made.attempt(blocked, failures, now) for now in (100.0, 200.0, 21_700.0)]
    made.answered(blocked, 0.5)
    assert 37 == made.attempt(blocked, failures, 21_700.0)
    made.answered(Reply([]), 0.5)
    assert (1, 3) == (made.attempt(blocked, failures, 30_000.0), made.attempt(ConnectionLost("cut"), failures, 0.0))
    assert (2, 1.0) == (made.calls, made.seconds)


def test_a_token_that_was_accepted_ends_the_refusals():
    """Two refusals in a row count; after any answer but a refusal the next one is the first again."""
    made, _ = run()
    job = Job(None, None)
    made.listing = Listing(made.question, jobs=deque([job]))
    for expected in (1, 2):
        assert expected == made.attempt(TokenExpired("expired_token"), job.failures, 0.0)
        job.failures[TokenExpired] += 1
    job.failures[ConnectionLost] += 1
    made.let_in()
    assert (1, 2) == (made.attempt(TokenExpired("expired_token"), job.failures, 0.0), made.attempt(ConnectionLost("cut"), job.failures, 0.0))


def test_what_is_complete_stays_so():
    """With its reason, its rows and its files."""
    saved = SavedEntity(status="complete", reason="NO_PROOF: x", files=(MARK,), rows=3)
    made, _ = run()
    made.adopt(saved)
    assert saved == made.saved()


def test_the_spans_saved_are_those_of_the_listing():
    """While it runs, the scheduler knows what is left."""
    made, _ = run()
    made.listing, _ = Scheduler().add(made.question, [Span(5, 300, 300), Span(300, None, 320)])
    assert ((5, 300), (300, None)) == made.saved().spans
    assert 320 == made.saved().expected_last


def test_checkpoint_and_manifest_tell_one_story():
    """The same files, numbers and words in both."""
    made, _ = run(catalog()["departments"], named=False, requests=1, calls=2, retries=3, seconds=4.5)
    made.land([{"ID": 1}])
    made.complete()
    saved, facts = made.saved(), made.facts()
    for name in ("status", "reason", "files", "requests", "calls", "retries", "seconds"):
        assert getattr(saved, name) == getattr(facts, name)
    assert ("department.get", {}, False) == (facts.method, facts.params, facts.named)
    assert "departments" == made.name


def test_what_cannot_be_read_is_named_and_asked_for_again():
    """An entity with unread ids is partial and says so; a later run goes to exactly these ids."""
    made, _ = run()
    made.land([{"ID": "1"}])
    made.unread += (Unread("7", "WRONG_ENCODING: no"),)
    made.complete()
    assert ("partial", True) == (made.status, made.reason.startswith("UNREAD: "))
    assert made.unread == made.facts().unread == made.saved().unread
    again, _ = run()
    again.adopt(replace(made.saved(), spans=()))
    assert ([(6, 7)], (), "running") == ([(span.cursor, span.high) for span in again.spans], again.unread, again.status)


@pytest.mark.parametrize("unread", [(), (Unread("30", "BAD: no"),)])
def test_only_what_came_to_its_end_has_ended(unread):
    """Around unread rows, too; one that was given up has not, whatever it names, nor one whose end is not believed."""
    made, _ = run(unread=unread)
    made.complete()
    assert made.ended
    made.reopen()
    assert ("running", False) == (made.status, made.ended)
    made.complete()
    made.give_up(AccessDenied("ACCESS_DENIED", "No."))
    assert not made.ended
