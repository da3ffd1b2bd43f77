"""Who may call: webhooks and OAuth tokens, and how a request shows which one it is.

The webhook's URL form is mapped onto the parameters `aplogin` and `ap`, which are
what the server checks (rest/lib/apauth/auth.php); a token may sit in a Bearer
header, in `auth` or in `access_token`, in that order (rest/lib/oauth/auth.php).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from extractor.sandbox.answer import Refusal, Session

WEBHOOK, OAUTH = "apauth", "oauth"

# The server takes these for itself; a method never sees them (rest.php init).
RESERVED = frozenset(("auth", "access_token", "auth_connector", "ap", "aplogin", "sessid", "state", "token", "start"))


@dataclass(frozen=True, slots=True)
class Webhook:
    """An inbound webhook: `/rest/USER/CODE/`; `login` also works in place of the user's id."""

    code: str = field(repr=False)
    session: Session
    id: int = 1
    login: str = ""
    active: bool = True
    held: bool = False

    @property
    def path(self) -> str:
        """Return the path that a client puts after the portal's address."""
        return f"/rest/{self.session.user_id}/{self.code}/"


@dataclass(frozen=True, slots=True)
class Token:
    """An OAuth access token of one application."""

    access_token: str = field(repr=False)
    client_id: str
    session: Session
    expires: float = float("inf")


@dataclass(frozen=True, slots=True)
class Caller:
    """An authorised caller; `entity` is whose operating seconds are counted."""

    kind: str
    entity: str
    session: Session

    @property
    def batched_entity(self) -> str:
        """Return the entity inside a batch: the password id is not passed on there."""
        return self.entity if self.kind == OAUTH else ""

    @property
    def acting(self) -> Session:
        """Return the session as a method sees it: that of an application says of which."""
        return replace(self.session, application=self.entity) if self.kind == OAUTH else self.session


class Credentials:
    """All credentials of a portal; webhooks and tokens may be added and revoked while it runs."""

    def __init__(self, webhooks: Iterable[Webhook] = (), tokens: Iterable[Token] = ()) -> None:
        self.webhooks = {each.code: each for each in webhooks}
        self.tokens = {each.access_token: each for each in tokens}

    def identify(self, headers: Mapping[str, str], query: Mapping[str, Any], *, now: float,
                 insecure: bool = False) -> Caller:
        """Find out who calls, or refuse; `insecure` refuses a webhook that came over plain http."""
        token = _bearer(headers) or query.get("auth") or query.get("access_token")
        if token is not None and "ap" not in query:
            return self._application(token, now)
        if query.get("aplogin") is None or query.get("ap") is None:
            raise Refusal("NO_AUTH_FOUND", "Wrong authorization data", status=401)
        if insecure:
            raise Refusal("INVALID_REQUEST", "Https required.", status=401)
        return self._webhook(str(query["aplogin"]), str(query["ap"]))

    def _webhook(self, user: str, code: str) -> Caller:
        hook = self.webhooks.get(code)
        if hook is None or user not in {str(hook.session.user_id), hook.login or None}:
            raise Refusal("INVALID_CREDENTIALS", "Invalid request credentials", status=401)
        if hook.held:
            raise Refusal("OVERLOAD_LIMIT", "REST API is blocked due to overload.", status=401)
        if not hook.active:
            raise Refusal("authorization_error", "Unable to authorize user", status=401)
        return Caller(WEBHOOK, str(hook.id), hook.session)

    def _application(self, token: Any, now: float) -> Caller:
        found = self.tokens.get(token) if isinstance(token, str) else None
        if found is None:
            raise Refusal("invalid_token", "Unable to get application by token", status=401)
        if found.expires <= now:
            raise Refusal("expired_token", "The access token provided has expired.", status=401)
        return Caller(OAUTH, found.client_id, found.session)


def _bearer(headers: Mapping[str, str]) -> str | None:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None
