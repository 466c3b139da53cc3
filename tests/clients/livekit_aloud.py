"""LiveKit's RealtimeModel without a room, aloud: it sends a recording, and hears the answer."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from livekit import rtc
from livekit.agents import llm
from livekit.plugins import openai

FRAME_BYTES = 4800


async def main(base_url: str, recording: bytes) -> dict[str, Any]:
    model = openai.realtime.RealtimeModel(base_url=base_url, api_key="anything", model="gpt-realtime")
    session = model.session()
    errors: list[str] = []
    heard: list[str] = []
    answer: asyncio.Queue[llm.GenerationCreatedEvent] = asyncio.Queue()
    session.on("error", lambda event: errors.append(str(event.error)))
    session.on("generation_created", answer.put_nowait)
    session.on(
        "input_audio_transcription_completed",
        lambda event: heard.append(event.transcript) if event.is_final else None,
    )
    sound, text = 0, ""
    async with asyncio.timeout(15):
        for start in range(0, len(recording), FRAME_BYTES):
            piece = recording[start : start + FRAME_BYTES]
            session.push_audio(rtc.AudioFrame(piece, 24_000, 1, len(piece) // 2))
        generation = await answer.get()
        async for message in generation.message_stream:
            async for frame in message.audio_stream:
                sound += len(bytes(frame.data))
            async for piece in message.text_stream:
                text += piece
    await session.aclose()
    return {"sound_bytes": sound, "texts": {"user": heard, "assistant": [text]}, "errors": errors}


print(json.dumps(asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))))
