"""The dialects: what each service refuses, in which words, and how it streams. Data, with sources."""

import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.dialects import rules
from tests.dialects.rules import Rule

Body = Any
Refusal = tuple[int, Body]


def _letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.choices(alphabet, k=count))  # no secret


@dataclass(frozen=True)
class Service:
    """One dialect.

    Attributes:
        kind: Which provider talks to it.
        rules: What it refuses.
        refusal: Its status and body for a request that breaks a rule, from the rule's words.
        refused_text: What it says of a text that it does not take; None: an answer without a word that ends
            with `content_filter`.
        new_id: Ids of its calls.
        thoughts: The field in which it thinks aloud.
        wants_thoughts: Whether they are to come back.
        signs: Whether calls carry Gemini's signature.
        index: How it numbers the calls of one answer.
        calls_at_once: Whether a call comes whole in one chunk, the ending in the same.
        content_beside_calls: What it puts into `content` where it calls tools.
        calls_reason: Its finish reason where it calls tools.
        in_each_delta: What every delta carries.
        last_fields: What its last chunk carries beside the choices.
        thinks_in_text: What stands before and behind its thoughts, where it writes them into the answer.
        own_thoughts: What it thinks, whatever the situation; None: what that says.
        writes_calls: How it writes a call into its text, with places for name and arguments.
        reason_on_each: Whether each chunk carries a finish reason.
        makes_grammar: Whether it makes a grammar of the tools' schemas.
    """

    name: str
    rules: tuple[Rule, ...]
    refusal: Callable[[str], Refusal]
    refused_text: Refusal | None
    kind: Literal["azure", "openai"] = "openai"
    new_id: Callable[[], str] = lambda: f"call_{_letters(24)}"
    thoughts: str | None = None
    wants_thoughts: bool = False
    signs: bool = False
    index: Literal["counted", "zero", "none"] = "counted"
    calls_at_once: bool = False
    content_beside_calls: str | None = None
    calls_reason: str = "tool_calls"
    in_each_delta: tuple[tuple[str, Any], ...] = ()
    last_fields: tuple[tuple[str, Any], ...] = ()
    thinks_in_text: tuple[str, str] | None = None
    own_thoughts: str | None = None
    writes_calls: str | None = None
    reason_on_each: bool = False
    makes_grammar: bool = False


def _error(status: int, **fields: Any) -> Callable[[str], Refusal]:
    return lambda words: (status, {"error": {"message": words, **fields}})


_TEMPLATE_WORDS = (
    "While executing CallExpression at line 12, column 31 in source: Error: Jinja Exception: {words}"
)

_OPENAI_RULES = (
    rules.each_call_has_its_result("openai: an assistant message with 'tool_calls' must be followed by"),
    rules.ids_of_forty("openai-node#1011"),
    rules.contents("livekit#1297"),
    rules.no_unknown_fields("openai: unrecognized request argument"),
)

OPENAI = Service(
    "OpenAI",
    _OPENAI_RULES,
    _error(400, type="invalid_request_error", param="messages", code=None),
    # codex#7250
    (
        400,
        {
            "error": {
                "message": "Invalid prompt: your prompt was flagged as violating our usage policy.",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_prompt",
            }
        },
    ),
)

AZURE = Service(
    "Azure",
    _OPENAI_RULES,
    _error(400, type="invalid_request_error", param="messages", code=None),
    (
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering the policy.",
                "param": "prompt",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
    ),
    kind="azure",
)

MISTRAL = Service(
    "Mistral",
    (
        rules.system_first("mistral-common: unexpected role 'system' after role 'assistant'"),
        rules.user_never_behind_tool("mistral-vibe#578"),
        rules.no_neighbours("litellm#6323"),
        rules.last_is_user_or_tool("mistral-common: expected last role user or tool"),
        rules.ids_of_nine("opencode#1680"),
        rules.each_call_has_its_result("mistral: code 3230"),
        rules.contents("OpenHands#8685"),
    ),
    lambda words: (
        400,
        {
            "object": "error",
            "message": words,
            "type": "invalid_request_message_order",
            "param": None,
            "code": "3230",
            "raw_status_code": 400,
        },
    ),
    (
        403,
        {
            "object": "error",
            "message": "The content was blocked by moderation.",
            "type": "moderation",
            "code": "3000",
        },
    ),
    new_id=lambda: _letters(9),
    calls_at_once=True,
    content_beside_calls="",
)

DEEPSEEK = Service(
    "DeepSeek",
    (
        rules.thoughts_come_back("Newelle#404, openclaw#73417"),
        rules.each_call_has_its_result("deepseek: insufficient tool messages following tool_calls"),
        rules.contents("deepseek: invalid assistant message"),
    ),
    _error(400, type="invalid_request_error", param=None, code="invalid_request_error"),
    # one-api#2101
    (
        400,
        {
            "error": {
                "message": "Content Exists Risk",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_request_error",
            }
        },
    ),
    new_id=lambda: f"call_00_{_letters(24)}",
    thoughts="reasoning_content",
    wants_thoughts=True,
    content_beside_calls="",
)

GEMINI = Service(
    "Gemini",
    (
        rules.signatures_come_back("securo#884"),
        rules.call_behind_user_or_tool("gemini: function call turn"),
        rules.each_call_has_its_result("gemini: number of function response parts"),
        rules.contents("gemini: contents.parts must not be empty"),
    ),
    lambda words: (400, [{"error": {"code": 400, "message": words, "status": "INVALID_ARGUMENT"}}]),
    None,
    new_id=lambda: f"function-call-{_letters(19, string.digits)}",
    signs=True,
    index="zero",  # hermes-agent#62937
    calls_at_once=True,
    calls_reason="stop",
)

GROQ = Service(
    "Groq",
    (
        rules.no_unknown_fields("jan#8136"),
        rules.each_call_has_its_result("groq: 'tool_call_id' is not found"),
        rules.contents("groq: content is required"),
    ),
    _error(400, type="invalid_request_error"),
    (400, {"error": {"message": "Request blocked by content policy.", "type": "invalid_request_error"}}),
    new_id=lambda: f"call_{_letters(4, string.ascii_lowercase)}",
    thoughts="reasoning",
    calls_at_once=True,
    last_fields=(("x_groq", {"id": "req_01", "usage": {"queue_time": 0.01}}),),
)

VLLM = Service(
    "vLLM/Qwen",
    (
        rules.system_first("vllm#41114"),
        rules.user_first("qwen3 template: No user query found in messages"),
        rules.arguments_are_json("vllm#28387"),
    ),
    lambda words: (
        400,
        {"error": {"message": words, "type": "BadRequestError", "param": None, "code": 400}},
    ),
    (
        400,
        {
            "object": "error",
            "message": "jinja2.exceptions.TemplateError: Unexpected message content.",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    new_id=lambda: f"chatcmpl-tool-{_letters(32, string.hexdigits.lower()[:16])}",
    thoughts="reasoning_content",
    in_each_delta=(("role", "assistant"), ("tool_calls", [])),
)

LLAMA_CPP = Service(
    "llama.cpp",
    (
        rules.alternating("llama.cpp: templates of Mistral Nemo and Gemma"),
        rules.system_first("qwen3 template: System message must be at the beginning"),
        rules.user_never_behind_tool("zed#37021"),
        rules.arguments_are_json("llama.cpp: func_args_not_string"),
    ),
    lambda words: (
        500,
        {"error": {"code": 500, "message": _TEMPLATE_WORDS.format(words=words), "type": "server_error"}},
    ),
    (
        500,
        {
            "error": {
                "code": 500,
                "message": "Value is not callable: null at row 62, column 114 in the chat template",
                "type": "server_error",
            }
        },
    ),
    new_id=lambda: _letters(32),
    thoughts="reasoning_content",
    last_fields=(("timings", {"prompt_n": 1, "predicted_ms": 3.5}),),
    makes_grammar=True,  # llama.cpp#25923
)

OLLAMA = Service(
    "Ollama",
    (
        rules.contents("ollama: invalid message content type: <nil>"),
        rules.arguments_are_json("ollama: invalid tool call arguments"),
        rules.alternating("ollama: gemma template"),
    ),
    _error(400, type="invalid_request_error", param=None, code=None),
    (
        500,
        {
            "error": {
                "message": "template: :3:14: executing at <.Messages>: error calling index",
                "type": "api_error",
                "param": None,
                "code": None,
            }
        },
    ),
    new_id=lambda: f"call_{_letters(8, string.ascii_lowercase + string.digits)}",
    thoughts="reasoning",
    calls_at_once=True,
    content_beside_calls="",
)

LM_STUDIO = Service(
    "LM Studio",
    (
        rules.no_null("lmstudio-bug-tracker#261"),
        rules.contents("auto-dev#175"),
        rules.system_first("lmstudio: jinja template of qwen"),
        rules.each_call_has_its_result("lmstudio-bug-tracker#830"),
    ),
    lambda words: (400, {"error": words}),
    (400, {"error": "Error rendering prompt with jinja template: Unexpected content in the messages."}),
    new_id=lambda: _letters(9, string.digits),
    in_each_delta=(("tool_calls", []),),  # lmstudio-bug-tracker#1318
)

# Servers that run a model without the parsers of its template: what those would read stands in the text.

VLLM_BARE = replace(
    VLLM,
    name="vLLM/Qwen without parsers",
    thoughts=None,
    thinks_in_text=("<think>\n", "\n</think>\n\n"),
    writes_calls='<tool_call>\n{{"name": "{name}", "arguments": {arguments}}}\n</tool_call>\n',
)

LLAMA_CPP_BARE = replace(
    LLAMA_CPP,
    name="llama.cpp without a template",
    thoughts=None,
    writes_calls='{{"name": "{name}", "parameters": {arguments}}}\n',  # a small model, seen for real
)

# The template has opened the thought, so that its end alone comes. Of the first answer nothing but what it
# says tells that it is one.
R1_BARE = replace(
    VLLM,
    name="vLLM/R1 without a parser",
    thoughts=None,
    thinks_in_text=("", "\n</think>\n\n"),  # pipecat#1168
    own_thoughts="Okay, the user wants something. I will see.",
)

GPT_OSS_BARE = replace(
    OLLAMA,
    name="gpt-oss without a parser",
    thoughts=None,
    thinks_in_text=(
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
)

GATEWAY = replace(
    OPENAI, name="a gateway that gives a reason with each chunk", reason_on_each=True, index="zero"
)

SERVICES = (
    OPENAI,
    AZURE,
    MISTRAL,
    DEEPSEEK,
    GEMINI,
    GROQ,
    VLLM,
    LLAMA_CPP,
    OLLAMA,
    LM_STUDIO,
    VLLM_BARE,
    LLAMA_CPP_BARE,
    R1_BARE,
    GPT_OSS_BARE,
    GATEWAY,
)


def sample(service: Service) -> tuple[list[dict[str, Any]], rules.Given]:
    """A request that the service takes: parallel calls with their results, words, a call in the last turn."""
    given = rules.Given()

    def calls(*names: str) -> dict[str, Any]:
        listed: list[dict[str, Any]] = []
        for name in names:
            function = {"name": "calculate", "arguments": json.dumps({"expression": name})}
            call = {"id": f"{name:0>9}", "type": "function", "function": function}
            if service.signs:
                call["extra_content"] = {"google": {"thought_signature": f"sig-{name}"}}
                given.signatures["calculate", function["arguments"]] = f"sig-{name}"
            listed.append(call)
        message: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": listed}
        if service.wants_thoughts:
            message["reasoning_content"] = f"Hm, {names[0]}."
            given.thoughts["calculate", listed[0]["function"]["arguments"]] = f"Hm, {names[0]}."
        return message

    def result(name: str) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": f"{name:0>9}", "content": '{"status":"done","result":4}'}

    def said(text: str) -> dict[str, Any]:
        thoughts = {"reasoning_content": ""} if service.wants_thoughts else {}
        return {"role": "assistant", "content": text, **thoughts}

    messages = [
        {"role": "system", "content": "Eres amable."},
        {"role": "user", "content": "¿Y?"},
        calls("a", "b"),
        result("a"),
        result("b"),
        said("Son 4."),
        {"role": "user", "content": "Gracias."},
        said("De nada."),
        {"role": "user", "content": "¿Y ahora?"},
        calls("c"),
        result("c"),
    ]
    return messages, given
