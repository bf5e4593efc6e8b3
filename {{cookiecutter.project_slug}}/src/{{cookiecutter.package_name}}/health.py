"""Health checks for orchestrators: `/livez` and `/readyz`."""

import asyncio

import structlog
from fastapi import APIRouter, HTTPException, Request

router = APIRouter(tags=["health"])
log = structlog.get_logger()


class NotReadyError(Exception):
    """The service is not ready; the message is public."""


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Return 200 while the process is alive."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not ready; `detail` says why"}})
async def readyz(request: Request) -> dict[str, str]:
    """Return 200 if every check in `app.state.readiness_checks` passes, and 503 otherwise."""
    deadline = asyncio.get_running_loop().time() + 3  # Callers wait longer: 4 s or more.
    for name, check in request.app.state.readiness_checks.items():
        try:
            async with asyncio.timeout_at(deadline):
                await check()
        except NotReadyError as error:
            raise HTTPException(503, f"Not ready: {name}: {error}") from None
        except Exception as error:
            log.warning("not ready", check=name, exc_info=error)
            raise HTTPException(503, f"Not ready: {name}.") from None
    return {"status": "ok"}
