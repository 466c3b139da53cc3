"""Who may call: nobody until there is a token, and then what Twilio signs alone."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from app.services.auth.call_gate import signature
from app.speech.base import VoiceEngines
from app.speech.pcm import Resampler
from config.settings import Settings
from tests.phone.twilio import CALL, CALLER, SECRET, Stream, call_to, rings, stream_of, url_of
from tests.support.context import settings_with
from tests.support.ears import FullStops, Vocabulary, WordRecogniser, new_senses
from tests.support.scripted import ScriptedModel
from tests.support.server import PATIENCE_S, Server, running_server
from tests.support.voices import CommaSplitter, WordySynthesiser


def phone(**settings: Any) -> Settings:
    return settings_with(llm_provider="demo", twilio_auth_token=SECRET, phone_greeting="off", **settings)


def speech() -> VoiceEngines:
    senses = new_senses(WordRecogniser(Vocabulary()), FullStops())
    return VoiceEngines(senses, WordySynthesiser(), CommaSplitter, new_rate=Resampler)


def serving(settings: Settings | None = None) -> Any:
    return running_server(settings or phone(), provider=ScriptedModel([]), engines=speech())


async def asked(server: Server, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.request(method, url_of(server, path), **options)


async def has_session(server: Server) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while not len(server.service.sessions):  # noqa: ASYNC110  # the product needs no event for it
            await asyncio.sleep(0.01)
    (live,) = server.service.sessions
    return live


async def test_there_is_no_telephone_until_it_is_set_up():
    async with serving(settings_with(llm_provider="demo")) as server:
        codes = [(await asked(server, method, "/twilio/voice")).status_code for method in ("GET", "POST")]
        with pytest.raises(InvalidStatus) as refused:
            async with stream_of(server):
                pass

    assert codes == [404, 404] and refused.value.response.status_code == 404


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("given", [None, "", "bm8=", signature("another", "x")])
async def test_unsigned_request_is_refused(method: str, given: str | None):
    headers = {} if given is None else {"X-Twilio-Signature": given}
    async with serving() as server:
        answer = await asked(server, method, "/twilio/voice?CallSid=CA1&From=%2B1", headers=headers)

    assert answer.status_code == 403 and "<" not in answer.text.partition("{")[0]


async def test_answer_says_where_the_stream_is_and_gives_a_pass():
    async with serving() as server:
        answer = await rings(server, From='+34"<&>')
        stream = Stream.of(answer.text)

        assert answer.headers["content-type"].startswith("text/xml")
        assert stream.url == url_of(server, "/twilio", "ws")
        assert stream.parameters["caller"] == '+34"<&>'
        assert server.service.calls is not None and server.service.calls.has_pass(CALL, stream.parameters)


@pytest.mark.parametrize(("locale", "said"), [("es", "Ahora no puedo"), ("en", "I cannot take calls")])
async def test_where_there_is_no_speech_the_caller_is_told_so(locale: str, said: str):
    settings = phone(phone_locale=locale)
    async with running_server(settings, provider=ScriptedModel([]), engines=VoiceEngines()) as server:
        answer = await rings(server)

    assert said in answer.text and "<Hangup/>" in answer.text and "<Stream" not in answer.text


async def test_asked_by_get_all_is_in_the_address():
    query = f"/twilio/voice?CallSid={CALL}&From=%2B34600000001"
    async with serving() as server:
        headers = {"X-Twilio-Signature": signature(SECRET, url_of(server, query))}
        answer = await asked(server, "GET", query, headers=headers)

    assert Stream.of(answer.text).parameters["caller"] == CALLER


@pytest.mark.parametrize("body", [b"\xff\xfe", b"&".join([b"a=1"] * 300)])
async def test_what_is_no_form_is_refused(body: bytes):
    async with serving() as server:
        answer = await asked(server, "POST", "/twilio/voice", content=body)

    assert answer.status_code == 400


async def test_public_url_is_what_is_signed_and_dialled():
    public = "https://voice.example.com/agent"
    form = {"CallSid": CALL, "From": CALLER}
    headers = {"X-Twilio-Signature": signature(SECRET, f"{public}/twilio/voice", form.items())}
    async with serving(phone(public_url=f"{public}/")) as server:
        answer = await asked(server, "POST", "/twilio/voice", data=form, headers=headers)

    assert Stream.of(answer.text).url == "wss://voice.example.com/agent/twilio"


FORWARDED = {"X-Forwarded-Host": "voice.example.com", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(("proxies", "is_believed"), [("127.0.0.1", True), ("", False)])
async def test_host_and_scheme_are_those_that_a_trusted_proxy_says(proxies: str, is_believed: bool):
    form = {"CallSid": CALL, "From": CALLER}
    given = signature(SECRET, "https://voice.example.com/twilio/voice", form.items())
    settings = phone(trusted_proxies=proxies, allowed_hosts="voice.example.com")
    async with serving(settings) as server:
        answer = await asked(
            server, "POST", "/twilio/voice", data=form, headers={"X-Twilio-Signature": given, **FORWARDED}
        )

    assert answer.status_code == (200 if is_believed else 403)
    if is_believed:
        assert Stream.of(answer.text).url == "wss://voice.example.com/twilio"


@pytest.mark.parametrize("tokens", ["", "ana=good-token-of-ana:user"])
async def test_stream_with_a_pass_is_let_in_also_where_tokens_are_asked_for(tokens: str):
    async with serving(phone(api_tokens=tokens)) as server, call_to(server):
        live = await has_session(server)

        assert live.session.user_id == "anonymous"


@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_stream_that_twilio_has_signed_is_let_in(scheme: str):
    async with serving() as server:
        headers = {"X-Twilio-Signature": signature(SECRET, url_of(server, "/twilio", scheme))}
        async with stream_of(server, additional_headers=headers) as call:
            await call.starts()
            await has_session(server)


STOLEN: list[Mapping[str, str]] = [
    {},
    {"pass": ""},
    {"caller": CALLER, "pass": "9999999999.0"},
]


@pytest.mark.parametrize("parameters", STOLEN)
@pytest.mark.parametrize("tokens", ["", "ana=good-token-of-ana:user"])
async def test_stream_without_signature_and_pass_is_closed(parameters: Mapping[str, str], tokens: str):
    async with serving(phone(api_tokens=tokens)) as server:
        headers = {"X-Twilio-Signature": "bm8=", "Authorization": "Bearer good-token-of-ana"}
        async with stream_of(server, additional_headers=headers) as call:
            await call.starts(**parameters)
            async with asyncio.timeout(PATIENCE_S):
                await call.socket.wait_closed()

        assert call.socket.close_code == 4401
        assert len(server.service.sessions) == 0


async def test_pass_of_another_caller_is_none():
    async with serving() as server:
        stream = Stream.of((await rings(server)).text)
        async with stream_of(server, stream) as call:
            await call.starts(**{**stream.parameters, "caller": "+34999999999"})
            async with asyncio.timeout(PATIENCE_S):
                await call.socket.wait_closed()

    assert call.socket.close_code == 4401


@pytest.mark.parametrize(("is_user", "user_id"), [(True, CALLER), (False, "anonymous")])
async def test_callers_number_is_their_user_id_where_that_is_wanted(is_user: bool, user_id: str):
    async with serving(phone(phone_caller_is_user=is_user)) as server, call_to(server):
        live = await has_session(server)

        assert live.session.user_id == user_id


async def test_call_is_ended_after_its_longest_time():
    async with serving(phone(phone_max_call_s=0.3)) as server, call_to(server) as call:
        async with asyncio.timeout(PATIENCE_S):
            await call.socket.wait_closed()
            await server.is_empty()

    assert call.socket.close_code == 1000
