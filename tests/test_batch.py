"""What `batch` promises: an outcome for every call, and commands that say what the calls say.

The commands are taken apart by the sandbox's `parse_str`, which shares no code with the encoder.
"""

import json

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.batch import decode, encode
from extractor.catalog import catalog
from extractor.decoder import page_of, reply_of, value_of
from extractor.envelopes import maps_of
from extractor.errors import AccessDenied, B24xError, CommandFailed, OperatingLimited, PortalError, WrongShape
from extractor.messages import Behind, Call, Reply, Timing
from extractor.sandbox.wire import parse_str

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = TEXT | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]\0"), min_size=1, max_size=9)
PLAIN = st.from_regex(r"[A-Za-z_]{1,9}", fullmatch=True)  # PHP turns dots and blanks of the first level into underscores
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(NAMES, inner, min_size=1, max_size=4))
JSON = st.recursive(st.none() | SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)
MAP = JSON | st.dictionaries(st.sampled_from(["c0", "c1", "c2", "c9", "0"]), JSON, max_size=5)
PARTS = ("result", "result_error", "result_total", "result_next", "result_time")
DEAL = Call("crm.deal.list", {"filter": {">ID": 5}, "start": -1})


def commands(*calls):
    """Pack calls; gives their commands."""
    return orjson.loads(encode(calls))["cmd"]


def php(value):
    """What PHP makes of a value that came as text: a list is a map of numbered keys, or the other way round."""
    if isinstance(value, dict | list):
        pairs = dict(value.items() if isinstance(value, dict) else enumerate(value))
        inner = {str(key): php(one) for key, one in pairs.items()}
        return list(inner.values()) if [*inner] == [str(place) for place in range(len(inner))] else inner
    return str(int(value)) if isinstance(value, bool) else str(value)


def parsed(call):
    """Take a command apart as the portal does: what follows a `#` is lost, the rest goes through `parse_str`."""
    command = commands(call)["c0"].split("#")[0]
    method, _, query = command.partition("?")
    return method, parse_str(query)


def answer(result):
    """Write the answer to a batch."""
    return json.dumps({"result": result}).encode()


def outcome(**maps):
    """Decode the answer of a batch of one."""
    (only,) = decode(maps_of(200, answer({name: maps.get(name, []) for name in PARTS})), 1)
    return only


@given(st.dictionaries(PLAIN, VALUES, max_size=4))
def test_commands_say_what_the_calls_say(params):
    """Whatever letters, brackets or signs of a URL are in the values, and however deep they lie (ParseBatchQuery)."""
    assert ("crm.deal.list", php(params) or {}) == parsed(Call("crm.deal.list", params))


@pytest.mark.parametrize("text", ["a#b", "a+b", "a&b=c", "50%", "%23", "[x]", "", "ё 中 😀", "a b", "$1", "a\nb", "?", "'\"\\"])
def test_every_sign_of_a_url_survives(text):
    """An unencoded `#` cuts the command off, `+` becomes a space (portal.md, 5.1)."""
    assert {"filter": {"%TITLE": text}} == parsed(Call("m", {"filter": {"%TITLE": text}}))[1]


@pytest.mark.parametrize("key", [">ID", "<=ID", "!@STAGE", "%TITLE", "=%X", "a b", "a+b", "a.b", "ключ", "a&b", "a#b", "a=b"])
def test_keys_of_a_filter_survive(key):
    """Operators are signs of a URL, too."""
    assert {"filter": {key: "5"}} == parsed(Call("m", {"filter": {key: 5}}))[1]


@pytest.mark.parametrize(("value", "text"), [(True, "1"), (False, "0"), (None, ""), (5, "5"), (2.5, "2.5"), (-1, "-1")])
def test_values_that_are_no_texts(value, text):
    """As PHP would print them; a "False" would be a true value."""
    assert {"a": text} == parsed(Call("m", {"a": value}))[1]


def test_lists_and_tuples_are_numbered():
    """`a[0]`, not `a[]`: pairs of one object stay together."""
    pair = {"OWNER_TYPE_ID": 2, "OWNER_ID": 5}
    assert {"BINDINGS": [php(pair), php(pair)], "s": ["*", "UF_*"]} == parsed(Call("m", {"BINDINGS": [pair, pair], "s": ("*", "UF_*")}))[1]


def test_a_value_out_of_the_answer_before_is_named_as_the_portal_reads_it():
    """`$result[command][path]`, of the command before, behind a digit (CRestUtil::processBatchElement)."""
    call = Call("m", {"filter": {">ID": Behind(("items", "49", "id"), "0"), "<=ID": Behind(("items", "49", "id"), "1")}})
    _, command = commands(DEAL, call).values()
    assert {"filter": {">ID": "0$result[c0][items][49][id]", "<=ID": "1$result[c0][items][49][id]"}} == parse_str(command.split("?")[1])


def test_an_empty_list_or_map_is_not_said():
    """There is no way to say it in a query: the parameter is left out."""
    assert {"c0": "m?"} == commands(Call("m", {"filter": {}, "a": [], "b": {"c": []}}))


def test_commands_are_named_and_never_stop_each_other():
    """Numeric keys would make PHP send the maps as lists; `halt` 0 lets the others run after a failure."""
    body = orjson.loads(encode([DEAL] * 50))
    assert 0 == body["halt"]
    assert [f"c{place}" for place in range(50)] == list(body["cmd"])
    assert "crm.deal.list?filter[%3EID]=5&start=-1" == body["cmd"]["c7"]


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(PARTS, MAP)) | JSON, st.integers(0, 5))
def test_every_call_has_exactly_one_outcome(result, count):
    """Whatever shape the maps have: objects, lists, missing, keys of nobody's."""
    outcomes = decode(maps_of(200, answer(result)), count)
    assert count == len(outcomes)
    assert all(isinstance(one, Reply | B24xError) for one in outcomes)


@given(st.permutations(["ok", "refused", "missing", "both", "null"]))
def test_outcomes_are_in_the_order_of_the_calls(fates):
    """Each call has what became of it; an error beside a result is an error."""
    results = {f"c{place}": None if fate == "null" else [place] for place, fate in enumerate(fates) if fate in {"ok", "both", "null"}}
    errors = {f"c{place}": {"error": "ACCESS_DENIED"} for place, fate in enumerate(fates) if fate in {"refused", "both"}}
    outcomes = decode(maps_of(200, answer({"result": results, "result_error": errors})), 5)
    kinds = {"ok": Reply, "null": Reply, "refused": AccessDenied, "both": AccessDenied, "missing": CommandFailed}
    assert [kinds[fate] for fate in fates] == [type(one) for one in outcomes]
    assert [[place] for place, fate in enumerate(fates) if fate == "ok"] == [
        value_of(one) for one, fate in zip(outcomes, fates, strict=True) if fate == "ok"]


@pytest.mark.parametrize("maps", [{}, {"result": ["a", "b"]}, {"result": {"c1": []}}, {"result_error": [{"error": "X"}]}])
def test_a_call_in_neither_map_is_a_failure(maps):
    """It was not run, or its answer was lost: missing is not empty (portal.md, trap 3)."""
    missing = outcome(**maps)
    assert isinstance(missing, CommandFailed)
    assert "BATCH_ENTRY_MISSING" == missing.code


@pytest.mark.parametrize(("failure", "code"), [
    ({"error": "", "error_description": "Not found"}, ""), ({"error": 0, "error_description": "x"}, "0"),
    ({"error": 200040300010}, "200040300010"), ({"error_description": "x"}, ""), ("ERROR", "ERROR"), (0, "0"),
    ("", ""), (None, ""), ({}, ""), (["X"], "['X']"), (False, "False"),
], ids=repr)
def test_it_is_the_presence_of_an_error_that_decides(failure, code):
    """Codes are empty, zero or numbers, and errors no objects, as it happens (portal.md, 6.1)."""
    failed = outcome(result={"c0": []}, result_error={"c0": failure})
    assert isinstance(failed, PortalError)
    assert code == failed.code


def test_a_blocked_method_is_told_from_a_refused_one():
    """Inside a batch HTTP says 200 of everything: the code alone decides (portal.md, 3.3)."""
    assert isinstance(outcome(result_error={"c0": {"error": "OPERATION_TIME_LIMIT"}}), OperatingLimited)


def test_a_reply_carries_its_total_next_and_timing():
    """Each from its own map."""
    time = {"operating": 1.5, "operating_reset_at": 1_724_670_600}
    whole = {"result": {"c0": [1]}, "result_total": {"c0": "70"}, "result_next": {"c0": 50}, "result_time": {"c0": time}}
    found = outcome(**whole)
    assert (70, 50, Timing(1.5, 1_724_670_600.0), [1]) == (found.total, found.next, found.timing, value_of(found))
    bare = outcome(result={"c0": [1]})
    assert (None, None, None, [1]) == (bare.total, bare.next, bare.timing, value_of(bare))


ROWS = st.lists(st.dictionaries(st.sampled_from(["ID", "TITLE"]), SCALARS | st.just("5"), min_size=1), max_size=4)


def taken(found):
    """Take the rows out of a reply."""
    try:
        return [(row.text, row.keys) for row in page_of(found, catalog()["deals"]).rows]
    except WrongShape as error:
        return type(error)


@given(st.lists(ROWS | JSON, min_size=1, max_size=3), st.sampled_from([None, 1]))
def test_rows_are_the_same_whatever_stands_beside_them(pages, indent):
    """A batch of lists is taken apart in one pass, any other one in two, and one with line feeds otherwise again."""
    body = json.dumps({"result": {"result": {f"c{place}": page for place, page in enumerate(pages)}}}, indent=indent).encode()
    alone = [taken(reply_of(msgspec.Raw(json.dumps(page, separators=(",", ":") if indent else None).encode()), None, None, None)) for page in pages]
    together = [taken(found) for found in decode(maps_of(200, body), len(pages))]
    assert alone == together
