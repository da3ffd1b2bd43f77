"""What the documents say exists, and what they show can be typed."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from extractor import config
from extractor.auth.oauth import KEYS
from extractor.cli.questions import questions
from extractor.config import read_file, settings
from extractor.errors import B24xError
from extractor.lanes import refuse_own_bounds
from extractor.metrics import FAMILIES
from extractor.preflight import refuse_at_once
from extractor.verify import DIFFERS
from tests.command_lines import commands, options, parse

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", *(
    f"docs/{path.name}" for path in sorted((ROOT / "docs").iterdir())))
BEYOND_ERRORS = {0, DIFFERS, 130, 143}  # success, what verify finds and the two signals: no exception of ours carries them


def read(document: str) -> str:
    """Return a document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(text: str) -> str:
    """Return the lines inside fences, of whatever language, without their comments."""
    fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    return re.sub(r"\s+#.*", "", fenced)


def inline(text: str) -> list[str]:
    """Return what stands between backticks outside the fences."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def table(text: str, heading: str) -> list[str]:
    """Return the first cells of the table under a heading."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[1:]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_resolve(document: str):
    """A link to a file of the project leads to a file."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", read(document))
    assert [] == [link for link in links if not ((ROOT / document).parent / link).is_file()]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_exist(document: str):
    """Every `make TARGET` that a document shows is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    shown = [*blocks(read(document)).splitlines(), *inline(read(document))]
    assert set() == {match[1] for line in shown if (match := re.match(r"make ([a-z]+)", line))} - targets


def test_the_two_commands_are_shown():
    """The README shows the two commands that a newcomer types first."""
    assert {"make demo", "make test"} <= {line.strip() for line in blocks(read("README.md")).splitlines()}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_parse(document: str, monkeypatch: pytest.MonkeyPatch):
    """Every example can be typed as it stands: the command is there, and so are its options."""
    shown = blocks(read(document))
    for name, value in re.findall(r"^export (B24X_\w+)='(.*)'$", shown, re.MULTILINE):
        monkeypatch.setenv(name, value)
    for example in re.findall(r"(?:^|[\s/])b24x ([a-z].*)", shown):
        parse(shlex.split(re.split(r" (?:\|\||&&|2?>>?|;) ", example)[0]))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_examples_write_where_there_is_a_folder(document: str):
    """A file that an example writes lies beside what it works on, or in a folder that is made before the first night."""
    made = {Path(one) for one in re.findall(r"^install -d .* (/\S+)", blocks(read("docs/README.md")), re.MULTILINE)}
    lines = [line for line in blocks(read(document)).splitlines() if "b24x " in line]
    written = [one for line in lines for one in re.findall(r"--(?:metrics|summary|report) (\S+)", line)]
    assert set() == {Path(one).parent for one in written} - {Path(), *made}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_that_are_named_exist(document: str):
    """Every `b24x COMMAND` that a document names exists, with the options named beside it."""
    for words in (words.split() for words in inline(read(document)) if re.match(r"b24x [a-z]", words)):
        assert words[1] in commands()
        assert set() == {word for word in words if word.startswith("--")} - options(words[1]) - {"--help"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_options_that_are_named_exist(document: str):
    """Every option of b24x that a document names is an option of one of its commands."""
    known = set().union(*map(options, commands()))
    named = {match[0] for words in inline(read(document)) if (match := re.match(r"--[a-z-]+", words))}
    assert set() == named - known


def test_every_command_is_listed():
    """The README's table of commands names all of them, and no other."""
    assert {cell.strip("`").split()[1] for cell in table(read("README.md"), "Commands")} == set(commands())


def test_every_metric_is_listed():
    """The README's table of metrics names all of them, and no other."""
    assert set(FAMILIES) == {name for cell in table(read("README.md"), "Metrics") for name in re.findall(r"b24x_\w+", cell)}


def test_exit_codes_are_those_of_the_code():
    """The README's table has every exit code that the program has, and no other."""
    waiting, codes = [B24xError], set(BEYOND_ERRORS)
    while waiting:
        error = waiting.pop()
        codes.add(error.exit_code)
        waiting += error.__subclasses__()
    assert codes == {int(cell) for cell in table(read("README.md"), "Exit codes")}


def test_the_configuration_file_is_one(tmp_path: Path):
    """The README's example is read as it stands, has every key there is, and asks what a dump and a sync can ask."""
    (example,) = re.findall(r"^```toml\n(.*?)^```", read("README.md"), re.MULTILINE | re.DOTALL)
    path = tmp_path / "b24x.toml"
    path.write_text(example)
    file = read_file(path)
    assert set(config._KEYS["portal"]) - set(KEYS) == set(file.portal)
    assert set(config._KEYS["limits"]) == {*file.limits, "rate_limit"}
    assert "# rate_limit = " in example
    keys = {key for wishes in tomllib.loads(example)["entities"].values() for key in wishes}
    assert set(config._ENTITY_KEYS) == keys
    assert "example.bitrix24.com" == settings({}, file).credentials.host
    asked = questions(list(file.entities), {}, file)
    refuse_at_once(asked)
    for question in asked:
        refuse_own_bounds(question)
