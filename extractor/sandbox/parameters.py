"""From an HTTP request to the parameters of a call: URL forms, content types, precedence.

Rule 1: a body is read for POST only, and by its content type (rest_util getRequestData).
Rule 2: what cannot be read is dropped in silence, and the call goes on without it:
bad JSON, JSON under another content type, variables beyond `max_input_vars`.
Rule 3: body values replace query values of the same name, at the top level only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from extractor.sandbox import wire
from extractor.sandbox.exchange import Request

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Route:
    """What a path asks for: a method, perhaps with a webhook's user and code."""

    name: str
    user: str | None = None
    code: str | None = None
    version3: bool = False


def find_route(path: str) -> Route | None:
    """Read `/rest/METHOD`, `/rest/USER/CODE/METHOD` and their `/rest/api/` forms; `None` elsewhere."""
    root, *parts = unquote(path).strip("/").split("/")
    if root != "rest":
        return None
    version3 = len(parts) > 1 and parts[0] == "api"
    parts = parts[version3:]
    if len(parts) in {2, 3}:
        user, code, *rest = parts
        return Route(_name(rest), user, code, version3)
    return Route(_name(parts), version3=version3) if len(parts) < 2 else None


def _name(parts: list[str]) -> str:
    return parts[0].removesuffix(".json") if parts else ""


def parameters(request: Request, max_vars: int = wire.MAX_INPUT_VARS) -> dict[str, Any]:
    """Decode query string and body into one map."""
    found = wire.parse_str(request.query, max_vars)
    if request.method == "POST":
        found.update(_body(request, max_vars))
    return found


def _body(request: Request, max_vars: int) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "").strip()
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or "+json" in content_type.lower():
        return wire.decode(request.body)
    fields = _multipart(request.body, content_type, max_vars) if kind == "multipart/form-data" else {}
    return fields or wire.parse_str(request.body.decode(errors="replace"), max_vars)


def _multipart(body: bytes, content_type: str, max_vars: int) -> dict[str, Any]:
    """Read form fields; files are nothing that a list method takes."""
    boundary = content_type.partition("boundary=")[2].partition(";")[0].strip().strip('"')
    if not boundary:
        return {}
    pairs = []
    for part in body.split(f"--{boundary}".encode())[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _field_name(head.decode(errors="replace"))
        value = content.removesuffix(b"\r\n").decode(errors="replace")
        if name:
            pairs.append(f"{quote(name)}={quote(value)}")
    return wire.parse_str("&".join(pairs), max_vars)


def _field_name(head: str) -> str:
    if "filename=" in head:
        return ""
    return head.partition(' name="')[2].partition('"')[0]
