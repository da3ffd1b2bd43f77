"""What a run came to, as a page in Prometheus' text format, for node_exporter's textfile collector.

Rule 1: every sample says which portal and which folder it is about: a machine's
pages are collected together, and equal samples would shut each other out.
Rule 2: a run that failed says so, and forgets nothing: the moment of the last
success, and what lies in the folder, are told as the page before told them.
Rule 3: a moment is told as a moment, so that its age can be computed however
long ago the page was written; the ages here are those of the run's end.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from extractor.events import CallFailed, Event, RequestAnswered

_WATERMARK = "b24x_watermark_timestamp_seconds"
_SWEPT = "b24x_swept_timestamp_seconds"
_SUCCESS = "b24x_last_success_timestamp_seconds"
_ROWS = "b24x_rows_total"

# Name: type, help. The suffix `_total` is a counter's, which rows on disk are not: they are counted anew, so their type is left open.
FAMILIES: Mapping[str, tuple[str, str]] = {
    _ROWS: ("untyped", "Lines on disk; in a mirror, several for a row that has changed, until a compact."),
    "b24x_written_rows": ("gauge", "Lines that the sync wrote: what was new or had changed; 0 where it did not ask for the entity."),
    "b24x_gone_rows": ("gauge", "Rows that the sync found gone; 0 where it did not ask for the entity."),
    _WATERMARK: ("gauge", "The moment up to which a mirror has the entity, by the portal's clock."),
    _SWEPT: ("gauge", "When the last run began that looked through all ids of the entity, and so for what is gone."),
    "b24x_watermark_age_seconds": ("gauge", "How old that moment was when the run ended, by this machine's clock."),
    "b24x_operating_window_seconds": ("gauge", "Method seconds of the portal's last ten minutes that were used when the run ended."),
    "b24x_run_requests": ("gauge", "HTTP requests for rows."),
    "b24x_run_refusals": ("gauge", "What the portal refused: requests for the rate (503), calls for their method's seconds (429)."),
    "b24x_run_retries": ("gauge", "Calls that failed and were asked again, whatever the reason."),
    "b24x_run_duration_seconds": ("gauge", "How long the run took."),
    "b24x_run_exit_code": ("gauge", "How the run ended: 0 complete, 5, 130 and 143 to be run again, 6 another run was under way."),
    "b24x_last_run_timestamp_seconds": ("gauge", "When the last run ended."),
    _SUCCESS: ("gauge", "When the last run ended that was complete (exit code 0)."),
}

_OF_THE_FOLDER = (_ROWS, _WATERMARK, _SWEPT)
_SAMPLE = re.compile(r"^([a-z0-9_]+)\{(.*)\} (\S+)$", re.MULTILINE)
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Samples = dict[tuple[str, str], float]
"""Values by name and labels, the latter as they are written."""


@dataclass(slots=True)
class Tally:
    """An observer that counts what a page tells."""

    rate: int = 0
    operating: int = 0
    retries: int = 0

    def __call__(self, event: Event) -> None:
        """Count an event."""
        match event:
            case RequestAnswered(error="RateLimited"):
                self.rate += 1
            case CallFailed(reason=reason):
                self.retries += 1
                self.operating += reason == "OperatingLimited"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; without `entities` where it failed before it could say what lies in the folder."""

    portal: str
    folder: str
    exit_code: int
    at: float
    seconds: float
    requests: int = 0
    entities: Mapping[str, Mapping[str, Any]] | None = None
    operating: Mapping[str, float] = field(default_factory=dict)


def page(ended: Ended, tally: Tally, before: str = "") -> str:
    """Return the page of a run; `before` is the one that it replaces."""
    about = _labels({"portal": ended.portal, "folder": ended.folder})
    kept = {key: value for key, value in _read(before).items() if key[1].startswith(about)}
    found: Samples = {(name, about): value for name, value in _of_the_run(ended, tally)}
    found |= {("b24x_run_refusals", f"{about},{_labels({'limit': limit})}"): getattr(tally, limit) for limit in ("rate", "operating")}
    found |= {("b24x_operating_window_seconds", f"{about},{_labels({'method': method})}"): used for method, used in ended.operating.items()}
    if ended.entities is None:
        found |= {key: value for key, value in kept.items() if key[0] in _OF_THE_FOLDER}
    else:
        found |= {(name, f"{about},{_labels({'entity': entity})}"): value for entity, entry in ended.entities.items()
                  for name, value in _of_an_entity(entry)}
    found |= {("b24x_watermark_age_seconds", labels): ended.at - value for (name, labels), value in found.items() if name == _WATERMARK}
    if ended.exit_code and (_SUCCESS, about) in kept:
        found[_SUCCESS, about] = kept[_SUCCESS, about]
    return "".join(_written(found))


def _of_the_run(ended: Ended, tally: Tally) -> Iterator[tuple[str, float]]:
    """Return the samples of the run as a whole."""
    yield "b24x_run_requests", ended.requests
    yield "b24x_run_retries", tally.retries
    yield "b24x_run_duration_seconds", ended.seconds
    yield "b24x_run_exit_code", ended.exit_code
    yield "b24x_last_run_timestamp_seconds", ended.at
    if not ended.exit_code:
        yield _SUCCESS, ended.at


def _of_an_entity(entry: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Return the samples of an entity's entry in the manifest."""
    yield _ROWS, entry["rows"]
    for key in ("written", "gone"):
        if key in entry:
            yield f"b24x_{key}_rows", entry[key]
    for key, name in (("watermark", _WATERMARK), ("swept", _SWEPT)):
        if entry.get(key):
            yield name, dt.datetime.fromisoformat(entry[key]).timestamp()


def _written(found: Samples) -> Iterable[str]:
    """Write samples, those of a family together, under what it is."""
    for name, (kind, words) in FAMILIES.items():
        lines = [f"{name}{{{labels}}} {_number(value)}\n" for (one, labels), value in found.items() if one == name]
        if lines:
            yield f"# HELP {name} {words}\n# TYPE {name} {kind}\n"
            yield from lines


def _labels(values: Mapping[str, str]) -> str:
    """Write labels as they stand between braces."""
    return ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in values.items())


def _number(value: float) -> str:
    """Write a value: a whole one as such, any other to the millisecond."""
    return str(int(value)) if value == int(value) else str(round(value, 3))


def _read(text: str) -> Samples:
    """Read the samples of a page of ours; of any other text, what looks like one."""
    found: Samples = {}
    for name, labels, value in _SAMPLE.findall(text):
        try:
            found[name, labels] = float(value)
        except ValueError:
            continue
    return found
