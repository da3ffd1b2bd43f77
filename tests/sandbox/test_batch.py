"""The method `batch`: commands, references, containers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.sandbox import batch

EMPTY = {"result": [], "result_error": [], "result_total": [], "result_next": [], "result_time": []}
NOT_FOUND = {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
TOO_LONG = {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": "Max batch length exceeded"}
ROWS = [{"ID": "1", "NAME": None}, {"ID": "2", "NAME": "b"}]


def echoed(answer, key="x"):
    """The parameters that an echo received."""
    return answer["result"][key]["params"]


@pytest.mark.parametrize("cmd", [None, "crm.deal.list", 7, [], {}])
def test_no_commands(bench, cmd):
    """`cmd` missing, scalar or empty: HTTP 200, five empty containers, no error (methodsBatch)."""
    assert bench().batch(cmd) == EMPTY


def test_cmd_missing(bench):
    """A batch without `cmd` is no error either (methodsBatch)."""
    assert bench().call("batch")["result"] == EMPTY


def test_names_of_any_case(bench):
    """`CMD` and `HALT` are read in any case (methodsBatch)."""
    answer = bench().call("batch", {"CMD": {"x": "nope", "y": "null"}, "Halt": 1})["result"]
    assert answer == {**EMPTY, "result_error": {"x": NOT_FOUND}}


def test_five_containers(bench):
    """Each container holds only the commands that made that part; a failed one has no time (portal.md 5.3)."""
    answer = bench().batch({"list": "crm.deal.list", "none": "null", "bad": "fail?code=X&text=why&argument=1"})
    assert answer["result"] == {"list": [{"ID": str(number), "NAME": None} for number in (1, 2, 3)], "none": None}
    assert answer["result_error"] == {"bad": {"error": "X", "error_description": "why", "argument": "x"}}
    assert answer["result_total"] == {"list": 7}
    assert answer["result_next"] == {"list": 3}
    assert list(answer["result_time"]) == ["list", "none"]


def test_numeric_keys_become_lists(bench):
    """Keys 0..n-1 make a list, others an object, in one and the same answer (portal.md 2.4)."""
    answer = bench().batch({"0": "nope", "1": "float", "2": "flag"})
    assert answer["result"] == {"1": 2.5, "2": True}
    assert answer["result_error"] == [NOT_FOUND]
    assert bench().batch(["float", "flag"])["result"] == [2.5, True]


@pytest.mark.parametrize("command", [{"method": "null"}, ["null"], 7, None, True])
def test_a_command_that_is_no_text(bench, command):
    """A command that is not a string is skipped without a trace (methodsBatch)."""
    answer = bench().batch({"x": command, "y": "null"})
    assert answer["result"] == {"y": None}
    assert answer["result_error"] == []


def test_more_than_fifty(bench):
    """The first 50 run, each surplus command gets an error of its own; skipped ones count (methodsBatch)."""
    answer = bench().batch({"skipped": 7, **{f"c{number}": "null" for number in range(51)}})
    assert [f"c{number}" for number in range(49)] == list(answer["result"])
    assert answer["result_error"] == {"c49": TOO_LONG, "c50": TOO_LONG}


@pytest.mark.parametrize("name", ["batch", "download", "upload"])
def test_not_inside_a_batch(bench, name):
    """Three methods are refused inside a batch (methodsBatch)."""
    assert bench().batch({"x": f"{name}?a=1"})["result_error"]["x"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


def test_suffix_is_not_stripped(bench):
    """`.json` belongs to URLs: in a command it is part of the name (portal.md 1)."""
    assert bench().batch({"x": "null.json"})["result_error"] == {"x": NOT_FOUND}


def test_name_lowercase_then_verbatim(bench):
    """A command's method is looked up in lowercase, then as it came (methodsBatch)."""
    answer = bench().batch({"upper": "CRM.Deal.LIST", "mixed": "Mixed.Case", "none": "mixed.case"})
    assert list(answer["result"]) == ["upper", "mixed"]
    assert answer["result_error"] == {"none": NOT_FOUND}


def test_scope_without_description(bench):
    """A command outside the scopes fails alone, with an empty description (portal.md 5.1)."""
    answer = bench().batch({"task": "tasks.task.list", "y": "null"})
    assert answer["result_error"] == {"task": {"error": "insufficient_scope", "error_description": ""}}
    assert answer["result"] == {"y": None}


@pytest.mark.parametrize("halt", [1, "1", True, "false", "N", ["x"]])
def test_halt(bench, halt):
    """With halt nothing runs after a failure: no result, no error. "false" is on (PHP truthiness)."""
    answer = bench().batch({"a": "float", "b": "nope", "c": "flag"}, halt=halt)
    assert answer == {**EMPTY, "result": {"a": 2.5}, "result_error": {"b": NOT_FOUND}, "result_time": answer["result_time"]}


@pytest.mark.parametrize("halt", [0, "0", False, "", None, []])
def test_no_halt(bench, halt):
    """0, "0", false and "" are off: the rest runs (PHP truthiness)."""
    assert bench().batch({"a": "nope", "b": "flag"}, halt=halt)["result"] == {"b": True}


def test_halt_at_the_first_surplus(bench):
    """With halt the batch ends at its first surplus command (methodsBatch)."""
    answer = bench().batch({f"c{number}": "null" for number in range(60)}, halt=1)
    assert answer["result_error"] == {"c50": TOO_LONG}


@pytest.mark.parametrize(("command", "expected"), [
    ("m", ("m", {})),
    ("m?a=1&f[b]=x+y%2B", ("m", {"a": "1", "f": {"b": "x y+"}})),
    ("m?a=1#&b=2", ("m", {"a": "1"})),
    ("m#?a=1", ("m", {})),
    ("m?a=1?b", ("m", {"a": "1?b"})),
    ("m?t=2024-01-01T00:00:00+03:00", ("m", {"t": "2024-01-01T00:00:00 03:00"})),
    ("m?a=x\ny", ("m", {"a": "x_y"})),
    ("?a=1", ("", {"a": "1"})),
    ("", ("", {})),
])
def test_commands_are_urls(command, expected):
    """A command is cut by a URL parser: `#` ends it, `+` is a space, all values are texts (parse_url, parse_str)."""
    assert batch.parse_command(command) == expected


def test_command_is_bounded(bench):
    """`max_input_vars` truncates every command's parameters in silence (portal.md 1)."""
    assert echoed(bench(max_input_vars=2).batch({"x": "echo?a=1&b=2&c=3"})) == {"a": "1", "b": "2"}


def test_start_is_taken_out(bench):
    """`start` of a command is cast and removed, as in a direct call (processCall)."""
    answer = bench().batch({"x": "echo?start=50abc&START=7&auth=z"})
    assert answer["result"]["x"] == {"params": {"START": "7"}, "start": 50, "user": 1}


def test_reference_to_a_row(bench):
    """A reference that resolves becomes the value, with its type (processBatchElement)."""
    answer = bench().batch({"a": "crm.deal.list", "x": "echo?id=$result[a][2][ID]&n=$next[a]&t=$total[a]&row=$result[a][0]"})
    assert echoed(answer) == {"id": "3", "n": 3, "t": 7, "row": {"ID": "1", "NAME": None}}


def test_reference_to_time_and_error(bench):
    """`$time` and `$error` are roots too (processBatchElement)."""
    answer = bench().batch({"a": "nope", "b": "null", "x": "echo?e=$error[a][error]&t=$time[b][start]"})
    assert echoed(answer) == {"e": "ERROR_METHOD_NOT_FOUND", "t": 1_724_670_000}


def test_reference_past_the_last_row_restarts(bench):
    """Past the end a reference becomes the list of rows, cast to 1: the chain starts again (portal.md 5.2)."""
    answer = bench().batch({
        "a": "crm.deal.list?start=-1&filter[>ID]=5", "b": "crm.deal.list?start=-1&filter[>ID]=$result[a][2][ID]",
    })
    assert [row["ID"] for row in answer["result"]["a"]] == ["6", "7"]
    assert [row["ID"] for row in answer["result"]["b"]] == ["2", "3", "4"]


def test_reference_to_an_empty_list_restarts_at_zero(bench):
    """An empty list is cast to 0: the chain starts at the very beginning (portal.md 5.2)."""
    answer = bench().batch({"a": "empty", "b": "crm.deal.list?start=-1&filter[>ID]=$result[a][49][ID]"})
    assert [row["ID"] for row in answer["result"]["b"]] == ["1", "2", "3"]


def test_reference_to_a_failed_command(bench):
    """After a failure, or by a wrong key, a reference becomes the map of all results so far (portal.md 5.2)."""
    answer = bench().batch({"a": "float", "b": "nope", "x": "echo?v=$result[b][0][ID]"})
    assert echoed(answer) == {"v": {"a": 2.5}}


def test_reference_with_nothing_before(bench):
    """With no result so far it becomes the empty array (portal.md 5.2)."""
    assert echoed(bench().batch({"x": "echo?v=$result[a]"})) == {"v": []}


def test_reference_to_null(bench):
    """A null or absent field leaves the row itself (isset; portal.md 5.2)."""
    row = {"ID": "1", "NAME": None}
    answer = bench().batch({"a": "crm.deal.list", "x": "echo?n=$result[a][0][NAME]&m=$result[a][0][NOPE]"})
    assert echoed(answer) == {"n": row, "m": row}


def test_start_from_next_on_the_last_page(bench):
    """`start=$next[x]` after the last page is page 1 again: the map of other nexts, or an empty one (portal.md 5.2)."""
    answer = bench().batch({
        "last": "crm.deal.list?start=6", "empty": "echo?start=$next[last]",
        "page": "crm.deal.list", "others": "echo?start=$next[last]",
    })
    assert answer["result"]["empty"]["start"] == 0
    assert answer["result"]["others"]["start"] == 1


def test_two_references_without_a_space(bench):
    """Two references in one word are one match with merged keys: the first value only (portal.md 5.2)."""
    assert batch.resolve("$result[a][0][ID],$result[a][1][ID]", {"result": {"a": ROWS}}) == "1"


@pytest.mark.parametrize(("text", "expected"), [
    ("id $result[a][1][ID] of", "id 2 of"),
    ("$result[a][0][ID] $result[a][1][ID]", "1 2"),
    ("$result[a][1][ID] $result[a][1][ID]", "2 2"),
    ("$result[number] !", "7 !"),
    ("$result[float] !", "2.5 !"),
    ("$result[whole] !", "10 !"),
    ("$result[flag] !", "$result[flag] !"),
    ("$result[a][0][NAME] !", "$result[a][0][NAME] !"),
    ("$result[nope] !", "$result[nope] !"),
    ("$result", "$result"),
    ("$result[]", "$result[]"),
    ("$nothing[a]", "$nothing[a]"),
    ("price $5", "price $5"),
    ("$RESULT[a]", None),
    ("$RESULT[a] !", "$RESULT[a] !"),
    ("$result[text][1]", "b"),
    ("$result[text][-1]", "c"),
    ("$result[text][3]", "abc"),
    ("$result[text][x]", "abc"),
    ("$result[a][01]", ROWS),
    ("$result[a][-1]", ROWS),
    ("$result[a][1]junk[ID]", "2"),
    ("$results[a][0][ID]", "1"),
    ("$result[number][x]", 7),
])
def test_resolving_a_text(text, expected):
    """Whole references keep their type, embedded ones become text or stay literal (processBatchElement)."""
    results = {"a": ROWS, "number": 7, "float": 2.5, "whole": 10.0, "flag": True, "text": "abc"}
    assert batch.resolve(text, {"result": results}) == expected


def test_references_in_every_leaf():
    """References are resolved in every text, however deep, and never in names (processBatchStructure)."""
    heap = {"result": {"a": 7}}
    assert batch.resolve({"$result[a]": ["$result[a]", {"x": "$result[a]"}]}, heap) == {"$result[a]": [7, {"x": 7}]}


LEAVES = st.text(alphabet="$result[a]0 next,é\\", max_size=30)


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(LEAVES, inner), max_leaves=5))
def test_resolving_never_fails(value):
    """No parameter makes the resolver fail."""
    batch.resolve(value, {"result": {"a": [{"e": "x"}]}, "next": {}})


@given(st.text())
def test_no_command_fails(command):
    """No text makes the command parser fail."""
    batch.parse_command(command)


def test_envelope_times(bench):
    """The batch's own `time` spans all commands and charges nothing; each command has its own (LL, point 12)."""
    body = bench().call("batch", {"cmd": {"a": "work?seconds=1.5", "b": "work?seconds=2"}})
    assert body["time"]["duration"] == 3.5
    assert [body["result"]["result_time"][key]["duration"] for key in "ab"] == [1.5, 2.5]


def test_status_is_always_200(bench):
    """Whatever its commands did, an authorised batch is HTTP 200 (portal.md 5.3)."""
    assert bench().send("/rest/1/code/batch", body=b'{"cmd":["nope"]}').status == 200
