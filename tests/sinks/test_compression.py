"""What `compression` promises: streams that any tool reads, one after the other."""

import shutil
import subprocess

import pytest

from extractor.sinks.compression import FORMATS

TOOLS = {"none": ["cat"], "gz": ["gzip", "-dc"], "zst": ["zstd", "-dcq"]}


def streams(compress, *contents):
    """Write each content as a stream of its own, fed in two pieces."""
    out = b""
    for content in contents:
        encoder = FORMATS[compress].start()
        out += encoder.compress(content[:5]) + encoder.compress(content[5:]) + encoder.flush()
    return out


@pytest.mark.parametrize("compress", FORMATS)
@pytest.mark.parametrize("contents", [[b""], [b"one line\n"], [b"", b"a\n" * 70_000, b"b\n"]])
def test_tools_read_streams_in_a_row(compress, contents):
    """The system's own tools read a file of any number of streams, of none but an empty one too."""
    if not shutil.which(TOOLS[compress][0]):
        pytest.skip("tool not installed")
    read = subprocess.run(TOOLS[compress], input=streams(compress, *contents), capture_output=True, check=True)
    assert b"".join(contents) == read.stdout
    assert b"" == read.stderr


def test_gzip_carries_no_time():
    """Equal rows make equal files: the header's time is zero."""
    assert bytes(4) == streams("gz", b"x")[4:8]


@pytest.mark.parametrize("compress", ["gz", "zst"])
def test_smaller(compress):
    """Rows, which repeat their keys, shrink to less than a tenth."""
    content = b'{"ID":"1","TITLE":"Deal"}\n' * 5000
    assert len(streams(compress, content)) < len(content) / 10
