"""Which error a refusal of the portal is: its code decides, then the HTTP status, then its words.

Rule 1: codes are compared in capitals and as text; the portal sends
`expired_token`, `EXPIRED_TOKEN`, `0`, `"0"` and `""`.
Rule 2: status and docs disagree often (401 for 403, 200 for 400, and 200 for
everything inside a batch), so a status counts only where no code is known.
Rule 3: a refusal that nothing explains is deterministic: the same question
gets the same answer, and asking again helps nobody.

Sources: the portal's `rest.php`, `oauthexception.php`, `apauth/auth.php`, the
documentation's list of system errors, and what official clients test for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from extractor.errors import (
    AccessDenied,
    CredentialsRefused,
    NotFound,
    OperatingLimited,
    PortalError,
    PortalUnavailable,
    RateLimited,
    RequestRefused,
    ServerFailure,
    TokenExpired,
    Unreadable,
)

Table = Mapping[str, type[PortalError]]

PORTAL: Table = {
    # the limits
    "QUERY_LIMIT_EXCEEDED": RateLimited,
    "OPERATION_TIME_LIMIT": OperatingLimited,
    "BITRIX_REST_V3_EXCEPTION_RATELIMITEXCEPTION": OperatingLimited,  # the operating limit, despite its name
    # the portal as a whole
    "OVERLOAD_LIMIT": PortalUnavailable,  # a block by hand of one application, for hours: not load
    "PORTAL_DELETED": PortalUnavailable,
    "PAYMENT_REQUIRED": PortalUnavailable,
    "INTERNAL_WRONG_TRANSPORT": PortalUnavailable,
    "INTERNAL_WRONG_HANDLER_CLASS": PortalUnavailable,
    # the portal failed
    "INTERNAL_SERVER_ERROR": ServerFailure,  # the cut after 60 s among others
    "ERROR_UNEXPECTED_ANSWER": ServerFailure,
    "CONNECTION_ERROR": ServerFailure,  # a 401: it could not reach the OAuth server; the token is good
    "BITRIX_REST_V3_EXCEPTION_INTERNAL_INTERNALEXCEPTION": ServerFailure,
    "WRONG_ENCODING": Unreadable,  # NaN, Inf or too deep
    # the credentials
    "EXPIRED_TOKEN": TokenExpired,
    "INVALID_TOKEN": TokenExpired,  # may be one that another process has renewed
    "NO_AUTH_FOUND": CredentialsRefused,
    "INVALID_CREDENTIALS": CredentialsRefused,  # a webhook that was revoked
    "INVALID_REQUEST": CredentialsRefused,  # "Https required.": the address is wrong
    "AUTHORIZATION_ERROR": CredentialsRefused,  # the user was dismissed
    "APPLICATION_NOT_FOUND": CredentialsRefused,
    "ERROR_OAUTH": CredentialsRefused,
    "NOT_INSTALLED": CredentialsRefused,
    "USER_ACCESS_ERROR": CredentialsRefused,
    # one method
    "ACCESS_DENIED": AccessDenied,  # unless its words speak of the plan: see _NO_PLAN
    "INSUFFICIENT_SCOPE": AccessDenied,
    "BITRIX_REST_V3_EXCEPTION_INSUFFICIENTSCOPEEXCEPTION": AccessDenied,
    "WRONG_LICENSE": AccessDenied,
    "WRONG_AUTH_TYPE": AccessDenied,
    "METHOD_CONFIRM_WAITING": AccessDenied,
    "METHOD_CONFIRM_DENIED": AccessDenied,
    "ALLOWED_ONLY_INTRANET_USER": AccessDenied,
    "ERROR_METHOD_NOT_FOUND": AccessDenied,
    "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION": AccessDenied,
    "ERROR_MANIFEST_IS_NOT_AVAILABLE": AccessDenied,
    # our parameters
    "ERROR_BATCH_LENGTH_EXCEEDED": RequestRefused,
    "ERROR_BATCH_METHOD_NOT_ALLOWED": RequestRefused,
    "ERROR_ARGUMENT": RequestRefused,
    "INVALID_ARG_VALUE": RequestRefused,
    "100": RequestRefused,  # "Could not find value for parameter {x}"
    "ERROR_EVENT_NOT_FOUND": RequestRefused,
    # one object
    "ERROR_NOT_FOUND": NotFound,
    "NOT_FOUND": NotFound,
    "BITRIX_REST_V3_EXCEPTION_ENTITYNOTFOUNDEXCEPTION": NotFound,
}

OAUTH: Table = {
    "INVALID_GRANT": CredentialsRefused,  # the refresh token is dead: someone must authorise again
    "INVALID_CLIENT": CredentialsRefused,
    "WRONG_CLIENT": CredentialsRefused,  # comes with HTTP 200
    "INVALID_REQUEST": CredentialsRefused,
    "INVALID_SCOPE": CredentialsRefused,
    "INSUFFICIENT_SCOPE": CredentialsRefused,
    "NOT_INSTALLED": CredentialsRefused,
    "PAYMENT_REQUIRED": PortalUnavailable,
}

# `""`, `0` and ERROR_CORE are missing above: old methods give them to whatever happens, and only
# status and words tell the cases apart.
STATUSES: Mapping[int, type[PortalError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    408: ServerFailure,
    410: PortalUnavailable,
    429: OperatingLimited,
    503: RateLimited,
}

WORDS: Mapping[re.Pattern[str], type[PortalError]] = {
    re.compile(r"sql query error", re.IGNORECASE): ServerFailure,  # ERROR_CORE, 500 outside a batch
    re.compile(r"access denied|доступ запрещ", re.IGNORECASE): AccessDenied,
    re.compile(r"not found|не найден", re.IGNORECASE): NotFound,
}

# ACCESS_DENIED of the whole REST: "REST is available only on commercial plans." (applications),
# "REST is available only by subscription" (webhooks), "REST API is available ..." (the docs).
_NO_PLAN = re.compile(r"\bREST\b.*\bonly\b.*\b(plans?|subscription)\b", re.IGNORECASE)


def portal_error(code: object, description: object, status: int) -> PortalError:
    """Make the error for a refusal of the portal; inside a batch `status` is the batch's own."""
    known = _text(code).upper()
    kind = PORTAL.get(known) or _unknown(_text(description), status)
    if known == "ACCESS_DENIED" and (status == 401 or _NO_PLAN.search(_text(description))):
        kind = PortalUnavailable
    return kind(_text(code), _text(description), status=status)


def oauth_error(code: object, description: object, status: int) -> PortalError:
    """Make the error for a refusal of the OAuth server, which knows credentials and nothing else."""
    unknown = CredentialsRefused if status < 500 and status not in {408, 429} else ServerFailure
    kind = OAUTH.get(_text(code).upper(), unknown)
    return kind(_text(code), _text(description), status=status)


def _unknown(description: str, status: int) -> type[PortalError]:
    """Classify a refusal whose code says nothing."""
    if status in STATUSES:
        return STATUSES[status]
    if status >= 500:
        return ServerFailure
    return next((kind for words, kind in WORDS.items() if words.search(description)), RequestRefused)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
