"""The page of metrics is replaced at the end of each run, however that ends."""

import os

import pytest

from extractor.errors import ConfigError, DiskError, FolderBusy, UsageError
from extractor.order import Outcome
from extractor.textfile import measured

OUTCOME = Outcome(0, None, {"entities": {"deals": {"rows": 7}}}, 3, 1.0, operating={"crm.deal.list": 1.5})


def run(path, folder, ends):
    """Have a run: with an outcome, or with an error."""
    with measured(path, portal="example.bitrix24.com", folder=folder) as measures:
        if isinstance(ends, BaseException):
            raise ends
        measures.outcome = ends


def value(path, name):
    """Read the only value of a name."""
    (found,) = [line.rpartition(" ")[2] for line in path.read_text().splitlines() if line.startswith(name)]
    return found


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_refused(tmp_path, kind):
    """A pipe that nobody writes to would keep the run waiting, and a device or a folder is not for a page to take the place of."""
    path = tmp_path / "b24x.prom"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(os.devnull)
    with pytest.raises(UsageError, match=r"--metrics: b24x\.prom is no ordinary file.*: name a file"):
        run(path, tmp_path / "out", OUTCOME)
    assert not path.is_file()


def test_a_good_run(tmp_path):
    """Its page says what it did, and which folder it is about."""
    path = tmp_path / "b24x.prom"
    run(path, tmp_path / "mirror", OUTCOME)
    assert ["7", "3", "1.5", "0"] == [value(path, f"b24x_{name}") for name in ("rows", "run_requests", "operating_window", "run_exit_code")]
    assert 'portal="example.bitrix24.com",folder="mirror"' in path.read_text()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("error", "code"), [(ConfigError("no"), 3), (FolderBusy("held"), 6), (KeyboardInterrupt(), 130), (ValueError("a bug"), 1)])
def test_a_run_that_raises(tmp_path, error, code):
    """Its page has the exit code, and the last success; the error goes on its way."""
    path = tmp_path / "b24x.prom"
    run(path, None, OUTCOME)
    success = value(path, "b24x_last_success")
    with pytest.raises(type(error)):
        run(path, None, error)
    assert [str(code), "7", success] == [value(path, f"b24x_{name}") for name in ("run_exit_code", "rows", "last_success")]


def test_a_page_that_cannot_be_written(tmp_path):
    """It is said before the run where that can be known; after a good run it is an error, after a bad one the run's error counts."""
    with pytest.raises(UsageError, match=r"--metrics: b24x\.prom cannot be written"):
        run(tmp_path / "nowhere" / "b24x.prom", None, OUTCOME)
    (tmp_path / ".b24x.prom.new").mkdir()
    with pytest.raises(DiskError, match=r"--metrics: .*a folder stands where a file is needed"):
        run(tmp_path / "b24x.prom", None, OUTCOME)
    with pytest.raises(ConfigError):
        run(tmp_path / "b24x.prom", None, ConfigError("no"))


def test_no_page_is_asked_for(tmp_path):
    """Then none is written."""
    run(None, None, OUTCOME)
    assert [] == list(tmp_path.iterdir())
