"""What a call costs."""

from __future__ import annotations

import pytest

from extractor.sandbox.cost import CostModel


def test_a_plain_page_costs_eight_milliseconds():
    """Fifty rows by their primary key, nothing counted."""
    assert CostModel().page(50) == pytest.approx(0.008)


def test_flat():
    """A test may say "60 ms a page", whatever is asked for."""
    assert CostModel.flat(0.06).page(50, counted=10**6, skipped=10**6, communications=True, loaded=9) == 0.06


def test_count_grows_with_the_set():
    """A COUNT reads every matching row: 49.9 s on 2.39 million (the documentation's measure)."""
    assert CostModel().page(50, counted=2_390_000) == pytest.approx(47.8, abs=0.1)


def test_offset_grows_with_what_is_skipped():
    """Deep pages cost what lies before them."""
    assert CostModel().page(50, skipped=500_000) > CostModel().page(50, skipped=50)


def test_communications_are_a_query_per_row():
    """`CCrmActivity::GetCommunications` runs once for each row."""
    assert CostModel().page(50, communications=True) == pytest.approx(0.048)


def test_requisites_load_the_whole_set():
    """A page of requisites reads all that is left."""
    assert CostModel().page(50, loaded=100_000) == pytest.approx(2.008)
