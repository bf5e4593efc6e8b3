"""A limit on the size of a request's body."""

from collections.abc import Awaitable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }}.api import problems


class BodyLimit:
    """Answers 413 as soon as a body is known to be too large.

    The rest of such a body is never kept. A body whose length is declared is refused before any
    of it is read, and another one when it has grown past the limit. FastAPI's own `max_body_size`
    does the same, but its answer is not always a problem document.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """Pass on requests to `app` whose body has at most `max_bytes`."""
        self._app = app
        self._max_bytes = max_bytes
        self._detail = f"The body has more than {max_bytes} bytes."

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection."""
        # The server sees to it that a body is no longer than it was declared.
        declared = dict(scope.get("headers", ())).get(b"content-length")
        if declared is None:
            return self._app(scope, self._counted(receive), send)
        if int(declared) > self._max_bytes:
            return problems.respond(413, self._detail)(scope, receive, send)
        return self._app(scope, receive, send)

    def _counted(self, receive: Receive) -> Receive:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._max_bytes:
                raise HTTPException(413, self._detail)
            return message

        return counted
