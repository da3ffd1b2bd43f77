"""Clients that nobody here wrote read the simulated portal exactly: it is no portal of our own fancy."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from extractor.sandbox.methods.classic import listed
from tests.end_to_end.processes import ROOT, served, started

pytestmark = [pytest.mark.end_to_end, pytest.mark.thorough, pytest.mark.timeout(300)]  # the first run installs them

PINS = Path(__file__).with_name("peers.txt")
SUBJECT = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
           "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")


@pytest.fixture(scope="module")
def python():
    """Give the interpreter of an environment with the pinned clients; it is kept, and made anew when the pins change."""
    home = ROOT / f".venv-peers-{sys.version_info.major}.{sys.version_info.minor}"
    ready, interpreter = home / ".ready", home / "bin" / "python"
    with FileLock(f"{home}.lock"):  # tests side by side make it once
        if not ready.exists() or ready.read_text() != PINS.read_text():
            subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
            subprocess.run([interpreter, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", PINS], check=True)
            ready.write_text(PINS.read_text())
    return interpreter


@pytest.fixture(scope="module")
def portal(tmp_path_factory):
    """Serve 20,000 activities and 20,000 deals over https, with a certificate of its own: one of the clients insists on it."""
    folder = tmp_path_factory.mktemp("certificate")
    certificate = (str(folder / "certificate.pem"), str(folder / "key.pem"))
    words = ("openssl", *SUBJECT, "-out", certificate[0], "-keyout", certificate[1])
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    with served(certificate=certificate, seconds=0, activities=20_000, deals=20_000) as portal:
        portal.certificate = certificate[0]
        yield portal


@pytest.mark.parametrize("method", ["crm.activity.list", "crm.deal.list"])
@pytest.mark.parametrize("how", ["fast_bitrix24", "as_list", "as_list_fast"])
def test_read_exactly(python, portal, how, method):
    """fast_bitrix24 and b24pysdk, each in its own ways, get every id that the portal shows, once."""
    trust = {**os.environ, "REQUESTS_CA_BUNDLE": portal.certificate, "SSL_CERT_FILE": portal.certificate}
    script = Path(__file__).with_name("read_with.py")
    with started(python, script, how, portal.webhook, method, env=trust, stdout=subprocess.PIPE) as process:
        found = json.loads(process.communicate(timeout=60)[0])
    assert 0 == process.returncode
    assert sorted(listed(portal.world, method)) == sorted(found)
