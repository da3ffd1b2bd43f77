"""Smart processes and their types, and the history of stages."""

from __future__ import annotations

from extractor.sandbox.columns import Column, Entity, Spread, Stamp
from extractor.sandbox.rows.deal import USER_FIELDS
from extractor.sandbox.texts import among, between, fixed, maybe, moment, money, often, title

_MONTH = 30 * 86_400
_START, _END = 1_599_955_200, 1_750_000_000


def item(name: str) -> Entity:
    """Make a smart process's table; its name ends in the entityTypeId."""
    return Entity(
        name=name, created="DATE_CREATE", modified="DATE_MODIFY", edited="TITLE",
        stamps=(Stamp("DATE_CREATE"), Stamp("DATE_MODIFY", spread=_MONTH)),
        spreads=(Spread("CONTACT_ID", 1, 5_000),),
        columns=(
            Column("ID", "int"), Column("XML_ID"), Column("TITLE", make=title()),
            Column("CREATED_BY_ID", "int", between(1, 60)), Column("MODIFY_BY_ID", "int", between(1, 60)),
            Column("MOVED_BY_ID", "int", between(1, 60)), Column("DATE_CREATE", "datetime"),
            Column("DATE_MODIFY", "datetime"), Column("MOVED_TIME", "datetime", maybe(moment(_START, _END), 0.8)),
            Column("CATEGORY_ID", "int", often(9, 11)), Column("OPENED", "char", among("Y", "N")),
            Column("STAGE_ID", make=among("DT128_9:NEW", "DT128_9:SUCCESS")),
            Column("BEGINDATE", "date", moment(_START, _END, 86_400)), Column("CLOSEDATE", "date"),
            Column("COMPANY_ID", "int", maybe(between(1, 2_000), 0.5)), Column("CONTACT_ID", "int"),
            Column("OPPORTUNITY", "double", money(9_000)), Column("IS_MANUAL_OPPORTUNITY", "char", among("Y", "N")),
            Column("TAX_VALUE", "double", fixed("0.00")), Column("CURRENCY_ID", make=often("RUB", "USD")),
            Column("ASSIGNED_BY_ID", "int", between(1, 60)), *USER_FIELDS,
        ),
    )


TYPES = Entity(
    name="types", created="CREATED_TIME", modified="UPDATED_TIME", edited="TITLE",
    stamps=(Stamp("CREATED_TIME"), Stamp("UPDATED_TIME", spread=_MONTH)),
    columns=(
        Column("ID", "int"), Column("TITLE", make=title()), Column("CODE", make=fixed("")),
        Column("CREATED_BY", "int", between(1, 60)), Column("ENTITY_TYPE_ID", "int", between(128, 900)),
        Column("CUSTOM_SECTION_ID", "int"), Column("IS_CATEGORIES_ENABLED", "char", among("Y", "N")),
        Column("IS_STAGES_ENABLED", "char", among("Y", "N")), Column("IS_CLIENT_ENABLED", "char", among("Y", "N")),
        Column("IS_RECYCLEBIN_ENABLED", "char", among("Y", "N")), Column("CREATED_TIME", "datetime"),
        Column("UPDATED_TIME", "datetime"), Column("UPDATED_BY", "int", between(1, 60)),
    ),
)

STAGE_HISTORY = Entity(
    name="stagehistory", created="CREATED_TIME", stamps=(Stamp("CREATED_TIME"),),
    spreads=(Spread("OWNER_ID", 1, 5_000),),
    columns=(
        Column("ID", "int"), Column("TYPE_ID", "int", among(1, 2, 3)), Column("OWNER_ID", "int"),
        Column("CREATED_TIME", "datetime"), Column("CATEGORY_ID", "int", often(0, 1)),
        Column("STAGE_SEMANTIC_ID", make=among("P", "S", "F")), Column("STAGE_ID", make=among("NEW", "WON", "LOSE")),
        Column("ENTITY_TYPE_ID", "int", often(2, 1, 31), hidden=True, star=False, filter=False),
    ),
)
