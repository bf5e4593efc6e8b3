"""`make env` finds Conda, and `make install` only uses the project's environment."""

import json
import os
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from tests.helpers.harness import COMBINATIONS, SLUG, BakedProject, each, each_combination

SYSTEM = "/usr/bin:/bin"
CREATE = f"env create --name {SLUG} --file environment.yml"
UPDATE = f"env update --prune --name {SLUG} --file environment.yml"

Tool = Callable[..., Path]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    """Write a conda, mamba or micromamba that lists environments and prints its arguments."""

    def write(name: str, *environments: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "list.json").write_text(json.dumps({"envs": environments}))
        path.write_text(
            "#!/bin/sh\n"
            'if [ "$2" = list ]; then cat "${0%/*}/list.json"; else echo "ran $0 $*"; fi\n'
        )
        path.chmod(0o755)
        return path

    return write


def make(baked: BakedProject, target: str, path: str = SYSTEM, **variables: str) -> str:
    """Run make in a shell with these variables only; return its output and exit status."""
    result = baked.run("make", target, check=False, env={"PATH": path} | variables)
    return f"{result.stdout}{result.stderr}exit status {result.returncode}"


def path_with_poetry(folder: Path, environment: str = "") -> str:
    """Create a Poetry that uses this environment and prints its arguments; return a PATH."""
    path = folder / "poetry"
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = env ]; then echo "{environment}"; else echo "poetry runs $*"; fi\n'
    )
    path.chmod(0o755)
    return os.pathsep.join([str(folder), SYSTEM])


@each(COMBINATIONS[:1])
@pytest.mark.parametrize("name", ["conda", "mamba", "micromamba"])
def test_make_env_creates_the_environment_with_the_tool_on_path(
    baked: BakedProject, tool: Tool, name: str
) -> None:
    path = tool(name, "/opt/conda", f"/opt/conda/envs/{SLUG}-2")

    output = make(baked, "env", f"{path.parent}:{SYSTEM}")

    assert f"ran {path} {CREATE}\n" in output
    assert output.endswith("exit status 0")


@each(COMBINATIONS[:1])
@pytest.mark.parametrize(
    ("variable", "name"),
    [("CONDA_EXE", "my conda/bin/conda"), ("MAMBA_EXE", "bin/micromamba")],
)
def test_make_env_finds_a_tool_that_is_only_a_shell_function(
    baked: BakedProject, tool: Tool, variable: str, name: str
) -> None:
    path = tool(name, "/opt/conda")

    assert f"ran {path} {CREATE}\n" in make(baked, "env", **{variable: str(path)})


@each(COMBINATIONS[:1])
@pytest.mark.parametrize("prefix", [f"/opt/conda/envs/{SLUG}", f"C:\\Users\\Me\\envs\\{SLUG}"])
def test_make_env_updates_an_existing_environment(
    baked: BakedProject, tool: Tool, prefix: str
) -> None:
    path = tool("conda", "/opt/conda", prefix)

    assert f"ran {path} {UPDATE}\n" in make(baked, "env", CONDA_EXE=str(path))


@each(COMBINATIONS[:1])
def test_make_env_says_what_to_install_if_there_is_no_conda(baked: BakedProject) -> None:
    output = make(baked, "env")

    assert "There is no conda, mamba or micromamba here. Install Miniforge" in output
    assert output.endswith("exit status 2")


@each(COMBINATIONS[:1])
@pytest.mark.parametrize(
    ("shell", "reason", "remedy"),
    [
        (
            {"CONDA_DEFAULT_ENV": "base", "CONDA_PREFIX": "/opt/conda"},
            "environment base is active",
            f"conda activate {SLUG}",
        ),
        (
            {"CONDA_DEFAULT_ENV": "base", "CONDA_PREFIX": "/opt/conda", "VIRTUAL_ENV": "/venv"},
            "environment base is active",
            f"conda activate {SLUG}",
        ),
        (
            {"CONDA_DEFAULT_ENV": "another-project", "CONDA_PREFIX": "/envs/another-project"},
            "environment another-project is active",
            f"conda activate {SLUG}",
        ),
        ({}, "No environment is active", f"conda activate {SLUG}"),
        ({"CONDA_PREFIX": ""}, "No environment is active", f"conda activate {SLUG}"),
        (
            {"CONDA_DEFAULT_ENV": SLUG, "CONDA_PREFIX": "/envs/it", "VIRTUAL_ENV": "/venv"},
            "A venv is active",
            "deactivate",
        ),
    ],
    ids=["base", "base and a venv", "another", "nothing", "deactivated", "Conda and a venv"],
)
def test_make_install_refuses_any_other_environment(
    baked: BakedProject, tmp_path: Path, shell: dict[str, str], reason: str, remedy: str
) -> None:
    output = make(baked, "install", path_with_poetry(tmp_path), **shell)

    assert reason in output
    assert f"Run: {remedy}" in output
    assert "poetry runs" not in output
    assert output.endswith("exit status 2")


@each(COMBINATIONS[:1])
def test_make_install_refuses_a_poetry_that_would_uninstall_itself(
    baked: BakedProject, tmp_path: Path
) -> None:
    prefix = tmp_path / "env"
    (prefix / "bin").mkdir(parents=True)
    path = path_with_poetry(prefix / "bin", str(prefix))

    for shell in ({"VIRTUAL_ENV": str(prefix)}, {"CONDA_PREFIX": str(prefix)}):
        output = make(baked, "install", path, **shell)

        assert "Poetry is in this environment and `poetry sync` would uninstall it" in output
        assert "Run: pip uninstall poetry && make poetry" in output
        assert "poetry runs" not in output
        assert output.endswith("exit status 2")


@each(COMBINATIONS[:1])
def test_make_poetry_installs_a_fixed_version_outside_any_environment(
    baked: BakedProject, tool: Tool
) -> None:
    pipx = tool("pipx")

    output = make(baked, "poetry", f"{pipx.parent}:{SYSTEM}")

    assert re.findall(r"^ran \S+ (.*)$", output, re.MULTILINE) == [
        f"install --force poetry=={version('poetry')}",
        f"inject --force poetry poetry-plugin-export=={version('poetry-plugin-export')}",
    ]


@each(COMBINATIONS[:1])
@pytest.mark.parametrize(
    ("shell", "active"),
    [
        ({"CONDA_DEFAULT_ENV": SLUG, "CONDA_PREFIX": "/envs/it"}, "/envs/it"),
        ({"CONDA_DEFAULT_ENV": "/srv/it", "CONDA_PREFIX": "/srv/it"}, "/srv/it"),
        (
            {"CONDA_DEFAULT_ENV": SLUG, "CONDA_PREFIX": "/envs/it", "VIRTUAL_ENV": "/envs/it"},
            "/envs/it",
        ),
        ({"VIRTUAL_ENV": "/venv"}, "/venv"),
    ],
    ids=["by name", "by path", "in poetry run", "a venv alone"],
)
def test_make_install_prints_the_environment_it_uses(
    baked: BakedProject, tmp_path: Path, shell: dict[str, str], active: str
) -> None:
    output = make(baked, "install", path_with_poetry(tmp_path, active), **shell)

    assert f"Installing into {active}\n" in output
    assert "poetry runs sync\n" in output


@each_combination
def test_the_dev_container_is_the_same_environment(baked: BakedProject) -> None:
    container = json.loads((baked.path / ".devcontainer/devcontainer.json").read_text("utf-8"))
    name = yaml.safe_load((baked.path / "environment.yml").read_text("utf-8"))["name"]

    assert container.keys() == {
        "name",
        "image",
        "remoteEnv",
        "onCreateCommand",
        "postCreateCommand",
    }
    create, pipx, poetry, activate = container["onCreateCommand"].split(" && ")
    assert create == "conda env create --file environment.yml"
    assert pipx == "/opt/conda/bin/pip install pipx"
    assert poetry == "make poetry"
    # In the image's own .bashrc, an earlier line activates `base`.
    assert activate == f"echo conda activate {name} >> ~/.bashrc"
    assert container["postCreateCommand"] == "make install"
    environment = container["remoteEnv"]
    assert environment["CONDA_DEFAULT_ENV"] == name
    assert environment["CONDA_PREFIX"] == f"/opt/conda/envs/{name}"
    assert environment["PATH"].startswith(environment["CONDA_PREFIX"] + "/bin:")
    assert environment["PATH"].endswith(":" + environment["PIPX_BIN_DIR"])


@each(COMBINATIONS[:1])
def test_targets_run_one_after_the_other_even_with_parallel_make(
    baked: BakedProject, tmp_path: Path
) -> None:
    for name in ("ruff", "pytest"):
        script = f'#!/bin/sh\necho "{name} $1 begins"\nsleep 0.2\necho "{name} $1 ends"\n'
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{SYSTEM}", "MAKEFLAGS": "-j4"}

    lines = baked.run("make", "fix", "test", env=environment).stdout.splitlines()

    printed = [line for line in lines if line.endswith(("begins", "ends"))]
    assert len(printed) == 6
    assert [line.replace("begins", "ends") for line in printed[::2]] == printed[1::2]
