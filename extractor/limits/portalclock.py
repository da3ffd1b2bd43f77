"""To which minute of the portal a charge belongs, by the portal's clock, and when that is by ours.

Rule 1: a request is charged to the minute in which it began, which is no later than that in which its first call ended.
Rule 2: the portal is many servers, whose clocks differ, drift, and are set. Each answer shows how far its server's clock is
from ours, at the least; of those of the last ten minutes and more the least counts, by which every minute
ends latest: a charge that is kept a little too long costs a little, one that is let go too soon is refused.
Rule 3: whatever a clock shows, a request began no earlier than it was sent.
"""

from __future__ import annotations

import math

from extractor.limits.account import WINDOW
from extractor.limits.ends import Ends
from extractor.limits.method import MINUTE


class PortalClock:
    """The portal's clock, as far as the ends of calls show it."""

    def __init__(self) -> None:
        """Begin without any answer."""
        self._turn = -math.inf  # when the present ten minutes began
        self._least = self._before = math.inf  # unix seconds at our clock's zero: of these ten minutes, and of those before

    def heard(self, ends: Ends, now: float) -> None:
        """Look at an answer that has come now."""
        if now >= self._turn + WINDOW:
            self._turn, self._before, self._least = now, self._least, math.inf
        if ends.last > -math.inf:
            self._least = min(self._least, ends.last - now)

    def charged(self, ends: Ends, sent: float, began: float) -> float:
        """Return the moment by which a request counts: the beginning of its minute, where that is known, or when it `began` at the latest."""
        if ends.first == math.inf:
            return began
        minute = ends.first // MINUTE * MINUTE - min(self._least, self._before)
        return min(began, max(minute, sent - MINUTE))
