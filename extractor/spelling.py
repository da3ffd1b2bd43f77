"""How a filter key must be spelled so that its condition is not lost.

Rule 1: a key is an operator and the name of a field, with nothing before,
between or behind them. What the portal's parser does not recognise it takes
for a part of the name, and a name it does not know it drops, condition and
all (`CCrmRestProxyBase::internalizeFilterFields`).

Rule 2: the case of names is the case of `Entity.filter_id`: some controllers
want UPPER_SNAKE although their rows come in camelCase.

Rule 3: whoever is refused learns the spelling that works.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from extractor.catalog import Entity
from extractor.errors import UsageError

Case = Literal["upper", "camel"]

RANGES = frozenset({">", ">=", "<", "<="})
EQUALITIES = frozenset({"", "=", "!", "!="})
PATTERNS = frozenset({"%", "=%", "%=", "?", "!%", "!=%", "!%="})
MULTIFIELDS = frozenset({"PHONE", "EMAIL", "WEB", "IM", "LINK"})

_CLASSIC = EQUALITIES | RANGES | {"@", "!@", "%", "=%", "%=", "?"}
_STRICT = EQUALITIES | RANGES | {"@", "!@", "%", "=%", "%=", "!%", "!=%", "!%="}
# sqlu:PrepareWhere never writes NOT in its LIKE branches: the `!` is lost, not the condition.
_NOT_LIKE = ("returns the rows that match, not the others: this list cannot negate a pattern; "
             "leave the key out, or exclude whole values with {right!r}")
_LOST = "is a spelling that the portal drops in silence, and its condition with it: write {right!r}"
_ODD = "is a spelling that no document promises, and that the portal reads in its own way: write {right!r}"
_REFUSED = "is a spelling that the portal does not take: write {right!r}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one list method reads a filter: its operators, those that take a list, the case of its names."""

    operators: frozenset[str]
    lists: frozenset[str]
    case: Case
    verdict: str = _LOST
    misread: Mapping[str, str] = field(default_factory=dict)
    groups: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A filter key taken apart; `typed` is how the user wrote it."""

    typed: str
    operator: str
    name: str


# sqlu:GetFilterOperation, sqlu:PrepareWhere. A list under a pattern is a disjunction, under a range it is cast to 1.
CLASSIC = Dialect(_CLASSIC, _CLASSIC - RANGES, "upper", misread={
    **dict.fromkeys(("!%", "!=%", "!%="), _NOT_LIKE),
    **dict.fromkeys(("!>", "!>=", "!<", "!<=", "!?", "*", "*=", "*%", "+"), _ODD),
})
# item:Validator.Filter: arrays with five prefixes only, so that `><`, which it lists, cannot be used.
CAMEL = Dialect(_STRICT, frozenset({"", "=", "!=", "@", "!@"}), "camel", _REFUSED, groups=True)
UPPER = Dialect(CAMEL.operators, CAMEL.lists, "upper", _REFUSED)
# rest/lib/api/user.php:prepareUserFilter drops names that it does not know.
ORM = Dialect(_STRICT, _STRICT - RANGES - PATTERNS, "upper")

# Classic lists that the catalog does not know, so that nothing tells their ids (rs:CCrmRestProxyBase).
_PROXIES = frozenset({"crm.quote.list", "crm.product.list", "crm.productrow.list"})

# What users of other languages and of Bitrix's own older APIs write, and what they mean by it.
_MEANT = {
    "=>": ">=", "=<": "<=", ">=>": ">=", "<=<": "<=", ">>": ">", "<<": "<", "<>": "!", "!<>": "=", "==": "=",
    "!==": "!=", "!!": "", "=!": "!", "=@": "@", "@=": "@", "!=@": "!@", "@!": "!@", "!>": "<=", "!>=": "<",
    "!<": ">=", "!<=": ">", "*": "%", "*=": "%", "*%": "%", "%%": "%", "~": "%", "!?": "!", "?": "%",
    "!%": "!", "!=%": "!", "!%=": "!",
}

# Dropped by rs:internalizeFilterFields, twice in the case of CHECK_PERMISSIONS.
_NO_FIELDS = {
    "LOGIC": "all conditions are joined with AND here; for OR, ask twice, or list the values of one field: "
             '{{"@{example}": [1, 2]}}',
    "__INNER_FILTER": "groups of conditions do not exist here; write them side by side, joined with AND",
    "CHECK_PERMISSIONS": "the rows are always those that the credentials may read; leave it out",
    "SEARCH_CONTENT": 'the search index cannot be asked; name the field to look into, as in "%TITLE"',
}


def dialect(entity: Entity) -> Dialect | None:
    """Return how the entity's list method reads a filter; `None` where nothing is known of it."""
    if entity.method.lower() in _PROXIES:
        return CLASSIC
    if not entity.filter_id:
        return None
    if entity.family == "controller":
        return UPPER if entity.filter_id.isupper() else CAMEL
    return ORM if entity.family == "orm" else CLASSIC


def key_of(typed: str, value: object, entity: Entity, known: Dialect, *, original_names: bool = False) -> Key:
    """Take a filter key apart.

    Raises:
        UsageError: The portal would lose the key, or read it as something else.
    """
    prefix, name = _parts(typed)
    operator = "".join(prefix.split()).replace("+", "")
    name = name.strip().rpartition(".")[2]
    _check_name(typed, name, entity)
    meant = operator if operator in known.operators else _MEANT.get(operator, operator)
    name = cased(name, known.case, original_names=original_names)
    reading = known.misread.get("+" if "+" in prefix else operator)
    if reading:
        raise UsageError(f"filter key {typed!r} {reading.format(right=meant + name)}")
    if operator in {"><", "!><"}:
        raise UsageError(f"filter key {typed!r} {_between(operator, name, value, known)}")
    if meant not in known.operators:
        raise UsageError(f"filter key {typed!r} begins with no operator of {entity.method}, which knows {_listed(known)}")
    if typed != meant + name:
        raise UsageError(f"filter key {typed!r} {known.verdict.format(right=meant + name)}")
    return Key(typed, operator, name)


def cased(name: str, case: Case, *, original_names: bool = False) -> str:
    """Return a field's name in the case that a dialect wants."""
    if case == "upper":
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
    if name.startswith("UF_"):
        return name if original_names else _user_field(name)
    if name.isupper() or ("_" in name and not name.startswith("uf")):
        name = re.sub(r"_([a-z0-9])", lambda sign: sign[1].upper(), name.lower())
    return name[:1].lower() + name[1:]


def _user_field(name: str) -> str:
    """Return a user field's name in camelCase: UF_CRM_9 is ufCrm_9, that of type 7 UF_CRM_7_9 is ufCrm7_9."""
    camel = re.sub(r"_([a-z])", lambda letter: letter[1].upper(), name.lower())
    return re.sub(r"^ufCrm_([0-9]+)_", r"ufCrm\1_", camel)


def nearest(name: str, known: Collection[str]) -> str:
    """Say which names come closest, those that differ in case or underscores first."""
    folded: dict[str, str] = {}
    for one in known:
        folded.setdefault(_folded(one), one)
    near = [folded[one] for one in difflib.get_close_matches(_folded(name), list(folded), n=3, cutoff=0.6)]
    return f"the nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)}" if near else "nothing comes near"


def _folded(name: str) -> str:
    return name.replace("_", "").casefold()


def _parts(typed: str) -> tuple[str, str]:
    """Part a key where its name begins."""
    start = next((place for place, sign in enumerate(typed) if sign.isalnum() or sign == "_"), len(typed))
    return typed[:start], typed[start:]


def _check_name(typed: str, name: str, entity: Entity) -> None:
    """Refuse what names no field at all."""
    example = entity.filter_id or "ID"
    for word, why in _NO_FIELDS.items():
        if name.upper().startswith(word):
            raise UsageError(f"filter key {typed!r} would be dropped by the portal: {why.format(example=example)}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise UsageError(f'filter key {typed!r} names no field: a key is an operator and a name, as in ">={example}"')


def _between(operator: str, name: str, value: object, known: Dialect) -> str:
    """Say how to ask for a span of values: no list method takes `><`."""
    low, high = value if isinstance(value, list | tuple) and len(value) == 2 else ("LOW", "HIGH")
    right: dict[str, object] = {f">={name}": low, f"<={name}": high}
    if operator == "!><":
        if not known.groups:
            return f"is an operator that the portal does not apply: ask twice, with '<{name}' and with '>{name}'"
        right = {"0": {"logic": "OR", "0": {f"<{name}": low}, "1": {f">{name}": high}}}
    return f"is an operator that the portal does not apply: write {json.dumps(right, ensure_ascii=False, default=str)}"


def _listed(known: Dialect) -> str:
    """List a dialect's operators for a human."""
    return " ".join(sorted(known.operators - {""}, key=lambda one: (len(one), one))) + ", or none at all"
