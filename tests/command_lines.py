"""Command lines that are written somewhere, parsed as `b24x` would parse them, but not run."""

from collections.abc import Sequence

import click


def group() -> click.Group:
    """Return `b24x` itself; imported here, so that a broken command line fails the tests that ask for it, not all."""
    from extractor.cli import main  # noqa: PLC0415

    return main


def commands() -> dict[str, click.Command]:
    """Return every command of `b24x` by name."""
    context = click.Context(group())
    return {name: group().get_command(context, name) for name in group().list_commands(context)}


def options(name: str) -> set[str]:
    """Return all options of a command."""
    return {option for parameter in commands()[name].params for option in parameter.opts if option[0] == "-"}


def parse(words: Sequence[str]) -> dict[str, object]:
    """Return what the words after `b24x` mean.

    Raises:
        click.UsageError: There is no such command, or it has no such option.
    """
    context = click.Context(group(), info_name="b24x")
    name, command, rest = group().resolve_command(context, list(words))
    return command.make_context(name, rest, parent=context).params
