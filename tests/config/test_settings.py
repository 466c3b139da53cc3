"""Every setting: its default, what it may be, and the one line that stops the start when it is wrong."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.forms import MIB
from config.settings import Settings, SettingsError, load_settings
from tests.support.context import OF_TESTS, settings_with

AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com",
    "AZURE_OPENAI_API_KEY": "azure-key-0123456789",
    "AZURE_OPENAI_DEPLOYMENT_NAME": "talker",
}

WRONG = {
    "llm_provider": ["claude", "AZURE "],
    "azure_openai_endpoint": ["example.com", "ftp://example.com"],
    "openai_base_url": ["localhost:11434", "file:///etc/passwd"],
    "public_url": ["voice.example.com", "wss://voice.example.com", "https://voice.example.com/?a=b"],
    "phone_greeting": ["x" * 1001],
    "phone_caller_is_user": ["perhaps"],
    "phone_locale": ["fr", "ES"],
    "telnyx_public_key": ["no-key", "c2hvcnQ="],
    "public_ip_url": ["api.ipify.org"],
    "weather_url": ["ws://example.com"],
    "weather_provider": ["real"],
    "agent_locale": ["fr", "ES"],
    "agent_name": ["x" * 101],
    "agent_greeting": ["x" * 4001],
    "agent_instructions": ["@/no/such/file", "@."],
    "log_level": ["LOUD", "10"],
    "log_format": ["xml"],
    "otel_traces": ["jaeger"],
    "otel_exporter_otlp_endpoint": ["localhost:4318"],
    "otel_capture_content": ["perhaps"],
    "http_tool_allowed_private": [
        "http://localhost",
        "::1",
        "local host",
        "a:b",
        "h:999999",
        "h:70000",
        "u@h",
        "[x]",
        "/",
    ],
    "temperature": ["-0.1", "2.1", "nan", "warm"],
    "max_tokens": ["0", "-1", "1.5", "many"],
    "max_history_tokens": ["99", "16k"],
    "max_response_chars": ["0"],
    "llm_max_retries": ["-1", "11", "twice"],
    "port": ["-1", "65536", "http", "80.5"],
    "max_sessions": ["0"],
    "tool_result_max_chars": ["99"],
    "tool_threads": ["0", "1001"],
    "max_tool_rounds": ["-1", "101"],
    "max_tool_calls": ["0", "129"],
    "max_agent_turns": ["-1"],
    "max_queued_messages": ["-1"],
    "max_messages_per_s": ["0"],
    "max_messages_burst": ["0", "many"],
    "max_pending_connections": ["0", "-1"],
    "max_message_bytes": ["1023", str(16 * MIB + 1), "1MiB"],
    "outbox_max_messages": ["0"],
    "outbox_max_bytes": ["1023"],
    "api_tokens": [
        "ana",
        "ana=short:user",
        "ana=long-enough:boss",
        "=long-enough:user",
        "a=12345678:user,b=12345678:user",
    ],
    "database_url": ["data.db", "mysql://host/talks", "sqlite://"],
    "session_retention_days": ["0", "36501", "1.5"],
    "resume_ring_messages": ["-1", "1e3"],
    "resume_ring_bytes": ["-1", "1MiB"],
    "shutdown_grace_s": ["-1", "3601", "nan"],
    "drain_grace_s": ["-1", "3601", "nan"],
    "tool_inline_wait_s": ["-0.1", "soon", "nan"],
    "tool_approval": ["on"],
    "voice": ["maybe"],
    "models_from": ["hub"],
    "stt_provider": ["whisper"],
    "stt_context": ["30"],
    "stt_language": ["fr"],
    "stt_workers": ["0", "65"],
    "stt_queue": ["-1"],
    "tts_provider": ["kokoro"],
    "tts_speed": ["0.4", "2.1"],
    "tts_workers": ["0", "65"],
    "tts_queue": ["-1"],
    "interrupt_mode": ["sometimes"],
    "emotion": ["happy"],
    "max_audio_seconds": ["0.5", "3601"],
    "max_audio_message_bytes": ["1023", str(16 * MIB + 1)],
    "jwt_algorithms": ["none", "RS256,HS256", "RS1"],
    "jwt_leeway_s": ["-1", "61", "nan"],
    "ticket_lifetime_s": ["0", "301", "nan"],
    "allowed_origins": ["app.example.com", "*", "https://a.example/path"],
    "allowed_hosts": ["https://a.example", "a.example:80"],
    "trusted_proxies": ["proxy.example", "10.0.0.1/8"],
    "max_sessions_per_ip": ["-1", "many"],
    "max_texts_per_session_hour": ["-1"],
    "max_tokens_per_user_hour": ["-1"],
    "max_tool_calls_per_user_hour": ["-1"],
    "max_memory_mb": ["-1", "1G"],
    "jwt_key": ["no-pem", "x" * 40],
    "root_path": ["voice", "/a b", "/../x", "https://a.example/voice"],
    "frame_ancestors": ["*", "none,self", "app.example.com", "https://a.example/path"],
    "page_title": ["x" * 101],
    "page_color": ["blue", "#12345", "#12345g"],
    "page_logo": ["/no/such/file", "."],
    "page_languages": ["fr", "es,fr", ","],
    "page_suggestions_es": ["x" * 201, "|".join("abcdefghi")],
    "page_suggestions_en": ["x" * 201, "|".join("abcdefghi")],
    "fleet_address": ["10.0.0.5:9000", "http://10.0.0.5", "ftp://10.0.0.5:9000"],
    "fleet_bind": ["9000", "host:", "host:99999", "a b:1"],
    "fleet_secret": ["short", ",".join(["s" * 32] * 3)],
    "realtime_client_instructions": ["perhaps"],
}
for _name in Settings.model_fields:
    if _name.endswith("_s") and _name not in WRONG and _name != "max_messages_per_s":
        WRONG[_name] = ["0", "-1", "86401", "nan", "inf", "30s"]

ANY_TEXT = {
    "twilio_auth_token",
    "plivo_auth_token",
    "vonage_signature_secret",
    "jwt_jwks_file",  # what cannot be read is found out when the server is made
    "jwt_audience",
    "jwt_issuer",
    "jwt_user_claim",
    "jwt_role_claim",
    "jwt_backend_role",
    "jwt_admin_role",
    "otel_exporter_otlp_headers",
    "otel_service_name",
    "azure_openai_api_key",
    "azure_openai_api_version",
    "azure_openai_deployment_name",
    "openai_api_key",
    "openai_model",
    "host",  # what cannot be bound is found out when it is bound
    "tools",  # names are checked where the tools are known
    "tools_dir",
    "tools_need_approval",  # names of tools that are not there do no harm
    "models_dir",  # what is not there is found out when voice is started
    "stt_model",
    "azure_openai_stt_deployment",
    "azure_openai_tts_deployment",
    "tts_voice_es",
    "tts_voice_en",
}
"""Settings that any text may be; only what is no text at all is wrong."""


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    line = str(caught.value)
    assert "\n" not in line and 0 < len(line) < 300
    return line


def test_every_setting_is_tried_with_wrong_values():
    assert set(WRONG) | ANY_TEXT == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_wrong_value_stops_the_start_with_one_line_that_names_the_setting(
    env: pytest.MonkeyPatch, name: str, value: str
):
    env.setenv(name.upper(), value)

    assert refusal().startswith(f"{name.upper()}: ")


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_bytes_that_are_no_text_stop_the_start(env: pytest.MonkeyPatch, name: str):
    for azure, value in AZURE.items():
        env.setenv(azure, value)
    env.setenv(name.upper(), "https://secret\udcff")

    line = refusal()

    assert line.startswith(f"{name.upper()}: ")
    assert "secret" not in line


def test_line_names_every_setting_that_is_wrong(env: pytest.MonkeyPatch):
    env.setenv("PORT", "x")
    env.setenv("LOG_FORMAT", "y")

    assert {part.partition(":")[0] for part in refusal().split("; ")} == {"PORT", "LOG_FORMAT"}


@pytest.mark.parametrize("provider", ["auto", "azure"])
@pytest.mark.parametrize("missing", list(AZURE))
def test_azure_in_part_is_refused_and_says_what_is_missing(
    env: pytest.MonkeyPatch, provider: str, missing: str
):
    env.setenv("LLM_PROVIDER", provider)
    for name, value in AZURE.items():
        env.setenv(name, "" if name == missing else value)

    line = refusal()

    assert line.startswith(f"{missing}: missing")
    assert all(value not in line for value in AZURE.values())


@pytest.mark.parametrize("provider", ["openai", "demo"])
def test_azure_in_part_does_not_matter_to_another_provider(env: pytest.MonkeyPatch, provider: str):
    env.setenv("LLM_PROVIDER", provider)
    env.setenv("AZURE_OPENAI_API_KEY", "k")

    assert load_settings().provider == provider


@pytest.mark.parametrize(
    ("variables", "provider"),
    [
        ({}, "demo"),
        (AZURE, "azure"),
        ({"OPENAI_API_KEY": "k"}, "openai"),
        ({"OPENAI_BASE_URL": "http://localhost:11434/v1"}, "openai"),
        ({**AZURE, "OPENAI_API_KEY": "k"}, "azure"),
        ({**AZURE, "LLM_PROVIDER": "demo"}, "demo"),
        ({"OPENAI_MODEL": "m"}, "demo"),
        ({"OPENAI_API_KEY": ""}, "demo"),
    ],
)
def test_provider_is_chosen_by_what_is_set(env: pytest.MonkeyPatch, variables: dict[str, str], provider: str):
    for name, value in variables.items():
        env.setenv(name, value)

    assert load_settings().provider == provider


def test_empty_value_stands_for_the_default(env: pytest.MonkeyPatch):
    for name in Settings.model_fields:
        env.setenv(name.upper(), "")

    own = {name: Settings.model_fields[name].default for name in OF_TESTS}
    assert load_settings().model_dump() == settings_with(**own).model_dump()


@pytest.mark.parametrize("mark", ['"', "'", "`"])
def test_quotes_that_came_along_are_no_part_of_the_databases_address(env: pytest.MonkeyPatch, mark: str):
    env.setenv("DATABASE_URL", f" {mark}postgres://u:p@h/db{mark} ")

    assert load_settings().database_url == "postgres://u:p@h/db"


def test_defaults_are_the_documented_ones():
    made = settings_with()

    assert (made.host, made.port, made.agent_locale, made.llm_provider) == ("127.0.0.1", 8000, "es", "auto")
    assert made.azure_openai_api_version == "2024-02-15-preview"
    assert (made.tool_timeout_s, made.tool_inline_wait_s, made.tool_progress_interval_s) == (30, 1, 5)
    assert (made.max_tool_rounds, made.max_tool_calls, made.max_agent_turns) == (5, 16, 5)
    assert (made.max_queued_messages, made.max_messages_per_s, made.max_message_bytes) == (8, 20, MIB)
    assert (made.outbox_max_messages, made.outbox_max_bytes, made.max_sessions) == (1000, MIB, 10_000)
    assert (made.resume_window_s, made.resume_ring_messages, made.resume_ring_bytes) == (120, 1000, MIB)
    assert (made.max_history_tokens, made.turn_timeout_s, made.max_response_chars) == (16_000, 120, 100_000)
    assert (made.shutdown_grace_s, made.ws_ping_interval_s, made.ws_ping_timeout_s) == (8, 20, 20)
    assert made.drain_grace_s == 30
    assert (made.llm_max_retries, made.llm_stall_timeout_s, made.llm_first_token_timeout_s) == (2, 30, 60)
    assert (made.tool_result_max_chars, made.tool_threads) == (8000, 16)


def test_dot_env_is_read_and_the_environment_goes_before_it(env: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".env").write_text("PORT=9001\nAGENT_NAME=Íñigo\nSOMETHING_ELSE=1\n", encoding="utf-8")
    env.setenv("PORT", "9002")

    made = load_settings()

    assert (made.port, made.agent_name) == (9002, "Íñigo")


def test_dot_env_that_is_no_text_stops_the_start(env: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / ".env").write_bytes(b"AGENT_NAME=I\xf1igo\n")

    assert refusal().startswith(".env: ")


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("calculate", ("calculate",)),
        (" a ,b,, ", ("a", "b")),
        ("123", ("123",)),
        (",", ()),
        ("null", ("null",)),
    ],
)
def test_lists_are_written_with_commas(env: pytest.MonkeyPatch, value: str, names: tuple[str, ...]):
    env.setenv("TOOLS", value)

    assert load_settings().tools == names


@pytest.mark.parametrize(
    "entry", ["localhost", "localhost:11434", "10.0.0.5:80", "[::1]", "[::1]:8080", "api.internal"]
)
def test_private_addresses_are_hosts_with_or_without_a_port(env: pytest.MonkeyPatch, entry: str):
    env.setenv("HTTP_TOOL_ALLOWED_PRIVATE", f"other, {entry}")

    assert load_settings().http_tool_allowed_private == ("other", entry)


def test_instructions_may_stand_in_a_file(env: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "who.txt").write_text("Eres Íñigo.\n", encoding="utf-8")
    env.setenv("AGENT_INSTRUCTIONS", "@who.txt")

    assert load_settings().agent_instructions == "Eres Íñigo.\n"


def test_instructions_in_a_file_that_is_no_text_stop_the_start(env: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "who.txt").write_bytes(b"\xff\xfe")
    env.setenv("AGENT_INSTRUCTIONS", "@who.txt")

    assert refusal().startswith("AGENT_INSTRUCTIONS: the file who.txt cannot be read")


def test_instructions_that_are_no_file_are_taken_as_they_are(env: pytest.MonkeyPatch):
    env.setenv("AGENT_INSTRUCTIONS", "Escribe a ana@example.com")

    assert load_settings().agent_instructions == "Escribe a ana@example.com"


def test_level_may_be_written_in_small_letters(env: pytest.MonkeyPatch):
    env.setenv("LOG_LEVEL", "debug")

    assert load_settings().log_level == "DEBUG"


def test_secrets_are_shown_nowhere(env: pytest.MonkeyPatch):
    for name, value in AZURE.items():
        env.setenv(name, value)
    env.setenv("OPENAI_API_KEY", "openai-key-0123456789")

    made = load_settings()

    shown = repr(made) + str(made) + made.model_dump_json()
    assert "0123456789" not in shown
    secrets: list[Any] = [made.azure_openai_api_key, made.openai_api_key]
    assert [type(secret) for secret in secrets] == [SecretStr, SecretStr]


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        settings_with().port = 1  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "PUBLIC_IP_URL", "WEATHER_URL", "AZURE_OPENAI_ENDPOINT"])
@pytest.mark.parametrize(
    "value", ["http://", "http://[::1", "http://x:99999", "http://x y:1", "https:///x", "ftp://x"]
)
def test_an_address_that_is_none_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k" * 10)
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "d")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://ok.example")
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("voice", "maybe", "true or false (yes and no, on and off, 1 and 0"),
        ("port", "eighty", "whole number"),
        ("max_sessions", "1.5", "whole number"),
        ("tts_speed", "fast", "a number, such as"),
        ("llm_provider", "opnai", "'auto', 'azure', 'openai' or 'demo'"),
        ("log_level", "loud", "'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'"),
    ],
)
def test_wrong_value_is_answered_by_what_counts(env: pytest.MonkeyPatch, name: str, value: str, said: str):
    env.setenv(name.upper(), value)

    line = refusal()
    assert line.startswith(f"{name.upper()}: must be ") and said in line


@pytest.mark.parametrize(
    "url",
    [
        "http://http://host",
        "http://host:",
        "http://a..b",
        "http://.a",
        "http://-a.example",
        "http://a-.example",
        "http://1.2.3.4.5",
        "http://300.1.1.1",
        "http://1.2.3",
        "http://[::1",
        "http://[1::2::3]",
        "http://a b",
        "http://a\\b",
        "http://<resource>.openai.azure.com",
        "http://{host}/v1",
        "http://" + "a" * 64 + ".example",
        "http://" + "a." * 200 + "example",
        "http:/host",
        "//host",
        "host:80",
        "http://:80",
        "http://host:0",
        "http://host:99999",
        "http://host:port",
    ],
)
@pytest.mark.parametrize(
    "name", ["public_ip_url", "weather_url", "otel_exporter_otlp_endpoint", "openai_base_url"]
)
def test_address_of_a_host_that_cannot_be_stops_the_start(env: pytest.MonkeyPatch, name: str, url: str):
    env.setenv(name.upper(), url)

    assert refusal().startswith(f"{name.upper()}: must be an address")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "https://api.example.com/v1?x=1",
        "http://[::1]:8080/v1",
        "http://llama_cpp:8080",
        "http://host.docker.internal:1234/v1",
        "https://café.example/v1",
        "http://10.0.0.1",
        "https://example.com./v1",
    ],
)
def test_address_of_a_host_that_can_be_is_taken(env: pytest.MonkeyPatch, url: str):
    env.setenv("OPENAI_BASE_URL", url)

    assert load_settings().openai_base_url
