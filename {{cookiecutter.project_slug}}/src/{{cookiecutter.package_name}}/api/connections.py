"""What becomes of open connections when the service stops: no request is lost.

Uvicorn alone closes at once every connection that waits for a request or has part of one's headers,
so a client that is about to send, or sends slowly, gets no answer.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

QUIET_SECONDS = 0.5
"""How long a connection without a request stays open after SIGTERM, for one that is on its way."""


class Connection(HttpToolsProtocol):
    """Counts a request from its first byte; after SIGTERM its answer closes the connection."""

    requests = 0
    in_headers = False
    stopping = False

    def on_message_begin(self) -> None:
        """Take the first byte of a request."""
        super().on_message_begin()
        self.requests += 1
        self.in_headers = True

    def on_headers_complete(self) -> None:
        """Start the request; Uvicorn waits for those that have started."""
        super().on_headers_complete()
        self.in_headers = False
        if self.stopping:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """Send the last byte of an answer."""
        self.requests -= 1
        super().on_response_complete()

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
