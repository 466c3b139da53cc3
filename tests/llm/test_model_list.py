import json
from typing import Any

import pytest

from app.llm.model_list import ListedModel, best_for_chat, models_in


def taken_of(*entries: Any) -> str | None:
    models = models_in(json.dumps({"object": "list", "data": list(entries)}).encode())
    assert models is not None
    return best_for_chat(models)


@pytest.mark.parametrize(
    "name",
    [
        "nomic-embed-text-v1.5", "text-embedding-3-small", "mxbai-embed-large:latest", "all-minilm",
        "bge-m3", "BAAI/bge-reranker-v2-m3", "intfloat/e5-mistral-7b-instruct", "thenlper/gte-large",
        "jina-reranker-v2", "whisper-1", "whisper-large-v3-turbo", "gpt-4o-transcribe", "tts-1-hd",
        "gpt-4o-mini-tts", "playai-tts", "kokoro", "dall-e-3", "gpt-image-1", "stable-diffusion-3.5",
        "flux-1-schnell", "omni-moderation-latest", "meta-llama/llama-guard-4-12b", "shieldgemma-9b",
        "gpt-oss-safeguard-20b", "mistral-ocr-latest", "olmOCR-7B", "deepseek-ocr", "parakeet-tdt",
        "colpali-v1.3", "clip-vit-large", "mmproj-model-f16.gguf", "gpt-realtime",
        "paraphrase-multilingual", "skywork-reward-v2", "canopylabs/orpheus-v1-english", "babbage-002",
        "gpt-4o-audio-preview", "cosyvoice-v2", "silero-vad", "nomic-ai/nomic-bert-2048", "wan2.1-t2v-14b",
        "sentence-transformers/all-mpnet-base-v2", "text-davinci-003", "voyage-3-large", "all-mpnet-base-v2",
        "LaBSE", "m3e-base", "sensevoice-small", "paraformer-v2", "moonshine-base", "speecht5", "fish-speech",
        "canary-1b", "musicgen-large", "hunyuan-image-3", "hunyuan-video", "cogview-4", "seedream-4",
        "kling-v2",
        "recraft-v3", "sd3-medium", "xlm-roberta-large", "opus-mt-en-es", "code-search-ada", "yolo11",
        "computer-use-preview", "gpt-3.5-turbo-instruct", "o3-deep-research", "vits-ljs",
    ],
)  # fmt: skip
def test_model_that_cannot_chat_is_passed_over_by_its_name(name: str):
    assert taken_of({"id": name}, {"id": "llama-3.2-3b"}) == "llama-3.2-3b"


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o", "qwen2.5-coder:0.5b", "socrates-7b", "mistral-small-latest", "gemma-3n-E4B-it", "phi-4",
        "deepseek-r1", "claude-sonnet", "command-a", "exaone-deep", "smollm2", "eclipse-7b",
        "granite-4.0-tiny", "moderato-7b", "embla-1", "llama3.2-vision", "LFM2-1.2B", "hermes-4",
        "openai/gpt-oss-20b", "nevada-7b", "albert-chat", "hubert-1", "arctic-instruct", "voxtral-mini",
        "qwen2.5-vl-7b", "step-2-16k", "hunyuan-turbo", "seed-oss-36b", "mistral-7b-instruct", "sonar-pro",
    ],
)  # fmt: skip
def test_model_that_chats_is_taken_for_one(name: str):
    assert taken_of({"id": name}, {"id": "other"}) == name


OTHER = [
    {"type": "embeddings"},
    {"type": "embedding"},
    {"type": "image"},
    {"type": "rerank"},
    {"type": "transcribe"},
    {"task": "embed"},
    {"task": "feature-extraction"},
    {"pipeline_tag": "automatic-speech-recognition"},
    {"mode": "audio_transcription"},
    {"capabilities": ["embedding"]},
    {"capabilities": {"type": "embeddings"}},
    {"capabilities": {"chat_completion": False, "embeddings": True}},
    {"capabilities": {"completion_chat": False, "classification": True}},
    {"supportedGenerationMethods": ["embedContent"]},
    {"supported_endpoints": ["/v1/embeddings"]},
    {"supported_endpoint_types": ["embeddings"]},
    {"architecture": {"output_modalities": ["image"]}},
    {"output_modalities": ["audio"]},
    {"active": False},
    {"archived": True},
    {"status": "deprecated"},
]


@pytest.mark.parametrize("fields", OTHER, ids=str)
def test_list_says_itself_that_a_model_does_not_chat(fields: dict[str, Any]):
    assert taken_of({"id": "innocent-7b", **fields}, {"id": "llama"}) == "llama"


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "llm"},
        {"type": "chat"},
        {"capabilities": ["completion", "tools", "embedding"]},
        {"capabilities": {"completion_chat": True}},
        {"mode": "chat"},
        {"supported_endpoints": ["/v1/chat/completions"]},
        {"architecture": {"output_modalities": ["text"]}, "type": "chat"},
        {"object": "model", "owned_by": "llamacpp", "type": "llm", "status": {"value": "loaded"}},
    ],
    ids=str,
)
def test_list_says_itself_that_a_model_chats_whatever_its_name(fields: dict[str, Any]):
    assert taken_of({"id": "guardian-embedder", **fields}, {"id": "llama"}) == "guardian-embedder"


def test_list_of_odd_names_alone_gives_the_first_that_is_not_for_something_else():
    assert taken_of({"id": "e5", "type": "embeddings"}, {"id": "guardian"}, {"id": "tts"}) == "guardian"
    assert taken_of({"id": "e5", "type": "embeddings"}) is None


def test_one_model_can_be_left_out():
    assert best_for_chat([ListedModel("gone"), ListedModel("new")], without="gone") == "new"


@pytest.mark.parametrize(
    "content",
    [
        {"data": [{"id": "a"}]},
        {"object": "list", "data": [{"object": "model"}, {"id": "a"}]},
        {"models": [{"name": "a"}]},
        {"models": [{"model": "a"}], "data": None},
        [{"id": "a"}],
        {"data": ["a"]},
    ],
    ids=str,
)
def test_list_is_read_whatever_its_shape(content: Any):
    assert models_in(json.dumps(content).encode()) == [ListedModel("a")]


@pytest.mark.parametrize(
    "content", [b"<html>", b"7", b'{"data": [7]}', b"[1]", b'{"data": {}, "x": 1}', b"{}"]
)
def test_what_is_no_list_is_none(content: bytes):
    assert not models_in(content)
