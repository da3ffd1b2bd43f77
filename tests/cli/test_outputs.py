"""What the commands promise of the files that options name beside the folder: none is one of the run's own."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from extractor.cli import main

CODE = "k4n4ri3nv0g3l"
ADDRESS = f"http://127.0.0.1:9/rest/1/{CODE}/"  # nobody is there, and nobody is asked
OWN = ["manifest.json", ".manifest.json.new", ".b24x", ".b24x/checkpoint.json", ".b24x/lock", ".b24x/new", "deals/part-00000.ndjson", "deals/more",
       "leads", "deals/../manifest.json", "other/file"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a folder as a run leaves it, and stand beside it."""
    monkeypatch.chdir(tmp_path)
    for path in ("out/.b24x", "out/deals", "out/other"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("manifest.json", ".b24x/checkpoint.json", ".b24x/lock", "deals/part-00000.ndjson"):
        (tmp_path / "out" / path).write_text("as it was")
    return tmp_path / "out"


def run(command, *words, **env):
    """Run a command line."""
    where = ["out"] if command == "verify" else ["deals", "leads", "--to", "out"]
    return CliRunner(env={"B24X_WEBHOOK": ADDRESS, "B24X_CONFIG": "", **env}).invoke(main, [command, *where, *words])


def tree(folder):
    """Return what lies in a folder, and beside it."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.parent.rglob("*")}



OPTIONS = [(command, option) for command in ("dump", "sync") for option in ("--summary", "--metrics")]


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize(("command", "option"), [*OPTIONS, ("verify", "--report")])
def test_a_file_of_the_runs_own_is_refused(folder, command, option, path):
    """The manifest, the checkpoint, the lock, rows, and whatever else lies deeper: nothing is written, and nothing asked."""
    if (command, path) == ("verify", "leads"):
        return  # verify makes no folders
    before = tree(folder)
    for spelled in (f"out/{path}", f"./out/../out/{path}", str(folder / path)):
        ran = run(command, option, spelled)
        assert 2 == ran.exit_code
        assert option in ran.stderr
        assert "Traceback" not in ran.stderr
        assert CODE not in ran.stderr
    assert before == tree(folder)


@pytest.mark.parametrize(("command", "option"), [*OPTIONS, ("verify", "--report")])
def test_a_link_does_not_hide_whose_file_it_is(folder, command, option):
    """Not one to the file, to the folder, or that leads to nothing yet; nor a second name of the manifest."""
    for place, target in enumerate(("out/manifest.json", "out/.b24x/new", "out/deals/part-00000.ndjson")):
        Path(f"link{place}").symlink_to(target)
    Path("folder").symlink_to("out")
    Path("second").hardlink_to("out/manifest.json")
    before = tree(folder)
    for path in ("link0", "link1", "link2", "folder/manifest.json", "folder/deals/x", "second"):
        ran = run(command, option, path)
        assert (2, 1) == (ran.exit_code, len(ran.stderr.splitlines()))
        assert f"{option}: {path.rpartition('/')[2]} is one of the run's own files" in ran.stderr
    assert before == tree(folder)


def test_the_folder_itself_is_no_file(tmp_path, monkeypatch):
    """A file in its place would keep the folder from being made."""
    monkeypatch.chdir(tmp_path)
    for option in ("--summary", "--metrics"):
        assert "one of the run's own files" in run("dump", option, "out").stderr
    assert [] == list(tmp_path.iterdir())


def test_two_options_name_two_files(folder):
    """A page of metrics would replace the summary, the configuration or the tokens."""
    (folder.parent / "b24x.toml").write_text("")
    Path("link").symlink_to("runs.jsonl")
    before = tree(folder)
    tokens = {"B24X_WEBHOOK": "", "B24X_DOMAIN": "app.bitrix24.com", "B24X_CLIENT_ID": "local.1", "B24X_CLIENT_SECRET": CODE, "B24X_REFRESH_TOKEN": CODE}
    for words, other, env in (
        (["--summary", "runs.jsonl", "--metrics", "link"], "--summary", {}),
        (["--config", "b24x.toml", "--metrics", "out/../b24x.toml"], "--config", {}),
        (["--token-file", "tokens.json", "--summary", "tokens.json"], "the token file", tokens),
    ):
        ran = run("dump", *words, **env)
        assert (2, 1) == (ran.exit_code, len(ran.stderr.splitlines()))
        assert f"is named by {other} as well" in ran.stderr
    assert before == tree(folder)


def test_tokens_do_not_take_the_place_of_rows(folder):
    """The file of an application's tokens is written, too."""
    tokens = {"B24X_WEBHOOK": "", "B24X_DOMAIN": "app.bitrix24.com", "B24X_CLIENT_ID": "local.1", "B24X_CLIENT_SECRET": CODE, "B24X_REFRESH_TOKEN": CODE}
    ran = run("sync", "--token-file", "out/manifest.json", **tokens)
    assert (2, True) == (ran.exit_code, "the token file: manifest.json is one of the run's own files" in ran.stderr)


def test_other_files_beside_the_manifest_are_the_users(folder):
    """A summary in the folder of the run is as good as elsewhere: nothing of the run has its name."""
    ran = run("sync", "--summary", "out/runs.jsonl", "--metrics", "out/b24x.prom")
    assert 2 == ran.exit_code
    assert "own files" not in ran.stderr
