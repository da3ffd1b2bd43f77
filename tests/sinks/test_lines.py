"""What `lines` promises: a row is a line, and a line is the row as it came."""

from extractor.sinks.lines import encode
from tests.rows import rows_of


def test_one_line_a_row():
    """Rows follow each other with a line feed after each, the last one included."""
    assert b'{"ID":1}\n{}\n' == encode(rows_of([{"ID": 1}, {}]))
    assert b"" == encode([])
