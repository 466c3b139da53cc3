"""The form of `API_TOKENS`: a comma list of `user=token:role`."""

from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Role = Literal["user", "backend", "admin"]
"""`user`: a person, with their own talks. `backend`: a program of the operator's, which may add to all talks.
`admin`: an operator, who may do all."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)


class ApiToken(BaseModel):
    """A token, whose it is, and what they may do."""

    model_config = ConfigDict(frozen=True)

    user_id: str = Field(min_length=1, max_length=200)
    token: SecretStr = Field(min_length=8)
    role: Role


def parse_api_tokens(text: str) -> tuple[ApiToken, ...]:
    """Read the comma list; a token may hold `=` and `:`, but no comma.

    Raises:
        ValueError: An entry has another form; the text never holds a token.
    """
    tokens = [
        _parse(number, entry.strip()) for number, entry in enumerate(text.split(","), 1) if entry.strip()
    ]
    if len({token.token.get_secret_value() for token in tokens}) < len(tokens):
        raise ValueError("two entries have the same token")
    return tuple(tokens)


def _parse(number: int, entry: str) -> ApiToken:
    user_id, _, rest = entry.partition("=")
    token, _, role = rest.rpartition(":")
    for known in ROLES:
        if role == known and user_id and len(token) >= 8 and token.isascii() and token.isprintable():
            return ApiToken(user_id=user_id, token=SecretStr(token), role=known)
    raise ValueError(
        f"entry {number} must be user=token:role, with a token of 8 or more ASCII characters and the role"
        " user, backend or admin"
    )
