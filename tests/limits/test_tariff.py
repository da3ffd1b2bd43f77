"""What `tariff` promises: a bucket as it is bought, typed or shared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import UsageError
from extractor.limits import ENTERPRISE, STANDARD, TARIFFS, Tariff

RATES = st.floats(0.001, 1e6).map(lambda rate: float(f"{rate:.3f}")).filter(bool)


def test_presets():
    """Two buckets are sold; a portal of one's own has none."""
    assert {"standard": Tariff(50, 2), "enterprise": Tariff(250, 5), "unlimited": None} == TARIFFS


@given(st.integers(1, 10**6), RATES)
def test_what_is_written_is_read(burst, rate):
    """X/Y, with a fraction where one is needed, and with blanks where people put them."""
    assert Tariff(burst, rate) == Tariff.parse(f" {burst} / {rate:.3f} ")


@pytest.mark.parametrize("text", ["", "50", "50/", "/2", "50/2/1", "-50/2", "50/-2", "a/b", "5.5/2", "50/inf", "50/nan", "5e3/1"])
def test_anything_else_is_refused_with_an_example(text):
    """One sentence says how a rate limit is written."""
    with pytest.raises(UsageError, match="like 50/2"):
        Tariff.parse(text)


@pytest.mark.parametrize("text", ["1000001/2", "9" * 5000 + "/2", "50/1000001", "50/" + "9" * 500, "50/0.0009"])
def test_a_bucket_beyond_all_measure_is_refused(text):
    """No portal has it, and no clock could count it."""
    with pytest.raises(UsageError, match=r"from 1/0\.001 to 1000000/1000000") as refused:
        Tariff.parse(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("text", ["0/2", "50/0", "50/0.0"])
def test_a_bucket_that_lets_nothing_through_is_refused(text):
    """Nobody means to wait for ever."""
    with pytest.raises(UsageError, match="above 0"):
        Tariff.parse(text)


def test_a_budget_scales_both_numbers():
    """Half of the bucket, half of the rate: the rest is for the customer's other applications."""
    assert Tariff(25, 1) == STANDARD.scaled(50)
    assert ENTERPRISE == ENTERPRISE.scaled(100)


def test_the_smallest_budget_still_lets_something_through():
    """One request at a time is the least there is."""
    assert Tariff(1, 0.02) == STANDARD.scaled(1)


@pytest.mark.parametrize("percent", [0, -1, 100.1, float("nan")])
def test_a_budget_is_a_share(percent):
    """Nothing, and more than everything, are mistakes."""
    with pytest.raises(UsageError, match="percent"):
        STANDARD.scaled(percent)
