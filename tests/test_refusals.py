"""What `refusals` promises: every refusal the portal is known to utter becomes the right error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import refusals
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
from extractor.refusals import oauth_error, portal_error

# One row per code: what it is, the status by the source, the one by the docs where they differ, and
# whether it is known to come inside a batch (whose status is 200).
IN_BATCH = True
ALONE = False
KNOWN = [
    ("QUERY_LIMIT_EXCEEDED", "Too many requests", RateLimited, {503}, ALONE),
    ("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", OperatingLimited, {429}, IN_BATCH),
    ("OVERLOAD_LIMIT", "REST API is blocked due to overload", PortalUnavailable, {401, 503}, ALONE),
    ("INTERNAL_SERVER_ERROR", "Internal server error", ServerFailure, {500}, IN_BATCH),
    ("ERROR_UNEXPECTED_ANSWER", "Server returned an unexpected response", ServerFailure, {500}, IN_BATCH),
    ("PORTAL_DELETED", "", PortalUnavailable, {403, 410, 500}, ALONE),
    ("WRONG_ENCODING", "", Unreadable, {200}, ALONE),
    ("INTERNAL_WRONG_TRANSPORT", "", PortalUnavailable, {500}, ALONE),
    ("INTERNAL_WRONG_HANDLER_CLASS", "", PortalUnavailable, {500}, ALONE),
    ("NO_AUTH_FOUND", "Wrong authorization data", CredentialsRefused, {401}, ALONE),
    ("INVALID_CREDENTIALS", "Invalid request credentials", CredentialsRefused, {401, 403}, ALONE),
    ("INVALID_REQUEST", "Https required.", CredentialsRefused, {400, 401}, ALONE),
    ("expired_token", "The access token provided has expired.", TokenExpired, {401}, ALONE),
    ("invalid_token", "", TokenExpired, {401}, ALONE),
    ("CONNECTION_ERROR", "Error connecting to authorization server", ServerFailure, {401}, ALONE),
    ("authorization_error", "Unable to authorize user", CredentialsRefused, {401}, ALONE),
    ("APPLICATION_NOT_FOUND", "", CredentialsRefused, {401}, ALONE),
    ("ERROR_OAUTH", "Application not installed", CredentialsRefused, {401}, ALONE),
    ("NOT_INSTALLED", "", CredentialsRefused, {401}, ALONE),
    ("PAYMENT_REQUIRED", "Subscription has been ended", PortalUnavailable, {401}, ALONE),
    ("user_access_error", "", CredentialsRefused, {401, 403}, ALONE),
    ("insufficient_scope", "", AccessDenied, {401, 403}, IN_BATCH),
    ("ACCESS_DENIED", "Access denied!", AccessDenied, {400, 403}, IN_BATCH),
    ("ACCESS_DENIED", "REST is available only on commercial plans.", PortalUnavailable, {401, 403}, ALONE),
    ("ACCESS_DENIED", "REST is available only by subscription", PortalUnavailable, {401, 403}, ALONE),
    ("WRONG_LICENSE", "", AccessDenied, {403}, IN_BATCH),
    ("WRONG_AUTH_TYPE", "", AccessDenied, {403}, IN_BATCH),
    ("METHOD_CONFIRM_WAITING", "", AccessDenied, {401}, IN_BATCH),
    ("METHOD_CONFIRM_DENIED", "", AccessDenied, {403}, IN_BATCH),
    ("allowed_only_intranet_user", "", AccessDenied, {403}, IN_BATCH),
    ("ERROR_METHOD_NOT_FOUND", "Method not found!", AccessDenied, {400, 404}, IN_BATCH),
    ("ERROR_MANIFEST_IS_NOT_AVAILABLE", "", AccessDenied, {404}, IN_BATCH),
    ("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded", RequestRefused, {400}, IN_BATCH),
    ("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed", RequestRefused, {405}, IN_BATCH),
    ("ERROR_ARGUMENT", "", RequestRefused, {400}, IN_BATCH),
    ("INVALID_ARG_VALUE", "", RequestRefused, {400}, IN_BATCH),
    (100, "Could not find value for parameter {id}", RequestRefused, {400}, IN_BATCH),
    ("100", "Could not find value for parameter {id}", RequestRefused, {400}, IN_BATCH),
    (0, "Something in a controller", RequestRefused, {400}, IN_BATCH),
    ("0", "Something in a controller", RequestRefused, {400}, IN_BATCH),
    ("", "Access denied.", AccessDenied, {400}, IN_BATCH),
    ("", "Not found", NotFound, {400}, IN_BATCH),
    ("", "ID is not defined or invalid.", RequestRefused, {400}, IN_BATCH),
    ("ERROR_CORE", "Handler already binded", RequestRefused, {400}, IN_BATCH),
    ("ERROR_CORE", "SQL query error!", ServerFailure, {500}, IN_BATCH),
    ("ERROR_NOT_FOUND", "", NotFound, {400}, IN_BATCH),
    ("NOT_FOUND", "", NotFound, {400}, IN_BATCH),
    ("ERROR_EVENT_NOT_FOUND", "", RequestRefused, {400}, IN_BATCH),
    (200040300010, "Some controller's number", RequestRefused, {400}, IN_BATCH),
    ("BITRIX_REST_V3_EXCEPTION_RATELIMITEXCEPTION", "", OperatingLimited, {429}, ALONE),
    ("BITRIX_REST_V3_EXCEPTION_INTERNAL_INTERNALEXCEPTION", "", ServerFailure, {500}, ALONE),
    ("BITRIX_REST_V3_EXCEPTION_INSUFFICIENTSCOPEEXCEPTION", "", AccessDenied, {403}, ALONE),
    ("BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION", "", AccessDenied, {404}, ALONE),
    ("BITRIX_REST_V3_EXCEPTION_ENTITYNOTFOUNDEXCEPTION", "", NotFound, {400}, ALONE),
]
OAUTH = [
    ("invalid_grant", CredentialsRefused, {400, 401}),
    ("invalid_client", CredentialsRefused, {400, 401}),
    ("wrong_client", CredentialsRefused, {200}),
    ("invalid_request", CredentialsRefused, {400}),
    ("invalid_scope", CredentialsRefused, {403}),
    ("insufficient_scope", CredentialsRefused, {403}),
    ("PAYMENT_REQUIRED", PortalUnavailable, {401}),
    ("NOT_INSTALLED", CredentialsRefused, {401}),
]
ANYTHING = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text())


@pytest.mark.parametrize(("code", "words", "kind", "statuses", "_batch"), KNOWN)
def test_a_refusal_at_top_level(code, words, kind, statuses, _batch):
    """The same error for the source's status and for the documentation's."""
    assert {kind} == {type(portal_error(code, words, status)) for status in statuses}


@pytest.mark.parametrize(("code", "words", "kind", "_statuses", "batch"), [row for row in KNOWN if row[-1]])
def test_a_refusal_inside_a_batch(code, words, kind, _statuses, batch):
    """The same error where the status is the batch's own 200 and tells nothing."""
    assert kind is type(portal_error(code, words, 200))


def test_every_code_of_the_table_has_a_row_here():
    """A code that is added to the table is tried out here."""
    assert set(refusals.PORTAL) <= {str(code).upper() for code, *_ in KNOWN}
    assert set(refusals.OAUTH) == {code.upper() for code, *_ in OAUTH}


@pytest.mark.parametrize(("status", "kind"), [
    (200, RequestRefused), (400, RequestRefused), (401, AccessDenied), (403, AccessDenied), (404, NotFound),
    (408, ServerFailure), (410, PortalUnavailable), (418, RequestRefused), (429, OperatingLimited),
    (500, ServerFailure), (502, ServerFailure), (503, RateLimited), (504, ServerFailure),
])
def test_an_unknown_code_is_judged_by_its_status(status, kind):
    """Of 4xx only 408 and 429 may be asked again; 5xx is the portal's failure, 503 its rate limit."""
    assert kind is type(portal_error("NEVER_SEEN", "", status))


@pytest.mark.parametrize("words", ["Доступ запрещен", "Доступ запрещён.", "ACCESS DENIED"])
def test_words_decide_where_code_and_status_say_nothing(words):
    """The portal speaks the language of its owner."""
    assert AccessDenied is type(portal_error("", words, 200))


@pytest.mark.parametrize("words", ["Access denied", "Feature X is only available on Professional plans", ""])
def test_a_method_that_the_plan_lacks_does_not_end_the_run(words):
    """Only a refusal of REST as a whole is the portal's."""
    assert AccessDenied is type(portal_error("ACCESS_DENIED", words, 403))


@given(st.sampled_from(sorted(refusals.PORTAL)), st.sampled_from([str.lower, str.upper, str.title, " {} ".format]))
def test_spelling_does_not_matter(code, spelling):
    """The portal writes `expired_token` here and `EXPIRED_TOKEN` there."""
    assert type(portal_error(code, "", 400)) is type(portal_error(spelling(code), "", 400))


@given(ANYTHING, ANYTHING, st.integers(100, 599))
def test_whatever_comes_becomes_an_error(code, description, status):
    """A code may be a number, empty or missing: the result is an error that keeps code, words and status."""
    error = portal_error(code, description, status)
    assert isinstance(error, PortalError)
    assert ("" if code is None else str(code).strip(), status) == (error.code, error.status)


@pytest.mark.parametrize(("code", "kind", "statuses"), OAUTH)
def test_a_refusal_of_the_oauth_server(code, kind, statuses):
    """Where tokens are made, every refusal concerns the credentials."""
    assert {kind} == {type(oauth_error(code, "", status)) for status in statuses}


@pytest.mark.parametrize(("status", "kind"), [(400, CredentialsRefused), (429, ServerFailure), (500, ServerFailure)])
def test_an_oauth_server_in_trouble_costs_no_token(status, kind):
    """A failing OAuth server is asked again: the refresh token may still be good."""
    assert kind is type(oauth_error("never_seen", "", status))
