"""The texts of a portal."""

from __future__ import annotations

from random import Random

from extractor.sandbox import texts


def many(make, count=3_000):
    """Make many values."""
    rng = Random(1)
    return [make(rng) for _ in range(count)]


def test_titles_contain_what_breaks_encoders():
    """Control characters, NUL among them, quotes, markup, emoji and Cyrillic occur in short texts."""
    everything = "".join(many(texts.title()))
    for sign in ("\x00", "\x07", '"', "<", ">", "&", "'", "/", "\\", "\u2028", "🤝", "Ж" if "Ж" in everything else "з"):
        assert sign in everything


def test_prose_has_about_the_length_asked_for():
    """Texts vary around their mean."""
    lengths = [len(text) for text in many(texts.prose(300))]
    assert 250 < sum(lengths) / len(lengths) < 450


def test_some_prose_is_huge():
    """Mails of some 20 KB occur."""
    assert any(len(text.encode()) > 15_000 for text in many(texts.prose(100, huge=0.01), 500))


def test_maybe_is_empty_sometimes():
    """NULLs occur as often as asked for."""
    assert set(many(texts.maybe(texts.fixed(1), 0.5))) == {None, 1}


def test_often_has_exceptions():
    """The rare values of a column occur."""
    assert set(many(texts.often("a", "b", "c"))) == {"a", "b", "c"}


def test_money_is_text():
    """Decimals leave the database as text with their places."""
    assert all(value.partition(".")[2].isdigit() and len(value.partition(".")[2]) == 4 for value in many(texts.money(10, 4), 50))


def test_moments_keep_their_step():
    """Dates are whole days."""
    assert all(value % 86_400 == 0 for value in many(texts.moment(0, 86_400_000, 86_400), 50))


def test_among_and_between():
    """Values come from their set and range."""
    assert set(many(texts.among(1, 2))) == {1, 2}
    assert set(many(texts.between(1, 3))) == {1, 2, 3}
