"""Ask a running service whether it is ready, over the port that it listens on."""

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

from {{ cookiecutter.package_name }}.settings import Settings


class Answer(NamedTuple):
    """What the service said."""

    ready: bool
    text: str


def ask(settings: Settings, seconds: float = 2) -> Answer:
    """Send `GET /readyz`; a service that does not answer within `seconds` is not ready."""
    connection = HTTPConnection(reachable(settings.host), settings.port, timeout=seconds)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return Answer(response.status == HTTPStatus.OK, response.read().decode(errors="replace"))
    except (OSError, HTTPException) as error:
        return Answer(ready=False, text=f"No answer on port {settings.port}: {error}")
    finally:
        connection.close()


def reachable(host: str) -> str:
    """The address to ask, where the service listens on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only compared
