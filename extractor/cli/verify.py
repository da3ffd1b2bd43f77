"""`b24x verify`: a folder held against the portal, id by id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from extractor.cli.ending import ends_well
from extractor.cli.options import log_options, portal_options

if TYPE_CHECKING:
    from extractor.order import Outcome


@click.command("verify", short_help="Hold what is on disk against the portal; name every id missing, extra or stale.")
@click.argument("folder", metavar="DIR", type=click.Path(readable=False, path_type=Path))
@click.argument("entities", nargs=-1, metavar="[ENTITY]...")
@click.option("--sample", default="1%", metavar="SHARE", help="How many rows to read again for changes: a percentage, or all; ids are always all.")
@click.option("--repair", is_flag=True, help="Fetch what differs; for folders of b24x sync.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write every difference as a line of JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as one JSON object.")
@portal_options
@log_options
@ends_well
def command(folder: Path, entities: tuple[str, ...], report: Path | None, *, as_json: bool, **options: Any) -> int:
    """Hold a folder of a dump or a sync against the portal (no entities named: all that were read).

    ENTITY is a name in the folder, a glob over those (crm_*), or a method.
    The exit code is 7 where something differs.
    """
    import orjson

    from extractor import findings
    from extractor.cli.outputs import refuse_own_files
    from extractor.cli.running import carry_out
    from extractor.config import File, read_file, settings
    from extractor.order import Audit
    from extractor.verify import Verify

    order = Audit(folder, entities, share=_share(options["sample"]), repair=options["repair"])
    portal = settings(options, read_file(options["config"]) if options["config"] else File())

    def told(outcome: Outcome) -> None:
        """Print what was found, and write it down."""
        if as_json:
            click.echo(orjson.dumps(outcome.manifest))
        elif not options["quiet"]:
            for line in findings.lines(outcome.manifest):
                click.echo(line)
        if report is not None and outcome.manifest["finished"]:
            _write(report, (orjson.dumps(one) + b"\n" for one in findings.each(outcome.manifest)))

    refuse_own_files(folder, (), {"--report": report}, {"--config": options["config"]}, portal.credentials)
    if report is not None:
        _can_write(report)
    return carry_out(
        lambda transport, observers: Verify(order, portal, transport, observers),
        portal,
        log_format=options["log_format"],
        verbose=options["verbose"],
        quiet=options["quiet"],
        told=told,
    )


def _aside(path: Path) -> Path:
    """Name the file that a report is written to before it is whole."""
    return path.with_name(f".{path.name}.new")


def _can_write(path: Path) -> None:
    """Refuse a report file that cannot be written before the run, not after it."""
    from extractor.errors import UsageError

    try:
        _aside(path).open("wb").close()
        _aside(path).unlink()
    except OSError as error:
        raise UsageError(f"--report: {path.name} cannot be written: {error.strerror}") from None


def _write(path: Path, lines: Iterator[bytes]) -> None:
    """Write a report, all of it or none; where nothing differs, it is empty."""
    from extractor.errors import DiskError

    try:
        with _aside(path).open("wb") as file:
            file.writelines(lines)
        _aside(path).replace(path)
    except OSError as error:
        raise DiskError(f"the report {path.name} cannot be written: {error.strerror}") from None


def _share(text: str) -> float:
    """Read which share of the rows is wanted."""
    from extractor.errors import UsageError
    from extractor.wording import quoted

    if text == "all":
        return 1.0
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = 0.0
    if not (text.endswith("%") and 0 < percent <= 100):
        raise UsageError(f"--sample is a percentage above 0% and at most 100%, such as 1%, or all; not {quoted(text)}")
    return percent / 100
