"""Measure the speed of the model API: `make bench-model`.

The service runs unedited, from its own lock, on one core; the load comes from another. It is
compared with `bare.py` in turns, so that a noisy machine is noisy for both.
"""

import asyncio
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from cookiecutter.main import cookiecutter

from benchmarks import load
from benchmarks.tables import markdown
from tests.helpers.harness import COMBINATIONS, interpreter, poetry, tool

ROOT = Path(__file__).parents[1]
BATCH, ROUNDS, SECONDS, STARTS, FILE_ROWS, CLIENTS = 100, 25, 1.0, 5, 1_000_000, 4
SERVER_CORE, LOAD_CORE = sorted(os.sched_getaffinity(0))[:2]
# Runs a command, and prints its peak memory in kB.
PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)
PACKAGES = ("fastapi", "uvicorn", "onnxruntime", "numpy", "scikit-learn", "pydantic")


class Server(NamedTuple):
    """A running server."""

    port: int
    pid: int


class Row(NamedTuple):
    """A row of the table, and whether its limit is met."""

    what: str
    value: str
    limit: str = ""
    met: bool = True


def main() -> int:
    """Measure; print and store the table; return 1 if a limit is not met."""
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        python = install(Path(folder), "model-api")
        os.chdir(Path(folder) / "my-application")  # The folder of `training` and the sample.
        one, many = bodies(python, Path(folder))
        service = running.enter_context(serving(python, "-m", "my_application", "serve")).port
        bare = running.enter_context(
            serving(python, "-m", "uvicorn", "--app-dir", str(ROOT / "benchmarks"), "bare:app")
        ).port
        rows = [
            *single(service, bare, one.read_bytes()),
            many_instances(service, bare, many.read_bytes()),
            liveness(service, many.read_bytes()),
            *large_file(python, Path(folder)),
            *image(Path(folder) / "my-application"),
            training(python, Path(folder) / "my-application"),
        ]
        table = as_table(rows, versions(python, PACKAGES, ROUNDS))
    print(table)
    (ROOT / "benchmarks" / "results" / "model.md").write_text(table, "utf-8")
    return 0 if all(row.met for row in rows) else 1


def install(folder: Path, application: str) -> str:
    """Bake a project, install it from its lock, and return its interpreter."""
    for name, version, *_ in COMBINATIONS:
        found = interpreter(version)
        if name == application and found:
            break
    else:
        sys.exit("No interpreter here has a Python of the template.")
    answers = {"application": application, "python_version": version}
    project = cookiecutter(str(ROOT), no_input=True, output_dir=folder, extra_context=answers)
    uv, python = str(tool("uv")), str(folder / "venv" / "bin" / "python")
    locked = str(folder / "locked.txt")
    for command in (
        poetry("export", "--all-groups", "--output", locked),
        [uv, "venv", "--quiet", "--python", str(found), str(folder / "venv")],
        [uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--requirement", locked],
        [uv, "pip", "install", "--quiet", "--python", python, "--no-deps", "--editable", project],
    ):
        subprocess.run(command, cwd=project, check=True)
    return python


def bodies(python: str, folder: Path) -> tuple[Path, Path]:
    """Write the bodies of requests with one instance and with a batch."""
    code = "from my_application.model.schema import SCHEMA; print(SCHEMA.example.model_dump_json())"
    example = json.loads(subprocess.check_output([python, "-c", code]))
    one, many = folder / "one.json", folder / "many.json"
    one.write_text(json.dumps({"instances": [example]}))
    many.write_text(json.dumps({"instances": [example] * BATCH}))
    return one, many


@contextmanager
def serving(*command: str, **settings: object) -> Iterator[Server]:
    """Run a server on its core; yield it when it responds."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    ports = {f"{name}_PORT": str(port) for name in ("MY_APPLICATION", "UVICORN", "GRANIAN")}
    own = {f"MY_APPLICATION_{name}": str(value) for name, value in settings.items()}
    environment = os.environ | ports | own
    pinned = ["taskset", "--cpu-list", str(SERVER_CORE), *command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(pinned, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/openapi.json")
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait()


def wait_for(url: str, seconds: float = 60) -> None:
    """Wait until an address responds with 200."""
    deadline = perf_counter() + seconds
    while perf_counter() < deadline:
        try:
            with urlopen(url, timeout=2):  # noqa: S310 - an address of this machine
                return
        except (URLError, OSError):
            sleep(0.01)
    sys.exit(f"{url} does not answer.")


def single(service: int, bare: int, body: bytes) -> list[Row]:
    """Compare the requests per second with one instance."""
    ours, onnx, sklearn = compare(service, bare, ("/onnx", "/scikit-learn"), body)
    return [
        Row("one instance, model API", f"{ours:.0f} requests/s"),
        ratio_row("one instance, bare FastAPI calling ONNX Runtime", ours, onnx, 0.8),
        ratio_row("one instance, bare FastAPI calling scikit-learn", ours, sklearn, 10),
    ]


def many_instances(service: int, bare: int, body: bytes) -> Row:
    """Compare the requests per second with as many instances as are allowed."""
    ours, onnx = compare(service, bare, ("/onnx",), body)
    return ratio_row(f"{BATCH:,} instances, bare FastAPI calling ONNX Runtime", ours, onnx, 0.9)


def compare(service: int, bare: int, paths: Sequence[str], body: bytes) -> list[float]:
    """Return the requests per second of the service and of each bare route, measured in turns."""
    routes = [(service, "/predictions"), *((bare, path) for path in paths)]
    measured: list[list[float]] = [[] for _ in routes]
    for _ in range(ROUNDS):
        for rates, (port, path) in zip(measured, routes, strict=True):
            rate = load.requests_per_second(port, load.request(path, body), SECONDS)
            rates.append(asyncio.run(rate))
    return [median(rates) for rates in measured]


def ratio_row(what: str, ours: float, theirs: float, least: float) -> Row:
    """Return the row of a comparison."""
    ratio = ours / theirs
    measured = f"{theirs:.1f} requests/s, ratio {ratio:.2f}"
    return Row(what, measured, f"ratio >= {least}", ratio >= least)


def liveness(service: int, body: bytes) -> Row:
    """Measure /livez while several clients send batches without pause."""
    with ExitStack() as clients:
        for _ in range(CLIENTS):
            clients.enter_context(load.background_load(service, load.request("/predictions", body)))
        seconds = load.latencies(service, load.request("/livez"), 15)
    slowest = quantiles(seconds, n=100)[98] * 1e3
    what = f"/livez under {CLIENTS} clients with {BATCH:,} instances, p99 of {len(seconds)}"
    return Row(what, f"{slowest:.1f} ms", "<= 50 ms", slowest <= 50)


def large_file(python: str, folder: Path) -> list[Row]:
    """Measure the predictions for a large file."""
    project = folder / "my-application"
    header, *lines = (project / "data/penguins.csv").read_text().splitlines(keepends=True)
    source = folder / "large.csv"
    source.write_text(header + "".join(lines) * (FILE_ROWS // len(lines)))
    pinned = ["taskset", "--cpu-list", str(SERVER_CORE), python, "-m", "my_application"]
    start = perf_counter()
    command = [*pinned, "predict", str(source), "--output", str(folder / "out.csv")]
    # Started by a small process: before `exec`, a child has the memory of its parent.
    small = [sys.executable, "-S", "-c", PEAK, *command]
    result = subprocess.run(small, capture_output=True, check=True, text=True)
    rate, peak = FILE_ROWS / (perf_counter() - start), int(result.stderr) / 1e3
    return [
        Row(f"file of {FILE_ROWS:,} rows", f"{rate:,.0f} rows/s", ">= 50,000", rate >= 50_000),
        Row("memory for it", f"{peak:.0f} MB", "<= 120 MB", peak <= 120),
    ]


def training(python: str, project: Path) -> Row:
    """Measure the training on the sample."""
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        output = ["--output", f"{folder}/model.onnx", "--report", f"{folder}/report.html"]
        subprocess.run([python, "-m", "training", *output], cwd=project, check=True)
        took = perf_counter() - start
    return Row("training of the sample", f"{took:.1f} s", "<= 15 s", took <= 15)


def image(project: Path) -> list[Row]:
    """Measure the size of the image on top of its base, and its start."""
    tag = "template-bench:model-api"
    build = subprocess.run(
        ["docker", "build", "--quiet", "--tag", tag, project], capture_output=True, check=False
    )
    if build.returncode:
        return [Row("image", f"not built: {build.stderr.decode().strip()[-200:]}", met=False)]
    base = (project / "Dockerfile").read_text().partition("ARG PYTHON_VERSION=")[2].split()[0]
    added = size(tag) - size(f"python:{base}-slim-trixie")
    du = output("docker", "run", "--rm", "--entrypoint", "du", tag, "-sb", "/opt/venv")
    venv = int(du.split()[0]) / 1e6
    starts = [start(tag) for _ in range(STARTS)]
    most = 200
    return [
        Row("image on top of its base", f"{added:.0f} MB", f"<= {most} MB", added <= most),
        Row("of it not the venv", f"{added - venv:.1f} MB", "<= 3 MB", added - venv <= 3),
        Row(
            f"container start to ready, median of {STARTS}",
            f"{median(starts):.2f} s",
            "<= 1.5 s",
            median(starts) <= 1.5,
        ),
    ]


def size(tag: str) -> float:
    """Return the size of an image in MB."""
    return int(output("docker", "image", "inspect", "--format", "{{.Size}}", tag)) / 1e6


def start(tag: str) -> float:
    """Start a container on the server's core, and return the seconds until it is ready."""
    began = perf_counter()
    options = [f"--cpuset-cpus={SERVER_CORE}", "--publish=127.0.0.1::8000"]
    name = output("docker", "run", "--detach", "--rm", *options, tag)
    try:
        wait_for(f"http://{output('docker', 'port', name, '8000/tcp').splitlines()[0]}/readyz")
        return perf_counter() - began
    finally:
        subprocess.run(["docker", "kill", name], capture_output=True, check=True)


def output(*command: str) -> str:
    """Run a command, and return its output."""
    return subprocess.check_output(command, text=True).strip()


def versions(python: str, packages: Sequence[str], rounds: int) -> str:
    """Describe the measured versions and the machine."""
    code = f"from importlib.metadata import version; print(*map(version, {tuple(packages)}))"
    found = zip(packages, output(python, "-c", code).split(), strict=True)
    release = output(python, "--version")
    listed = ", ".join(f"{name} {version}" for name, version in found)
    return (
        f"{release}, {listed}; {platform.machine()}, {os.cpu_count()} cores, "
        f"one for the server and one for the load; medians of {rounds} rounds"
    )


def as_table(rows: list[Row], machine: str) -> str:
    """Return a Markdown table."""
    return markdown(("what", "measured", "limit"), [row[:3] for row in rows], machine)


if __name__ == "__main__":
    sys.exit(main())
