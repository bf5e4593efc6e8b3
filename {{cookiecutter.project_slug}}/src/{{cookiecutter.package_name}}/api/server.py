"""Uvicorn, set up from the settings."""

import signal
import sys

import uvicorn

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, let open requests finish, and end with status 0."""
    # Uvicorn raises the signal again when it has shut down. The default action would then make
    # the exit status 143, and before Uvicorn listens a container's first process ignores it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.grace_seconds,
    )
