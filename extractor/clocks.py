"""Two clocks, the portal's and this machine's: whether the moment from which changes are asked for may be believed.

Rule 1: stamps are the portal's, so its clock says from when on changes are asked for. Ours never moves that moment onwards.
Rule 2: a clock that tells a time before that of the last run was ahead then, nobody knows how far. What was stamped since lies before
what would be asked for, so everything is read again.
Rule 3: where nights lie apart, such a clock has overtaken its old time again, and looks sound. But then it has gone less far since the
last run than ours has. So changes are asked for from as much earlier as that is. The same where ours tells a time before that of the last
run. What stays unseen is a portal's clock that was ahead while ours has been put back by as much, and less than the time between.
Rule 4: two clocks so far apart say that one of them is broken, and not which: then everything is read again, as of a broken one of the
portal's. Both moments are remembered anew by each run, so one that is mended costs one night.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

SLACK = dt.timedelta(minutes=1)  # the clocks of a portal's servers differ by less
DRIFT = dt.timedelta(minutes=3)  # that, the longest that the portal's answer is under way, and what a clock without a master loses in a night
BEGINNING = dt.timedelta(minutes=15)  # of a run: until it has asked for the portal's time, it may have had to wait
FAR = dt.timedelta(days=30)  # changes of a month are about as many rows as all that is read again piece by piece

_WENT_BACK = "CLOCK: the portal's clock told {} at the last run and tells {} now: what changed between cannot be asked for, so all was read again"
_APART = "CLOCK: since the last run the portal's clock has moved by {}, and this machine's by {}: {}"


@dataclass(frozen=True, slots=True)
class Clocks:
    """One moment by the portal's clock, and by this machine's if that was read."""

    portal: dt.datetime
    ours: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against a moment: by how much earlier changes are to be asked for (`None`: all is to be read again), and in words."""

    back: dt.timedelta | None
    words: str


def ours() -> dt.datetime:
    """Read this machine's clock: the wall's, as it has to outlive processes."""
    return dt.datetime.fromtimestamp(time.time(), dt.UTC)


def doubt(then: Clocks, now: Clocks) -> Doubt | None:
    """Hold the clocks of the last run against those of this one."""
    if then.portal - now.portal > SLACK:
        return Doubt(None, _WENT_BACK.format(then.portal, now.portal))
    if then.ours is None or now.ours is None:  # nobody had read ours
        return None
    theirs, mine = now.portal - then.portal, now.ours - then.ours
    if mine - theirs <= DRIFT and mine >= -DRIFT:
        return None
    back = abs(mine - theirs)
    said = "all was read again" if back > FAR else f"what changed was asked for from {_whole(back)} earlier"
    return Doubt(None if back > FAR else back, _APART.format(_whole(theirs), _whole(mine), said))


def behind(told: dt.datetime, before: dt.datetime, passed: dt.timedelta) -> dt.timedelta | None:
    """Return by how much the portal's clock is behind, that told a moment `before`, and so much has `passed` by ours since a run began; `None`: it is not."""
    lag = before + max(passed, dt.timedelta()) - told
    return lag if lag > BEGINNING or before - told > SLACK else None


def _whole(time: dt.timedelta) -> str:
    """Say a time to the second; Python writes one that is less than nothing as a day and what is too much of it."""
    seconds = dt.timedelta(seconds=round(abs(time).total_seconds()))
    return f"{'-' if time < dt.timedelta() else ''}{seconds}"
