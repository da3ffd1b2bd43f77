"""`b24x demo`: a simulated portal and a dump of it, under the real cloud limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from extractor.cli.ending import ends_well
from extractor.cli.options import sandbox_options

if TYPE_CHECKING:
    from extractor.sandbox.faults.mixture import Mixture

_ROWS = {"activities": 100_000, "deals": 20_000, "contacts": 20_000}
_ROWS_OF_CHAOS = {"activities": 40_000, "deals": 10_000, "contacts": 10_000}  # what fails waits for some seconds: up to a minute all the same
_EVERY = 10  # requests of chaos one is struck: a minute of them is a hundred, and should show what there is
IN_FLIGHT = 4  # the portal lives in this very process: more requests would wait for the processor, not for the portal
_TABLES = {"activities": "crm_activities", "deals": "deals", "contacts": "contacts"}


def _said(rows: Mapping[str, int]) -> str:
    """Say how many rows the tables have."""
    return ", ".join(f"{count:,} {table}" for table, count in rows.items())


@click.command("demo", short_help="Sandbox and dump in one process, under the limits of the cloud.")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Keep the rows in this folder, a new one each time: each demo has a portal of its own. Without it they are removed at the end.")
@click.option("--chaos", is_flag=True, help="Of a smaller portal, that fails now and then, in every way that passes; its faults are the seed's.")
@sandbox_options(f"{_said(_ROWS)}; with --chaos {_said(_ROWS_OF_CHAOS)}")
@ends_well
def command(to: Path | None, rows: tuple[str, ...], seed: int, tariff: str, *, chaos: bool) -> int:
    """Serve a simulated portal, dump it over loopback HTTP, and count what came."""
    import asyncio
    import tempfile

    from extractor.cli import collect_seldom
    from extractor.cli.portals import row_counts
    from extractor.cli.running import fastest_loop
    from extractor.sandbox.faults.mixture import Mixture

    collect_seldom()
    wanted = {**(_ROWS_OF_CHAOS if chaos else _ROWS), **row_counts(rows)}
    mixture = Mixture(seed, every=_EVERY) if chaos else None
    with tempfile.TemporaryDirectory(prefix="b24x-demo-") as scratch, asyncio.Runner(loop_factory=fastest_loop()) as runner:
        return runner.run(_demo(to or Path(scratch), wanted, seed, tariff, mixture))


async def _demo(folder: Path, wanted: dict[str, int], seed: int, tariff: str, mixture: Mixture | None) -> int:
    """Serve, dump, and hold what came against what the portal shows."""
    from extractor import report
    from extractor.catalog import resolve
    from extractor.cli.portals import CODE, build, world_of
    from extractor.cli.running import watched
    from extractor.config import settings
    from extractor.dump import Dump
    from extractor.order import Order
    from extractor.question import Question
    from extractor.sandbox.methods.classic import listed
    from extractor.sandbox.server import serve
    from extractor.transport import HttpTransport

    click.echo(f"making a portal with {sum(wanted[table] for table in _TABLES):,} rows ...")
    world = world_of(wanted, seed=seed)
    portal = build(world, tariff=tariff, mixture=mixture)
    async with serve(portal) as address:
        portal_settings = settings({"webhook": f"{address}/rest/1/{CODE}/", "tariff": tariff, "concurrency": IN_FLIGHT})
        entities = resolve(list(_TABLES.values()))
        order = Order([Question(entity) for entity in entities], folder=folder)
        click.echo(f"dumping it over {address}, at the limits of the {tariff} tariff ...")
        async with HttpTransport(timeout=portal_settings.timeout) as transport:
            outcome = await watched(lambda transport, observers: Dump(order, portal_settings, transport, observers), transport)
    for line in report.lines(outcome, portal_settings):
        click.echo(line)
    shown = [sorted(listed(world, entity.method)) for entity in entities]
    there = [_ids(folder, outcome.manifest["entities"][entity.name]) for entity in entities]
    expected, came = sum(map(len, shown)), sum(map(len, there))
    if mixture:
        return outcome.exit_code or _chaos_told(expected, came, mixture, exact=shown == there)
    click.echo(f"rows that the portal shows: {expected:,} (it hides the others, such as recurring deals); rows on disk: {came:,}")
    refused = portal.statistics().refused
    click.echo(f"requests that the portal refused: {refused}")
    return outcome.exit_code or (4 if refused or shown != there else 0)


def _ids(folder: Path, entry: Mapping[str, Any]) -> list[int]:
    """Read the ids that lie on disk, in ascending order."""
    import orjson

    lines = [line for file in entry["files"] for line in (folder / file["path"]).read_bytes().splitlines()]
    return sorted(int(orjson.loads(line)["ID"]) for line in lines)


def _chaos_told(expected: int, came: int, mixture: Mixture, *, exact: bool) -> int:
    """Say which faults there were, and what became of the rows; return the exit code."""
    kinds = ", ".join(f"{count} x {kind}" for kind, count in sorted(mixture.counts.items()))
    click.echo(f"the portal's faults: {kinds or 'none'}")
    verdict = "the ids are the portal's, each once" if exact else "the ids are NOT the portal's"
    click.echo(f"rows expected: {expected:,}; rows on disk: {came:,}, {verdict}; faults survived: {mixture.counts.total()}")
    return 0 if exact else 4
