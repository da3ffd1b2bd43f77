"""Requisites, tasks, users and departments."""

from __future__ import annotations

from extractor.sandbox.columns import Column, Entity, Spread, Stamp
from extractor.sandbox.texts import FIRMS, PEOPLE, among, between, fixed, maybe, moment, often, prose, title

_MONTH = 30 * 86_400
_START, _END = 1_599_955_200, 1_750_000_000

REQUISITES = Entity(
    name="requisites", created="DATE_CREATE", modified="DATE_MODIFY", edited="NAME",
    stamps=(Stamp("DATE_CREATE"), Stamp("DATE_MODIFY", spread=_MONTH)), spreads=(Spread("ENTITY_ID", 1, 2_000),),
    columns=(
        Column("ID", "int"), Column("ENTITY_TYPE_ID", "int", often(4, 3, 3, 8)), Column("ENTITY_ID", "int"),
        Column("PRESET_ID", "int", among(1, 2)), Column("DATE_CREATE", "datetime"), Column("DATE_MODIFY", "datetime"),
        Column("CREATED_BY_ID", "int", between(1, 60)), Column("MODIFY_BY_ID", "int"), Column("NAME", make=among(*FIRMS)),
        Column("CODE"), Column("XML_ID"), Column("ACTIVE", "char", often("Y", "N")), Column("SORT", "int", fixed(500)),
        Column("RQ_NAME", make=maybe(among(*PEOPLE), 0.4)), Column("RQ_COMPANY_NAME", make=among(*FIRMS)),
        Column("RQ_INN", make=among("7701234567", "0")), Column("RQ_KPP", make=maybe(fixed("770101001"), 0.5)),
    ),
)

TASKS = Entity(
    name="tasks", created="CREATED_DATE", modified="CHANGED_DATE", edited="TITLE",
    stamps=(Stamp("CREATED_DATE"), Stamp("CHANGED_DATE", spread=_MONTH)), spreads=(Spread("RESPONSIBLE_ID", 1, 60),),
    columns=(
        Column("ID", "int"), Column("PARENT_ID", "int", maybe(between(1, 900), 0.2)), Column("TITLE", make=title()),
        Column("DESCRIPTION", make=prose(250, huge=0.003)), Column("MARK"), Column("PRIORITY", "int", among(0, 1, 2)),
        Column("MULTITASK", "char", fixed("N")), Column("STATUS", "int", among(2, 3, 5)), Column("GROUP_ID", "int", often(0, 7)),
        Column("STAGE_ID", "int", fixed(0)), Column("CREATED_BY", "int", between(1, 60)), Column("RESPONSIBLE_ID", "int"),
        Column("CREATED_DATE", "datetime"), Column("CHANGED_DATE", "datetime"), Column("CHANGED_BY", "int", between(1, 60)),
        Column("DEADLINE", "datetime", maybe(moment(_START, _END), 0.6)),
        Column("CLOSED_DATE", "datetime", maybe(moment(_START, _END), 0.4)), Column("TIME_ESTIMATE", "int", often(0, 3600)),
        Column("ALLOW_CHANGE_DEADLINE", "char", among("Y", "N")), Column("XML_ID"),
        Column("UF_CRM_TASK", "multi", among(False, ["D_17"], ["C_3", "D_4"]), star=False),
        Column("UF_MAIL_MESSAGE", "int", star=False),
    ),
)

USERS = Entity(
    name="users", created="DATE_REGISTER", modified="TIMESTAMP_X", edited="WORK_POSITION",
    stamps=(Stamp("DATE_REGISTER"), Stamp("TIMESTAMP_X", spread=_MONTH)),
    columns=(
        Column("ID", "int"), Column("ACTIVE", "bool", among(True, True, False)), Column("NAME", make=among(*PEOPLE)),
        Column("LAST_NAME", make=maybe(among("Пак", "O'Neil"), 0.7)), Column("EMAIL", make=among("a@example.com", "b@example.com")),
        Column("LAST_LOGIN", "datetime", maybe(moment(_START, _END), 0.8)), Column("DATE_REGISTER", "datetime"),
        Column("TIMESTAMP_X", "datetime"), Column("IS_ONLINE", "char", often("N", "Y")),
        Column("PERSONAL_GENDER", make=among("", "M", "F")), Column("PERSONAL_BIRTHDAY", make=fixed("")),
        Column("WORK_POSITION", make=maybe(among("Менеджер", "R&D"), 0.5)),
        Column("UF_DEPARTMENT", "multi", among([1], [3, 5])), Column("USER_TYPE", make=often("employee", "extranet")),
    ),
)

DEPARTMENTS = Entity(
    name="departments", edited="NAME",
    columns=(
        Column("ID", "int"), Column("NAME", make=title(FIRMS)), Column("SORT", "int", among(100, 500, 500)),
        Column("PARENT", "int", maybe(fixed(1), 0.9)), Column("UF_HEAD", "int", maybe(between(1, 60), 0.7)),
    ),
)
