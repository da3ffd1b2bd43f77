"""Secrets in texts: taken out in every form in which they could stand there.

Rule 1: whoever reads a secret remembers it here, so that the last line of
defence, which shows the traceback of a bug, knows what may not be in it.
Rule 2: a secret stands in a text as it is, percent-encoded, or in base64.
Rule 3: a signed link carries a secret that nobody has told us: what stands
behind the names that such links use is taken out, whatever it is.
Rule 4: what is shorter than any real secret is not remembered: taking every
`1` out of a traceback helps nobody.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

SHORTEST = 8  # a webhook's code has 16 letters, a token 70; `sandbox` is no secret

_SIGNED = re.compile(
    r"(?P<name>(?:auth|access_token|refresh_token|oauth_token|client_secret|token|sessid|signature)(?:\]|%5D)?"
    r"(?:=|%3D|\\?\"\s*:\s*\\?\")|\bBearer\s+|(?:/|\\/|%2F)rest(?:/|\\/|%2F)\d+(?:/|\\/|%2F))[^&%\s\"'<>\\/]+",
    re.IGNORECASE,
)
"""Names in the query of a link, and their values (`crm_show_file.php?...&auth=`, diskmanager.php: getFileInfo), encoded or in JSON; and a webhook's path."""

_REMEMBERED: set[str] = set()


def remember(*secrets: str) -> None:
    """Note secrets that this process has read."""
    _REMEMBERED.update(secret for secret in secrets if len(secret) >= SHORTEST)


def masked(text: str) -> str:
    """Take every secret that is remembered out of a text."""
    return without(text, _REMEMBERED)


def without(text: str, secrets: Iterable[str]) -> str:
    """Take these secrets out of a text, and those of signed links; the longest first, or a part of one would leave the rest."""
    for form in sorted({form for secret in secrets for form in forms(secret)}, key=len, reverse=True):
        text = text.replace(form, "***")
    return _SIGNED.sub(r"\g<name>***", text)


def forms(secret: str) -> set[str]:
    """Return the forms in which a secret could stand in a text."""
    if not secret:
        return set()
    data = secret.encode(errors="surrogatepass")
    coded = {base64.b64encode(data), base64.urlsafe_b64encode(data)}
    return {secret, quote(data, safe=""), *(form.decode().rstrip("=") for form in coded)}
