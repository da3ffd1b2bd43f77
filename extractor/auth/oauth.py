"""An application with tokens: who it is, and what it does when its access token has aged.

Rule 1: a refresh token works once, and its successor comes in the answer and
nowhere else. So the successor is stored before it is used, and that there is
a place to store it is found out before the old one is spent.
Rule 2: an authorisation server in trouble says nothing about the tokens: it
is asked again with the same one. Only its refusal ends the renewal.
Rule 3: other processes may share the tokens. Before asking, and after
`invalid_grant`, what is stored is looked at: another one may have been first.
Rule 4: secrets travel in headers and bodies, never in an address.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeGuard
from urllib.parse import urlencode

import orjson

from extractor.auth.address import in_clear_text, split
from extractor.errors import B24xError, ConfigError, CredentialsRefused, NotJson, PortalMoved
from extractor.refusals import oauth_error
from extractor.retry import Again, decide
from extractor.secrets import remember, without

KEYS = ("domain", "client_id", "client_secret", "access_token", "refresh_token", "token_file", "oauth_server")

# Where tokens are renewed: by the region of the portal, which its last label tells.
ELSEWHERE, CIS = "https://oauth.bitrix.info", "https://oauth.bitrix24.tech"
_OF_CIS = frozenset({"ru", "am", "az", "ge", "kz", "kg", "uz", "by"})

_ANEW = "authorise the application anew in the portal, and give its refresh token (B24X_REFRESH_TOKEN, or refresh_token in the --config file)"
_CLIENT = "check the client id and secret (B24X_CLIENT_ID and B24X_CLIENT_SECRET, or the --config file)"
_WAYS_OUT = {"INVALID_GRANT": _ANEW, "INVALID_CLIENT": _CLIENT, "WRONG_CLIENT": _CLIENT,
             "NOT_INSTALLED": "install the application in the portal, then " + _ANEW}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an application has at one moment; `seed` marks the authorisation that all of it comes from."""

    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    expires: float | None = None
    seed: str = field(default="", repr=False)

    def usable(self, now: float) -> bool:
        """Tell whether the access token may still be good."""
        return bool(self.access) and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class Application:
    """An application; `given` is what the user gave, which the token file outlives."""

    host: str
    client_id: str
    client_secret: str = field(repr=False)
    server: str
    token_file: str
    given: Tokens = field(repr=False)
    _address: str = field(repr=False)

    @property
    def user(self) -> None:
        """Nobody knows whose rights its tokens have."""
        return

    def url(self, method: str) -> str:
        """Return the address to post a method's parameters to; there is nothing secret in it."""
        return f"{self._address}/rest/{method}"

    def hide(self, text: str) -> str:
        """Take what the user gave out of a text that came from elsewhere."""
        return without(text, (self.client_secret, self.given.access, self.given.refresh))


@dataclass(frozen=True, slots=True)
class Load:
    """Read the tokens that are stored."""


@dataclass(frozen=True, slots=True)
class Prepare:
    """Find out that tokens can be stored; what is stored stays as it is."""

    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Store:
    """Make tokens durable."""

    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Ask:
    """Post a form to the authorisation server; the answer is a response, or the error in its place."""

    url: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before the server is asked again."""

    seconds: float


class Answer(Protocol):
    """What the authorisation server answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def body(self) -> bytes:
        """The body."""
        ...


Step = Load | Prepare | Store | Ask | Pause
Renewal = Generator[Step, Any, Tokens]


def application(given: Mapping[str, Any]) -> Application:
    """Read an application from `KEYS`.

    Raises:
        ConfigError: Something is missing, or would send secrets over a network in clear text.
    """
    words = {key: str(given.get(key) or "").strip() for key in KEYS}
    if missing := [key for key in ("domain", "client_id", "client_secret", "token_file") if not words[key]]:
        raise ConfigError(f"an application needs {', '.join(missing)} as well "
                          f"({', '.join(f'B24X_{key.upper()}' for key in missing)}, or [portal] in the --config file)")
    host, address = _place(words["domain"] if "//" in words["domain"] else f"https://{words['domain']}", "domain", "example.bitrix24.com")
    _, server = _place(words["oauth_server"] or _server_of(host), "oauth_server", ELSEWHERE)
    access, refresh = words["access_token"], words["refresh_token"]
    for key in ("client_id", "client_secret", "access_token", "refresh_token"):
        if words[key] and not _is_token(words[key]):
            raise ConfigError(f"{key} is one word, of letters that a header can hold")
    remember(words["client_secret"], access, refresh)
    tokens = Tokens(access, refresh, None, hashlib.sha256(refresh.encode()).hexdigest() if refresh else "")
    return Application(host, words["client_id"], words["client_secret"], server, words["token_file"], tokens, address)


def renewal(who: Application, spent: Tokens, now: Callable[[], float], random: Callable[[], float]) -> Renewal:
    """Replace tokens whose access token is spent; ends with the new ones, or raises what cannot be mended here."""
    failures: Counter[type[B24xError]] = Counter()
    while True:
        held: Tokens = yield Load()
        if held.access != spent.access and held.usable(now()):
            return held
        yield Prepare(held)
        outcome: Answer | B24xError = yield Ask(f"{who.server}/oauth/token/", _form(who, held))
        try:
            tokens = _read(outcome, held, now())
        except B24xError as error:
            if _is_grant(error) and (yield Load()).refresh != held.refresh:
                continue
            failures[type(error)] += 1
            decision = decide(error, failures[type(error)], random())
            if not isinstance(decision, Again):
                raise _with_a_way_out(error) from None
            yield Pause(decision.after)
            continue
        yield Store(tokens)
        return tokens


def _place(address: str, key: str, example: str) -> tuple[str, str]:
    """Read the address of a server: its host, and what a path is put behind."""
    parts = split(address)
    if parts is None or parts.path.strip("/"):
        raise ConfigError(f"{key} is the address of a server, such as {example}")
    if in_clear_text(parts):
        raise ConfigError(f"plain http to {key} would send tokens over the network in clear text: use https")
    return parts.netloc, f"{parts.scheme}://{parts.netloc}"


def _server_of(host: str) -> str:
    """Return the authorisation server of a portal's region."""
    return CIS if host.rpartition(".")[2].lower() in _OF_CIS else ELSEWHERE


def _form(who: Application, held: Tokens) -> bytes:
    """Write the form of a renewal: as a body, for addresses are written into logs."""
    return urlencode({
        "grant_type": "refresh_token", "client_id": who.client_id, "client_secret": who.client_secret, "refresh_token": held.refresh,
    }).encode()


def _read(outcome: Answer | B24xError, held: Tokens, now: float) -> Tokens:
    """Read new tokens out of an answer, or raise what it is instead."""
    if isinstance(outcome, B24xError):
        raise outcome
    status = outcome.status
    if 300 <= status < 400:
        raise PortalMoved("the authorisation server answers with a redirect, and tokens are sent to no other: check oauth_server")
    try:
        said = orjson.loads(outcome.body)
    except orjson.JSONDecodeError:
        said = None
    if isinstance(said, dict) and "error" in said:
        raise oauth_error(said["error"], said.get("error_description"), status)
    access, refresh = (said.get("access_token"), said.get("refresh_token")) if isinstance(said, dict) else (None, None)
    if status >= 400 or not (_is_token(access) and _is_token(refresh)):
        raise NotJson(f"the authorisation server answered HTTP {status} without tokens", status=status)
    remember(access, refresh)
    lifetime = said.get("expires_in")
    known = isinstance(lifetime, int) and not isinstance(lifetime, bool) and lifetime > 0
    return Tokens(access, refresh, now + lifetime if known else None, held.seed)


def _is_token(word: object) -> TypeGuard[str]:
    """Tell whether it is a word that a header can hold: a line break in one would begin another header."""
    return isinstance(word, str) and bool(word) and word.isascii() and word.isprintable() and " " not in word


def _is_grant(error: B24xError) -> bool:
    """Tell whether it is the refresh token that was refused."""
    return isinstance(error, CredentialsRefused) and error.code.upper() == "INVALID_GRANT"


def _with_a_way_out(error: B24xError) -> B24xError:
    """Say what to do about a refusal, in one sentence."""
    if not isinstance(error, CredentialsRefused):
        return error
    way = _WAYS_OUT.get(error.code.upper(), "check the application in the portal")
    return CredentialsRefused(error.code, f"the authorisation server refuses to renew the tokens: {way}", status=error.status, advice="")
