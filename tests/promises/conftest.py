"""Every test here gets `trial`: a portal in memory, and dumps of it."""

import pytest

from tests.trials import Trial


@pytest.fixture
def trial(tmp_path):
    """Make trials: `trial(rows={...}, schedule=...)`, each with a folder of its own."""
    count = iter(range(1_000))
    return lambda **settings: Trial(tmp_path / f"dump-{next(count)}", **settings)
