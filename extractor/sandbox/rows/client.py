# ruff: noqa: RUF001 - the letters of another alphabet are the point
"""Leads, contacts, companies and quotes: the other classic CRM entities."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from extractor.sandbox.columns import Column, Derived, Entity, Source, Spread, Stamp
from extractor.sandbox.rows.deal import USER_FIELDS, UTM
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

_STATUSES = ("NEW", "IN_PROCESS", "CONVERTED", "JUNK")
_MONTH = 30 * 86_400
_START, _END = 1_599_955_200, 1_750_000_000
_BORN = moment(0, 1_000_000_000 // 86_400 * 86_400, 86_400)


def _multi(kind: str, value: Callable[[int], str], flag: str = "") -> Derived:
    """Make a multi-field: the key is absent when the entity has none."""
    def make(table: Source, row_id: int) -> list[dict[str, Any]] | None:
        bits = table.mix(row_id)
        if table.raw(flag)(row_id) != "Y" if flag else bits % 9:
            return None
        return [{"ID": str(row_id * 10 + place), "VALUE_TYPE": ("WORK", "HOME")[place], "VALUE": value(bits + place),
                 "TYPE_ID": kind} for place in range(1 + bits % 2)]
    return Derived(kind, make)


MULTI_FIELDS = (
    _multi("PHONE", lambda bits: f"+7 (900) {bits % 10_000_000:07}", "HAS_PHONE"),
    _multi("EMAIL", lambda bits: f"user{bits % 100_000}@example.com", "HAS_EMAIL"),
    _multi("WEB", lambda bits: f"https://example.com/{bits % 999}?a=1&b=2"),
    _multi("IM", lambda bits: f"imol|telegram|{bits % 99_999}"),
)
_BY = (
    Column("ASSIGNED_BY_ID", "int", between(1, 60)),
    Column("CREATED_BY_ID", "int", between(1, 60)),
    Column("MODIFY_BY_ID", "int", between(1, 60)),
)
_DATES = (Column("DATE_CREATE", "datetime"), Column("DATE_MODIFY", "datetime"))
_ORIGIN = (Column("ORIGINATOR_ID"), Column("ORIGIN_ID"))
_ACTIVE = (Column("LAST_ACTIVITY_BY", "int", between(1, 60)), Column("LAST_ACTIVITY_TIME", "datetime"))
_ADDRESS = tuple(
    Column(name, make=maybe(make, 0.2)) for name, make in (
        ("ADDRESS", among("Москва, Тверская 1/2", "<unknown>")), ("ADDRESS_CITY", among("Москва", "Алматы", "Köln")),
        ("ADDRESS_COUNTRY", among("Россия", "Қазақстан"))))
_STAMPS = (Stamp("DATE_CREATE"), Stamp("DATE_MODIFY", spread=_MONTH))
_ACTIVITY = (("LAST_ACTIVITY_TIME", "DATE_CREATE"),)


def _person(rng: Random) -> dict[str, Any]:
    name, _, last = rng.choice(PEOPLE).partition(" ")
    return {"NAME": name, "LAST_NAME": last or None}


_NAMES = (
    Column("HONORIFIC", make=maybe(fixed("HNR_RU_1"), 0.2)), Column("NAME"),
    Column("SECOND_NAME", make=maybe(among("Петрович", "J."), 0.2)), Column("LAST_NAME"),
)
_HAS = (
    Column("HAS_PHONE", "char", among("Y", "Y", "N")), Column("HAS_EMAIL", "char", among("Y", "N")),
    Column("HAS_IMOL", "char", often("N", "Y")),
)

LEADS = Entity(
    name="leads", created="DATE_CREATE", modified="DATE_MODIFY", edited="TITLE", together=_person,
    stamps=_STAMPS, echoes=_ACTIVITY, derived=MULTI_FIELDS, spreads=(Spread("CONTACT_ID", 1, 5_000),),
    columns=(
        Column("ID", "int"), Column("TITLE", make=title()), *_NAMES,
        Column("COMPANY_TITLE", make=maybe(among(*FIRMS), 0.5)),
        Column("COMPANY_ID", "int", maybe(between(1, 2_000), 0.4)), Column("CONTACT_ID", "int"),
        Column("SOURCE_ID", make=among("CALL", "WEB", "EMAIL")), Column("SOURCE_DESCRIPTION", make=maybe(prose(60), 0.2)),
        Column("STATUS_ID", make=among(*_STATUSES), ranks=_STATUSES),
        Column("STATUS_SEMANTIC_ID", make=among("P", "S", "F")), Column("POST"),
        Column("COMMENTS", make=maybe(prose(250, huge=0.003), 0.5)), Column("CURRENCY_ID", make=often("RUB", "USD")),
        Column("OPPORTUNITY", "double", often("0.00", "15000.00")), *_HAS, *_BY, *_DATES,
        Column("DATE_CLOSED", "datetime", maybe(moment(_START, _END), 0.4)),
        Column("OPENED", "char", among("Y", "N")), *_ORIGIN, *_ADDRESS, *UTM, *_ACTIVE,
        Column("IS_RETURN_CUSTOMER", "char", often("N", "Y")), Column("BIRTHDATE", "date", maybe(_BORN, 0.2)),
        *USER_FIELDS,
    ),
)

CONTACTS = Entity(
    name="contacts", created="DATE_CREATE", modified="DATE_MODIFY", edited="NAME", together=_person,
    stamps=_STAMPS, echoes=_ACTIVITY, derived=MULTI_FIELDS, spreads=(Spread("COMPANY_ID", 1, 2_000, 9),),
    columns=(
        Column("ID", "int"), *_NAMES, Column("POST", make=maybe(among("Директор", "CEO & founder"), 0.4)),
        Column("COMMENTS", make=maybe(prose(250, huge=0.003), 0.4)), Column("PHOTO"), Column("LEAD_ID", "int"),
        Column("TYPE_ID", make=often("CLIENT", "SUPPLIER")), Column("SOURCE_ID", make=among("CALL", "WEB")),
        Column("SOURCE_DESCRIPTION"), Column("COMPANY_ID", "int"), Column("BIRTHDATE", "date", maybe(_BORN, 0.3)),
        Column("EXPORT", "char", often("Y", "N")), *_HAS, *_DATES, *_BY, Column("OPENED", "char", among("Y", "N")),
        *_ORIGIN, Column("ORIGIN_VERSION"), Column("FACE_ID", "int"), *_ADDRESS, *UTM, *_ACTIVE,
        Column("CATEGORY_ID", "int", lambda rng: 5 if rng.random() < 0.02 else 0, hidden=True, filter=False, star=False),
        *USER_FIELDS,
    ),
)

COMPANIES = Entity(
    name="companies", created="DATE_CREATE", modified="DATE_MODIFY", edited="TITLE",
    stamps=_STAMPS, echoes=_ACTIVITY, derived=MULTI_FIELDS,
    columns=(
        Column("ID", "int"), Column("COMPANY_TYPE", make=often("CUSTOMER", "PARTNER")), Column("TITLE", make=among(*FIRMS)),
        Column("LOGO"), Column("LEAD_ID", "int"), *_HAS, *_BY, Column("BANKING_DETAILS"),
        Column("INDUSTRY", make=among("IT", "OTHER")), Column("REVENUE", "double", often("0.00", "999999999.99")),
        Column("CURRENCY_ID", make=often("RUB", "USD")), Column("EMPLOYEES", make=among("EMPLOYEES_1", "EMPLOYEES_2")),
        Column("COMMENTS", make=maybe(prose(250, huge=0.003), 0.4)), *_DATES, Column("OPENED", "char", among("Y", "N")),
        Column("IS_MY_COMPANY", "char", often("N", "Y")), *_ORIGIN, Column("ORIGIN_VERSION"), *_ADDRESS, *UTM, *_ACTIVE,
        Column("CATEGORY_ID", "int", lambda rng: 7 if rng.random() < 0.02 else 0, hidden=True, filter=False, star=False),
        *USER_FIELDS,
    ),
)

QUOTES = Entity(
    name="quotes", created="DATE_CREATE", modified="DATE_MODIFY", edited="TITLE", stamps=_STAMPS,
    columns=(
        Column("ID", "int"), Column("TITLE", make=title()), Column("STATUS_ID", make=among("DRAFT", "SENT", "APPROVED")),
        Column("CURRENCY_ID", make=often("RUB", "USD")), Column("OPPORTUNITY", "double", money(90_000)),
        Column("TAX_VALUE", "double", fixed("0.00")), Column("COMPANY_ID", "int", maybe(between(1, 2_000), 0.5)),
        Column("CONTACT_ID", "int", maybe(between(1, 5_000), 0.5)), Column("DEAL_ID", "int", maybe(between(1, 9_000), 0.5)),
        Column("BEGINDATE", "date", moment(_START, _END, 86_400)), Column("CLOSEDATE", "date"), *_BY, *_DATES,
        Column("OPENED", "char", among("Y", "N")), Column("CLOSED", "char", among("Y", "N")),
        Column("COMMENTS", make=maybe(prose(200), 0.3)), Column("QUOTE_NUMBER", make=among("1/2024", "А-7")),
        *UTM, *USER_FIELDS,
    ),
)
