"""A small HTTP load generator, so that benchmarks need no other program.

It repeats a request over open connections, and only parses the status and the length of responses.
"""

import asyncio
import multiprocessing
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, sleep
from typing import cast

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def request(path: str, body: bytes | None = None) -> bytes:
    """Return a GET request, or a POST request if there is a body."""
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nhost: localhost\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    return (
        f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )


@dataclass
class Repeater(asyncio.Protocol):
    """A connection that sends a request as soon as the last response is complete."""

    sent: bytes
    count: int = 0
    _data: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self.sent)

    def data_received(self, data: bytes) -> None:
        """Count a response when it is complete, and send the next request."""
        self._data += data
        if is_complete(self._data):
            self.count += 1
            self._data = b""
            self._transport.write(self.sent)


def is_complete(data: bytes) -> bool:
    """Return whether a response is complete; end the benchmark if its status is not 200."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"The service answered: {data[:500]!r}")
    return len(body) >= int(LENGTH.findall(head)[0])


async def requests_per_second(
    port: int, sent: bytes, seconds: float, connections: int = 8
) -> float:
    """Return the rate of requests, each sent as soon as the last response is complete."""
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Repeater(sent), "127.0.0.1", port)
        for _ in range(connections)
    ]
    before, start = sum(protocol.count for _, protocol in opened), perf_counter()
    await asyncio.sleep(seconds)
    answered, took = sum(protocol.count for _, protocol in opened) - before, perf_counter() - start
    for transport, _ in opened:
        transport.abort()
    return answered / took


@dataclass
class Client:
    """A connection with one request at a time."""

    port: int
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Connect."""
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, sent: bytes) -> None:
        """Send a request, wait for the complete response, and record the duration."""
        start = perf_counter()
        self.send(sent)
        self.receive()
        self.seconds.append(perf_counter() - start)

    def send(self, sent: bytes) -> None:
        """Send a request."""
        self._socket.sendall(sent)

    def receive(self) -> None:
        """Wait for the complete response."""
        data = b""
        while not (data and is_complete(data)):
            data += self._socket.recv(1 << 20)


@contextmanager
def background_load(port: int, sent: bytes) -> Iterator[None]:
    """Send requests in the background without pause."""
    process = multiprocessing.Process(target=_request_forever, args=(port, sent))
    process.start()
    try:
        yield
        if not process.is_alive():
            sys.exit("The client in the background has failed.")
    finally:
        process.terminate()
        process.join()


def _request_forever(port: int, sent: bytes) -> None:
    client = Client(port)
    while True:
        client.request(sent)


def latencies(port: int, sent: bytes, seconds: float, pause: float = 0.005) -> list[float]:
    """Send requests at a steady rate, and return the latency of each in seconds."""
    client, end = Client(port), perf_counter() + seconds
    while perf_counter() < end:
        client.request(sent)
        sleep(pause)
    return client.seconds


def request_together(clients: Sequence[Client], sent: bytes, count: int) -> None:
    """Send `count` requests in total, one at a time over each connection."""
    for _ in range(count // len(clients)):
        for client in clients:
            client.send(sent)
        for client in clients:
            client.receive()


async def read_status(reader: asyncio.StreamReader) -> int:
    """Read a response; return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(LENGTH.findall(head)[0]))
    return int(head.split()[1])


async def crowd(port: int, sent: bytes, clients: int, seconds: float) -> list[tuple[int, float]]:
    """Send requests from many clients, over new connections; return statuses and durations."""
    end, responses = perf_counter() + seconds, list[tuple[int, float]]()

    async def client() -> None:
        while (start := perf_counter()) < end:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            responses.append((await read_status(reader), perf_counter() - start))
            writer.close()
            await asyncio.sleep(0.05)

    await asyncio.gather(*[client() for _ in range(clients)])
    return responses


async def burst(port: int, sent: bytes, count: int) -> set[int]:
    """Send a request over each of `count` connections at once; return the statuses."""

    async def client() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        try:
            return await read_status(reader)
        finally:
            writer.close()

    return set(await asyncio.gather(*[client() for _ in range(count)]))
