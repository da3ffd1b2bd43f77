"""From HTTP requests to parameters."""

import pytest

from extractor.sandbox.exchange import Request
from extractor.sandbox.parameters import Route, find_route, parameters

FORM = "application/x-www-form-urlencoded"
BOUNDARY = "multipart/form-data; boundary=xyz"
MULTIPART = (b'--xyz\r\nContent-Disposition: form-data; name="f[>ID]"\r\n\r\n5 & 6\r\n'
             b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nbytes\r\n--xyz--\r\n')


def read(body=b"", content_type=None, *, query="", method="POST", **rest):
    """Decode one request."""
    headers = {} if content_type is None else {"content-type": content_type}
    return parameters(Request(method, "/", query, headers, body), **rest)


@pytest.mark.parametrize(("path", "route"), [
    ("/rest/1/code/crm.deal.list", Route("crm.deal.list", "1", "code")),
    ("/rest/1/code/crm.deal.list.json/", Route("crm.deal.list", "1", "code")),
    ("/rest/1/code/", Route("", "1", "code")),
    ("/rest/crm.deal.list", Route("crm.deal.list")),
    ("/rest/", Route("")),
    ("/rest/api/1/code/m", Route("m", "1", "code", version3=True)),
    ("/rest/api/m", Route("m", version3=True)),
    ("/", None),
    ("/company/", None),
    ("/rest/1/code/m/more", None),
])
def test_routes(path, route):
    """A path names a method, after a webhook's user and code or alone, and `/api/` for V3 (portal.md 1)."""
    assert find_route(path) == route


@pytest.mark.parametrize("content_type", [
    "application/json", "Application/JSON", "application/json; charset=utf-8", "application/vnd.api+json",
])
def test_json_types(content_type):
    """JSON is read under `application/json`, in any case and with a charset, or any `+json` (isJson)."""
    assert read(b'{"filter":{">ID":5}}', content_type) == {"filter": {">ID": 5}}


@pytest.mark.parametrize("body", [b"", b"{", b"null", b'"x"', b"5"])
def test_bad_json_is_dropped(body):
    """Bad JSON is swallowed: the request goes on with the query string alone (decodeJsonStrict)."""
    assert read(body, "application/json", query="a=1") == {"a": "1"}


@pytest.mark.parametrize("content_type", ["text/plain", None, FORM, "application/json-patch"])
def test_json_under_a_wrong_type(content_type):
    """JSON under another type is one garbage key: the filter is gone without an error (portal.md 1)."""
    found = read(b'{"filter":{"ID":5}}', content_type)
    assert "filter" not in found
    assert list(found.values()) == [""]


@pytest.mark.parametrize("content_type", [FORM, FORM + "; charset=UTF-8", "text/plain", None])
def test_forms(content_type):
    """A form is read under its own type, and a raw body of any other type through parse_str (getRequestData)."""
    assert read(b"filter[%3EID]=5&select[]=ID", content_type) == {"filter": {">ID": "5"}, "select": ["ID"]}


def test_multipart():
    """Fields of a multipart form are read as variables, files are not (PHP)."""
    assert read(MULTIPART, BOUNDARY) == {"f": {">ID": "5 & 6"}}


def test_multipart_that_is_none():
    """A multipart body without fields falls through to parse_str (getRequestData)."""
    assert read(b"a=1", "multipart/form-data") == {"a": "1"}


def test_body_over_query():
    """Body values replace query values of the same name, whole: there is no merging inside (getRequestData)."""
    found = read(b'{"f":{"b":2}}', "application/json", query="f[a]=1&g=3")
    assert found == {"f": {"b": 2}, "g": "3"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_bodies_of_other_methods(method):
    """A body is read for POST only (getRequestData)."""
    assert read(b"a=2", FORM, query="a=1", method=method) == {"a": "1"}


def test_form_limit():
    """`max_input_vars` truncates forms and query strings, never JSON (PHP)."""
    assert read(b"a=1&b=2", FORM, query="c=3&d=4", max_vars=1) == {"a": "1", "c": "3"}
    assert read(b'{"a":1,"b":2}', "application/json", max_vars=1) == {"a": 1, "b": 2}
