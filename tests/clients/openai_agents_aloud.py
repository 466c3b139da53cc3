"""openai-agents (Python) as it is, aloud: it sends a recording, and hears the answer."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from agents.realtime import RealtimeAgent, RealtimeRunner

FRAME_BYTES = 4800


async def main(url: str, recording: bytes) -> dict[str, Any]:
    runner = RealtimeRunner(RealtimeAgent(name="Helper"))
    sound, errors = 0, []
    texts: dict[str, list[str]] = {}
    async with await runner.run(model_config={"url": url, "api_key": "anything"}) as session:
        for start in range(0, len(recording), FRAME_BYTES):
            await session.send_audio(recording[start : start + FRAME_BYTES])
        async with asyncio.timeout(15):
            async for event in session:
                if event.type == "error":
                    errors.append(str(event.error))
                if event.type == "audio":
                    sound += len(event.audio.data)
                if event.type == "history_updated":
                    texts = {
                        item.role: [part.transcript or "" for part in item.content if "audio" in part.type]
                        for item in event.history
                        if item.type == "message"
                    }
                if event.type == "agent_end":
                    break
    return {"sound_bytes": sound, "texts": texts, "errors": errors}


print(json.dumps(asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))))
