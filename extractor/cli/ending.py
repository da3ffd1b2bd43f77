"""How a command ends: one sentence on stderr, the contract's exit code, and never a secret."""

from __future__ import annotations

import functools
import re
import sys
import traceback
from collections.abc import Callable
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

        try:
            code = command(*args, **kwargs)
        except B24xError as error:
            click.echo(f"b24x: {masked(str(error))}", err=True)
            code = error.exit_code
        except KeyboardInterrupt:
            click.echo("b24x: interrupted; the same command goes on from the last commit", err=True)
            code = 130
        except click.ClickException:
            raise
        except Exception:  # noqa: BLE001 - the last line of defence: a bug of ours, said so, without secrets
            click.echo(masked(traceback.format_exc()), err=True)
            click.echo("b24x: this is a bug in b24x; the lines above say where", err=True)
            code = 1
        sys.exit(code)

    return run
