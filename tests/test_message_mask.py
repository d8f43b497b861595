"""A key in a text, in all the forms in which somebody may print it."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapshotter.message_mask import Mask

KEY = 'k3y/+"=?ä of-the-test'
FORMS = {
    "plain": KEY,
    "basic": base64.b64encode(f"{KEY}:".encode()).decode(),
    "basic without padding": base64.b64encode(f"{KEY}:".encode()).decode().rstrip("="),
    "without the colon": base64.b64encode(KEY.encode()).decode(),
    "for URLs": base64.urlsafe_b64encode(f"{KEY}:".encode()).decode(),
    "hex": KEY.encode().hex().upper(),
    "percent": quote(KEY, safe=""),
    "percent in lower case": quote(KEY, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "percent, slashes kept": quote(KEY),
    "form": quote_plus(KEY),
    "json": json.dumps(KEY)[1:-1],
    "basic, percent": quote(base64.b64encode(f"{KEY}:".encode()).decode(), safe=""),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_the_key_is_hidden(form: str) -> None:
    assert Mask(KEY)(f"a {FORMS[form]}; b") in ("a ***; b", "a ***=; b")


def test_other_words_are_unchanged() -> None:
    assert Mask("k3y")("a key; K3Y in another case, and aAEb") == (
        "a key; K3Y in another case, and aAEb"
    )
    assert Mask("")("x") == "x"
    assert "k3y" not in repr(Mask("k3y"))


@given(st.text("abc+/=%:"), st.text("abcdefgh0123456789", min_size=8))
def test_masking_twice_is_masking_once(text: str, key: str) -> None:
    mask = Mask(key)
    once = mask(f"{text}{key}{text}")
    assert key not in once
    assert mask(once) == once
