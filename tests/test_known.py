"""How a row is known: by its id, and a mark of its text."""

import msgspec
import pytest

from extractor.errors import UsageError
from extractor.known import Known, id_of
from extractor.messages import Row
from tests.mirrors import SAME, Nights


@pytest.mark.parametrize(("value", "known"), [
    ("5", 5), (5, 5), ("007", 7), ("EUR", "EUR"), ("", ""), ("-5", "-5"), ("٣", "٣"), (2**63 - 1, 2**63 - 1), (str(2**63), str(2**63)),
    (2**63, str(2**63)), (-(2**63), -(2**63)), (-(2**63) - 1, str(-(2**63) - 1)), (10**400, str(10**400)), ("9" * 5_000, "9" * 5_000),
    ("0" * 5_000 + "5", 5), (1, 1), (True, "True"), (False, "False"), (None, "None"), (1.5, "1.5"),
])
def test_an_id_is_a_number_wherever_it_is_one_that_can_be_kept(value, known):
    """All others are texts: nothing is too large, and `true` is not row 1."""
    found = id_of(Row(b"{}", {"ID": value}), "ID")
    assert (type(known), known) == (type(found), found)


def test_rows_of_any_id_are_known_apart(tmp_path):
    """What a method that is read whole answers is nobody's to check: it is kept as it is."""
    known = Known.open(tmp_path / "known.sqlite")
    texts = [b'{"ID":%s}' % one for one in (b"1", b"true", b'"99999999999999999999"', b"-99999999999999999999", b"null", b"[1]")]
    rows = [Row(text, msgspec.json.decode(text)) for text in texts]
    assert rows == known.news("departments", rows, "ID")
    assert [] == known.news("departments", rows, "ID")
    assert len(texts) == known.count("departments")
    known.close()


async def test_a_damaged_record_is_answered_with_what_works(tmp_path):
    """Another folder; not to remove it, for then nothing says whose the files are."""
    world = Nights(tmp_path / "out", "deals", rows={"deals": 60})
    await world.night()
    (tmp_path / "out/.b24x/known.sqlite").write_bytes(b"x" * 20_000)
    with pytest.raises(UsageError, match=r"damaged \(.*\): choose another folder") as caught:
        await world.night()
    assert "remove" not in str(caught.value)
    world.trial.folder = tmp_path / "another"
    assert 0 == (await world.night()).exit_code
    assert SAME == await world.differences("deals")
