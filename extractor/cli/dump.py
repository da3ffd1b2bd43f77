"""`b24x dump`: every row of the named entities, once, into a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from extractor.cli.ending import ends_well
from extractor.cli.options import log_options, portal_options, question_options, run_options, seconds_of


@click.command("dump", short_help="Every row of the named entities, each once, into a folder; interrupted, it goes on.")
@click.argument("entities", nargs=-1, metavar="[ENTITY]...")
@click.option("--to", required=True, metavar="DIR", help="The folder to write to; - for stdout (one entity).")
@run_options
@question_options
@portal_options
@log_options
@ends_well
def command(entities: tuple[str, ...], to: str, **options: Any) -> int:
    """Dump every row of the named entities (none named: everything the credentials may read).

    ENTITY is a catalog name, a glob over those (crm_*), or a REST list method.
    Killed at any moment, the same command goes on from its last commit.
    """
    from extractor.catalog import globbed
    from extractor.cli.outputs import refuse_own_files
    from extractor.cli.questions import questions
    from extractor.cli.running import carry_out
    from extractor.config import File, read_file, settings
    from extractor.dump import Dump
    from extractor.errors import UsageError
    from extractor.order import Order

    if not to.strip():
        raise UsageError("--to names no folder: is a variable unset?")
    max_seconds = seconds_of(options["max_minutes"])
    file = read_file(options["config"]) if options["config"] else File()
    portal = settings(options, file)
    asked = questions(entities, options, file)
    if to == "-" and len(asked) != 1:
        raise UsageError(f"--to - writes one entity to stdout, and {f'these are {len(asked)}' if entities else 'none is named'}: name one")
    if to == "-" and options["compress"] != "none":
        raise UsageError(f"--to - writes plain lines: pipe them through {'gzip' if options['compress'] == 'gz' else 'zstd'}")
    order = Order(
        asked,
        named=bool(entities),
        globbed=globbed(entities),
        folder=None if to == "-" else Path(to),
        stream=sys.stdout.buffer if to == "-" else None,
        compress=options["compress"],
        max_seconds=max_seconds,
    )
    refuse_own_files(
        order.folder, [question.entity.name for question in order.questions], {"--summary": options["summary"], "--metrics": options["metrics"]},
        {"--config": options["config"]}, portal.credentials)
    return carry_out(
        lambda transport, observers: Dump(order, portal, transport, observers),
        portal,
        log_format=options["log_format"],
        verbose=options["verbose"],
        quiet=options["quiet"],
        summary=options["summary"],
        metrics=options["metrics"],
        folder=order.folder,
    )
