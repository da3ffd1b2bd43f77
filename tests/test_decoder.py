"""What `decoder` promises: any bytes are a reply or one of our own errors, and rows are found where the catalog says."""

import json
from dataclasses import replace

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.catalog import catalog, raw_method
from extractor.decoder import page_of, reply_of, value_of
from extractor.envelopes import envelope_of
from extractor.errors import (
    AccessDenied,
    B24xError,
    ContractBroken,
    NotJson,
    PortalError,
    RateLimited,
    Unreadable,
    WrongShape,
)
from extractor.messages import Page, Timing
from tests.paging.table import THINGS
from tests.rows import raw, reply, values_of

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
KEYS = st.sampled_from(["items", "ID", "id", "error", "tasks"]) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
TIME = JSON | st.fixed_dictionaries({"operating": JSON, "operating_reset_at": JSON})
ENVELOPES = st.fixed_dictionaries({}, optional={
    "result": JSON, "error": JSON, "error_description": JSON, "total": JSON, "next": JSON, "time": TIME})
STATUSES = st.sampled_from([200, 400, 401, 403, 404, 408, 429, 500, 502, 503])
ENTITIES = st.sampled_from([*catalog().values(), raw_method("some.list")])
ITEMS = replace(THINGS, rows=("items",))
UNKNOWN = raw_method("some.list")
ROWS = [{"ID": "1"}, {"ID": "2"}]


def decoded(status, body, entity):
    """Decode a body as far as it goes."""
    try:
        found = envelope_of(status, body)
        return page_of(reply_of(found.result, found.total, found.next, found.time), entity)
    except B24xError as error:
        return error


@given(STATUSES, st.binary(max_size=60) | ENVELOPES.map(orjson.dumps) | JSON.map(orjson.dumps), ENTITIES)
def test_any_bytes_are_a_page_or_an_error_of_ours(status, body, entity):
    """Nothing else is ever raised: an unforeseen answer would end the run as a bug."""
    found = decoded(status, body, entity)
    assert isinstance(found, Page | B24xError)
    assert not isinstance(found, Page) or all(isinstance(row, dict) for row in values_of(found.rows))


@given(STATUSES.filter(lambda status: status not in {429, 503}), ENVELOPES, st.data())
def test_a_torn_body_is_no_json(status, envelope, data):
    """A connection that was cut, at any byte; half an answer is never taken for one."""
    body = orjson.dumps(envelope)
    with pytest.raises(NotJson) as error:
        envelope_of(status, body[: data.draw(st.integers(0, len(body) - 1))])
    assert status == error.value.status


@pytest.mark.parametrize(("row", "is_row"), [
    (b'{"ID":"0","ID":"4251"}', False), (b'{"ID":"4251","T":"x","ID":"0"}', False), (b'{"ID":0,"T":{"ID":4251},"ID":4251}', False),
    (b'{"T":[{"ID":"4"},{"ID":"7"}],"ID":"5"}', True), (b'{"T":"\\"ID\\":\\"4\\"","ID":"5"}', True), (b'{"T":"ID","ID":5}', True),
    (b'{"ID":57,"T":"x","ID":5}', False), (b'{"ID":"57","ID":"5"}', False), (b'{"ID":5,"T":1,"ID":5}', True),
    (b'{"ID" : "5"}', True), (b'{"ID":"\\u0035"}', True), (b'{"ID":null}', True),
])
def test_a_row_that_says_its_id_twice_is_none(row, is_row):
    """Some tools would take the first, some the last: it is asked for again; the ids of what stands in a row are its own affair."""
    found = decoded(200, b'{"result":[%b]}' % row, THINGS)
    assert is_row == isinstance(found, Page)
    assert is_row or isinstance(found, WrongShape)


@pytest.mark.parametrize("status", [429, 503])
def test_a_page_that_refuses_for_the_rate_is_heard(status):
    """The bucket stands before the portal: it may answer with a page where its docs show JSON."""
    with pytest.raises(RateLimited):
        envelope_of(status, b"<html>Too many requests</html>")


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b"5", b"null", b"{}", b'{"time": {}}', b'"result"'])
def test_what_has_no_envelope_is_not_json_of_the_portal(body):
    """A proxy's page, a firewall's, an empty body: the status says the rest."""
    with pytest.raises(NotJson, match="HTTP 502") as error:
        envelope_of(502, body)
    assert 502 == error.value.status


@pytest.mark.parametrize("code", ["", "0", 0, None, "ERROR_CORE", 200040300010, False, [], {}])
def test_the_presence_of_an_error_decides(code):
    """Codes may be empty, and HTTP may say 200 (portal.md, 6.1)."""
    with pytest.raises(PortalError):
        envelope_of(200, orjson.dumps({"error": code, "result": []}))


def test_an_error_keeps_the_portals_words():
    """Code, description and status are what a human needs."""
    with pytest.raises(AccessDenied, match="insufficient_scope: no description") as error:
        envelope_of(401, b'{"error": "insufficient_scope", "error_description": ""}')
    assert ("insufficient_scope", "", 401) == (error.value.code, error.value.description, error.value.status)
    with pytest.raises(RateLimited):
        envelope_of(503, b'{"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}')


def test_no_message_quotes_the_answer():
    """A proxy's page may hold the address that was asked for, and addresses are secrets."""
    with pytest.raises(NotJson) as error:
        envelope_of(502, b"<a href='/rest/1/c0de/'>")
    assert "c0de" not in str(error.value)


@pytest.mark.parametrize(("sent", "read"), [
    (70, 70), ("70", 70), (70.0, 70), (0, 0), (None, None), (True, None), ("", None), ("x", None), ("-1", None),
    ([], None), ("9" * 5000, None), (float("inf"), None), (float("nan"), None), ("７", None), ("1.5", None),  # noqa: RUF001 - a digit, but not one of ours
])
def test_a_total_may_be_a_text_or_nonsense(sent, read):
    """It is a hint: what cannot be read was not said."""
    assert read == reply_of(raw([]), sent, None, None).total


@pytest.mark.parametrize(("sent", "read"), [
    (50, 50), ("50", 50), (0, 0), (2**63 - 1, 2**63 - 1), (None, None), (False, None), ("", None), ([], None), ({}, None),
])
def test_a_next_page_is_named_or_not(sent, read):
    """By an offset, as a number or a text; by none of PHP's ways to say nothing."""
    assert read == page_of(reply_of(raw([]), None, sent, None), UNKNOWN).next


@pytest.mark.parametrize("sent", [
    2**63, 10**30, -1, -(2**70), 50.0, 50.5, 1e300, "50.5", "-1", str(2**63), "9" * 5000, "x", True, [50], {"start": 50}, "７",  # noqa: RUF001 - a digit, but not one of ours
], ids=lambda sent: f"{sent!r:.20}")
def test_a_next_page_that_no_offset_leads_to_is_no_end(sent):
    """The portal says that there is more: that is said, and not what it was; where nobody goes by it, it says nothing."""
    found = reply_of(raw([]), None, sent, None)
    with pytest.raises(ContractBroken, match="no offset"):
        page_of(found, UNKNOWN)
    assert page_of(found, THINGS).next is None


@pytest.mark.parametrize(("time", "timing"), [
    ({"operating": 1.25, "operating_reset_at": 1_724_670_600}, Timing(1.25, 1_724_670_600.0)),
    ({"operating": 0}, Timing(0.0, None)), ({"start": 1, "processing": 0}, Timing()), ({"finish": 1_724_670_600.25}, Timing(finish=1_724_670_600.25)),
    ({"finish": "2024-08-26T12:00:00+03:00"}, Timing()), ({}, Timing()), ([], None), (None, None),
    ({"operating": "0.5", "operating_reset_at": "2024-08-26T12:00:00+03:00"}, Timing()), ({"operating": True}, Timing()),
    ({"operating": 10**400, "operating_reset_at": -(10**400)}, Timing()), ({"operating": float("inf"), "operating_reset_at": float("nan")}, Timing()),
])
def test_the_operating_numbers_may_be_missing(time, timing):
    """Ints or floats in the cloud, absent where the limiter is off (portal.md, 3.1)."""
    assert timing == reply_of(raw([]), None, None, time).timing


@pytest.mark.parametrize("result", [ROWS, {"5": {"ID": "1"}, "7": {"ID": "2"}}, dict(enumerate(ROWS, 1))])
def test_a_list_with_holes_comes_as_an_object(result):
    """A PHP array is a list only if its keys are 0..n-1: an array that lost a row has others (portal.md, 2.4)."""
    assert ROWS == values_of(page_of(reply(result), THINGS).rows)
    assert ROWS == values_of(page_of(reply({"items": result}), ITEMS).rows)


@pytest.mark.parametrize(("result", "entity"), [([], THINGS), ({}, THINGS), ([], ITEMS), ({"items": []}, ITEMS), ({"items": {}}, ITEMS)])
def test_an_empty_array_is_a_list_whatever_was_meant(result, entity):
    """PHP has one empty array, and encodes it as `[]` where an object is documented."""
    assert [] == page_of(reply(result), entity).rows


@pytest.mark.parametrize("result", [None, 5, "x", True, {"other": []}, {"items": None}, {"items": 5}, {"items": [1]}, {"items": [[]]}, [1]])
def test_a_reply_without_rows_is_a_broken_contract(result):
    """Not an empty page: that would end the entity as if it were complete."""
    with pytest.raises(ContractBroken, match=r"things\.list answered without rows in result\.items"):
        page_of(reply(result), ITEMS)


@pytest.mark.parametrize(("result", "rows"), [
    (ROWS, ROWS), ({"items": ROWS}, ROWS), ({"items": [], "more": False}, []), ([], []), ({}, []),
    ({"a": {"ID": 1}, "b": {"ID": 2}}, [{"ID": 1}, {"ID": 2}]), ({"ID": 5, "NAME": "x"}, [{"ID": 5, "NAME": "x"}]),
    ({"3": {"A": 1}, "7": {"A": 2}}, [{"A": 1}, {"A": 2}]), ({"tasks": ROWS, "total": 2, "has_more": False}, ROWS),
    ({"ID": "1", "UF_DEPARTMENT": []}, [{"ID": "1", "UF_DEPARTMENT": []}]),
    ({"ID": "1", "PHONE": [{"ID": "9"}]}, [{"ID": "1", "PHONE": [{"ID": "9"}]}]),
    ({"TITLE": {"type": "string"}}, [{"TITLE": {"type": "string"}}]),
])
def test_the_rows_of_an_unknown_method_are_looked_for(result, rows):
    """A list, with holes or without; objects by a code; the only list of a page; or one object, whatever lists are in it."""
    assert rows == values_of(page_of(reply(result), UNKNOWN).rows)


@pytest.mark.parametrize("result", [
    {"NAME": "x", "PHONES": []}, {"items": [], "users": []}, {"4": {"ID": "4"}, "7": []}, {"items": [], "owner": {"ID": 1}},
])
def test_rows_of_an_unknown_method_that_cannot_be_told_are_no_empty_page(result):
    """Which of it are the rows nobody knows: that is said, and nothing is called complete."""
    with pytest.raises(ContractBroken, match="without rows"):
        page_of(reply(result), UNKNOWN)


def test_a_page_keeps_rows_total_and_next():
    """Rows as they came: same keys, same values, same order."""
    rows = [{"ID": "2", "UF": False, "X": None}, {"ID": "1", "D": ""}]
    page = page_of(reply(rows, 70, 50), THINGS)
    assert (rows, 70, 50) == (values_of(page.rows), page.total, page.next)


@pytest.mark.parametrize("line", [
    b'{"ID":"2","id":1,"B":null,"a":[],"OPENED":"Y","AMOUNT":"1500.00","N":1500.0,"BIG":123456789012345678901234567890}',
    '{"ID":1,"TITLE":"Сделка 😀","":"\u2028","HTML":"<&>\'/"}'.encode(),
    rb'{"ID":1,"TEXT":"a\nb\r\u0000\u001b\u0022\\\/"}', b'{"ID":' + b"[" * 400 + b"]" * 400 + b"}",
])
def test_a_row_is_the_text_that_came(line):
    """Keys keep their order and case, numbers all their digits, and no escape is added or taken away."""
    (row,) = page_of(reply_of(msgspec.Raw(b"[%b]" % line), None, None, None), THINGS).rows
    assert line == row.text


@given(st.dictionaries(KEYS, JSON, max_size=4), st.sampled_from([{"indent": 2}, {"separators": (" ,\r\n", "\t:\n")}]))
def test_a_row_is_one_line_however_it_was_written(value, style):
    """Line feeds between values, which PHP never makes and a proxy may, would tear a row in two."""
    (row,) = page_of(reply_of(msgspec.Raw(json.dumps([value], ensure_ascii=False, **style).encode()), None, None, None), UNKNOWN).rows
    assert value == orjson.loads(row.text)
    assert not {10, 13} & set(row.text)


@pytest.mark.parametrize("names", [("ID",), ("id",), ("ID", "id"), ()])
def test_a_row_knows_the_keys_that_may_identify_it(names):
    """For a method that nobody knows those are `ID` and `id`, where they are there."""
    value = {"NAME": "x"} | dict.fromkeys(names, 5)
    (row,) = page_of(reply([value]), UNKNOWN).rows
    assert dict.fromkeys(names, 5) == row.keys
    assert [name in row for name in ("ID", "id")] == [name in names for name in ("ID", "id")]


@pytest.mark.parametrize("text", [b'[{"ID":1,"A":"\xff"}]', b'[{"ID":"\xc3"}]', '[{"ID":"\ud800"}]'.encode("utf-8", "surrogatepass")])
def test_letters_that_are_none_are_no_rows(text):
    """What is no UTF-8 would make a line that no tool reads; the row can be told from its neighbours."""
    with pytest.raises(Unreadable):
        page_of(reply_of(msgspec.Raw(text), None, None, None), THINGS)


def test_a_value_that_is_no_rows_is_read_whole():
    """The fields of an entity, for one."""
    assert {"ID": {"type": "integer"}} == value_of(reply({"ID": {"type": "integer"}}))
    with pytest.raises(ContractBroken, match="UTF-8"):
        value_of(reply_of(msgspec.Raw(b'"\xff"'), None, None, None))


@pytest.mark.parametrize("more", [{"hasMore": True}, {"nextCursor": {"id": 5}}, {"next": 50}, {"has_next": "Y"}])
def test_more_that_next_does_not_lead_to_is_no_end(more):
    """A method with a paging of its own: its first page is not all."""
    with pytest.raises(ContractBroken, match="there is more"):
        page_of(reply({"items": ROWS, **more}), UNKNOWN)
    assert ROWS == values_of(page_of(reply({"items": ROWS, **more}, None, 50), UNKNOWN).rows)
