"""Reference lists that the portal gives all at once: statuses, categories, currencies."""

from __future__ import annotations

from random import Random
from typing import Any

_STAGES = (("NEW", "Новая", ""), ("PREPARATION", "Подготовка <документов>", ""), ("WON", "Сделка успешна", "S"),
           ("LOSE", "Сделка провалена", "F"))
_SOURCES = (("CALL", "Звонок", ""), ("WEB", 'Сайт "главный"', ""), ("EMAIL", "E-mail", ""))


def statuses() -> list[dict[str, Any]]:
    """List every status of the portal, by SORT as `CCrmStatus` gives them."""
    rows: list[dict[str, Any]] = []
    for entity_id, entries in (("DEAL_STAGE", _STAGES), ("STATUS", _STAGES), ("SOURCE", _SOURCES)):
        for place, (code, name, semantics) in enumerate(entries, 1):
            rows.append({
                "ID": str(len(rows) * 2 + 1), "ENTITY_ID": entity_id, "STATUS_ID": code, "NAME": name, "NAME_INIT": "",
                "SORT": str(place * 10), "SYSTEM": "Y" if place == 1 else "N", "CATEGORY_ID": None, "COLOR": "#39A8EF",
                "SEMANTICS": semantics or None, "EXTRA": {"SEMANTICS": "process", "COLOR": "#39A8EF"}})
    return sorted(rows, key=lambda row: int(row["SORT"]))


def currencies() -> list[dict[str, Any]]:
    """List the currencies."""
    return [{"CURRENCY": code, "AMOUNT_CNT": "1", "AMOUNT": amount, "SORT": "100", "BASE": base, "FULL_NAME": name,
             "LID": "ru", "FORMAT_STRING": template, "DEC_POINT": ".", "THOUSANDS_SEP": None, "DECIMALS": "2",
             "DATE_UPDATE": "2024-08-26T11:03:27+03:00"}
            for code, amount, base, name, template in (
                ("RUB", "1.0000", "Y", "Российский рубль", "# &#8381;"), ("USD", "90.1200", "N", "Доллар США", "$#"),
                ("EUR", "98.7000", "N", "Евро", "&euro;#"), ("KZT", "0.1900", "N", "Тенге", "# ₸"))]


def categories(seed: int, entity_type_id: int) -> list[dict[str, Any]]:
    """List the funnels of a type; deals begin with the default one, id 0."""
    count = Random(f"{seed}:categories:{entity_type_id}").randint(1, 4)
    first = 0 if entity_type_id == 2 else entity_type_id * 2 + 1
    return [{"id": first + place, "name": f"Воронка {place + 1}", "sort": 100 * (place + 1), "entityTypeId": entity_type_id,
             "isDefault": "Y" if place == 0 else "N", "code": "", "originId": "", "originatorId": ""} for place in range(count)]
