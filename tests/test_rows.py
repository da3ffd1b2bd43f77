"""Rows out of their texts."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.rows import rows_of

IDS = st.one_of(st.integers(-5, 2**70), st.integers(0, 2**63).map(str), st.text(max_size=5), st.none(), st.floats(allow_nan=False), st.lists(st.integers()))
TITLE = '"T":1,'
OTHERS = st.dictionaries(st.sampled_from(["ID", "id", "TITLE", "XID"]), st.one_of(IDS, st.dictionaries(st.just("ID"), IDS)), max_size=4)


@st.composite
def objects(draw: st.DrawFn) -> dict[str, object]:
    """Draw a row: its id at its beginning, as nearly all have it, or anywhere else, or nowhere."""
    others = draw(OTHERS)
    if draw(st.booleans()):
        return {"ID": draw(IDS)} | {key: value for key, value in others.items() if key != "ID"}
    return others


@given(st.lists(objects(), max_size=20))
def test_a_row_is_its_text_and_the_id_that_any_reader_finds(values):
    """Whether it is seen from the text or read, wherever it stands, whatever other ids stand in the row."""
    texts = list(map(msgspec.json.encode, values))
    rows = rows_of([msgspec.Raw(text) for text in texts], ("ID",))
    assert texts == [row.text for row in rows]
    assert [{"ID": one["ID"]} if "ID" in one else {} for one in map(msgspec.json.decode, texts)] == [row.keys for row in rows]


@pytest.mark.parametrize("broken", [b"\xff", b"\xd0", b"\x97", b"\xed\xa0\x80"])
@given(count=st.integers(1, 50), data=st.data())
def test_letters_that_are_none_are_found_in_any_row(broken, count, data):
    """Also those that would be whole with a neighbour's, were rows put together in another way."""
    place = data.draw(st.integers(0, count - 1))
    texts = ['{"ID":"1","T":"Заказ"}'.encode()] * count
    texts[place] = b'{"ID":"1","T":"%b"}' % broken
    with pytest.raises(UnicodeDecodeError):
        rows_of([msgspec.Raw(text) for text in texts], ("ID",))


@given(st.integers(0, 99), st.integers(0, 99), st.booleans(), st.booleans())
def test_no_row_has_two_ids(first, second, text, apart):
    """The first is what its text begins with, the last what most readers take: they have to be the same."""
    ids = [f'"{one}"' if text else str(one) for one in (first, second)]
    row = f'{{"ID":{ids[0]},{TITLE if apart else ""}"ID":{ids[1]},"Z":2}}'.encode()
    if first == second:
        assert [first] == [int(one.keys["ID"]) for one in rows_of([msgspec.Raw(row)], ("ID",))]
    else:
        with pytest.raises(msgspec.ValidationError):
            rows_of([msgspec.Raw(row)], ("ID",))


@pytest.mark.parametrize("again", ['"ID" :"5"', '"\\u0049D":"5"', '"I\\u0044" : "5"', '"ID"\t:"5"', '"\\u0049\\u0044":"5"'])
@pytest.mark.parametrize("row", ['{{"ID":"1","A":"x",{again}}}', '{{{again},"A":"x","ID":"1"}}', '{{"A":{{"ID":"1"}},{again},"ID":"1"}}'])
def test_a_second_id_is_seen_however_it_is_written(row, again):
    """PHP writes no white space, and no key with escapes; where somebody does, readers still have to agree."""
    with pytest.raises(msgspec.ValidationError):
        rows_of([msgspec.Raw(row.format(again=again).encode())], ("ID",))


@pytest.mark.parametrize("key", ['"ID" ', '"\\u0049D"', '"I\\u0044"'])
def test_an_id_is_read_however_it_is_written(key):
    """One key, and what any reader takes for it."""
    (row,) = rows_of([msgspec.Raw(f'{{"A":{{"ID":"7"}},{key}:"5"}}'.encode())], ("ID",))
    assert {"ID": "5"} == row.keys
