"""The command line: one thin module per command, loaded when it is asked for."""

from __future__ import annotations

import gc
import importlib
import os
import sys

import click

COMMANDS = ("dump", "sync", "verify", "compact", "entities", "sandbox", "demo")


class _Commands(click.Group):
    """Loads a command's module when the command is named: `--help` needs none of aiohttp."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"extractor.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that is named; what is wrong with its options is said without secrets: one may stand in the wrong place."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            from extractor.cli.ending import masked

            error.message = masked(error.message)  # type: ignore[misc]  # final only for those who subclass it
            raise


def collect_seldom() -> None:
    """Let the cycle collector look, and seldom: rows come by the hundred thousand, and none is in a cycle.

    At its default it walks all of them again and again; a third of a dump's time went there. What
    was imported stays: neither the collector nor the end of the process walks it.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def _open_streams() -> None:
    """Give a program that was started without stdin, stdout or stderr an empty one: the first file or socket would take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            empty = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            if empty != number:
                os.dup2(empty, number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True})
@click.version_option(package_name="b24x", prog_name="b24x")
def main() -> None:
    """Read everything a Bitrix24 portal will show, at its own speed limit, each row exactly once."""
    gc.disable()  # what a command imports is no garbage
    click.get_current_context().call_on_close(gc.enable)
    _open_streams()
