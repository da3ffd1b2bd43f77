"""The command line: one thin module per command, loaded when it is asked for."""

from __future__ import annotations

import importlib

import click

COMMANDS = ("dump", "sync", "verify", "entities", "sandbox", "demo")


class _Commands(click.Group):
    """Loads a command's module when the command is named: `--help` needs none of aiohttp."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"extractor.cli.{cmd_name}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True})
@click.version_option(package_name="b24x", prog_name="b24x")
def main() -> None:
    """Read everything a Bitrix24 portal will show, at its own speed limit, each row exactly once."""
