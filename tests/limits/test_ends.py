"""What `ends` promises: bounds on what calls have computed, that hold whatever a portal tells."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.limits.ends import PRECISION, UNTOLD, ends_of

CALLS = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(0.001, 3.0), st.booleans()), min_size=2, max_size=50)


@given(CALLS, st.floats(0.0, 2.0), st.floats(0.0, 2.0), st.floats(-1e9, 2e9))
def test_no_call_has_computed_more_than_is_told(calls, there, back, unix):
    """Whatever the way takes, whichever calls have failed, whatever the portal's clock shows."""
    now, finishes = unix + there, []
    for _, seconds, works in calls:
        now += seconds
        finishes.append(now if works else None)
    ends = ends_of([method for method, _, _ in calls], finishes, now - unix + back + PRECISION)
    for method in ("a", "b"):
        assert sum(seconds for name, seconds, _ in calls if name == method) <= ends.at_most(method) + 1e-3


def test_the_first_call_has_at_most_what_the_others_leave():
    """Nobody knows when it began; of those behind it that is known to the end of the one before."""
    ends = ends_of(["a", "b", "a"], [10.5, 10.75, 11.0], 1.5)
    assert {"a": 1.25, "b": 0.25} == pytest.approx(dict(ends.most), abs=2 * PRECISION)
    assert {"a": [0.25], "b": [0.25]} == dict(ends.between)


def test_what_a_failed_call_took_is_added_to_the_next():
    """It tells no end, and may have taken long; and what the portal then charges has no bound (LoadLimiter pairs by position)."""
    ends = ends_of(["a", "b", "a"], [10.5, None, 12.5], 3.0)
    assert {"a": [2.0]} == dict(ends.between)
    assert math.inf == ends.at_most("a") == ends.at_most("b")


def test_a_long_call_among_many_is_no_measure_of_them():
    """Half of a second, while the portal was busy with something else, once in a request."""
    assert 0.01 == pytest.approx(ends_of(["m"] * 6, [0.5, 0.51, 0.52, 1.02, 1.03, 1.04], 1.0).typical("m"))


@pytest.mark.parametrize("finishes", [(5.5, None), (None, 5.5), (5.5, 5.4), (5.5, 6.5), (None, None), (-1e308, 1e308), (5.0, 5.0), (5.5, 5.5), (5.0, 6.0)])
def test_a_clock_that_was_set_tells_nothing(finishes):
    """Calls do not end before the ones before them, nor after the answer has come; one end alone is no distance, and whole seconds were cut."""
    ends = ends_of(["m"] * 2, finishes, 0.3 if finishes[1] != 6.0 else 2.0)
    assert ends == UNTOLD
    assert (None, math.inf) == (ends.typical("m"), ends.at_most("m"))
