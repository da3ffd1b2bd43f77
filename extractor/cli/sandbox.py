"""`b24x sandbox`: a simulated portal on loopback, to try things on."""

from __future__ import annotations

import click

from extractor.cli.ending import ends_well
from extractor.cli.options import sandbox_options


@click.command("sandbox", short_help="Serve a simulated portal on loopback, to try things on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8924, show_default=True, help="0 for any free one.")
@click.option("--oauth", is_flag=True, help="Print the credentials of an application, too, as lines for a shell.")
@click.option("--faults", "faults", type=int, metavar="SEED", show_default="none",
              help="Let a few percent of the requests and calls fail in ways that pass, equally for equal seeds; each is told on stderr.")
@click.option("--changes", type=click.IntRange(0, 6_000), default=0, metavar="N", show_default=True,
              help="Rows that are inserted, changed or deleted per minute, over all tables, as the seed says; anew with each start.")
@sandbox_options("a few hundred")
@ends_well
def command(
    host: str, port: int, rows: tuple[str, ...], seed: int, tariff: str, *, faults: int | None, changes: int, oauth: bool
) -> int:
    """Serve a simulated Bitrix24 portal, with its paging, its limits and its traps, until interrupted."""
    import asyncio

    from extractor.cli import collect_seldom
    from extractor.cli.portals import CODE, authorised, build, row_counts, world_of
    from extractor.cli.running import fastest_loop
    from extractor.sandbox.faults.mixture import Mixture
    from extractor.sandbox.server import serve

    collect_seldom()
    mixture = None if faults is None else Mixture(faults, heard=lambda fault: click.echo(fault, err=True))
    portal = build(world_of(row_counts(rows), seed=seed, changes=changes), tariff=tariff, mixture=mixture)

    async def run() -> None:
        async with serve(portal, host, port, anywhere=host != "127.0.0.1") as address:
            reachable = address.replace("//0.0.0.0:", "//127.0.0.1:")  # what listens everywhere is reached somewhere
            click.echo(f"serving a simulated portal; its webhook is {reachable}/rest/1/{CODE}/")
            if oauth:
                click.echo("\n".join(authorised(portal, reachable)))
            await asyncio.Event().wait()

    try:
        with asyncio.Runner(loop_factory=fastest_loop()) as runner:
            runner.run(run())
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
    except OSError as error:
        from extractor.errors import UsageError

        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None
    return 0
