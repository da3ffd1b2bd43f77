"""Who asks: the webhook's address, which is a secret as a whole.

An inbound webhook is `https://HOST/rest/USER/CODE/`: whoever has it, has its
user's rights. So it is shown as `HOST` everywhere, and lives in no message.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit

from extractor.errors import ConfigError

_FORM = "https://HOST/rest/USER/CODE/, as the portal shows it under Developer resources > Inbound webhook"
_PATH = re.compile(r"/rest/(?P<user>[^/]+)/(?P<code>[^/]+)/?(?:profile(?:\.json)?/?)?")


@dataclass(frozen=True, slots=True)
class Webhook:
    """An inbound webhook; `repr` and `host` show nothing secret."""

    host: str
    _address: str = field(repr=False)

    def hide(self, text: str) -> str:
        """Take the webhook's code out of a text that came from elsewhere."""
        code = self._address.rstrip("/").rpartition("/")[2]
        return text.replace(code, "***").replace(quote(code, safe=""), "***")

    def url(self, method: str) -> str:
        """Return the address to post a method's parameters to."""
        return self._address + method


def webhook(address: str) -> Webhook:
    """Read a webhook's address.

    Raises:
        ConfigError: It has another form, or would send its code over a network in clear text.
    """
    parts = _split(address.strip())
    path = _PATH.fullmatch(parts.path) if parts else None
    if parts is None or path is None or parts.scheme not in {"https", "http"} or not parts.hostname or parts.query:
        raise ConfigError(f"the address given is no webhook: it has the form {_FORM}")
    if parts.scheme == "http" and not _loopback(parts.hostname):
        raise ConfigError("plain http would send the webhook's code over the network in clear text: use https")
    user, code = path["user"], path["code"]
    return Webhook(parts.netloc, f"{parts.scheme}://{parts.netloc}/rest/{user}/{code}/")


def _split(address: str) -> SplitResult | None:
    """Take an address apart; `None` for what is none. Credentials before the host are none either."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    return None if "@" in parts.netloc or port == 0 else parts


def _loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very form; names are not looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
