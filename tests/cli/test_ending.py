"""What `cli.ending` promises: the contract's exit code, one sentence, never a secret."""

import errno

import click
import orjson
import pytest

from extractor.cli.ending import ends_well, masked
from extractor.errors import ConfigError, DiskFull, FolderBusy, UsageError


def exit_of(error):
    """Run a command that raises; return its exit code."""
    @ends_well
    def command():
        raise error

    with pytest.raises(SystemExit) as ended:
        command()
    return ended.value.code


@pytest.mark.parametrize(("error", "code"), [
    (UsageError("u"), 2), (ConfigError("c"), 3), (FolderBusy("f"), 6), (DiskFull("d"), 5), (KeyboardInterrupt(), 130),
])
def test_every_error_has_its_exit_code(error, code, capsys):
    """Our own errors are one sentence on stderr."""
    assert code == exit_of(error)
    said = capsys.readouterr()
    assert "" == said.out
    assert said.err.startswith("b24x: ")
    assert 1 == said.err.count("\n")


def test_a_bug_is_called_a_bug_and_shows_no_secret(capsys):
    """Its traceback is there for whoever mends it, without the webhook's code."""
    assert 1 == exit_of(RuntimeError("https://example.bitrix24.com/rest/1/canary/crm.deal.list?auth=canary"))
    said = capsys.readouterr().err
    assert "this is a bug in b24x" in said
    assert "RuntimeError" in said
    assert "canary" not in said


def test_a_file_that_fails_unforeseen_is_a_bug(capsys):
    """What the system says of a file is translated where it is met; where it was not, that is said, and no trace of Python's is."""
    with pytest.raises(SystemExit) as ended:
        ends_well(_unforeseen)(verbose=False)
    said = capsys.readouterr().err
    assert (1, 1, True) == (ended.value.code, len(said.splitlines()), said.startswith("b24x: this is a bug in b24x: PermissionError"))


def _unforeseen(*, verbose):
    raise PermissionError(errno.EACCES, "Permission denied", "/rest/1/canary")


def test_a_traceback_is_for_those_who_ask(capsys):
    """A command with -v shows it with that only; one sentence says what and where in any case."""
    for verbose in (False, True):
        with pytest.raises(SystemExit) as ended:
            ends_well(_broken)(verbose=verbose)
        said = capsys.readouterr().err
        assert (1, verbose) == (ended.value.code, "Traceback" in said)
        assert "b24x: this is a bug in b24x: ZeroDivisionError in " in said


def _broken(*, verbose):
    return 1 / 0


def test_an_error_in_a_json_log_is_json(capsys):
    """With the log in JSON, what ends a command is an event with a moment, and no secret."""
    with pytest.raises(SystemExit):
        ends_well(_refused)(log_format="json")
    record = orjson.loads(capsys.readouterr().err)
    assert record.pop("at").endswith("Z")
    assert {"event": "Error", "exit_code": 2, "message": "/rest/1/***"} == record


def _refused(*, log_format):
    raise UsageError("/rest/1/canary")


@pytest.mark.parametrize(("to", "goes_on"), [("out", True), ("-", False)])
def test_an_interruption_says_how_to_go_on_where_one_can(capsys, to, goes_on):
    """What went to stdout cannot be gone on from."""
    with pytest.raises(SystemExit):
        ends_well(_interrupted)(to=to)
    assert goes_on is ("goes on" in capsys.readouterr().err)


def _interrupted(*, to):
    raise KeyboardInterrupt


def test_a_command_that_returns_a_code_ends_with_it():
    """The run's own verdict goes through."""
    with pytest.raises(SystemExit) as ended:
        ends_well(lambda: 4)()
    assert 4 == ended.value.code


def test_clicks_own_errors_are_clicks():
    """Wrong options are reported as click does, with exit code 2."""
    with pytest.raises(click.UsageError):
        ends_well(_wrong)()


def _wrong():
    raise click.UsageError("no such option")


@pytest.mark.parametrize("secret", [
    "/rest/1/canary/profile", "/rest/1/canary", "auth=canary", "?ap=canary&x=1", "refresh_token=canary", "client_secret=canary",
])
def test_secrets_are_masked_wherever_they_stand(secret):
    """Paths and queries of a webhook, and tokens."""
    assert "canary" not in masked(f"before {secret} after")
    assert masked(f"before {secret} after").endswith("after")


def test_nobody_reads_the_output_any_more(capsys):
    """`head` has gone: no mistake of ours, and no word about it."""
    @ends_well
    def command():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(SystemExit) as end:
        command()
    assert (0, "") == (end.value.code, capsys.readouterr().err)


def test_a_full_output_is_said(capsys):
    """One sentence, and the code of a full disk."""
    @ends_well
    def command():
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SystemExit) as end:
        command()
    assert (5, "b24x: the output cannot be written: No space left on device\n") == (end.value.code, capsys.readouterr().err)
