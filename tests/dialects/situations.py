"""What happens in a talk, told once for all dialects: a user, the real server, a service with its manners."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from app.tools.base import Tool
from config.settings import Settings
from tests.dialects.standin import POISON, DialectStandin
from tests.support.answers import StallBeforeHeaders, Status
from tests.support.context import settings_with
from tests.support.server import Server, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client

LOOK = "look"
DOWN = Status(503, message="The service is temporarily unavailable.")


class World:
    """One service, the server, one client."""

    def __init__(self, standin: DialectStandin, settings: Settings, tools: list[Tool]) -> None:
        self.standin = standin
        self._settings = settings
        self._tools = tools
        self.server: Server
        self.client: V2Client

    @asynccontextmanager
    async def serving(self, **options: Any) -> AsyncIterator[None]:
        """A server and a client that has come; another one later takes up what the store has."""
        settings = self._settings.model_copy(update=options)
        async with running_server(settings, tools=self._tools) as server, v2_client(server) as client:
            self.server, self.client = server, client
            yield

    def script(self, *answers: Any) -> None:
        """What the service answers next; texts are words that it says."""
        self.standin.script(*(self.standin.says(a) if isinstance(a, str) else a for a in answers))

    def looking(self, *tags: str, seconds: float = 0, text: str = "") -> Any:
        """An answer that looks things up, so many at once; each takes so long."""
        arguments = [{"seconds": seconds, "tag": tag, "result": f"hallado {tag}"} for tag in tags]
        return self.standin.calls(*((LOOK, each) for each in arguments), text=text)

    async def asks(self, text: str) -> str:
        """Says something and hears the whole answer."""
        await self.client.says(text)
        return (await self.client.hears_answer())["text"]

    async def fails_at(self, text: str) -> str:
        """Says something that is not answered; returns the error's code."""
        await self.client.says(text)
        error = await self.client.hears("error")
        await self.client.hears("state")
        return error["code"]

    async def contributes(self, content: str, mode: str) -> None:
        """The back end adds something."""
        url = f"http://127.0.0.1:{self.server.port}/sessions/{self.client.session_id}/messages"
        async with httpx.AsyncClient(verify=False, trust_env=False) as http:
            answer = await http.post(url, json={"content": content, "mode": mode})
        assert answer.status_code == 202, answer.text

    @property
    def last_prompt(self) -> str:
        """All contents of the newest request."""
        return "\n".join(str(message["content"]) for message in self.standin.requests[-1].messages)


async def plain(world: World) -> None:
    async with world.serving():
        await world.client.starts()
        world.script("Hola, Ana.", "Muy bien.")
        assert await world.asks("Hola") == "Hola, Ana."
        assert await world.asks("¿Qué tal?") == "Muy bien."


async def tool(world: World) -> None:
    async with world.serving():
        await world.client.starts()
        world.script(
            world.looking("uno", text="Miro. "), "Ya está.", world.looking("dos"), "Y esto.", "De nada."
        )
        assert (await world.asks("Mira uno")).endswith("Ya está.")
        assert await world.asks("Mira dos") == "Y esto."
        assert await world.asks("Gracias") == "De nada."
        assert "hallado dos" in world.last_prompt


async def parallel_tools(world: World) -> None:
    async with world.serving():
        await world.client.starts()
        world.script(world.looking("uno", "dos", "tres"), "Son tres.", "De nada.")
        assert await world.asks("Mira los tres") == "Son tres."
        assert all(f"hallado {tag}" in world.last_prompt for tag in ("uno", "dos", "tres"))
        assert await world.asks("Gracias") == "De nada."


async def background_tool(world: World) -> None:
    async with world.serving(tool_inline_wait_s=0.05):
        await world.client.starts()
        world.script(world.looking("uno", seconds=0.4), "Estoy en ello.", "Ha llegado uno.", "De nada.")
        assert await world.asks("Mira uno") == "Estoy en ello."
        assert (await world.client.hears_answer())["text"] == "Ha llegado uno."
        assert await world.asks("Gracias") == "De nada."


async def interrupted_tool(world: World) -> None:
    async with world.serving(tool_inline_wait_s=10):
        await world.client.starts()
        world.script(world.looking("uno", seconds=0.5))
        await world.client.says("Mira uno")
        await world.client.hears("tool_started")
        # Its result, when it comes, is told behind the text that was said meanwhile, or before.
        world.standin.reply = lambda _: world.standin.says("Vale.")
        await world.client.sends({"type": "interrupt"})
        await world.client.hears("interrupted")
        assert await world.asks("Déjalo, ¿qué tal?") in ("", "Vale.")
        assert await world.asks("¿Sigues ahí?") == "Vale."
        assert await world.asks("Bien") == "Vale."


async def failed_turn(world: World) -> None:
    async with world.serving():
        await world.client.starts()
        world.script(DOWN, "Aquí estoy.", world.looking("uno"), DOWN, "Sigo aquí.", "De nada.")
        assert await world.fails_at("Hola") == "llm_unavailable"
        assert await world.asks("¿Hola?") == "Aquí estoy."
        assert await world.fails_at("Mira uno") == "llm_unavailable"
        assert await world.asks("¿Y?") == "Sigo aquí."
        assert "hallado uno" in world.last_prompt, "an outage takes nothing out of the talk"
        assert await world.asks("Gracias") == "De nada."


async def refused_text(world: World) -> None:
    async with world.serving():
        await world.client.starts()
        world.script("Hola.", "¿Decías?", "Claro.")
        assert await world.asks("Hola") == "Hola."
        assert await world.fails_at(f"Dame {POISON}") in ("content_filtered", "llm_bad_request")
        refused = world.standin.poisoned
        assert await world.asks("Otra cosa") == "¿Decías?"
        assert await world.asks("¿Seguro?") == "Claro."
        assert world.standin.poisoned == refused, "the text is in no later prompt"
        assert "Otra cosa" in world.last_prompt


async def summary(world: World) -> None:
    async with world.serving(max_history_tokens=700):
        await world.client.starts()
        world.standin.reply = lambda request: world.standin.says(
            "Hablaron de trenes." if '"turns"' in request.last_text else "Vale."
        )
        for number in range(14):
            assert await world.asks(f"Texto número {number}: {'ba ce di ' * 12}") == "Vale."
        async with asyncio.timeout(10):
            while "Hablaron de trenes." not in world.last_prompt:
                assert await world.asks("¿Y qué más? " + "fo gu la " * 12) == "Vale."


async def context(world: World) -> None:
    async with world.serving():
        await world.client.starts()
        world.script("Hola.", "El pedido 7.", "Su pedido ha salido.", "Adiós.")
        assert await world.asks("Hola") == "Hola."
        await world.contributes("El pedido es el 7.", "context")
        assert await world.asks("¿Qué pedido?") == "El pedido 7."
        assert "El pedido es el 7." in world.standin.requests[-1].messages[0]["content"]
        await world.contributes("Di que el pedido ha salido.", "prompt")
        assert (await world.client.hears_answer())["text"] == "Su pedido ha salido."
        assert "El pedido ha salido." not in world.standin.requests[-1].messages[0]["content"]
        await world.contributes("Lo digo yo.", "say")
        await world.client.hears_answer()
        assert await world.asks("Adiós") == "Adiós."


async def mood(world: World) -> None:
    async with world.serving(emotion=True):
        await world.client.starts(locale="es")
        world.script(world.looking("uno"), "Ya.", "Bien.")
        assert await world.asks("¡¡Esto no funciona, estoy harto!! ¡Mira uno!") == "Ya."
        heads = {request.messages[0]["content"] for request in world.standin.requests}
        users = [request.messages[1]["content"] for request in world.standin.requests]
        assert len(heads) == 1, "the prompt's beginning stays as it is"
        assert all("frustrado" in text for text in users)
        assert await world.asks("Vale, gracias") == "Bien."


async def greeting(world: World) -> None:
    async with world.serving(agent_greeting="on"):
        world.script("¡Buenas!", "Las dos.", "Adiós.")
        await world.client.starts()
        assert (await world.client.hears_answer())["text"] == "¡Buenas!"
        assert await world.asks("¿Qué hora es?") == "Las dos."
        assert await world.asks("Adiós") == "Adiós."


async def cut_short(world: World) -> None:
    """Texts withdrawn before their turn, a turn that is ended before a word came."""
    async with world.serving():
        await world.client.starts()
        world.script(StallBeforeHeaders(), "Dime.", "Eso es todo.")
        await world.client.says("Primera")
        await world.client.hears("turn_started")
        await world.client.says("Segunda")
        await world.client.hears("message_accepted")
        await world.client.sends({"type": "interrupt"})
        await world.client.hears("response_complete")
        assert await _answer_with_text(world) == "Dime."
        assert await world.asks("Tercera") == "Eso es todo."


async def _answer_with_text(world: World) -> str:
    while True:
        complete = await world.client.hears_answer()
        if complete["text"]:
            return complete["text"]


async def restart(world: World) -> None:
    async with world.serving():
        await world.client.starts()
        world.script(world.looking("uno", "dos"), "Ya está.")
        assert await world.asks("Mira los dos") == "Ya está."
        await world.contributes("El pedido es el 7.", "context")
        token, session_id = world.client.token, world.client.session_id
        await world.client.drops()
    async with world.serving():
        world.client.token, world.client.session_id = token, session_id
        resumed = await world.client.resumes()
        assert resumed["type"] == "session_resumed", resumed
        world.script("Sigo.", world.looking("tres"), "Y tres.")
        assert await world.asks("¿Te acuerdas?") == "Sigo."
        assert "hallado dos" in world.last_prompt
        assert "El pedido es el 7." in world.standin.requests[-1].messages[0]["content"]
        assert await world.asks("Mira tres") == "Y tres."


async def all_at_once(world: World) -> None:
    """A mood, a back end's context, a summary and a restart in one talk; tools before and behind each."""
    options: dict[str, Any] = {"emotion": True, "max_history_tokens": 900, "tool_inline_wait_s": 0.7}
    async with world.serving(**options):
        await world.client.starts(locale="es")
        await world.contributes("El pedido es el 7.", "context")
        _answers(world, world.looking("uno"), "Ya.")
        assert await world.asks(f"{ANGRY} ¡Mira uno!") == "Ya."
        assert "frustrado" in world.last_prompt
        _answers(world, world.looking("dos", seconds=1.2, text="Miro. "), "Voy.", "Ha llegado dos.")
        assert (await world.asks("Mira dos")).endswith("Voy.")
        await world.contributes("El pedido ha salido.", "context")
        assert (await world.client.hears_answer())["text"] == "Ha llegado dos."
        await _is_summarised(world)
        await world.contributes("El pedido es el 9.", "context")
        _answers(world, world.looking("cuatro", seconds=30), "Estoy en ello.")
        assert await world.asks(f"{ANGRY} ¡Mira cuatro!") == "Estoy en ello."
        token, session_id = world.client.token, world.client.session_id
        await world.client.drops()
    async with world.serving(**options):
        world.client.token, world.client.session_id = token, session_id
        _answers(world, "No ha acabado.", "Sigo.", world.looking("cinco"), "Y cinco.")
        resumed = await world.client.resumes()
        assert resumed["type"] == "session_resumed", resumed
        assert (await world.client.hears_answer())["text"] == "No ha acabado."
        assert await world.asks(f"{ANGRY} ¿Te acuerdas?") == "Sigo."
        head, *rest = (message["content"] for message in _newest(world))
        assert all(known in head for known in ("Hablaron de trenes.", "El pedido es el 9."))
        assert "frustrado" not in head and "frustrado" in rest[-1]
        await world.contributes("El pedido ha llegado.", "context")
        assert await world.asks("Mira cinco") == "Y cinco."
        assert "El pedido ha llegado." in _newest(world)[0]["content"]
        await _is_summarised(world, "Hablaron de barcos.")


ANGRY = "¡¡Esto no funciona, estoy harto!!"


def _answers(world: World, *answers: Any, summary: str = "Hablaron de trenes.") -> None:
    """What the service answers next, beside the summaries that it is asked for; then it agrees."""
    left = list(answers)

    def reply(request: Any) -> Any:
        if _asks_for_summary(request):
            return world.standin.says(summary)
        answer = left.pop(0) if left else "Vale."
        return world.standin.says(answer) if isinstance(answer, str) else answer

    world.standin.reply = reply


def _asks_for_summary(request: Any) -> bool:
    return '"turns"' in request.last_text


def _newest(world: World) -> list[Any]:
    """The newest prompt of a turn."""
    return next(each for each in reversed(world.standin.requests) if not _asks_for_summary(each)).messages


async def _is_summarised(world: World, summary: str = "Hablaron de trenes.") -> None:
    """The talk goes on until this summary stands in its prompts."""
    _answers(world, summary=summary)
    async with asyncio.timeout(20):
        while summary not in _newest(world)[0]["content"]:
            assert await world.asks("¿Y qué más? " + "fo gu la " * 12) == "Vale."


SITUATIONS: tuple[Callable[[World], Awaitable[None]], ...] = (
    plain,
    tool,
    parallel_tools,
    background_tool,
    interrupted_tool,
    failed_turn,
    refused_text,
    summary,
    context,
    mood,
    greeting,
    cut_short,
    restart,
    all_at_once,
)


def world_with(standin: DialectStandin, path: Path, **values: Any) -> World:
    """A world whose talks are kept in a file."""
    settings = settings_with(
        database_url=f"sqlite+aiosqlite:///{path}/talks.db",
        llm_max_retries=0,
        emotion=False,
        agent_greeting="off",
        **{**standin.settings(), **values},
    )
    return World(standin, settings, [Workshop().tool(LOOK)])
