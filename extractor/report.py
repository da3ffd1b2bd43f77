"""What a run came to: the lines that a person reads, the record that a scheduler keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from extractor.config import Settings
from extractor.floor import Floor, floor, pages_for, requests_for
from extractor.order import Outcome
from extractor.wording import counted

_BOUNDS = {"rate": "the request limit", "operating": "the operating limit", "latency": "the portal's latency"}
_ASSUMED = {"rate": "the request limit of the standard tariff (--tariff names another)"}
TENTH = 0.05  # seconds that are shown as a tenth of one
_SUMMED = ("status", "rows", "reason", "written", "gone", "watermark", "swept", "lanes")


def floor_of(outcome: Outcome, settings: Settings) -> Floor:
    """Compute the floor of what a run has read: its requests, the time spent waiting for its pages, and what the portal says that they cost.

    The latter errs upwards, as whoever keeps a budget has to; no page computes longer than it was waited for.
    """
    entities = [entity for entity in outcome.manifest["entities"].values() if entity["calls"]]
    if settings.droppable and not outcome.costs:  # the portal has shown that it has no bucket
        settings = replace(settings, tariff=None)
    waited = [entity["seconds"] * min(1.0, pages_for(entity["rows"]) / entity["calls"]) for entity in entities]
    return floor(
        requests=requests_for(entity["rows"] for entity in entities),
        tariff=settings.tariff,
        operating=[min(waits, outcome.costs.get(entity["method"], 0.0) * pages_for(entity["rows"]))
                   for entity, waits in zip(entities, waited, strict=True)],
        operating_limit=settings.operating_limit,
        latency=sum(waited),
        window=settings.in_flight,
    )


def lines(outcome: Outcome, settings: Settings) -> list[str]:
    """Return the report of a run, a line each: what is there, what it cost, how near the floor it came."""
    entities = outcome.manifest["entities"]
    mirror = any("written" in entity for entity in entities.values())
    width, noun = max(map(len, entities)), "lines" if mirror else "rows"  # a mirror has a line for each change of a row
    said = [
        f"  {name.ljust(width)}  {entity['rows']:>11,} {noun}  {entity['status']}, {entity['assurance']}"
        for name, entity in entities.items()
        if entity["status"] == "complete"
    ]
    said += [f"  {name.ljust(width)}  {entity['rows']:>11,} {noun}  {entity['status']}{_reason(entity['reason'], outcome.why)}"
             for name, entity in entities.items() if entity["status"] != "complete"]
    news = [f"  {name.ljust(width)}  {entity['written']:>11,} rows new or changed, {entity['gone']:,} gone" for name, entity in entities.items()
            if entity.get("written") or entity.get("gone")]
    said += ["news of this run:", *news] if news else []
    said += _events(outcome.manifest.get("events"))
    said.append(f"{outcome.manifest['status']}: {_news(outcome) if mirror else counted(rows(outcome), 'row')}")
    if outcome.resumed and not outcome.requests and outcome.manifest["status"] == "complete":
        said[-1] += f", as of {outcome.manifest['finished_at']}: nothing was asked of the portal; a new dump goes into a new folder"
    if outcome.requests:
        said[-1] += f"{'; ' if mirror else ' in '}{outcome.seconds:.1f} s, {counted(outcome.requests, 'request')}"
        said[-1] += f", {outcome.refused:,} of them refused for their rate (503)" if outcome.refused else ""
        whole = all(entity.get("written", entity["rows"]) == entity["rows"] for entity in entities.values())
        if whole and not outcome.resumed and outcome.manifest["status"] == "complete":
            said[-1] += _least(floor_of(outcome, settings), outcome.seconds, {**_BOUNDS, **_ASSUMED} if settings.assumed else _BOUNDS)
    return said


def _least(bound: Floor, seconds: float, names: Mapping[str, str]) -> str:
    """Say how near the floor a run came; one of no tenth of a second says nothing, and of what is shorter than a second nothing is a multiple."""
    least = min(bound.seconds, seconds)  # costs are estimated, and a least that was undercut is none
    times = f", and it took {seconds / least:.2f} times that" if 1 <= bound.seconds <= seconds else ""
    return f"; the least that {names[bound.bound]} allows: {least:.1f} s{times}" if least >= TENTH else ""


def _news(outcome: Outcome) -> str:
    """Say what a sync came to: rows, as the portal counts them, and lines, as they lie on disk."""
    written, gone = (sum(entity.get(key, 0) for entity in outcome.manifest["entities"].values()) for key in ("written", "gone"))
    return f"{counted(written, 'row')} new or changed, {gone:,} gone, {counted(rows(outcome), 'line')} on disk"


def _events(facts: Mapping[str, Any] | None) -> list[str]:
    """Say what came of the portal's events, where they were asked for."""
    if facts is None:
        return []
    cost = f"events: {facts['taken']:,} taken, {facts['cleared']:,} cleared, {counted(facts['requests'], 'request')}"
    return [f"{cost}; {facts['note']}" if facts["note"] else cost]


def _reason(reason: str, why: str | None) -> str:
    """Say why an entity is not complete, unless that is what ended the whole run: then it is said once, at the end."""
    words = reason.partition(": ")[2]
    return "" if why and (words in why or reason.startswith("INTERRUPTED")) else f": {reason}"


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return the record of a run: one JSON line for whoever watches it."""
    kept = ("run_id", "portal", "started_at", "finished_at", "status")
    entities = outcome.manifest["entities"]
    return {
        **{key: outcome.manifest[key] for key in kept},
        "exit_code": outcome.exit_code,
        "why": outcome.why,
        "rows": rows(outcome),
        "requests": outcome.requests,
        "seconds": round(outcome.seconds, 3),
        **({"events": outcome.manifest["events"]} if "events" in outcome.manifest else {}),
        "entities": {name: {key: one[key] for key in _SUMMED if key in one} for name, one in entities.items()},
    }


def rows(outcome: Outcome) -> int:
    """Count the rows on disk."""
    return sum(entity["rows"] for entity in outcome.manifest["entities"].values())
