"""Headers that keep a browser from doing more with an answer than the client asked for."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers
HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
NAMES = frozenset(name for name, _ in HEADERS)


class SecurityHeaders:
    """Adds `HEADERS` to every answer that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        """Add the headers to the answers of `app`."""
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection."""

        def with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                own = NAMES.intersection(dict(headers))
                headers += [one for one in HEADERS if one[0] not in own] if own else HEADERS
            return send(message)

        return self._app(scope, receive, with_headers if scope["type"] == "http" else send)
