"""The container files, held against what the command and the extractor ask of them."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from extractor.auth import webhook
from tests.command_lines import parse

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]


def instructions(name: str, text: str = DOCKERFILE) -> list[str]:
    """Return the arguments of every such instruction, continued lines joined."""
    return re.findall(rf"^{name} (.+)$", text.replace("\\\n", " "), re.MULTILINE)


def test_the_image_is_slim_and_supported():
    """Every stage starts from the slim image of a Python that the project supports."""
    supported = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert {f"python:{version}-slim" for version in supported} >= {stage.split()[0] for stage in STAGES}


def test_the_image_runs_the_command():
    """The image is the command: what follows its name are b24x's own words."""
    assert ['["b24x"]'] == instructions("ENTRYPOINT")


def test_the_image_does_not_run_as_root():
    """The last stage makes a user, gives it the data folder, and ends as that user."""
    last = STAGES[-1]
    assert ["b24x"] == instructions("USER", last)
    assert any("useradd" in run and "--owner=b24x" in run and "/data" in run for run in instructions("RUN", last))
    assert last.index("useradd") < last.index("USER b24x") < last.index("ENTRYPOINT")


def test_installs_are_pinned():
    """Whatever pip installs in the image is held to the constraints."""
    installs = [run for run in instructions("RUN") if "pip install" in run]
    assert installs
    assert [] == [run for run in installs if "--constraint constraints.txt" not in run]


def test_what_is_copied_is_not_ignored():
    """Every file that the build copies exists, and `.dockerignore` lets it through and nothing else."""
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")}
    copied = {word for words in instructions("COPY") if "--from" not in words for word in words.split()[:-1]}
    assert copied == kept
    assert [] == [name for name in copied if not (ROOT / name).exists()]


def test_the_extractor_reaches_the_sandbox_on_loopback():
    """The extractor shares the sandbox's network, so that plain http to loopback reaches it."""
    from extractor.cli.portals import CODE  # noqa: PLC0415

    address = SERVICES["extractor"]["environment"]["B24X_WEBHOOK"]
    assert "service:sandbox" == SERVICES["extractor"]["network_mode"]
    assert "127.0.0.1:8924" == webhook(address).host
    assert f"/rest/1/{CODE}/" == urlsplit(address).path


def test_the_extractor_waits_for_the_sandbox():
    """The extractor starts once the sandbox's port answers."""
    assert {"sandbox": {"condition": "service_healthy"}} == SERVICES["extractor"]["depends_on"]
    assert "('127.0.0.1', 8924)" in SERVICES["sandbox"]["healthcheck"]["test"][-1]


def test_the_sandbox_is_told_to_serve_the_network():
    """The sandbox serves beyond loopback because it is told to, on the port that is published to the host's loopback."""
    words = SERVICES["sandbox"]["command"]
    assert "0.0.0.0" == words[words.index("--host") + 1]
    assert "8924" == words[words.index("--port") + 1]
    assert ["127.0.0.1:8924:8924"] == SERVICES["sandbox"]["ports"]


def test_the_sandbox_is_given_rows_to_serve():
    """The sandbox's rows are of tables that it has."""
    from extractor.cli.portals import row_counts  # noqa: PLC0415

    assert {"activities": 50_000, "deals": 10_000} == row_counts(parse(SERVICES["sandbox"]["command"])["rows"])


def test_the_dump_outlives_its_container():
    """The extractor writes into a volume."""
    words = SERVICES["extractor"]["command"]
    assert ["dump:/data"] == SERVICES["extractor"]["volumes"]
    assert words[words.index("--to") + 1].startswith("/data/")


@pytest.mark.parametrize("service", SERVICES)
def test_service_commands_parse(service: str, monkeypatch: pytest.MonkeyPatch):
    """Each service's command is one that b24x understands."""
    for name, value in SERVICES[service].get("environment", {}).items():
        monkeypatch.setenv(name, value)
    parse(SERVICES[service]["command"])
