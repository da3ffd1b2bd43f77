"""Activities: the true types of every field."""

from __future__ import annotations

import re
from itertools import chain

import orjson
import pytest

from extractor.sandbox.rows.activity import ACTIVITIES, bindings
from extractor.sandbox.world import World

WORLD = World.build(rows={"activities": 3_000})
TABLE = WORLD.tables["activities"]
ROWS = WORLD.classic(TABLE, ("*",)).rows(TABLE.ids)
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+03:00")


def values(name):
    """List a column's values."""
    return [row[name] for row in ROWS if name in row]


@pytest.mark.parametrize("name", [column.name for column in ACTIVITIES.columns if column.kind == "int" and not column.hidden])
def test_integers_are_text(name):
    """Ids and codes are text of digits."""
    assert all(isinstance(value, str) and value.isdigit() for value in values(name))


@pytest.mark.parametrize("name", ["CREATED", "LAST_UPDATED", "START_TIME", "END_TIME", "DEADLINE"])
def test_moments(name):
    """Moments have the server's offset, or are "" for NULL, never null."""
    assert all(value == "" or ISO.fullmatch(value) for value in values(name))


def test_deadlines():
    """"No deadline" is the year 9999; NULL is ""."""
    assert {"", "9999-12-31T00:00:00+03:00"} < set(values("DEADLINE"))


@pytest.mark.parametrize("name", ["SETTINGS", "PROVIDER_PARAMS"])
def test_unserialized_columns(name):
    """[], an object, a list or false (`unserialize`)."""
    kinds = {orjson.dumps(value)[:1] for value in values(name)}
    assert kinds == {b"[", b"{", b"f"}
    assert [] in values(name)
    assert ["first", "second"] in values(name)


@pytest.mark.parametrize("name", ["RESULT_VALUE", "RESULT_SUM"])
def test_decimals_are_text(name):
    """Decimals are text with four places, or null."""
    assert all(value is None or re.fullmatch(r"\d+\.\d{4}", value) for value in values(name))


def test_completed():
    """A flag is "Y" or "N"."""
    assert set(values("COMPLETED")) == {"Y", "N"}


def test_provider_data_is_json_within_text():
    """PROVIDER_DATA is a JSON text inside a string, or null."""
    assert {type(value) for value in values("PROVIDER_DATA")} == {str, type(None)}


def test_size_of_a_row():
    """A row is of the real size: 1.2 to 1.8 KB on average."""
    assert 1_200 < len(orjson.dumps(ROWS)) / len(ROWS) < 1_800


def test_huge_descriptions():
    """A mail of some 20 KB occurs."""
    assert max(len(value.encode()) for value in values("DESCRIPTION")) > 15_000


def test_texts_contain_nul():
    """An escaped NUL occurs."""
    assert rb"\u0000" in orjson.dumps(ROWS)


def test_files():
    """A file is an id and a url whose `auth` is empty for a webhook (`DiskManager::getFileInfo`)."""
    row = next(row for row in ROWS if "FILES" in row)
    file = row["FILES"][0]
    assert isinstance(file["id"], int)
    assert file["url"].endswith(f"fileId={file['id']}&ownerTypeId=6&ownerId={row['ID']}&auth=")


def test_file_ids_are_unique():
    """No file belongs to two activities."""
    ids = [file["id"] for file in chain.from_iterable(values("FILES"))]
    assert len(ids) == len(set(ids))


def test_bindings_begin_with_the_owner():
    """One to three owners, of several types, each once; the primary owner is the first."""
    for row in ROWS:
        pairs = bindings(TABLE, int(row["ID"]))
        assert (row["OWNER_TYPE_ID"], row["OWNER_ID"]) == tuple(map(str, pairs[0]))
        assert 1 <= len(pairs) == len(set(pairs)) <= 3
    assert {len(bindings(TABLE, row_id)) for row_id in TABLE.ids} == {1, 2, 3}


def test_rebinding():
    """A merge may leave a pair twice (`CCrmActivity::Rebind`)."""
    world = World.build()
    table = world.tables["activities"]
    table.change(table.ids[0], 0, {"BINDINGS": [(3, 5), (3, 5)]}, stamp=False)
    assert bindings(table, table.ids[0]) == [(3, 5), (3, 5)]


def test_communications():
    """Communications are text but for their settings, and may be an empty list."""
    rows = WORLD.classic(TABLE, ("COMMUNICATIONS",)).rows(TABLE.ids)
    assert [] in [row["COMMUNICATIONS"] for row in rows]
    one = next(row["COMMUNICATIONS"][0] for row in rows if row["COMMUNICATIONS"])
    assert list(one) == ["ID", "TYPE", "VALUE", "ENTITY_ID", "ENTITY_TYPE_ID", "ENTITY_SETTINGS"]
    assert all(isinstance(one[name], str) for name in list(one)[:-1])


def test_incoming_channel():
    """IS_INCOMING_CHANNEL is "Y" or "N" when it is named."""
    rows = WORLD.classic(TABLE, ("IS_INCOMING_CHANNEL",)).rows(TABLE.ids)
    assert {row["IS_INCOMING_CHANNEL"] for row in rows} == {"Y", "N"}
