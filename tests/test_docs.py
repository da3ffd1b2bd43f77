"""The recipes in docs/ do with each exit code what they say: their scripts are run, with a b24x that ends as it is told."""

import configparser
import dataclasses
import os
import re
import subprocess
import sys
import types
import typing
from pathlib import Path

import pytest
import yaml

from extractor import events, lanes
from extractor.metrics import FAMILIES, Ended, Tally, page
from tests.mirrors import Nights

DOCS = Path(__file__).parent.parent / "docs"
AGAIN, FINAL = (5, 130, 143), (1, 2, 3, 4)


def fences(document, language):
    """Return what a document shows in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / document).read_text(), re.MULTILINE | re.DOTALL)


def table(heading):
    """Return the rows of the table of names in docs/reading.md whose first column has a heading: the names in each of their cells."""
    text = (DOCS / "reading.md").read_text()
    rows = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)[1]
    return [[re.findall(r"`(.+?)`", cell) for cell in row.strip("|").split("|")] for row in rows.splitlines()]


@pytest.fixture
def run(tmp_path):
    """Run a script whose b24x ends with one code after the other; return its exit code, how often b24x ran, and stderr."""
    (tmp_path / "bin").mkdir()
    for name, text in {"b24x": f'read -r code < {tmp_path}/codes; sed -i 1d {tmp_path}/codes; echo run >> {tmp_path}/runs; '
                               f'[ "$code" -eq 2 ] || echo "ended with $code" >> {tmp_path}/runs.jsonl; exit "$code"',
                       "sleep": f"echo slept >> {tmp_path}/slept"}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "env").write_text("export B24X_WEBHOOK=x\n")
    env = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "B24X_ENV": f"{tmp_path}/env", "B24X_HOME": str(tmp_path),
           "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}

    def go(shell, script, *codes):
        (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
        (tmp_path / "runs").write_text("")
        ran = subprocess.run([*shell, script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=20, check=False)
        return ran.returncode, len((tmp_path / "runs").read_text().split()), ran.stderr

    return go


def cron():
    """The script of the cron recipe, and its shell."""
    return ["sh", "-c"], next(one for one in fences("cron.md", "sh") if one.startswith("#!"))


def actions():
    """The script of the GitHub Actions recipe, and the shell that runs it there."""
    (workflow,) = fences("github-actions.md", "yaml")
    (step,) = yaml.safe_load(workflow)["jobs"]["sync"]["steps"]
    return ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"], step["run"]


@pytest.mark.end_to_end
@pytest.mark.parametrize("recipe", [cron, actions])
def test_scripts_obey_exit_codes(recipe, run):
    """Stopped: again, three times at most; another run: all is well; anything else is handed on at once."""
    shell, script = recipe()
    assert (0, 1) == run(shell, script, 0)[:2]
    assert (0, 1) == run(shell, script, 6)[:2]
    for code in AGAIN:
        assert (0, 2) == run(shell, script, code, 0)[:2]
        assert (code, 3) == run(shell, script, code, code, code)[:2]
    for code in FINAL:
        assert (code, 1) == run(shell, script, code)[:2]


@pytest.mark.end_to_end
def test_cron_does_not_wait_for_nothing(run, tmp_path):
    """Ten minutes before another attempt, and none after the last one."""
    shell, script = cron()
    for codes, slept in (((5, 5, 5), 2), ((5, 0), 1), ((4,), 0)):
        (tmp_path / "slept").write_text("")
        run(shell, script, *codes)
        assert slept == len((tmp_path / "slept").read_text().split())


@pytest.mark.end_to_end
def test_actions_show_the_runs_of_this_night(run, tmp_path):
    """Each attempt's line, and no older night's where there is none."""
    shell, script = actions()
    run(shell, script, 2)
    (tmp_path / "runs.jsonl").write_text("last night\n")
    run(shell, script, 2)
    assert "" == (tmp_path / "summary").read_text()
    run(shell, script, 5, 4)
    assert "ended with 5\nended with 4\n" == (tmp_path / "summary").read_text()


@pytest.mark.end_to_end
def test_cron_mails_what_went_wrong(run):
    """And nothing else: whatever is on stderr is mailed."""
    shell, script = cron()
    assert ("", "") == (run(shell, script, 0)[2], run(shell, script, 6)[2])
    assert "b24x-nightly: ended with 4 in attempt 1\n" == run(shell, script, 4)[2]


class Skip(Exception):
    """Stands in for Airflow's own."""


class Fail(Exception):
    """Fails without a retry."""


class Retry(Exception):
    """Fails, with a retry."""


@pytest.mark.parametrize(("codes", "ends"), [((0,), None), ((6,), Skip), ((*AGAIN, -9), Retry), (FINAL, Fail)])
def test_airflow_obeys_exit_codes(monkeypatch, codes, ends):
    """Only what may be run again is tried again."""
    made = []
    airflow, decorators, exceptions = (types.ModuleType(name) for name in ("airflow", "airflow.decorators", "airflow.exceptions"))
    decorators.dag = lambda **_options: lambda function: function
    decorators.task = lambda **_options: lambda function: lambda: made.append(function)
    exceptions.AirflowException, exceptions.AirflowFailException, exceptions.AirflowSkipException = Retry, Fail, Skip
    for module in (airflow, decorators, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    (text,) = fences("airflow.md", "python")
    exec(compile(text, "airflow.md", "exec"), {})
    for code in codes:
        monkeypatch.setattr(subprocess, "run", lambda words, *, umask, code=code, **_options: subprocess.CompletedProcess(words, code + umask - 0o027))
        if ends is None:
            made[0]()
        else:
            with pytest.raises(ends):
                made[0]()


@pytest.mark.end_to_end
@pytest.mark.parametrize("recipe", [cron, actions])
def test_scripts_keep_rows_to_themselves(recipe, run, tmp_path):
    """What b24x makes in them, users beyond its group cannot read."""
    run(*recipe(), 0)
    assert 0o640 == (tmp_path / "runs.jsonl").stat().st_mode & 0o777


@pytest.mark.parametrize("document", ["cron.md", "systemd.md", "airflow.md", "github-actions.md"])
def test_weekly_commands_have_a_recipe(document):
    """Beside the nightly one: verify and compact."""
    text = (DOCS / document).read_text()
    assert {"b24x verify mirror", "b24x compact mirror"} <= set(re.findall(r"b24x \w+ mirror", text))


def test_systemd_keeps_rows_to_itself():
    """Neither its files nor their folder are for users beyond its group."""
    service = configparser.ConfigParser()
    service.read_string(fences("systemd.md", "ini")[0].replace("%", "%%"))
    assert ("0027", "0750") == (service["Service"]["UMask"], service["Service"]["StateDirectoryMode"])


def test_systemd_obeys_exit_codes():
    """The service is started again for what may be run again, fails for the rest, and takes another run for success."""
    service, timer = (configparser.ConfigParser() for _ in range(2))
    for parser, text in zip((service, timer), fences("systemd.md", "ini"), strict=True):
        parser.read_string(text.replace("%", "%%"))
    assert "6 143" == service["Service"]["SuccessExitStatus"]  # 143 is what a stop ends with: the unit has not failed then
    assert ("on-failure", " ".join(map(str, FINAL))) == (service["Service"]["Restart"], service["Service"]["RestartPreventExitStatus"])
    assert "OnCalendar" in timer["Timer"]


def test_alerts_ask_for_metrics_that_are_there():
    """Every metric in an alert is one that a run writes."""
    (rules,) = fences("README.md", "yaml")
    asked = [name for rule in yaml.safe_load(rules)["groups"][0]["rules"] for name in re.findall(r"b24x_\w+", rule["expr"])]
    assert asked
    assert set(asked) <= set(FAMILIES)


@pytest.mark.parametrize("codes", [(), (4,), (4, 1), (0,), (0, 4)])
def test_a_mirror_that_has_never_succeeded_is_told(codes):
    """An age of nothing is nothing: what no run has written is asked for as such."""
    (rules,) = fences("README.md", "yaml")
    told = {rule["expr"] for rule in yaml.safe_load(rules)["groups"][0]["rules"]}
    text = ""
    for at, code in enumerate(codes):
        text = page(Ended("a.example", "mirror", code, at, 1.0), Tally(), text)
    there = set(re.findall(r"^(b24x_\w+){", text, re.MULTILINE))
    never = {expr for expr in told if (two := re.fullmatch(r"(\w+) unless (\w+)", expr)) and two[1] in there and two[2] not in there}
    nothing = {expr for expr in told if (one := re.fullmatch(r"absent\((\w+)\)", expr)) and one[1] not in there}
    assert (not codes, bool(codes) and 0 not in codes) == (bool(nothing), bool(never))


async def test_every_key_of_the_manifest_is_explained(tmp_path):
    """And no other: those of the folder in words, those of an entity in a table."""
    said = (await Nights(tmp_path / "out", "deals", rows={"deals": 9}).night()).manifest
    assert set(said["entities"]["deals"]) == {name for row in table("key") for name in row[0]}
    assert {f"`{name}`" for name in said} <= set(re.findall(r"`\w+`", (DOCS / "reading.md").read_text().partition("| key")[0]))


def test_every_event_of_the_log_is_explained():
    """With all of its fields, in their order."""
    fields = {one.__name__: [field.name for field in dataclasses.fields(one)] for one in typing.get_args(events.Event)}
    assert fields | {"Error": ["exit_code", "message"]} == {row[0][0]: row[1] for row in table("event")}


def test_every_reading_that_the_log_names_is_explained():
    """Those of a sync are all there, and none that nothing is called by."""
    told = {name for row in table("name") for name in row[0]}
    code = "".join(path.read_text() for path in Path(lanes.__file__).parent.glob("*.py"))
    assert set(typing.get_args(lanes.Kind)) - {"all"} <= told
    assert set() == {name for name in told if not re.search(rf'[":]{name}"', code)}
