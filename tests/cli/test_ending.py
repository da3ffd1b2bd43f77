"""What `cli.ending` promises: the contract's exit code, one sentence, never a secret."""

import click
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
