"""A simulation that sees nothing proves nothing: each way of breaking the extractor is seen, and soon."""

import pytest

from tests.simulation.mutants import MUTANTS, QUICK, SLOW
from tests.simulation.story import tell

SEEDS = 200


def _marks(mutant):
    if mutant in SLOW:
        return [pytest.mark.soak]
    return [] if mutant in QUICK else [pytest.mark.thorough]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", [
    pytest.param(mutant, marks=_marks(mutant), id=mutant.__name__) for mutant in MUTANTS])
def test_it_is_caught(mutant):
    """Within two hundred seeds a promise is seen to be broken."""
    with pytest.MonkeyPatch.context() as patched:
        mutant(patched)
        assert next((seed for seed in range(SEEDS) if tell(seed).broken), None) is not None
