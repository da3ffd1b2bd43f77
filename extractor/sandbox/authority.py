"""The authorisation server: it knows applications, and makes new tokens of a refresh token.

Rule 1: a refresh token works once. Its successor comes in the answer, and nowhere else:
whoever loses that answer has lost the installation (jssdk coalesces refreshes for this reason).
Rule 2: refusals are those that clients met: `wrong_client` with HTTP 200, `invalid_client` and
`invalid_grant` with 400. Which application asks is looked at before what it asks for.
Rule 3: it is another server than the portal: no request limit counts its requests, and `faults`
of its own may strike them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from extractor.sandbox import wire
from extractor.sandbox.answer import Refusal, Session
from extractor.sandbox.credentials import Credentials, Token
from extractor.sandbox.exchange import Request, Response
from extractor.sandbox.faults import Faults, calm
from extractor.sandbox.parameters import parameters

PATH = "/oauth/token/"
ACCESS_LIFETIME = 3_600
REFRESH_LIFETIME = 180 * 86_400

_HEADERS = {"Content-Type": "application/json; charset=utf-8"}
_HOST = "oauth.bitrix.info"


@dataclass(frozen=True, slots=True)
class Application:
    """A local application of the portal, and the user who has authorised it."""

    client_id: str
    client_secret: str = field(repr=False)
    session: Session
    paid: bool = True
    installed: bool = True


@dataclass(frozen=True, slots=True)
class Grant:
    """What one authorisation, or one renewal, gives."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires: float


@dataclass(frozen=True, slots=True)
class _Refresh:
    """A refresh token that has not been used yet."""

    client_id: str
    expires: float


class Authority:
    """All applications of a portal, their refresh tokens, and the making of new ones."""

    def __init__(
        self, applications: Iterable[Application], credentials: Credentials, *, clock: Callable[[], float],
        lifetime: float = ACCESS_LIFETIME, seconds: float = 0.0, faults: Faults = calm,
    ) -> None:
        self.applications = {each.client_id: each for each in applications}
        self.faults = faults
        self.renewals = 0
        self._credentials = credentials
        self._clock = clock
        self._lifetime = lifetime
        self._seconds = seconds
        self._requests = self._made = 0
        self._refresh: dict[str, _Refresh] = {}

    def __repr__(self) -> str:
        return f"Authority({len(self.applications)} applications, {self.renewals} renewals)"

    def grant(self, client_id: str) -> Grant:
        """Authorise an application: what its owner does once, with a browser."""
        now = self._clock()
        self._made += 1
        access, refresh = (_token(client_id, self._made, kind) for kind in ("access", "refresh"))
        token = Token(access, client_id, self.applications[client_id].session, now + self._lifetime)
        self._credentials.tokens[access] = token
        self._refresh[refresh] = _Refresh(client_id, now + REFRESH_LIFETIME)
        return Grant(access, refresh, token.expires)

    def revoke(self, client_id: str) -> None:
        """Make every refresh token of an application worthless, as uninstalling it does."""
        self._refresh = {token: one for token, one in self._refresh.items() if one.client_id != client_id}

    def handle(self, request: Request) -> Generator[float, None, Response]:
        """Answer one request to the token address, by its query or by its form."""
        self._requests += 1
        fault = self.faults(self._requests, request)
        flow = self._answer(request)
        return (yield from (fault.strike(flow) if fault else flow))

    def _answer(self, request: Request) -> Generator[float, None, Response]:
        if self._seconds:
            yield self._seconds
        try:
            body, status = self._renew(parameters(request)), 200
        except Refusal as refusal:
            body, status = {"error": refusal.code, "error_description": refusal.description}, refusal.status
        return Response(status, _HEADERS, wire.encode(body))

    def _renew(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        application = self._identified(asked)
        if asked.get("grant_type") != "refresh_token" or not isinstance(asked.get("refresh_token"), str):
            raise Refusal("invalid_request", "Wrong request parameters")
        used = self._refresh.get(asked["refresh_token"])
        if used is None or used.client_id != application.client_id or used.expires <= self._clock():
            raise Refusal("invalid_grant", "Wrong or expired refresh token")
        if not application.paid:
            raise Refusal("PAYMENT_REQUIRED", "Payment required", status=401)
        if not application.installed:
            raise Refusal("NOT_INSTALLED", "Application not installed", status=401)
        del self._refresh[asked["refresh_token"]]
        self.renewals += 1
        return self._worded(self.grant(application.client_id), application.session)

    def _identified(self, asked: Mapping[str, Any]) -> Application:
        application = self.applications.get(str(asked.get("client_id")))
        if application is None:
            raise Refusal("wrong_client", "Wrong client", status=200)
        if asked.get("client_secret") != application.client_secret:
            raise Refusal("invalid_client", "Invalid client or client may not be installed")
        return application

    def _worded(self, grant: Grant, session: Session) -> dict[str, Any]:
        """Lay a grant out; `domain` is this server's own here, and the portal's nowhere but in `client_endpoint`."""
        return {
            "access_token": grant.access_token,
            "expires": int(grant.expires),
            "expires_in": int(self._lifetime),
            "scope": ",".join(sorted(session.scopes)),
            "domain": _HOST,
            "server_endpoint": f"https://{_HOST}/rest/",
            "status": "L",
            "client_endpoint": "https://portal.example/rest/",
            "member_id": hashlib.sha256(b"member").hexdigest()[:32],
            "user_id": session.user_id,
            "refresh_token": grant.refresh_token,
        }


def _token(client_id: str, number: int, kind: str) -> str:
    """Make a token that looks like one: seventy hexadecimal digits, the same for the same number."""
    return hashlib.sha512(f"{client_id}:{number}:{kind}".encode()).hexdigest()[:70]
