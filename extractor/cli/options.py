"""Options that several commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

LEAST_MINUTES, YEAR = 0.001, 525_600

F = TypeVar("F", bound=Callable[..., Any])


class _Number(click.ParamType[float]):
    """A number; what is none is answered with one that is."""

    name = "float"

    def __init__(self, example: str) -> None:
        """Take what to show."""
        self._example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number."""
        try:
            return float(value)
        except ValueError:
            option = param.opts[0] if param else ""
            self.fail(f"{value!r} is no number: write it as {option} {self._example}", param, ctx)


_PORTAL = (
    click.option("--webhook", metavar="URL", envvar="B24X_WEBHOOK", help="https://HOST/rest/USER/CODE/ [env: B24X_WEBHOOK]"),
    click.option("--domain", metavar="HOST", envvar="B24X_DOMAIN", help="Of an application: the portal's host [env: B24X_DOMAIN]"),
    click.option("--client-id", metavar="ID", envvar="B24X_CLIENT_ID", help="Of an application; its secrets go by the environment: "
                 "B24X_CLIENT_SECRET, B24X_REFRESH_TOKEN, B24X_ACCESS_TOKEN [env: B24X_CLIENT_ID]"),
    click.option("--token-file", metavar="FILE", envvar="B24X_TOKEN_FILE",
                 help="Of an application: where its new tokens are kept [env: B24X_TOKEN_FILE]"),
    click.option("--oauth-server", metavar="URL", envvar="B24X_OAUTH_SERVER",
                 help="Of an application: where tokens are renewed; default by the portal's region [env: B24X_OAUTH_SERVER]"),
    # Secrets of an application: what stands on a command line, other users of the machine can see.
    click.option("--client-secret", envvar="B24X_CLIENT_SECRET", hidden=True),
    click.option("--access-token", envvar="B24X_ACCESS_TOKEN", hidden=True),
    click.option("--refresh-token", envvar="B24X_REFRESH_TOKEN", hidden=True),
    click.option("--config", type=click.Path(readable=False, path_type=Path), envvar="B24X_CONFIG", metavar="FILE",
                 help="TOML with portal, limits and entities [env: B24X_CONFIG]"),
    click.option("--tariff", type=click.Choice(["standard", "enterprise", "unlimited"]),
                 show_default="standard in the cloud, else unlimited", help="The portal's request bucket: 50 draining 2/s, 250 draining 5/s, none."),
    click.option("--rate-limit", metavar="X/Y", show_default="that of the tariff", help="The bucket by hand, whatever the tariff: burst X, Y per second."),
    click.option("--operating-limit", type=_Number("420"), metavar="SECONDS", show_default="420", help="Method seconds per 10 minutes."),
    click.option("--budget", type=_Number("50"), metavar="PERCENT", show_default="100", help="The share of all these limits that this run may use."),
    click.option("--concurrency", metavar="auto|N", show_default="auto", help="HTTP requests in flight."),
    click.option("--timeout", type=_Number("75"), metavar="SECONDS", show_default="75", help="Of one HTTP request; the cloud cuts it at 60."),
)
_LOG = (
    click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How to write the log, on stderr."),
    click.option("-v", "--verbose", is_flag=True, help="Log every request."),
    click.option("-q", "--quiet", is_flag=True, help="Log nothing but what went wrong."),
)
_QUESTION = (
    click.option("--select", metavar="A,B", show_default="all", help="For one entity: the fields to read, or a JSON list."),
    click.option("--filter", "conditions", metavar="JSON", help="For one entity: which rows, as the method takes it."),
    click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="For one entity: a parameter; repeatable."),
    click.option("--paging", type=click.Choice(["auto", "offset", "keyset"]), show_default="auto", help="For one entity: how to page."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Entities to leave out; repeatable."),
)


_SANDBOX = (
    click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds make equal portals, whenever they are started."),
    click.option("--tariff", type=click.Choice(["standard", "enterprise", "unlimited"]), default="standard",
                 show_default=True, help="The request bucket that the portal enforces."),
)


_RUN = (
    click.option("--compress", type=click.Choice(["none", "gz", "zst"]), default="none", help="How to store the lines: as they are, or compressed."),
    click.option("--max-minutes", type=_Number("30"), metavar="N", help="Stop cleanly after N minutes; run again to go on."),
    click.option("--summary", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Append one JSON line about the run."),
    click.option("--metrics", type=click.Path(path_type=Path), metavar="FILE",
                 help="Replace this file by one in Prometheus' text format, for node_exporter."),
)


def seconds_of(minutes: float | None) -> float | None:
    """Return for how long a run may last; no timer takes what is no number, or endless."""
    from extractor.errors import UsageError
    from extractor.wording import quoted

    if minutes is None:
        return None
    if not LEAST_MINUTES <= minutes <= YEAR:
        raise UsageError(f"--max-minutes is a number from {LEAST_MINUTES} to {YEAR} (a year), not {quoted(minutes)}")
    return minutes * 60


def run_options(command: F) -> F:
    """Add the options of whatever writes rows into a folder."""
    return _all(_RUN, command)


def sandbox_options(rows: str) -> Callable[[F], F]:
    """Add the options that say which portal to simulate; in words, how many rows its tables have by default."""
    counts = click.option(
        "--rows", multiple=True, metavar="TABLE=N", show_default=rows,
        help="How many rows a table has; repeatable. Tables: activities, deals, leads, contacts, companies, quotes, "
        "requisites, stagehistory, types, items_31, items_128, items_130, tasks, users, departments.")
    return lambda command: _all((counts, *_SANDBOX), command)


def portal_options(command: F) -> F:
    """Add the options that say which portal, and how fast."""
    return _all(_PORTAL, command)


def log_options(command: F) -> F:
    """Add the options that say what to log."""
    return _all(_LOG, command)


def question_options(command: F) -> F:
    """Add the options that say what to ask of one entity."""
    return _all(_QUESTION, command)


def _all(options: tuple[Callable[[F], F], ...], command: F) -> F:
    """Apply decorators so that `--help` shows them in the order of their table."""
    for option in reversed(options):
        command = option(command)
    return command
