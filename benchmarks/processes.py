"""Install a project, start its services, and measure their processes."""

import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import NamedTuple, TypeVar
from urllib.error import URLError
from urllib.request import urlopen

from cookiecutter.main import cookiecutter

from benchmarks import load
from tests.helpers.harness import COMBINATIONS, interpreter, poetry, tool

ROOT = Path(__file__).parents[1]
ROUNDS, REQUESTS = 150, 80
K = TypeVar("K", bound=Hashable)
UNSHARE = ("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")
SERVER_CORE, LOAD_CORE = sorted(os.sched_getaffinity(0))[:2]


class Row(NamedTuple):
    """A row of a table, and whether its limit is met."""

    what: str
    value: str
    limit: str = ""
    met: bool = True


def install(folder: Path, application: str, *packages: str) -> str:
    """Render and install a project with further packages; return its interpreter."""
    for name, version, *_ in COMBINATIONS:
        found = interpreter(version)
        if name == application and found:
            break
    else:
        sys.exit("This machine has no Python that the template supports.")
    answers = {"application": application, "python_version": version}
    project = cookiecutter(str(ROOT), no_input=True, output_dir=folder, extra_context=answers)
    uv, python = str(tool("uv")), str(folder / "venv" / "bin" / "python")
    locked = str(folder / "locked.txt")
    pip = [uv, "pip", "install", "--quiet", "--python", python]
    for command in (
        poetry("export", "--all-groups", "--output", locked),
        [uv, "venv", "--quiet", "--python", str(found), str(folder / "venv")],
        [*pip, "--no-deps", "--requirement", locked],
        [*pip, "--no-deps", project],
        [*pip, *packages],
    ):
        subprocess.run(command, cwd=project, check=True)
    return python


@dataclass
class Service:
    """A running service, with all its processes."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    is_pid_1: bool

    @property
    def pids(self) -> list[int]:
        """The process that was started and all its descendants."""
        pids = [self.process.pid]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
            pids += map(int, children.split())
        return pids

    def cpu_seconds(self) -> float:
        """Return the CPU time that all threads have used."""
        tasks = [task for pid in self.pids for task in Path(f"/proc/{pid}/task").iterdir()]
        used = [(task / "schedstat").read_text("ascii").split()[0] for task in tasks]
        return sum(map(int, used)) / 1e9

    def memory(self) -> float:
        """Return the resident memory of all processes in MB."""
        files = [Path(f"/proc/{pid}/status").read_text("ascii") for pid in self.pids]
        return sum(int(it.partition("VmRSS:")[2].split()[0]) for it in files) * 1024 / 1e6

    def terminate(self) -> None:
        """Send SIGTERM to the service; as PID 1, it is the child of `unshare`."""
        os.kill(self.pids[self.is_pid_1], signal.SIGTERM)


def cpu_times(services: Mapping[K, Service], sent: bytes) -> dict[K, list[float]]:
    """Measure the CPU time of a request in microseconds, in many short turns."""
    times: dict[K, list[float]] = {name: [] for name in services}
    clients = {name: [load.Client(it.port) for _ in range(8)] for name, it in services.items()}
    for name in services:
        load.request_together(clients[name], sent, 10 * REQUESTS)  # Fill the caches.
    for _ in range(ROUNDS):
        for name, service in services.items():
            before = service.cpu_seconds()
            load.request_together(clients[name], sent, REQUESTS)
            times[name].append((service.cpu_seconds() - before) / REQUESTS * 1e6)
    return times


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios of all rounds."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


@contextmanager
def serving(*command: str, **settings: object) -> Iterator[Service]:
    """Run a service on its core; yield it when it responds, and kill it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings |= {"HOST": "127.0.0.1", "PORT": port, "LOG_FORMAT": "json"}
    variables = {f"MY_APPLICATION_{name}": str(value) for name, value in settings.items()}
    with tempfile.NamedTemporaryFile() as log:
        os.sched_setaffinity(0, {SERVER_CORE})  # The child process inherits it.
        process = subprocess.Popen(command, env=os.environ | variables, stdout=log, stderr=log)
        os.sched_setaffinity(0, {LOAD_CORE})
        service = Service(process, port, Path(log.name), command[0] == UNSHARE[0])
        try:
            wait_for(service)
            yield service
        finally:
            with suppress(OSError):
                for pid in reversed(service.pids):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def wait_for(service: Service, seconds: float = 60) -> None:
    """Wait until the service responds."""
    deadline = monotonic() + seconds
    while monotonic() < deadline and service.process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{service.port}/openapi.json", timeout=2):
                return
        except (URLError, OSError):
            sleep(0.01)
    sys.exit(f"The service does not answer:\n{service.log.read_text('utf-8')}")


def versions(python: str, packages: Sequence[str]) -> str:
    """Describe the measured versions and the machine."""
    code = f"from importlib.metadata import version; print(*map(version, {tuple(packages)}))"
    found = subprocess.check_output([python, "-c", code], text=True).split()
    release = subprocess.check_output([python, "--version"], text=True).strip()
    listed = ", ".join(f"{name} {version}" for name, version in zip(packages, found, strict=True))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{release}, {listed}; {machine}, one for the service and one for the load"
