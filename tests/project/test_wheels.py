"""Every lock has wheels for the machines on which teams develop and deploy, and they install."""

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from tests.helpers.containers import NEWEST
from tests.helpers.harness import (
    COMBINATIONS,
    QUESTIONS,
    ROOT,
    BakedProject,
    Combination,
    each,
    run,
)

GLIBC = 36  # Debian 12, the oldest likely system, like macOS 14.


def manylinux(architecture: str) -> list[str]:
    named = [f"manylinux_2_{minor}_{architecture}" for minor in range(GLIBC, 16, -1)]
    return [*named, f"manylinux2014_{architecture}", f"manylinux2010_{architecture}"]


LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
MAC = {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"}
MACHINES: dict[str, tuple[list[str], dict[str, str]]] = {
    "Linux, x86-64": (manylinux("x86_64"), LINUX | {"platform_machine": "x86_64"}),
    "Linux, arm64": (manylinux("aarch64"), LINUX | {"platform_machine": "aarch64"}),
    "Windows": (
        ["win_amd64"],
        {
            "sys_platform": "win32",
            "platform_system": "Windows",
            "os_name": "nt",
            "platform_machine": "AMD64",
        },
    ),
    "macOS, arm64": (
        list(mac_platforms((14, 0), "arm64")),
        MAC | {"platform_machine": "arm64"},
    ),
    "macOS, Intel": (
        list(mac_platforms((14, 0), "x86_64")),
        MAC | {"platform_machine": "x86_64"},
    ),
}


@cache
def supported_tags(python: str, machine: str) -> frozenset[Tag]:
    """Return the wheel tags that a Python version supports on a machine."""
    major, minor = map(int, python.split("."))
    platforms, _ = MACHINES[machine]
    every = cpython_tags((major, minor), platforms=platforms)
    return frozenset([*every, *compatible_tags((major, minor), f"cp{major}{minor}", platforms)])


def is_needed(package: dict[str, Any], environment: dict[str, str]) -> bool:
    """Return whether a machine installs a package, for any of its groups."""
    markers = package.get("markers", "")
    markers = list(markers.values()) if isinstance(markers, dict) else [markers]
    return any(not marker or Marker(marker).evaluate(environment) for marker in markers)


def packages_without_wheel(lock: dict[str, Any], python: str, machine: str) -> Iterator[str]:
    """Yield every package that a machine would have to build."""
    environment = MACHINES[machine][1] | {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for package in lock["package"]:
        wheels = [it["file"] for it in package["files"] if it["file"].endswith(".whl")]
        tags = frozenset[Tag]().union(*(parse_wheel_filename(wheel)[3] for wheel in wheels))
        if is_needed(package, environment) and not tags & supported_tags(python, machine):
            yield package["name"]


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("combination", COMBINATIONS, ids=str)
def test_every_machine_has_wheels_or_the_readme_names_the_exception(
    combination: Combination, machine: str
) -> None:
    path = ROOT / "templates" / "locks" / str(combination) / "poetry.lock"
    lock = tomllib.loads(path.read_text("utf-8"))

    absent = list(packages_without_wheel(lock, combination.python, machine))

    if combination.application == "model-api" and machine == "macOS, Intel":
        readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
        assert absent == ["onnxruntime"]
        assert "ONNX Runtime has none for Intel Macs" in readme
    else:
        assert absent == []


def test_the_readme_names_each_unsupported_python() -> None:
    readme = " ".join((ROOT / "README.md").read_text("utf-8").split())
    refused = {python for pythons in QUESTIONS["_refused"].values() for python in pythons}

    assert [python for python in refused if f"none for Python {python}" not in readme] == []


@each(NEWEST[:1])
def test_templates_in_packages_do_not_fail_the_build(baked: BakedProject, tmp_path: Path) -> None:
    dockerfile = (baked.path / "Dockerfile").read_text("utf-8")
    found = re.search("&& python (-m compileall .*) /opt/venv/lib$", dockerfile, re.MULTILINE)
    assert found
    (tmp_path / "package").mkdir()
    (tmp_path / "package/{name}.py").write_text("This is {no} Python.")
    (tmp_path / "package/module.py").write_text("")

    run(sys.executable, *shlex.split(found[1]), tmp_path)

    (compiled,) = (tmp_path / "package/__pycache__").iterdir()
    assert compiled.name.startswith("module.")
