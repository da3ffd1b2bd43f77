"""Addresses that secrets are sent to: of a form that we know, and never in clear text over a network."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def split(address: str) -> SplitResult | None:
    """Take an http or https address apart; `None` for what is none, or carries more than a place: a user, a query."""
    try:
        parts = urlsplit(address.strip())
        port = parts.port
    except ValueError:
        return None
    odd = "@" in parts.netloc or port == 0 or parts.query or parts.fragment
    return None if odd or parts.scheme not in {"https", "http"} or not parts.hostname else parts


def in_clear_text(parts: SplitResult) -> bool:
    """Tell whether what is sent there could be read on the way: plain http to another machine."""
    return parts.scheme != "https" and not _loopback(parts.hostname or "")


def _loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very form; names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
