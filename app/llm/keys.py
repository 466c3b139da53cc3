"""Keys for a model's service."""

from pydantic import SecretStr

from config.settings import SettingsError


def checked_key(secret: SecretStr, setting: str) -> str:
    """Return the key, without the blanks that come along when one is pasted.

    Raises:
        SettingsError: It holds characters that no header can carry. Without this check the HTTP library would
            fail at the first request, with the key in the error's text.
    """
    key = secret.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()):
        raise SettingsError(f"{setting}: must consist of printable ASCII characters")
    return key
