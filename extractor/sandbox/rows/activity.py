# ruff: noqa: RUF001 - the letters of another alphabet are the point
"""Activities: 39 columns in the order of `CCrmActivity::GetFields`, and what hangs on them."""

from __future__ import annotations

from random import Random
from typing import Any

from extractor.sandbox.columns import Column, Derived, Entity, Source, Spread, Stamp
from extractor.sandbox.texts import (
    FIRMS,
    PEOPLE,
    among,
    between,
    fixed,
    maybe,
    moment,
    money,
    often,
    prose,
    title,
)
from extractor.sandbox.zones import NEVER

OWNER_TYPES = (1, 2, 3, 4)
_MONTH = 30 * 86_400

# `unserialize`: [] for NULL and for an empty array, an object for text keys, a
# list for keys 0..n-1, false for '' and garbage (`CCrmActivityDbResult::Fetch`).
_SETTINGS: tuple[Any, ...] = (
    [], [], [], False, {"MESSAGE_FROM": "ООО «Ромашка» <info@example.com>", "IS_BATCH": "N"},
    {"0": "holes", "2": "in keys"}, ["first", "second"], {"LAYOUT": {"icon": {"code": "call"}}},
)
_PROVIDERS = (
    ("VOXIMPLANT_CALL", "CALL", 2), ("CRM_EMAIL", "EMAIL", 4), ("CRM_EMAIL", "EMAIL_COMPRESSED", 4),
    ("CRM_TODO", "TODO", 6), ("CRM_MEETING", "MEETING", 1), ("CONFIGURABLE", "CONFIGURABLE", 6),
)


_WEIGHTS = (30, 20, 5, 25, 10, 2)


def _provider(rng: Random) -> dict[str, Any]:
    provider, kind, type_id = rng.choices(_PROVIDERS, _WEIGHTS)[0]
    return {"PROVIDER_ID": provider, "PROVIDER_TYPE_ID": kind, "TYPE_ID": type_id}


def _files(rng: Random) -> int:
    return rng.randint(1, 3) if rng.random() < 0.12 else 0


def files(table: Source, row_id: int) -> list[dict[str, Any]] | None:
    """List a row's files; no key at all when there are none.

    `auth` is empty for a webhook (`DiskManager::getFileInfo`).
    """
    count = table.raw("STORAGE_ELEMENT_IDS")(row_id)
    return [{"id": file_id, "url": "https://portal.bitrix24.com/bitrix/tools/crm_show_file.php"
                                   f"?fileId={file_id}&ownerTypeId=6&ownerId={row_id}&auth="}
            for file_id in range(row_id * 4, row_id * 4 + count)] or None


def bindings(table: Source, row_id: int) -> list[tuple[int, int]]:
    """List the (type, id) pairs that an activity hangs on; its owner is the first."""
    moved = table.raw("BINDINGS")(row_id)
    if moved is not None:
        return list(moved)
    owner = (table.raw("OWNER_TYPE_ID")(row_id), table.raw("OWNER_ID")(row_id))
    bits = table.mix(row_id)
    others = [(OWNER_TYPES[(bits >> shift) % 4], 1 + (bits >> shift) % 997) for shift in (9, 15)]
    return list(dict.fromkeys([owner, *others[:(bits >> 4) % 3]]))


def communications(table: Source, row_id: int) -> list[dict[str, Any]]:
    """List who was talked to (`CCrmActivity::GetCommunications`), possibly nobody."""
    bits = table.mix(row_id)
    count = (bits >> 6) % 3
    if not count:
        return []
    settings: tuple[Any, ...] = (
        {"HONORIFIC": "1", "NAME": PEOPLE[bits % 7], "SECOND_NAME": "", "LAST_NAME": "",
         "COMPANY_TITLE": FIRMS[bits % 5], "COMPANY_ID": str(bits % 900)},
        {"COMPANY_TITLE": FIRMS[bits % 7]}, [])
    return [{"ID": str(row_id * 3 + place), "TYPE": ("PHONE", "EMAIL")[place % 2],
             "VALUE": f"+7900{bits % 10_000_000:07}" if place % 2 == 0 else f"user{bits % 1000}@example.com",
             "ENTITY_ID": str(owner), "ENTITY_TYPE_ID": str(kind), "ENTITY_SETTINGS": settings[(bits + place) % 3]}
            for place, (kind, owner) in enumerate(bindings(table, row_id)[:count])]


def incoming(table: Source, row_id: int) -> str:
    """Say whether the activity came through an incoming channel."""
    return "Y" if table.mix(row_id) % 11 == 0 else "N"


ACTIVITIES = Entity(
    name="activities", together=_provider,
    created="CREATED", modified="LAST_UPDATED", edited="SUBJECT",
    stamps=(Stamp("CREATED"), Stamp("LAST_UPDATED", spread=_MONTH), Stamp("START_TIME", minute=True, null=64)),
    spreads=(Spread("OWNER_ID", 1, 5_000),),
    echoes=(("END_TIME", "START_TIME"),),
    derived=(
        Derived("FILES", files, star=True, when="STORAGE_ELEMENT_IDS"),
        Derived("COMMUNICATIONS", communications),
        Derived("IS_INCOMING_CHANNEL", incoming),
    ),
    columns=(
        Column("ID", "int"),
        Column("OWNER_ID", "int"),
        Column("OWNER_TYPE_ID", "int", among(*OWNER_TYPES)),
        Column("TYPE_ID", "int"),
        Column("PROVIDER_ID"),
        Column("PROVIDER_TYPE_ID"),
        Column("PROVIDER_GROUP_ID"),
        Column("ASSOCIATED_ENTITY_ID", "int", often(0, 17, 4_711)),
        Column("SUBJECT", make=title()),
        Column("CREATED", "datetime"),
        Column("LAST_UPDATED", "datetime"),
        Column("START_TIME", "datetime"),
        Column("END_TIME", "datetime"),
        Column("DEADLINE", "datetime",
               lambda rng: rng.choice((None, NEVER, moment(1_600_000_000, 1_750_000_000)(rng)))),
        Column("COMPLETED", "char", among("Y", "Y", "N")),
        Column("STATUS", "int", among(1, 2, 3)),
        Column("RESPONSIBLE_ID", "int", between(1, 60)),
        Column("PRIORITY", "int", among(1, 2, 3)),
        Column("NOTIFY_TYPE", "int", among(0, 1, 2)),
        Column("NOTIFY_VALUE", "int", among(0, 15, 30)),
        Column("DESCRIPTION", make=prose(330, huge=0.004)),
        Column("DESCRIPTION_TYPE", "int", among(1, 2, 3)),
        Column("DIRECTION", "int", among(0, 1, 2)),
        Column("LOCATION", make=often("", "Москва, Тверская 1/2", "Room <5>")),
        Column("SETTINGS", "json", among(*_SETTINGS), filter=False),
        Column("ORIGINATOR_ID", make=maybe(fixed("1C"), 0.05)),
        Column("ORIGIN_ID", make=maybe(among("A-1/77", "77", "id & co"), 0.05)),
        Column("AUTHOR_ID", "int", between(1, 60)),
        Column("EDITOR_ID", "int", between(1, 60)),
        Column("PROVIDER_PARAMS", "json", among(*_SETTINGS), filter=False),
        Column("PROVIDER_DATA", make=maybe(fixed('{"callId":"a/b","duration":"61"}'), 0.2)),
        Column("RESULT_MARK", "int", fixed(0)),
        Column("RESULT_VALUE", "double", maybe(money(900, 4), 0.1)),
        Column("RESULT_SUM", "double", maybe(money(90_000, 4), 0.1)),
        Column("RESULT_CURRENCY_ID", make=maybe(among("RUB", "USD"), 0.1)),
        Column("RESULT_STATUS", "int", fixed(0)),
        Column("RESULT_STREAM", "int", fixed(0)),
        Column("RESULT_SOURCE_ID"),
        Column("AUTOCOMPLETE_RULE", "int", fixed(0)),
        Column("STORAGE_ELEMENT_IDS", "int", _files, hidden=True, filter=False),
        Column("CALENDAR_EVENT_ID", "int", between(0, 900), hidden=True, filter=False, star=False),
        Column("THREAD_ID", "int", between(0, 900), hidden=True, filter=False, star=False),
        Column("URN", make=maybe(title(), 0.1), hidden=True, filter=False, star=False),
    ),
)
