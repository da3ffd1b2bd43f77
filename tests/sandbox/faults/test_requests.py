"""What goes wrong with a whole request."""

import orjson
import pytest

from extractor.sandbox import faults
from extractor.sandbox.exchange import Request


def one(bench, fault):
    """A bench whose first request meets a fault."""
    return bench(faults=faults.at({1: fault}))


@pytest.mark.parametrize("status", [500, 502, 504])
def test_html(bench, status):
    """The web server in front may answer with a page, without the portal having run anything (portal.md 4)."""
    struck = one(bench, faults.html(status))
    response = struck.send("/rest/1/code/null")
    assert (response.status, response.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert response.body.startswith(b"<html>")
    assert struck.portal.statistics().calls == 0
    assert struck.send("/rest/1/code/null").status == 200


def test_html_after_execution(bench):
    """A page may also come after the work was done."""
    struck = one(bench, faults.html(504, executed=True))
    assert struck.send("/rest/1/code/null").status == 504
    assert struck.portal.statistics().calls == 1


def test_cut_after_execution(bench):
    """A connection may break before a byte is sent, and the work is done all the same."""
    struck = one(bench, faults.cut())
    assert struck.send("/rest/1/code/null").sent == 0
    assert struck.portal.statistics().calls == 1


def test_cut_before_execution(bench):
    """A connection may break before the portal sees the request."""
    struck = one(bench, faults.cut(executed=False))
    assert struck.send("/rest/1/code/null").sent == 0
    assert struck.portal.statistics().calls == 0


def test_truncated(bench):
    """A body may arrive short under HTTP 200, or the connection may break in its middle."""
    whole = len(bench().send("/rest/1/code/null").body)
    assert len(one(bench, faults.truncated(0.5)).send("/rest/1/code/null").body) == whole // 2
    broken = one(bench, faults.truncated(0.5, broken=True)).send("/rest/1/code/null")
    assert (broken.sent, len(broken.body)) == (whole // 2, whole)


def test_slow(bench):
    """A request may wait in front of the portal."""
    struck = one(bench, faults.slow(30))
    struck.send("/rest/1/code/null")
    assert struck.waits == [30]


def test_refused(bench):
    """A refusal in JSON has the portal's shape, and nothing was run (portal.md 4)."""
    struck = one(bench, faults.refused(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"))
    response = struck.send("/rest/1/code/null")
    assert (503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}) == (
        response.status, orjson.loads(response.body))
    assert 0 == struck.portal.statistics().calls


def test_garbage(bench):
    """An answer may be bytes that mean nothing, under HTTP 200."""
    response = one(bench, faults.garbage()).send("/rest/1/code/null")
    assert 200 == response.status
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(response.body)


def test_moved(bench):
    """A renamed portal redirects, and runs nothing."""
    struck = one(bench, faults.moved("new.example"))
    response = struck.send("/rest/1/code/null")
    assert (302, "https://new.example/", 0) == (response.status, response.headers["Location"], struck.portal.statistics().calls)


def test_calm():
    """Without a plan nothing goes wrong."""
    assert faults.calm(1, Request("GET", "/")) is None


def test_sometimes():
    """A share of the requests is struck, the same ones for the same seed."""
    request = Request("GET", "/")
    first, second = (faults.sometimes(0.3, [faults.cut(), faults.html()], seed=5) for _ in range(2))
    struck = [first(number, request) for number in range(1000)]
    assert struck == [second(number, request) for number in range(1000)]
    assert 250 < sum(fault is not None for fault in struck) < 350
