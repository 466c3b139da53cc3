"""Nothing that is refused ends a talk, and nothing is forgotten without need."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.services import OPENAI
from tests.dialects.situations import DOWN, LOOK, world_with
from tests.dialects.standin import POISON, DialectStandin
from tests.support.answers import Raw, Reset, Status, events, html
from tests.support.http_wire import Exchange, Received


def error(status: int, message: str, **fields: Any) -> Status:
    return Status(status, body={"error": {"message": message, **fields}})


def in_stream(message: str, **fields: Any) -> Raw:
    return Raw([events({"error": {"message": message, **fields}})])


REFUSALS: dict[str, Any] = {
    "OpenAI": error(400, "Invalid prompt: your prompt was flagged.", code="invalid_prompt"),
    "Azure": error(400, "The response was filtered.", code="content_filter"),
    "DeepSeek": error(400, "Content Exists Risk", code="invalid_request_error"),
    "DashScope": error(400, "Input data may contain inappropriate content.", code="data_inspection_failed"),
    "Zhipu": error(400, "系统检测到输入或生成内容可能包含不安全或敏感内容", code="1301"),
    "moderation of a router": error(
        403, "Your chosen model requires moderation and your input was flagged for violence.", code=403
    ),
    "legal reasons": error(451, "Unavailable"),
    "validation": error(422, "messages.3.content: value is not valid", type="unprocessable_entity"),
    "no words at all": Status(400, body=b""),
    "a template, 400": error(400, "Error rendering prompt with jinja template"),
    "a template, 500": error(500, "Value is not callable: null at row 62, column 114", type="server_error"),
    "guardrail": error(400, "Content blocked by guardrail"),
    "a list": Status(
        400, body=[{"error": {"code": 400, "message": "Request contains an invalid argument."}}]
    ),
    "within the stream": in_stream("Invalid prompt", code="invalid_prompt", type="invalid_request_error"),
    "a request within the stream": in_stream("Bad input", code=400, type="invalid_request_error"),
    "MiniMax": Raw([events({"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}})]),
    "FastAPI's": Status(422, body={"detail": [{"msg": "String should match", "loc": ["body", "messages"]}]}),
}


def refusing(standin: DialectStandin, refusal: Any) -> None:
    """Every request that holds the poison is refused, all others are answered."""

    def reply(request: Received) -> Any:
        return (
            refusal if POISON in json.dumps(request.messages, ensure_ascii=False) else standin.says("Vale.")
        )

    standin.reply = reply


@pytest.fixture
def standin() -> DialectStandin:
    return PlainStandin(OPENAI)


class PlainStandin(DialectStandin):
    """OpenAI's dialect; what is refused is the test's to say."""

    async def _refuse_text(self, exchange: Exchange) -> None:
        self.requests.pop()
        await super(DialectStandin, self)._answer(exchange)


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=list(REFUSALS))
async def test_refused_text_is_in_no_later_prompt(
    standin: DialectStandin, refusal: Any, tmp_path: Path
) -> None:
    refusing(standin, refusal)
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            assert await world.asks("Hola") == "Vale."
            code = await world.fails_at(f"Dame {POISON}")
            asked = len(standin.requests)
            assert await world.asks("Otra cosa") == "Vale."
            assert await world.asks("¿Y?") == "Vale."

    later = [json.dumps(request.messages) for request in standin.requests[asked:]]
    assert code in ("content_filtered", "llm_bad_request")
    assert not [text for text in later if POISON in text]
    assert len(later) == 2, "and nobody had to find that out"
    assert "Hola" in later[1] and "Otra cosa" in later[1]


DOUBTFUL: dict[str, Any] = {
    "500 without words": error(500, "Internal Server Error"),
    "503": DOWN,
    "502 of a proxy": Status(502, body=b"<html>Bad Gateway</html>"),
    "an error within the stream": in_stream("The server had an error", type="server_error"),
    "an error of another shape": Raw([events({"base_resp": {"status_code": 1000, "status_msg": "no"}})]),
    "a broken connection": Reset(),
    "no event": Raw([b""]),
    "a page": html("<html>Request blocked</html>"),
    "a firewall's page": Status(403, body=b"<html>Request blocked</html>"),
}


@pytest.mark.parametrize("failure", DOUBTFUL.values(), ids=list(DOUBTFUL))
async def test_text_that_a_service_fails_at_without_saying_so_costs_its_own_turn_alone(
    standin: DialectStandin, failure: Any, tmp_path: Path
) -> None:
    refusing(standin, failure)
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            assert await world.asks("Hola") == "Vale."
            await world.fails_at(f"Dame {POISON}")
            assert await world.asks("Otra cosa") == "Vale."
            assert await world.asks("¿Y?") == "Vale.", "found out twice, an outage cannot be told from it"
            asked = len(standin.requests)
            assert await world.asks("¿Seguro?") == "Vale."

    assert [POISON in json.dumps(request.messages) for request in standin.requests[asked:]] == [False]
    assert all(text in world.last_prompt for text in ("Hola", "Otra cosa", "¿Y?"))


@pytest.mark.parametrize("failure", DOUBTFUL.values(), ids=list(DOUBTFUL))
async def test_text_that_fell_into_an_outage_is_in_the_prompt_again(
    standin: DialectStandin, failure: Any, tmp_path: Path
) -> None:
    """The outage ends between two requests of one turn: the one without the older text goes well."""
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            standin.reply = lambda _: failure
            await world.fails_at("Vivo en Lugo")
            standin.reply = lambda request: (
                failure if "Lugo" in json.dumps(request.messages) else standin.says("Vale.")
            )
            assert await world.asks("¿Estás ahí?") == "Vale."
            asked = len(standin.requests)
            standin.reply = lambda _: standin.says("Vale.")
            assert await world.asks("¿Dónde vivo?") == "Vale."
            assert "Vivo en Lugo" in world.last_prompt and "¿Estás ahí?" in world.last_prompt
            standin.reply = lambda _: failure
            await world.fails_at("¿Y ahora?")
            standin.reply = lambda request: (
                failure if "Y ahora" in json.dumps(request.messages) else standin.says("Vale.")
            )
            assert await world.asks("¿Hola?") == "Vale."
            standin.reply = lambda _: standin.says("Vale.")
            assert await world.asks("¿Y?") == "Vale."

    assert len(standin.requests) > asked
    assert "Vivo en Lugo" in world.last_prompt and "¿Y ahora?" in world.last_prompt


CHANCE: dict[str, Any] = {
    "no words at all": REFUSALS["no words at all"],
    "a list": REFUSALS["a list"],
    "content": REFUSALS["DeepSeek"],
    "validation": REFUSALS["validation"],
}


@pytest.mark.parametrize("refusal", CHANCE.values(), ids=list(CHANCE))
@pytest.mark.parametrize("is_narrower_refused", [False, True])
async def test_refusals_by_chance_cost_no_older_turn(
    standin: DialectStandin, refusal: Any, is_narrower_refused: bool, tmp_path: Path
) -> None:
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            standin.reply = lambda _: standin.says("Vale.")
            assert await world.asks("Me llamo Ana") == "Vale."
            assert await world.asks("Vivo en Lugo") == "Vale."
            standin.reply = lambda _: refusal
            await world.fails_at("Uno")
            if is_narrower_refused:
                await world.fails_at("Dos")
            else:
                standin.reply = lambda request: (
                    refusal if "Lugo" in json.dumps(request.messages) else standin.says("Vale.")
                )
                assert await world.asks("Dos") == "Vale."
            standin.reply = lambda _: standin.says("Vale.")
            assert await world.asks("Tres") == "Vale."

    assert "Me llamo Ana" in world.last_prompt and "Vivo en Lugo" in world.last_prompt
    assert ("Dos" in world.last_prompt) is not is_narrower_refused


@pytest.mark.parametrize("failure", DOUBTFUL.values(), ids=list(DOUBTFUL))
async def test_an_outage_forgets_nothing(standin: DialectStandin, failure: Any, tmp_path: Path) -> None:
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            world.script("Hola.")
            assert await world.asks("Me llamo Ana") == "Hola."
            standin.reply = lambda _: failure
            for text in ("Vivo en Lugo", "Tengo dos gatos", "¿Estás ahí?"):
                await world.fails_at(text)
            down = len(standin.requests) - 1
            standin.reply = lambda _: standin.says("Vale.")
            assert await world.asks("¿Qué sabes de mí?") == "Vale."

    prompt = world.last_prompt
    assert all(text in prompt for text in ("Me llamo Ana", "Vivo en Lugo", "Tengo dos gatos", "¿Estás ahí?"))
    # One more request for each turn behind a failed one; and one for a connection that may have been stale.
    assert down in (5, 6)


FOR_OTHERS: dict[str, Any] = {
    "key": error(401, "Incorrect API key provided", code="invalid_api_key"),
    "no access": error(403, "You do not have access to this model"),
    "busy": error(429, "Rate limit reached", code="rate_limit_exceeded"),
    "no model": error(404, "The model does not exist", code="model_not_found"),
    "no money": error(402, "Insufficient Balance"),
    "no money, 400": error(400, "Your credit balance is too low to access the API."),
    "an account": error(400, "Access denied, your account is not in good standing.", code="Arrearage"),
    "Gemini's key": Status(
        400, body=[{"error": {"message": "API key not valid. Please pass a valid API key."}}]
    ),
}


@pytest.mark.parametrize("failure", FOR_OTHERS.values(), ids=list(FOR_OTHERS))
async def test_what_is_wrong_with_the_account_forgets_nothing(
    standin: DialectStandin, failure: Any, tmp_path: Path
) -> None:
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            standin.reply = lambda _: failure
            codes = {await world.fails_at(text) for text in ("Me llamo Ana", "Vivo en Lugo")}
            asked = len(standin.requests)
            standin.reply = lambda _: standin.says("Vale.")
            assert await world.asks("¿Qué sabes de mí?") == "Vale."

    assert codes <= {"llm_auth", "llm_rate_limited", "llm_not_found"}
    assert "Me llamo Ana" in world.last_prompt and "Vivo en Lugo" in world.last_prompt
    assert asked == 2, "nothing was asked twice"


async def test_refused_result_of_a_tool_is_in_no_later_prompt(
    standin: DialectStandin, tmp_path: Path
) -> None:
    refusing(standin, REFUSALS["DeepSeek"])
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            call = standin.calls((LOOK, {"seconds": 0, "tag": "uno", "result": "vene" + "no"}))
            world.script(call)
            assert await world.fails_at("Mira uno") == "content_filtered"
            assert await world.asks("Otra cosa") == "Vale."

    assert "Mira uno" in world.last_prompt
    assert POISON not in world.last_prompt


@pytest.mark.parametrize(
    "refusal", [REFUSALS["DeepSeek"], REFUSALS["a template, 500"], DOUBTFUL["500 without words"]]
)
async def test_talk_with_a_refused_text_goes_on_after_a_restart(
    standin: DialectStandin, refusal: Any, tmp_path: Path
) -> None:
    refusing(standin, refusal)
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            assert await world.asks("Hola") == "Vale."
            await world.fails_at(f"Dame {POISON}")
            token, session_id = world.client.token, world.client.session_id
            await world.client.drops()
        for _ in range(2):
            async with world.serving():
                world.client.token, world.client.session_id = token, session_id
                assert (await world.client.resumes())["type"] == "session_resumed"
                asked = len(standin.requests)
                assert await world.asks("¿Sigues?") == "Vale."
                assert await world.asks("¿Seguro?") == "Vale."
                token = world.client.token
                await world.client.drops()

    later = [POISON in json.dumps(request.messages) for request in standin.requests[asked:]]
    assert later == [False, False], "it was found out once"
    assert "Hola" in world.last_prompt


async def test_talk_whose_history_a_new_model_refuses_goes_on(
    standin: DialectStandin, tmp_path: Path
) -> None:
    """What the service took before, it refuses now: another filter, another template."""
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            world.script("Vale.")
            standin.reply = lambda _: standin.says("Vale.")
            assert await world.asks("Hola") == "Vale."
            standin.reply = lambda request: (
                REFUSALS["a template, 400"]
                if "Hola" in json.dumps(request.messages)
                else standin.says("Sigo.")
            )
            await world.fails_at("¿Qué tal?")
            assert await world.asks("¿Estás?") == "Sigo."
            assert await world.asks("Ya") == "Sigo.", "twice, or it may have been chance"
            asked = len(standin.requests)
            assert await world.asks("Bien") == "Sigo."

    assert len(standin.requests) == asked + 1


async def test_answer_that_a_filter_kept_back_whole_is_a_refusal(
    standin: DialectStandin, tmp_path: Path
) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": "content_filter"}]}
    refusing(standin, Raw([events(chunk, "[DONE]")]))
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            assert await world.fails_at(f"Dame {POISON}") == "content_filtered"
            assert await world.asks("Otra cosa") == "Vale."

    assert POISON not in world.last_prompt


async def test_what_a_back_end_has_added_outlives_a_refused_text(
    standin: DialectStandin, tmp_path: Path
) -> None:
    refusing(standin, REFUSALS["DeepSeek"])
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            await world.contributes("El pedido es el 7.", "context")
            assert await world.fails_at(f"Dame {POISON}") == "content_filtered"
            assert await world.asks("¿Qué pedido?") == "Vale."

    assert "El pedido es el 7." in world.last_prompt


async def test_what_a_back_end_has_added_and_a_service_refuses_leaves(
    standin: DialectStandin, tmp_path: Path
) -> None:
    refusing(standin, REFUSALS["DeepSeek"])
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            await world.contributes(f"Lleva {POISON}.", "context")
            assert await world.asks("Hola") == "Vale.", "nobody has said anything wrong"
            asked = len(standin.requests)
            assert await world.asks("¿Y?") == "Vale."

    assert len(standin.requests) == asked + 1


async def test_text_that_brings_empty_answers_costs_its_own_turn_alone(
    standin: DialectStandin, tmp_path: Path
) -> None:
    refusing(standin, Raw([events("[DONE]")]))
    async with standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            assert await world.asks("Hola") == "Vale."
            assert await world.asks(f"Dame {POISON}") not in ("", "Vale.")
            assert await world.asks("Otra cosa") == "Vale."
            assert await world.asks("¿Y?") == "Vale."

    assert POISON not in world.last_prompt
