"""PHP's query strings, arrays and JSON."""

from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.sandbox import wire


@pytest.mark.parametrize(("text", "expected"), [
    ("a=1&b=2", {"a": "1", "b": "2"}),
    ("a", {"a": ""}),
    ("a=1&a=2", {"a": "2"}),
    ("&&a=1&", {"a": "1"}),
    ("=1&a=2", {"a": "2"}),
    ("a=b=c", {"a": "b=c"}),
    ("a=1+2%2B3%zz", {"a": "1 2+3%zz"}),
    (" a=1", {"a": "1"}),
])
def test_plain_variables(text, expected):
    """Variables split at `&` and the first `=`; `+` and `%xx` are decoded; the last of a name wins (parse_str)."""
    assert wire.parse_str(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("f[a][b]=1&f[a][c]=2", {"f": {"a": {"b": "1", "c": "2"}}}),
    ("f[]=x&f[]=y", {"f": ["x", "y"]}),
    ("f[0]=x&f[1]=y", {"f": ["x", "y"]}),
    ("f[1]=x&f[0]=y", {"f": {"1": "x", "0": "y"}}),
    ("f[5]=x&f[]=y", {"f": {"5": "x", "6": "y"}}),
    ("f[%3EID]=1", {"f": {">ID": "1"}}),
    ("f=1&f[a]=2", {"f": {"a": "2"}}),
    ("f[a]=1&f=2", {"f": "2"}),
    ("f[a]b=1", {"f": {"a": "1"}}),
    ("f[a=1", {"f_a": "1"}),
    ("f[a][b=1", {"f": {"a": "1"}}),
    ("[a]=1", {}),
])
def test_brackets_nest(text, expected):
    """Brackets nest, `[]` appends, and keys 0..n-1 in order make a list (php_register_variable_ex)."""
    assert wire.parse_str(text) == expected


def test_dots_and_spaces_of_a_top_level_name():
    """Dots and spaces of a top-level name become underscores, those of inner keys stay (PHP)."""
    assert wire.parse_str("a.b+c=1&f[a.b]=2") == {"a_b_c": "1", "f": {"a.b": "2"}}


def test_too_many_variables():
    """Variables beyond `max_input_vars` are dropped in silence (PHP; portal.md section 1)."""
    assert wire.parse_str("a=1&b=2&c=3", max_vars=2) == {"a": "1", "b": "2"}


def test_too_deep_a_variable():
    """A variable nested beyond 64 levels is dropped whole (max_input_nesting_level)."""
    assert wire.parse_str("f" + "[x]" * 65 + "=1&g=2") == {"g": "2"}


NAMES = st.text("abcXYZ_>@!=é", min_size=1)
TREES = st.recursive(st.text(), lambda inner: st.dictionaries(NAMES, inner, min_size=1) | st.lists(inner, min_size=1),
                     max_leaves=5)


def pairs(value, path):
    """Write a tree as http_build_query does."""
    if isinstance(value, str):
        return [f"{path}={quote(value)}"]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [pair for key, inner in items for pair in pairs(inner, f"{path}[{quote(str(key))}]")]


@settings(max_examples=40)
@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_parse_str_round_trip(tree):
    """What http_build_query writes, parse_str reads back."""
    assert wire.parse_str("&".join(pair for key, value in tree.items() for pair in pairs(value, quote(key)))) == tree


@given(st.text())
def test_parse_str_takes_anything(text):
    """No query string is an error."""
    wire.parse_str(text)


@pytest.mark.parametrize(("body", "expected"), [
    (b'{"a":{"b":[1,null]}}', {"a": {"b": [1, None]}}),
    (b'{"a":{"0":"x","1":"y"},"b":{"1":"x"},"c":{}}', {"a": ["x", "y"], "b": {"1": "x"}, "c": []}),
    (b'["x",{"0":1}]', {"0": "x", "1": [1]}),
])
def test_json_becomes_arrays(body, expected):
    """JSON objects and lists are both PHP arrays: one shape, whatever the client wrote."""
    assert wire.decode(body) == expected


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"7", b'"text"', b"a=1", b"\xff", b"[" * 513 + b"]" * 513])
def test_json_that_is_none(body):
    """Malformed, empty, scalar or too deep JSON is no parameters, and no error (decodeJsonStrict, swallowed)."""
    assert wire.decode(body) == {}


def test_deep_json():
    """512 levels are read, and brackets inside texts are no levels (main/lib/web/json.php)."""
    assert wire.decode(b"[" * 512 + b"]" * 512) != {}
    assert wire.decode(orjson.dumps({"a": r'[{\"' * 600})) == {"a": r'[{\"' * 600}


@pytest.mark.parametrize(("value", "expected"), [
    (None, False), (False, False), (0, False), (0.0, False), ("", False), ("0", False), ([], False), ({}, False),
    ("false", True), ("0.0", True), (" ", True), (1, True), (["0"], True), ({"a": 0}, True),
])
def test_truthiness(value, expected):
    """Only "" and "0" are false texts: "false" is true (PHP)."""
    assert wire.truthy(value) is expected


@pytest.mark.parametrize(("items", "expected"), [
    ({}, []), ({"0": "a"}, ["a"]), ({"0": "a", "1": "b"}, ["a", "b"]), ({"1": "b", "0": "a"}, {"1": "b", "0": "a"}),
    ({"00": "a"}, {"00": "a"}), ({"0": "a", "x": "b"}, {"0": "a", "x": "b"}),
])
def test_shape(items, expected):
    """An array is a JSON list iff its keys are exactly 0..n-1 in order, and `[]` when empty (portal.md 2.4)."""
    assert wire.shape(dict(items)) == expected


@pytest.mark.parametrize(("value", "expected"), [
    ("a/b", rb'"a\/b"'),
    ("<b>&'", rb'"\u003Cb\u003E\u0026\u0027"'),
    ('say "x"', rb'"say \u0022x\u0022"'),
    ("a\\", rb'"a\\"'),
    ('a\\"', rb'"a\\\u0022"'),
    ("\\/", rb'"\\\/"'),
    ("é\u2028", b'"\xc3\xa9\\u2028"'),
    ("\0\n\x1f", rb'"\u0000\n\u001f"'),
])
def test_escapes(value, expected):
    r"""`< > & ' "` are `\u00XX`, `/` is `\/`, other text is raw (portal.md 10)."""
    assert wire.encode(value) == expected


TEXTS = st.text() | st.text('\\"/<>&\'\u2028\0')
VALUES = st.recursive(st.none() | st.booleans() | st.integers(-2**63, 2**63) | st.floats(allow_nan=False, allow_infinity=False)
                      | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@settings(max_examples=40)
@given(VALUES)
def test_encoded_is_the_same_value(value):
    """Whatever is encoded decodes to the same value, and no character that PHP escapes stands raw."""
    encoded = wire.encode(value)
    assert orjson.loads(encoded) == value
    assert not set(b"<>&'") & set(encoded)


@pytest.mark.parametrize(("value", "expected"), [(10.0, "10"), (0.0, "0"), (0.25, "0.25"), (3, "3")])
def test_numbers(value, expected):
    """A float without a fraction prints as an int (PHP)."""
    assert str(wire.number(value)) == expected
