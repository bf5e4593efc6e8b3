"""A limit on the requests that are in flight at once."""

from starlette.types import ASGIApp, Receive, Scope, Send

from {{ cookiecutter.package_name }}.api import problems

EXEMPT = frozenset({"/livez", "/readyz", "/metrics"})
"""What has to be seen of a service that is full."""


class Capacity:
    """Answers 503 at once where as many requests are in flight as the service can serve well."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        """Let at most so many requests at once through to `app`."""
        self._app = app
        self._free = most
        self._full = f"{most} requests are in flight, which is the most. Try again."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in EXEMPT:
            await self._app(scope, receive, send)
        elif self._free:
            self._free -= 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._free += 1
        else:
            # The connection is closed too: who waits in line takes no place in it.
            headers = {"retry-after": "1", "connection": "close"}
            await problems.respond(503, self._full, headers=headers)(scope, receive, send)
