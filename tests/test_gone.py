"""What is called gone: only what was asked for once more, and answered in a way that can be believed."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import gone
from extractor.gone import Gone
from extractor.messages import Row, Unread
from tests.paging.table import ASKED

IDS = st.lists(st.integers(1, 3_000), min_size=1, max_size=60, unique=True)


def rows(*ids):
    """Make rows as the portal sends them."""
    return [Row(orjson.dumps({"ID": str(one)}), {"ID": str(one)}) for one in ids]


def look(second, there, *, unread=(), rounds=None):
    """Ask for all suspects, or for so many rounds; the portal shows those that are there, and cannot give some. Tells the spans that were asked for."""
    spans = []
    while rounds != len(second.runs) and (run := second.ask()) is not None:
        asked = [(span.cursor, span.high) for span in run.spans] if run.spans is not None else [(0, 3_000)]
        spans += asked
        run.unread = tuple(Unread(str(one), "BAD") for one in unread if any(low < one <= high for low, high in asked))
        if shown := [one for one in there if any(low < one <= high for low, high in asked)]:
            run.land(rows(*shown))
        run.complete()
    return spans


@given(IDS, st.sampled_from([1, 3, 2_000]))
def test_all_are_asked_for_in_rounds(suspects, size):
    """Each suspect lies in one span, and a round has so many spans at the most."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gone, "ROUND", size)
        second = Gone(ASKED, named=True, suspects=suspects, shown=True)
        spans = look(second, ())
    assert all(1 == sum(low < one <= high for low, high in spans) for one in suspects)
    assert max(len(run.spans) for run in second.runs) <= size
    assert suspects == second.ids


@given(IDS, st.data(), st.booleans())
def test_no_row_that_is_there_is_gone(suspects, data, shown):
    """Whether it is shown or cannot be read, whether the lanes have shown others or none."""
    there, bad = data.draw(st.sets(st.sampled_from(suspects))), data.draw(st.sets(st.sampled_from(suspects)))
    second = Gone(replace(ASKED, filter={"STAGE_ID": "WON"}), named=True, suspects=suspects, shown=shown)
    look(second, there - bad, unread=bad)
    assert set(suspects) - there - bad == set(second.ids)


@pytest.mark.parametrize("shown", [True, False])
def test_a_row_that_is_there_tells_against_the_lanes(shown):
    """They had read the ids around it to their end: whatever else they have left out, the entity stands where it stood."""
    second = Gone(ASKED, named=True, suspects=[5, 9, 700], shown=shown)
    look(second, {9})
    assert "partial" == second.runs[-1].status
    assert "left out 1 rows" in second.runs[-1].reason


def test_nothing_is_gone_before_it_was_asked_for():
    """Whoever takes what is gone earlier has a mistake in his order."""
    with pytest.raises(AssertionError, match="asked for again first"):
        _ = Gone(ASKED, named=True, suspects=[5], shown=True).ids


@pytest.mark.parametrize(("trusted", "status"), [(True, "complete"), (False, "failed"), (None, "running")])
def test_an_empty_answer_has_to_be_trusted(trusted, status):
    """Nothing was shown, twice: an empty table, lost rights, or nobody was there to tell."""
    second = Gone(ASKED, named=True, suspects=[5, 9], shown=False)
    look(second, ())
    assert second.emptied
    second.believe(trusted=trusted)
    assert status == second.runs[-1].status


@given(IDS, st.data(), st.sampled_from([1, 3]), st.integers(1, 4))
def test_who_goes_on_asks_for_the_rest(suspects, data, size, stop):
    """Killed after any round: what was asked for before is not asked for again, and what was found to be there is not called gone."""
    there = data.draw(st.sets(st.sampled_from(suspects)))
    asked = replace(ASKED, filter={"STAGE_ID": "WON"})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gone, "ROUND", size)
        first = Gone(asked, named=True, suspects=suspects, shown=True)
        before = look(first, there, rounds=stop)
        second = Gone(asked, named=True, suspects=suspects, shown=True)
        second.go_on(first.looked)
        after = look(second, there)
    assert set(suspects) - there == set(second.ids)
    through = before[: (len(first.runs) - 1) * size]
    assert not set(through) & set(after)
    assert all(any(low < one <= high for low, high in (*through, *after)) for one in suspects)


@given(IDS, IDS)
def test_other_suspects_are_asked_for_from_the_start(suspects, others):
    """What one look has found out says nothing of rows that it was not about."""
    first = Gone(ASKED, named=True, suspects=suspects, shown=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gone, "ROUND", 1)
        look(first, (), rounds=2)
    second = Gone(ASKED, named=True, suspects=others, shown=True)
    second.go_on(first.looked)
    spans = look(second, ())
    assert suspects == others or all(any(low < one <= high for low, high in spans) for one in others)
