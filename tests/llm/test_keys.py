import pytest
from pydantic import SecretStr

from app.llm.keys import checked_key
from config.settings import SettingsError


def test_blanks_around_a_pasted_key_are_dropped():
    assert checked_key(SecretStr(" abc\n"), "THE_KEY") == "abc"


@pytest.mark.parametrize("key", ["clavé", "a\nb", "a\x00b"])
def test_key_that_no_header_can_carry_is_named_but_not_shown(key: str):
    """F13"""
    with pytest.raises(SettingsError) as caught:
        checked_key(SecretStr(key), "THE_KEY")

    assert "THE_KEY" in str(caught.value)
    assert key not in str(caught.value)
