"""How a command ends: one sentence on stderr, the contract's exit code, and never a secret."""

from __future__ import annotations

import functools
import re
import sys
import traceback
from collections.abc import Callable, Mapping
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
        from extractor.errors import B24xError, Bug

        try:
            code = command(*args, **kwargs)
        except B24xError as error:
            code = _say(str(error), error.exit_code, kwargs)
        except KeyboardInterrupt:
            goes_on = kwargs.get("to") not in {None, "-"}
            code = _say("interrupted" + ("; the same command goes on from the last commit" if goes_on else ""), 130, kwargs)
        except click.ClickException:
            raise
        except Exception as error:  # noqa: BLE001 - the last line of defence: a bug of ours, said so, without secrets
            if kwargs.get("verbose", True):  # commands without -v have no other way to show it
                click.echo(masked(traceback.format_exc()), err=True)
            code = _say(str(Bug(error)), 1, kwargs)
        sys.exit(code)

    return run


def _say(sentence: str, code: int, options: Mapping[str, object]) -> int:
    """Say on stderr what ended a command, in the form of its log; return the exit code."""
    if options.get("log_format") == "json":
        from extractor.progress import json_line

        click.echo(json_line("Error", exit_code=code, message=masked(sentence)), err=True)
    else:
        click.echo(f"b24x: {masked(sentence)}", err=True)
    return code
