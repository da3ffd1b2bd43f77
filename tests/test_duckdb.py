"""The README's SQL folds a mirror as `b24x compact` does."""

import itertools
import re
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings

from extractor.catalog import catalog
from tests.test_compact import HISTORY, folded, made

NUMBERS = itertools.count()
(SQL,) = re.findall(r"^```sql\n(.*?)^```", (Path(__file__).parent.parent / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def told(folder, history, name="deals"):
    """Make a mirror in the folder, run the README's words on it with an entity's name in them, and return the rows that they find."""
    made(folder, **{name: history}).close()
    with duckdb.connect() as connection:
        connection.execute(SQL.replace("deals", name).replace("mirror/", f"{folder}/"))
        return connection.execute(f"SELECT id, title, json FROM {name}").fetchall()


@settings(max_examples=40)
@given(HISTORY.filter(bool))
def test_sql_folds(tmp_path_factory, history):
    """Any history of changes and deletes, plain or compressed, to the same rows; and their columns can be named."""
    found = told(tmp_path_factory.getbasetemp() / f"duckdb-{next(NUMBERS)}", history)
    assert sorted(line.decode() for line in folded(history)) == sorted(line for _, _, line in found)
    assert all(f'"ID":"{one}"' in line and f'"TITLE":"{title}"' in line for one, title, line in found)


@pytest.mark.parametrize("name", ["tasks", "smart_invoices", "currencies", "contacts"])
def test_sql_folds_any_entity(tmp_path, name):
    """Its name is all that has to be exchanged: the manifest tells by which key its rows are told apart."""
    history = [([(1, "old"), (2, "old"), (3, "old")], "none"), ([(1, "new"), (2, None)], "none")]
    found = told(tmp_path / "mirror", history, name)
    assert {line.decode() for line in folded(history, catalog()[name].id)} == {line for _, _, line in found}
    assert {("1", "new"), ("3", "old")} == {(one, title) for one, title, _ in found}


@pytest.mark.parametrize("kind", ["none", "zst"])
def test_sql_keeps_the_order_of_lines(tmp_path, kind):
    """Files that are read by several threads at once, a key many times in each."""
    titles = ["a", "b", None]
    history = [([(one % 997, titles[(one * seed) % 3]) for one in range(60_000)], kind) for seed in (1, 5)]
    assert {line.decode() for line in folded(history)} == {line for _, _, line in told(tmp_path / "mirror", history)}
