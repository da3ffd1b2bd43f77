"""Serves a simulated portal over HTTP, on loopback."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web

from extractor.sandbox.exchange import Request, Response
from extractor.sandbox.portal import Portal
from extractor.sandbox.transport import REQUEST_LIFETIME, drive

# A request of 50 commands is some kilobytes; nothing honest comes near this.
LARGEST_BODY = 64 * 1024 * 1024


class Server:
    """Carries requests from aiohttp to a portal and responses back.

    `compress` answers in gzip where the client accepts it, as real portals do;
    it is off by default because it costs more than making the rows.
    """

    def __init__(self, portal: Portal, *, compress: bool = False, lifetime: float | None = REQUEST_LIFETIME) -> None:
        self._portal = portal
        self._compress = compress
        self._lifetime = lifetime

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        response = await drive(self._portal.handle(await _received(request)), self._lifetime)
        if response.sent is not None:
            return await _break(request, response)
        if self._compress and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers = {**response.headers, "Content-Encoding": "gzip"}
            response = replace(response, headers=headers, body=gzip.compress(response.body, compresslevel=1))
        return web.Response(status=response.status, headers=dict(response.headers), body=response.body)


async def _received(request: web.BaseRequest) -> Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = await request.read() if request.can_read_body else b""
    return Request(request.method, request.rel_url.raw_path, request.rel_url.raw_query_string, headers, body,
                   request.remote or "", request.secure)


async def _break(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    """Send a part of the response, then break the connection."""
    partial = web.StreamResponse(status=response.status, headers=dict(response.headers))
    partial.content_length = len(response.body)
    if response.sent:
        await partial.prepare(request)
        await partial.write(response.body[:response.sent])
    if request.transport is not None:
        request.transport.close()
    return partial


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY)


@asynccontextmanager
async def serve(portal: Portal, host: str = "127.0.0.1", port: int = 0, ssl_context: ssl.SSLContext | None = None, *,
                anywhere: bool = False, compress: bool = False,
                lifetime: float | None = REQUEST_LIFETIME) -> AsyncIterator[str]:
    """Serve a portal and give its base URL; a host beyond loopback needs `anywhere`."""
    if not (anywhere or _is_loopback(host)):
        raise ValueError(f"{host} is not a loopback address: a simulated portal is for this machine only")
    answer = Server(portal, compress=compress, lifetime=lifetime).answer
    runner = web.ServerRunner(web.Server(answer, request_factory=_request, access_log=None))
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=ssl_context).start()
        name = f"[{host}]" if ":" in host else host
        yield f"{'https' if ssl_context else 'http'}://{name}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's factory where it is installed, `None` for asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
