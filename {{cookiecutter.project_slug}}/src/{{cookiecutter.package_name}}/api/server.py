"""Uvicorn, set up from the settings."""

import gc
import os
import signal
import sys
import tempfile
from typing import Any

import uvicorn
from fastapi import FastAPI

from {{ cookiecutter.package_name }}.settings import Settings

PROTOCOL = "{{ cookiecutter.package_name }}.api.connections:Connection"
WORKER = "{{ cookiecutter.package_name }}.api.server:worker"


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, let open requests finish, and end with status 0."""
    # Uvicorn raises the signal again when it has shut down. The default action would then make
    # the exit status 143, and before Uvicorn listens a container's first process ignores it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    if settings.workers == 1:
        uvicorn.run(prepared(settings), **options(settings))
        return
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        uvicorn.run(WORKER, factory=True, workers=settings.workers, **options(settings))


def options(settings: Settings) -> dict[str, Any]:
    """Give Uvicorn's options."""
    return {
        "host": settings.host,
        "port": settings.port,
        "http": "auto" if sys.platform == "win32" else PROTOCOL,
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": list(settings.trusted_proxies),
        "timeout_keep_alive": settings.keep_alive_seconds,
        "timeout_graceful_shutdown": settings.grace_seconds - settings.drain_seconds,
    }


def worker() -> FastAPI:
    """Make the application in a process of its own; its settings are those of the first process."""
    from {{ cookiecutter.package_name }}.startup import start  # noqa: PLC0415 - only a worker starts here

    return prepared(start())


def prepared(settings: Settings) -> FastAPI:
    """Make the application, and this process fit to serve it."""
    # Imported here: the metrics look for the folder that workers share when they are imported.
    from {{ cookiecutter.package_name }}.api.app import create_app  # noqa: PLC0415 - as said

    if sys.platform != "win32":
        from {{ cookiecutter.package_name }}.api.connections import Connection  # noqa: PLC0415 - not on Windows

        Connection.header_seconds = settings.header_seconds
        Connection.max_header_bytes = settings.max_header_bytes
    app = create_app(settings)
    # What is loaded by now stays: a full collection, which stops every thread, may pass it over.
    gc.collect()
    gc.freeze()
    # A thread that computes gives way to the event loop after 1 ms instead of 5.
    sys.setswitchinterval(0.001)
    return app
