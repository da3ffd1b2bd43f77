"""From words and options to questions, one per entity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson

from extractor.catalog import Entity, resolve
from extractor.config import File, Wishes
from extractor.errors import ConfigError, UsageError
from extractor.question import Paging, Question

_FOR_ONE = {"select": "--select", "conditions": "--filter", "params": "--param", "paging": "--paging"}

_SELECT = """A,B or '["A","B"]'"""
_FILTER = """'{"ASSIGNED_BY_ID": 5}' (in quotes, for the shell)"""


def questions(words: Sequence[str], options: Mapping[str, Any], file: File) -> list[Question]:
    """Return what is asked, of every entity that the words name.

    Raises:
        UsageError: A word names nothing, or an option makes no sense.
        ConfigError: A table of the file names nothing.
    """
    entities = resolve(words, options.get("exclude") or ())
    if not entities:
        raise UsageError("nothing is left to read: --exclude takes away all that was named")
    given = [option for key, option in _FOR_ONE.items() if options.get(key) not in (None, ())]
    if given and len(entities) > 1:
        raise UsageError(f"{given[0]} is for one named entity; here are {len(entities)} (use --config for several)")
    try:
        resolve(list(file.entities) or ["*"])  # a table for an entity that does not exist helps nobody
    except UsageError as error:
        raise ConfigError(f"{file.name}: [entities]: {error}") from None
    if given:
        (entity,) = entities
        return [_question(entity, _both(_wishes(options), file.entities.get(entity.name, Wishes())))]
    return [_question(entity, file.entities.get(entity.name, Wishes()), f"{file.name}: [entities.{entity.name}]") for entity in entities]


def _both(given: Wishes, filed: Wishes) -> Wishes:
    """Take each wish from the command line, where it stands there, and else from the file."""
    return Wishes(
        select=filed.select if given.select is None else given.select,
        filter=given.filter or filed.filter,
        params={**filed.params, **given.params},
        paging=filed.paging if given.paging == "auto" else given.paging,
    )


def _question(entity: Entity, wishes: Wishes, origin: str = "") -> Question:
    """Ask one entity what the user wants of it."""
    written = origin if wishes != Wishes() else ""
    if wishes.paging != "auto" and entity.paging != "keyset":
        how = "in one reply" if entity.paging == "single" else "as its answers say that it goes on"
        raise UsageError(f"{origin + ': ' if origin else '--'}paging: {entity.name} is read {how}, and in no other way: leave it out")
    return Question(entity, wishes.select, wishes.filter, wishes.params, cast("Paging", wishes.paging), written)


def _wishes(options: Mapping[str, Any]) -> Wishes:
    """Read the options for one entity."""
    return Wishes(
        select=None if options.get("select") is None else _names(options["select"]),
        filter={} if options.get("conditions") is None else _json(options["conditions"], "--filter", _FILTER),
        params=dict(_pair(text) for text in options.get("params") or ()),
        paging=options.get("paging") or "auto",
    )


def _names(text: str) -> tuple[str, ...]:
    """Read a comma-separated list, or a JSON one."""
    if not text.lstrip().startswith("["):
        return tuple(name.strip() for name in text.split(",") if name.strip())
    names = _json(text, "--select", _SELECT)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f"--select is a list of names: {_SELECT}")
    return tuple(names)


def _pair(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE; a value that is JSON is taken as that, any other as text."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--param is KEY=VALUE, such as entityTypeId=128, not {text!r}")
    try:
        return key, orjson.loads(value)
    except orjson.JSONDecodeError:
        return key, value


def _json(text: str, option: str, form: str) -> Any:
    """Read JSON; what is none is answered with the form of what is wanted."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{option} is no JSON ({error}): write it as {form}") from None
