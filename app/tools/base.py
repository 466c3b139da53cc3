"""How a tool is written: `@tool(...)` on a function `run(args, ctx)`, or a `ToolSpec` in a toolset.

A tool is one file. It holds a docstring for people, a pydantic model of its arguments (whose field
descriptions are what the model reads), and `run`, async or plain. Its name is the file's name; what the model
is told about it is the docstring of `run`. A plain function runs in a thread of the tools' own pool.
"""

import copy
import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from json import JSONDecodeError
from typing import Any, Literal, Protocol, get_type_hints
from urllib.error import HTTPError

import httpx
import orjson
from pydantic import BaseModel

from app.clock import Clock
from app.errors import Locale
from app.session.profile import ProfileKeeper
from config.tool_settings import ToolSettings

Effect = Literal["read", "write"]
"""`write`: running it twice is not the same as running it once."""


Approval = bool | Literal["after_outside"]
"""Whether a person is asked before a call runs. True: always. False: never. `after_outside`: as soon as the
talk holds words of others, by a tool or a back end, which could have asked for it in the person's place."""

Need = Literal["profile"]
"""What a session must have for a tool to be offered in it. `profile`: a user who is somebody, and a store."""


Outcome = Literal["failed", "unknown"]
"""What a write did that could not be finished. `failed`: nothing, it may be tried again. `unknown`: it may
have acted, so it must not be."""


_CLIENT_ERROR, _SERVER_ERROR = 400, 500


class ToolError(Exception):
    """Raise where a tool cannot do what it was asked.

    Args:
        sentence: One sentence that the model and the user may read.
        outcome: What a write did. By default `failed`, unless the error that this one comes from says that a
            request may have arrived: an answer that was cut off, late or cannot be read, or one that says
            neither that it was done nor that it was refused (3xx, 5xx).
    """

    def __init__(self, sentence: str = "", *, outcome: Outcome | None = None) -> None:
        super().__init__(sentence)
        self.outcome = outcome

    @property
    def may_have_acted(self) -> bool:
        """Whether the write may have had its effect all the same."""
        if self.outcome is not None:
            return self.outcome == "unknown"
        return _may_have_arrived(self)


_NEVER_ARRIVED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    ConnectionRefusedError,
)
_MAY_HAVE_ARRIVED = (
    httpx.RequestError,
    httpx.StreamError,
    HTTPException,
    TimeoutError,
    ConnectionError,
    JSONDecodeError,  # of an answer that had come
)


def _may_have_arrived(error: BaseException) -> bool:
    """Whether one of the errors that this one comes from says that a request may have reached the other side.

    Also where the tool has hidden it (`from None`): that is for who reads a traceback. The first of them that
    says anything is believed: below a connection that was never made there is just another timeout.
    """
    seen: set[int] = set()
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, ToolError) and cause.outcome is not None:
            return cause.outcome == "unknown"
        if isinstance(cause, httpx.HTTPStatusError):
            return not cause.response.is_client_error
        if isinstance(cause, HTTPError):
            return not _CLIENT_ERROR <= cause.code < _SERVER_ERROR
        if isinstance(cause, _NEVER_ARRIVED):
            return False
        if isinstance(cause, _MAY_HAVE_ARRIVED):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class Progress(Protocol):
    """How a tool says that it is getting on; may be called from any thread, as often as it likes."""

    def __call__(self, message: str | None = None, fraction: float | None = None) -> None:
        """Report a message in the user's language and the part that is done, 0 to 1."""
        ...


@dataclass(frozen=True, slots=True)
class SearchHit:
    """Something that was said in the talk.

    Attributes:
        said_at: None where that is no longer known.
    """

    role: Literal["user", "assistant"]
    content: str
    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class SearchHits:
    """What a search of the talk has found, the best first.

    Attributes:
        is_all: Whether everything that was ever said was searched, rather than what is in memory.
    """

    found: Sequence[SearchHit]
    is_all: bool


class ConversationSearch(Protocol):
    """How a tool looks for what was said in the talk that it was called in, and in no other."""

    async def search(self, query: str, limit: int) -> SearchHits:
        """Return what was said that holds words of the query, whatever their case and accents."""
        ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a running tool knows of its surroundings.

    Attributes:
        idempotency_key: For the other side of a write, so that it can know the same order again: the same for
            the same arguments until the user's next text begins its turn.
        deadline: The moment on `clock.monotonic()` at which the call is timed out, in seconds.
        http: A client for the operator's own endpoints: redirects off, not held to public addresses.
        locale: The user's language.
        profile: What is kept of the user; None where nothing is. A tool with `needs="profile"` has one.
        talk: What was said before.
    """

    call_id: str
    session_id: str
    user_id: str
    locale: Locale
    deadline: float
    clock: Clock
    http: httpx.AsyncClient
    settings: ToolSettings
    progress: Progress
    talk: ConversationSearch
    profile: ProfileKeeper | None = None
    idempotency_key: str = ""


ToolFunction = Callable[[Any, ToolContext], Any]

TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the chat-completions API takes as a function's name."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the registry holds it.

    Attributes:
        description: What the model is told about it.
        arguments: A pydantic model, or a JSON schema of an object.
        run: `run(args, ctx)`, async or plain; `args` is what `parse` returns.
        effect: `read`, `write`, or a function of the arguments that says which.
        timeout_s: Limit of one call in seconds; None stands for `TOOL_TIMEOUT_S`.
        inline_wait_s: How long a turn waits for it in seconds; None stands for `TOOL_INLINE_WAIT_S`.
        approval: Whether a person is asked first; None leaves it to the server's setting.
        from_outside: Whether its results may hold words of others, which could ask the model for something;
            a function where that depends on the settings.
        ends_soon: A plain function that always ends within a second or so. It may wait in line for a thread
            of the server's own, which no other tool can use up.
        needs: What a session must have for the tool to be offered in it; None: every session has it.
        parse: Makes the arguments of the JSON object that the model wrote, and raises a `ValueError` that
            says what is wrong with it. None: the pydantic model does, or the object is passed on as it is.

    Raises:
        ValueError: No model takes such a name, or such a schema.
    """

    name: str
    description: str
    arguments: type[BaseModel] | dict[str, Any]
    run: ToolFunction
    effect: Effect | Callable[[Any], Effect] = "read"
    timeout_s: float | None = None
    inline_wait_s: float | None = None
    approval: Approval | None = None
    from_outside: bool | Callable[[ToolSettings], bool] = True
    ends_soon: bool = False
    needs: Need | None = None
    parse: Callable[[dict[str, Any]], Any] | None = None

    def __post_init__(self) -> None:
        """Refuse what no model takes."""
        if not TOOL_NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r}: a tool's name has up to 64 letters, digits, _ and -")
        if isinstance(self.arguments, dict):
            if self.arguments.get("type") != "object":
                raise ValueError(f"{self.name}: the schema of the arguments must be one of an object")
            try:
                orjson.dumps(self.arguments)
            except TypeError as exc:
                raise ValueError(f"{self.name}: the schema of the arguments is no JSON: {exc}") from exc

    def brings_outside(self, settings: ToolSettings) -> bool:
        """Return whether its results may hold words of others on a server with these settings."""
        return self.from_outside(settings) if callable(self.from_outside) else self.from_outside

    @property
    def is_async(self) -> bool:
        """Whether `run` is a coroutine function, rather than one that needs a thread."""
        call = getattr(self.run, "__call__", None)  # noqa: B004  # an object may be a coroutine function too
        return inspect.iscoroutinefunction(self.run) or inspect.iscoroutinefunction(call)

    def parsed(self, values: dict[str, Any]) -> Any:
        """Return the arguments that `run` gets.

        Raises:
            ValueError: They do not fit; of a pydantic model, its `ValidationError`.
        """
        if self.parse is not None:
            return self.parse(values)
        return values if isinstance(self.arguments, dict) else self.arguments.model_validate(values)

    def effect_of(self, args: Any) -> Effect:
        """Return whether a call with these arguments changes something."""
        return self.effect(args) if callable(self.effect) else self.effect

    def schema(self) -> dict[str, Any]:
        """Return the tool as the chat-completions API takes it."""
        if isinstance(self.arguments, dict):
            parameters = copy.deepcopy(self.arguments)
        else:
            parameters = self.arguments.model_json_schema()
            parameters.pop("title", None)
            parameters.pop("description", None)
        parameters.setdefault("properties", {})
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }


Tool = ToolSpec
"""What `@tool` makes."""


def tool(
    effect: Effect | Callable[[Any], Effect] = "read",
    *,
    timeout_s: float | None = None,
    inline_wait_s: float | None = None,
    approval: Approval | None = None,
    from_outside: bool | Callable[[ToolSettings], bool] = True,
    ends_soon: bool = False,
    needs: Need | None = None,
) -> Callable[[Callable[[Any, ToolContext], Awaitable[Any] | Any]], Tool]:
    """Make a tool of the function `run(args, ctx)` below it.

    `args` must be annotated with a pydantic model; that model is the tool's schema. The name is the last part
    of the module's name.

    Args:
        effect: `read`, `write`, or a function of the arguments that says which.
        timeout_s: Limit of one call in seconds, instead of `TOOL_TIMEOUT_S`.
        inline_wait_s: How long a turn waits for the result in seconds, instead of `TOOL_INLINE_WAIT_S`.
        approval: Whether a person is asked first, instead of what `TOOL_APPROVAL` says.
        from_outside: False where a result is made of the arguments and the server's own words alone; may be a
            function of the settings.
        ends_soon: For a plain function whose work is bounded: it waits for a thread instead of being refused.
        needs: What a session must have for the tool to be offered in it.

    Raises:
        TypeError: `run` has no annotated `args`, or no docstring.
    """

    def register(run: Callable[[Any, ToolContext], Awaitable[Any] | Any]) -> Tool:
        first = next(iter(inspect.signature(run).parameters), "")
        arguments = get_type_hints(run).get(first)
        if not (inspect.isclass(arguments) and issubclass(arguments, BaseModel)):
            raise TypeError(f"{run.__module__}: the first parameter of run() must be a pydantic model")
        description = inspect.cleandoc(run.__doc__ or "")
        if not description:
            raise TypeError(f"{run.__module__}: run() needs a docstring; it is what the model reads")
        return Tool(
            name=run.__module__.rpartition(".")[2],
            description=description,
            arguments=arguments,
            run=run,
            effect=effect,
            timeout_s=timeout_s,
            inline_wait_s=inline_wait_s,
            approval=approval,
            from_outside=from_outside,
            ends_soon=ends_soon,
            needs=needs,
        )

    return register
