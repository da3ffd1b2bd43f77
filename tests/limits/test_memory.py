"""What answers may hold in memory."""

from hypothesis import given
from hypothesis import strategies as st

from extractor.limits.memory import Memory


def test_one_wide_row_is_soon_forgotten():
    """A page that weighs as much as all others together is expected for some answers, and not for ever."""
    memory = Memory(1_000_000)
    memory.came({"a": [1_000] * 49 + [800_000]})
    allowed = []
    for _ in range(6):
        allowed.append(memory.calls("a", 999))
        memory.came({"a": [1_000] * 50})
    assert sorted(allowed) == allowed
    assert allowed[0] < 60
    assert allowed[-1] > 500


def test_wide_pages_are_known_at_once():
    """And of one method nothing follows for another."""
    memory = Memory(1_000_000)
    memory.came({"a": [1_000]})
    memory.came({"a": [100_000]})
    assert (10, 50) == (memory.calls("a", 50), memory.calls("b", 50))


def test_no_request_is_cut_short_for_want_of_room():
    """Where requests are scarce, that would cost one more: the next one waits until a full one has room."""
    memory = Memory(1_000_000)
    memory.came({"a": [6_000]})
    expected = [memory.sent(["a"] * 50) for _ in range(3)]
    assert not memory.room()
    memory.ended(expected[0])
    assert memory.room()
    assert 50 == memory.calls("a", 50)


@given(st.integers(1, 10_000), st.lists(st.integers(1, 50), max_size=30))
def test_no_more_is_under_way_than_has_room(page, wanted):
    """But for one call of each request, as something has to leave; and what has ended leaves the room as it was."""
    memory = Memory(100_000)
    memory.came({"a": [page]})
    flying = []
    for most in wanted:
        if memory.room():
            flying.append(memory.sent(["a"] * memory.calls("a", most)))
            assert sum(flying) <= 100_000 + page
        else:
            assert flying
    for expected in flying:
        memory.ended(expected)
    assert memory.room()
    assert 50 == memory.calls("b", 50)
