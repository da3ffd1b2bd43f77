"""How a folder's files are read back."""

import gzip
import hashlib

import pytest
import zstandard

from extractor.errors import DiskError
from extractor.messages import FileMark
from extractor.ondisk import Reading

LINES = b'{"ID":"1","A":"x"}\n{"ID":"2","_deleted":true}\n{"ID":"EUR"}\n'
PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


def reading(folder, data, suffix="", *, said=None):
    """Write a file, and read it back, as the manifest says that it is."""
    said = data if said is None else said
    path = f"a/part-00000.ndjson{suffix}"
    (folder / "a").mkdir(exist_ok=True)
    (folder / path).write_bytes(data)
    return Reading(folder, FileMark(path, 3, len(said), hashlib.sha256(said).hexdigest()), "ID")


def rows(one):
    """Read all rows."""
    return [row for some in one.rows() for row in some]


@pytest.mark.parametrize("suffix", PACK)
def test_rows_come_by_id_and_mark(tmp_path, suffix):
    """Of every commit, and of those that are gone none."""
    data = PACK[suffix](LINES[:19]) + PACK[suffix](LINES[19:])
    one = reading(tmp_path, data, suffix)
    found = rows(one)
    assert [1, 2, "EUR"] == [identifier for identifier, _ in found]
    assert [False, True, False] == [mark is None for _, mark in found]
    assert one.fault is None


@pytest.mark.parametrize("suffix", PACK)
def test_what_is_wrong_with_a_file_is_said(tmp_path, suffix):
    """One that was cut, one with another text of the same length, one that grew."""
    data = PACK[suffix](LINES)
    cut = reading(tmp_path, data[:-1], suffix, said=data)
    rows(cut)
    assert f"it has {len(data) - 1:,} bytes, and the manifest says {len(data):,}" == cut.fault
    other = reading(tmp_path, PACK[suffix](LINES.replace(b"x", b"y")), suffix, said=data)
    rows(other)
    assert other.fault is not None
    grown = reading(tmp_path, data * 2, suffix, said=data)
    assert len(rows(grown)) >= 3
    assert "bytes" in grown.fault


def test_a_file_that_is_not_there_is_a_finding(tmp_path):
    """Not an error."""
    one = Reading(tmp_path, FileMark("a/part-00000.ndjson", 0, 0, ""), "ID")
    assert ([], "it is not there") == (rows(one), one.fault)


def test_a_file_that_may_not_be_read_is_an_error(tmp_path):
    """A folder in its place."""
    (tmp_path / "a" / "part-00000.ndjson").mkdir(parents=True)
    with pytest.raises(DiskError):
        rows(Reading(tmp_path, FileMark("a/part-00000.ndjson", 0, 0, ""), "ID"))


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"id":1}', b'{"ID":null}', b'{"ID":1.5}', b'{"ID":"\xff"}'])
def test_a_line_that_is_no_row_is_a_finding(tmp_path, line):
    """The others are read."""
    one = reading(tmp_path, LINES + line + b"\n" + b'{"ID":"3"}\n')
    assert [1, 2, "EUR", 3] == [identifier for identifier, _ in rows(one)]
    assert "a line is no row with 'ID'" == one.fault
