"""Everything that can go wrong, and whose fault it is.

    B24xError
    ├── UsageError             the question is wrong: the caller mends it
    ├── ConfigError            the configuration is wrong: the caller mends it
    ├── FolderBusy             another run holds the folder
    ├── DiskError              the folder cannot be written
    │   └── DiskFull             ... for want of room: run again once there is some
    ├── PortalError            the portal said no, in JSON
    │   ├── CredentialsRefused   webhook or token: nothing works until a human mends it
    │   ├── TokenExpired         the access token: renew it, then ask again
    │   ├── RateLimited          too many requests from this address: wait, slow down
    │   ├── OperatingLimited     this method has used its seconds: wait, others go on
    │   ├── PortalUnavailable    the portal as a whole refuses: stop
    │   ├── AccessDenied         this method is not for these credentials: skip it
    │   ├── RequestRefused       our parameters: a bug, or a question it cannot answer
    │   ├── NotFound             the object is gone
    │   ├── Unreadable           the answer cannot be encoded: read less at a time
    │   └── ServerFailure        the portal failed: try again
    │       └── CommandFailed      ... at one command of a batch that it has answered
    ├── TransportError         no answer, or none that could be read
    │   ├── ConnectionLost       no whole answer came
    │   ├── RequestTimeout       ... within the time allowed
    │   ├── TooLarge             more than any honest answer has: read less at a time
    │   ├── NotJson              an answer that is no JSON: a proxy's page, a torn body
    │   ├── PortalMoved          a redirect: the portal has another address now
    │   ├── Unreachable          name, route or TLS: nothing there to talk to
    │   └── Outage               it was there, and is no more: run again to go on
    ├── ContractBroken         the portal answered something its contract excludes
    │   └── WrongShape           ... in place of rows: it may be a passing fault
    └── Bug                    a mistake of ours; its cause is what Python raised

Foreign exceptions are translated at the border (`transport`, `sinks`,
`durable`) and nowhere else. No message carries a URL: URLs carry secrets.
"""

from __future__ import annotations


class B24xError(Exception):
    """Base of all errors that b24x raises on purpose; `str()` is one sentence for a human."""

    exit_code = 1


def reason_of(error: B24xError) -> str:
    """Say why, as a code and a sentence: the portal's code where it gave one, else the error's name in capitals."""
    if not isinstance(error, PortalError):
        return f"{_capitals(error)}: {error}"
    code = error.code.upper() if error.code not in {"", "0"} else _capitals(error)
    return f"{code}: {error.description or error}"


def _capitals(error: B24xError) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in type(error).__name__).strip("_").upper()


class UsageError(B24xError):
    """The question is wrong; nothing was asked of the portal."""

    exit_code = 2


class ConfigError(B24xError):
    """The configuration is wrong; nothing was asked of the portal."""

    exit_code = 3


class FolderBusy(B24xError):
    """Another run holds the folder."""

    exit_code = 6


class DiskError(B24xError):
    """The folder cannot be written."""

    exit_code = 4


class DiskFull(DiskError):
    """The disk is full; what was committed is safe."""

    exit_code = 5


class PortalError(B24xError):
    """The portal refused a call, in JSON: `code` and `description` are its words."""

    exit_code = 4

    def __init__(self, code: str, description: str = "", *, status: int = 200) -> None:
        super().__init__(f"{code or 'error'}: {description or 'no description'}")
        self.code = code
        self.description = description
        self.status = status


class CredentialsRefused(PortalError):
    """The portal refuses the webhook or the application: a human must mend it."""

    exit_code = 3

    def __init__(self, code: str, description: str = "", *, status: int = 200, advice: str | None = None) -> None:
        """Take what to check, if that is known; none (`""`) where the description says it."""
        super().__init__(code, description, status=status)
        self.advice = advice

    def __str__(self) -> str:
        return f"{super().__str__()} ({self.advice})" if self.advice else super().__str__()


class TokenExpired(PortalError):
    """The access token has expired: renew it and ask again."""

    exit_code = 3


class RateLimited(PortalError):
    """Too many requests from this address; the request was not executed."""


class OperatingLimited(PortalError):
    """This method has used up its seconds; other methods go on."""


class PortalUnavailable(PortalError):
    """The portal as a whole refuses REST: deleted, unpaid, blocked by hand."""

    exit_code = 3


class AccessDenied(PortalError):
    """This method is not for these credentials: scope, rights, tariff or absence."""


class RequestRefused(PortalError):
    """The portal does not understand our parameters."""


class NotFound(PortalError):
    """The object asked for does not exist (any more)."""


class Unreadable(PortalError):
    """The portal could not encode its own answer; some row in it is the cause."""


class ServerFailure(PortalError):
    """The portal failed while answering; the same call may succeed later."""


class CommandFailed(ServerFailure):
    """The portal answered a batch, and failed at this command of it: it is up, and the batch may have been too much."""


class TransportError(B24xError):
    """No answer came, or none that could be read."""

    exit_code = 4


class ConnectionLost(TransportError):
    """The connection ended before a whole answer had come."""


class RequestTimeout(TransportError):
    """No whole answer came in the time allowed."""


class TooLarge(TransportError):
    """The answer is larger than any honest one; it was not read to its end."""


class NotJson(TransportError):
    """The answer is no JSON; `status` is its HTTP status."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class PortalMoved(TransportError):
    """The portal answers with a redirect: it has another address now."""

    exit_code = 3


class Unreachable(TransportError):
    """Name, route or TLS: there is nothing there to talk to."""

    exit_code = 3


class Outage(TransportError):
    """A portal that had answered cannot be reached any more, for longer than anybody's patience: a later run goes on."""

    exit_code = 5

    def __init__(self, last: Unreachable) -> None:
        """Say what the last attempt met."""
        super().__init__(f"the portal was there, and cannot be reached any more ({last}): run again to go on")


class ContractBroken(B24xError):
    """The portal answered something that its contract excludes; going on could lose rows."""

    exit_code = 4


class WrongShape(ContractBroken):
    """An answer has no rows where they should be: `null`, a warning of PHP's, something a proxy made up."""


class Bug(B24xError):
    """A mistake of ours ended what was going on; `__cause__` is what Python raised."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"this is a bug in b24x: {type(cause).__name__}{_place(cause)} (-v shows all of it)")
        self.__cause__ = cause


def _place(error: BaseException) -> str:
    """Say where in the code an error comes from; without its words, which may hold anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" in {trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}" if trace else ""


def cause_of(failed: Exception) -> B24xError:
    """Name what ended several tasks together: a bug before all else, then a disk that failed."""
    causes = failed.exceptions if isinstance(failed, ExceptionGroup) else (failed,)
    if bug := next((one for one in causes if not isinstance(one, B24xError)), None):
        return Bug(bug)
    known = [one for one in causes if isinstance(one, B24xError)]
    return next((one for one in known if isinstance(one, DiskError)), known[0])
