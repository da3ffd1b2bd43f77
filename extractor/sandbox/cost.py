"""What a call costs the server, in seconds: the currency of the operating limit.

The defaults keep the proportions of the real one: a plain page is one range
of the primary key, a COUNT reads every matching row (the documentation's own
measure: 49.9 s against 0.10 s on 2.39 million rows).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CostModel:
    """Seconds of a list call, by what the server has to do for it."""

    base: float = 0.003
    row: float = 0.000_1
    count: float = 0.000_5  # a COUNT at all
    counted: float = 0.000_02  # 49.9 s / 2.39 M rows
    skipped: float = 0.000_001  # per row before the offset
    communications: float = 0.000_8  # one query per row (`CCrmActivity::GetCommunications`)
    loaded: float = 0.000_02  # requisites: per row of the whole remaining set

    @classmethod
    def flat(cls, seconds: float) -> CostModel:
        """Make every call cost the same."""
        return cls(base=seconds, row=0.0, count=0.0, counted=0.0, skipped=0.0, communications=0.0, loaded=0.0)

    def page(self, rows: int, *, counted: int | None = None, skipped: int = 0,
             communications: bool = False, loaded: int = 0) -> float:
        """Price a page of `rows`; `counted` is `None` when no COUNT was run."""
        seconds = self.base + rows * self.row + skipped * self.skipped + loaded * self.loaded
        if counted is not None:
            seconds += self.count + counted * self.counted
        return seconds + (rows * self.communications if communications else 0.0)
