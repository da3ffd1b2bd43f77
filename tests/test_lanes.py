"""Which rows a mirror reads tonight: nothing stays unread for longer than the time that was set."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog
from extractor.lanes import FEW, Lane, advanced, lanes, unfit
from extractor.paging.idrange import ascend
from extractor.question import Question
from tests.paging.table import ASKED, Spoilt, Table, survive, walk

DEALS = Question(catalog()["deals"])
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NIGHTS = st.lists(st.tuples(st.integers(1, 100), st.integers(0, 4_000)), min_size=1, max_size=30)


@given(NIGHTS, st.integers(0, 200))
def test_everything_is_read_again_in_time(nights, hours):
    """However far the nights lie apart and the ids grow: in each night, what was read `full_every` ago is read again."""
    full_every, now, last = dt.timedelta(hours=hours), BEGIN, 5_000
    standing = advanced(None, now, last, lanes(DEALS, None, now, known=0, deletes=False, full_every=full_every), reach=last)
    read = [now] * last
    for wait, born in nights:
        now, last = now + dt.timedelta(hours=wait), last + born
        found = lanes(DEALS, standing, now, known=last, deletes=False, full_every=full_every)
        pieces = [range(one.low, one.high) for one in found if one.kind == "again"]
        assert all(now - when < full_every or any(place in piece for piece in pieces) for place, when in enumerate(read))
        for piece in pieces:
            read[piece.start : piece.stop] = [now] * len(piece)
        read += [now] * born
        standing = advanced(standing, now, last, found, reach=last)


def test_pieces_are_a_share_each():
    """Seven nights of a week read a seventh each, and then it begins anew."""
    now, last = BEGIN, 7_000
    standing, pieces = advanced(None, now, last, lanes(DEALS, None, now, known=0, deletes=False, full_every=None), reach=last), []
    for _ in range(8):
        now += dt.timedelta(days=1)
        found = lanes(DEALS, standing, now, known=last, deletes=False, full_every=dt.timedelta(days=7))
        pieces += [(one.low, one.high) for one in found if one.kind == "again"]
        standing = advanced(standing, now, last, found, reach=last)
    assert [*((one, one + 1_000) for one in range(0, 7_000, 1_000)), (0, 1_000)] == pieces


@given(st.integers(0, 600), st.integers(0, 600), st.data())
def test_an_hour_that_comes_twice_hides_no_change(before, after, data):
    """Summer time ends between two runs, and stamps are kept as local times: whenever a row has changed, it lies within what is asked for."""
    summer, winter = (dt.timezone(dt.timedelta(hours=hours)) for hours in (2, 1))
    ends = dt.datetime(2026, 10, 25, 1, tzinfo=dt.UTC)
    then, now = ends - dt.timedelta(minutes=before, seconds=1), ends + dt.timedelta(minutes=after)
    standing = advanced(None, then.astimezone(summer), 5_000, lanes(DEALS, None, then, known=0, deletes=False, full_every=None), reach=5_000)
    found = lanes(DEALS, standing, now.astimezone(winter), known=5_000, deletes=False, full_every=None)
    (bound,) = (one.question.filter[">=DATE_MODIFY"] for one in found if one.kind == "changed")
    changed = then + (now - then) * data.draw(st.floats(0, 1))
    stamp = changed.astimezone(winter if changed >= ends else summer).replace(tzinfo=None)
    assert dt.datetime.fromisoformat(bound).astimezone(summer).replace(tzinfo=None) <= stamp


SOME = st.one_of(st.sets(st.integers(1, 400), max_size=200), st.sets(st.integers(1, 10**12), max_size=120))


@given(SOME, SOME, st.sets(st.integers(0, 20)), st.dictionaries(st.integers(1, 400), st.integers(2, 60), max_size=9), st.data())
def test_what_events_name_comes_once(there, named, splits, copies, data):
    """Of the ids that are named those that are there, whatever joins repeat and wherever a span is split; few others, and never all."""
    wanted = sorted(named | (data.draw(st.sets(st.sampled_from(sorted(there)))) if there else set()))
    table, kept = Table({*there, 10**13}, copies={one: count for one, count in copies.items() if one in there}, folded=True), []
    spans = Lane("events", ASKED, ids=tuple(wanted)).spans()
    for place in splits:
        if place < len(spans) and spans[place].until - spans[place].cursor > 1:
            spans.append(spans[place].split())
    for span in spans:
        kept += walk(ascend(replace(ASKED, only=tuple(wanted)), span), table.answer)[0]
    assert len(kept) == len(set(kept))
    assert set(wanted) & there <= set(kept) <= there
    assert len(set(kept) - set(wanted)) <= len(splits)
    assert all(call.params["filter"]["@ID"] for call in table.calls if "DESC" not in call.params["order"].values())


@given(SOME, st.data())
def test_what_events_name_is_read_around_bad_rows(there, data):
    """A row that cannot be shown is named, and hides none of the others."""
    wanted = sorted(data.draw(st.sets(st.sampled_from(sorted(there)), max_size=50))) if there else []
    bad = set(data.draw(st.sets(st.sampled_from(wanted), max_size=2))) if wanted else set()
    question = replace(ASKED, only=tuple(wanted))
    for span in Lane("events", question, ids=tuple(wanted)).spans():
        kept, unread, _ = survive(ascend(question, span), Spoilt({*there, 10**13}, bad))
        assert (sorted(set(wanted) - bad), sorted(bad)) == (sorted(kept), sorted(int(one.id) for one in unread))


def test_pages_of_what_events_name_cost_a_call_each():
    """Fifty ids a call, however far they lie apart, where the last of each page is there."""
    wanted = tuple(range(7, 700_000, 700))
    table = Table(wanted)
    spans = Lane("events", ASKED, ids=wanted).spans()
    assert sorted(wanted) == [one for span in spans for one in walk(ascend(replace(ASKED, only=wanted), span), table.answer)[0]]
    assert len(wanted) / 50 == len(spans) == len(table.calls)
    assert all(span.rows_left() <= 50 for span in Lane("events", ASKED, ids=wanted).spans()), "so nobody splits one"


@pytest.mark.parametrize(("known", "events", "kinds"), [
    (5_000, (1, 2), ["new", "changed", "events"]), (5_000, (), ["new", "changed"]), (FEW, (1,), ["all"]), (1_000, tuple(range(501)), ["all"]),
])
def test_events_are_one_lane_more(known, events, kinds):
    """They replace no other; where everything is read anyway, or they name half of it, there is none."""
    standing = advanced(None, BEGIN, 5_000, (), reach=5_000)
    found = lanes(DEALS, standing, BEGIN, known=known, deletes=False, full_every=None, events=events)
    assert kinds == [one.kind for one in found]


@pytest.mark.parametrize(("filters", "sent"), [
    ({}, {"=IS_RECURRING": "N"}), ({"IS_RECURRING": "Y"}, {"IS_RECURRING": "Y"}), ({"STAGE_ID": "X"}, {"STAGE_ID": "X", "=IS_RECURRING": "N"}),
])
def test_a_list_of_ids_lifts_no_condition(filters, sent):
    """What the portal adds to every other list of deals is said with ids; what the user says of it counts."""
    standing = advanced(None, BEGIN, 5_000, (), reach=5_000)
    (lane,) = (one for one in lanes(replace(DEALS, filter=filters), standing, BEGIN, known=5_000, deletes=False, full_every=None, events=(5, 9))
               if one.kind == "events")
    assert {**sent, ">ID": 4, "<=ID": 9, "@ID": [5, 9]} == dict(lane.question.window(4, 9).params["filter"])


def test_copies_hide_nothing_of_what_events_name():
    """Fifty ids side by side, each twice by a join that the portal folds after its cut: half of them are on the first page."""
    wanted = tuple(range(1, 51))
    (span,) = Lane("events", ASKED, ids=wanted).spans()
    table = Table(wanted, copies=dict.fromkeys(wanted, 2), folded=True)
    assert list(wanted) == walk(ascend(replace(ASKED, only=wanted), span), table.answer)[0]


def test_what_lacks_a_parameter_says_how_it_is_given():
    """Also to somebody who has named the entity."""
    why = unfit(Question(catalog()["crm_items"]))
    assert "NEEDS_PARAMETER: it needs --param entityTypeId=VALUE, with no other entity named, or params in a --config file" == why
