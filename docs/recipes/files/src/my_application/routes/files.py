"""Files: uploads of any size are written to disk as they arrive, and downloads read from it."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import anyio
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel

MAX_SIZE = 1_000_000_000
BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
UPLOAD: dict[str, Any] = {"requestBody": {"required": True, "content": BINARY}}

router = APIRouter(prefix="/files", tags=["files"])


class StoredFile(BaseModel):
    """A file that has been uploaded completely."""

    id: UUID
    size: int


def get_folder(request: Request) -> Path:
    """Return the folder that contains all files."""
    folder: Path = request.app.state.settings.files_dir
    return folder


@router.post("", status_code=201, max_body_size=MAX_SIZE, openapi_extra=UPLOAD)
async def upload_file(request: Request) -> StoredFile:
    """Store the body of the request under a new ID."""
    file_id, size = uuid4(), 0
    path = get_folder(request) / str(file_id)
    partial = path.with_suffix(".partial")
    try:
        async with await anyio.open_file(partial, "xb") as file:
            async for chunk in request.stream():
                size += await file.write(chunk)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)  # The client has gone, or the file is too large.
    return StoredFile(id=file_id, size=size)


@router.get("/{file_id}", response_class=FileResponse)
async def download_file(file_id: UUID, request: Request) -> FileResponse:
    """Return a file, or a range of it, as a download."""
    path = get_folder(request) / str(file_id)
    if not await anyio.Path(path).is_file():
        raise HTTPException(404, "There is no such file.")
    # Never send a type that a browser would show: the file may be a page with a script.
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)
