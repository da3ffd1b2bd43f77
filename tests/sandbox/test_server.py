"""A portal served over HTTP, on real sockets."""

import ssl
import subprocess
import time
from io import BytesIO

import aiohttp
import orjson
import pytest

from extractor.sandbox import faults
from extractor.sandbox.server import fastest_loop, serve

pytestmark = pytest.mark.end_to_end
HOOK = "/rest/1/code/"


@pytest.fixture
def portal(bench):
    """Make portals on the real clock: `portal(**settings)`."""
    def make(**settings):
        made = bench(**settings).portal
        made._desk.clock = time.time
        return made

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A key and a self-signed certificate for 127.0.0.1, in one file."""
    path = tmp_path_factory.mktemp("tls") / "portal.pem"
    subprocess.run([
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", path.with_suffix(".crt"),
    ], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


async def test_an_exchange(portal):
    """A request goes out and an answer comes back, both whole, over a connection that is kept."""
    async with serve(portal()) as address, aiohttp.ClientSession(address) as session:
        for _ in range(2):
            async with session.post(HOOK + "echo?a=1", json={"b": 2}) as response:
                body = orjson.loads(await response.read())
                assert response.headers["Content-Type"] == "application/json; charset=utf-8"
                assert "Connection" not in response.headers
        assert body["result"]["params"] == {"a": "1", "b": 2}


async def test_statuses(portal):
    """Refusals carry the portal's own status."""
    async with serve(portal()) as address, aiohttp.ClientSession(address) as session:
        assert 404 == (await session.get(HOOK + "nope")).status
        assert 401 == (await session.get("/rest/1/wrong/null")).status
        assert 404 == (await session.get("/")).status


async def test_large_bodies(portal):
    """Bodies of megabytes are read."""
    async with serve(portal()) as address, aiohttp.ClientSession(address) as session:
        response = await session.post(HOOK + "echo", data=BytesIO(b"a=" + b"x" * 3_000_000))
        assert 3_000_000 == len(orjson.loads(await response.read())["result"]["params"]["a"])


async def test_tls(portal, certificate):
    """With a certificate the portal speaks https, and accepts webhooks where https is required."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusted = ssl.create_default_context(cafile=certificate.with_suffix(".crt"))
    async with (
        serve(portal(https_required=True), ssl_context=context) as address,
        aiohttp.ClientSession(address) as session,
        session.get(HOOK + "null", ssl=trusted) as response,
    ):
        assert address.startswith("https://127.0.0.1:")
        assert 200 == response.status


async def test_plain_http_where_https_is_required(portal):
    """Without one, webhooks are refused there (apauth)."""
    async with serve(portal(https_required=True)) as address, aiohttp.ClientSession(address) as session:
        assert 401 == (await session.get(HOOK + "null")).status


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip", "gzip"), ("identity", None)])
async def test_gzip(portal, accepted, encoding):
    """Where it is asked for, answers are compressed for the clients that accept it."""
    async with serve(portal(), compress=True) as address, aiohttp.ClientSession(address) as session:
        response = await session.get(HOOK + "null", headers={"Accept-Encoding": accepted})
        assert encoding == response.headers.get("Content-Encoding")
        assert orjson.loads(await response.read())["result"] is None


@pytest.mark.parametrize("fault", [faults.cut(), faults.truncated(broken=True)])
async def test_broken_connections(portal, fault):
    """A connection breaks before the first byte, or in the middle of the body."""
    broken = portal(faults=faults.at({1: fault}))
    async with serve(broken) as address, aiohttp.ClientSession(address) as session:
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError)):
            await (await session.post(HOOK + "null")).read()
        assert 200 == (await session.get(HOOK + "null")).status


async def test_lifetime(portal):
    """A request that outlives its time is cut: a page of the web server."""
    async with serve(portal(), lifetime=0.01) as address, aiohttp.ClientSession(address) as session:
        response = await session.post(HOOK + "work", json={"seconds": 5})
        assert (504, "text/html") == (response.status, response.content_type)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
async def test_loopback_only(portal, host):
    """A simulated portal is not opened to a network by accident."""
    with pytest.raises(ValueError, match="not a loopback address"):
        async with serve(portal(), host):
            pass


async def test_anywhere(portal):
    """It is opened when told so in words."""
    async with serve(portal(), "0.0.0.0", anywhere=True) as address:
        assert address.startswith("http://0.0.0.0:")


def test_fastest_loop():
    """The loop is uvloop where it is installed."""
    uvloop = pytest.importorskip("uvloop")
    assert fastest_loop() is uvloop.new_event_loop
