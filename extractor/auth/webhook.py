"""Who asks: the webhook's address, which is a secret as a whole.

An inbound webhook is `https://HOST/rest/USER/CODE/`: whoever has it, has its
user's rights. So it is shown as `HOST` everywhere, and lives in no message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from extractor.auth.address import in_clear_text, split
from extractor.errors import ConfigError
from extractor.secrets import remember, without

_FORM = "https://HOST/rest/USER/CODE/, as the portal shows it under Developer resources > Inbound webhook"
_PATH = re.compile(r"/rest/(?P<user>[^/]+)/(?P<code>[!-.0-~]+)/?(?:profile(?:\.json)?/?)?")


@dataclass(frozen=True, slots=True)
class Webhook:
    """An inbound webhook, and the id of the user whose rights it has; `repr` shows nothing secret."""

    host: str
    user: str = field(repr=False)
    _address: str = field(repr=False)

    def hide(self, text: str) -> str:
        """Take the webhook's code out of a text that came from elsewhere."""
        code = self._address.rstrip("/").rpartition("/")[2]
        return without(text, {code, unquote(code)})

    def url(self, method: str) -> str:
        """Return the address to post a method's parameters to."""
        return self._address + method


def webhook(address: str) -> Webhook:
    """Read a webhook's address.

    Raises:
        ConfigError: It has another form, or would send its code over a network in clear text.
    """
    parts = split(address)
    path = _PATH.fullmatch(parts.path) if parts else None
    if parts is None or path is None:
        raise ConfigError(f"the address given is no webhook: it has the form {_FORM}")
    if in_clear_text(parts):
        raise ConfigError("plain http would send the webhook's code over the network in clear text: use https")
    user, code = path["user"], path["code"]
    remember(code, unquote(code))
    return Webhook(parts.netloc, user, f"{parts.scheme}://{parts.netloc}/rest/{user}/{code}/")
