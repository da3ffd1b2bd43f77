"""Real sockets against a server of a few lines that misbehaves; no message may carry the address."""

import asyncio
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest

from extractor.errors import ConnectionLost, RequestTimeout, Unreachable
from extractor.transport import HttpTransport

pytestmark = pytest.mark.end_to_end

CODE = "k4n4ri3nv0g3l"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Portal: yes\r\nSet-Cookie: session=1\r\n\r\n{}"


@asynccontextmanager
async def server(answer, context=None):
    """Serve raw bytes on loopback: `answer(head, writer)` is called for every request."""
    async def connected(reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")), 0)
                await answer(head + await reader.readexactly(length), writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}/rest/1/{CODE}/batch"


def saying(data, seen=None):
    """Make an answer of fixed bytes."""
    async def answer(request, writer):
        if seen is not None:
            seen.append(request)
        writer.write(data)
        await writer.drain()

    return answer


async def post(address, *, patience=5.0):
    """Post once."""
    async with HttpTransport(timeout=patience) as transport:
        return await transport.post(address, b'{"a": 1}', {"Content-Type": "application/json"})


async def failing(address, error, **options):
    """Post, and return the words of the error that comes."""
    with pytest.raises(error) as caught:
        await post(address, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert CODE not in str(caught.value) + repr(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    return str(caught.value)


async def test_an_answer():
    """A POST goes out as it was given, and status, headers and body come back."""
    seen = []
    async with server(saying(OK, seen)) as address:
        answer = await post(address)
    assert (200, "yes", b"{}") == (answer.status, answer.headers["x-portal"], answer.body)
    assert seen[0].startswith(f"POST /rest/1/{CODE}/batch HTTP/1.1\r\n".encode())
    assert seen[0].endswith(b'\r\n\r\n{"a": 1}')
    assert b"User-Agent: b24x" in seen[0]


async def test_a_redirect_is_not_followed():
    """A redirect is an answer like any other: nothing is sent to where it points."""
    seen = []
    moved = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    async with server(saying(moved, seen)) as address:
        answer = await post(address)
    assert (302, "/elsewhere", 1) == (answer.status, answer.headers["Location"], len(seen))


async def test_connections_are_kept_and_cookies_are_not():
    """Two posts share a connection; a cookie of the first is not sent with the second."""
    places, seen = set(), []

    async def answer(request, writer):
        places.add(writer.get_extra_info("peername"))
        await saying(OK, seen)(request, writer)

    async with server(answer) as address, HttpTransport(timeout=5.0) as transport:
        for _ in range(2):
            await transport.post(address, b"", {})
    assert (1, 2) == (len(places), len(seen))
    assert b"cookie" not in seen[1].lower()


async def test_a_timeout():
    """A server that does not answer in time is a timeout, with the option to change it."""
    async def silence(_request, _writer):
        await asyncio.Event().wait()

    async with server(silence) as address:
        assert "--timeout" in await failing(address, RequestTimeout, patience=0.05)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"no HTTP at all\r\n\r\n"],
                         ids=["nothing", "a part", "nonsense"])
async def test_a_connection_that_breaks(data):
    """Whatever is not a whole answer is a lost connection."""
    async def breaking(request, writer):
        await saying(data)(request, writer)
        writer.close()

    async with server(breaking) as address:
        await failing(address, ConnectionLost)


async def test_nobody_listens():
    """A refused connection means that nobody is there."""
    async with server(saying(OK)) as address:
        pass
    assert "no connection to the portal: Connection refused" == await failing(address, Unreachable)


async def test_an_unknown_name():
    """A name that the DNS does not know is said."""
    await failing(f"https://no.such.portal.invalid/rest/1/{CODE}/", Unreachable)


async def test_a_certificate_that_is_not_trusted(tmp_path):
    """A certificate of somebody's own making is not trusted; there is no option to look away."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate)
    subprocess.run(["openssl", *words], check=True, capture_output=True)  # noqa: ASYNC221 - before anything runs
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    async with server(saying(OK), context) as address:
        assert "not trusted" in await failing(address, Unreachable)


async def test_https_to_a_server_without_it():
    """A server that does not speak https is said."""
    async def blunt(_reader, writer):
        writer.write(OK)
        writer.close()

    async with await asyncio.start_server(blunt, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        assert "TLS" in await failing(f"https://127.0.0.1:{port}/rest/1/{CODE}/", Unreachable)
