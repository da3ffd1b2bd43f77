"""Examples beyond the first ones: more of the same, for CI."""

import pytest


def thorough(*values):
    """Mark parameters as those that only a thorough run tries."""
    return [pytest.param(value, marks=pytest.mark.thorough) for value in values]
