"""What a sink has written is read back, line by line."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import DiskError
from extractor.messages import FileMark, Row
from extractor.sinks import NdjsonSink, compression_of, read_lines

TEXTS = st.lists(st.lists(st.text("ab\\", max_size=5).map(str.encode), max_size=4), max_size=4)
NUMBERS = itertools.count()


@given(TEXTS, st.sampled_from(["none", "gz", "zst"]))
def test_lines_come_back(tmp_path_factory, commits, compress):
    """Of any number of commits, each of which ends a stream, in any compression."""
    folder = tmp_path_factory.getbasetemp() / f"reading-{next(NUMBERS)}"
    sink = NdjsonSink.open(folder, "deals", compress=compress)
    for some in commits:
        sink.append([Row(text, {}) for text in some])
        sink.commit()
    sink.commit()
    sink.close()
    assert [text for some in commits for text in some] == list(read_lines(folder, sink.mark))
    assert compress == compression_of(sink.mark)


def test_a_file_that_is_not_there(tmp_path):
    """It is said as of every other file."""
    with pytest.raises(DiskError, match="is not there"):
        list(read_lines(tmp_path, FileMark("deals/part-00000.ndjson", 1, 1, "")))
