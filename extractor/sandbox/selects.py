"""The classic select: which keys a row shows.

Rule 1: columns are found in any case, magic names (`*`, `UF_*`, FILES,
COMMUNICATIONS, PHONE ...) exactly (`CSqlUtil::PrepareSql`). Rule 2: `ID` is
always there (`CCrmEntityListBuilder::Prepare`).
"""

from __future__ import annotations

from extractor.sandbox.columns import Entity

_FILES = frozenset({"WEBDAV_ELEMENTS", "STORAGE_ELEMENT_IDS"})  # aliases, `rs:innerGetList`


def shown_names(entity: Entity, select: tuple[str, ...]) -> list[str]:
    """List the columns and derived keys that a select shows; an empty one is `*`."""
    wanted = {name.upper() for name in select} | {"ID"}
    star, user_fields = not select or "*" in select, "UF_*" in select
    if entity.name == "activities" and not star and "DESCRIPTION" in select:
        wanted |= {"PROVIDER_ID", "PROVIDER_TYPE_ID"}
    names = [column.name for column in entity.columns if not column.hidden and (
        column.name in wanted or (star and column.star) or (user_fields and column.name.startswith("UF_")))]
    exact = set(select) | ({"FILES"} if _FILES & set(select) else set())
    return names + [derived.name for derived in entity.derived if (star and derived.star) or derived.name in exact]


def drifts(entity: Entity, select: tuple[str, ...]) -> bool:
    """Say whether moments pass through the user's zone: activities, unless `*` was asked for.

    `CCrmActivity::__AfterPrepareSql` adds `<F>_RAW` to columns that were named,
    and to all of them when the select is empty.
    """
    return entity.name == "activities" and "*" not in select
