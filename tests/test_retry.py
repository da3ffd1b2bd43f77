"""What `retry` promises: one decision for every error, and an end to every story."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import errors, retry
from extractor.retry import AfterReset, Again, Renew, Skip, Stop, decide

KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.B24xError)
]
KILLED = [
    errors.ConnectionLost("cut"), errors.RequestTimeout("late"), errors.NotJson("a page", status=500),
    errors.NotJson("a page", status=502), errors.NotJson("a page", status=504), errors.NotJson("torn", status=200),
    errors.ServerFailure("INTERNAL_SERVER_ERROR", status=500),
]
FATAL = [
    errors.CredentialsRefused("NO_AUTH_FOUND"), errors.PortalUnavailable("PORTAL_DELETED"), errors.PortalMoved("302"),
    errors.UsageError("what?"), errors.ConfigError("where?"), errors.DiskFull("full"), errors.FolderBusy("taken"),
]
ONE_ENTITY = [
    errors.AccessDenied("insufficient_scope"), errors.RequestRefused("100"), errors.NotFound("NOT_FOUND"),
    errors.PortalError("?"), errors.ContractBroken("ids went backwards"),
]
RANDOM = st.floats(0, 1, exclude_max=True)


def example(kind: type[errors.B24xError]) -> errors.B24xError:
    """Make an error of a class."""
    if issubclass(kind, errors.PortalError):
        return kind("CODE")
    if issubclass(kind, errors.Bug):
        return kind(ValueError("text"))
    return kind("text", status=502) if issubclass(kind, errors.NotJson) else kind("text")


def story(error: errors.B24xError, random: float = 0.5) -> list[retry.Decision]:
    """Every decision about a call that goes on failing with the same error."""
    decisions = []
    for attempt in count(1):
        decisions.append(decide(error, attempt, random))
        if isinstance(decisions[-1], Skip | Stop):
            return decisions
        assert attempt < 100, "this goes on for ever"
    raise AssertionError


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("random", [0.0, 0.999])
def test_every_error_ends(kind, random):
    """Whatever fails for good is given up, whatever the jitter."""
    assert isinstance(story(example(kind), random)[-1], Skip | Stop)


@pytest.mark.parametrize("error", FATAL, ids=repr)
def test_what_only_a_human_can_mend_ends_the_run_at_once(error):
    """Asking a portal that has no such user fifty times more helps nobody."""
    assert [Stop()] == story(error)


@pytest.mark.parametrize("error", ONE_ENTITY, ids=repr)
def test_a_deterministic_refusal_ends_one_entity_at_once(error):
    """The same question gets the same answer; other entities ask other questions."""
    assert [Skip()] == story(error)


@pytest.mark.parametrize("error", KILLED, ids=repr)
def test_a_killed_request_may_have_been_too_large(error):
    """Whatever was killed for its size is killed again if it is sent again and again whole."""
    *again, last = story(error)
    assert all(isinstance(decision, Again) and decision.shrink for decision in again)
    assert Skip() == last


@pytest.mark.parametrize("error", KILLED, ids=repr)
def test_a_call_is_given_up_only_after_it_has_failed_alone(error):
    """Fifty calls are asked again as they were, and halve to one in six steps: a neighbour's fault is not a call's own."""
    assert len(story(error)) >= 1 + 6 + 2


@pytest.mark.parametrize("error", [*KILLED, errors.Unreachable("no route")], ids=repr)
def test_a_restart_of_the_portal_is_waited_out(error):
    """Two and a half minutes of waiting at least, whatever the jitter, and five at most."""
    assert 150 <= sum(decision.after for decision in story(error, 0.0)[:-1]) <= 160
    assert 300 <= sum(decision.after for decision in story(error, 0.999)[:-1]) <= 305


def test_a_command_that_fails_in_an_answered_batch_is_soon_alone():
    """The portal is up: six halvings take less than a minute. A call that is never alone has the patience of all others."""
    error = errors.CommandFailed("INTERNAL_SERVER_ERROR")
    for random, patience in ((0.0, 150), (0.999, 300)):
        *again, last = story(error, random)
        assert all(isinstance(decision, Again) and decision.shrink for decision in again)
        assert sum(decision.after for decision in again[:6]) <= 47
        assert patience <= sum(decision.after for decision in again) <= patience * 1.1
        assert Skip() == last


@given(RANDOM, st.integers(1, 30))
def test_waits_grow_to_a_ceiling_and_are_spread_below_it(random, attempt):
    """Half of a wait is jitter: fifty calls that failed together do not come back together, and none runs out early."""
    decision = decide(errors.ConnectionLost("cut"), attempt, random)
    if attempt < 10:
        ceiling = min(88, 2 ** (attempt - 1))
        assert Again(ceiling / 2 + random * ceiling / 2, shrink=True) == decision
    else:
        assert Skip() == decision


@given(RANDOM, st.integers(1, 19))
def test_a_refused_rate_waits_a_second_at_least(random, attempt):
    """In a second the smallest bucket drains two requests; the call itself is as good as before."""
    decision = decide(errors.RateLimited("QUERY_LIMIT_EXCEEDED", status=503), attempt, random)
    assert isinstance(decision, Again)
    assert 1 <= decision.after <= 30
    assert not decision.shrink


def test_a_rate_that_is_refused_for_ever_ends_the_run():
    """Every method is refused alike."""
    assert Stop() == story(errors.RateLimited("QUERY_LIMIT_EXCEEDED"))[-1]


@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_rate_may_come_as_a_page(status):
    """The limiter stands in front of the portal and may answer in HTML."""
    assert decide(errors.NotJson("a page", status=status), 1, 0.5) == decide(errors.RateLimited("X"), 1, 0.5)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_page_of_a_firewall_is_believed_the_second_time(status):
    """Once more, then it is meant for us, and for everything that we ask."""
    assert [Again(3.0), Stop()] == story(errors.NotJson("a page", status=status))


def test_a_method_without_seconds_waits_for_the_ledger():
    """How long is not guessed here; half a day of refusals is enough, though."""
    *waits, last = story(errors.OperatingLimited("OPERATION_TIME_LIMIT"))
    assert [AfterReset()] * 36 == waits
    assert Skip() == last


@given(st.floats(0, 1e9), st.floats(0, 21_599))
def test_blocks_are_counted_in_windows(since, later):
    """However often an entity is blocked meanwhile, it has less than six hours without a page before it is given up."""
    attempt = retry.blocked_attempt(since, since + later)
    assert AfterReset() == decide(errors.OperatingLimited("OPERATION_TIME_LIMIT"), attempt, 0.5)
    assert Skip() == decide(errors.OperatingLimited("OPERATION_TIME_LIMIT"), retry.blocked_attempt(since, since + 21_601), 0.5)


def test_an_answer_without_rows_is_asked_for_once_more():
    """A warning of PHP's passes; the second one in a row does not."""
    assert [Again(3.0), Skip()] == story(errors.WrongShape("null"))


def test_an_expired_token_is_renewed_twice():
    """A call may outlive one token; a third refusal is not about its age."""
    assert [Renew(), Renew(), Stop()] == story(errors.TokenExpired("expired_token"))


def test_a_portal_that_cannot_reach_the_oauth_server_keeps_our_token():
    """CONNECTION_ERROR is a 401 that is no verdict on the token, nor on the size of the request."""
    first, *_ = story(errors.ServerFailure("connection_error", status=401))
    assert Again(3.0) == first


def test_an_answer_that_cannot_be_encoded_is_read_in_smaller_pieces_at_once():
    """Nothing changes by waiting, and a smaller answer may lack the row that is to blame."""
    *again, last = story(errors.Unreadable("WRONG_ENCODING"))
    assert {Again(0.0, shrink=True)} == set(again)
    assert Skip() == last


def test_every_class_has_a_row():
    """A new error class is found in the table, by itself or by its base."""
    for kind in KINDS:
        assert any(base in retry.POLICIES for base in kind.__mro__)


def test_a_call_under_suspicion_has_few_attempts():
    """Alone in its request, what cannot be encoded cannot be encoded; what kills has three attempts; limits are waited for as ever."""
    assert Skip() == decide(errors.Unreadable("WRONG_ENCODING"), 1, 0.5, lone=True)
    assert [True, True, False] == [
        isinstance(decide(errors.NotJson("a page", status=500), attempt, 0.5, lone=True), Again) for attempt in (1, 2, 3)]
    assert isinstance(decide(errors.RateLimited("QUERY_LIMIT_EXCEEDED"), 5, 0.5, lone=True), Again)
