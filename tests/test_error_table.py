"""Every code that the portal and its OAuth server are known to utter, and what b24x does about it: a row each.

The rows are read through the whole path: the bytes of an answer, its decoder, the error's class, the decision
on its first and on its last attempt, the exit code of a run that it ends.
"""

from itertools import count

import orjson
import pytest

from extractor import batch, refusals
from extractor.decoder import value_of
from extractor.envelopes import envelope_of, maps_of
from extractor.errors import (
    AccessDenied,
    CommandFailed,
    CredentialsRefused,
    NotFound,
    NotJson,
    OperatingLimited,
    PortalError,
    PortalUnavailable,
    RateLimited,
    RequestRefused,
    ServerFailure,
    TokenExpired,
    Unreadable,
)
from extractor.retry import AfterReset, Again, Decision, Renew, Skip, decide

SHRINK, WAIT, LEDGER, RENEW, SKIP, STOP = "smaller", "wait", "ledger", "renew", "skip", "stop"

# code, words, HTTP statuses (of the source, of the docs, of what clients met), class, first and last decision, attempts, exit code
TABLE = [
    ("QUERY_LIMIT_EXCEEDED", "Too many requests", {503}, RateLimited, WAIT, STOP, 20, 4),
    ("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", {429}, OperatingLimited, LEDGER, SKIP, 37, 4),
    ("OVERLOAD_LIMIT", "REST API is blocked due to overload.", {401, 503}, PortalUnavailable, STOP, STOP, 1, 3),
    ("INTERNAL_SERVER_ERROR", "Internal server error", {500}, ServerFailure, SHRINK, SKIP, 10, 4),
    ("ERROR_UNEXPECTED_ANSWER", "Server returned an unexpected response", {500}, ServerFailure, SHRINK, SKIP, 10, 4),
    ("PORTAL_DELETED", "Portal is deleted", {403, 410, 500}, PortalUnavailable, STOP, STOP, 1, 3),
    ("WRONG_ENCODING", "Wrong request encoding", {200}, Unreadable, SHRINK, SKIP, 8, 4),
    ("INTERNAL_WRONG_TRANSPORT", "", {500}, PortalUnavailable, STOP, STOP, 1, 3),
    ("INTERNAL_WRONG_HANDLER_CLASS", "", {500}, PortalUnavailable, STOP, STOP, 1, 3),
    ("NO_AUTH_FOUND", "Wrong authorization data", {401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("INVALID_CREDENTIALS", "Invalid request credentials", {401, 403}, CredentialsRefused, STOP, STOP, 1, 3),
    ("INVALID_REQUEST", "Https required.", {400, 401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("expired_token", "The access token provided has expired.", {401}, TokenExpired, RENEW, STOP, 3, 3),
    ("invalid_token", "Unable to get application by token", {401}, TokenExpired, RENEW, STOP, 2, 3),
    ("CONNECTION_ERROR", "Error connecting to authorization server", {401}, ServerFailure, WAIT, SKIP, 8, 4),
    ("authorization_error", "Unable to authorize user", {401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("APPLICATION_NOT_FOUND", "Application not found", {401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("ERROR_OAUTH", "Application not installed", {401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("NOT_INSTALLED", "Application not installed", {401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("PAYMENT_REQUIRED", "Payment required", {401}, PortalUnavailable, STOP, STOP, 1, 3),
    ("user_access_error", "The user does not have access to the application.", {401, 403}, CredentialsRefused, STOP, STOP, 1, 3),
    ("insufficient_scope", "The request requires higher privileges", {401, 403}, AccessDenied, SKIP, SKIP, 1, 4),
    ("insufficient_scope", "", {401, 403}, AccessDenied, SKIP, SKIP, 1, 4),
    ("ACCESS_DENIED", "REST is available only on commercial plans.", {401, 403}, PortalUnavailable, STOP, STOP, 1, 3),
    ("ACCESS_DENIED", "REST is available only by subscription", {401, 403}, PortalUnavailable, STOP, STOP, 1, 3),
    ("ACCESS_DENIED", "Access denied!", {400, 403}, AccessDenied, SKIP, SKIP, 1, 4),
    ("WRONG_LICENSE", "", {403}, AccessDenied, SKIP, SKIP, 1, 4),
    ("WRONG_AUTH_TYPE", "Current authorization type is denied for this method", {403}, AccessDenied, SKIP, SKIP, 1, 4),
    ("METHOD_CONFIRM_WAITING", "Waiting for confirmation", {401}, AccessDenied, SKIP, SKIP, 1, 4),
    ("METHOD_CONFIRM_DENIED", "Method call denied", {401, 403}, AccessDenied, SKIP, SKIP, 1, 4),
    ("allowed_only_intranet_user", "", {403}, AccessDenied, SKIP, SKIP, 1, 4),
    ("ERROR_METHOD_NOT_FOUND", "Method not found!", {400, 404}, AccessDenied, SKIP, SKIP, 1, 4),
    ("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    ("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", {405}, RequestRefused, SKIP, SKIP, 1, 4),
    ("ERROR_ARGUMENT", "Argument 'X' is null or empty", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    ("INVALID_ARG_VALUE", "Invalid filter", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    ("100", "Could not find value for parameter {id}", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    (100, "Could not find value for parameter {id}", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    ("0", "Something in a controller", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    (0, "Something in a controller", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    ("", "Access denied.", {400}, AccessDenied, SKIP, SKIP, 1, 4),
    ("", "Not found", {400}, NotFound, SKIP, SKIP, 1, 4),
    ("", "ID is not defined or invalid.", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    ("ERROR_CORE", "SQL query error!", {500}, ServerFailure, SHRINK, SKIP, 10, 4),
    ("ERROR_CORE", "Handler already binded", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    ("ERROR_NOT_FOUND", "Not found", {400}, NotFound, SKIP, SKIP, 1, 4),
    ("NOT_FOUND", "Not found", {400}, NotFound, SKIP, SKIP, 1, 4),
    ("ERROR_MANIFEST_IS_NOT_AVAILABLE", "", {404}, AccessDenied, SKIP, SKIP, 1, 4),
    ("ERROR_EVENT_NOT_FOUND", "Event not found", {400}, RequestRefused, SKIP, SKIP, 1, 4),
    (200040300010, "Some controller's number", {400}, RequestRefused, SKIP, SKIP, 1, 4),
]
OAUTH = [
    ("invalid_grant", {400, 401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("invalid_client", {400, 401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("wrong_client", {200}, CredentialsRefused, STOP, STOP, 1, 3),
    ("invalid_request", {400}, CredentialsRefused, STOP, STOP, 1, 3),
    ("invalid_scope", {403}, CredentialsRefused, STOP, STOP, 1, 3),
    ("insufficient_scope", {403}, CredentialsRefused, STOP, STOP, 1, 3),
    ("PAYMENT_REQUIRED", {401}, PortalUnavailable, STOP, STOP, 1, 3),
    ("NOT_INSTALLED", {401}, CredentialsRefused, STOP, STOP, 1, 3),
    ("server_error", {500, 502, 503, 504}, ServerFailure, SHRINK, SKIP, 10, 4),
]
PAGES = [  # what is no JSON: the status, the class, first and last decision, attempts
    (500, NotJson, SHRINK, SKIP, 10), (502, NotJson, SHRINK, SKIP, 10), (504, NotJson, SHRINK, SKIP, 10), (403, NotJson, WAIT, STOP, 2),
    (429, RateLimited, WAIT, STOP, 20), (503, RateLimited, WAIT, STOP, 20), (200, NotJson, SHRINK, SKIP, 10),
]


def named(row: tuple) -> str:
    """Name a row by its code, a number by its type as well, and an ambiguous one by its words."""
    code, words = row[0], row[1] if isinstance(row[1], str) else ""
    alike = [other for other in TABLE if str(other[0]) == str(code)]
    name = f"int {code}" if isinstance(code, int) else code or "empty"
    return f"{name}: {words or 'no words'}" if len(alike) > 1 and not isinstance(code, int) else name


def word(decision: Decision) -> str:
    """Say a decision in one word."""
    match decision:
        case Again(shrink=shrink):
            return SHRINK if shrink else WAIT
        case AfterReset():
            return LEDGER
        case Renew():
            return RENEW
        case Skip():
            return SKIP
    return STOP


def story(error) -> tuple[str, str, int]:
    """Meet an error until it ends something: the first decision, the last one, and how many there were."""
    words = []
    for attempt in count(1):
        words.append(word(decide(error, attempt, 0.5)))
        if words[-1] in {SKIP, STOP}:
            return words[0], words[-1], attempt
    raise AssertionError


def alone(code: object, words: str, status: int) -> PortalError:
    """Let a refusal come as the whole answer."""
    with pytest.raises(PortalError) as caught:
        envelope_of(status, orjson.dumps({"error": code, "error_description": words}))
    return caught.value


def batched(code: object, words: str) -> PortalError:
    """Let a refusal come for the second of three commands; its neighbours are answered."""
    result = {"result": {"c0": [], "c2": []}, "result_error": {"c1": {"error": code, "error_description": words}},
              "result_total": [], "result_next": [], "result_time": []}
    before, error, after = batch.decode(maps_of(200, orjson.dumps({"result": result, "time": {}})), 3)
    assert [] == value_of(before) == value_of(after)
    return error


@pytest.mark.parametrize("row", TABLE, ids=named)
def test_at_top_level(row):
    """Whatever of its statuses it comes with, the refusal is of its class, and first and last decision are those of its row."""
    code, words, statuses, kind, first, last, attempts, exit_code = row
    for status in statuses:
        error = alone(code, words, status)
        assert (kind, exit_code) == (type(error), error.exit_code)
        assert (first, last, attempts) == story(error)


def inside(kind, first, attempts):
    """Say what a row becomes in a batch: a portal that has answered is up, so what failed is asked again sooner, and more often."""
    return (CommandFailed, 24 if first == SHRINK else attempts) if kind is ServerFailure else (kind, attempts)


@pytest.mark.parametrize("row", TABLE, ids=named)
def test_inside_a_batch(row):
    """Where HTTP says 200 the same holds, and the commands beside it keep their answers."""
    code, words, _statuses, kind, first, last, attempts, exit_code = row
    kind, attempts = inside(kind, first, attempts)
    error = batched(code, words)
    assert (kind, exit_code) == (type(error), error.exit_code)
    assert (first, last, attempts) == story(error)


@pytest.mark.parametrize("row", [row for row in TABLE if isinstance(row[0], str)], ids=named)
@pytest.mark.parametrize("spelling", [str.upper, str.lower, str.title, " {} ".format], ids=["upper", "lower", "title", "blanks"])
def test_in_any_spelling(row, spelling):
    """The portal writes `expired_token` here and `EXPIRED_TOKEN` there: the row is the same, and so is the decision."""
    code, words, statuses, kind, first, last, attempts, _exit_code = row
    for error in (alone(spelling(code), words, status) for status in statuses):
        assert kind is type(error)
        assert (first, last, attempts) == story(error)
    error, (kind, attempts) = batched(spelling(code), words), inside(kind, first, attempts)
    assert kind is type(error)
    assert (first, last, attempts) == story(error)


@pytest.mark.parametrize("row", OAUTH, ids=named)
def test_of_the_oauth_server(row):
    """A refusal where tokens are made concerns the credentials, whatever its status; a failing server is asked again."""
    code, statuses, kind, first, last, attempts, exit_code = row
    for status in statuses:
        for spelling in (str, str.upper, str.lower):
            error = refusals.oauth_error(spelling(code), "", status)
            assert (kind, exit_code) == (type(error), error.exit_code)
            assert (first, last, attempts) == story(error)


@pytest.mark.parametrize(("status", "kind", "first", "last", "attempts"), PAGES, ids=lambda value: value if isinstance(value, int) else "")
def test_pages_where_json_should_be(status, kind, first, last, attempts):
    """A page of a proxy or a firewall is judged by its status: killed, refused for the rate, or meant for us."""
    with pytest.raises(kind) as caught:
        envelope_of(status, b"<html><title>nginx</title></html>")
    assert (first, last, attempts) == story(caught.value)


def test_every_code_of_the_code_has_a_row_here():
    """A code that is added to the tables of `refusals` is added here, with its decisions; V3's are not asked for yet."""
    classic = {code for code in refusals.PORTAL if not code.startswith("BITRIX_REST_V3")}
    assert classic <= {str(row[0]).upper() for row in TABLE}
    assert set(refusals.OAUTH) <= {row[0].upper() for row in OAUTH}
