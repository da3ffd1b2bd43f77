"""One HTTP exchange with the portal, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

JSON_HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json; charset=utf-8",
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
}
HTML_HEADERS: Mapping[str, str] = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Request:
    """What arrives; the names in `headers` are lower case, `query` is raw."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    address: str = "127.0.0.1"
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """What leaves; the connection breaks after `sent` bytes of the body, `None` for never."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent: int | None = None


def page(status: int) -> Response:
    """Answer as the web server in front of the portal does: a page, not JSON."""
    title = f"{status} {HTTPStatus(status).phrase}"
    text = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    return Response(status, HTML_HEADERS, text.encode())
