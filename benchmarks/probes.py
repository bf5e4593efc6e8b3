"""Probes of how a server handles awkward clients; each returns a short description."""

import json
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from subprocess import TimeoutExpired

from benchmarks import load
from benchmarks.processes import Service

BODY = b'{"name": "chair", "price": 49.9, "tags": ["wood", "four legs"]}'
GET, POST = load.request("/items/0"), load.request("/items", BODY)
SLOW = load.request("/items/300")
AMBIGUOUS = {
    "length and chunked": b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"content-length: 0\r\ncontent-length: 9\r\n\r\n",
    "folded header": b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"content-length: 0\n\n",
    "NUL in a value": b"x: a\0b\r\n\r\n",
    "negative length": b"content-length: -1\r\n\r\n",
    "unknown coding": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "bad chunk size": b"transfer-encoding: chunked\r\n\r\n+0\r\n\r\n",
}
"""What follows `POST /items`; a proxy that parses it differently may miss a second request."""


def connect(service: Service, sent: bytes = b"", timeout: float = 10) -> socket.socket:
    """Open a connection and send the first bytes."""
    opened = socket.create_connection(("127.0.0.1", service.port), timeout)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.sendall(sent)
    return opened


def read(opened: socket.socket) -> bytes:
    """Read until the response is complete, or until the connection is closed or times out."""
    data = b""
    with suppress(OSError):
        while piece := opened.recv(1 << 16):
            data += piece
            head, found, body = data.partition(b"\r\n\r\n")
            length = load.LENGTH.findall(head)
            if found and length and len(body) >= int(length[0]):
                break
    return data


def read_all(opened: socket.socket) -> bytes:
    """Read until the connection is closed or times out."""
    data = b""
    with suppress(OSError):
        while piece := opened.recv(1 << 16):
            data += piece
    return data


def status(data: bytes) -> str:
    """Return the status of a response, or `none`."""
    return data.split()[1].decode() if data.startswith(b"HTTP/1.1 ") else "none"


def h2c(service: Service) -> str:
    """Send a POST like Java's HTTP client, which offers HTTP/2 and accepts HTTP/1.1."""
    offer = b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n"
    head, _, body = POST.partition(b"\r\n\r\n")
    head += b"\r\n" + offer + b"\r\n"
    seen = []
    for pieces in ([head + body], [head, body]):
        with connect(service) as opened:
            for piece in pieces:
                opened.sendall(piece)
                time.sleep(0.05)
            seen.append(status(read(opened)))
    return " and ".join(dict.fromkeys(seen))


def endless_headers(service: Service) -> str:
    """Send endless headers, until the server refuses them or has read 30 MB."""
    line = b"x: " + b"y" * 1019 + b"\r\n"
    with connect(service, b"GET /items/0 HTTP/1.1\r\nhost: localhost\r\n", timeout=0.01) as opened:
        taken, answer = 0, b""
        while taken < 30_000_000 and not answer:
            try:
                opened.sendall(line * 8)
            except TimeoutError:
                pass
            except OSError:
                break
            taken += 8 * len(line)
            with suppress(TimeoutError, OSError):
                opened.settimeout(0.0005)
                answer = opened.recv(1000)
            opened.settimeout(5)
    if taken >= 30_000_000 and not answer:
        return f"{taken / 1e6:.0f} MB taken, open"
    return f"{status(answer)} after {taken / 1e3:.0f} kB"


def half_a_header(service: Service, seconds: int = 45) -> str:
    """Send half a header only; return when the server closes the connection."""
    start = time.monotonic()
    with connect(service, GET[:30], timeout=seconds) as opened:
        try:
            answer = opened.recv(1000)
        except TimeoutError:
            return f"open after {seconds} s"
    return f"closed after {time.monotonic() - start:.0f} s ({status(answer)})"


def ambiguous(service: Service) -> str:
    """Send requests whose end is ambiguous; count those that are refused."""
    accepted = []
    for name, rest in AMBIGUOUS.items():
        head = b"POST /items HTTP/1.1\r\nhost: localhost\r\n"
        with connect(service, head + rest + GET, 1) as opened:
            if b"chair" in read_all(opened):
                accepted.append(name)
    refused = f"{len(AMBIGUOUS) - len(accepted)} of {len(AMBIGUOUS)}"
    return f"{refused}; not {', '.join(accepted)}" if accepted else refused


def not_ascii(service: Service) -> str:
    """Request a non-ASCII path; return the status, and whether a traceback is logged."""
    before = len(service.log.read_bytes())
    with connect(service, b"GET /items/\xff HTTP/1.1\r\nhost: localhost\r\n\r\n") as opened:
        seen = status(read(opened))
    time.sleep(0.2)
    logged = service.log.read_bytes()[before:]
    return f"{seen}, traceback in the log" if b"Traceback" in logged else seen


def keep_alive_race(service: Service, idle: float = 1) -> str:
    """Reuse connections within 10 ms of the server's timeout; count the lost requests."""

    def reuse(number: int) -> str:
        with connect(service, GET) as opened:
            read(opened)
            time.sleep(idle + (number - 100) / 10_000)
            opened.settimeout(0)
            try:
                opened.recv(1)
            except BlockingIOError:
                opened.settimeout(5)
            except OSError:
                return "closed"
            else:
                return "closed"  # A client notices, and opens another connection.
            with suppress(OSError):
                opened.sendall(GET)
            return "answered" if status(read(opened)) == "200" else "lost"

    with ThreadPoolExecutor(20) as pool:
        seen = Counter(pool.map(reuse, range(200)))
    return f"{seen['lost']} of {seen['lost'] + seen['answered']} lost"


def idle_connections(service: Service, count: int = 1000) -> str:
    """Keep many idle connections open; return their memory, and the latency of another one."""
    before = service.memory()
    held = [connect(service, GET) for _ in range(count)]
    answered = sum(status(read(opened)) == "200" for opened in held)
    cost = service.memory() - before
    start = time.perf_counter()
    with connect(service, GET) as opened:
        seen = status(read(opened))
    took = time.perf_counter() - start
    for opened in held:
        opened.close()
    return f"{answered} answered, {cost:.0f} MB; next {seen} in {took * 1e3:.0f} ms"


def slow_reader(service: Service) -> str:
    """Read 40 MB at 2 MB/s; return whether it arrives, and the cost to the server."""
    before, peak, start = service.memory(), 0.0, time.monotonic()
    slowest, taken = 0.0, 0
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        opened.settimeout(10)
        opened.connect(("127.0.0.1", service.port))
        opened.sendall(load.request("/large"))
        while taken < 40_000_000 and (piece := opened.recv(100_000)):
            taken += len(piece)
            time.sleep(max(0, taken / 2e6 - (time.monotonic() - start)))
            if taken // 4_000_000 != (taken - len(piece)) // 4_000_000:
                peak = max(peak, service.memory())
                began = time.perf_counter()
                with connect(service, GET) as other:
                    read(other)
                slowest = max(slowest, time.perf_counter() - began)
    whole = "whole" if taken >= 40_000_000 else f"cut after {taken / 1e6:.0f} MB"
    return f"{whole}, {max(0, peak - before):.0f} MB; others ≤ {slowest * 1e3:.0f} ms"


def stop(service: Service, count: int = 200) -> str:
    """Send SIGTERM during requests; count the responses, and return the exit status."""
    held = [connect(service, SLOW) for _ in range(count)]
    time.sleep(1.5)
    service.terminate()
    answered = sum(status(read(opened)) == "200" for opened in held)
    with suppress(TimeoutExpired):
        service.process.wait(30)
    return f"{answered} of {count} answered, exit status {service.process.returncode}"


def websocket(service: Service) -> str:
    """Open a WebSocket; return whether the headers that the application adds arrive."""
    key = b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    key += b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    with connect(service, b"GET /echo HTTP/1.1\r\nhost: localhost\r\n" + key, 2) as opened:
        head = opened.recv(4096)
    if status(head) != "101":
        return f"refused ({status(head)})"
    return "works" if b"x-request-id: 42" in head.lower() else "works, without the headers"


def broken_stream(service: Service) -> str:
    """Request a stream that fails halfway; return what the client sees and what is logged."""
    before = len(service.log.read_bytes())
    with connect(service, load.request("/broken"), 2) as opened:
        data = read(opened)
    time.sleep(0.5)
    logged = [it for it in service.log.read_bytes()[before:].splitlines() if b"broke" in it]
    how = "not logged" if not logged else "logged" if is_json(logged[-1]) else "logged as text"
    cut = b"first piece" in data and not data.endswith(b"0\r\n\r\n")
    return f"{'cut' if cut else 'whole for the client'}, {how}"


def is_json(line: bytes) -> bool:
    """Return whether a line of the log is a JSON object."""
    with suppress(ValueError):
        return isinstance(json.loads(line), dict)
    return False
