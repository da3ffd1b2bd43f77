"""The portal as a whole: routes, order of checks, error shapes, limits over HTTP."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.sandbox.exchange import Request
from extractor.sandbox.meter import Bucket, Meter, Operating
from extractor.sandbox.world import Mutation

JSON = {"content-type": "application/json"}
OPERATION_TIME_LIMIT = {
    "error": "OPERATION_TIME_LIMIT", "error_description": "Method is blocked due to operation time limit.",
}


def refusal(response):
    """The status and the code of an error."""
    body = orjson.loads(response.body)
    assert {"error", "error_description"} <= body.keys()
    assert "time" not in body
    return response.status, body["error"]


@pytest.mark.parametrize("path", [
    "/rest/1/code/null", "/rest/1/code/null/", "/rest/1/code/null.json", "/rest/1/code/null.json/",
    "/rest/1/code/NULL", "/rest/admin/code/null", "/rest/1/code/%6eull",
])
def test_webhook_forms(bench, path):
    """A webhook's path takes `.json`, a trailing slash, any case, and a login for the id (portal.md 1)."""
    response = bench().send(path)
    assert response.status == 200
    assert orjson.loads(response.body)["result"] is None


def test_answer_headers(bench):
    """Answers are JSON in UTF-8, open to every origin (sendHeaders)."""
    assert bench().send("/rest/1/code/null").headers == {
        "Content-Type": "application/json; charset=utf-8", "Access-Control-Allow-Origin": "*",
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.parametrize(("query", "headers", "body"), [
    ("", {"authorization": "Bearer token"}, b""),
    ("", {"authorization": "Bearer token"}, b"auth=wrong"),
    ("auth=token", {}, b""),
    ("access_token=token", {}, b""),
    ("", {}, b"auth=token"),
    ("", {}, b"aplogin=1&ap=code"),
])
def test_application_forms(bench, query, headers, body):
    """A token sits in a Bearer header, in `auth` or `access_token`; webhook credentials in `aplogin` and `ap`."""
    assert bench().send("/rest/null", query=query, headers=headers, body=body).status == 200


@pytest.mark.parametrize(("path", "expected"), [
    ("/rest/nope", (404, "ERROR_METHOD_NOT_FOUND")),
    ("/rest/1/wrong/nope", (404, "ERROR_METHOD_NOT_FOUND")),
    ("/rest/1/code/", (404, "ERROR_METHOD_NOT_FOUND")),
    ("/rest/null", (401, "NO_AUTH_FOUND")),
    ("/rest/1/wrong/null", (401, "INVALID_CREDENTIALS")),
    ("/rest/2/code/null", (401, "INVALID_CREDENTIALS")),
    ("/rest/3/dismissed/null", (401, "authorization_error")),
    ("/rest/4/held/null", (401, "OVERLOAD_LIMIT")),
    ("/rest/1/wrong/tasks.task.list", (401, "INVALID_CREDENTIALS")),
    ("/rest/1/code/tasks.task.list", (401, "insufficient_scope")),
])
def test_order_of_checks(bench, path, expected):
    """An unknown method is 404 before anything else, then comes authorisation, then the scope (processExecution)."""
    assert refusal(bench().send(path)) == expected


def test_scope_has_a_description_outside_a_batch(bench):
    """A direct call out of scope says why (portal.md 6.2)."""
    assert bench().call("tasks.task.list")["error_description"].startswith("The request requires higher privileges")


@pytest.mark.parametrize(("token", "code"), [("stale", "expired_token"), ("unknown", "invalid_token")])
def test_tokens_that_do_not_work(bench, token, code):
    """An expired token and an unknown one are 401, by different codes (portal.md 6.2)."""
    assert refusal(bench().send("/rest/null", query=f"auth={token}")) == (401, code)


def test_https_required(bench):
    """Where https is required a webhook over plain http is refused (apauth; the source's 401)."""
    portal = bench(https_required=True)
    assert refusal(portal.send("/rest/1/code/null")) == (401, "INVALID_REQUEST")
    assert portal.send("/rest/1/code/null", secure=True).status == 200


def test_signed_link(bench):
    """A `token` parameter switches to signed links, and ours is none (isTokenCheck)."""
    assert refusal(bench().send("/rest/1/code/null", query="token=x")) == (403, "ACCESS_DENIED")


@pytest.mark.parametrize("path", ["/", "/rest", "/rest/1/code/null/more", "/company/"])
def test_other_addresses(bench, path):
    """Beyond `/rest/` there are pages, not JSON; `/rest` itself is a method without a name."""
    response = bench().send(path)
    assert response.status == 404


@pytest.mark.parametrize("path", ["/rest/api/1/code/crm.deal.list", "/rest/api/tasks.task.list"])
def test_version_3_addresses(bench, path):
    """No V2 method is served at `/rest/api/`; the error has the shape of V3 (portal.md 6.3)."""
    response = bench().send(path)
    assert response.status == 404
    assert orjson.loads(response.body)["error"]["code"] == "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION"


def test_options(bench):
    """OPTIONS gets CORS headers and stops (rest/include.php)."""
    response = bench().send("/rest/1/code/null", method="OPTIONS")
    assert (response.status, response.body) == (200, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_renamed_portal(bench):
    """After a rename every request is redirected to the new host, and the body is not JSON (portal.md 1)."""
    renamed = bench()
    renamed.portal.moved_to = "https://new.example"
    response = renamed.send("/rest/1/code/null", query="a=1")
    assert (response.status, response.body) == (302, b"")
    assert response.headers["Location"] == "https://new.example/rest/1/code/null?a=1"


def test_reserved_names(bench):
    """The server takes its own parameters out; the method never sees them (rest.php init)."""
    query = "auth=1&access_token=1&auth_connector=1&ap=1&aplogin=1&sessid=1&state=1&start=1&a=1"
    assert bench().call("echo", query=query)["result"]["params"] == {"a": "1"}


@pytest.mark.parametrize(("params", "start"), [
    ({}, None), ({"start": None}, None), ({"start": 50}, 50), ({"start": "-1"}, -1), ({"start": "50abc"}, 50),
    ({"start": "x"}, 0), ({"start": []}, 0), ({"start": {"a": 1}}, 1), ({"start": "9" * 5000}, 2**63 - 1),
    ({"START": 50}, None), ({"Start": 50}, None),
])
def test_start(bench, params, start):
    """Only lowercase `start` is read, cast by intval: an array is 0 or 1 (processCall)."""
    assert bench().call("echo", params)["result"]["start"] == start


@pytest.mark.parametrize("code", ["", "0", 0, 200040300010, "ERROR_CORE"])
def test_error_codes(bench, code):
    """An error's code may be empty, "0" or an int: only the key's presence says that it is one (portal.md 6.1)."""
    assert bench().call("fail", {"code": code, "text": "why"}) == {"error": code, "error_description": "why"}


def test_error_extras(bench):
    """An error may carry more keys, such as `argument` (portal.md 6.2)."""
    assert bench().call("fail", {"code": "ERROR_ARGUMENT", "argument": 1})["argument"] == "x"


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_error_statuses(bench, status):
    """The default status of an error is 400, but there are errors under 200 as well (portal.md 6.1)."""
    response = bench().send("/rest/1/code/fail", body=orjson.dumps({"code": "X", "status": status}))
    assert refusal(response) == (status, "X")


def test_answer_order(bench):
    """`next`, `total` and `time` stand beside `result`; on the last page there is no `next` (processResponse)."""
    assert list(bench().call("crm.deal.list")) == ["result", "next", "total", "time"]
    assert list(bench().call("crm.deal.list", {"start": 6})) == ["result", "total", "time"]


def test_server_time_passes(bench):
    """A call takes its seconds, a failing one too, and `time` shows them."""
    slow = bench()
    assert slow.call("work", {"seconds": 1.5})["time"]["duration"] == 1.5
    slow.call("fail", {"seconds": 0.5})
    assert slow.waits == [1.5, 0.5]


def test_request_limit(bench):
    """Over the limit: 503 with a JSON body, no Retry-After, and nothing runs (portal.md 4)."""
    busy = bench(Meter(Bucket(2, 1)))
    assert [200, 200] == [busy.send("/rest/1/code/null").status for _ in range(2)]
    response = busy.send("/rest/1/code/null")
    assert refusal(response) == (503, "QUERY_LIMIT_EXCEEDED")
    assert "Retry-After" not in response.headers
    assert (busy.portal.statistics().refused, busy.portal.statistics().calls) == (1, 2)


def test_request_limit_by_address(bench):
    """The bucket is shared by all webhooks of one address, and another address has its own (portal.md 4)."""
    busy = bench(Meter(Bucket(1, 1)))
    assert busy.send("/rest/1/code/null", address="192.0.2.1").status == 200
    assert busy.send("/rest/2/other/null", address="192.0.2.1").status == 503
    assert busy.send("/rest/1/code/null", address="192.0.2.2").status == 200


def test_a_batch_is_one_request(bench):
    """A batch of 50 commands counts as one request (docs: performance)."""
    busy = bench(Meter(Bucket(2, 1)))
    assert len(busy.batch({f"c{number}": "null" for number in range(50)})["result"]) == 50
    assert busy.send("/rest/1/code/null").status == 200


def test_blocked_method(bench):
    """Over the operating limit a method is 429, and its other callers and other methods go on (portal.md 3.3)."""
    used = bench(Meter(None, Operating(1)))
    assert used.call("work", {"seconds": 2})["time"]["operating"] == 2
    response = used.send("/rest/1/code/work")
    assert refusal(response) == (429, "OPERATION_TIME_LIMIT")
    assert orjson.loads(response.body) == OPERATION_TIME_LIMIT
    assert used.call("more.work", {"seconds": 2})["time"]["operating"] == 2
    assert used.call("work", user=2, code="other")["time"]["operating"] == 0


def test_blocked_in_a_batch(bench):
    """In a batch the block is HTTP 200: that method's later commands fail, others continue (portal.md 3.3)."""
    used = bench(Meter(None, Operating(1)))
    answer = used.batch({"a": "work?seconds=2", "b": "work", "c": "more.work"})
    assert answer["result"] == {"a": True, "c": True}
    assert answer["result_error"] == {"b": OPERATION_TIME_LIMIT}


def test_batched_seconds_are_shared(bench):
    """Batched webhook calls have one counter for all webhooks, apart from direct calls (LL, point 3)."""
    used = bench(Meter(None, Operating(1)))
    used.batch({"a": "work?seconds=2"})
    assert used.call("work")["time"]["operating"] == 0
    assert used.batch({"a": "work"}, user=2, code="other")["result_error"] == {"a": OPERATION_TIME_LIMIT}


def test_an_application_has_one_counter(bench):
    """Direct and batched calls of an OAuth application share their counter (LL, point 3)."""
    used = bench(Meter(None, Operating(1)))
    used.send("/rest/batch", query="auth=token", body=b'{"cmd":["work?seconds=2"]}')
    assert refusal(used.send("/rest/work", query="auth=token")) == (429, "OPERATION_TIME_LIMIT")


def test_the_method_batch_is_never_blocked(bench):
    """`batch` itself is exempt: its envelope says 0, whatever its commands took (LL, points 2 and 12)."""
    used = bench(Meter(None, Operating(1)))
    time = used.call("batch", {"cmd": ["work?seconds=5"]})["time"]
    assert (time["operating"], time["operating_reset_at"]) == (0, 1_724_670_600)
    assert used.call("batch", {"cmd": ["null"]})["result"]["result"] == [None]


def test_self_hosted_times(bench):
    """Where the limiter is off, `time` has no `operating` (portal.md 3.1)."""
    assert "operating" not in bench().call("null")["time"]


def test_the_world_moves_between_calls(bench):
    """The world advances before each call, those inside a batch included: data changes between pages."""
    moving = bench(rows={"deals": 3})
    moving.world.schedule = [Mutation("insert", "deals", after=2)]
    before = len(moving.world.tables["deals"].ids)
    moving.batch({"a": "null"})
    assert len(moving.world.tables["deals"].ids) == before
    moving.batch({"a": "null"})
    assert len(moving.world.tables["deals"].ids) == before + 1


def test_a_request_left_half_way(bench):
    """A request that is cut has run the commands that it had run, and is charged for none (portal.md 4)."""
    slow = bench(Meter(None, Operating(1)))
    flow = slow.portal.handle(Request("POST", "/rest/1/code/batch", headers=JSON, body=b'{"cmd":["work?seconds=2","work?seconds=2"]}'))
    assert next(flow) == 2
    flow.close()
    assert slow.portal.statistics().calls == 1
    assert slow.batch({"a": "work"})["result_error"] == []


def test_statistics(bench):
    """A portal can be asked what it has seen."""
    seen = bench()
    seen.batch({"a": "null", "b": "nope"})
    seen.call("null")
    assert repr(seen.portal.statistics()) == "Statistics(requests=2, refused=0, calls=2, in_flight=0, most_in_flight=1)"
    assert repr(seen.portal).startswith("Portal(")


TYPES = st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain",
                         "multipart/form-data; boundary=x", "multipart/form-data", "application/vnd.api+json"])


@given(st.binary(), TYPES, st.sampled_from(["echo", "batch", "crm.deal.list", "method.get", "methods", "scope"]))
def test_no_body_crashes_the_portal(bench, body, content_type, name):
    """Any bytes under any content type get a JSON answer."""
    response = bench().send(f"/rest/1/code/{name}", body=body, headers={"content-type": content_type})
    assert orjson.loads(response.body)


@given(st.text(), st.text())
def test_no_address_crashes_the_portal(bench, path, query):
    """Any path and any query get an answer."""
    assert bench().send(f"/rest/1/code/{path}", query=query).status in {200, 400, 401, 403, 404}
