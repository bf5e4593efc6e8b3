"""Uvicorn, set up from the settings."""

import gc
import signal
import sys

import uvicorn

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings

PROTOCOL = "{{ cookiecutter.package_name }}.api.connections:Connection"


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, let open requests finish, and end with status 0."""
    # Uvicorn raises the signal again when it has shut down. The default action would then make
    # the exit status 143, and before Uvicorn listens a container's first process ignores it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    app = create_app(settings)
    # What is loaded by now stays: a full collection, which stops every thread, may pass it over.
    gc.collect()
    gc.freeze()
    # A thread that computes gives way to the event loop after 1 ms instead of 5.
    sys.setswitchinterval(0.001)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http="auto" if sys.platform == "win32" else PROTOCOL,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.grace_seconds,
    )
