"""openai-agents (Python) as it is: an agent with instructions and a tool of its own asks, calls and hears."""

import asyncio
import json
import sys
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner

CALLS: list[str] = []


@function_tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    CALLS.append(city)
    return f"rain in {city}"


async def main(url: str) -> dict[str, Any]:
    agent = RealtimeAgent(name="Helper", instructions="Be brief.", tools=[get_weather])
    runner = RealtimeRunner(agent, config={"model_settings": {"modalities": ["text"]}})
    answers: list[str] = []
    errors: list[str] = []
    async with await runner.run(model_config={"url": url, "api_key": "anything"}) as session:
        await session.send_message("What is the weather in Vigo?")
        async with asyncio.timeout(15):
            async for event in session:
                if event.type == "error":
                    errors.append(str(event.error))
                if event.type == "history_updated" or event.type == "history_added":
                    history = event.history if event.type == "history_updated" else [event.item]
                    answers = [
                        part.text or ""
                        for item in history
                        if item.type == "message" and item.role == "assistant"
                        for part in item.content
                        if part.type == "text"
                    ] or answers
                if any("rains" in text for text in answers):
                    break
    return {"answers": answers, "calls": CALLS, "errors": errors}


print(json.dumps(asyncio.run(main(sys.argv[1]))))
