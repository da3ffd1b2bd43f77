"""The rest of a question: which columns, and which parameters of its own.

Methods read the parameters they know and no others; a list of columns loses
what it cannot place. Neither says so (`CSqlUtil::PrepareSql`, and the
`Binder` of the controllers).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from extractor.catalog import Entity
from extractor.errors import UsageError
from extractor.spelling import cased, dialect, nearest

# Answer whole rows whatever `select` says (documentation pages of the methods; rs:CCrmStatusRestProxy).
_WHOLE_ROWS = frozenset({
    "crm.status.list", "crm.currency.list", "crm.category.list", "crm.type.list", "crm.activity.binding.list", "department.get",
})

# crm_activity.php, crm_activity_db_result.php: what asking for a column does beside showing it.
_UNSELECTABLE = {
    "LIGHT_COUNTER_AT": "with it the portal answers no rows at all",
    "BINDING_OWNER_ID": "it repeats rows, and is not in the answer itself",
    "BINDING_OWNER_TYPE_ID": "it repeats rows, and is not in the answer itself",
    "IS_INCOMING_CHANNEL": "with it the portal folds rows together and its pages come out short",
    "UF_*": "reading it makes the portal fetch mails and rewrite activities, and it is not in the answer itself",
}
# Reported by the fields methods, yet in no answer of a list.
_ABSENT = {
    "BINDINGS": "no list shows it; extract crm_activity_bindings, an activity a call",
    "CONTACT_IDS": "no classic list shows it; crm.item.list has it as 'contactIds'",
    "COMPANY_IDS": "no classic list shows it; crm.item.list has it as 'companyIds'",
    "OBSERVER_IDS": "no classic list shows it; crm.item.list has it as 'observers'",
}
_STORED = frozenset({"FILES", "STORAGE_ELEMENT_IDS"})  # crm.activity.list: aliases of one column that its fields lack

# rest.php:init, checkAuth, isTokenCheck: taken out of the parameters before the method sees them.
_MANNERS = frozenset({"ADMIN_MODE"})  # how an entity is read, not what it is

_RESERVED = frozenset({"auth", "access_token", "auth_connector", "ap", "aplogin", "sessid", "state", "token"})
_ORDER = frozenset({"order", "arorder", "sort"})
_OPTIONS = {"select": "--select", "arselect": "--select", "filter": "--filter", "arfilter": "--filter"}

# All parameters that a method reads, beside those of listing itself.
_CLASSIC_LISTS = (
    "crm.activity.list", "crm.deal.list", "crm.lead.list", "crm.contact.list", "crm.company.list", "crm.quote.list",
    "crm.requisite.list", "crm.status.list", "crm.currency.list", "crm.type.list",
)
_PARAMETERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_CLASSIC_LISTS, ()),
    "crm.item.list": ("entityTypeId", "useOriginalUfNames"),
    "crm.category.list": ("entityTypeId",),
    "crm.stagehistory.list": ("entityTypeId",),
    "crm.activity.binding.list": ("activityId",),
    "user.get": ("ADMIN_MODE",),  # everything else is a condition, until there is a FILTER
    "department.get": ("ID", "NAME", "PARENT", "UF_HEAD"),
}


def original_names(params: Mapping[str, Any]) -> bool:
    """Tell whether user fields keep their UPPER_SNAKE names in crm.item.list."""
    return str(params.get("useOriginalUfNames", "N")).upper() in {"Y", "1", "TRUE"}


def check_select(entity: Entity, select: Collection[str] | None, params: Mapping[str, Any]) -> None:
    """Refuse columns that cannot come, or that would change which rows come.

    Raises:
        UsageError: With the reason and the right spelling.
    """
    if select is None:
        return
    if entity.method in _WHOLE_ROWS:
        raise UsageError(f"{entity.method} answers whole rows, whatever is selected: leave --select out")
    if not select:
        raise UsageError("--select is empty, and the portal would answer with empty rows: leave it out for all columns")
    for name in select:
        _check_harm(entity, name)
        if name != "*":
            _check_case(entity, name, original=original_names(params))


def check_selected(entity: Entity, select: Collection[str], fields: Mapping[str, str], *, original: bool) -> None:
    """Refuse columns that the portal does not know.

    Raises:
        UsageError: With the nearest names.
    """
    known = {"*", "UF_*", entity.filter_id, *entity.select, *entity.also, *fields, *(_STORED if entity.bindings else ())}
    for name in select:
        blind = (original or entity.also) and name.startswith("UF_") and not any(one.startswith("UF_") for one in fields)
        if name not in known and not blind:
            raise UsageError(f"--select {name!r} is no column of {entity.name}, and would be left out in silence: "
                             f"{nearest(name, known - {'*', 'UF_*'})}")


def check_params(entity: Entity, params: Mapping[str, Any]) -> None:
    """Refuse parameters that are ours, the portal's, or nobody's; and miss those that must be given.

    Raises:
        UsageError: With the option or the spelling to use.
    """
    for key, value in params.items():
        _check_owner(entity, key)
        if key not in _MANNERS and str(entity.params.get(key, value)) != str(value):
            raise UsageError(f"--param {key} is {entity.params[key]} in {entity.name}, which is what makes it that: "
                             f"name {entity.method} to read another")
        known = _PARAMETERS.get(entity.method.lower())
        if known is not None and key not in (*known, *entity.params):
            raise _unknown(entity, key, known)
    missing = [name for name in entity.requires if name not in {**entity.params, **params}]
    if missing:
        raise UsageError(f"{entity.name} needs {' and '.join(f'--param {name}=...' for name in missing)}")


def _check_harm(entity: Entity, name: str) -> None:
    """Refuse columns that are never shown, or do more than show themselves."""
    upper = name.upper()  # sqlu:PrepareSql reads columns in any case
    for pattern in entity.unselectable:
        if fnmatchcase(upper, pattern):
            raise UsageError(f"--select {name!r} is not for {entity.name}: "
                             f"{_UNSELECTABLE.get(pattern, 'it changes which rows come')}; leave it out")
    if entity.family == "classic" and upper in _ABSENT:
        raise UsageError(f"--select {name!r} would be left out in silence: {_ABSENT[upper]}")


def _check_case(entity: Entity, name: str, *, original: bool) -> None:
    """Refuse names in the wrong case, and what is no name."""
    known = dialect(entity)
    if known is None:
        return
    if name == "UF_*":
        if known.case == "camel" and not original:
            raise UsageError(f"--select {name!r} means nothing to {entity.method}: '*' has the user fields as well")
        return
    right = cased(name.strip().rpartition(".")[2], known.case, original_names=original)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", right):
        raise UsageError(f"--select {name!r} is no name of a column: write names as in {entity.filter_id}, "
                         "with commas between them")
    if name != right:
        raise UsageError(f"--select {name!r} would be left out in silence: write {right!r}")


def _check_owner(entity: Entity, key: str) -> None:
    """Refuse parameters that b24x sets itself, and those that the portal keeps for itself."""
    word = key.casefold() if entity.filter_id else key  # an unknown method may want FILTER, and an order of its own
    if word in _ORDER and entity.filter_id:
        raise UsageError(f"--param {key} is not yours to give: only in ascending order of ids is a bulk read exact; "
                         "sort the rows afterwards")
    if word == "start":
        raise UsageError(f"--param {key} is not yours to give: b24x turns the pages itself, and --paging says how")
    if word in _OPTIONS:
        raise UsageError(f"--param {key} is what {_OPTIONS[word]} is for: write {_OPTIONS[word]} ...")
    if key in _RESERVED:
        raise UsageError(f"--param {key} is reserved by the portal for credentials and sessions: "
                         "give those by --webhook or --config")


def _unknown(entity: Entity, key: str, known: Collection[str]) -> UsageError:
    """Word the refusal of a parameter that the method does not read."""
    if entity.method == "user.get":
        return UsageError(f"--param {key} would be a condition on the first page only: "
                          f"write --filter '{json.dumps({key.upper(): '...'})}'")
    hint = nearest(key, known) if known else "it has none of its own; conditions go into --filter"
    return UsageError(f"--param {key} is no parameter of {entity.method}, and would be ignored in silence: {hint}")
