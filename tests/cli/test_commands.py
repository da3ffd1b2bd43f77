"""What the commands promise that need no other process."""

import re

import click
import orjson
import pytest
from click.testing import CliRunner

from extractor.catalog import catalog
from extractor.cli import main
from extractor.cli.demo import _chaos_told, _ids
from extractor.cli.portals import row_counts
from extractor.errors import UsageError
from extractor.sandbox.faults.mixture import Mixture
from extractor.sandbox.world import DEFAULT_ROWS
from tests.command_lines import commands
from tests.test_compact import made


def run(*words):
    """Run a command line."""
    return CliRunner().invoke(main, words)


def test_help_lists_the_commands():
    """Each with what it does."""
    said = run("--help").output
    assert all(name in said for name in ("dump", "entities", "sandbox", "demo"))


def test_help_is_whole():
    """No text is cut short, however narrow the terminal."""
    said = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    assert "..." not in said.replace("[ARGS]...", "")
    assert all(command.short_help in " ".join(said.split()) for command in commands().values())


NO_DEFAULT = {"--webhook", "--config", "--to", "--summary", "--metrics", "--max-minutes", "--filter", "--param", "--exclude",
              "--domain", "--client-id", "--token-file", "--oauth-server"}


@pytest.mark.parametrize("name", ["dump", "sandbox", "demo"])
def test_help_shows_defaults(name):
    """Every option that takes a value shows what it is without one, where it is anything."""
    context = click.Context(commands()[name], parent=click.Context(main, **main.context_settings))
    records = {option.opts[0]: option.get_help_record(context)[1] for option in commands()[name].params
               if isinstance(option, click.Option) and not option.is_flag and not option.hidden and not NO_DEFAULT & set(option.opts)}
    assert {} == {option: said for option, said in records.items() if "[default: " not in said}


def test_the_tables_of_a_sandbox_are_in_its_help():
    """All that `--rows` takes."""
    said = " ".join(run("sandbox", "--help").output.split())
    assert all(f"{table}," in said or f"{table}." in said for table in DEFAULT_ROWS)


@pytest.mark.parametrize(("command", "said"), [
    ("sandbox", "[default: (a few hundred)]"),
    ("demo", "[default: (100,000 activities, 20,000 deals, 20,000 contacts; with --chaos 40,000 activities, 10,000 deals, 10,000 contacts)]"),
])
def test_the_rows_of_a_portal_are_in_its_help(command, said):
    """Each command makes its own."""
    assert said in " ".join(run(command, "--help").output.split())


def test_an_unknown_command_is_usage():
    """Exit code 2."""
    assert 2 == run("dmup").exit_code


def test_entities_shows_the_whole_catalog():
    """A line each: name, method, paging."""
    result = run("entities")
    assert 0 == result.exit_code
    assert all(f"{one.name} " in result.output and one.method in result.output for one in catalog().values())


def test_entities_speaks_json():
    """A line each, for scripts."""
    records = [orjson.loads(line) for line in run("entities", "--json").stdout.splitlines()]
    assert list(catalog()) == [record["name"] for record in records]


@pytest.mark.parametrize(("words", "code"), [
    (("dump", "deals"), 2),
    (("dump", "deals", "--to", "x"), 3),
    (("dump", "deals", "--to", "x", "--webhook", "https://example.com/"), 3),
    (("dump", "deals", "--to", "x", "--webhook", "http://example.com/rest/1/canary/"), 3),
    (("dump", "dealz", "--to", "x", "--webhook", "https://example.com/rest/1/canary/"), 2),
    (("dump", "--to", "-", "--webhook", "https://example.com/rest/1/canary/"), 2),
    (("dump", "deals", "--to", "x", "--webhook", "https://example.com/rest/1/canary/", "--rate-limit", "fast"), 2),
    (("dump", "deals", "--to", "x", "--config", "missing.toml"), 3),
    (("sandbox", "--rows", "dealz=1"), 2),
    (("dump", "crm.deal.add", "--to", "x", "--webhook", "https://example.com/rest/1/canary/"), 2),
    (("dump", "deals", "--to", "-", "--compress", "gz", "--webhook", "https://example.com/rest/1/canary/"), 2),
])
def test_bad_input_ends_before_anything_begins(words, code):
    """The contract's exit code, one sentence, no traceback, no secret."""
    result = CliRunner(env={"B24X_WEBHOOK": "", "B24X_CONFIG": ""}).invoke(main, words)
    assert code == result.exit_code
    assert "Traceback" not in result.output
    assert "canary" not in result.output


PORTAL = ("--to", "x", "--webhook", "https://example.com/rest/1/canary/")


@pytest.mark.parametrize("words", [
    *((command, "deals", *PORTAL, f"--max-minutes={value}") for command in ("dump", "sync")
      for value in ("nan", "inf", "-inf", "-1", "0", "1e400", "1e-300", "525601")),
    *(("dump", "deals", *PORTAL, f"--{option}={value}") for option in ("timeout", "operating-limit", "budget", "concurrency", "rate-limit")
      for value in ("nan", "inf", "-1", "0", "1e400", "1e300", "1e-300", "9" * 5000, "9" * 5000 + "/1")),
    *(("sync", "deals", *PORTAL, f"--full-every={value}") for value in ("nan", "-1d", "1e3d", "99999d", "9" * 5000 + "d")),
    *(("verify", "x", *PORTAL[2:], f"--sample={value}") for value in ("nan%", "inf%", "-1%", "0%", "1e-400%", "1e400%", "100.1%", "9" * 5000)),
    *((command, f"--rows=deals={value}") for command in ("sandbox", "demo") for value in ("nan", "inf", "-1", "1e3", "10000001", "9" * 5000)),
    *((command, f"--seed={value}") for command in ("sandbox", "demo") for value in ("nan", "inf", "1e400", "9" * 5000)),
    *(("sandbox", f"--{option}={value}") for option in ("port", "faults", "changes") for value in ("nan", "inf", "1.5", "1e400", "9" * 5000)),
    ("sandbox", "--port=-1"), ("sandbox", "--port=65536"), ("sandbox", "--changes=-1"), ("sandbox", "--changes=6001"),
], ids=lambda words: f"{words[0]} {words[-1]:.24}")
def test_a_number_that_makes_no_sense_is_refused_before_anything_begins(words, tmp_path, monkeypatch):
    """Neither a number, nor above nothing, or beyond all measure: one sentence names the option, and no folder is made."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner(env={"B24X_WEBHOOK": "", "B24X_CONFIG": ""}).invoke(main, words)
    assert 2 == result.exit_code
    assert words[-1].split("=")[0].lstrip("-").replace("-", " ") in result.output.splitlines()[-1].replace("-", " ")
    assert "bug" not in result.output
    assert [] == list(tmp_path.iterdir())
def test_a_mirror_is_a_folder(tmp_path, monkeypatch):
    """A sync cannot write to stdout: it says so, asks nothing, and makes no folder of that name."""
    monkeypatch.chdir(tmp_path)
    ran = run("sync", "deals", "--to", "-", "--webhook", "https://example.com/rest/1/canary/")
    assert (2, []) == (ran.exit_code, list(tmp_path.iterdir()))
    assert "b24x: --to - is for b24x dump: a mirror is brought into step, so name the folder that it lies in\n" == ran.stderr


PATHS = [
    ("dump", "file", "a file stands where a folder is needed"), ("dump", "/proc/x", "none can be made: choose another one"),
    ("sync", "file", "a file stands where a folder is needed"), ("sync", "/proc/x", "none can be made: choose another one"),
    ("verify", "file", "is no folder: name a folder that"), ("verify", "none", "is not there: name a folder that"),
    ("verify", "empty", "has no manifest.json: name a folder that"), ("compact", "file", "is no folder: name a folder that"),
    ("compact", "none", "is not there: name a folder that"), ("compact", "empty", "is no mirror: name one that b24x sync has made"),
]


@pytest.mark.parametrize(("command", "path", "says"), PATHS, ids=lambda word: word if " " not in word else "")
def test_a_path_that_is_no_folder_of_ours(tmp_path, monkeypatch, command, path, says):
    """One sentence with the path as it was written and what to do, and code 2, whichever the command."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    words = (command, "deals", "--to", path) if command in {"dump", "sync"} else (command, path)
    ran = CliRunner().invoke(main, words, env={"B24X_WEBHOOK": "https://example.invalid/rest/1/canary/"})
    line = ran.stderr.splitlines()[-1]
    assert (2, True, True) == (ran.exit_code, f": {path}" in line, says in line), ran.stderr
    assert {"file", "empty"} == {one.name for one in tmp_path.iterdir()}


@pytest.mark.parametrize("said", ['{"format": 2}', "mine"])
def test_a_manifest_of_another_version_is_usage(tmp_path, said):
    """Every command says the same of a folder that this version has not made, or cannot use: code 2."""
    (tmp_path / "manifest.json").write_text(said)
    for words in (("dump", "deals", "--to"), ("sync", "deals", "--to"), ("verify",), ("compact",)):
        ran = CliRunner().invoke(main, [*words, str(tmp_path)], env={"B24X_WEBHOOK": "https://example.invalid/rest/1/canary/"})
        assert 2 == ran.exit_code, ran.stderr


@pytest.mark.parametrize(("words", "says"), [
    (("--budget", "50%"), "'50%' is no number: write it as --budget 50"), (("--budget", "0"), "a percentage from 0.01 to 100"),
    (("--filter", "ID > 5"), """write it as '{"ASSIGNED_BY_ID": 5}'"""), (("--select", "[ID]"), """write it as A,B or '["A","B"]'"""),
    (("--select", "[1]"), """names: A,B or '["A","B"]'"""), (("--param", "5"), "such as entityTypeId=128"),
    (("-q", "-v"), "-q says less and -v says more: give one of them"),
])
def test_a_value_that_is_none_is_answered_with_one_that_is(tmp_path, monkeypatch, words, says):
    """The right form stands in the sentence, the code is 2, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    for command in ("dump", "sync"):
        ran = run(command, "deals", "--to", "out", "--webhook", "https://example.invalid/rest/1/canary/", *words)
        assert (2, True, []) == (ran.exit_code, says in ran.stderr.splitlines()[-1], list(tmp_path.iterdir())), ran.stderr


def test_a_method_that_cannot_be_kept_in_step_leaves_no_folder(tmp_path):
    """A method's name may be mistyped: it is refused before anything is asked, and what was made to hold its rows goes."""
    ran = run("sync", "crm.foo.list", "--to", str(tmp_path / "out"), "--webhook", "https://example.invalid/rest/1/canary/")
    assert (2, []) == (ran.exit_code, list(tmp_path.iterdir()))


def test_an_unknown_entity_is_answered_with_the_nearest():
    """One need not look the name up."""
    said = run("dump", "activitis", "--to", "x", "--webhook", "https://example.com/rest/1/canary/").output
    assert "crm_activities" in said


def test_rows_of_a_sandbox_are_counted_by_table():
    """`TABLE=N`, and nothing else."""
    assert {"deals": 5, "activities": 7} == row_counts(["deals=5", "activities=7"])
    with pytest.raises(UsageError, match="--rows is TABLE=N"):
        row_counts(["deals=many"])


@pytest.mark.end_to_end
def test_the_demo_counts_what_came(tmp_path):
    """A small one: everything complete and exact, nothing refused."""
    rows = ("--rows", "activities=400", "--rows", "deals=300", "--rows", "contacts=200")
    result = run("demo", "--to", str(tmp_path / "out"), "--tariff", "unlimited", *rows)
    assert 0 == result.exit_code
    assert "refused: 0" in result.output
    assert "complete" == orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())["status"]


SMALL = ("--seed", "6", "--tariff", "unlimited", "--rows", "activities=300", "--rows", "deals=300", "--rows", "contacts=300")


@pytest.mark.end_to_end
def test_the_demo_of_chaos_counts_what_it_survived(tmp_path):
    """Its last line says how many rows were expected, how many lie on disk, and how many faults came between: 0 is exact."""
    result = run("demo", "--chaos", "--to", str(tmp_path / "out"), *SMALL)
    assert 0 == result.exit_code
    last = result.stdout.splitlines()[-1]
    expected, came, faults = (int(number.replace(",", "")) for number in re.findall(r": ([0-9,]*[0-9])", last))
    entities = orjson.loads((tmp_path / "out" / "manifest.json").read_bytes())["entities"].values()
    assert expected == came == sum(entity["rows"] for entity in entities)
    assert faults > 0
    assert "NOT" not in last


def test_the_demo_of_chaos_is_not_content_with_less(tmp_path):
    """It reads the ids on disk, as often as they are there; where they are not the portal's, that is code 4."""
    (tmp_path / "part").write_text('{"ID":"7"}\n{"ID":3}\n{"ID":"7"}\n')
    there = _ids(tmp_path, {"files": [{"path": "part"}]})
    assert [3, 7, 7] == there
    assert [0, 4] == [_chaos_told(3, 3, Mixture(1), exact=there == shown) for shown in ([3, 7, 7], [3, 5, 7])]


def test_compact_says_what_it_did(tmp_path):
    """A line for each entity, on stderr; what cannot be folded ends with code 2 and a sentence."""
    assert 2 == run("compact", str(tmp_path)).exit_code
    made(tmp_path, deals=[([(1, "old"), (2, "old")], "none"), ([(1, "new"), (2, None)], "none")]).close()
    first, second = run("compact", str(tmp_path)), run("compact", str(tmp_path))
    assert [(0, ""), (0, "")] == [(one.exit_code, one.stdout) for one in (first, second)]
    assert "deals: 4 lines in 2 files (102 bytes), folded into 1 row (25 bytes)\n" == first.stderr
    assert "deals: left as it is, 1 row: each row is there once\n" == second.stderr
