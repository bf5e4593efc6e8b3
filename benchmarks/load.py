"""A small HTTP load generator, so that a benchmark needs no other program.

It sends the same request again and again over connections that stay open, and reads no more of
a response than its status and its length.
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
    """Return the bytes of a GET, or of a POST if there is a body."""
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nhost: localhost\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    return (
        f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )


@dataclass
class Answers(asyncio.Protocol):
    """A connection that sends the next request when the last response is complete."""

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
        if is_whole(self._data):
            self.count += 1
            self._data = b""
            self._transport.write(self.sent)


def is_whole(data: bytes) -> bool:
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
    """Return the rate of requests, each sent as soon as the last was answered."""
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: Answers(sent), "127.0.0.1", port)
        for _ in range(connections)
    ]
    before, start = sum(protocol.count for _, protocol in made), perf_counter()
    await asyncio.sleep(seconds)
    answered, took = sum(protocol.count for _, protocol in made) - before, perf_counter() - start
    for transport, _ in made:
        transport.abort()
    return answered / took


@dataclass
class Client:
    """One connection that asks once at a time."""

    port: int
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Connect."""
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, sent: bytes) -> None:
        """Ask, wait for the whole answer, and note how long it took."""
        start = perf_counter()
        self.send(sent)
        self.receive()
        self.seconds.append(perf_counter() - start)

    def send(self, sent: bytes) -> None:
        """Send a request."""
        self._socket.sendall(sent)

    def receive(self) -> None:
        """Wait for the whole answer."""
        data = b""
        while not (data and is_whole(data)):
            data += self._socket.recv(1 << 20)


@contextmanager
def without_pause(port: int, sent: bytes) -> Iterator[None]:
    """Keep one client asking in the background."""
    process = multiprocessing.Process(target=_ask_for_ever, args=(port, sent))
    process.start()
    try:
        yield
        if not process.is_alive():
            sys.exit("The client in the background has failed.")
    finally:
        process.terminate()
        process.join()


def _ask_for_ever(port: int, sent: bytes) -> None:
    client = Client(port)
    while True:
        client.ask(sent)


def latencies(port: int, sent: bytes, seconds: float, pause: float = 0.005) -> list[float]:
    """Send requests at a steady rate, and return the latency of each in seconds."""
    client, end = Client(port), perf_counter() + seconds
    while perf_counter() < end:
        client.ask(sent)
        sleep(pause)
    return client.seconds


def ask_together(clients: Sequence[Client], sent: bytes, count: int) -> None:
    """Send `count` requests in all, one over each connection at a time."""
    for _ in range(count // len(clients)):
        for client in clients:
            client.send(sent)
        for client in clients:
            client.receive()


async def answer(reader: asyncio.StreamReader) -> int:
    """Read a response, and return its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(LENGTH.findall(head)[0]))
    return int(head.split()[1])


async def crowd(port: int, sent: bytes, clients: int, seconds: float) -> list[tuple[int, float]]:
    """Have clients ask again and again, each over a new connection; give status and duration."""
    end, answers = perf_counter() + seconds, list[tuple[int, float]]()

    async def ask() -> None:
        while (start := perf_counter()) < end:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answers.append((await answer(reader), perf_counter() - start))
            writer.close()
            await asyncio.sleep(0.05)

    await asyncio.gather(*[ask() for _ in range(clients)])
    return answers


async def burst(port: int, sent: bytes, count: int) -> set[int]:
    """Send a request over each of so many connections at once, and return the statuses."""

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        try:
            return await answer(reader)
        finally:
            writer.close()

    return set(await asyncio.gather(*[ask() for _ in range(count)]))
