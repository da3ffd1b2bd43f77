"""What `config` promises: frozen values out of arguments and a file, refusals in one sentence, and no secret in any text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.config import File, Settings, Wishes, read_file, settings
from extractor.errors import B24xError, ConfigError, UsageError
from extractor.limits import ENTERPRISE, STANDARD, Tariff

CODE = "c4n4ryc0d3x7"
ADDRESS = f"https://portal.bitrix24.ru/rest/1/{CODE}/"
OTHER = "https://other.bitrix24.ru/rest/1/other/"
OPTIONS = ("webhook", "tariff", "rate_limit", "operating_limit", "budget", "concurrency", "timeout")
WHOLE = f"""
[portal]
webhook = "{ADDRESS}"
[limits]
tariff = "enterprise"
operating_limit = 300
budget = 50
concurrency = 4
timeout = 30.5
[entities.deals]
select = ["ID", "TITLE"]
filter = {{ ">ID" = 5 }}
params = {{ x = 1 }}
paging = "keyset"
[entities.leads]
"""


def made(**options):
    """Make settings of options, as a command line gives them: those that were not given are `None`."""
    file = options.pop("file", File())
    return settings({**dict.fromkeys(OPTIONS), "webhook": ADDRESS, **options}, file)


@pytest.fixture
def write(tmp_path):
    """Write a configuration file; gives its path."""
    def write(text):
        path = tmp_path / "b24x.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return write


def test_the_defaults_are_those_of_most_portals():
    """The smallest cloud bucket, the LoadLimiter's own budget, as many in flight as pay, a little above the cloud's cut."""
    plain = made()
    assert ("portal.bitrix24.ru", STANDARD, 420, None, 75) == (
        plain.credentials.host, plain.tariff, plain.operating_limit, plain.concurrency, plain.timeout)


def test_a_file_is_read_whole(write):
    """Each table has its meaning."""
    file = read_file(write(WHOLE))
    assert {"deals": Wishes(("ID", "TITLE"), {">ID": 5}, {"x": 1}, "keyset"), "leads": Wishes()} == file.entities
    assert Settings(made().credentials, ENTERPRISE.scaled(50), 150, 4, 30.5) == settings({}, file)


@pytest.mark.parametrize(("key", "filed", "given", "attribute", "expected"), [
    ("tariff", "enterprise", "unlimited", "tariff", None), ("rate_limit", "9/1", "50/2", "tariff", STANDARD),
    ("operating_limit", 100, 200.0, "operating_limit", 200), ("budget", 10, 50.0, "operating_limit", 210),
    ("concurrency", 4, "7", "concurrency", 7), ("concurrency", 4, "auto", "concurrency", None), ("timeout", 10, 20.0, "timeout", 20),
])
def test_an_argument_beats_the_file(key, filed, given, attribute, expected):
    """And the file beats the default."""
    file = File(limits={key: filed})
    assert expected == getattr(made(file=file, **{key: given}), attribute)
    assert getattr(made(**{key: filed}), attribute) == getattr(made(file=file), attribute)


def test_the_webhook_of_an_argument_beats_that_of_the_file():
    """The command line knows the environment, too."""
    file = File(portal={"webhook": OTHER})
    assert "portal.bitrix24.ru" == settings({"webhook": ADDRESS}, file).credentials.host
    assert "other.bitrix24.ru" == settings({"webhook": None}, file).credentials.host


def test_a_bucket_by_hand_beats_a_tariff_but_not_one_that_was_named_later():
    """X/Y says more than a name; yet what is on the command line is not overruled by a file."""
    assert Tariff(9, 1) == made(tariff="enterprise", rate_limit="9/1").tariff
    assert Tariff(9, 1) == made(file=File(limits={"tariff": "enterprise", "rate_limit": "9/1"})).tariff
    assert ENTERPRISE == made(tariff="enterprise", file=File(limits={"rate_limit": "9/1"})).tariff


@given(st.floats(0.01, 100))
def test_a_budget_scales_rate_and_operating_limit(percent):
    """The rest is for the customer's other applications."""
    scaled = made(budget=percent)
    assert STANDARD.scaled(percent) == scaled.tariff
    assert 420 * percent / 100 == scaled.operating_limit


@pytest.mark.parametrize(("options", "assumed"), [
    ({}, True), ({"tariff": "standard"}, False), ({"rate_limit": "50/2"}, False), ({"budget": 50.0}, False), ({"concurrency": 3}, True),
])
def test_a_tariff_that_nobody_named_is_assumed(options, assumed):
    """Until the portal shows that it has none; whoever names one, or a share of it, is taken at his word."""
    assert assumed == made(**options).assumed


@pytest.mark.parametrize(("host", "droppable"), [
    ("a.bitrix24.com", False), ("A.Bitrix24.RU", False), ("a.bitrix24.com.br", False), ("a.bitrix24.de:443", False),
    ("bitrix24.example.com", True), ("a.bitrix24.example.com", True), ("127.0.0.1:8080", True),
])
def test_an_address_of_the_cloud_has_a_bucket_whatever_it_reports(host, droppable):
    """Only a portal of one's own can show that it has none."""
    given = made(webhook=f"https://{host}/rest/1/k4n4ri3nv0g3l/")
    assert (True, droppable) == (given.assumed, given.droppable)


def test_limits_are_fresh_for_every_run():
    """Two runs in one process do not share what they learnt; a number of requests in flight is kept to."""
    assert made().rate() is not made().rate()
    assert made().limits().operating is not made().limits().operating
    assert 3 == made(concurrency=3).limits().window.statistics().size


@pytest.mark.parametrize(("options", "most"), [
    ({}, 16), ({"tariff": "unlimited"}, 32), ({"concurrency": 40}, 40), ({"tariff": "unlimited", "concurrency": 2}, 2),
])
def test_how_many_requests_may_be_in_flight(options, most):
    """As many as were asked for; else more where nothing but the portal's workers is in the way."""
    assert most == made(**options).in_flight


@pytest.mark.parametrize(("options", "word"), [
    ({"tariff": "gold"}, "standard, enterprise, unlimited"), ({"rate_limit": "50"}, "like 50/2"), ({"budget": 0}, "budget"),
    ({"budget": 101}, "percentage"), ({"budget": "50"}, "budget"), ({"operating_limit": -1}, "operating-limit"),
    ({"operating_limit": True}, "operating-limit"), ({"timeout": float("nan")}, "timeout"), ({"timeout": float("inf")}, "timeout"),
    ({"concurrency": 0}, "concurrency"), ({"concurrency": "-1"}, "concurrency"), ({"concurrency": "many"}, "concurrency"),
    ({"concurrency": True}, "concurrency"), ({"concurrency": 2.0}, "concurrency"), ({"concurrency": "²"}, "concurrency"),
    ({"budget": float("nan")}, "budget"), ({"budget": 1e-320}, "budget"), ({"budget": 10**400}, "budget"), ({"timeout": 1e300}, "timeout"),
    ({"timeout": 1e-300}, "timeout"), ({"timeout": 16**5000}, "thousands of digits"), ({"timeout": 10**400}, r"\.\.\.$"),
    ({"operating_limit": 1e300}, "operating-limit"), ({"operating_limit": float("-inf")}, "operating-limit"),
    ({"concurrency": 10**20}, "concurrency"), ({"concurrency": "9" * 5000}, "concurrency"), ({"concurrency": 16**5000}, "thousands of digits"),
    ({"rate_limit": "9" * 400 + "/1"}, "rate limit"), ({"rate_limit": "9" * 5000 + "/1"}, "rate limit"),
    ({"rate_limit": "1/0." + "0" * 30 + "1"}, "rate limit"), ({"rate_limit": 16**5000}, "thousands of digits"), ({"tariff": 16**5000}, "thousands of digits"),
], ids=lambda value: None)
def test_a_limit_that_makes_no_sense_is_refused(options, word):
    """From the command line in words of the option, from the file with its name and the key."""
    (key,) = options
    with pytest.raises(UsageError, match=word):
        made(**options)
    with pytest.raises(ConfigError, match=rf"^b24x\.toml: \[limits\] {key}: ") as refused:
        made(file=File(limits=options, name="b24x.toml"))
    assert "--" not in str(refused.value)


@pytest.mark.parametrize(("text", "word"), [
    ("[portal", "no TOML"), (b"\xff", "no TOML"), ("[limit]\n", "there are entities, limits, portal"), ("webhook = 1", "no.*a section"),
    ("portal = 1", "is a table"), ("[portal]\nhook = 1", "there are access_token.*webhook"), ("[limits]\nrate = 1", "rate_limit"),
    ("entities = 1", "is a table"), ("[entities]\ndeals = 1", "is a table"), ("[entities.deals]\nfilters = {}", "there are filter"),
    ("[entities.deals]\nselect = 'ID'", "list of names"), ("[entities.deals]\nselect = [1]", "list of names"),
    ("[entities.deals]\nparams = []", "params of deals is a table"), ("[entities.deals]\nfilter = 5", "filter of deals is a table"),
    ("[entities.deals]\npaging = 'x'", "paging of deals"), ("[entities.deals]\npaging = []", "paging of deals"),
    pytest.param("[limits]\ntimeout = " + "9" * 5000, "digits", id="digits"),
    ("[entities.deals]\nfilter = { '>ID' = nan }", "filter of deals holds nan"), ("[entities.deals]\nfilter = { '@ID' = [inf] }", "holds inf"),
    ("[entities.deals]\nparams = { x = 18446744073709551616 }", "params of deals holds 18446744073709551616"),
    ("[entities.deals]\nparams = { x = { y = -9223372036854775809 } }", "params of deals holds -9223372036854775809"),
    pytest.param("[entities.deals]\nparams = { x = 0x" + "f" * 5000 + " }", "thousands of digits", id="hexadecimal"),
])
def test_a_file_that_means_nothing_is_refused(write, text, word):
    """A slip of the pen would be obeyed by nobody, in silence."""
    with pytest.raises(ConfigError, match=word) as error:
        read_file(write(text))
    assert "b24x.toml" in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """With the system's reason."""
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        read_file(tmp_path / "none.toml")


@pytest.mark.parametrize("address", [None, ""])
def test_without_a_portal_all_ways_to_give_one_are_named(address):
    """Three of them; nothing is guessed."""
    with pytest.raises(ConfigError, match=r"--webhook.*B24X_WEBHOOK.*--config"):
        settings({"webhook": address})


def test_a_repr_shows_no_secret(write):
    """Whatever a log or a traceback prints of these records."""
    file = read_file(write(WHOLE))
    for record in (file, made(), settings({}, file)):
        assert CODE not in repr(record)
        assert CODE not in str(record)


@pytest.mark.parametrize("text", [
    f"webhook = '{ADDRESS}'", f"[portal]\nwebhook = '{ADDRESS}", f"[portal]\nwebhook = {ADDRESS}", f"[portal]\nwebhook = ['{ADDRESS}']",
    f"[portal]\nwebhook = '{ADDRESS}x/y'", f"[portal]\nwebhook = 'http://portal/rest/1/{CODE}'", f"[portal]\n'{ADDRESS}' = 1", f"'{ADDRESS}' = 1",
    f"[portal]\nwebhook = '{ADDRESS}'\nwebhook = '{ADDRESS}'", f"[portal.webhook]\nurl = '{ADDRESS}'",
], ids=lambda text: text.replace(CODE, "CODE"))
def test_no_refusal_quotes_a_secret(write, text):
    """Not even one that stands where it does not belong."""
    with pytest.raises(B24xError) as error:
        settings({}, read_file(write(text)))
    assert CODE not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None


def test_settings_cannot_be_changed():
    """Nothing reads arguments or files later, and nothing writes these."""
    with pytest.raises(AttributeError):
        made().timeout = 5


APPLICATION = {"domain": "app.bitrix24.com", "client_id": "local.1", "client_secret": CODE, "refresh_token": CODE, "token_file": "tokens.json"}


def test_an_application_may_be_given_by_file_and_options(write):
    """The options complete the file, and go before it; the token file is seen from the file that names it."""
    path = write('[portal]\ndomain = "other.example"\nclient_id = "local.1"\nclient_secret = "s"\ntoken_file = "tokens.json"')
    who = settings({"domain": "app.bitrix24.com", "refresh_token": CODE}, read_file(path)).credentials
    assert ("app.bitrix24.com", "local.1", str(path.parent / "tokens.json"), CODE) == (who.host, who.client_id, who.token_file, who.given.refresh)
    assert CODE not in repr(settings(APPLICATION))


def test_options_of_one_kind_go_before_a_file_of_the_other(write):
    """What is given now means more than what was written once."""
    assert "app.bitrix24.com" == settings(APPLICATION, read_file(write(WHOLE))).credentials.host
    assert "portal.bitrix24.ru" == settings({"webhook": ADDRESS}, File(portal=APPLICATION)).credentials.host


@pytest.mark.parametrize(("options", "portal"), [({**APPLICATION, "webhook": ADDRESS}, {}), ({}, {**APPLICATION, "webhook": ADDRESS})])
def test_a_webhook_and_an_application_are_one_too_many(options, portal):
    """Nobody guesses which one was meant."""
    with pytest.raises(ConfigError, match="choose one"):
        settings(options, File(portal=portal))


def test_tomls_own_dates_are_read(tmp_path):
    """Whoever writes TOML writes a date without quotes; the portal is sent its text."""
    path = tmp_path / "b24x.toml"
    path.write_text('[entities.deals]\nfilter = { ">=DATE_MODIFY" = 2026-01-01T00:00:00+03:00, "@ID" = [5] }\n')
    assert {">=DATE_MODIFY": "2026-01-01T00:00:00+03:00", "@ID": [5]} == read_file(path).entities["deals"].filter


def test_an_address_in_the_place_of_a_file_is_not_said(tmp_path):
    """It holds a code; what was meant is."""
    with pytest.raises(ConfigError, match="goes to --webhook") as error:
        read_file(Path("https://example.bitrix24.com/rest/1/k4n4ri3nv0g3l/"))
    assert "k4n4ri3" not in str(error.value)
