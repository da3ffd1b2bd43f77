"""`b24x compact`: a mirror's files folded into one for each entity, with each row once, as it is now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from extractor.cli.ending import ends_well

if TYPE_CHECKING:
    from extractor.sinks import Compression


@click.command("compact", short_help="Fold a mirror's files: one for each entity, each row once, as it is now.")
@click.argument("folder", metavar="DIR", type=click.Path(readable=False, path_type=Path))
@click.argument("entities", nargs=-1, metavar="[ENTITY]...")
@click.option("--compress", type=click.Choice(["none", "gz", "zst"]), show_default="as they are", help="How to store the rows.")
@ends_well
def command(folder: Path, entities: tuple[str, ...], compress: Compression | None) -> int:
    """Fold the files of a mirror, which b24x sync keeps in step, into one for each entity.

    ENTITY is a name, or a glob over those (crm_*); none named: all of the mirror.
    Nothing is asked of the portal. Killed at any moment, the mirror is whole.
    """
    from extractor.cli import collect_seldom
    from extractor.compact import compact
    from extractor.wording import counted

    collect_seldom()
    for one in compact(folder, entities, compress):
        rows = sum(mark.rows for mark in one.now)
        if one.left:
            said = f"left as it is, {counted(rows, 'row')}: {one.left}"
        else:
            lines, size = sum(mark.rows for mark in one.before), sum(mark.bytes for mark in one.before)
            said = (f"{counted(lines, 'line')} in {counted(len(one.before), 'file')} ({size:,} bytes), folded into "
                    f"{counted(rows, 'row')} ({sum(mark.bytes for mark in one.now):,} bytes)")
        click.echo(f"{one.name}: {said}", err=True)
    return 0
