"""The extractor, broken on purpose in ways that real ones are: the simulation has to see each of them.

A mutant is a function that patches the code for the length of a story.
"""

from __future__ import annotations

import io
import os
import random
from types import SimpleNamespace

import msgspec

from extractor import batch, durable
from extractor.auth.oauth import renewal
from extractor.client import Client
from extractor.entityrun import EntityRun
from extractor.errors import RateLimited, TokenExpired
from extractor.limits.account import Account
from extractor.limits.batchsize import BatchSize
from extractor.listing import Job
from extractor.messages import Behind, Call, Page, Reply
from extractor.paging import idrange, offset
from extractor.paging.span import Span
from extractor.question import Question
from extractor.retry import Again
from extractor.sinks.ndjson import NdjsonSink


def offsets_lowest_first(patched):
    """Pages by offset are read from the first to the last, and believed: a deletion pulls a row into one that was read."""
    patched.setattr(offset, "start_offsets", lambda total: list(range(0, max(total, 1), 50)))
    patched.setattr(offset, "uncovered", lambda *_: [])
    patched.setattr(offset, "_missed", lambda *_: False)


def end_on_a_short_page(patched):
    """A page of fewer than fifty rows is taken for the last one."""
    whole = Span.take

    def take(span, rows, key, *, low, high):
        kept = whole(span, rows, key, low=low, high=high)
        span.closed = span.closed or len(rows) < 50
        return kept
    patched.setattr(Span, "take", take)


def missing_entry_is_an_empty_page(patched):
    """A command of a batch that stands in neither map is taken for a page without rows, and that for the end."""
    empty_page_believed(patched)
    whole = batch._outcome

    def outcome(pages, failures, told, key):
        return whole(pages, failures, told, key) if key in pages or key in failures else Reply(msgspec.Raw(b"[]"))
    patched.setattr(batch, "_outcome", outcome)


def checkpoint_before_fsync(patched):
    """Rows are handed to the system, the checkpoint vouches for them, and nothing has synced them."""
    patched.setattr(NdjsonSink, "_sync", lambda sink: durable.sync_folder(sink._path.parent))


def killed_batch_again_for_ever(patched):
    """A batch that the cloud has cut after 60 seconds is sent again as it was, without end."""
    patched.setattr(BatchSize, "size", lambda *_: 50)
    patched.setattr("extractor.engine.decide", lambda *_args, **_options: Again(1.0))


def no_truncation_at_resume(patched):
    """What lies behind the last commit stays, and the next life appends to it."""
    def go_on(sink, digest):
        sink._digest = digest
        sink._file.seek(0, os.SEEK_END)
    patched.setattr(NdjsonSink, "_cut_to_mark", go_on)


def cursor_before_the_row(patched):
    """A page's rows are written when the next page comes, and the cursor has moved already."""
    held, land, complete = {}, EntityRun.land, EntityRun.complete

    def late(run, rows):
        before, held[run] = held.get(run, ()), rows
        return land(run, before)

    def last(run):
        land(run, held.pop(run, ()))
        complete(run)
    patched.setattr(EntityRun, "land", late)
    patched.setattr(EntityRun, "complete", last)


def empty_page_believed(patched):
    """An empty page below an id that was seen is taken for the end."""
    def believe(*_asked, **_known):
        return Page(())
        yield
    patched.setattr(idrange, "doubt", believe)


def duplicates_kept(patched):
    """Rows that a join repeats (BINDINGS, twins) are written as often as they come."""
    def within(span, rows, ids):
        top = ids[-1] if span.high is None else span.high
        return [row for identifier, row in zip(ids, rows, strict=True) if identifier <= top]
    patched.setattr(Span, "_within", within)


def refusal_is_an_empty_page(patched):
    """A 503 is no error, and its request brought no rows."""
    whole = Client._exchange

    async def exchange(client, calls, shown):
        try:
            return await whole(client, calls, shown)
        except RateLimited:
            return [Reply(msgspec.Raw(b"[]"))] * len(calls)
    patched.setattr(Client, "_exchange", exchange)


def checkpoint_in_place(patched):
    """The checkpoint and the manifest are overwritten where they are."""
    def replace(path, data, *, mode=0o644):
        with durable.translated(path), io.FileIO(path, "w") as file:
            file.write(data)
            os.fsync(file.fileno())
        durable.sync_folder(path.parent)
    patched.setattr(durable, "replace", replace)


def name_not_synced(patched):
    """Files and folders get names, and nobody syncs the folder that holds them."""
    patched.setattr(durable, "sync_folder", lambda _folder: None)


def bad_row_not_named(patched):
    """A row that cannot be read is passed over in silence."""
    whole = EntityRun.complete

    def complete(run):
        run.unread = ()
        whole(run)
    patched.setattr(EntityRun, "complete", complete)


def dropped_filter_not_noticed(patched):
    """A page that does not answer what was asked is taken as it is."""
    patched.setattr(Span, "_check", lambda *_, **__: None)


def operating_values_summed(patched):
    """What the portal reports of the operating limit, which is a sum already, is added to what was reported before."""
    whole = Account.report
    patched.setattr(Account, "report", lambda one, operating, sent: whole(one, one.own.total + one.foreign.total + operating, sent))


def refresh_twice(patched):
    """Every request that meets an aged token renews it, with the refresh token that it left with: the second one finds that spent."""
    whole = Client.send

    async def send(client, calls):
        session, held = client._session, client._session._tokens
        outcomes = await whole(client, calls)
        if isinstance(outcomes[0], TokenExpired):
            own = SimpleNamespace(load=lambda: held, prepare=session._file.prepare, store=session._file.store)
            session._take(await session._drive(renewal(session._who, held, session._clock, random.random), own))
            session._spent = False
        return outcomes
    patched.setattr(Client, "send", send)


def chains_taken_as_they_come(patched):
    """A page that was asked for behind another is taken whatever came before it: behind a short one the portal begins anew."""
    def behind(question):
        call = question.window(0, None)
        last = Behind((*question.entity.rows, "49", question.entity.id), "0")
        conditions = {**call.params[question.entity.filter_key], f">{question.entity.filter_id}": last}
        return Call(call.method, {**call.params, question.entity.filter_key: conditions})
    dropped_filter_not_noticed(patched)
    patched.setattr(Question, "behind", behind)
    patched.setattr(Job, "continued_by", lambda _job, page: bool(page.rows))
    patched.setattr(Job, "goes_on_behind", lambda job, _page: job.chained is not None and not job.part.span.closed)


MUTANTS = [
    offsets_lowest_first, end_on_a_short_page, missing_entry_is_an_empty_page, checkpoint_before_fsync, killed_batch_again_for_ever,
    no_truncation_at_resume, cursor_before_the_row, empty_page_believed, duplicates_kept, refusal_is_an_empty_page,
    checkpoint_in_place, name_not_synced, bad_row_not_named, dropped_filter_not_noticed,
    operating_values_summed, refresh_twice, chains_taken_as_they_come,
]
QUICK = [missing_entry_is_an_empty_page, empty_page_believed, bad_row_not_named, chains_taken_as_they_come]
"""Those that a second or two shows."""

SLOW = [offsets_lowest_first, killed_batch_again_for_ever, no_truncation_at_resume,
        dropped_filter_not_noticed]
"""Those that take many seeds, or long ones: they are for the soak."""
