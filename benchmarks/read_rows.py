"""Reads all deals with a client that nobody here wrote; the ids go to stdout as JSON. Runs in that client's own environment.

It is called with the client's name and the webhook. Each asks for the same columns, and keeps nothing but the ids.
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import urlsplit

METHOD = "crm.deal.list"
SELECT = ["*", "UF_*"]


def fast_bitrix24(webhook: str) -> list[int]:
    """Read as its documentation shows."""
    from fast_bitrix24 import Bitrix  # noqa: PLC0415 - each client is in an environment of its own

    return [int(row["ID"]) for row in Bitrix(webhook, verbose=False).get_all(METHOD, {"select": SELECT})]


def _b24pysdk(webhook: str, **asked):  # noqa: ANN003, ANN202 - the package is not here
    from b24pysdk import BitrixWebhook, Client  # noqa: PLC0415 - each client is in an environment of its own

    parts = urlsplit(webhook)
    client = Client(BitrixWebhook(domain=parts.netloc, webhook_token=parts.path.removeprefix("/rest/")))
    return client.crm.deal.list(select=SELECT, **asked)


def as_list(webhook: str) -> list[int]:
    """Read by offsets, ordered by id."""
    return [int(row["ID"]) for row in _b24pysdk(webhook, order={"ID": "ASC"}).as_list().result]


def as_list_fast(webhook: str) -> list[int]:
    """Read by ids."""
    return [int(row["ID"]) for row in _b24pysdk(webhook).as_list_fast().result]


def _b24api(webhook: str, way: str) -> list[int]:
    from b24api import (  # noqa: PLC0415 - each client is in an environment of its own
        Bitrix24,
        IdentityCoercion,
        IdentitySpec,
        KeysetSpec,
        ParameterPath,
        ReplaySafety,
        Request,
        ResultSelector,
        RouteKind,
    )

    request = Request(METHOD, {"select": SELECT}, ReplaySafety.SAFE, route=RouteKind.BARE)
    identity = IdentitySpec(item_path=("ID",), filter_key="ID", order_key="ID", coercion=IdentityCoercion.DECIMAL_STRING_INTEGER)
    known = {"selector": ResultSelector(()), "identity": identity, "page_size": 50}

    async def read() -> list[int]:
        async with Bitrix24.from_webhook(webhook) as client:
            if way == "keyset":
                spec = KeysetSpec(filter_path=ParameterPath(("filter",)), order_path=ParameterPath(("order",)))
                stream = client.iter_list_keyset(request, keyset=spec, **known)
            else:
                stream = client.iter_list_counted(request, batch_size=50, **known)
            async with stream:
                return [int(row["ID"]) async for row in stream]

    return asyncio.run(read())


def keyset(webhook: str) -> list[int]:
    """Read with b24api by ids."""
    return _b24api(webhook, "keyset")


def counted(webhook: str) -> list[int]:
    """Read with b24api by offsets."""
    return _b24api(webhook, "counted")


if __name__ == "__main__":
    how, address = sys.argv[1:]
    ways = {"fast_bitrix24": fast_bitrix24, "as_list": as_list, "as_list_fast": as_list_fast, "keyset": keyset, "counted": counted}
    json.dump(ways[how](address), sys.stdout)
