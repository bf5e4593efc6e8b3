"""The routes that an owner adds, as `src/PACKAGE/routes/work.py`."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import structlog
from fastapi import (
    APIRouter,
    BackgroundTasks,
    Cookie,
    Header,
    HTTPException,
    Request,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from my_application.limits import time_limit
from pydantic import BaseModel

log = structlog.get_logger()
router = APIRouter(prefix="/week", tags=["work"])
finished: list[str] = []


class Login(BaseModel):
    name: str
    password: int


@router.get("/settings")
async def get_settings(request: Request) -> dict[str, Any]:
    settings = request.app.state.settings
    return {
        "host": settings.database.host,
        "region": settings.region,
        "partners": settings.partners,
        "token": str(settings.token),
    }


@router.get("/slow")
async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@router.get("/blocking")
def blocking(seconds: float) -> str:
    log.info("blocking")
    time.sleep(seconds)
    return "done"


@router.get("/report")
@time_limit(2.5)
async def report(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@router.post("/size")
async def size(request: Request) -> int:
    return len(await request.body())


@router.post("/import", max_body_size=20_000_000)
async def import_file(request: Request) -> int:
    return len(await request.body())


@router.get("/events", response_class=EventSourceResponse)
async def events(count: int) -> AsyncIterator[dict[str, int]]:
    for number in range(count):
        yield {"number": number}
        await asyncio.sleep(0.25)


@router.get("/export")
async def export(count: int) -> StreamingResponse:
    async def rows() -> AsyncIterator[str]:
        for number in range(count):
            yield f"{number}\n"
            await asyncio.sleep(0.25)

    return StreamingResponse(rows(), media_type="text/csv")


@router.get("/download")
async def download(count: int) -> StreamingResponse:
    async def blocks() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield bytes(1000)
            await asyncio.sleep(0.25)

    return StreamingResponse(blocks(), headers={"content-length": str(1000 * count)})


@router.get("/late")
@time_limit(2.5)
async def export_late() -> StreamingResponse:
    await asyncio.sleep(2.2)
    return await export(2)


@router.post("/mails", status_code=202)
async def send_mails(name: str, tasks: BackgroundTasks) -> str:
    async def send() -> None:
        await asyncio.sleep(2)
        log.info("sent", name=name)
        finished.append(name)

    tasks.add_task(send)
    return "accepted"


@router.get("/mails")
async def get_mails() -> list[str]:
    return finished


@router.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    log.info("connected")
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        log.info("disconnected")


@router.put("/names/{name}")
async def take_name(name: str) -> None:
    if name == "gone":
        raise HTTPException(499, "It has gone.")
    raise HTTPException(409, {"code": "taken", "name": name})


@router.get("/bug")
async def find_bug() -> None:
    raise ZeroDivisionError


@router.post("/photos")
async def upload_photos(photo: UploadFile) -> int:
    size = 0
    while chunk := await photo.read(1_000_000):
        size += len(chunk)
    return size


@router.get("/customers")
async def get_customers(request: Request) -> int:
    async with request.app.state.pool.connection(timeout=1) as connection:
        cursor = await connection.execute("SELECT 42")
        (number,) = await cursor.fetchone()
        return number


@router.post("/fail/{how}")
async def fail(
    how: str,
    login: dict[str, str],
    token: str,
    authorization: Annotated[str, Header()],
    session: Annotated[str, Cookie()],
    request: Request,
    tasks: BackgroundTasks,
) -> Login | None:
    """Fail in one of several ways, with secrets in local variables."""
    password = request.app.state.settings.database.password.get_secret_value()

    def raise_error() -> None:
        local = [login, token, authorization, session, password]
        raise RuntimeError(f"{len(local)} values")

    def validate() -> None:
        Login.model_validate(login)

    if how in {"request", "validation"}:
        {"request": raise_error, "validation": validate}[how]()
    elif how == "response":
        return login  # type: ignore[return-value]  # This is the failure.
    elif how == "thread":
        threading.Thread(target=validate).start()
    elif how == "pool":
        await asyncio.to_thread(raise_error)
    elif how == "background":
        tasks.add_task(raise_error)
    elif how == "task":
        asyncio.get_running_loop().create_task(asyncio.to_thread(validate))
    elif how == "library":
        log_failure(validate)
    elif how == "recursion":
        recurse(200, password)
    elif how == "message":
        raise RuntimeError("x" * 1_000_000)
    elif how == "group":
        await run_together(raise_error, validate)
    return None


def log_failure(fail: Callable[[], None]) -> None:
    try:
        fail()
    except ValueError:
        logging.getLogger("library").exception("It failed")


async def run_together(*functions: Callable[[], None]) -> None:
    async with asyncio.TaskGroup() as group:
        for function in functions:
            group.create_task(asyncio.to_thread(function))


def recurse(depth: int, password: str) -> None:
    if depth == 0:
        raise RuntimeError(f"{len(password)} characters")
    recurse(depth - 1, password)


@router.websocket("/fail")
async def fail_websocket(websocket: WebSocket) -> None:
    await websocket.accept()
    password = await websocket.receive_text()
    raise RuntimeError(f"{len(password)} characters")


@router.get("/breakpoint")
async def debug(seconds: float) -> str:
    time.sleep(seconds)  # noqa: ASYNC251 - as a breakpoint does
    await asyncio.sleep(0.1)
    return "continued"
