"""A stand-in for Azure OpenAI and OpenAI on loopback, as strict as the services.

In a test:

    async with AzureStandin() as standin:
        standin.script(Text("Hola"), ToolCalls(("calculate", {"expression": "2+2"})), Status(429))
        ...  # a provider made with `settings_with(**standin.azure())` or `**standin.openai()`
        assert standin.requests[0].messages[-1]["content"] == "hola"

A request that the real service would refuse is refused, noted in `standin.violations`, and takes no step of
the script. Steps left over fail the test. Without a script every request is answered by `standin.reply`,
which repeats the last message.

As a process of its own: `python -m tests.support.azure_standin --port 0` prints its address.
"""

import argparse
import asyncio
import re
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from tests.support.answers import Answer, Text
from tests.support.api_rules import strict_violations
from tests.support.http_wire import Exchange, Received, WireServer

KEY = "standin-key-0123456789"
DEPLOYMENT = "standin-gpt"
AZURE_PATH = re.compile(r"/openai/deployments/([^/]+)/chat/completions")
AZURE_VERSION = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
USAGE_SINCE = "2024-09-01"


def echo(request: Received) -> Answer:
    """Repeats the last message, word by word."""
    return Text(request.last_text)


class AzureStandin:
    """The stand-in service.

    Attributes:
        reply: Answers requests when the script is empty.
        requests: Every chat request, in order, also those that were refused.
        violations: What was wrong with requests that the services would refuse.
        refused_parameters: Optional parameters that "this model" does not take.
        filter_word: A prompt that holds it anywhere is refused by the content filter.
        max_chars: A prompt whose contents are longer in sum is too long.
        key: The key that is accepted; None accepts requests without one.
        models: What `/v1/models` lists; the only ones that are there.
        models_answer: Answers `/v1/models` instead of the list.
        needs_api_version: What a known api-version looks like.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.reply: Callable[[Received], Answer] = echo
        self.requests: list[Received] = []
        self.violations: list[str] = []
        self.refused_parameters: set[str] = set()
        self.filter_word: str | None = None
        self.max_chars: int | None = None
        self.key: str | None = KEY
        self.models = [DEPLOYMENT]
        self.models_answer: Answer | None = None
        self.needs_api_version = AZURE_VERSION
        self._steps: deque[Answer] = deque()
        self._scheme = "https" if ssl_context else "http"
        self.server = WireServer(self._answer, ssl_context)

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(self, exc_type: type[BaseException] | None, *exc_info: object) -> None:
        await self.server.stop()
        if exc_type is None:
            assert not self._steps, f"steps of the script that nobody asked for: {list(self._steps)}"

    def script(self, *answers: Answer) -> None:
        """Answers the next requests with these, in their order."""
        self._steps.extend(answers)

    @property
    def url(self) -> str:
        """The address for `AZURE_OPENAI_ENDPOINT`; with `/v1` for `OPENAI_BASE_URL`."""
        return f"{self._scheme}://127.0.0.1:{self.server.port}"

    def azure(self, **values: Any) -> dict[str, Any]:
        """Settings that make this the Azure service."""
        return {
            "azure_openai_endpoint": self.url,
            "azure_openai_api_key": KEY,
            "azure_openai_deployment_name": DEPLOYMENT,
            **values,
        }

    def openai(self, **values: Any) -> dict[str, Any]:
        """Settings that make this an OpenAI-compatible service."""
        return {
            "openai_base_url": f"{self.url}/v1",
            "openai_api_key": KEY,
            "openai_model": DEPLOYMENT,
            **values,
        }

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        if request.path == "/v1/models" and request.method == "GET":
            await self._list_models(exchange)
            return
        self.requests.append(request)
        refusal = self._refusal(request)
        if refusal is not None:
            status, error = refusal
            await exchange.json(status, {"error": error}, {"x-request-id": "req_standin"})
            return
        answer = self._steps.popleft() if self._steps else self.reply(request)
        await answer.send(exchange)

    async def _list_models(self, exchange: Exchange) -> None:
        if not self._is_authorised(exchange.request):
            await exchange.json(401, {"error": _error("invalid_api_key", "Incorrect API key provided.")})
            return
        if self.models_answer is not None:
            await self.models_answer.send(exchange)
            return
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "standin"} for name in self.models
        ]
        await exchange.json(200, {"object": "list", "data": listed})

    def _is_authorised(self, request: Received) -> bool:
        if self.key is None:
            return True
        if request.path.startswith("/openai/"):
            return request.headers.get("api-key") == self.key and "authorization" not in request.headers
        return (
            request.headers.get("authorization") == f"Bearer {self.key}" and "api-key" not in request.headers
        )

    def _refusal(self, request: Received) -> tuple[int, dict[str, Any]] | None:
        """The status and the error that the service has for this request, if it has one."""
        azure = AZURE_PATH.fullmatch(request.path)
        if request.method != "POST" or not (azure or request.path == "/v1/chat/completions"):
            return 404, _error("404", "Resource not found")
        if not self._is_authorised(request):
            words = "Access denied due to invalid subscription key or wrong API endpoint."
            return 401, _error("401" if azure else "invalid_api_key", words)
        if azure and not self.needs_api_version.fullmatch(request.query.get("api-version", "")):
            return 404, _error("404", "Resource not found")
        if azure and azure[1] not in self.models:
            return 404, _error("DeploymentNotFound", "The API deployment for this resource does not exist.")
        if not azure and request.body.get("model") not in self.models:
            return 404, _error("model_not_found", f"The model `{request.body.get('model')}` does not exist")
        return self._parameter_refusal(request, bool(azure)) or self._content_refusal(request)

    def _parameter_refusal(self, request: Received, is_azure: bool) -> tuple[int, dict[str, Any]] | None:
        refused = set(self.refused_parameters)
        if is_azure and request.query["api-version"] < USAGE_SINCE:
            refused.add("stream_options")
        name = next((name for name in sorted(refused) if name in request.body), None)
        if name is None:
            return None
        if is_azure:
            return 400, _error(
                None, f"Unrecognized request argument supplied: {name}", type="invalid_request_error"
            )
        words = f"Unsupported parameter: '{name}' is not supported with this model."
        return 400, _error("unsupported_parameter", words, param=name, type="invalid_request_error")

    def _content_refusal(self, request: Received) -> tuple[int, dict[str, Any]] | None:
        wrong = strict_violations(request.messages, request.body)
        if not request.body.get("stream"):
            wrong.append("stream: the stand-in only streams")
        if wrong:
            self.violations += wrong
            return 400, _error(None, "; ".join(wrong), type="invalid_request_error")
        contents = [str(message.get("content") or "") for message in request.messages]
        if self.filter_word and any(self.filter_word in content for content in contents):
            words = "The response was filtered due to the prompt triggering the content management policy."
            inner = {"code": "ResponsibleAIPolicyViolation"}
            return 400, _error("content_filter", words, param="prompt", status=400, innererror=inner)
        if self.max_chars is not None and sum(map(len, contents)) > self.max_chars:
            words = (
                "This model's maximum context length is exceeded. Please reduce the length of the messages."
            )
            return 400, _error("context_length_exceeded", words, param="messages")
        return None


def _error(code: str | None, message: str, **fields: Any) -> dict[str, Any]:
    return {"code": code, "message": message, "param": None, "type": None, **fields}


async def _run(arguments: argparse.Namespace) -> None:
    standin = AzureStandin()
    if arguments.tokens:
        tokens = [f"t{number} " for number in range(arguments.tokens)]
        standin.reply = lambda request: Text(tokens, arguments.delay_s)
    else:
        standin.reply = lambda request: Text(request.last_text, arguments.delay_s)
    await standin.server.start(arguments.port)
    print(standin.url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Runs the stand-in until it is killed."""
    parser = argparse.ArgumentParser(description="A stand-in for Azure OpenAI on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the address is printed")
    parser.add_argument("--tokens", type=int, default=0, help="answer this many tokens instead of an echo")
    parser.add_argument("--delay-s", type=float, default=0, help="before each token, in seconds")
    try:
        asyncio.run(_run(parser.parse_args()))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
