# ruff: noqa: RUF001 - the letters of another alphabet are the point
"""Texts as people and programs leave them in a CRM: the food of encoders.

Cyrillic, emoji, quotes, markup, slashes, control characters (NUL among them) and
mails of twenty kilobytes: everything that breaks a careless reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

PEOPLE = ("Анна Смирнова", "Nicholas Mitchell", "Ольга Пак", "O'Brien, Seán", "José Núñez", "王小明", "Lü & Söhne")
FIRMS = ('ООО "Ромашка"', "Ltd. Fusion", "ИП Сидоров", "Müller & Co <Berlin>", "ACME/EU", "ТОО «Алтын»", "株式会社 山")
TOPICS = ("Входящий звонок", "Outgoing call", "Re: счёт №", "Встреча 🤝", "Договор \\ правки", "Follow-up", "Заказ 100%")
ODDITIES = ("line\r\nbreak", "tab\there", "NUL\x00inside", "bell\x07", "\u2028separator", "astral 𝒳 👩‍👩‍👧", "</script>",
            '"quoted"', "a\\b/c", "100 % & more", "it's", "\x1b[31mred", "é́ combining", "\ufeffmark")
SENTENCES = (
    "Клиент просил перезвонить после обеда. ", "Please send the invoice again. ",
    "Отгрузка — во вторник, склад № 4. ", "<p>Добрый день!</p> ", "Скидка 15% согласована с руководителем. ",
    "See https://example.com/a?b=1&c=2 for details. ", "Оплата поступила 🎉 спасибо! ",
)

Make = Callable[[Random], Any]


def fixed(value: Any) -> Make:
    """Always the same value."""
    return lambda _rng: value


def among(*values: Any) -> Make:
    """One of the values."""
    return lambda rng: rng.choice(values)


def often(value: Any, *others: Any) -> Make:
    """`value` in nine cases of ten, otherwise one of the others."""
    return lambda rng: rng.choice(others) if rng.random() < 0.1 else value


def between(low: int, high: int) -> Make:
    """A number from `low` to `high`."""
    return lambda rng: rng.randint(low, high)


def maybe(make: Make, chance: float, empty: Any = None) -> Make:
    """What `make` makes with the chance given, otherwise `empty`."""
    return lambda rng: make(rng) if rng.random() < chance else empty


def money(high: int, places: int = 2) -> Make:
    """A decimal as the database driver gives it: text."""
    return lambda rng: f"{rng.randrange(high * 100) / 100:.{places}f}"


def moment(low: int, high: int, step: int = 60) -> Make:
    """A moment in unix seconds, a multiple of `step`."""
    return lambda rng: rng.randrange(low, high, step)


def title(parts: Sequence[str] = TOPICS) -> Make:
    """A short line: topic, person, sometimes an oddity."""
    def make(rng: Random) -> str:
        tail = f" {rng.choice(ODDITIES)}" if rng.random() < 0.2 else ""
        return f"{rng.choice(parts)} {rng.choice(PEOPLE)} {rng.randint(1, 9999)}{tail}"
    return make


def prose(mean: int, huge: float = 0.0) -> Make:
    """A text of about `mean` characters; with the chance `huge`, of some 12,000 (20 KB)."""
    def make(rng: Random) -> str:
        size = 12_000 if rng.random() < huge else int(rng.expovariate(1 / mean))
        pieces: list[str] = []
        length = 0
        while length < size:
            pieces.append(rng.choice(ODDITIES if rng.random() < 0.05 else SENTENCES))
            length += len(pieces[-1])
        return "".join(pieces)
    return make
