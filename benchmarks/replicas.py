"""Measure how a service scales with its replicas: `make bench-replicas`.

One, two and three copies of the web API's image run behind HAProxy, in turns. Each has the share of
a core that the Deployment requests for a pod, so that the load, the balancer and three copies fit
on two cores.
"""

import asyncio
import json
import os
import platform
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import yaml
from cookiecutter.main import cookiecutter

from benchmarks import load
from benchmarks.tables import markdown
from tests.helpers.load_balancer import Balancer, run_balancer, run_copy

ROOT = Path(__file__).parents[1]
COPIES, ROUNDS, SECONDS, CONNECTIONS = (1, 2, 3), 5, 3.0, 16
TAG, PREFIX, PYTHON = "template-bench:web-api", "MY_APPLICATION_", "3.14"
BODY = {"items": [{"article": "chair", "quantity": 4, "unit_price": "49.90"}]}


def main() -> None:
    """Measure; print and store the table."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        cpus = cpu_request(build(Path(folder)))
        balancer = running.enter_context(run_balancer(Path(folder), COPIES[-1], probe="/readyz"))
        for number in range(COPIES[-1]):
            running.enter_context(run_copy(TAG, balancer, number, PREFIX, f"--cpus={cpus}"))
        for number in range(COPIES[-1]):
            balancer.wait_for(number, "UP")
        rates = measure(balancer)
    table = as_table(rates, cpus)
    print(table)
    (ROOT / "benchmarks" / "results" / "replicas.md").write_text(table, "utf-8")


def build(folder: Path) -> Path:
    """Bake a web API, and build its image."""
    answers = {"application": "web-api", "python_version": PYTHON, "deployment": "kubernetes"}
    project = cookiecutter(str(ROOT), no_input=True, output_dir=str(folder), extra_context=answers)
    subprocess.run(["docker", "build", "--quiet", "--tag", TAG, project], check=True)
    return Path(project)


def cpu_request(project: Path) -> float:
    """Return the share of a core that the Deployment requests for each pod."""
    manifest = project / "deploy" / "kubernetes" / "base" / "deployment.yaml"
    (container,) = yaml.safe_load(manifest.read_text())["spec"]["template"]["spec"]["containers"]
    return int(container["resources"]["requests"]["cpu"].removesuffix("m")) / 1000


def measure(balancer: Balancer) -> dict[int, list[float]]:
    """Return the requests per second of each round, by the number of copies."""
    sent = load.request("/quotes", json.dumps(BODY).encode())
    rates: dict[int, list[float]] = {copies: [] for copies in COPIES}
    for _ in range(ROUNDS):
        for copies in COPIES:
            for number in range(COPIES[-1]):
                balancer.set_state(number, "ready" if number < copies else "drain")
            rate = load.requests_per_second(balancer.port, sent, SECONDS, CONNECTIONS)
            rates[copies].append(asyncio.run(rate))
    return rates


def as_table(rates: dict[int, list[float]], cpus: float) -> str:
    """Return a Markdown table."""
    one = median(rates[1])
    rows = [
        (str(copies), f"{median(seen):.0f}", f"{median(seen) / one:.2f}")
        for copies, seen in rates.items()
    ]
    proxy = subprocess.check_output(["haproxy", "-v"], text=True).split()[2]
    machine = (
        f"`POST /quotes` of the web API, Python {PYTHON}, {cpus} of a core for each copy, behind "
        f"HAProxy {proxy}; {platform.machine()}, {os.cpu_count()} cores for the copies, the "
        f"balancer and the load; "
        f"medians of {ROUNDS} rounds of {SECONDS:.0f} s on {CONNECTIONS} connections"
    )
    return markdown(("copies", "requests/s", "of one copy"), rows, machine)


if __name__ == "__main__":
    main()
