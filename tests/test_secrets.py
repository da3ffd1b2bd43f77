"""What `secrets` promises: no form of a secret stays in a text."""

import base64
from urllib.parse import quote

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


def test_signed_links_lose_what_signs_them():
    """Nobody has told us their secrets: the names that such links use tell where they stand."""
    link = "https://h/bitrix/tools/crm_show_file.php?fileId=7&auth=S1gn3d&ownerId=3&TOKEN=S1gn3d%2Fx#a"
    assert "https://h/bitrix/tools/crm_show_file.php?fileId=7&auth=***&ownerId=3&TOKEN=***" == without(link, [])
    assert '"auth%3D***"' == without('"auth%3DS1gn3d"', [])
    assert "author=Ann, authority: 5" == without("author=Ann, authority: 5", [])
