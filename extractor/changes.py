"""Where the rows of a mirror go: to disk if they are news, and into what is known in any case.

Rule 1: all lanes of an entity write to one file, which is made with its first
row: a quiet night leaves none.
Rule 2: a row is written and noted in one step. The commit makes the file
durable first, then what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from extractor.known import Known, id_of
from extractor.messages import FileMark, Row
from extractor.sinks import NdjsonSink

NO_FILE = FileMark("", 0, 0, "")


class Changes:
    """A sink for the rows of one entity that are not on disk as they are."""

    def __init__(self, entity: str, key: str, known: Known, make: Callable[[], NdjsonSink], file: NdjsonSink | None = None) -> None:
        """Write the news of an entity, whose rows have their id under `key`, to `file`, or to the one that is made for them."""
        self._entity, self._key, self._known, self._make, self._file = entity, key, known, make, file
        self.sees = False
        self.hears: Callable[[Sequence[Row]], None] | None = None  # of news

    @property
    def mark(self) -> FileMark:
        """Tell the last commit."""
        return self._file.mark if self._file else NO_FILE

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows; return the bytes written since the last commit."""
        if self.sees:
            self._known.see(self._entity, [id_of(row, self._key) for row in rows])
        news = self._known.news(self._entity, rows, self._key)
        if self.hears:
            self.hears(news)
        if news and self._file is None:
            self._file = self._make()
        return self._file.append(news) if self._file else 0

    def commit(self) -> FileMark:
        """Make the rows so far durable in their file."""
        return self._file.commit() if self._file else NO_FILE

    def close(self) -> None:
        """Cut the file back to its mark, and close it."""
        if self._file:
            self._file.close()


class Seen:
    """A sink for ids: what the portal shows, and nothing else of it."""

    mark = NO_FILE

    def __init__(self, entity: str, key: str, known: Known) -> None:
        """Note the ids of an entity."""
        self._entity, self._key, self._known = entity, key, known

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows; nothing of them is written."""
        self._known.see(self._entity, [id_of(row, self._key) for row in rows])
        return 0

    def commit(self) -> FileMark:
        """There is nothing to make durable here."""
        return NO_FILE

    def close(self) -> None:
        """There is nothing to close."""
