"""Each way of breaking a mirror is seen, and soon."""

import pytest

from tests.simulation.nights.mutants import MUTANTS, QUICK
from tests.simulation.nights.story import nights

SEEDS = 200


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", [
    pytest.param(mutant, marks=[pytest.mark.soak] * (mutant not in QUICK), id=mutant.__name__) for mutant in MUTANTS])
def test_it_is_caught(mutant):
    """Within two hundred seeds a promise is seen to be broken."""
    with pytest.MonkeyPatch.context() as patched:
        mutant(patched)
        assert next((seed for seed in range(SEEDS) if nights(seed).broken), None) is not None
