"""How things are said to people: counts with their nouns, and names that were made for programs."""

from __future__ import annotations

import re

QUOTED = 40  # letters: more than any number that makes sense has


def counted(number: int, noun: str) -> str:
    """Say how many of something there are: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun if number == 1 else _plural(noun)}"


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def quoted(value: object) -> str:
    """Quote what somebody wrote where it makes no sense, in a few letters, however long it is."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no longer ones
        return "a number of thousands of digits"
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}..."


def reading(name: str) -> str:
    """Say which reading of an entity is meant: `deals:ids`, as events name it, is `deals (ids)`."""
    entity, _, part = name.partition(":")
    return f"{entity} ({part})" if part else entity


def words(name: str) -> str:
    """Say the name of an error class in words: `ConnectionLost` is `connection lost`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
