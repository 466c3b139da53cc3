"""The list of a service's models, and which of them can hold a conversation.

Local servers and gateways list everything they have: models for embeddings, speech, pictures and moderation
beside those that chat. Some say what each one is for, in fields of their own; the others only by its name.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import orjson
from openai import APIStatusError, AsyncOpenAI

from app.errors import LlmBadResponse, LlmStalled
from app.llm.openai_errors import Failure, Hints, refusal, unreachable
from app.llm.transport import ServiceUnreachable, body_of

MAX_LIST_BYTES = 1024 * 1024

Use = Literal["chat", "other", "unknown"]
"""`chat`: the list says that it chats. `other`: that it does something else, or is out of service."""

# Words of a name, between its separators. What one letter more would make another word is bounded.
_OTHER_NAMES = re.compile(
    r"embed|rerank|whisper|dall-?e|moderation|guard|shield|transcri|diffusion|text-to-|-to-speech|minilm"
    r"|colbert|colpali|splade|parakeet|kokoro|mmproj|upscale|gpt-image|imagen|siglip|paraphrase|realtime"
    r"|orpheus|chatterbox|cosyvoice|sambert|wanx|ideogram|gpt-4o(-mini)?-audio|sentence-transformers"
    r"|text-similarity|(babbage|davinci)-00|text-(ada|babbage|curie|davinci)-"
    r"|(?<![a-z])(vad|t2v|i2v|t2i|bert|distilbert)(?![a-z])"
    r"|(?<![a-z])(bge|gte|e5|mxbai|piper|xtts|stt|asr|flux|sdxl|sora|veo|clip|bark|reward|classifier)(?![a-z])"
    r"|(?<![a-z])(tts|ocr)|(tts|ocr|asr)(?![a-z])"
    r"|voyage|mpnet|labse|distiluse|sensevoice|paraformer|moonshine|canary-|speech|musicgen|stable-audio"
    r"|-(image|video)(?![a-z])|pixart|kandinsky|cogvideo|cogview|seedream|seedance|recraft|midjourney|roberta"
    r"|deberta|florence-2|dinov|depth-anything|nougat|layoutlm|opus-mt|nllb|madlad|(code|text)-search"
    r"|computer-use|gpt-3\.5-turbo-instruct|deep-research"
    r"|(?<![a-z])(m3e|acge|uae|sd3|kling|yolo|blip|vits|playht|zonos|csm)(?![a-z])",
    re.IGNORECASE,
)
_CHAT_WORDS = {
    "chat", "llm", "vlm", "language", "completion", "completions", "generate", "generatecontent",
    "chatcompletion", "completionchat", "textgeneration", "conversational", "imagetexttotext", "anytoany",
    "tooluse", "tools",
}  # fmt: skip
_OTHER_WORDS = re.compile(
    r"embed|rerank|score|classif|moderat|transcri|speech|audio|image|video|tts|stt|asr|whisper|ocr|pooling"
    r"|featureextraction|similarity|reward|realtime",
)
_USE_FIELDS = (
    "type", "mode", "task", "tasks", "model_type", "pipeline_tag", "capabilities", "supported_tasks", "usage",
    "supported_generation_methods", "supportedGenerationMethods", "endpoints", "supported_endpoints",
    "supported_endpoint_types",
)  # fmt: skip
_GONE = re.compile(r"deprecated|retired|removed|unavailable|offline|disabled|failed|error", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One model of the list.

    Attributes:
        use: What the list's own fields say of it.
    """

    id: str
    use: Use = "unknown"

    @property
    def seems_to_chat(self) -> bool:
        """Whether it can be expected to answer, by the list's word, else by its name."""
        return self.use == "chat" or (self.use == "unknown" and not _OTHER_NAMES.search(self.id))


def best_for_chat(models: Sequence[ListedModel], *, without: str = "") -> str | None:
    """Return the first model that seems to chat, else the first that is not listed for something else.

    Args:
        models: In the service's order, which is its word on which to take.
        without: One that is not wanted.
    """
    wanted = [model for model in models if model.id != without]
    by_name = next((model.id for model in wanted if model.seems_to_chat), None)
    return by_name or next((model.id for model in wanted if model.use != "other"), None)


async def list_models(client: AsyncOpenAI, hints: Hints, limit_s: float) -> list[ListedModel]:
    """Ask the service which models it has.

    Args:
        client: Knows address and key.
        hints: What the log tells an operator about the service.
        limit_s: The longest it may take, in seconds.

    Raises:
        Failure: There is no list, or it did not come in time.
    """
    content = bytearray()
    try:
        async with asyncio.timeout(limit_s), client.models.with_streaming_response.list() as response:
            body = body_of(response.http_response)
            while len(content) < MAX_LIST_BYTES and (chunk := await body.read()):
                content += chunk
    except TimeoutError as exc:
        raise Failure(LlmStalled("no list of models came in time")) from exc
    except ServiceUnreachable as exc:
        raise unreachable(exc, hints) from exc
    except APIStatusError as exc:
        refused = exc.response
        raise refusal(refused.status_code, refused.headers, refused.content, hints, set()) from None
    models = models_in(bytes(content))
    if models is None:
        text = hints.quoted(content[:1000].decode("utf-8", errors="replace"))
        raise Failure(LlmBadResponse(f"no list of models; set OPENAI_MODEL: {text}"))
    return models


def models_in(content: bytes) -> list[ListedModel] | None:
    """Read a list of models, whatever its shape; None where it is none.

    Known shapes: `{"data": [{"id": ...}]}`, the same under `models`, a bare list; `name` or `model` for `id`.
    """
    try:
        decoded: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if isinstance(decoded, dict):
        fields = cast("dict[str, Any]", decoded)
        if "data" not in fields and "models" not in fields:
            return None
        listed: object = fields.get("data") or fields.get("models") or []
    else:
        listed = decoded
    if not isinstance(listed, list):
        return None
    entries = cast("list[Any]", listed)
    models = [model for entry in entries if (model := _model(entry)) is not None]
    return models if models or not entries else None


def _model(entry: object) -> ListedModel | None:
    if isinstance(entry, str):
        return ListedModel(entry) if entry else None
    if not isinstance(entry, dict):
        return None
    fields = cast("dict[str, Any]", entry)
    names = (fields.get(key) for key in ("id", "model", "name"))
    name = next((name for name in names if isinstance(name, str) and name), None)
    return None if name is None else ListedModel(name, _use(fields))


def _use(fields: Mapping[str, Any]) -> Use:
    if any(fields.get(key) is False for key in ("active", "available", "enabled")) or fields.get("archived"):
        return "other"
    status = fields.get("status")
    if isinstance(status, str) and _GONE.search(status):
        return "other"
    output = _outputs(fields)
    if output and "text" not in output:
        return "other"
    words = [word for key in _USE_FIELDS for word in _words(fields.get(key))]
    if any(word in _CHAT_WORDS for word in words):
        return "chat"
    return "other" if any(_OTHER_WORDS.search(word) for word in words) else "unknown"


def _outputs(fields: Mapping[str, Any]) -> list[str]:
    """Return what comes out of the model, as OpenRouter and others tell it."""
    architecture = fields.get("architecture")
    nested = cast("dict[str, Any]", architecture) if isinstance(architecture, dict) else {}
    return _words(fields.get("output_modalities") or nested.get("output_modalities"))


def _words(value: object) -> list[str]:
    """Return the words of a field: a text, a list of them, or an object's keys that are not false."""
    if isinstance(value, str):
        return [re.sub(r"[^a-z]", "", value.rpartition("/")[2].lower())]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        # Of `{"type": "embeddings"}` the value speaks, of `{"chat_completion": true}` the key.
        texts = (inner if isinstance(inner, str) else key for key, inner in pairs if inner)
        return [word for text in texts for word in _words(text)]
    if isinstance(value, list):
        items = cast("Iterable[Any]", value)
        return [word for item in items if isinstance(item, str) for word in _words(item)]
    return []
