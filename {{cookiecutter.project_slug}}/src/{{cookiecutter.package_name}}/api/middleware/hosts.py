"""The host names that the service answers to."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from {{ cookiecutter.package_name }}.api import problems
from {{ cookiecutter.package_name }}.api.middleware.capacity import EXEMPT


class TrustedHosts:
    """Answers 421 to a request for another host; probes name no host that the service knows."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        """Pass on requests to `app` for one of `hosts`, whatever the port."""
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"] in EXEMPT or self._trusts(scope):
            await self._app(scope, receive, send)
        else:
            answer = problems.respond(421, "This service does not answer to that host.")
            await answer(scope, receive, send)

    def _trusts(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        host = named[0].decode("latin-1").lower() if len(named) == 1 else ""
        name, _, port = host.rpartition(":")
        return host in self._hosts or (port.isdecimal() and name in self._hosts)
