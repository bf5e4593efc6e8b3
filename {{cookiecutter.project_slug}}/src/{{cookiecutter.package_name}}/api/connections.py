"""What a client may do with a connection, and what becomes of it when the service stops.

Uvicorn alone waits for headers without an end, and keeps any number of them. It resets a connection
that it closes while a body arrives, so the client does not see why. When it stops it closes at once
every connection that waits for a request or has part of one's headers, so a client that is about to
send, or sends slowly, gets no answer.
"""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from {{ cookiecutter.package_name }}.api import problems
from {{ cookiecutter.package_name }}.api.timers import shared

QUIET_SECONDS = 0.5
"""How long a connection without a request stays open after SIGTERM, for one that is on its way."""


class Connection(HttpToolsProtocol):
    """Counts a request from its first byte; after SIGTERM its answer closes the connection."""

    header_seconds = 10.0
    """How long headers may take to arrive, a refused body to end, and an answer to be read."""
    max_header_bytes = 32_768

    requests = 0
    in_headers = in_body = False
    header_bytes = 0
    stopping = False
    patience: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # As Uvicorn's.
        """Expect a request in time."""
        self.answering = Answering(transport, self)
        super().connection_made(cast("Transport", self.answering))
        # Uvicorn sets a timer with each answer, and cancels it with the next request. That many of
        # the event loop's own take a twentieth of the time that a request takes.
        self.loop = cast("AbstractEventLoop", shared(self.loop))
        self._lose_patience_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for the client no more."""
        self._keep_patience()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of a request, and refuse headers that are too large or come too slowly."""
        begun = self.in_headers
        super().data_received(data)
        if not self.in_headers:
            return
        self.header_bytes = self.header_bytes + len(data) if begun else len(data)
        if self.header_bytes > self.max_header_bytes:
            self._refuse(431, f"The headers have more than {self.max_header_bytes} bytes.")
        elif self.patience is None:
            self._lose_patience_later()

    def on_message_begin(self) -> None:
        """Take the first byte of a request."""
        super().on_message_begin()
        self.requests += 1
        self.in_headers = True

    def on_headers_complete(self) -> None:
        """Start the request; Uvicorn waits for those that have started."""
        self._keep_patience()
        super().on_headers_complete()
        self.in_headers, self.in_body = False, True
        if self.stopping:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Take the last byte of a request."""
        super().on_message_complete()
        self.in_body = False
        if self.transport.is_closing():
            self.transport.close()

    def linger(self) -> None:
        """Read on, and keep none of it, until the request ends or patience does."""
        self.flow.resume_reading()
        self.loop.call_later(self.header_seconds, self.transport.close)

    def on_response_complete(self) -> None:
        """Send the last byte of an answer."""
        self.answering.flush()
        self.requests -= 1
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the client to read, but not for ever."""
        super().pause_writing()
        self.patience = self.loop.call_later(self.header_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on when the client has read."""
        self._keep_patience()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP with a problem document."""
        self._refuse(400, msg)

    def shutdown(self) -> None:
        """Let the request finish that is here, or that comes within `QUIET_SECONDS`."""
        self.stopping = True
        if not self.requests:
            self._unset_keepalive_if_required()
            self.loop.call_later(QUIET_SECONDS, self._close_if_idle)
        elif not self.in_headers:
            super().shutdown()

    def _close_if_idle(self) -> None:
        if not self.requests:
            self.transport.close()

    def _lose_patience_later(self) -> None:
        self.patience = self.loop.call_later(self.header_seconds, self._lose_patience)

    def _lose_patience(self) -> None:
        self.patience = None
        if self.in_headers:
            self._refuse(408, f"The headers took longer than {self.header_seconds:g} s.")
        else:
            self.transport.close()

    def _keep_patience(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
            self.patience = None

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what never became a request, and close the connection."""
        if self.transport.is_closing():
            return
        answer = problems.respond(status, detail, headers={"connection": "close"})
        head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
        head += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
        self.transport.close()


class Answering:
    """A transport that sends an answer in one piece, and closes when all of the request is there.

    Uvicorn writes the head by itself. ASGI has the server wait for the body, or its first part:
    https://asgi.readthedocs.io/en/latest/specs/www.html#response-start-send-event
    To close a socket while bytes arrive resets it: the client would lose the answer, such as 413.
    """

    def __init__(self, transport: Transport, connection: Connection) -> None:
        """Be `transport`, but for `write` and `close`."""
        self._transport = transport
        self._connection = connection
        self._answered: object = None
        self._head = b""
        self._lingers = False

    def __getattr__(self, name: str) -> Any:
        """Give what the transport has."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them for a moment where they are an answer's first."""
        cycle = self._connection.cycle
        if cycle is not self._answered and cycle.response_started:
            self._answered, self._head = cycle, data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send the head of an answer that has no body."""
        if self._head:
            self.write(b"")

    def is_closing(self) -> bool:
        """Tell whether nothing more may be sent."""
        return self._lingers or self._transport.is_closing()

    def close(self) -> None:
        """Close now, or a little later where the body of a request still arrives."""
        self.flush()
        if self._connection.in_body and not self.is_closing():
            self._lingers = True
            self._connection.linger()
        else:
            self._transport.close()
