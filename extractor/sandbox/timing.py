"""The `time` object of an answer (rest.php appendDebugInfo)."""

from __future__ import annotations

from typing import Any

from extractor.sandbox.meter import Reading
from extractor.sandbox.wire import number
from extractor.sandbox.zones import Dial


def timing(start: float, begun: float, finish: float, *, dial: Dial, reading: Reading | None) -> dict[str, Any]:
    """Describe one call: it started, its method began, it finished; `dial` is the server's.

    `start` and `processing` are whole seconds: current builds keep them in
    properties of type int, and so `duration` is up to a second too long.
    """
    time: dict[str, Any] = {
        "start": int(start),
        "finish": number(finish),
        "duration": number(finish - int(start)),
        "processing": int(finish) - int(begun),
        "date_start": dial.iso(int(start)),
        "date_finish": dial.iso(int(finish)),
    }
    if reading is not None:
        if reading.reset_at is not None:
            time["operating_reset_at"] = reading.reset_at
        time["operating"] = number(reading.operating)
    return time
