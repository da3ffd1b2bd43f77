"""What `stdout` promises: whole lines into a pipe, and one sentence when it ends."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest

from extractor.errors import DiskFull
from extractor.messages import FileMark
from extractor.sinks import StdoutSink
from tests.rows import rows_of

WRITER = """
import sys
from extractor.errors import DiskError
from extractor.messages import Row
from extractor.sinks import StdoutSink
sink = StdoutSink(sys.stdout.buffer)
try:
    while True:
        sink.append([Row(b'{"ID":1}', {})] * 50)
        sink.commit()
except DiskError as exc:
    print(exc, sink.mark.rows % 50, file=sys.stderr)
    raise SystemExit(exc.exit_code)
"""


def test_lines_and_marks():
    """Rows are written as lines; the mark counts what was flushed, and the stream stays open."""
    stream = io.BytesIO()
    sink = StdoutSink(stream)
    assert 9 == sink.append(rows_of([{"ID": 1}]))
    assert 0 == sink.mark.rows
    lines = b'{"ID":1}\n'
    assert FileMark("-", 1, 9, hashlib.sha256(lines).hexdigest()) == sink.commit() == sink.mark
    assert 9 == sink.append(rows_of([{"ID": 2}]))
    sink.close()
    assert b'{"ID":1}\n{"ID":2}\n' == stream.getvalue()
    assert "<StdoutSink rows=2 bytes=18>" == repr(sink)


def test_reader_that_goes_away():
    """When the reader closes the pipe, one sentence says so, and nothing else comes from the interpreter."""
    child = subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b'{"ID":1}\n' == child.stdout.readline()
    child.stdout.close()
    said = child.stderr.read()
    child.stderr.close()
    assert 4 == child.wait()
    assert b"stdout: the program that was reading has gone, so the rest was not written 0\n" == said


def test_full_device():
    """Output redirected to a full disk ends as that, and stays ended: nothing is counted that was not written."""
    with Path("/dev/full").open("wb") as stream:
        sink = StdoutSink(stream)
        sink.append(rows_of([{"ID": 1}]))
        for _ in range(2):
            with pytest.raises(DiskFull, match="stdout: there is no room left"):
                sink.commit()
        assert 0 == sink.mark.rows
