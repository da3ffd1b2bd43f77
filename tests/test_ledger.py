"""What the accounts of both sides come to."""

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import DiskError
from extractor.ledger import KINDS, NAME, Ledger

ROWS = st.dictionaries(st.one_of(st.integers(1, 30), st.sampled_from(["EUR", "USD"])), st.sampled_from([-(2**63), 0, 1, 2**63 - 1]))


def differences(ledger, name):
    """Return what was found, by kind."""
    return {kind: set(ledger.found(name, kind)) for kind in KINDS}


@given(ROWS, ROWS, ROWS, st.sets(st.integers(1, 30)))
def test_what_differs_twice_and_was_not_touched_is_found(tmp_path_factory, held, first, second, touched):
    """Whatever the three looks show: the disk's, and the portal's two."""
    with closing(Ledger.open(tmp_path_factory.mktemp("ledger"))) as ledger:
        ledger.hold("a", held.items())
        ledger.hold("b", [(5, 5)])
        ledger.show("a", first.items())
        ledger.suspect("a", top=None, unread=[])
        ledger.show_again("a", [(one, mark, one in touched) for one, mark in second.items()])
        left = ledger.judge("a")
        expected = {
            "missing": {one for one in first.keys() - held.keys() if one in second and one not in touched},
            "extra": held.keys() - first.keys() - second.keys(),
            "stale": {one for one in held.keys() & first.keys()
                      if held[one] != first[one] == second.get(one) and one not in touched},
        }
        suspects = len(first.keys() ^ held.keys()) + sum(held[one] != first[one] for one in held.keys() & first.keys())
        assert expected == differences(ledger, "a")
        assert left == suspects - sum(map(len, expected.values()))


@given(st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(1, 9))))
def test_the_last_line_of_a_key_is_what_is_held(tmp_path_factory, lines):
    """And nothing of one that says that the row is gone."""
    with closing(Ledger.open(tmp_path_factory.mktemp("ledger"))) as ledger:
        for first in range(0, len(lines), 3):
            ledger.hold("a", lines[first : first + 3])
        expected = {one: mark for one, mark in dict(lines).items() if mark is not None}
        assert len(expected) == ledger.held_all("a")
        assert sorted(expected) == list(ledger.held("a"))
        assert max(expected, default=None) == ledger.last("a")
        ledger.show("a", expected.items())
        ledger.suspect("a", top=None, unread=[])
        assert 0 == ledger.suspects("a")


@given(ROWS, ROWS, ROWS, ROWS)
def test_a_third_look_decides_on_what_showed_two_texts(tmp_path_factory, held, first, second, third):
    """It is stale if that shows one of them again; nothing else is asked for."""
    with closing(Ledger.open(tmp_path_factory.mktemp("ledger"))) as ledger:
        ledger.hold("a", held.items())
        ledger.show("a", first.items())
        ledger.suspect("a", top=None, unread=[])
        ledger.show_again("a", [(one, mark, False) for one, mark in second.items()])
        before = ledger.doubt("a")
        doubted = {one for one in held.keys() & first.keys() & second.keys() if len({held[one], first[one], second[one]}) == 3}
        assert len(doubted) == before
        assert sorted(one for one in doubted if isinstance(one, int)) == list(ledger.suspected("a", 0))
        ledger.show_again("a", [(one, mark, False) for one, mark in third.items()])
        ledger.judge("a")
        twice = {one for one in held.keys() & first.keys() if held[one] != first[one] == second.get(one)}
        assert twice | {one for one in doubted if third.get(one) in {first[one], second[one]}} == differences(ledger, "a")["stale"]


def test_what_is_born_since_or_said_to_be_unread_is_not_suspect(tmp_path):
    """Above the last id of the begin, and of the manifest's ids."""
    with closing(Ledger.open(tmp_path)) as ledger:
        ledger.show("a", [(one, None) for one in (1, 2, 3, 4, "EUR")])
        ledger.suspect("a", top=3, unread=[2])
        assert 3 == ledger.suspects("a")
        assert [1, 3] == list(ledger.suspected("a", 0))


def test_a_leftover_is_dropped_and_none_is_left(tmp_path):
    """A killed run's file is no account of this one."""
    (tmp_path / NAME).write_bytes(b"no database")
    with closing(Ledger.open(tmp_path)) as ledger:
        assert 0 == ledger.shown("a")
    assert [] == list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_an_error_of_the_disk(tmp_path):
    """In words."""
    with pytest.raises(DiskError, match="cannot be written"):
        Ledger.open(tmp_path / "nowhere")
