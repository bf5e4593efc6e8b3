"""Copies of a service behind a load balancer, replaced and killed as in Kubernetes."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import NamedTuple

import pytest

from tests.helpers.containers import exit_status, read_all
from tests.helpers.harness import KUBERNETES, PACKAGE, SLUG, BakedProject, each, run
from tests.helpers.load_balancer import Balancer, run_balancer, run_copy
from tests.helpers.manifests import Manifest, pods, settings

PREFIX = f"{PACKAGE.upper()}_"
CLIENTS = 8
# The nodes of a cluster take longer than the balancer to learn that a copy is stopping.
PRE_STOP_SECONDS = 1
COPIES = 3
BODY = {"items": [{"article": "chair", "quantity": 4, "unit_price": "49.90"}]}
REQUEST = (
    "POST /quotes HTTP/1.1\r\nhost: test\r\nconnection: close\r\n"
    f"content-type: application/json\r\ncontent-length: {len(json.dumps(BODY))}\r\n\r\n"
    f"{json.dumps(BODY)}"
).encode()
ANSWER = {"total": "199.60"}

pytestmark = [
    pytest.mark.usefixtures("docker", "haproxy", "kubectl"),
    each([one for one in KUBERNETES if one.application == "web-api"]),
]


class Outcome(NamedTuple):
    """The start of a request, and the error of its response, if any."""

    began: float
    error: str


def send_request(connection: HTTPConnection) -> str:
    """Send a request; return the error, or an empty string."""
    try:
        headers = {"content-type": "application/json"}
        connection.request("POST", "/quotes", json.dumps(BODY), headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        connection.close()
        return repr(error)
    return (
        "" if answer.status == 200 and json.loads(text) == ANSWER else f"{answer.status} {text!r}"
    )


@contextmanager
def load(port: int) -> Iterator[list[Outcome]]:
    """Send requests from several clients, each over one open connection."""
    outcomes: list[Outcome] = []
    stopped = Event()

    def client() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        while not stopped.is_set():
            began = monotonic()
            outcomes.append(Outcome(began, send_request(connection)))
            sleep(0.02)
        connection.close()

    threads = [Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def pod(baked: BakedProject) -> Manifest:
    """The production pod of the service."""
    spec: Manifest = pods(baked, "production")[SLUG]["spec"]
    return spec


@pytest.fixture
def options(baked: BakedProject) -> list[str]:
    """The settings of the pods, as options of `docker run`."""
    return [f"--env={name}={value}" for name, value in settings(baked, "production").items()]


def probe(pod: Manifest) -> str:
    """Return the path of the readiness probe."""
    return str(pod["containers"][0]["readinessProbe"]["httpGet"]["path"])


def stop_gracefully(balancer: Balancer, number: int, name: str, pod: Manifest) -> None:
    """Stop a copy as Kubernetes does: without new requests, after `preStop`, with SIGTERM."""
    pre_stop = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pre_stop > PRE_STOP_SECONDS
    balancer.set_state(number, "drain")
    sleep(PRE_STOP_SECONDS)
    remaining = pod["terminationGracePeriodSeconds"] - pre_stop
    run("docker", "stop", "--timeout", str(remaining), name)
    assert exit_status(name) == 0
    balancer.wait_for(number, "DOWN")


@pytest.mark.slow("starts six containers, one after another")
def test_replacing_every_copy_under_load_loses_no_request(
    image: str, pod: Manifest, options: list[str], tmp_path: Path
) -> None:
    failures = pod["containers"][0]["readinessProbe"]["failureThreshold"]
    with ExitStack() as running:
        balancer = running.enter_context(
            run_balancer(tmp_path, COPIES + 1, probe=probe(pod), failures=failures)
        )

        def start(number: int) -> str:
            return running.enter_context(run_copy(image, balancer, number, PREFIX, *options))

        names = [start(number) for number in range(COPIES)]
        for number in range(COPIES):
            balancer.wait_for(number, "UP")
        with load(balancer.port) as outcomes:
            sleep(0.5)
            for old in range(COPIES):
                # The new one is ready before the old one stops: maxSurge 1, maxUnavailable 0.
                new = (old - 1) % (COPIES + 1)
                start(new)
                balancer.set_state(new, "ready")
                balancer.wait_for(new, "UP")
                stop_gracefully(balancer, old, names[old], pod)
            sleep(0.5)
        served = {number: int(row["hrsp_2xx"]) for number, row in balancer.statistics().items()}

    assert [one.error for one in outcomes if one.error] == []
    assert len(outcomes) > 200
    assert all(served.values())
    assert sum(served.values()) == len(outcomes)


def test_killing_a_copy_only_loses_its_current_requests(
    image: str, pod: Manifest, options: list[str], tmp_path: Path
) -> None:
    with ExitStack() as running:
        balancer = running.enter_context(
            run_balancer(tmp_path, COPIES, probe=probe(pod), redispatch=True)
        )
        names = [
            running.enter_context(run_copy(image, balancer, number, PREFIX, *options))
            for number in range(COPIES)
        ]
        for number in range(COPIES):
            balancer.wait_for(number, "UP")
        # Four requests are half sent to each copy.
        half = [socket.create_connection(("127.0.0.1", balancer.port)) for _ in range(4 * COPIES)]
        for connection in half:
            connection.sendall(REQUEST[:-4])
        sleep(0.3)
        working = {number: int(row["scur"]) for number, row in balancer.statistics().items()}
        assert working == {"0": 4, "1": 4, "2": 4}

        with load(balancer.port) as outcomes:
            sleep(0.5)
            run("docker", "kill", "--signal", "KILL", names[1])
            killed = monotonic()
            sleep(1)
        for connection in half:
            connection.sendall(REQUEST[-4:])
        answers = [read_all(connection) for connection in half]

    statuses = [text.partition(b"\r\n")[0].split(b" ")[1] for text in answers]
    assert sorted(statuses) == [b"200"] * 8 + [b"502"] * 4
    lost = [one for one in outcomes if one.error]
    # Each client had at most one request in flight.
    assert len(lost) <= CLIENTS
    assert [one for one in lost if one.began > killed] == []
    assert len([one for one in outcomes if one.began > killed]) > 50
