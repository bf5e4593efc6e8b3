"""A chat room."""

import asyncio

from fastapi import APIRouter, WebSocket, WebSocketDisconnect, WebSocketException

router = APIRouter()
clients: set[WebSocket] = set()
MAX_CLIENTS, MAX_LENGTH, SEND_SECONDS = 1000, 1000, 5


@router.websocket("/chat")
async def chat(websocket: WebSocket) -> None:
    """Send every message to every client, until this client disconnects."""
    origin, host = websocket.headers.get("origin"), websocket.headers.get("host")
    own = {None, f"http://{host}", f"https://{host}"}  # Programs send no origin.
    if origin not in own | {*websocket.app.state.settings.cors_origins}:
        raise WebSocketException(1008, "This origin is not allowed.")
    if len(clients) >= MAX_CLIENTS:
        raise WebSocketException(1013, "Too many clients.")
    await websocket.accept()
    clients.add(websocket)
    try:
        while True:
            message = await websocket.receive_text()
            if len(message) > MAX_LENGTH:
                raise WebSocketException(1009, "The message is too long.")
            await asyncio.gather(*(send(client, message) for client in clients))
    except WebSocketDisconnect:
        pass
    finally:
        clients.discard(websocket)


async def send(client: WebSocket, message: str) -> None:
    """Send a message; remove a client that has disconnected or is too slow."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await client.send_text(message)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        clients.discard(client)
