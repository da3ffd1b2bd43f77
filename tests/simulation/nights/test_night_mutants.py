"""Each way of breaking a mirror, or what is done with its folder between the nights, is seen, and soon."""

import pytest

from tests.simulation.nights import chore_mutants, mutants
from tests.simulation.nights.story import nights

SEEDS = 200
MUTANTS = [*mutants.MUTANTS, *chore_mutants.MUTANTS]
QUICK = [*mutants.QUICK, *chore_mutants.QUICK]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", [
    pytest.param(mutant, marks=[pytest.mark.soak] * (mutant not in QUICK), id=mutant.__name__) for mutant in MUTANTS])
def test_it_is_caught(mutant):
    """Within two hundred seeds a promise is seen to be broken."""
    with pytest.MonkeyPatch.context() as patched:
        mutant(patched)
        assert next((seed for seed in range(SEEDS) if nights(seed).broken), None) is not None
