"""The portal's two limits: requests a second, and method seconds in ten minutes.

Rule 1: nothing ticks. Levels are worked out from the clock reading that is passed in.
Rule 2: the operating limiter (rest/lib/engine/access/loadlimiter.php) reads its store
before a call and writes it after the response, so requests in flight overshoot.
Rule 3: only calls above 0.1 s are seen while a request runs; its small calls are
added up and charged with the rest, if they pass 0.1 s together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE = 60
BUCKETS = 10
# Shorter calls are not registered (LoadLimiter).
NOTICEABLE = 0.1
# The source's default; a tariff may set another (the documentation long said 480).
OPERATING_LIMIT = 420.0

Key = tuple[str, str, str]
"""Authorisation type, entity, method: whose seconds are counted together."""


class Bucket:
    """A leaky bucket for every source address: +1 a request, drained continuously."""

    def __init__(self, burst: float, per_second: float) -> None:
        self.burst = burst
        self.per_second = per_second
        self._levels: dict[str, tuple[float, float]] = {}

    def __repr__(self) -> str:
        return f"Bucket(burst={self.burst:g}, per_second={self.per_second:g})"

    def level(self, address: str, now: float) -> float:
        """Return the counter of an address."""
        level, since = self._levels.get(address, (0.0, now))
        return max(0.0, level - (now - since) * self.per_second)

    def admit(self, address: str, now: float) -> bool:
        """Count a request, unless it would lift the counter above the burst."""
        level = self.level(address, now) + 1.0
        if level > self.burst:
            return False
        self._levels[address] = (level, now)
        return True


@dataclass(slots=True)
class _Minute:
    """One stored bucket: the first call's start, and the seconds of that minute."""

    first: float
    seconds: float = 0.0


@dataclass(slots=True)
class _Register:
    """The calls of one method in one request: when they started, when they finished."""

    first: float
    starts: list[float] = field(default_factory=list)
    finishes: list[float] = field(default_factory=list)

    def durations(self) -> list[float]:
        # Paired by position, as the source does: a call that threw never finished,
        # so the next one of its method is charged from the thrown one's start.
        return [finish - start for start, finish in zip(self.starts, self.finishes, strict=False)]


class Operating:
    """The store behind the operating limit; `limit=None` is a portal without it."""

    def __init__(self, limit: float | None = OPERATING_LIMIT, *, shared: bool = True) -> None:
        self.limit = limit
        # Self-hosted portals have no shared store: only one request's calls add up.
        self.shared = shared
        self._stored: dict[Key, dict[int, _Minute]] = {}

    def __repr__(self) -> str:
        return f"Operating(limit={self.limit}, keys={len(self._stored)})"

    def open(self, now: float) -> Tally:
        """Start the account of one HTTP request."""
        return Tally(self, now)

    def seconds(self, key: Key, minute: int) -> float:
        """Return what is stored in the ten buckets that end with `minute`."""
        return sum(each.seconds for each in self._window(key, minute))

    def oldest(self, key: Key, minute: int) -> float | None:
        """Return the first start in the oldest bucket that still counts."""
        window = self._window(key, minute)
        return window[0].first if window else None

    def add(self, key: Key, minute: int, first: float, seconds: float) -> None:
        """Store seconds in a one-minute bucket."""
        if self.shared:
            self._stored.setdefault(key, {}).setdefault(minute, _Minute(first)).seconds += seconds

    def _window(self, key: Key, minute: int) -> list[_Minute]:
        stored = self._stored.get(key)
        if not stored:
            return []
        return [stored[each] for each in range(minute - BUCKETS + 1, minute + 1) if each in stored]


@dataclass(frozen=True, slots=True)
class Reading:
    """What `time` says about the limit: `operating` and `operating_reset_at`."""

    operating: float
    reset_at: int | None


class Tally:
    """One HTTP request's account, from its first call to after its response."""

    def __init__(self, store: Operating, now: float) -> None:
        self._store = store
        self._opened = now
        self._minute = int(now // MINUTE)  # fixed for the whole request
        self._elapsed = 0.0
        self._registers: dict[Key, _Register] = {}

    def spend(self, seconds: float) -> None:
        """Let server time pass."""
        self._elapsed += seconds

    def blocked(self, key: Key) -> bool:
        """Tell whether the next call of this key is refused: strictly above the limit."""
        limit = self._store.limit
        return limit is not None and self._used(key) > limit

    def start(self, key: Key, now: float) -> None:
        """Register that a call starts."""
        self._registers.setdefault(key, _Register(now)).starts.append(self._elapsed)

    def finish(self, key: Key) -> None:
        """Register that the call finished; one that threw never does."""
        self._registers[key].finishes.append(self._elapsed)

    def reading(self, key: Key) -> Reading | None:
        """Return the values for the call's `time`, `None` where the limiter is off."""
        if self._store.limit is None:
            return None
        return Reading(self._used(key), self._reset_at(self._store.oldest(key, self._minute)))

    def envelope(self) -> Reading | None:
        """Return the values for a batch's own `time`: the method `batch` is never counted."""
        return None if self._store.limit is None else Reading(0.0, self._reset_at(None))

    def close(self) -> None:
        """Charge the request: after the response, every finished call, small ones included."""
        for key, register in self._registers.items():
            seconds = sum(register.durations())
            if seconds > NOTICEABLE:
                self._store.add(key, self._minute, register.first, seconds)

    def _used(self, key: Key) -> float:
        register = self._registers.get(key)
        noticed = [each for each in register.durations() if each > NOTICEABLE] if register else []
        return self._store.seconds(key, self._minute) + sum(noticed)

    def _reset_at(self, first: float | None) -> int | None:
        if not self._store.shared:
            return None
        return int((self._opened if first is None else first) + BUCKETS * MINUTE)


class Meter:
    """Both limits of one portal; `bucket=None` is a portal without a request limit."""

    def __init__(self, bucket: Bucket | None = None, operating: Operating | None = None) -> None:
        self.bucket = bucket
        self.operating = operating or Operating(None)

    def __repr__(self) -> str:
        return f"Meter({self.bucket!r}, {self.operating!r})"

    @classmethod
    def standard(cls, operating: float = OPERATING_LIMIT) -> Meter:
        """Make the meter of every cloud tariff but Enterprise."""
        return cls(Bucket(50, 2), Operating(operating))

    @classmethod
    def enterprise(cls, operating: float = OPERATING_LIMIT) -> Meter:
        """Make the meter of the Enterprise tariff."""
        return cls(Bucket(250, 5), Operating(operating))

    @classmethod
    def unlimited(cls) -> Meter:
        """Make the meter of a self-hosted portal: no bucket, limiter off."""
        return cls()

    def admit(self, address: str, now: float) -> bool:
        """Admit a request from an address, or refuse it."""
        return self.bucket is None or self.bucket.admit(address, now)
