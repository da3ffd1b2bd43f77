"""Plain values of one HTTP exchange."""

import pytest

from extractor.sandbox.exchange import Request, page


@pytest.mark.parametrize(("status", "title"), [
    (502, b"502 Bad Gateway"), (504, b"504 Gateway Timeout"), (404, b"404 Not Found"),
])
def test_page(status, title):
    """A page names its status, as a web server's does, and is no JSON."""
    answer = page(status)
    assert (answer.status, answer.sent) == (status, None)
    assert b"<title>" + title + b"</title>" in answer.body
    assert answer.headers["Content-Type"].startswith("text/html")


def test_requests_share_nothing():
    """Two requests have headers of their own."""
    assert Request("GET", "/").headers is not Request("GET", "/").headers
