"""What `auth` promises: every form of a webhook's address is read, none is shown, and no code travels in clear text."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.auth import Webhook, webhook
from extractor.errors import ConfigError

CODE = "c4n4ryc0d3x7"
ADDRESS = f"https://portal.bitrix24.ru/rest/1/{CODE}/"


@pytest.mark.parametrize("address", [
    ADDRESS, ADDRESS.rstrip("/"), f"  {ADDRESS}\n", ADDRESS.replace("https", "HTTPS"), f"{ADDRESS}profile.json",
    f"{ADDRESS}profile", f"{ADDRESS}profile.json/", f"{ADDRESS}profile/",
], ids=lambda address: address.replace(CODE, "CODE"))
def test_every_form_that_people_paste_is_read(address):
    """With blanks, without the last slash, or with the example method that the portal's page appends."""
    assert f"{ADDRESS}crm.deal.list" == webhook(address).url("crm.deal.list")


@pytest.mark.parametrize(("address", "host"), [
    (f"https://portal.example:8443/rest/1/{CODE}/", "portal.example:8443"), (f"http://127.0.0.1:8080/rest/1/{CODE}/", "127.0.0.1:8080"),
    (f"https://[2001:db8::1]/rest/1/{CODE}/", "[2001:db8::1]"), (f"https://портал.рф/rest/1/{CODE}/", "портал.рф"),
    (f"https://portal.example/rest/login.name/{CODE}/", "portal.example"),
], ids=["port", "loopback", "IPv6", "unicode", "login"])
def test_the_host_is_all_that_is_shown(address, host):
    """USER may be a login (apauth check); a port is a part of the place."""
    assert host == webhook(address).host
    assert f"{address}m" == webhook(address).url("m")


@pytest.mark.parametrize("address", [
    "", " ", CODE, "portal.bitrix24.ru", f"portal.bitrix24.ru/rest/1/{CODE}/", f"//portal.bitrix24.ru/rest/1/{CODE}/",
    f"ftp://portal.bitrix24.ru/rest/1/{CODE}/", f"https:///rest/1/{CODE}/", "https://portal.bitrix24.ru/", f"https://x/rest/{CODE}/",
    f"https://x/rest/1/{CODE}/crm.deal.list", f"https://x/rest/api/1/{CODE}/", f"https://x/rest//{CODE}/", f"https://x/sub/rest/1/{CODE}/",
    f"https://x/rest/1/{CODE}/?auth=1", f"https://user:{CODE}@x/rest/1/{CODE}/", f"https://@x/rest/1/{CODE}/", f"https://x:port/rest/1/{CODE}/",
    f"https://x:0/rest/1/{CODE}/", f"https://x:99999/rest/1/{CODE}/", f"https://[::1/rest/1/{CODE}/", f"https://x\\@y/rest/1/{CODE}/",
    "https://x/rest/1/with blank/", "https://x/rest/1/codé/",
], ids=lambda address: address.replace(CODE, "CODE"))
def test_anything_else_is_refused_without_being_quoted(address):
    """The message shows the form; whatever was given may be a secret mistyped."""
    with pytest.raises(ConfigError, match=r"https://HOST/rest/USER/CODE/") as error:
        webhook(address)
    assert CODE not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3:8080", "[::1]", "[::1]:80", "LOCALHOST:1"])
def test_plain_http_to_this_machine_is_allowed(host):
    """The sandbox listens there, and nobody listens in between."""
    assert host == webhook(f"http://{host}/rest/1/{CODE}/").host


@pytest.mark.parametrize("host", [
    "portal.bitrix24.ru", "10.0.0.1", "192.168.1.1", "0.0.0.0", "localhost.example", "127.0.0.1.example", "xlocalhost", "[2001:db8::1]",
    "[::]", "127.1", "2130706433",
])
def test_plain_http_to_another_machine_is_refused(host):
    """The code is in the address: clear text shows it to the whole way. Names are not looked up."""
    with pytest.raises(ConfigError, match="clear text") as error:
        webhook(f"http://{host}/rest/1/{CODE}/")
    assert CODE not in str(error.value)


@given(st.text(max_size=40))
def test_whatever_is_given_is_a_webhook_or_a_refusal(text):
    """No foreign error shows what was typed."""
    for address in (text, f"https://{text}/rest/1/{CODE}/", f"https://x/{text}"):
        with suppress(ConfigError):
            assert isinstance(webhook(address), Webhook)


def test_nothing_shows_the_code():
    """Neither repr nor str, nor a record that holds a webhook."""
    assert "Webhook(host='portal.bitrix24.ru')" == repr(webhook(ADDRESS)) == str(webhook(ADDRESS))
    assert CODE not in repr([webhook(ADDRESS)])
