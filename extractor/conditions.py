"""The user's own question, held against what the portal would make of it.

The portal refuses next to nothing: a condition that it does not understand
vanishes, and the whole table comes back as if it had been asked for. So
everything that would vanish, or would mean something else than it says, is
refused before the first data call, with the spelling that works.

    spelling    the key: operator, name, case
    operands    the value behind it
    wishes      columns and parameters

Two steps: `check` knows the catalog only; `check_fields` knows what the
portal's own fields method reported. Then `normal` makes room for paging,
which writes `>ID` and `<=ID` into the same filter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from extractor.catalog import Entity
from extractor.errors import UsageError
from extractor.operands import check_value, guess, kind_of
from extractor.question import Question
from extractor.spelling import CAMEL, CLASSIC, MULTIFIELDS, Dialect, Key, dialect, key_of, nearest
from extractor.wishes import check_params, check_select, check_selected, original_names

# Methods that read these keys, spelled just so, and nothing else of a filter (crm-lists: status, timeline.comment,
# category, currency; the documentation page of department.get). All but departments answer without paging.
_EXACT: dict[str, tuple[str, ...]] = {
    "crm.status.list": ("ID", "ENTITY_ID", "STATUS_ID", "NAME", "SORT", "SYSTEM", "CATEGORY_ID", "SEMANTICS"),
    "crm.category.list": ("code",),
    "crm.timeline.comment.list": ("ENTITY_ID", "ENTITY_TYPE"),
    "crm.currency.list": (),
    "crm.activity.binding.list": (),
}
# CCrmProduct::GetList: its pattern for keys has no `@`.
_NO_IN = frozenset({"crm.product.list"})
_REFERENCE = re.compile(r"\$(result|error|total|next|time)\[", re.IGNORECASE)
# rest_util.php:processBatchElement, in the value of any command, wherever it stands
_PAIR = ({"OWNER_TYPE_ID", "OWNER_ID"})
_ONE_PAIR = '"BINDINGS": [{"OWNER_TYPE_ID": 2, "OWNER_ID": 5}]'


def check(question: Question) -> None:
    """Refuse what the portal would not answer as asked, as far as can be told without asking it.

    Raises:
        UsageError: With what is wrong and the right spelling.
    """
    entity = question.entity
    for option, said in (("--filter", question.filter), ("--select", question.select), ("--param", question.params)):
        if found := _REFERENCE.search(str(said)):
            raise UsageError(f"{option} holds {found[0]!r}, which a batch would replace by the answer of another call: leave it out")
    check_params(entity, question.params)
    check_select(entity, question.select, question.params)
    _check_container(entity, question.filter)
    if entity.method in _EXACT:
        _check_exact(entity, question.filter)
        return
    known = dialect(entity)
    for key, value in _conditions(question, question.filter):
        check_value(key, value, known, guess(key.name, entity))


def check_fields(question: Question, fields: Mapping[str, str]) -> None:
    """Refuse names that the portal does not know and values that do not fit their field's type.

    `fields` are the names and types that the entity's fields method reports;
    where it reports none, nothing can be said.

    Raises:
        UsageError: With what is wrong and the nearest names.
    """
    if not fields:
        return
    entity, original = question.entity, original_names(question.params)
    if question.select is not None:
        check_selected(entity, question.select, fields, original=original)
    if entity.method in _EXACT:
        return
    fields = {**dict.fromkeys(entity.also, ""), **fields}
    blind = (original or bool(entity.also)) and not any(name.startswith("UF_") for name in fields)
    for key, value in _conditions(question, question.filter):
        if key.name not in fields and not (blind and key.name.startswith("UF_")):
            raise UsageError(f"filter key {key.typed!r} names no field of {entity.name}, and would be dropped: "
                             f"{nearest(key.name, fields)}")
        check_value(key, value, dialect(entity), kind_of(fields.get(key.name, "")))


def fields_from(result: object) -> dict[str, str]:
    """Read the reply of a fields method: each name with its type, or with "" where it has none."""
    if isinstance(result, Mapping) and isinstance(result.get("fields"), Mapping | list):
        result = result["fields"]
    if not isinstance(result, Mapping):
        return {}  # PHP's empty object is `[]`
    return {str(name): str(about.get("type", "")).lower() if isinstance(about, Mapping) else ""
            for name, about in result.items()}


def normal(question: Question) -> Question:
    """Rewrite conditions that paging would overwrite, so that they mean the same and stay.

    Paging adds `>ID` and `<=ID` to the filter: the user's own become `>=ID`
    and `<ID`, one further. A filter that is an OR goes into a group of its
    own, or the bounds would be one more alternative.
    """
    name = question.entity.filter_id
    if question.entity.paging != "keyset" or not question.filter:
        return question
    if str(question.filter.get("logic", "")).upper() == "OR":
        return replace(question, filter={"0": dict(question.filter)})
    kept = dict(question.filter)
    for taken, free, step, tighter in ((f">{name}", f">={name}", 1, max), (f"<={name}", f"<{name}", 1, min)):
        if taken in kept:
            bounds = [int(kept.pop(taken)) + step, *([int(kept[free])] if free in kept else [])]
            kept[free] = tighter(bounds)
    return replace(question, filter=kept)


def _check_container(entity: Entity, given: object) -> None:
    """Refuse a filter that is no object, and one where there is no place for it."""
    if not isinstance(given, Mapping):
        example = json.dumps({f">={entity.filter_id or 'ID'}": 5})
        raise UsageError(f"the filter is no JSON object, and the portal would answer with the whole table: "
                         f"write it as {example}")
    if given.keys() == {"logic"}:
        raise UsageError("filter key 'logic' joins no conditions: write some beside it, or leave it out")
    if given and entity.method == "department.get":
        raise UsageError("department.get reads no filter: write its conditions as parameters, such as --param PARENT=1")


def _check_exact(entity: Entity, given: Mapping[str, Any]) -> None:
    """Check the filter of a method that reads a few fixed keys only."""
    known = _EXACT[entity.method]
    for typed, value in given.items():
        if typed not in known:
            raise UsageError(f"filter key {typed!r} would be ignored: {entity.method} reads "
                             + (f"only {', '.join(known)}, spelled just so" if known else "no conditions; leave --filter out"))
        if isinstance(value, list | tuple | dict):
            raise UsageError(f"filter key {typed!r} takes one value: write it without brackets")
        check_value(Key(typed, "", typed), value, CLASSIC, "")


def _conditions(question: Question, given: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    """Walk over all conditions that have a key and a value, checking the keys on the way."""
    entity, known = question.entity, dialect(question.entity)
    for typed, value in given.items():
        if known is None:
            if value in ([], ()):  # all that can be said of a method nothing is known of
                yield Key(typed, "", typed), value
        elif known.groups and (_is_number(typed) or typed.casefold() == "logic"):
            yield from _group(question, typed, value)
        elif typed.lstrip("!=<>@%? ").upper() == "BINDINGS":
            _check_bindings(entity, typed, value)
        else:
            key = key_of(typed, value, entity, known, original_names=original_names(question.params))
            _check_place(key, value, entity, known)
            yield key, value


def _group(question: Question, typed: str, value: object) -> Iterator[tuple[Key, Any]]:
    """Walk into a nested group of conditions (`item:Validator.Filter`)."""
    if not _is_number(typed):
        if typed != "logic" or value not in ("AND", "OR"):
            raise UsageError(f'filter key {typed!r} joins conditions: write "logic": "OR", or "logic": "AND"')
        return
    if not isinstance(value, Mapping) or not value.keys() - {"logic"}:
        raise UsageError(f'filter key {typed!r} holds no group of conditions: write {{"0": {{"logic": "OR", '
                         f'"0": {{"id": 1}}, "1": {{"id": 2}}}}}}')
    yield from _conditions(question, value)


def _check_place(key: Key, value: object, entity: Entity, known: Dialect) -> None:
    """Refuse fields that this list cannot be filtered by, or not in this way."""
    if key.name in entity.unfilterable:
        raise UsageError(f"filter key {key.typed!r} would be dropped: {entity.method} cannot be filtered by {key.name}; "
                         "leave it out and choose among the rows afterwards")
    if key.operator in {"@", "!@"} and entity.method in _NO_IN:
        raise UsageError(f"filter key {key.typed!r} would be dropped: write {key.operator.replace('@', '') + key.name!r}")
    if known is not CAMEL and key.name in MULTIFIELDS & set(entity.select) and (
            key.operator or isinstance(value, list | tuple)):
        # rs:internalizeFilterFields: the first value, as the beginning of a text; with a prefix, nothing.
        raise UsageError(f"filter key {key.typed!r} would be dropped or cut short: write {key.name!r} with one value, "
                         "which the portal takes for the beginning of a text")


def _check_bindings(entity: Entity, typed: str, value: object) -> None:
    """Refuse bindings of which the portal would leave nothing (act-my:PrepareBindingsFilterSql)."""
    if not entity.bindings:
        raise UsageError(f"filter key {typed!r} would be dropped: only crm.activity.list can be filtered by bindings")
    if typed != "BINDINGS":
        raise UsageError(f"filter key {typed!r} would be dropped: write 'BINDINGS'")
    if not isinstance(value, list | tuple) or not value:
        raise UsageError(f"BINDINGS is no list of pairs, and the whole table would come: write {_ONE_PAIR}")
    for pair in value:
        if not isinstance(pair, Mapping) or not pair.keys() <= _PAIR:
            raise UsageError(f"BINDINGS holds {json.dumps(pair, default=str)}, which is no pair: write {_ONE_PAIR}")
        if not all(_is_id(number) for number in pair.values()) or "OWNER_TYPE_ID" not in pair:
            raise UsageError(f"BINDINGS holds {json.dumps(pair, default=str)}, and a pair without a type of owner "
                             f"or with ids that are no numbers is ignored: write {_ONE_PAIR}")


def _is_id(value: object) -> bool:
    """Tell whether a value is a positive whole number: 0 and text are no owner."""
    if isinstance(value, str):
        return _is_number(value) and int(value) > 0
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_number(text: str) -> bool:
    """Tell whether a text consists of plain digits."""
    return text.isascii() and text.isdigit()
