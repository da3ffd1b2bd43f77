"""How a command ends: one sentence on stderr, the contract's exit code, and never a secret."""

from __future__ import annotations

import datetime as dt
import errno
import functools
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, ParamSpec

import click

P = ParamSpec("P")

# The code in a webhook's path, and tokens in a query: whatever else a traceback may show. CODE itself is our own word for it.
_SECRETS = re.compile(r"(/rest/[^/\s]+/)(?!CODE/)[^/\s'\"]+|((?:auth|access_token|refresh_token|client_secret|ap)=)[^&\s'\"]+")


def masked(text: str) -> str:
    """Take secrets out of a text: those that this process has read, and whatever looks like one."""
    from extractor import secrets

    return _SECRETS.sub(lambda match: f"{match[1] or match[2]}***", secrets.masked(text))


def ends_well(command: Callable[P, int]) -> Callable[P, NoReturn]:
    """Turn a command that returns an exit code, or raises, into one that exits as the contract says."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> NoReturn:
        from extractor.errors import B24xError

        began = dt.datetime.now(dt.UTC)
        try:
            _refuse_both(kwargs)
            code = command(*args, **kwargs)
        except B24xError as error:
            code = _failed(str(error), error.exit_code, kwargs, began)
        except KeyboardInterrupt:
            goes_on = kwargs.get("to") not in {None, "-"}
            code = _failed("interrupted" + ("; the same command goes on from the last commit" if goes_on else ""), 130, kwargs, began)
        except click.ClickException:
            raise
        except BrokenPipeError:
            code = _gone()
        except OSError as error:
            if error.filename is not None:  # a file of ours: those are translated, where they are met
                code = _failed(_bug(error, kwargs), 1, kwargs, began)
            else:
                code = _failed(f"the output cannot be written: {error.strerror}", 5 if error.errno == errno.ENOSPC else 4, kwargs, began)
        except Exception as error:  # noqa: BLE001 - the last line of defence: a bug of ours, said so, without secrets
            code = _failed(_bug(error, kwargs), 1, kwargs, began)
        sys.exit(code)

    return run


def _refuse_both(options: Mapping[str, object]) -> None:
    """Refuse to say less and more at once."""
    from extractor.errors import UsageError

    if options.get("quiet") and options.get("verbose"):
        raise UsageError("-q says less and -v says more: give one of them")


def _bug(error: Exception, options: Mapping[str, object]) -> str:
    """Say that something is a bug of ours, with all of its trace for those who ask."""
    from extractor.errors import Bug

    if options.get("verbose", True):  # commands without -v have no other way to show it
        say(masked(traceback.format_exc()))
    return str(Bug(error))


def _failed(sentence: str, code: int, options: Mapping[str, object], began: dt.datetime) -> int:
    """Say what ended a command, in its summary as well, if it was to have one; return the exit code."""
    path = options.get("summary")
    if isinstance(path, Path):
        from extractor.cli.summary import append_failure

        append_failure(path, options, code, masked(sentence), began)
    return _say(sentence, code, options)


def _say(sentence: str, code: int, options: Mapping[str, object]) -> int:
    """Say on stderr what ended a command, in the form of its log; return the exit code."""
    if options.get("log_format") == "json":
        from extractor.progress import json_line

        say(json_line("Error", exit_code=code, message=masked(sentence)))
    else:
        say(f"b24x: {masked(sentence)}")
    return code


def say(line: str) -> None:
    """Say something on stderr; that nobody can hear it is no reason to fail."""
    with suppress(OSError, ValueError):
        click.echo(line, err=True)


def _gone() -> int:
    """Whoever read stdout has gone, as `head` does: there is nobody to say it to, and nothing went wrong here."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its exit
    return 0
