"""Compare the image with two others of the same project and dependencies: `make bench-image`.

`make bench-image ARGS=job` measures one application.

(a) is that of most templates: one stage, as root, with pip's defaults and the development group;
(b) has two stages, with Poetry installed in the first; (c) is this template's. They are measured in
turns, so that a noisy machine is noisy for all of them.

The base of (a) gets a venv with pip, which counts as part of it: the official image has pip.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median

from cookiecutter.main import cookiecutter

from benchmarks.tables import markdown

ROOT = Path(__file__).parents[1]
BUILDS, STARTS = 3, 5
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
APPLICATIONS, PYTHON = QUESTIONS["application"], QUESTIONS["python_version"][0]
BASE = f"python:{PYTHON}-slim-trixie"
SWAPPED = "annotated-types"
ON_TOP, NOT_VENV = "MB on top of the base", "MB that are not the venv"
AFTER_EDIT = "s to rebuild after an edit in src"
AFTER_SWAP = "s to rebuild after one dependency changes"
TO_HEALTHY = "s from start to healthy"
# The limits for this template's image, by application or else by kind, and as a share of (a).
LIMITS = {
    ON_TOP: {"model-api": 195.0, "service": 55.0, "job": 45.0},
    NOT_VENV: {"service": 3.0, "job": 3.0},
    AFTER_EDIT: {"service": 3.0, "job": 3.0},
    TO_HEALTHY: {"model-api": 2.5, "service": 1.0},
}
LIMITS_TO_ONE_STAGE = {ON_TOP: 0.6, AFTER_SWAP: 0.5}
ONE_STAGE, WITH_POETRY, OURS = "(a) one stage", "(b) Poetry inside", "(c) this template"

WITH_PIP = f"""
FROM {BASE}
RUN python -m venv /opt/python
ENV PATH=/opt/python/bin:$PATH
"""
DOCKERFILES = {
    ONE_STAGE: """
FROM bench-image:base
WORKDIR /app
COPY requirements-dev.txt .
RUN pip install -r requirements-dev.txt
COPY . .
RUN pip install --no-deps .
CMD ["my-application"]
""",
    WITH_POETRY: f"""
FROM bench-image:base AS builder
RUN pip install poetry=={version("poetry")} poetry-plugin-export=={version("poetry-plugin-export")}
WORKDIR /app
COPY pyproject.toml poetry.lock ./
RUN python -m venv /venv \\
    && poetry export --output requirements.txt \\
    && /venv/bin/pip install -r requirements.txt
COPY . .
RUN poetry build --format wheel && /venv/bin/pip install --no-deps dist/*.whl

FROM {BASE}
COPY --from=builder /venv /venv
ENV PATH=/venv/bin:$PATH
CMD ["my-application"]
""",
}


def main() -> int:
    """Measure; print and store the tables; return 1 if a limit is not met."""
    docker("build", "--tag", "bench-image:base", "-", text=WITH_PIP)
    applications = sys.argv[1:] or APPLICATIONS
    measured = {application: measure(application) for application in applications}
    tables = [as_table(application, rows) for application, rows in measured.items()]
    server = docker("version", "--format", "{{.Server.Version}}").strip()
    machine = (
        f"Docker {server}, Python {PYTHON}, Poetry {version('poetry')}, "
        f"{os.cpu_count()} cores; medians of {BUILDS} builds and {STARTS} starts\n"
    )
    text = "\n".join([*tables, machine])
    print(text)
    (ROOT / "benchmarks" / "results" / "image.md").write_text(text, "utf-8")
    met = [
        within_limits(it, title, row)
        for it, rows in measured.items()
        for title, row in rows.items()
    ]
    return 0 if all(met) else 1


def measure(application: str) -> dict[str, dict[str, float | None]]:
    """Return a row of numbers for each measurement, with a column for each image."""
    with tempfile.TemporaryDirectory() as folder:
        builds = prepare(application, Path(folder))
        for build in builds.values():
            build()
        sizes = {name: size(image_tag(name)) for name in builds}
        tops = {
            ONE_STAGE: size("bench-image:base"),
            WITH_POETRY: size(BASE),
            OURS: size(BASE),
        }
        rows: dict[str, dict[str, float | None]] = {
            ON_TOP: {it: (sizes[it] - tops[it]) / 1e6 for it in builds},
            NOT_VENV: {OURS: max(0, sizes[OURS] - size(BASE) - venv_bytes(image_tag(OURS))) / 1e6},
        }
        project = Path(folder, "my-application")
        rows[AFTER_EDIT] = build_in_turns(builds, BUILDS, lambda number: edit_code(project, number))
        rows[AFTER_SWAP] = build_in_turns(
            builds, BUILDS, lambda number: swap_dependency(project, number)
        )
        if QUESTIONS["_kinds"][application] == "service":
            rows[TO_HEALTHY] = {OURS: median(start(image_tag(OURS)) for _ in range(STARTS))}
        return rows


def prepare(application: str, folder: Path) -> dict[str, Callable[[], None]]:
    """Bake a project; return a function that builds it for each image."""
    answers = {"application": application, "python_version": PYTHON}
    project = Path(
        cookiecutter(str(ROOT), no_input=True, output_dir=str(folder), extra_context=answers)
    )
    poetry = [sys.executable, "-m", "poetry", "--no-ansi", "export", "--all-groups"]
    subprocess.run(
        [*poetry, "--output", "requirements-dev.txt"], cwd=project, check=True, capture_output=True
    )
    ignore = project / ".dockerignore"
    allowed = ignore.read_text("utf-8")

    def build(name: str) -> None:
        ignore.write_text(allowed if name == OURS else ".git\n", "utf-8")
        tag = ["--tag", image_tag(name)]
        if name == OURS:
            docker("build", *tag, str(project))
        else:
            docker("build", *tag, "--file", "-", str(project), text=DOCKERFILES[name])

    return {name: partial(build, name) for name in (ONE_STAGE, WITH_POETRY, OURS)}


def edit_code(project: Path, number: int) -> None:
    """Change a module of the project."""
    module = project / "src/my_application/__init__.py"
    module.write_text(f"{module.read_text('utf-8')}# edit {number}, {time.time()}\n", "utf-8")


def swap_dependency(project: Path, number: int) -> None:
    """Pin another version of a package that every image has, and that nothing pins."""
    names = ["requirements.txt", "requirements-dev.txt", "poetry.lock"]
    if number == 0:
        pin = pin_previous_release(project)
        for name in names:
            text = (project / name).read_text("utf-8")
            (project / f"{name}.new").write_text(text, "utf-8")
            (project / f"{name}.old").write_text(pin(text), "utf-8")
    # Unique files each time, so that no builder has cached this layer.
    for name in names:
        text = (project / f"{name}.{'old' if number % 2 == 0 else 'new'}").read_text("utf-8")
        (project / name).write_text(f"# {time.time()}\n{text}", "utf-8")


def pin_previous_release(project: Path) -> Callable[[str], str]:
    """Find the package's previous release; return a function that pins it in the text of a lock."""
    lock = (project / "poetry.lock").read_text("utf-8")
    found = re.search(rf'name = "{SWAPPED}"\nversion = "(.*?)"\n.*?\n\n', lock, re.DOTALL)
    if not found:
        sys.exit(f"poetry.lock does not name {SWAPPED}: swap another dependency.")
    locked, digests = found[1], re.findall(r"sha256:([0-9a-f]{64})", found[0])
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*pip, f"{SWAPPED}<{locked}"], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        digest = subprocess.run(
            ["sha256sum", wheel], check=True, capture_output=True, text=True
        ).stdout.split()[0]
    older = wheel.name.split("-")[1]

    def pin(text: str) -> str:
        text = text.replace(f"{SWAPPED}=={locked}", f"{SWAPPED}=={older}")
        text = text.replace(
            f'name = "{SWAPPED}"\nversion = "{locked}"',
            f'name = "{SWAPPED}"\nversion = "{older}"',
        )
        for one in digests:
            text = text.replace(one, digest)
        return text

    return pin


def build_in_turns(
    builds: dict[str, Callable[[], None]], rounds: int, change: Callable[[int], None]
) -> dict[str, float | None]:
    """Make a change and build every image, several times; return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in builds}
    for number in range(rounds):
        change(number)
        for name, build in builds.items():
            begin = time.perf_counter()
            build()
            seconds[name].append(time.perf_counter() - begin)
    return {name: median(times) for name, times in seconds.items()}


def start(image: str) -> float:
    """Start a container as in production, and return the seconds until it is healthy."""
    begin = time.perf_counter()
    name = docker("run", "--detach", "--read-only", "--cap-drop", "ALL", image).strip()
    try:
        while docker("inspect", "--format", "{{.State.Health.Status}}", name).strip() != "healthy":
            time.sleep(0.02)
        return time.perf_counter() - begin
    finally:
        docker("rm", "--force", name)


def docker(*arguments: str, text: str | None = None) -> str:
    """Run a Docker command, and return its output."""
    return subprocess.run(
        ["docker", *arguments],
        input=text,
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ).stdout


def image_tag(name: str) -> str:
    """Return the tag of one of the three images."""
    return f"bench-image:{name[1]}"


def size(image: str) -> int:
    """Return the size of all layers of an image in bytes."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image))


def venv_bytes(image: str) -> int:
    """Return the size of the files in /opt/venv in bytes, as Docker counts that of a layer."""
    code = (
        "import os; print(sum(os.lstat(os.path.join(at, name)).st_size"
        " for at, _, names in os.walk('/opt/venv') for name in names))"
    )
    return int(docker("run", "--rm", "--entrypoint", "python", image, "-c", code))


def limit(application: str, title: str) -> float | None:
    """Return the limit of an application's image for a measurement, if there is one."""
    limits = LIMITS.get(title, {})
    return limits.get(application, limits.get(QUESTIONS["_kinds"][application]))


def within_limits(application: str, title: str, row: dict[str, float | None]) -> bool:
    """Return whether this template's image is within the limits of a measurement."""
    ours, first = row[OURS] or 0.0, row.get(ONE_STAGE)
    limits = [limit(application, title)]
    if first and title in LIMITS_TO_ONE_STAGE:
        limits.append(first * LIMITS_TO_ONE_STAGE[title])
    return all(one is None or ours <= one for one in limits)


def describe_limits(application: str, title: str) -> str:
    """Describe the limits of a measurement."""
    most, share = limit(application, title), LIMITS_TO_ONE_STAGE.get(title)
    parts = [f"≤ {most:g}" if most else "", f"≤ {share:g} of (a)" if share else ""]
    return ", ".join(filter(None, parts))


def as_table(application: str, rows: dict[str, dict[str, float | None]]) -> str:
    """Return a Markdown table, with empty cells for images that are not measured."""
    names = [ONE_STAGE, WITH_POETRY, OURS]
    lines = []
    for title, row in rows.items():
        cells = [f"{row[name]:.1f}" if row.get(name) is not None else "" for name in names]
        first, last = row.get(ONE_STAGE), row.get(OURS)
        ratio = f"{last / first:.2f}" if first and last else ""
        lines.append([title, *cells, ratio, describe_limits(application, title)])
    return markdown([application, *names, "(c) / (a)", "(c) must be"], lines)


if __name__ == "__main__":
    sys.exit(main())
