"""A folder that this user may not write, or a file system that nobody may: said in one sentence, and nothing is lost by it."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from extractor.sandbox.methods.classic import listed
from tests.end_to_end.processes import B24X, CODE, b24x, dump, ids, manifest, run, served, told
from tests.end_to_end.processes import Ran as Ended
from tests.end_to_end.test_kill import committed
from tests.thorough import thorough

pytestmark = [pytest.mark.end_to_end, pytest.mark.thorough]

# Root writes wherever it likes, by a capability. A process that has given it away for good is held to the permission bits like
# anybody else (the interpreter may lie where only root can read, so becoming somebody else is not enough).
LIKE_ANYBODY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
        sys.exit(99)
os.execv(sys.argv[1], sys.argv[1:])
"""
NO_RIGHTS = (sys.executable, "-c", LIKE_ANYBODY) if os.geteuid() == 0 else ()
MOUNTED = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'


@pytest.fixture(scope="module", autouse=True)
def _bound(tmp_path_factory):
    """Skip where this process may write in spite of the permission bits, and cannot help it."""
    folder = tmp_path_factory.mktemp("closed")
    folder.chmod(0o555)
    tried = subprocess.run([*NO_RIGHTS, sys.executable, "-c", "import sys; open(sys.argv[1], 'w')", folder / "file"], capture_output=True, check=False)
    if tried.returncode != 1 or b"PermissionError" not in tried.stderr:
        pytest.skip("this user may write everywhere, and cannot give that right away")


@pytest.fixture(scope="module")
def portal():
    """Serve a portal whose requests take a while."""
    with served(deals=4_000, seconds=0.05) as portal:
        yield portal


def held(ran, code, *words):
    """Hold an ended process against what must be true of every failure: one sentence, and no more."""
    assert (code, 1) == (ran.code, len(ran.err.strip().splitlines())), ran.err
    assert "Traceback" not in ran.err
    assert CODE not in ran.err
    assert [] == [word for word in words if word not in ran.last_words], ran.last_words


def closed(*folders):
    """Take the right to write away."""
    for folder in folders:
        folder.chmod(0o555)


def opened(*folders):
    """Give it back."""
    for folder in folders:
        folder.chmod(0o755)


@pytest.mark.parametrize("inside", ["", "out", "some/where"])
def test_a_folder_that_may_not_be_written(portal, tmp_path, inside):
    """One that is there, or would have to be made: usage, with what to do, before anything is asked of the portal."""
    closed(tmp_path)
    before = portal.seen()["requests"]
    held(run("dump", "deals", "--to", tmp_path / inside, "-q", webhook=portal.webhook, through=NO_RIGHTS), 2, "--to", "no permission", "choose another folder")
    assert before == portal.seen()["requests"]
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", [0o000, *thorough(0o444)])
def test_every_command_says_the_same_of_a_folder_that_it_may_not_look_into(portal, tmp_path, mode):
    """Code 2, and one sentence with the folder as it was named, and what to do; a configuration that may not be read is one of code 3."""
    dumped, mirror = tmp_path / "dumped", tmp_path / "mirror"
    assert 0 == run("dump", "users", "--to", dumped, "-q", webhook=portal.webhook).code
    assert 0 == run("sync", "users", "--to", mirror, "-q", webhook=portal.webhook).code
    for folder in (dumped, mirror):
        folder.chmod(mode)
    for words in (("dump", "users", "--to", dumped), ("sync", "users", "--to", mirror), ("verify", dumped), ("verify", mirror), ("compact", mirror)):
        held(run(*words, webhook=portal.webhook, through=NO_RIGHTS), 2, str(words[-1]), "no permission", "choose another folder")
    opened(dumped, mirror)
    config = tmp_path / "b24x.toml"
    config.touch(mode=0o200)
    for words in (("dump", "users", "--to", dumped), ("sync", "users", "--to", mirror), ("verify", dumped)):
        for path in (config, tmp_path / "none.toml"):
            held(run(*words, "--config", path, webhook=portal.webhook, through=NO_RIGHTS), 3, path.name, "cannot be read")


@pytest.mark.parametrize("name", [".b24x", "deals", *thorough(".")])
def test_rights_that_are_taken_away_during_a_run(portal, tmp_path, name):
    """It ends with code 4 and one sentence; when the rights are back, the same command goes on from the last commit."""
    words = ("dump", "deals", "--to", tmp_path, "--concurrency", "1", "-q")
    with b24x(*words, webhook=portal.webhook, through=NO_RIGHTS) as process:
        while not committed(tmp_path)[0]:
            assert process.poll() is None
            time.sleep(0.02)
        closed(tmp_path / name)
        ran = Ended(process)
    if name == "deals":  # its file is open, and stays so: nothing is left that this right is needed for
        assert (0, "") == (ran.code, ran.err)
    else:
        held(ran, 4, "no permission", "let this user read and write there")
        assert 0 < committed(tmp_path)[0]
        held(run(*words, webhook=portal.webhook, through=NO_RIGHTS), 4, "no permission")
        opened(tmp_path / name)
        assert 0 == dump(portal, tmp_path, "deals", "--concurrency", "1").code
    opened(tmp_path / name)
    assert listed(portal.world, "crm.deal.list") == ids(tmp_path / "deals/part-00000.ndjson")
    assert "complete" == manifest(tmp_path)["status"]


def test_a_file_of_rows_that_may_not_be_written(portal, tmp_path):
    """A file that somebody protected meanwhile ends the next run with code 4; it is neither replaced nor cut."""
    words = ("dump", "deals", "--to", tmp_path, "--concurrency", "1", "-q")
    with b24x(*words, webhook=portal.webhook) as process:
        while not committed(tmp_path)[0]:
            time.sleep(0.02)
        assert 143 == told(process, 15).code
    part = tmp_path / "deals/part-00000.ndjson"
    before = part.read_bytes()
    part.chmod(0o444)
    held(run(*words, webhook=portal.webhook, through=NO_RIGHTS), 4, "deals/part-00000.ndjson", "no permission")
    assert before == part.read_bytes()
    part.chmod(0o644)
    assert 0 == run(*words, webhook=portal.webhook, through=NO_RIGHTS).code
    assert listed(portal.world, "crm.deal.list") == ids(part)


def test_a_read_only_file_system(portal, tmp_path):
    """Whoever names it is told so, as usage; a dump that was complete there is left alone."""
    through = ("unshare", "-rm", "sh", "-c", MOUNTED, "sh", tmp_path)
    if not shutil.which("unshare") or subprocess.run([*through, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    for folder in (tmp_path, tmp_path / "out"):
        held(run("dump", "deals", "--to", folder, "-q", webhook=portal.webhook, through=through), 2, "--to", "read-only", "choose another folder")
    assert [] == list(tmp_path.iterdir())


def test_a_token_file_that_may_not_be_written(tmp_path):
    """Nothing is asked of the authorisation server, for what it would answer could not be kept: the refresh token is good still."""
    tmp_path.chmod(0o555)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("B24X_")} | {
        "B24X_DOMAIN": "http://127.0.0.1:9", "B24X_OAUTH_SERVER": "http://127.0.0.1:9", "B24X_CLIENT_ID": "local.x", "B24X_CLIENT_SECRET": CODE,
        "B24X_REFRESH_TOKEN": "r" * 30, "B24X_TOKEN_FILE": str(tmp_path / "tokens.json")}
    ran = subprocess.run([*NO_RIGHTS, B24X, "dump", "deals", "--to", tmp_path.parent / "rows", "-q"], env=environment, capture_output=True, check=False)
    assert 4 == ran.returncode, ran.stderr
    assert b"no permission" in ran.stderr
    assert 1 == len(ran.stderr.splitlines())
    assert [] == list(tmp_path.iterdir())
