"""What our server is compared with: the relay that anybody would write first.

One route, the same SDK, one `send_json` for each chunk; no session, no history, no tools. It runs under the
same server with the same event loop, WebSocket class and options as ours.
"""

import argparse
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from openai import AsyncAzureOpenAI

app = FastAPI()
client = AsyncAzureOpenAI(
    azure_endpoint=os.environ["AZURE_OPENAI_ENDPOINT"],
    api_key=os.environ["AZURE_OPENAI_API_KEY"],
    api_version="2024-02-15-preview",
)
DEPLOYMENT = os.environ["AZURE_OPENAI_DEPLOYMENT_NAME"]


@app.websocket("/ws")
async def relay(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        await websocket.receive_json()
        await websocket.send_json({"type": "session_created"})
        while True:
            message = await websocket.receive_json()
            stream = await client.chat.completions.create(
                model=DEPLOYMENT, messages=[{"role": "user", "content": message["content"]}], stream=True
            )
            async for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    content = chunk.choices[0].delta.content
                    await websocket.send_json({"type": "response_chunk", "content": content})
            await websocket.send_json({"type": "response_complete", "content": "Respuesta completada"})
    except WebSocketDisconnect:
        return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    listener = socket.create_server(("127.0.0.1", parser.parse_args().port), backlog=2048)
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(app, ws_per_message_deflate=False)).run(sockets=[listener])
