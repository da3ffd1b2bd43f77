"""What `wording` promises: people are spoken to in their own language."""

import pytest

from extractor.wording import counted, quoted, reading, words


@pytest.mark.parametrize(("number", "noun", "said"), [
    (0, "row", "0 rows"), (1, "row", "1 row"), (2_000, "row", "2,000 rows"), (1, "entity", "1 entity"), (2, "entity", "2 entities")])
def test_one_is_no_plural(number, noun, said):
    """A count and its noun agree."""
    assert said == counted(number, noun)


@pytest.mark.parametrize(("value", "said"), [
    ("x", "'x'"), (float("nan"), "nan"), (10**400, f"1{'0' * 39}..."), (16**5000, "a number of thousands of digits")], ids=["a", "b", "c", "d"])
def test_a_quotation_is_short(value, said):
    """Whatever somebody wrote, the sentence about it stays one that can be read."""
    assert said == quoted(value)


def test_names_of_readings():
    """An entity is called by its name, and a reading of it by what is read."""
    assert ("deals", "deals (ids)") == (reading("deals"), reading("deals:ids"))


def test_names_of_errors():
    """A class's name becomes words."""
    assert ["connection lost", "not json", "server failure"] == [words(name) for name in ("ConnectionLost", "NotJson", "ServerFailure")]
