"""The README's SQL folds a mirror as `b24x compact` does."""

import itertools
import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings

from tests.test_compact import HISTORY, folded, made

NUMBERS = itertools.count()
(SQL,) = re.findall(r"^```sql\n(.*?)^```", (Path(__file__).parent.parent / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def told(folder, history):
    """Make a mirror in the folder, run the README's words on it, and return the rows that they find."""
    made(folder, deals=history).close()
    with duckdb.connect() as connection:
        connection.execute(SQL.replace("mirror/", f"{folder}/"))
        return connection.execute("SELECT id, title, json FROM deals").fetchall()


@settings(max_examples=40)
@given(HISTORY.filter(bool))
def test_sql_folds(tmp_path_factory, history):
    """Any history of changes and deletes, plain or compressed, to the same rows; and their columns can be named."""
    found = told(tmp_path_factory.getbasetemp() / f"duckdb-{next(NUMBERS)}", history)
    assert sorted(line.decode() for line in folded(history)) == sorted(line for _, _, line in found)
    assert all(f'"ID":"{one}"' in line and f'"TITLE":"{title}"' in line for one, title, line in found)


@pytest.mark.parametrize("kind", ["none", "zst"])
def test_sql_keeps_the_order_of_lines(tmp_path, kind):
    """Files that are read by several threads at once, a key many times in each."""
    titles = ["a", "b", None]
    history = [([(one % 997, titles[(one * seed) % 3]) for one in range(60_000)], kind) for seed in (1, 5)]
    assert {line.decode() for line in folded(history)} == {line for _, _, line in told(tmp_path / "mirror", history)}
