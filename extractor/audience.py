"""The observers of one run, told of every event: what one of them does wrong is its own affair.

Rule 1: an observer shows a run, and is none of it. One that raises is
disconnected, and no row, no commit and no exit code depends on it.
Rule 2: that is said once: to the observers that are left, or, when there are
none, to the log. By the kind of the error alone: its words may hold secrets.
Rule 3: what is no error (a cancellation, Ctrl-C) passes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from extractor.events import Event, Observer, ObserverFailed

_LOG = logging.getLogger("extractor")


class Audience:
    """Observers as one, which raises nothing."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        """Take those who want to know."""
        self._observers = list(observers)

    def __call__(self, event: Event) -> None:
        """Let all of them know."""
        failed = [said for observer in self._observers[:] if (said := self._told(observer, event))]
        for said in failed:
            self(said)
            if not self._observers:
                _LOG.error("%s", said.why)

    def _told(self, observer: Observer, event: Event) -> ObserverFailed | None:
        """Let one know; disconnect it if it cannot take it."""
        try:
            observer(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run is not to bear it
            self._observers.remove(observer)
            return ObserverFailed(f"an observer of the run has failed ({type(error).__name__}) and is told nothing more; the rows are not touched by it")
        return None

    def __repr__(self) -> str:
        return f"<Audience of {len(self._observers)}>"
