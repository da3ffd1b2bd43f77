"""Reads a list with a client that nobody here wrote; the ids go to stdout as JSON. Runs in that client's own environment.

It is called with the client's name, the webhook and the method.
"""

from __future__ import annotations

import json
import sys
from urllib.parse import urlsplit


def fast_bitrix24(webhook: str, method: str) -> list[int]:
    """Read as its documentation shows, with its own velocity policy."""
    from fast_bitrix24 import Bitrix  # noqa: PLC0415

    return [int(row["ID"]) for row in Bitrix(webhook, verbose=False).get_all(method)]


def _request(webhook: str, method: str, **asked):
    from b24pysdk import BitrixWebhook, Client  # noqa: PLC0415

    parts = urlsplit(webhook)
    client = Client(BitrixWebhook(domain=parts.netloc, webhook_token=parts.path.removeprefix("/rest/")))
    return {"crm.deal.list": client.crm.deal, "crm.activity.list": client.crm.activity}[method].list(**asked)


def as_list(webhook: str, method: str) -> list[int]:
    """Read by offsets; the order is the caller's to give: activities come by START_TIME otherwise, equal ones as it happens."""
    return [int(row["ID"]) for row in _request(webhook, method, order={"ID": "ASC"}).as_list().result]


def as_list_fast(webhook: str, method: str) -> list[int]:
    """Read by ids."""
    return [int(row["ID"]) for row in _request(webhook, method).as_list_fast().result]


if __name__ == "__main__":
    how, address, name = sys.argv[1:]
    json.dump({"fast_bitrix24": fast_bitrix24, "as_list": as_list, "as_list_fast": as_list_fast}[how](address, name), sys.stdout)
