"""One POST: bytes out, bytes in. Foreign errors are translated here and only here.

Rule 1: no redirects. A renamed portal answers 302; followed blindly, the POST
becomes a GET without parameters: page 1 of everything, with HTTP 200.

Rule 2: no cookies. An authorised cookie session of another user turns a
webhook's call into `authorization_error`.

Rule 3: no message carries a URL: it holds the webhook's code.

Rule 4: few bodies are taken in at a time. A full batch is 4 MB, and a portal may
answer many at once; those that wait stay in the network, as flow control has it,
so that memory does not grow with the window. A body that stands still gives its
place to the next one.

Rule 5: no more of a body is kept than an honest one has, counted after
decompression: a kilobyte can be the seed of a gigabyte.

Rule 6: certificates are verified, and nothing here switches that off.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import aiohttp
import yarl

from extractor.errors import ConnectionLost, RequestTimeout, TooLarge, Unreachable

# A batch brings 2,500 rows at the most, so 100 KiB for each of them: a row of a thousand user fields, or
# one with a long text, is well below that on the average, and 256 MiB are still no danger to a machine.
LARGEST_ANSWER = 256 << 20
_PIECE = 64 << 10  # what is read at a time, and so how far the bound may be overshot


class Response(Protocol):
    """What came back: the HTTP status, the headers, the whole body."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The response's headers."""
        ...

    @property
    def body(self) -> bytes:
        """The whole body, decompressed."""
        ...


class Transport(Protocol):
    """Anything that can post bytes; the sandbox ships one without sockets."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Post a body and return the response, or raise a `TransportError`."""
        ...


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response that came over HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes


_AWAY = "the portal could not be reached"

BODIES = 4  # taken in at a time: enough to fill a line, 16 MB at the most
STILL = 0.25  # seconds without a byte, after which a body's place is another's


class HttpTransport:
    """Posts over aiohttp with kept connections; used as an async context manager."""

    def __init__(self, *, timeout: float, largest: int = LARGEST_ANSWER) -> None:
        """Allow `timeout` seconds for one request, from the first byte sent to the last received, and `largest` bytes of answer."""
        self._largest = largest
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None
        self._bodies = asyncio.Semaphore(BODIES)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the window decides how many
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            headers={"User-Agent": "b24x"},  # an empty one gets nginx's 404 on some portals
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """Post a body; the URL is sent as it is."""
        assert self._session is not None, "entered before use"  # noqa: S101 - a bug of ours
        with _translated():
            async with self._session.post(
                yarl.URL(url, encoded=True), data=body, headers=headers, allow_redirects=False
            ) as answer:
                return HttpResponse(answer.status, answer.headers, await self._body(answer))

    async def _body(self, answer: aiohttp.ClientResponse) -> bytes:
        """Read a body up to the bound; aiohttp decompresses in pieces, and waits while nobody reads them."""
        pieces: list[bytes] = []
        room = self._largest
        while piece := await answer.content.read(_PIECE):  # without a place: there is nothing of it yet
            async with self._bodies:
                while piece:
                    pieces.append(piece)
                    room -= len(piece)
                    if room < 0:
                        answer.close()
                        raise TooLarge(f"the portal's answer is larger than {self._largest / (1 << 20):g} MiB, and no honest one is")
                    piece = await _soon(answer.content)
        return b"".join(pieces)


async def _soon(content: aiohttp.StreamReader) -> bytes:
    """Read the next piece of a body, if it comes before long; nothing, if not, or if it was the last."""
    still = asyncio.timeout(STILL)
    try:
        async with still:
            return await content.read(_PIECE)
    except TimeoutError:
        if not still.expired():
            raise
        return b""


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what aiohttp and the system raise into our own errors, without their text: it may hold the URL."""
    try:
        yield
    except TimeoutError:
        raise RequestTimeout("no whole answer came in the time allowed (--timeout)") from None
    except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError):
        raise Unreachable(f"{_AWAY}: its TLS certificate is not trusted by this machine; check the address, and the machine's clock and certificates") from None
    except UnicodeError:  # two dots in a row, a label of more than 63 letters
        raise Unreachable(f"{_AWAY}: its name is none that the DNS could know; check the address") from None
    except aiohttp.ClientSSLError:
        raise Unreachable(f"{_AWAY}: no TLS connection came about; check that the address is that of a server which speaks https") from None
    except aiohttp.ClientConnectorDNSError:
        raise Unreachable(f"{_AWAY}: its name is not known to the DNS; check the address and the network") from None
    except aiohttp.ClientConnectorError as error:
        # The loop's own text has the address in it; the system's word for the number has not.
        why = os.strerror(error.os_error.errno) if error.os_error.errno else "refused"
        raise Unreachable(f"{_AWAY}: {why}; check the address, the network and its firewall") from None
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectionLost(f"the connection ended before a whole answer had come ({type(error).__name__})") from None
