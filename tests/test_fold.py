"""Of each key the last line counts, unless it says that the row is gone."""

import itertools

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import DiskFull
from extractor.fold import Fold

IDS = st.one_of(st.integers(0, 8), st.integers(0, 8).map(str), st.sampled_from(["EUR", "USD"]))
LINES = st.lists(st.tuples(IDS, st.integers(0, 3), st.booleans()), max_size=40)


@given(LINES)
def test_the_last_line_of_a_key_counts(history):
    """Whatever the history; an id is the same as a number and as its text, and lines leave in their order, byte for byte."""
    lines = [orjson.dumps({"x": {"ID": 7}, "ID": one, "V": value, **({"_deleted": True} if gone else {})}) for one, value, gone in history]
    last = {str(one): (number, gone) for number, (one, _, gone) in enumerate(history)}
    with Fold("ID") as fold:
        counted = fold.note(lines)
        found = list(fold.latest(lines))
    assert [lines[number] for number in sorted(number for number, gone in last.values() if not gone)] == found
    assert len(found) == counted


def test_a_row_with_a_column_of_that_name_is_there():
    """`_deleted` says that a row is gone when it is true, and is a column with any other value."""
    lines = [b'{"ID": 1, "_deleted": "Y"}', b'{"ID": 2, "_deleted": false}', b'{"ID": 3, "_deleted": true}']
    with Fold("ID") as fold:
        assert 2 == fold.note(lines)
        assert lines[:2] == list(fold.latest(lines))


def test_no_room_for_what_is_noted():
    """A full disk under the temporary files is said in one sentence, with the way out."""
    lines = (b'{"ID": %d}' % number for number in itertools.count())
    with Fold("ID") as fold:
        fold._latest.execute("PRAGMA max_page_count = 3")
        with pytest.raises(DiskFull, match="TMPDIR"):
            fold.note(lines)
