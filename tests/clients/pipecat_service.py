"""Pipecat's OpenAIRealtimeLLMService in a pipeline without transport: it asks, calls a tool and hears."""

import asyncio
import json
import sys
from typing import Any

from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    LLMRunFrame,
    LLMTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime.events import SessionProperties
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

CALLS: list[str] = []
TEXT: list[str] = []
ERRORS: list[str] = []


class Listener(FrameProcessor):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.is_told = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame):
            TEXT.append(frame.text)
        if isinstance(frame, ErrorFrame):
            ERRORS.append(frame.error)
        if "rains" in "".join(TEXT):
            self.is_told.set()
        await self.push_frame(frame, direction)


async def main(url: str) -> dict[str, Any]:
    service = OpenAIRealtimeLLMService(
        api_key="anything",
        base_url=url,
        settings=OpenAIRealtimeLLMService.Settings(
            session_properties=SessionProperties(instructions="Be brief.", output_modalities=["text"])
        ),
    )

    async def weather(params: Any) -> None:
        CALLS.append(params.arguments["city"])
        await params.result_callback({"sky": "rain"})

    service.register_function("get_weather", weather)
    schema = FunctionSchema("get_weather", "The weather of a city.", {"city": {"type": "string"}}, ["city"])
    context = LLMContext(
        [{"role": "user", "content": "What is the weather in Vigo?"}], tools=ToolsSchema([schema])
    )
    pair = LLMContextAggregatorPair(context)
    listener = Listener()
    task = PipelineTask(Pipeline([pair.user(), service, listener, pair.assistant()]))
    runner = PipelineRunner(handle_sigint=False)
    running = asyncio.create_task(runner.run(task))
    await task.queue_frames([LLMRunFrame()])
    async with asyncio.timeout(20):
        await listener.is_told.wait()
    await task.queue_frames([EndFrame()])
    await running
    return {"answers": ["".join(TEXT)], "calls": CALLS, "errors": ERRORS}


print(json.dumps(asyncio.run(main(sys.argv[1]))))
