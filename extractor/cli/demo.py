"""`b24x demo`: a simulated portal and a dump of it, under the real cloud limits."""

from __future__ import annotations

from pathlib import Path

import click

from extractor.cli.ending import ends_well
from extractor.cli.options import sandbox_options

_ROWS = {"activities": 100_000, "deals": 20_000, "contacts": 20_000}
IN_FLIGHT = 4  # the portal lives in this very process: more requests would wait for the processor, not for the portal
_TABLES = {"activities": "crm_activities", "deals": "deals", "contacts": "contacts"}


@click.command("demo", short_help="Sandbox and dump in one process, under the limits of the cloud.")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Keep the rows in this folder; without it they are removed at the end.")
@sandbox_options
@ends_well
def command(to: Path | None, rows: tuple[str, ...], seed: int, tariff: str) -> int:
    """Serve a simulated portal, dump it over loopback HTTP, and count what came."""
    import asyncio
    import tempfile

    from extractor.cli.portals import row_counts
    from extractor.cli.running import collect_seldom, fastest_loop

    collect_seldom()
    wanted = {**_ROWS, **row_counts(rows)}
    with tempfile.TemporaryDirectory(prefix="b24x-demo-") as scratch, asyncio.Runner(loop_factory=fastest_loop()) as runner:
        return runner.run(_demo(to or Path(scratch), wanted, seed, tariff))


async def _demo(folder: Path, wanted: dict[str, int], seed: int, tariff: str) -> int:
    """Serve, dump, and hold what came against what the portal shows."""
    from extractor import report
    from extractor.catalog import resolve
    from extractor.cli.portals import CODE, build, world_of
    from extractor.cli.running import watched
    from extractor.config import settings
    from extractor.dump import Order
    from extractor.question import Question
    from extractor.sandbox.methods.classic import listed
    from extractor.sandbox.server import serve
    from extractor.transport import HttpTransport

    click.echo(f"making a portal with {sum(wanted[table] for table in _TABLES):,} rows ...")
    world = world_of(wanted, seed=seed)
    portal = build(world, tariff=tariff)
    async with serve(portal) as address:
        portal_settings = settings({"webhook": f"{address}/rest/1/{CODE}/", "tariff": tariff, "concurrency": IN_FLIGHT})
        entities = resolve(list(_TABLES.values()))
        order = Order([Question(entity) for entity in entities], folder=folder)
        click.echo(f"dumping it over {address}, at the limits of the {tariff} tariff ...")
        async with HttpTransport(timeout=portal_settings.timeout) as transport:
            outcome = await watched(order, portal_settings, transport)
    for line in report.lines(outcome, portal_settings):
        click.echo(line)
    shown = sum(len(listed(world, entity.method)) for entity in entities)
    came = sum(entry["rows"] for entry in outcome.manifest["entities"].values())
    click.echo(f"rows that the portal shows: {shown:,} (it hides the others, such as recurring deals); rows on disk: {came:,}")
    refused = portal.statistics().refused
    allowed = 1.1 * report.floor_of(outcome, portal_settings).seconds + 2
    click.echo(f"requests that the portal refused: {refused}; 1.1 x the least time + 2 s would be {allowed:.1f} s")
    return outcome.exit_code or (4 if refused or came != shown else 0)
