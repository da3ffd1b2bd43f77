"""Who asks at this moment: the webhook, or the application with the token that it has now.

Rule 1: a token that was refused is renewed before the next request leaves,
once, however many requests were refused with it.
Rule 2: a renewal that was asked for is seen through to the disk, cancelled or
not: nobody else has its answer, and the old refresh token is worth nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from extractor.auth import Application, Credentials, Tokens
from extractor.auth.oauth import Ask, Load, Pause, Prepare, Renewal, Store, renewal
from extractor.errors import B24xError, CredentialsRefused, PortalError
from extractor.secrets import without
from extractor.tokenfile import TokenFile
from extractor.transport import Response, Transport

Found = TypeVar("Found")

_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_OF_A_WEBHOOK = "check the webhook, under Developer resources in the portal"
_OF_AN_APPLICATION = "check the application in the portal, and the user who has authorised it"


@dataclass(frozen=True, slots=True)
class Pass:
    """What one request shows: headers, and the token in them."""

    headers: Mapping[str, str] = field(repr=False)
    access: str = field(repr=False)


class Session:
    """The credentials of one run, kept fit to be shown."""

    def __init__(self, credentials: Credentials, transport: Transport, *, clock: Callable[[], float] | None = None) -> None:
        """Take the credentials; `clock` is the wall's unless another is given, for tokens outlive processes."""
        self._who = credentials
        self._transport = transport
        self._clock = clock or time.time
        self._file = TokenFile(credentials) if isinstance(credentials, Application) else None
        self._tokens: Tokens | None = None
        self._spent = False
        self._seen: set[str] = set()
        self._one_at_a_time = asyncio.Lock()
        self.renewals = 0
        self.renewing = False

    async def ready(self) -> None:
        """Wait until there is something to show that was not refused yet.

        Raises:
            B24xError: The tokens cannot be read, stored or renewed.
        """
        if self._file is None or (self._tokens is not None and not self._spent):
            return
        async with self._one_at_a_time:
            if self._tokens is None:
                self._take(self._file.load())
                self._spent = not self._now().usable(self._clock())
            if self._spent:
                await self._renew()

    def url(self, method: str) -> str:
        """Return the address of a method."""
        return self._who.url(method)

    def shown(self) -> Pass:
        """Return what a request shows now."""
        access = self._tokens.access if self._tokens else ""
        return Pass({"Authorization": f"Bearer {access}"} if access else {}, access)

    def refused(self, shown: Pass) -> None:
        """Note that what a request has shown is not accepted any more; news of an older token are none."""
        if self._tokens is not None and shown.access == self._tokens.access:
            self._spent = True

    def hidden(self, found: Found) -> Found:
        """Take every secret out of a refusal, as some proxies repeat address and headers in theirs; of credentials, say what to check."""
        if not isinstance(found, PortalError):
            return found
        made = type(found)(self.hide(found.code), self.hide(found.description), status=found.status)
        if isinstance(found, CredentialsRefused) and isinstance(made, CredentialsRefused):
            made.advice = (_OF_A_WEBHOOK if self._file is None else _OF_AN_APPLICATION) if found.advice is None else found.advice
        return made

    def hide(self, text: str) -> str:
        """Take every secret out of a text that came from elsewhere."""
        return without(self._who.hide(text), self._seen)

    async def _renew(self) -> None:
        """Renew the tokens, or take those that another process has renewed."""
        assert isinstance(self._who, Application), "a webhook has no token"  # noqa: S101 - a bug of ours
        assert self._file is not None, "an application has a token file"  # noqa: S101 - a bug of ours
        async with self._file.held():
            try:
                self._take(await self._drive(renewal(self._who, self._now(), self._clock, random.random), self._file))
            except PortalError as error:
                raise self.hidden(error) from None
        self._spent = False

    async def _drive(self, flow: Renewal, file: TokenFile) -> Tokens:
        """Carry out the steps of a renewal; cancelled, only those that save what was answered."""
        answer: Tokens | Response | B24xError | None = None
        cancelled = False
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                if cancelled:
                    raise asyncio.CancelledError from None
                tokens: Tokens = end.value
                return tokens
            answer = None
            match step:
                case Load():
                    answer = file.load()
                case Prepare(tokens=tokens):
                    file.prepare(tokens)
                case Store(tokens=tokens):
                    file.store(tokens)
                case Pause(seconds=seconds) if not cancelled:
                    await asyncio.sleep(seconds)
                case Ask() if not cancelled:
                    answer, cancelled = await self._seen_through(step)
                case _:
                    raise asyncio.CancelledError

    async def _seen_through(self, ask: Ask) -> tuple[Response | B24xError, bool]:
        """Ask, and wait for the answer even when cancelled, however often; tell whether that happened."""
        self.renewals += 1
        came: asyncio.Future[Response | B24xError] = asyncio.get_running_loop().create_future()

        async def finish() -> None:
            try:
                came.set_result(await self._transport.post(ask.url, ask.body, _FORM))
            except B24xError as error:
                came.set_result(error)
            except Exception as error:  # noqa: BLE001 - a bug of ours: whoever waits is told
                came.set_exception(error)
            finally:
                came.cancel()  # without an effect when there is a result

        self.renewing = True
        sending = asyncio.shield(finish())
        cancelled = False
        while not came.done():
            try:
                await asyncio.wait({came})
            except asyncio.CancelledError:
                cancelled = True
        sending.cancel()  # it has ended
        self.renewing = False
        return came.result(), cancelled

    def _take(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._seen |= {token for token in (tokens.access, tokens.refresh) if token}

    def _now(self) -> Tokens:
        assert self._tokens is not None, "ready before use"  # noqa: S101 - a bug of ours
        return self._tokens
