"""What `lines` promises: a row is a line, and a line is the row as it came."""

import orjson
import pytest

from extractor.sinks.lines import encode


@pytest.mark.parametrize("line", [
    b'{"ID":"2","id":1,"B":null,"a":[],"OPENED":"Y","AMOUNT":"1500.00","N":1500.0,"BIG":18446744073709551615}',
    '{"TITLE":"Сделка 😀","":"\u2028","HTML":"<&>\'/"}'.encode(),
    rb'{"TEXT":"a\nb\r\u0000\u001b\"\\"}',
])
def test_row_is_left_as_it_came(line):
    """Keys keep their order and case, strings stay strings, text stays raw, and only JSON's own escapes are used."""
    assert line + b"\n" == encode([orjson.loads(line)])


def test_one_line_a_row():
    """Rows follow each other with a line feed after each, the last one included."""
    assert b'{"ID":1}\n{}\n' == encode([{"ID": 1}, {}])
    assert b"" == encode([])


def test_row_as_deep_as_the_portal_can_write():
    """Whatever the portal's 512 levels hold can be written again, in the same compact form."""
    line = b'{"a":' * 511 + '"ё"'.encode() + b"}" * 511
    assert line + b"\n" == encode([orjson.loads(line)])
