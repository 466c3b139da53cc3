"""LiveKit's RealtimeModel without a room: a session with a chat context asks, calls a tool and hears."""

import asyncio
import json
import sys
from typing import Any

from livekit.agents import llm
from livekit.plugins import openai

CALLS: list[str] = []


@llm.function_tool
async def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"rain in {city}"


async def answer_of(generation: llm.GenerationCreatedEvent) -> tuple[str, list[Any]]:
    text = ""
    async for message in generation.message_stream:
        async for piece in message.text_stream:
            text += piece
    calls = [call async for call in generation.function_stream]
    return text, calls


async def main(base_url: str) -> dict[str, Any]:
    model = openai.realtime.RealtimeModel(
        base_url=base_url, api_key="anything", model="gpt-realtime", modalities=["text"]
    )
    session = model.session()
    errors: list[str] = []
    session.on("error", lambda event: errors.append(str(event.error)))
    answers: list[str] = []
    async with asyncio.timeout(15):
        await session.update_instructions("Be brief.")
        await session.update_tools([get_weather])
        context = session.chat_ctx.copy()
        context.add_message(role="user", content="My name is Ana.")
        context.add_message(role="assistant", content="Hello, Ana.")
        context.add_message(role="user", content="What is the weather in Vigo?")
        await session.update_chat_ctx(context)
        text, calls = await answer_of(await session.generate_reply())
        answers.append(text)
        for call in calls:
            CALLS.append(json.loads(call.arguments)["city"])
            context = session.chat_ctx.copy()
            context.items.append(
                llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="rain", is_error=False)
            )
            await session.update_chat_ctx(context)
        text, _ = await answer_of(await session.generate_reply())
        answers.append(text)
    await session.aclose()
    return {"answers": answers, "calls": CALLS, "errors": errors}


print(json.dumps(asyncio.run(main(sys.argv[1]))))
