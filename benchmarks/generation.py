"""Measure how long a bake takes: `make bench-generation`.

Every round bakes an empty template, which is the time of cookiecutter itself, and this template
without and with Poetry, so that a noisy machine is noisy for all of them. Each bake is a process of
its own, as in a shell.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.tables import markdown

ROOT = Path(__file__).parents[1]
ROUNDS = 10
TOOLS = Path(sys.executable).parent


def main() -> None:
    """Measure; print and store the table."""
    with tempfile.TemporaryDirectory() as folder:
        bakes = prepare(Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in bakes}
        for round_number in range(ROUNDS + 1):
            for name, (command, environment) in bakes.items():
                took = time(command, environment, Path(folder))
                if round_number:  # The first round fills the caches.
                    seconds[name].append(took)
    table = as_table({name: median(times) for name, times in seconds.items()})
    print(table)
    (ROOT / "benchmarks" / "results" / "generation.md").write_text(table, "utf-8")


def prepare(folder: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Create an empty template and a venv with cookiecutter; return the commands to time."""
    empty = folder / "empty"
    (empty / "{{cookiecutter.name}}").mkdir(parents=True)
    (empty / "{{cookiecutter.name}}" / "README").write_text("{{ cookiecutter.name }}\n")
    (empty / "cookiecutter.json").write_text(json.dumps({"name": "empty"}))
    uv, venv = str(TOOLS / "uv"), str(folder / "venv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, venv], check=True)
    only = f"cookiecutter=={version('cookiecutter')}"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", f"{venv}/bin/python", only], check=True
    )
    (folder / "bin").mkdir()
    (folder / "bin" / "poetry").symlink_to(TOOLS / "poetry")
    without = {"HOME": str(folder), "PATH": os.pathsep.join(["/usr/bin", "/bin"])}
    with_poetry = without | {"PATH": os.pathsep.join([str(folder / "bin"), without["PATH"]])}
    bake = [str(folder / "venv" / "bin" / "cookiecutter"), "--no-input", "--overwrite-if-exists"]
    return {
        "an empty template": ([*bake, str(empty)], without),
        "this template, without Poetry": ([*bake, str(ROOT)], without),
        "this template, with Poetry": ([*bake, str(ROOT)], with_poetry),
    }


def time(command: list[str], environment: dict[str, str], folder: Path) -> float:
    """Run a command, and return its duration in seconds."""
    start = perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return perf_counter() - start


def as_table(medians: dict[str, float]) -> str:
    """Return a Markdown table of the medians and their ratios to the first."""
    baseline = next(iter(medians.values()))
    rows = [(name, f"{took:.3f}", f"{took / baseline:.2f}") for name, took in medians.items()]
    machine = (
        f"Python {platform.python_version()}, cookiecutter {version('cookiecutter')}, "
        f"Poetry {version('poetry')}, {os.cpu_count()} cores, median of {ROUNDS}"
    )
    return markdown(("bake", "seconds", "ratio"), rows, machine)


if __name__ == "__main__":
    main()
