"""`b24x entities`: the catalog, as a table or as JSON."""

from __future__ import annotations

import click

from extractor.cli.ending import ends_well

_PAGING = {"keyset": "by id", "next": "by next", "single": "one reply"}


@click.command("entities", short_help="The catalog: what can be extracted, by which method, and how it pages.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@ends_well
def command(*, as_json: bool) -> int:
    """List what can be extracted: by which method, how it pages, which field tells of changes."""
    from dataclasses import asdict

    import orjson

    from extractor.catalog import catalog

    entities = list(catalog().values())
    if as_json:
        for entity in entities:
            click.echo(orjson.dumps(asdict(entity)))
        return 0
    rows = [
        (one.name, one.method, _PAGING[one.paging], one.modified or "-", _remark(one.requires, one.note) or one.title)
        for one in entities
    ]
    header = ("ENTITY", "METHOD", "PAGES", "CHANGED", "WHAT IT IS")
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(4)]
    for row in (header, *rows):
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row[:4], widths, strict=True)), row[4]]))
    return 0


def _remark(requires: tuple[str, ...], note: str) -> str:
    """Say what a user has to know before naming an entity."""
    needs = "; ".join(f"needs --param {name}=..." for name in requires)
    return needs or note
