"""What an error means for the call that met it: again, later, never, or the end of the run.

Rule 1: every decision is made here, from the error, how often it came and a
random number; whoever asks only carries it out.
Rule 2: every error class has one row in `POLICIES`; a class without a row has
that of its nearest base.
Rule 3: every row ends. Attempts are counted per call and per error class,
so no mixture of errors keeps a call alive for ever.
Rule 4: a block of the operating limit is its method's, not its call's. So it
is the entity that is given up, six hours after its last page at the latest,
however many calls of it wait: `blocked_attempt` counts in windows of the
limit. A run that meets blocks all day and gets pages in between goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from extractor import errors


@dataclass(frozen=True, slots=True)
class Again:
    """Try the call again after so many seconds; with `shrink`, read less per request."""

    after: float
    shrink: bool = False


@dataclass(frozen=True, slots=True)
class AfterReset:
    """Try the call again when the operating ledger has room for its method."""


@dataclass(frozen=True, slots=True)
class Renew:
    """Authorise anew, then replay the call."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Give up this entity; the others go on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run: no call can succeed until a human mends something."""


Decision = Again | AfterReset | Renew | Skip | Stop


@dataclass(frozen=True, slots=True)
class Backoff:
    """Wait up to `first`, twice that, ... up to `cap` seconds; after `attempts` failures do `then`."""

    attempts: int
    first: float
    cap: float
    then: Skip | Stop
    at_least: float = 0.0
    shrink: bool = False

    def decide(self, attempt: int, random: float) -> Decision:
        """Return the wait before the next attempt, or the end.

        The upper half is jitter, no more: of a hundred calls that fail together
        some draw low numbers every time, and the first to be out of attempts
        ends its entity, or the run.
        """
        if attempt >= self.attempts:
            return self.then
        ceiling = min(self.cap, self.first * 2.0 ** (attempt - 1))
        least = max(self.at_least, ceiling / 2)
        return Again(least + random * (ceiling - least), shrink=self.shrink)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Do `how` for the first `attempts` failures, then `then`."""

    attempts: int
    how: AfterReset | Renew
    then: Skip | Stop

    def decide(self, attempt: int, _random: float) -> Decision:
        """Return `how` while attempts are left."""
        return self.how if attempt < self.attempts else self.then


# Waits of at most 1, 2, 4, 8, 16, 32, 64, 88 and 88 s, and half of that at least: with the
# requests between them about three minutes, in which a portal restarts; and a mishap costs a second.
# 10, because a batch of 50 is asked once more as it was, and then halves to single calls in
# six: a call is given up only after it has failed alone, never for a neighbour's sake.
KILLED = Backoff(10, first=1, cap=88, then=Skip(), shrink=True)

# The portal has answered, so there is no restart to wait for, and until the call is alone (after
# six halvings) half a minute is enough. Alone it fails as `KILLED`, with all the patience of
# that. For one that is never alone, 24 attempts of at most 16 s are as much.
PARTLY = Backoff(24, first=1, cap=16, then=Skip(), shrink=True)

# CONNECTION_ERROR and the like say nothing about the size of the request.
FAILED = Backoff(8, first=4, cap=90, then=Skip())

# The address shares its bucket with other jobs, and the request was not executed: patience
# costs nothing. Below 1 s the bucket (2 a second) has drained less than two requests.
# 20 refusals in a row of up to 30 s: nobody shares so badly for five minutes.
REFUSED = Backoff(20, first=2, cap=30, then=Stop(), at_least=1)

# A page of a proxy or of a firewall where JSON should be: once more, then it is meant for us.
FOREIGN_PAGE = Backoff(2, first=4, cap=4, then=Stop())

# A call that has failed ten times, and now fails alone: twice more, lest a gust of wind be taken for a bad row.
SUSPECT = Backoff(3, first=4, cap=30, then=Skip())

# Nothing to wait for: the answer itself is the trouble, and a smaller one may be encodable, or small enough.
UNREADABLE = Backoff(8, first=0, cap=0, then=Skip(), shrink=True)

# Counted in windows of ten minutes without a page: six hours of nothing but refusals.
BLOCKED = Repeat(37, AfterReset(), then=Skip())
BLOCK_WINDOW = 600.0

# The portal caches a token's refusal for up to an hour (oauth/storagecache.php), so a renewed
# token that is refused stays refused; twice, because a call may outlive one token. In a row:
# once any call of the run was let in, those refused before had aged (`EntityRun.let_in`).
EXPIRED = Repeat(3, Renew(), then=Stop())

# A token that the portal does not know may have been renewed by another process: once, then it is meant.
UNKNOWN = Repeat(2, Renew(), then=Stop())

POLICIES: dict[type[errors.B24xError], Backoff | Repeat | Skip | Stop] = {
    errors.B24xError: Stop(),
    errors.ContractBroken: Skip(),  # its cursor can no longer be trusted; the others' can
    errors.WrongShape: Backoff(2, first=4, cap=4, then=Skip()),  # a warning of PHP's, a proxy's: once more, then it is meant
    errors.PortalError: Skip(),  # deterministic: the same question gets the same answer
    errors.CredentialsRefused: Stop(),
    errors.TokenExpired: EXPIRED,
    errors.RateLimited: REFUSED,
    errors.OperatingLimited: BLOCKED,
    errors.PortalUnavailable: Stop(),
    errors.Unreadable: UNREADABLE,
    errors.ServerFailure: KILLED,  # the docs give the 60 s cut INTERNAL_SERVER_ERROR, in JSON
    errors.CommandFailed: PARTLY,
    errors.TransportError: KILLED,
    errors.ConnectionLost: KILLED,
    errors.RequestTimeout: KILLED,
    errors.TooLarge: UNREADABLE,  # the same question has the same answer, and half of it half of that
    errors.NotJson: KILLED,
    errors.PortalMoved: Stop(),  # a POST that follows a redirect loses its body
    errors.Unreachable: Backoff(8, first=4, cap=90, then=Stop()),
}

# Codes that mean something else than the others of their class.
CODES: dict[str, Backoff | Repeat] = {"CONNECTION_ERROR": FAILED, "INVALID_TOKEN": UNKNOWN}


def decide(error: errors.B24xError, attempt: int, random: float, *, lone: bool = False) -> Decision:
    """Say what to do about `error`.

    `attempt` counts how often this call has failed with an error of this
    class, this failure included (for a block: `blocked_attempt`); `random` is a number in [0, 1).
    A `lone` call is one under suspicion, in a request of its own.
    """
    policy = _policy(error)
    if lone and policy is UNREADABLE:
        return Skip()
    if lone and policy in {KILLED, FAILED}:
        policy = SUSPECT
    if isinstance(policy, Backoff | Repeat):
        return policy.decide(attempt, random)
    return policy


def blocked_attempt(since: float, now: float) -> int:
    """Return which attempt this is for an entity that has got nothing but blocks since then."""
    return 1 + int((now - since) / BLOCK_WINDOW)


def _policy(error: errors.B24xError) -> Backoff | Repeat | Skip | Stop:
    if isinstance(error, errors.NotJson):
        return _not_json(error.status)
    if isinstance(error, errors.PortalError) and (policy := CODES.get(error.code.upper())):
        return policy
    return next(POLICIES[kind] for kind in type(error).__mro__ if kind in POLICIES)


def _not_json(status: int) -> Backoff:
    # 200 is a torn body, 5xx a killed request; 503 the rate limit, as HTML (facts: be ready for it).
    if status in {429, 503}:
        return REFUSED
    return FOREIGN_PAGE if 400 <= status < 500 and status != 408 else KILLED
