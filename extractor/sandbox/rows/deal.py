"""Deals: the base columns of `CCrmDeal::GetFields` and a handful of user fields."""

from __future__ import annotations

from extractor.sandbox.columns import Column, Entity, Spread, Stamp
from extractor.sandbox.texts import among, between, fixed, maybe, moment, money, often, prose, title

_MONTH = 30 * 86_400
_START, _END = 1_599_955_200, 1_750_000_000  # whole days

_STAGES = ("NEW", "PREPARATION", "C1:NEW", "WON", "LOSE")
UTM = tuple(Column(f"UTM_{part}", make=maybe(among("yandex", "google", "кампания 1"), 0.2))
            for part in ("SOURCE", "MEDIUM", "CAMPAIGN", "CONTENT", "TERM"))

USER_FIELDS = (
    Column("UF_CRM_1600000001", make=maybe(title(), 0.6), star=False),
    Column("UF_CRM_1600000002", "double", maybe(money(5_000), 0.4), star=False),
    Column("UF_CRM_1600000003", "multi", among(False, ["45", "47"], ["46"]), star=False),
    Column("UF_CRM_1600000004", "datetime", maybe(moment(_START, _END), 0.5), star=False),
    Column("UF_CRM_1600000005", "int", maybe(between(1, 90), 0.5), star=False),
    Column("UF_CRM_1600000006", "char", among("1", "0"), star=False),
    Column("UF_CRM_1600000007", make=maybe(fixed("https://example.com/?a=1&b=<2>"), 0.3), star=False),
)

DEALS = Entity(
    name="deals",
    created="DATE_CREATE", modified="DATE_MODIFY", edited="TITLE",
    stamps=(Stamp("DATE_CREATE"), Stamp("DATE_MODIFY", spread=_MONTH)),
    spreads=(Spread("CONTACT_ID", 1, 5_000), Spread("COMPANY_ID", 1, 2_000, 9)),
    echoes=(("LAST_ACTIVITY_TIME", "DATE_CREATE"), ("MOVED_TIME", "DATE_CREATE")),
    columns=(
        Column("ID", "int"),
        Column("TITLE", make=title()),
        Column("TYPE_ID", make=often("SALE", "COMPLEX", "SERVICE")),
        Column("STAGE_ID", make=among(*_STAGES), ranks=_STAGES),
        Column("PROBABILITY", "int", maybe(between(0, 100), 0.3)),
        Column("CURRENCY_ID", make=often("RUB", "USD", "EUR")),
        Column("OPPORTUNITY", "double", often("0.00", "3607999.00", "19.90", "0.10")),
        Column("IS_MANUAL_OPPORTUNITY", "char", among("Y", "N")),
        Column("TAX_VALUE", "double", fixed("0.00")),
        Column("LEAD_ID", "int", maybe(between(1, 9_000), 0.3)),
        Column("COMPANY_ID", "int"),
        Column("CONTACT_ID", "int"),
        Column("QUOTE_ID", "int"),
        Column("BEGINDATE", "date", moment(_START, _END, 86_400)),
        Column("CLOSEDATE", "date", maybe(moment(_START, _END, 86_400), 0.9)),
        Column("ASSIGNED_BY_ID", "int", between(1, 60)),
        Column("CREATED_BY_ID", "int", between(1, 60)),
        Column("MODIFY_BY_ID", "int", between(1, 60)),
        Column("DATE_CREATE", "datetime"),
        Column("DATE_MODIFY", "datetime"),
        Column("OPENED", "char", among("Y", "N")),
        Column("CLOSED", "char", among("N", "Y")),
        Column("COMMENTS", make=maybe(prose(300, huge=0.003), 0.5)),
        Column("ADDITIONAL_INFO"),
        Column("LOCATION_ID"),
        Column("CATEGORY_ID", "int", often(0, 1, 2)),
        Column("STAGE_SEMANTIC_ID", make=among("P", "S", "F")),
        Column("IS_NEW", "char", often("N", "Y")),
        Column("IS_RECURRING", "char", lambda rng: "Y" if rng.random() < 0.01 else "N"),
        Column("IS_RETURN_CUSTOMER", "char", among("Y", "N")),
        Column("IS_REPEATED_APPROACH", "char", often("N", "Y")),
        Column("SOURCE_ID", make=among("CALL", "WEB", "EMAIL", None)),
        Column("SOURCE_DESCRIPTION", make=maybe(prose(60), 0.2)),
        Column("ORIGINATOR_ID"),
        Column("ORIGIN_ID"),
        Column("MOVED_BY_ID", "int", between(1, 60)),
        Column("MOVED_TIME", "datetime"),
        *UTM,
        Column("LAST_ACTIVITY_BY", "int", between(1, 60)),
        Column("LAST_ACTIVITY_TIME", "datetime"),
        *USER_FIELDS,
    ),
)
