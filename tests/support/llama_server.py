"""A real llama.cpp server as a process of its own, with any chat template: `llama_server(template)`."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.install_llama import MODEL, PACKAGES

ROOT = Path(__file__).parents[2]

STARTS_IN_S = 120
"""Loading half a gigabyte takes seconds; beside many other tests, longer."""


@asynccontextmanager
async def llama_server(template: Path | None = None) -> AsyncIterator[str]:
    """Its address, for `OPENAI_BASE_URL`.

    Args:
        template: A chat template instead of the model's own.
    """
    command = [sys.executable, "-m", __name__, str(MODEL), *([str(template)] if template else [])]
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "PYTHONPATH": f"{PACKAGES}{os.pathsep}{ROOT}"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        async with asyncio.timeout(STARTS_IN_S):
            address = ""
            while not address.startswith("serving "):
                line = await process.stdout.readline()
                assert line, "llama.cpp has ended"
                address = line.decode(errors="replace").strip()
        yield address.removeprefix("serving ") + "/v1"
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _serve() -> None:
    import xllamacpp  # installed beside the project, for this process alone

    parameters = xllamacpp.CommonParams()
    parameters.model.path = sys.argv[1]
    parameters.n_ctx, parameters.n_predict = 4096, 2
    # More threads wait for each other in loops, which beside other tests takes minutes.
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.warmup = False
    parameters.use_jinja = True
    if len(sys.argv) > 2:
        parameters.chat_template = Path(sys.argv[2]).read_text(encoding="utf-8")
    server = xllamacpp.Server(parameters)
    print(f"serving {server.listening_address}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
