"""The portal's entities as tables of columns, one file for each group."""

from __future__ import annotations

from extractor.sandbox.columns import Entity
from extractor.sandbox.rows.activity import ACTIVITIES
from extractor.sandbox.rows.client import COMPANIES, CONTACTS, LEADS, QUOTES
from extractor.sandbox.rows.deal import DEALS
from extractor.sandbox.rows.item import STAGE_HISTORY, TYPES, item
from extractor.sandbox.rows.office import DEPARTMENTS, REQUISITES, TASKS, USERS

ENTITIES: dict[str, Entity] = {entity.name: entity for entity in (
    ACTIVITIES, DEALS, LEADS, CONTACTS, COMPANIES, QUOTES, REQUISITES, STAGE_HISTORY, TYPES, TASKS, USERS, DEPARTMENTS)}


def dynamic(name: str) -> Entity:
    """Make the entity of a smart process: `items_<entityTypeId>`."""
    kind, _, type_id = name.partition("_")
    if kind != "items" or not type_id.isdigit():
        raise KeyError(name)
    return item(name)
