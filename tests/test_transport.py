"""Real sockets against a server of a few lines that misbehaves; no message may carry the address."""

import asyncio
import gzip
import ssl
import subprocess
import tracemalloc
import zlib
from contextlib import asynccontextmanager

import pytest

from extractor.auth import webhook
from extractor.auth.oauth import application
from extractor.client import Client
from extractor.config import read_file
from extractor.errors import ConfigError, ConnectionLost, PortalMoved, RequestTimeout, TooLarge, Unreachable
from extractor.limits import RateLimit
from extractor.messages import Call
from extractor.transport import BODIES, STILL, HttpTransport
from tests.command_lines import commands, options

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


async def post(address, *, patience=5.0, **bounds):
    """Post once."""
    async with HttpTransport(timeout=patience, **bounds) as transport:
        return await transport.post(address, b'{"a": 1}', {"Content-Type": "application/json"})


async def failing(address, error, **options):
    """Post, and return the words of the error that comes."""
    with pytest.raises(error) as caught:
        await post(address, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
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
    assert "the portal could not be reached: Connection refused; check the address, the network and its firewall" == await failing(address, Unreachable)


async def test_an_unknown_name():
    """A name that the DNS does not know is said."""
    said = await failing(f"https://no.such.portal.invalid/rest/1/{CODE}/", Unreachable)
    assert "the portal could not be reached: its name is not known to the DNS; check the address and the network" == said


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


def packed(body, coding="gzip", *, chunked=False):
    """Make an answer in a content coding."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: " + coding.encode() + b"\r\n"
    if chunked:
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize("data", [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + bytes(5_000_000),
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + bytes(5_000_000), packed(gzip.compress(bytes(5_000_000))),
    packed(gzip.compress(bytes(5_000_000)), chunked=True), packed(zlib.compress(bytes(5_000_000)), "deflate"),
], ids=["announced", "unannounced", "gzip", "gzip in chunks", "deflate"])
async def test_an_answer_larger_than_any_honest_one(data):
    """Whatever way it comes, it is refused by a word of ours."""
    async def large(request, writer):
        await saying(data)(request, writer)
        writer.close()

    async with server(large) as address:
        assert "larger than 1 MiB" in await failing(address, TooLarge, largest=1 << 20)


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_an_answer_at_the_bound(coding):
    """Exactly as large as may be, it is read whole."""
    body = bytes(1 << 20)
    data = packed(gzip.compress(body)) if coding == "gzip" else b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + body
    async with server(saying(data)) as address:
        assert body == (await post(address, largest=1 << 20)).body


async def test_a_bomb_takes_no_memory():
    """An eighth of a gibibyte in as little of a mebibyte is not unpacked to see how large it is."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = packed(b"".join([*(bomb.compress(bytes(1 << 20)) for _ in range(128)), bomb.flush()]))
    async with server(saying(data)) as address:
        tracemalloc.start()
        try:
            await failing(address, TooLarge, largest=1 << 20, patience=30)
            assert tracemalloc.get_traced_memory()[1] < 24 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("kind", ["webhook", "application"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_credentials_do_not_follow_a_redirect(kind, status, tmp_path):
    """After a rename the portal points elsewhere: that host gets nothing, and the run ends naming it."""
    there = []
    async with server(saying(OK, there)) as elsewhere:
        place = elsewhere.removesuffix("batch").replace("127.0.0.1", "localhost").encode()
        async with server(saying(b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, place))) as address:
            host = address.partition("/rest/")[0]
            given = {"domain": host, "client_id": "local.1", "client_secret": CODE, "access_token": CODE, "refresh_token": CODE,
                     "token_file": str(tmp_path / "tokens.json")}
            who = webhook(f"{host}/rest/1/{CODE}/") if kind == "webhook" else application(given)
            async with HttpTransport(timeout=5.0) as transport:
                client = Client(transport, who, RateLimit(None))
                await client.admit()
                (moved,) = await client.send([Call("profile", {})])
    assert isinstance(moved, PortalMoved)
    assert "localhost" in str(moved)
    assert CODE not in str(moved)
    assert [] == there


@pytest.mark.parametrize("table", ["portal", "limits"])
@pytest.mark.parametrize("key", ["verify", "verify_tls", "insecure", "ssl", "tls", "cert"])
def test_no_way_to_look_away_from_a_certificate(tmp_path, table, key):
    """No option of any command and no key of a file switches the verification off; that it is on is tried above."""
    path = tmp_path / "b24x.toml"
    path.write_text(f"[{table}]\n{key} = false\n")
    with pytest.raises(ConfigError, match="is not a key"):
        read_file(path)
    assert set() == {option for name in commands() for option in options(name) if key in option.replace("-", "_")}


async def test_bodies_that_stand_still_hold_nobody_up():
    """More answers than there are places begin and stop: one that comes whole is taken in all the same."""
    silent = asyncio.Event()

    async def answer(request, writer):
        writer.write(OK if b"whole" in request else OK.replace(b"Length: 2", b"Length: 9"))
        await writer.drain()
        if b"whole" not in request:
            await silent.wait()
            writer.close()

    async with server(answer) as address, HttpTransport(timeout=STILL + 5) as transport:
        still = [asyncio.create_task(transport.post(address, b"still", {})) for _ in range(3 * BODIES)]
        await asyncio.wait(still, timeout=STILL / 2)
        assert b"{}" == (await transport.post(address, b"whole", {})).body
        silent.set()
        assert {ConnectionLost} == {type(one) for one in await asyncio.gather(*still, return_exceptions=True)}
