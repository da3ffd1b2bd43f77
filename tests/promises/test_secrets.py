"""No secret is anywhere but in the token file: canaries go through every success, fault and bug, and all output is searched."""

import base64
from urllib.parse import quote

import orjson
import pytest
from click.testing import CliRunner

from extractor.cli import main, running
from extractor.sandbox.clock import VirtualLoop, run
from extractor.sandbox.exchange import Response
from extractor.sandbox.faults import Fault, cut, html, slow, truncated
from tests.thorough import thorough
from tests.trials import ADDRESS, CODE, HOST, SECRET, Trial

JSON = {"Content-Type": "application/json"}
LOGS = {"quiet": ["-q"], "text": [], "verbose": ["-v"], "JSON": ["-v", "--log-format", "json"]}


def echo(status, code, *, as_json=True):
    """Answer with everything that came in: address, headers, body; some proxies do."""
    def strike(_number, request):
        came = f"{request.path}?{request.query} {dict(request.headers)} {request.body.decode()}"
        coded = base64.b64encode(request.headers.get("authorization", "").removeprefix("Bearer ").encode()).decode()
        said = f"{came} {quote(came, safe='')} {coded} {CODE}"
        body = orjson.dumps({"error": code, "error_description": said}) if as_json else f"<html>{said}</html>".encode()
        return Fault(answer=Response(status, JSON, body))

    return strike


def once(fault):
    """Strike the second request."""
    return lambda number, _request: fault if number == 2 else None


FAULTS = {
    "none": once(None), "bad gateway": once(html(502)), "firewall": once(html(403)), "busy": once(html(503)), "cut": once(cut()),
    "cut before": once(cut(executed=False)), "torn": once(truncated()), "broken": once(truncated(broken=True)), "slow": once(slow(70)),
    "firewall for ever": lambda *_request: html(403), "gone": lambda *_request: cut(),
    **{f"echo {code or 'nothing'}": echo(status, code) for status, code in (
        (400, ""), (401, "INVALID_CREDENTIALS"), (401, "expired_token"), (403, "ACCESS_DENIED"), (500, "INTERNAL_SERVER_ERROR"), (503, "X"),
        (401, "PAYMENT_REQUIRED"), (200, "WRONG_ENCODING"), (400, CODE))},
    "echo as a page": echo(500, "", as_json=False), "echo as a firewall's page": echo(403, "", as_json=False),
}


class Wire:
    """A trial's network, where the command expects its own."""

    def __init__(self, line):
        self.line = line

    async def __aenter__(self):
        return self.line

    async def __aexit__(self, *_error):
        pass


class Canary:
    """A portal, credentials to it, and one run of the command in this process, on a virtual clock."""

    def __init__(self, folder, monkeypatch, kind, **portal):
        self.folder, self.tokens = folder, folder / "tokens.json"
        self.trial = Trial(folder / "out", rows={"deals": 1_500}, **portal)
        monkeypatch.setattr(running, "HttpTransport", lambda **_bounds: Wire(self.trial.line))
        monkeypatch.setattr(running, "fastest_loop", lambda: VirtualLoop)
        self.environment = {"B24X_WEBHOOK": ADDRESS} if kind == "webhook" else self._application()

    def _application(self):
        async def authorised():
            authority, authority._lifetime = self.trial.authority, 0.0  # the hour of the first token is over
            who = self.trial.application(self.tokens).credentials
            authority._lifetime = 3_600
            return who

        who = run(authorised())
        return {"B24X_DOMAIN": HOST, "B24X_OAUTH_SERVER": HOST, "B24X_CLIENT_ID": who.client_id, "B24X_CLIENT_SECRET": SECRET,
                "B24X_ACCESS_TOKEN": who.given.access, "B24X_REFRESH_TOKEN": who.given.refresh, "B24X_TOKEN_FILE": str(self.tokens)}

    def dump(self, *words):
        """Run the command to its end."""
        self.ran = CliRunner(env={"B24X_WEBHOOK": "", **self.environment}).invoke(
            main, ["dump", "deals", "tasks", "--to", str(self.folder / "out"), "--summary", str(self.folder / "runs.jsonl"), *words])
        return self.ran

    def secrets(self):
        """List every secret that was in play: tokens that were made meanwhile, too."""
        if "B24X_WEBHOOK" in self.environment:
            return [CODE]
        made = [*self.trial.portal.credentials.tokens, *self.trial.authority._refresh]
        return [SECRET, *made, *(self.environment[f"B24X_{name}_TOKEN"] for name in ("ACCESS", "REFRESH"))]

    def leaks(self):
        """Search all output and all files, the token file excepted, for every form of every secret."""
        files = {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and path != self.tokens}
        places = {"stdout": self.ran.stdout_bytes, "stderr": self.ran.stderr_bytes, "names of files": "\n".join(files).encode(), **files}
        forms = [form.encode() for secret in self.secrets() for form in
                 (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("="))]
        return {place for place, data in places.items() for form in forms if form in data}


@pytest.fixture(params=["webhook", "application"])
def canary(request, tmp_path, monkeypatch):
    """Make canaries of both kinds."""
    return lambda **portal: Canary(tmp_path, monkeypatch, request.param, **portal)


@pytest.mark.parametrize("words", [LOGS["JSON"], *thorough(LOGS["quiet"], LOGS["text"], LOGS["verbose"])], ids=["JSON", "quiet", "text", "verbose"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_secret_comes_out(canary, fault, words):
    """Whatever goes wrong, and however loud the log is: not in the output, the manifest, the checkpoint, the summary or the rows."""
    one = canary(faults=fault)
    assert one.dump(*words).exit_code in {0, 3, 4}
    assert "Traceback" not in one.ran.output
    assert set() == one.leaks()


def test_a_token_that_has_aged_is_in_play(tmp_path, monkeypatch):
    """The runs of these tests begin with a token that is refused: what is searched for after them was sent, and renewed."""
    one = Canary(tmp_path, monkeypatch, "application")
    assert 0 == one.dump("-v").exit_code
    assert (1, 1) == (one.trial.authority.renewals, one.trial.line.statuses[401])


@pytest.mark.parametrize("words", LOGS.values(), ids=LOGS)
@pytest.mark.parametrize("code", ["invalid_grant", "invalid_client", "PAYMENT_REQUIRED", "server_error", "something new"])
def test_no_secret_comes_out_of_a_renewal(tmp_path, monkeypatch, code, words):
    """An authorisation server that repeats what it was asked ends the run with code 3 or 4, and its words are searched."""
    one = Canary(tmp_path, monkeypatch, "application", oauth={"faults": echo(500 if code == "server_error" else 400, code)})
    assert (4 if code == "server_error" else 3) == one.dump(*words).exit_code
    assert set() == one.leaks()


@pytest.mark.parametrize("words", LOGS.values(), ids=LOGS)
def test_a_bug_shows_no_secret(canary, words):
    """An exception that nobody foresaw, with every secret in its words, is shown with its traceback (-v) and without them."""
    one = canary()

    async def bug(url, body, headers):
        everything = [form for secret in one.secrets() for form in (secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode())]
        raise RuntimeError(f"{everything} {url} {headers} {body}") from KeyError(url, headers)

    one.trial.line.post = bug
    assert 1 == one.dump(*words).exit_code
    assert ("-v" in words) == ("Traceback" in one.ran.stderr)
    assert "RuntimeError" in one.ran.stderr
    assert set() == one.leaks()


def test_the_search_finds_what_there_is(tmp_path, monkeypatch):
    """The search is no show: a secret in a file, or in the output, is found in each of its forms."""
    one = Canary(tmp_path, monkeypatch, "application")
    one.dump()
    (tmp_path / "plain").write_text(f"x{SECRET}y")
    (tmp_path / "base64").write_bytes(base64.b64encode(one.environment["B24X_REFRESH_TOKEN"].encode()))
    assert {str(tmp_path / "plain"), str(tmp_path / "base64")} == one.leaks()
