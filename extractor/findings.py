"""What a verification found, for people, for programs, and line by line.

Rule 1: every id is named in the record and in the file; a person gets the first
few of many, and is told how many more there are, and where.
Rule 2: what was not compared is said as well: silence means that all was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from extractor.known import Id
from extractor.ledger import KINDS, What
from extractor.wording import counted

FEW = 20  # ids of a kind that a person reads


@dataclass(slots=True)
class Finding:
    """One entity: what was compared, and what differs.

    `held` are the rows on disk, `ids` those that the portal shows, `read` those
    that were read whole and compared. `moved` are differences that went, or
    came, meanwhile; `unread` is what the manifest says that it could not read.
    """

    status: str = "same"
    reason: str | None = None
    held: int = 0
    ids: int = 0
    read: int = 0
    moved: int = 0
    unread: int = 0
    damaged: dict[str, str] = field(default_factory=dict)
    missing: list[Id] = field(default_factory=list)
    extra: list[Id] = field(default_factory=list)
    stale: list[Id] = field(default_factory=list)
    mended: int = 0

    def of(self, kind: What) -> list[Id]:
        """Return the ids that differ in one way."""
        ids: list[Id] = getattr(self, kind)
        return ids

    @property
    def differs(self) -> int:
        """How many ids and files differ."""
        return sum(len(self.of(kind)) for kind in KINDS) + len(self.damaged)


def record(portal: str, folder: str, share: float, findings: Mapping[str, Finding], *, finished: bool, note: str | None = None) -> dict[str, Any]:
    """Return all of it as one record; of a run that did not come to its end, nothing is said but that. `note` is what else there is to know."""
    for one in findings.values() if not finished else ():
        one.status, one.reason = "not compared", one.reason or "the run ended before"
    differs = any(one.differs for one in findings.values())
    partial = any(one.status == "not compared" for one in findings.values())
    return {
        "portal": portal,
        "folder": folder,
        "sample": share,
        "finished": finished,
        "status": "differs" if differs and finished else "partial" if partial else "same",
        "note": note,
        "entities": {name: asdict(one) for name, one in findings.items()},
    }


def why(findings: Mapping[str, Finding]) -> str | None:
    """Say in one sentence what differs, if anything does."""
    said = [f"{name} has {_counted(one)}" for name, one in findings.items() if one.differs]
    return "the folder and the portal differ: " + "; ".join(said) + _mended(findings) if said else None


def each(found: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return every difference of a record: ids with what is wrong with them, files with what is wrong with those."""
    for name, one in found["entities"].items():
        yield from ({"entity": name, "file": path, "what": "damaged", "why": fault} for path, fault in one["damaged"].items())
        for kind in KINDS:
            yield from ({"entity": name, "id": identifier, "what": kind} for identifier in one[kind])


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return a record as a person reads it, a line each."""
    findings = {name: Finding(**one) for name, one in found["entities"].items()}
    width = max(map(len, findings), default=0)
    said = []
    for name, one in findings.items():
        said.append(f"{name.ljust(width)}  {_verdict(one)}")
        said += [f"  damaged: {path}: {fault}" for path, fault in one.damaged.items()]
        said += [f"  {kind}: {_shown(one.of(kind))}" for kind in KINDS if one.of(kind)]
    said += [found["note"]] if found["note"] else []
    differ = sum(one.differs for one in findings.values())
    total = sum(one.held for one in findings.values())
    rest = f", {counted(differ, 'difference')}{_mended(findings)}" if differ else _left_out(findings) if found["finished"] else ""
    nothing = found["finished"] and findings and not total and not differ and all(one.status == "not compared" for one in findings.values())
    summed = "nothing was compared" if nothing else f"{counted(total, 'row')} on disk{rest}"
    said.append(f"{found['status']}: {summed}")
    return said


def _verdict(one: Finding) -> str:
    """Say of one entity what was compared, and how it ended."""
    if one.status == "not compared" and not one.differs:
        return f"not compared: {one.reason}"
    said = f"{counted(one.held, 'row')} on disk, {counted(one.ids, 'id')} in the portal, {counted(one.read, 'row')} read again: {_counted(one) or 'the same'}"
    for count, words in ((one.moved, "new or touched meanwhile"), (one.unread, "unread, as the manifest says"), (one.mended, "mended")):
        said += f"; {count:,} {words}" if count else ""
    return said + (f"; not compared to the end: {one.reason}" if one.status == "not compared" else "")


def _left_out(findings: Mapping[str, Finding]) -> str:
    """Say of a look that found no difference how much it has not looked at."""
    count = sum(one.status == "not compared" for one in findings.values())
    words = "1 entity was not compared to its end" if count == 1 else f"{count:,} entities were not compared to their end"
    return f", the same as far as they were compared; {words}" if count else ""


def _mended(findings: Mapping[str, Finding]) -> str:
    """Say how much of what differed a repair has mended."""
    mended, differ = (sum(numbers) for numbers in zip(*((one.mended, one.differs) for one in findings.values()), strict=True))
    return f", {'all' if mended == differ else f'{mended:,}'} of them mended" if mended else ""


def _counted(one: Finding) -> str:
    """Count what differs."""
    counts = [f"{len(one.of(kind)):,} {kind}" for kind in KINDS if one.of(kind)]
    return ", ".join([*counts, *([counted(len(one.damaged), "damaged file")] if one.damaged else [])])


def _shown(ids: list[Id]) -> str:
    """Show the first of some ids."""
    more = len(ids) - FEW
    return ", ".join(map(str, ids[:FEW])) + (f" and {more:,} more (--report FILE names all)" if more > 0 else "")
