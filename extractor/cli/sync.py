"""`b24x sync`: a folder kept in step with the portal, night after night."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import click

from extractor.cli.ending import ends_well
from extractor.cli.options import log_options, portal_options, question_options, run_options, seconds_of

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@click.command("sync", short_help="What is new, changed or gone since the last run; the first run dumps.")
@click.argument("entities", nargs=-1, metavar="[ENTITY]...")
@click.option("--to", required=True, metavar="DIR", help="The folder to keep in step.")
@click.option("--deletes/--no-deletes", default=None, show_default="where it takes few requests",
              help="Look through all ids for rows that are gone.")
@click.option("--full-every", default="7d", metavar="TIME", show_default="7d",
              help="Read everything again within this time (12h, 7d, 2w), a piece each run, for changes that no stamp shows; or never.")
@click.option("--events", is_flag=True,
              help="Let the portal's offline events say where to look, deletions included; for applications of an administrator.")
@run_options
@question_options
@portal_options
@log_options
@ends_well
def command(entities: tuple[str, ...], to: str, **options: Any) -> int:
    """Bring a folder into step with the portal (no entities named: all that the credentials may read).

    ENTITY is a catalog name, or a glob over those (crm_*). The first run writes
    every row; each later one writes what is new or has changed, and what is gone.
    """
    from extractor.catalog import globbed
    from extractor.cli.outputs import refuse_own_files
    from extractor.cli.questions import questions
    from extractor.cli.running import carry_out
    from extractor.config import File, read_file, settings
    from extractor.errors import UsageError
    from extractor.order import Mirror
    from extractor.sync import Sync

    if not to.strip():
        raise UsageError("--to names no folder: is a variable unset?")
    max_seconds = seconds_of(options["max_minutes"])
    if to == "-":
        raise UsageError("--to - is for b24x dump: a mirror is brought into step, so name the folder that it lies in")
    file = read_file(options["config"]) if options["config"] else File()
    portal = settings(options, file)
    order = Mirror(
        questions(entities, options, file),
        Path(to),
        named=bool(entities),
        globbed=globbed(entities),
        compress=options["compress"],
        max_seconds=max_seconds,
        deletes=options["deletes"],
        full_every=_time(options["full_every"]),
        events=options["events"],
    )
    refuse_own_files(
        order.folder, [question.entity.name for question in order.questions], {"--summary": options["summary"], "--metrics": options["metrics"]},
        {"--config": options["config"]}, portal.credentials)
    return carry_out(
        lambda transport, observers: Sync(order, portal, transport, observers),
        portal,
        log_format=options["log_format"],
        verbose=options["verbose"],
        quiet=options["quiet"],
        summary=options["summary"],
        metrics=options["metrics"],
        folder=order.folder,
    )


def _time(text: str) -> dt.timedelta | None:
    """Read a span of time; `never` is none."""
    from extractor.errors import UsageError
    from extractor.wording import quoted

    if text == "never":
        return None
    found = re.fullmatch(r"(\d{1,4})([hdw])", text)
    if found is None:
        raise UsageError(f"--full-every is a number and h, d or w, such as 7d, or never; not {quoted(text)}")
    return dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
